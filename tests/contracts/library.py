"""A small library of books, for whoever talks to a `Database` itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from conductus.database.executor import Database, Row, Transaction

TABLES = sa.MetaData()
AUTHORS = sa.Table(
    "authors",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("email", sa.String(40), nullable=False, unique=True),
    sa.Column("name", sa.String(10)),
    sa.Column("number", sa.Integer, nullable=False, server_default=sa.text("0")),
    mysql_engine="InnoDB",
)
BOOKS = sa.Table(
    "books",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("author", sa.Integer, sa.ForeignKey(AUTHORS.c.id)),
    sa.Column("Shelf", sa.String(20)),
    sa.Column("place", sa.Integer),
    sa.Column("pages", sa.Integer, sa.CheckConstraint("pages >= 0")),
    sa.UniqueConstraint("Shelf", "place"),
    mysql_engine="InnoDB",
)
NOTES = sa.Table("notes", TABLES, sa.Column("words", sa.Text), mysql_engine="InnoDB")
ROWS = 400
"""As many authors as `filled` adds: their fourfold product is out of reach."""


async def ask(database: Database, statement: sa.ClauseElement) -> list[Row]:
    """The rows of a statement."""
    compiled = database.dialect.compile(statement)
    return await database.fetch(compiled.sql, compiled.values({}))


async def do(on: Transaction, database: Database, statement: sa.ClauseElement) -> int:
    """How many rows a statement touched."""
    compiled = database.dialect.compile(statement)
    return await on.execute(compiled.sql, compiled.values({}))


async def change(database: Database, *statements: sa.ClauseElement) -> None:
    """Statements in a transaction of their own."""
    async with database.transaction() as transaction:
        for statement in statements:
            await do(transaction, database, statement)


def ddl(database: Database, element: ExecutableDDLElement) -> str:
    """A DDL statement as the database's text."""
    return str(element.compile(dialect=database.dialect.sqlalchemy))


async def build(database: Database) -> None:
    """The library's tables."""
    async with database.schema_transaction() as transaction:
        for table in TABLES.sorted_tables:
            await transaction.execute(ddl(database, CreateTable(table)))
            for index in table.indexes:
                await transaction.execute(ddl(database, CreateIndex(index)))


async def fill(database: Database) -> None:
    """Enough authors for a query that does not end."""
    people = [{"email": f"{number}@example.org", "number": number} for number in range(ROWS)]
    await change(database, sa.insert(AUTHORS).values(people))


def author(email: str | None, **others: Any) -> sa.Insert:
    """An author more."""
    return sa.insert(AUTHORS).values(email=email, **others)


def endless() -> sa.Select[Any]:
    """A query that runs until it is stopped."""
    others = [AUTHORS.alias(name) for name in ("b", "c", "d", "e")]
    total = sa.func.sum(AUTHORS.c.number + others[0].c.number * others[1].c.number)
    return sa.select(total).select_from(AUTHORS, *others)


def many_rows() -> sa.Select[Any]:
    """160 000 rows, which the server makes as they are read."""
    other = AUTHORS.alias("b")
    return sa.select(AUTHORS.c.id, other.c.id, AUTHORS.c.email).select_from(AUTHORS, other)


async def emails(database: Database) -> list[str]:
    """The e-mail addresses of all authors, in order."""
    rows = await ask(database, sa.select(AUTHORS.c.email).order_by(AUTHORS.c.id))
    return [row[0] for row in rows]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Waits for a condition with a deadline."""
    deadline = monotonic() + seconds
    while not await condition():
        assert monotonic() < deadline, "this did not happen in time"
        await asyncio.sleep(0.01)
