"""How the catalogue modules ask: static statements, compiled once each, run by an executor."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor, Row


class Catalogue:
    """Compiles a catalogue's statements for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def fetch(
        self, executor: Executor, statement: sa.ClauseElement, **bound: Any
    ) -> list[Row]:
        """The rows of a statement."""
        compiled = self._dialect.compile(statement)
        return await executor.fetch(compiled.sql, compiled.values(bound))
