"""How the catalogue modules ask: static statements, compiled once each, run by an executor."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor, Row


class Catalogue:
    """Asks a catalogue in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def fetch(self, executor: Executor, statement: sa.TextClause, **bound: Any) -> list[Row]:
        """The rows of a statement that is asked again and again."""
        compiled = self._dialect.compiled(statement.text, lambda: statement)
        return await executor.fetch(compiled.sql, compiled.values(bound))

    async def fetch_once(self, executor: Executor, statement: sa.ClauseElement) -> list[Row]:
        """The rows of a statement that was made for the occasion."""
        compiled = self._dialect.compile(statement)
        return await executor.fetch(compiled.sql, compiled.values({}))
