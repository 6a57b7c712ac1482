"""Databases, empty or with a project, that are lent to one test after another.

To make a database of PostgreSQL is to make some 300 files, and to make the tables of a project
and to drop them costs a server ten times what it costs to look through them. So what a test has
added is dropped, rows that are not the first ones make room for these, and numbers begin where
they began. A database whose first tables are not what they were, or that holds what is no
table, is given up, and the next test gets a new one.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct
from sqlalchemy import make_url

from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database
from conductus.database.introspection import Table, introspect
from conductus.projects import rows
from conductus.schema.model import Kind
from tests.databases import Served, create, cut_off, drop, fresh_database, require
from tests.installed import put_project
from tests.opening import opened
from tests.passwords import hash_of
from tests.scenarios.shop import EMAIL, KEY, PASSWORD

OTHERS = {
    "postgresql": """
        SELECT nspname FROM pg_namespace
        WHERE nspname NOT IN ('public', 'information_schema') AND nspname NOT LIKE 'pg\\_%'
        UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT typname FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r')
        UNION ALL SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('m', 'f', 'p')
        UNION ALL SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'
    """,
    "mysql": """
        SELECT routine_name FROM information_schema.routines WHERE routine_schema = database()
    """,
}
"""What is in a database besides plain tables and views."""
NUMBERS = {
    "postgresql": """
        SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'
    """,
    # MySQL would tell what it knew a day ago.
    "mysql": """
        SELECT /*+ SET_VAR(information_schema_stats_expiry = 0) */ table_name, auto_increment
        FROM information_schema.tables
        WHERE table_schema = database() AND auto_increment IS NOT NULL
    """,
}
"""What numbers of rows are drawn from, and how far it is."""


class Contents(Struct, frozen=True):
    """What there is in a database."""

    tables: dict[str, Table]
    rows: dict[str, tuple[rows.Row, ...]]
    numbers: dict[str, int | None]


class Lent(Struct, frozen=True):
    """A database that is lent, and what was in it when it was new."""

    driver: Served
    url: str
    first: Contents


class Shelf:
    """The databases that no test has at the moment."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "project.db"
        self._empty: list[Lent] = []
        self._projects: dict[Served, list[Lent]] = {"postgresql": [], "mysql": []}

    @asynccontextmanager
    async def empty(self, driver: Driver, hint: str, folder: Path) -> AsyncIterator[str]:
        """The address of an empty database; a new one where that is as quick."""
        if driver != "postgresql":
            async with fresh_database(driver, hint, folder) as url:
                yield url
            return
        require(driver)
        async with _lent(self._empty, driver, with_project=False) as url:
            yield url

    @asynccontextmanager
    async def project(self, driver: Driver, hint: str, folder: Path) -> AsyncIterator[str]:
        """The address of a database with a project; SQLite's is a new copy of a file."""
        if driver == "sqlite":
            async with fresh_database(driver, hint, folder) as url:
                await self._copy(url)
                yield url
            return
        require(driver)
        async with _lent(self._projects[driver], driver, with_project=True) as url:
            yield url

    async def close(self) -> None:
        """Drops them all."""
        for idle in (self._empty, *self._projects.values()):
            while idle:
                lent = idle.pop()
                await drop(lent.driver, lent.url)

    async def _copy(self, url: str) -> None:
        if not self._file.exists():
            async with opened(f"sqlite:///{self._file}") as database:
                await put_project(database, KEY, EMAIL, hash_of(PASSWORD))
        path = make_url(url).database
        assert path is not None
        shutil.copyfile(self._file, path)


@asynccontextmanager
async def _lent(idle: list[Lent], driver: Served, *, with_project: bool) -> AsyncIterator[str]:
    lent = idle.pop() if idle else await _made(driver, with_project=with_project)
    try:
        yield lent.url
    finally:
        whole = False
        try:
            await cut_off(driver, lent.url)
            whole = await _put_back(lent)
        finally:
            if whole:
                idle.append(lent)
            else:
                await drop(driver, lent.url)


async def _made(driver: Served, *, with_project: bool) -> Lent:
    url = await create(driver, "lent")
    try:
        async with opened(url) as database:
            if with_project:
                await put_project(database, KEY, EMAIL, hash_of(PASSWORD))
            return Lent(driver, url, await _contents(database))
    except BaseException:
        await drop(driver, url)
        raise


async def _contents(database: Database) -> Contents:
    """Everything that is there."""
    tables = {table.name: table for table in await introspect(database)}
    return Contents(
        tables,
        {name: await _rows(database, table) for name, table in tables.items()},
        await _numbers(database),
    )


async def _rows(database: Database, table: Table) -> tuple[rows.Row, ...]:
    kinds = _kinds(table)
    return await rows.read(database, database.dialect, table.name, kinds, table.primary_key)


def _kinds(table: Table) -> dict[str, Kind]:
    return {column.name: column.kind for column in table.columns}


async def _numbers(database: Database) -> dict[str, int | None]:
    return dict(map(tuple, await database.fetch(NUMBERS[database.dialect.name])))


async def _put_back(lent: Lent) -> bool:
    """Makes the database what it was; False if it cannot be."""
    first = lent.first
    async with opened(lent.url) as database:
        found = {table.name: table for table in await introspect(database)}
        if {name: found.get(name) for name in first.tables} != first.tables:
            return False
        if await database.fetch(OTHERS[database.dialect.name]):
            return False
        await _drop(database, [table for name, table in found.items() if name not in first.tables])
        if (await _numbers(database)).keys() != first.numbers.keys():
            return False
        await _put_rows_back(database, first)
        await _put_numbers_back(database, first)
    return True


async def _drop(database: Database, tables: list[Table]) -> None:
    if not tables:
        return
    async with database.schema_transaction() as transaction:
        if database.dialect.name == "mysql":
            await transaction.execute("SET foreign_key_checks = 0")
        for table in sorted(tables, key=lambda table: not table.view):
            kind = "VIEW" if table.view else "TABLE"
            name = _quoted(database, table.name)
            await transaction.execute(f"DROP {kind} IF EXISTS {name} CASCADE")


async def _put_rows_back(database: Database, first: Contents) -> None:
    changed = [
        name
        for name, were in first.rows.items()
        if were and were != await _rows(database, first.tables[name])
    ]
    async with database.transaction() as transaction:
        # What is empty at first leans on what is not.
        for name in [*(name for name, were in first.rows.items() if not were), *changed]:
            await transaction.execute(f"DELETE FROM {_quoted(database, name)}")
        for name in changed:
            kinds = _kinds(first.tables[name])
            await rows.add(transaction, database.dialect, name, kinds, first.rows[name])


async def _put_numbers_back(database: Database, first: Contents) -> None:
    now = await _numbers(database)
    moved = {name: last for name, last in first.numbers.items() if last != now[name]}
    async with database.transaction() as transaction:
        for name, last in moved.items():
            quoted = _quoted(database, name)
            if database.dialect.name == "mysql":
                await transaction.execute(f"ALTER TABLE {quoted} AUTO_INCREMENT = {last}")
            elif last is None:
                await transaction.execute(f"ALTER SEQUENCE {quoted} RESTART")
            else:
                await transaction.fetch("SELECT setval($1::text::regclass, $2)", (quoted, last))


def _quoted(database: Database, name: str) -> str:
    return database.dialect.sqlalchemy.identifier_preparer.quote_identifier(name)
