"""The bench's own door to each database: make, fill, tidy and drop what it measures on.

Also says which operating system threads serve a database, so that their CPU time can be read.
The servers under test never use this; the limit has drivers of its own.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import asyncmy
import asyncpg
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

PREFIX = "conductus_bench_"

Rows = list[tuple[Any, ...]]


class Unreachable(Exception):
    """A database server does not answer, or not to us."""


class Thread(Struct, frozen=True):
    """A thread of a database server on this machine, found under `/proc`."""

    process: int
    task: int


class Database(Protocol):
    """One database made for a run."""

    @property
    def name(self) -> str:
        """Which kind it is: sqlite, postgresql, mariadb."""
        ...

    @property
    def url(self) -> str:
        """Where it is, as both Conductus and the limit are told."""
        ...

    @property
    def dialect(self) -> sa.Dialect:
        """How SQLAlchemy spells statements for it."""
        ...

    async def create(self) -> None:
        """Make it, empty; raises `Unreachable`."""
        ...

    async def drop(self) -> None:
        """Remove it."""
        ...

    async def execute(self, statements: Sequence[str]) -> None:
        """Run statements that take no values and give no rows."""
        ...

    async def insert(self, table: sa.Table, rows: Rows) -> None:
        """Fill a table that is empty; the keys of `rows` count from 1."""
        ...

    async def analyze(self, tables: Sequence[sa.Table]) -> None:
        """Let the planner know what the tables hold."""
        ...

    async def version(self) -> str:
        """The server's own name and version."""
        ...

    async def threads(self) -> list[Thread] | None:
        """The threads that serve this database now; none when they cannot be known."""
        ...


async def fill(database: Database, tables: Sequence[tuple[sa.Table, Rows]]) -> None:
    """Create the tables, then their rows, then the indexes and statistics."""
    dialect = database.dialect
    await database.execute([str(CreateTable(t).compile(dialect=dialect)) for t, _ in tables])
    for table, rows in tables:
        await database.insert(table, rows)
    indexes = [index for table, _ in tables for index in table.indexes]
    await database.execute([str(CreateIndex(index).compile(dialect=dialect)) for index in indexes])
    # Only now: what is known of an index that is made later is nothing, and plans follow it.
    await database.analyze([table for table, _ in tables])


class SQLite:
    """A file; the server under test runs the database in its own process."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        self.dialect: sa.Dialect = sqlite.dialect()

    async def create(self) -> None:
        """Make it, empty."""
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")

    async def drop(self) -> None:
        """Remove it."""
        for suffix in ("", "-wal", "-shm"):
            await asyncio.to_thread(Path(f"{self.path}{suffix}").unlink, missing_ok=True)

    async def execute(self, statements: Sequence[str]) -> None:
        """Run statements that take no values and give no rows."""
        with sqlite3.connect(self.path, timeout=30) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    async def insert(self, table: sa.Table, rows: Rows) -> None:
        """Fill a table that is empty."""
        statement = str(sa.insert(table).compile(dialect=self.dialect))
        with sqlite3.connect(self.path, timeout=30) as connection:
            connection.executemany(statement, (tuple(map(plain, row)) for row in rows))
        connection.close()

    async def analyze(self, tables: Sequence[sa.Table]) -> None:
        """Let the planner know what the tables hold."""
        await self.execute(["ANALYZE"])

    async def version(self) -> str:
        """The server's own name and version."""
        return f"SQLite {sqlite3.sqlite_version}"

    async def threads(self) -> list[Thread] | None:
        """The threads that serve it now; none when they cannot be known."""
        return None


def plain(value: Any) -> Any:
    """A value as SQLite keeps it."""
    match value:
        case Decimal():
            return float(value)
        case dt.datetime():
            return value.isoformat(" ")
        case dt.date():
            return value.isoformat()
        case _:
            return value


class PostgreSQL:
    """A database on a running PostgreSQL server."""

    name = "postgresql"

    def __init__(self, server: str, database: str) -> None:
        self.server = server
        self.database = database
        self.url = f"{server.rstrip('/')}/{database}"
        # SQLAlchemy leaves this factory untyped.
        self.dialect: sa.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

    async def create(self) -> None:
        """Make it, empty."""
        await self._on_server(f'CREATE DATABASE "{self.database}"')

    async def create_like(self, other: PostgreSQL) -> None:
        """Make it, with all that is in another one that nobody is connected to."""
        await self._on_server(f'CREATE DATABASE "{self.database}" TEMPLATE "{other.database}"')

    async def drop(self) -> None:
        """Remove it."""
        await self._on_server(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')

    async def _on_server(self, statement: str) -> None:
        try:
            connection = await asyncpg.connect(f"{self.server.rstrip('/')}/postgres", timeout=5)
        except (OSError, asyncpg.PostgresError) as error:
            raise Unreachable(f"PostgreSQL: {error}") from error
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def execute(self, statements: Sequence[str]) -> None:
        """Run statements that take no values and give no rows."""
        connection = await asyncpg.connect(self.url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def insert(self, table: sa.Table, rows: Rows) -> None:
        """Fill a table that is empty."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.copy_records_to_table(table.name, records=rows)
            await connection.fetchval(
                "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)", table.name, len(rows)
            )
        finally:
            await connection.close()

    async def analyze(self, tables: Sequence[sa.Table]) -> None:
        """Let the planner know what the tables hold."""
        await self.execute(["ANALYZE"])

    async def version(self) -> str:
        """The server's own name and version."""
        connection = await asyncpg.connect(self.url)
        try:
            return f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
        finally:
            await connection.close()

    async def threads(self) -> list[Thread] | None:
        """The threads that serve it now; none when they cannot be known."""
        connection = await asyncpg.connect(self.url)
        try:
            found = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
                self.database,
            )
        finally:
            await connection.close()
        return _here([Thread(row["pid"], row["pid"]) for row in found], "postgres")


class MariaDB:
    """A database on a running MariaDB or MySQL server."""

    name = "mariadb"

    def __init__(self, server: str, database: str) -> None:
        self.database = database
        self.url = f"{server.rstrip('/')}/{database}"
        self.dialect: sa.Dialect = mysql.dialect(paramstyle="format")

    async def create(self) -> None:
        """Make it, empty."""
        statement = f"CREATE DATABASE `{self.database}` CHARACTER SET utf8mb4"
        await self._run(self._server_options(), [statement])

    async def drop(self) -> None:
        """Remove it."""
        await self._run(self._server_options(), [f"DROP DATABASE IF EXISTS `{self.database}`"])

    async def execute(self, statements: Sequence[str]) -> None:
        """Run statements that take no values and give no rows."""
        await self._run(mysql_options(self.url), statements)

    def _server_options(self) -> dict[str, Any]:
        return {key: value for key, value in mysql_options(self.url).items() if key != "db"}

    async def _run(self, options: dict[str, Any], statements: Sequence[str]) -> None:
        try:
            connection = await asyncmy.connect(autocommit=True, **options)
        except (OSError, asyncmy.errors.MySQLError) as error:
            raise Unreachable(f"MariaDB: {error}") from error
        try:
            async with connection.cursor() as cursor:
                for statement in statements:
                    await cursor.execute(statement)
        finally:
            connection.close()

    async def insert(self, table: sa.Table, rows: Rows) -> None:
        """Fill a table that is empty."""
        statement = str(sa.insert(table).compile(dialect=self.dialect))
        connection = await asyncmy.connect(autocommit=True, **mysql_options(self.url))
        try:
            async with connection.cursor() as cursor:
                await connection.begin()
                await cursor.executemany(statement, rows)
                await connection.commit()
        finally:
            connection.close()

    async def analyze(self, tables: Sequence[sa.Table]) -> None:
        """Let the planner know what the tables hold."""
        await self.execute([f"ANALYZE TABLE {table.name}" for table in tables])

    async def version(self) -> str:
        """The server's own name and version."""
        rows = await self._rows("SELECT version()")
        return f"MariaDB/MySQL {rows[0][0]}"

    async def _rows(self, statement: str) -> Any:
        connection = await asyncmy.connect(autocommit=True, **mysql_options(self.url))
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(statement)
                return await cursor.fetchall()
        finally:
            connection.close()

    async def threads(self) -> list[Thread] | None:
        """The threads that serve it now; none when they cannot be known."""
        try:
            # MariaDB alone tells the operating system's number of a connection's thread.
            found = await self._rows(
                "SELECT TID FROM information_schema.PROCESSLIST"
                " WHERE DB = database() AND ID <> connection_id()"
            )
        except Exception:
            return None
        process = _process_named(("mariadbd", "mysqld"))
        if process is None:
            return None
        return [Thread(process, row[0]) for row in found]


def mysql_options(url: str) -> dict[str, Any]:
    """What asyncmy is told to connect to `mysql://user:password@host:port/database`."""
    parts = urlsplit(url)
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or 3306,
        "user": unquote(parts.username or "root"),
        "password": unquote(parts.password or ""),
        "db": parts.path.lstrip("/"),
        "charset": "utf8mb4",
    }


def _here(threads: list[Thread], name: str) -> list[Thread] | None:
    """The threads if they are of this machine: a server elsewhere has the same numbers."""
    return threads if all(_named(thread.process, (name,)) for thread in threads) else None


def _process_named(names: tuple[str, ...]) -> int | None:
    numbers = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return next((number for number in numbers if _named(number, names)), None)


def _named(process: int, names: tuple[str, ...]) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip() in names
    except OSError:
        return False
