"""The Chinook sample database, put into an empty database as its makers publish it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import asyncmy
import asyncpg
from sqlalchemy import URL, make_url

from conductus.database.dialect import Name as Driver

DATA = Path(__file__).parent / "data" / "chinook"


async def put_chinook(driver: Driver, address: str) -> None:
    """Makes and fills the eleven tables."""
    url = make_url(address)
    script = _script(driver)
    match driver:
        case "sqlite":
            with sqlite3.connect(url.database or "") as connection:
                connection.executescript(script)
            connection.close()
        case "postgresql":
            await _postgresql(url, script)
        case "mysql":
            await _mysql(url, script)


def _script(driver: Driver) -> str:
    text = (DATA / f"chinook-{driver}.sql").read_text(encoding="utf-8-sig")
    # The database is there already, and it has another name.
    return re.sub(r"^(DROP DATABASE|CREATE DATABASE|USE|\\c)\b.*$", "", text, flags=re.MULTILINE)


async def _postgresql(url: URL, script: str) -> None:
    connection = await asyncpg.connect(
        host=url.host,
        port=url.port or 5432,
        user=url.username,
        password=url.password,
        database=url.database,
    )
    try:
        await connection.execute(script)
    finally:
        await connection.close()


async def _mysql(url: URL, script: str) -> None:
    connection = await asyncmy.connect(
        host=url.host,
        port=url.port or 3306,
        user=url.username,
        password=url.password or "",
        database=url.database,
        charset="utf8mb4",
    )
    try:
        async with connection.cursor() as cursor:
            for statement in re.split(r";\s*\n", script):
                if re.sub(r"/\*.*?\*/", "", statement, flags=re.DOTALL).strip():
                    await cursor.execute(statement)
        await connection.commit()
    finally:
        await connection.ensure_closed()
