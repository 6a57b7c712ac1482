"""The databases that the tests run on: what is there, and a fresh one for who asks.

The only place that knows where the servers are, and the only one that decides
what an absent server means: a skip with its reason on a developer's machine, a
failure where `CI=true`. The servers are looked for once in each process.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext, suppress
from enum import StrEnum
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import asyncmy
import asyncpg
import pytest
from asyncmy.constants import ER
from msgspec import Struct
from sqlalchemy import DDL, URL, make_url

if TYPE_CHECKING:
    # Not when it runs: the frame stands though what it holds is broken.
    from conductus.database.dialect import Name as Driver

Served = Literal["postgresql", "mysql"]
"""The databases that have servers."""
DRIVERS: tuple[Driver, ...] = ("sqlite", "postgresql", "mysql")
PATIENCE_SECONDS = 5
CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"


class SkipReason(StrEnum):
    """Why a test may be left out. A test that is skipped for any other reason fails."""

    POSTGRESQL_NOT_FOUND = "PostgreSQL was not found: see CONDUCTUS_TEST_POSTGRESQL_URL"
    MYSQL_NOT_FOUND = "MariaDB or MySQL was not found: see CONDUCTUS_TEST_MYSQL_URL"
    REDIS_NOT_FOUND = "Redis was not found: see CONDUCTUS_TEST_REDIS_URL"
    BACKUP_TOOLS_NOT_FOUND = "The database's tools for backups were not found"
    DATABASE_PROGRAMS_NOT_FOUND = "The programs of the database servers were not found"
    NODE_NOT_FOUND = "node and npm were not found: nothing was tried that needs them"
    CHROMIUM_NOT_FOUND = "chromium was not found: no page was shown to it"
    CONSOLE_NOT_BUILT = "The GraphQL console is not built, see `make console`: it was not tried"
    PACKAGES_NOT_FETCHED = "npm could not fetch what the tests run in node: it was not tried"


class Server(Struct, frozen=True):
    """A server as it was found; `version` is None where none answered."""

    name: str
    version: str | None
    address: str
    trouble: str = ""


class Servers(Struct, frozen=True):
    """Everything the tests can lean on."""

    sqlite: Server
    postgresql: Server
    mysql: Server
    redis: Server

    def line(self) -> str:
        """Names and versions, for the head of a test run."""
        every = (self.sqlite, self.postgresql, self.mysql, self.redis)
        return ", ".join(f"{one.name} {one.version or 'NOT FOUND'}" for one in every)

    def absent(self) -> dict[SkipReason, Server]:
        """The databases that tests must do without. Redis is none: see `require_redis`."""
        found = {
            SkipReason.POSTGRESQL_NOT_FOUND: self.postgresql,
            SkipReason.MYSQL_NOT_FOUND: self.mysql,
        }
        return {reason: server for reason, server in found.items() if server.version is None}


@cache
def servers() -> Servers:
    """Which servers answer, asked once in each process."""
    # In a thread of its own, as the first to ask may be inside a running loop.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _look_around()).result()


def in_ci() -> bool:
    """Whether an absent database is a failure."""
    return os.environ.get("CI") == "true"


def require(driver: Driver) -> None:
    """Leave the test here if its database is not there."""
    reasons: dict[Driver, SkipReason] = {
        "postgresql": SkipReason.POSTGRESQL_NOT_FOUND,
        "mysql": SkipReason.MYSQL_NOT_FOUND,
    }
    reason = reasons.get(driver)
    server = servers().absent().get(reason) if reason else None
    if reason is None or server is None:
        return
    if in_ci():
        pytest.fail(f"{reason} ({server.address}: {server.trouble})", pytrace=False)
    pytest.skip(reason)


def require_redis() -> None:
    """Leave the test here if Redis is not there, in CI as well: nothing else leans on it."""
    if servers().redis.version is None:
        pytest.skip(SkipReason.REDIS_NOT_FOUND)


@asynccontextmanager
async def fresh_database(
    driver: Driver, name_hint: str = "", folder: Path | None = None
) -> AsyncIterator[str]:
    """The address of a new, empty database that is gone afterwards.

    `folder` is where SQLite's file goes; without it, a temporary one. What is
    still connected when the block ends is cut off.
    """
    require(driver)
    if driver == "sqlite":
        with nullcontext(folder) if folder else TemporaryDirectory() as place:
            path = Path(place) / f"{_name(name_hint)}.db"
            yield URL.create("sqlite", database=str(path.resolve())).render_as_string()
        return
    url = await create(driver, name_hint)
    try:
        yield url
    finally:
        await drop(driver, url)


async def create(driver: Served, name_hint: str) -> str:
    """Makes a new, empty database of a server, and tells its address."""
    name = _name(name_hint)
    return await (_postgresql_create if driver == "postgresql" else _mysql_create)(name)


async def drop(driver: Served, url: str) -> None:
    """Drops the database at `url`; what is still connected is cut off."""
    name = make_url(url).database
    assert name is not None
    await (_postgresql_drop if driver == "postgresql" else _mysql_drop)(name)


async def cut_off(driver: Driver, url: str) -> None:
    """Ends every connection to the database at `url`."""
    name = make_url(url).database
    assert name is not None
    match driver:
        case "sqlite":
            pass
        case "postgresql":
            async with _postgresql() as connection:
                await connection.execute(CUT_OFF, name)
        case "mysql":
            async with _mysql() as cursor:
                await _mysql_cut_off(cursor, name)


def postgresql_url() -> URL:
    """Where PostgreSQL is."""
    return make_url(
        os.environ.get("CONDUCTUS_TEST_POSTGRESQL_URL")
        # Of connections by the thousand, TLS would be half the cost.
        or "postgresql://postgres@127.0.0.1:5432/postgres?sslmode=disable"
    )


def mysql_url() -> URL:
    """Where MariaDB or MySQL is."""
    return make_url(
        os.environ.get("CONDUCTUS_TEST_MYSQL_URL") or "mysql://root@127.0.0.1:3306/mysql"
    )


def redis_url() -> URL:
    """Where Redis or Valkey is."""
    return make_url(os.environ.get("CONDUCTUS_TEST_REDIS_URL") or "redis://127.0.0.1:6379/0")


def _name(hint: str) -> str:
    # Not from `random`: every test starts it from the same seed.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    words = re.sub(r"[^a-z0-9]+", "_", hint.lower()).strip("_")[:20]
    return "_".join(filter(None, ("conductus_test", worker, words, secrets.token_hex(6))))


def _statement(text: str, name: str, url: URL) -> str:
    dialect = url.get_dialect()()
    quoted = dialect.identifier_preparer.quote(name)
    # SQLAlchemy leaves this one class without types.
    ddl = DDL(text, context={"name": quoted})  # type: ignore[no-untyped-call]
    return str(ddl.compile(dialect=dialect))


@asynccontextmanager
async def _postgresql() -> AsyncIterator[Any]:
    # Handed over in parts: asyncpg's own reading of an address differs from SQLAlchemy's.
    url = postgresql_url()
    connection = await asyncpg.connect(
        host=url.host,
        port=url.port or 5432,
        user=url.username,
        password=url.password,
        database=url.database,
        ssl=url.query.get("sslmode"),
        timeout=PATIENCE_SECONDS,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def _postgresql_create(name: str) -> str:
    url = postgresql_url()
    # The default strategy since version 15, WAL_LOG, was measured at half the
    # time of FILE_COPY for creating and at a third for dropping.
    create = _statement("CREATE DATABASE %(name)s TEMPLATE template0", name, url)
    # Of a second, as it is otherwise, those who lock each other out wait each time.
    hasten = _statement("ALTER DATABASE %(name)s SET deadlock_timeout = '100ms'", name, url)
    async with _postgresql() as connection:
        await connection.execute(create)
        with suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute(hasten)
    return url.set(database=name).render_as_string(hide_password=False)


async def _postgresql_drop(name: str) -> None:
    drop = _statement("DROP DATABASE %(name)s WITH (FORCE)", name, postgresql_url())
    async with _postgresql() as connection:
        await connection.execute(drop)


@asynccontextmanager
async def _mysql() -> AsyncIterator[Any]:
    url = mysql_url()
    connection = await asyncmy.connect(
        host=url.host,
        port=url.port or 3306,
        user=url.username,
        password=url.password or "",
        connect_timeout=PATIENCE_SECONDS,
    )
    try:
        async with connection.cursor() as cursor:
            yield cursor
    finally:
        await connection.ensure_closed()


async def _mysql_create(name: str) -> str:
    url = mysql_url()
    async with _mysql() as cursor:
        await cursor.execute(
            _statement("CREATE DATABASE %(name)s CHARACTER SET utf8mb4", name, url)
        )
    return url.set(database=name).render_as_string(hide_password=False)


async def _mysql_drop(name: str) -> None:
    async with _mysql() as cursor:
        await _mysql_cut_off(cursor, name)
        await cursor.execute(_statement("DROP DATABASE %(name)s", name, mysql_url()))


async def _mysql_cut_off(cursor: Any, name: str) -> None:
    # A transaction left open would make the drop wait for it.
    await cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
    for (connection_id,) in await cursor.fetchall():
        try:
            await cursor.execute("KILL %s", (connection_id,))
        except asyncmy.errors.Error as error:
            if error.args[0] != ER.NO_SUCH_THREAD:
                raise


async def _look_around() -> Servers:
    return Servers(
        sqlite=Server("SQLite", sqlite3.sqlite_version, "in this process"),
        postgresql=await _look("PostgreSQL", postgresql_url(), _postgresql_version),
        mysql=await _look("MariaDB", mysql_url(), _mysql_version),
        redis=await _look("Redis", redis_url(), _redis_version),
    )


async def _look(name: str, url: URL, version: Callable[[], Awaitable[str]]) -> Server:
    address = url.render_as_string()
    try:
        return Server(name, await asyncio.wait_for(version(), PATIENCE_SECONDS), address)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncmy.errors.Error) as error:
        return Server(name, None, address, f"{type(error).__name__}: {error}")


async def _postgresql_version() -> str:
    async with _postgresql() as connection:
        return str(await connection.fetchval("SHOW server_version"))


async def _mysql_version() -> str:
    async with _mysql() as cursor:
        await cursor.execute("SELECT version()")
        (version,) = await cursor.fetchone()
        return str(version)


async def _redis_version() -> str:
    url = redis_url()
    reader, writer = await asyncio.open_connection(url.host, url.port or 6379)
    try:
        writer.write(b"INFO server\r\n")
        async for line in reader:
            if line.startswith(b"redis_version:"):
                return line.removeprefix(b"redis_version:").decode().strip()
            if line.startswith(b"-"):
                break
        raise OSError("it does not tell its version")
    finally:
        writer.close()
