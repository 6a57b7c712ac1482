"""The three bare drivers that the limit runs its statements on.

Statements are written with `?`; each driver gets them in its own spelling once, at the start.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

import asyncmy
import asyncpg

from bench.databases import mysql_options

CONNECTIONS = 8

Row = Sequence[Any]
Kind = Literal["sqlite", "postgresql", "mariadb"]


class Session(Protocol):
    """One connection in use."""

    async def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        """All rows of a statement."""
        ...


class Driver(Protocol):
    """A driver with its open connections."""

    kind: Kind

    def spelled(self, sql: str) -> str:
        """A statement in the driver's spelling of placeholders."""
        ...

    def session(self) -> Any:
        """An async context with a session that commits each statement."""
        ...

    def transaction(self) -> Any:
        """An async context with a session that is committed as a whole."""
        ...


async def connected(url: str) -> Driver:
    """The driver that a database URL asks for, connected."""
    kind, _, rest = url.partition("://")
    match kind:
        case "sqlite":
            return _SQLiteDriver(rest.removeprefix("/"))
        case "postgresql":
            return _PostgreSQLDriver([await asyncpg.connect(url) for _ in range(CONNECTIONS)])
        case _:
            options = mysql_options(url)
            opened = [await asyncmy.connect(autocommit=True, **options) for _ in range(CONNECTIONS)]
            return _MariaDBDriver(opened)


class _SQLiteDriver:
    """The standard library's driver, inline in the event loop."""

    kind: Kind = "sqlite"

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")

    def spelled(self, sql: str) -> str:
        return sql

    async def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        return self._connection.execute(sql, values).fetchall()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        # Nothing in between waits, so no other request comes in on this connection.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


class _Lender:
    """Lends each connection to one request at a time."""

    def __init__(self, connections: Sequence[Any]) -> None:
        self._free: asyncio.LifoQueue[Any] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(connection)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Any]:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)


class _PostgreSQLDriver:
    """asyncpg, which keeps prepared statements by itself."""

    kind: Kind = "postgresql"

    def __init__(self, connections: Sequence[Any]) -> None:
        self._lender = _Lender([_PostgreSQLSession(connection) for connection in connections])

    def spelled(self, sql: str) -> str:
        return _numbered(sql)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        async with self._lender.lent() as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        async with self._lender.lent() as session, session.connection.transaction():
            yield session


class _PostgreSQLSession:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        found: Sequence[Row] = await self.connection.fetch(sql, *values)
        return found


def _numbered(sql: str) -> str:
    numbers = itertools.count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", sql)


class _MariaDBDriver:
    """asyncmy, which binds values in the client."""

    kind: Kind = "mariadb"

    def __init__(self, connections: Sequence[Any]) -> None:
        self._lender = _Lender([_MariaDBSession(connection) for connection in connections])

    def spelled(self, sql: str) -> str:
        return sql.replace("%", "%%").replace("?", "%s")

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        async with self._lender.lent() as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        async with self._lender.lent() as session:
            await session.connection.begin()
            try:
                yield session
            except BaseException:
                await session.connection.rollback()
                raise
            await session.connection.commit()


class _MariaDBSession:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        async with self.connection.cursor() as cursor:
            await cursor.execute(sql, values)
            found: Sequence[Row] = await cursor.fetchall()
            return found


Converter = Callable[[Any], Any]


def moment_text(moment: dt.datetime | None) -> str | None:
    """A datetime as the API writes it."""
    return moment.isoformat(" ") if moment is not None else None


def moment_value(text: str | None) -> dt.datetime | None:
    """The datetime that the API's text stands for."""
    return dt.datetime.fromisoformat(text) if text is not None else None


def day_value(text: str | None) -> dt.date | None:
    """The date that the API's text stands for."""
    return dt.date.fromisoformat(text) if text is not None else None
