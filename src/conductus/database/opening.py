"""From an address to an open database: the one place that chooses a driver.

A driver's library is imported only when an address asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conductus.database.url import parse

if TYPE_CHECKING:
    from conductus.database.executor import Database


async def open_database(
    url: str,
    *,
    pool_size: int = 10,
    statement_seconds: float = 30,
    busy_seconds: float = 10,
) -> Database:
    """The database at `url`, connected to and answering.

    At most `pool_size` connections are open at once. A statement is stopped after
    `statement_seconds`; nobody waits longer than `busy_seconds` for a connection or a
    lock. Raises `DatabaseUnusable` for an address that cannot be right and
    `DatabaseUnreachable` where nobody answers.
    """
    parsed = parse(url)
    match parsed.driver:
        case "sqlite":
            from conductus.database.sqlite import SQLiteDatabase

            return await SQLiteDatabase.open(parsed, pool_size, statement_seconds, busy_seconds)
        case "postgresql":
            from conductus.database.postgresql import PostgreSQLDatabase

            return await PostgreSQLDatabase.open(parsed, pool_size, statement_seconds, busy_seconds)
        case "mysql":
            from conductus.database.mysql import MySQLDatabase

            return await MySQLDatabase.open(parsed, pool_size, statement_seconds, busy_seconds)
