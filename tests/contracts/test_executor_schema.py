"""What every driver does about the schema: altering it whole, one at a time, and seeing it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable, DropTable

from conductus.database.executor import Database
from conductus.errors import DatabaseUnreachable, QueryFailed, Unprocessable
from tests.contracts.library import (
    AUTHORS,
    BOOKS,
    ask,
    author,
    change,
    ddl,
    do,
    emails,
)
from tests.opening import opened

EXTRA = sa.Table("extra", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))


async def test_a_change_of_the_schema_shows_in_the_fingerprint(
    database: Database, database_url: str
) -> None:
    seen = [await database.fingerprint(), await database.fingerprint()]
    assert seen[0] == seen[1]
    async with opened(database_url) as other:
        for statement in (
            ddl(other, CreateTable(EXTRA)),
            "ALTER TABLE extra ADD COLUMN more INTEGER",
            "CREATE VIEW seen AS SELECT id FROM extra",
            "DROP VIEW seen",
            ddl(other, DropTable(EXTRA)),
        ):
            async with other.schema_transaction() as transaction:
                await transaction.execute(statement)
            seen.append(await database.fingerprint())
            assert seen[-1] != seen[-2], statement


@pytest.mark.parametrize("driver", ["mysql"])
async def test_so_does_another_character_set(database: Database, database_url: str) -> None:
    before = await database.fingerprint()
    async with opened(database_url) as other, other.schema_transaction() as transaction:
        await transaction.execute("ALTER TABLE authors CONVERT TO CHARACTER SET latin1")
    assert await database.fingerprint() != before


async def test_items_do_not_change_the_fingerprint(database: Database) -> None:
    before = await database.fingerprint()
    await change(database, author("a"))
    assert await database.fingerprint() == before


@pytest.mark.parametrize("driver", ["sqlite", "postgresql"])
async def test_a_failed_change_of_the_schema_leaves_nothing(database: Database) -> None:
    before = await database.fingerprint()

    async def failing() -> None:
        async with database.schema_transaction() as transaction:
            await do(transaction, database, author("lost"))
            await transaction.execute(ddl(database, CreateTable(EXTRA)))
            await transaction.execute(ddl(database, CreateTable(EXTRA)))

    with pytest.raises(QueryFailed):
        await failing()
    assert await database.fingerprint() == before
    assert await emails(database) == []


@pytest.mark.parametrize("driver", ["mysql"])
async def test_what_follows_ddl_on_mysql_is_kept_whole_or_not_at_all(database: Database) -> None:
    async def failing() -> None:
        async with database.schema_transaction() as transaction:
            await transaction.execute(ddl(database, CreateTable(EXTRA)))
            await do(transaction, database, author("lost"))
            await transaction.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(QueryFailed):
        await failing()
    assert await emails(database) == []
    assert await ask(database, sa.select(EXTRA)) == []


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_sqlite_tables_are_replaced_without_losing_what_refers_to_them(
    inhabited: Database,
) -> None:
    async with inhabited.schema_transaction() as transaction:
        await transaction.execute("CREATE TABLE authors_new (id INTEGER PRIMARY KEY, email TEXT)")
        await transaction.execute("INSERT INTO authors_new SELECT id, email FROM authors")
        await transaction.execute("DROP TABLE authors")
        await transaction.execute("ALTER TABLE authors_new RENAME TO authors")
    assert len(await ask(inhabited, sa.select(BOOKS.c.id))) == 1


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_references_that_were_broken_before_hinder_nothing(
    database: Database, database_url: str
) -> None:
    with closing(sqlite3.connect(sa.make_url(database_url).database or "")) as adopted:
        adopted.execute("CREATE TABLE odd (id INTEGER, far TEXT REFERENCES odd (id))")
        adopted.execute("INSERT INTO books (author) VALUES (99)")
        adopted.commit()
    for number in range(2):
        async with database.schema_transaction() as transaction:
            await transaction.execute(f"ALTER TABLE odd ADD COLUMN more{number} INTEGER")
    assert await ask(database, sa.text("SELECT more1 FROM odd")) == []


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_sqlite_refuses_to_leave_references_to_nobody(inhabited: Database) -> None:
    with pytest.raises(Unprocessable, match="do not exist"):
        async with inhabited.schema_transaction() as transaction:
            await do(transaction, inhabited, sa.delete(AUTHORS))
    assert await emails(inhabited) == ["taken", "other"]


async def test_ping_answers(database: Database) -> None:
    await database.ping()


async def test_changes_of_the_schema_go_one_after_the_other(
    database: Database, database_url: str
) -> None:
    log: list[str] = []

    async def alter(where: Database, name: str) -> None:
        async with where.schema_transaction() as transaction:
            log.append(name)
            await transaction.execute(f"CREATE TABLE {name} (id INTEGER)")
            await asyncio.sleep(0.05)
            log.append(name)

    async with opened(database_url) as other:
        await asyncio.gather(alter(database, "a"), alter(other, "b"), alter(database, "c"))
    assert log[0::2] == log[1::2]
    assert sorted(log[0::2]) == ["a", "b", "c"]


async def test_who_waits_too_long_for_the_schema_is_told(
    database: Database, database_url: str
) -> None:
    async with opened(database_url, busy_seconds=1) as hasty, database.schema_transaction():
        with pytest.raises(DatabaseUnreachable, match="locked"):
            async with hasty.schema_transaction():
                raise AssertionError("two at once")


async def test_a_table_is_altered_after_it_was_streamed(database: Database) -> None:
    await change(database, author("a"), author("b"))
    statement = database.dialect.compile(sa.select(AUTHORS.c.id))
    async with database.schema_transaction() as transaction:
        async with transaction.stream(statement.sql, (), 1) as batches:
            assert len(await anext(batches)) == 1
        await transaction.execute("ALTER TABLE authors ADD COLUMN added INTEGER")
    assert await ask(database, sa.text("SELECT added FROM authors WHERE id = 0")) == []
