"""Projects in new databases, by the hundred: what `install` does is worked out once.

To word some forty tables and their first rows costs several times what it costs to make them.
So each process lets `install` do it once on each kind of database and hears what it runs;
the same statements, with the same values, are run in every other new database.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database, Transaction
from conductus.errors import NotInstalled
from conductus.projects.install import Administrator, check_installed, install
from conductus.schema.system import load_system

Statements = list[tuple[str, Sequence[Any]]]
_HEARD: dict[tuple[Driver, str, str, str], Statements] = {}
"""By database, name of the project and who administrates it."""


async def put_project(database: Database, name: str, email: str, password_hash: str) -> None:
    """What `install` leaves in a database; where it was before, it is asked itself."""
    key = (database.dialect.name, name, email, password_hash)
    administrator = Administrator(email, password_hash)
    if await _holds_one(database, name):
        await install(database, load_system(), name, administrator, insist=False)
    elif key in _HEARD:
        async with database.schema_transaction() as transaction:
            for sql, values in _HEARD[key]:
                await transaction.execute(sql, values)
    else:
        overheard = Overheard(database)
        # Of a database, `install` asks for no more than this.
        heard_from = cast("Database", overheard)
        await install(heard_from, load_system(), name, administrator, insist=False)
        _HEARD[key] = overheard.statements


async def _holds_one(database: Database, name: str) -> bool:
    try:
        await check_installed(database, name)
    except NotInstalled:
        return False
    return True


class Overheard:
    """A database, and every statement that changes the schema or the rows of it."""

    def __init__(self, database: Database) -> None:
        self.dialect = database.dialect
        self.statements: Statements = []
        self._database = database

    @asynccontextmanager
    async def schema_transaction(self) -> AsyncIterator[Transaction]:
        async with self._database.schema_transaction() as transaction:
            # Nor of a transaction: it asks, and it executes.
            yield cast("Transaction", _Ear(transaction, self.statements))


class _Ear:
    def __init__(self, transaction: Transaction, statements: Statements) -> None:
        self.fetch = transaction.fetch
        self._transaction = transaction
        self._statements = statements

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        self._statements.append((sql, tuple(values)))
        return await self._transaction.execute(sql, values)
