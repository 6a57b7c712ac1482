"""Brief transactions that come together: some drivers commit them as one, and none shows it.

Each is all there or not at all, whatever becomes of the others.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa

from conductus.database.executor import Database, Transaction
from conductus.database.insisting import insist
from conductus.database.sqlite import SQLiteDatabase
from conductus.errors import ApiError, DuplicateValue, Unprocessable
from tests.contracts.library import AUTHORS, ask, author, change, do, emails
from tests.opening import opened

Work = Callable[[Transaction], Awaitable[None]]


async def brief(database: Database, work: Work) -> str:
    """What becomes of a brief transaction, run again while it is given up."""

    async def attempt() -> str:
        async with database.transaction(brief=True) as transaction:
            await work(transaction)
        return "kept"

    try:
        return await insist(attempt)
    except ApiError as error:
        return type(error).__name__


def adding(database: Database, *addresses: str) -> Work:
    async def work(transaction: Transaction) -> None:
        for address in addresses:
            await do(transaction, database, author(address))

    return work


async def test_all_of_many_are_kept(database: Database) -> None:
    names = [f"author {number}" for number in range(100)]
    outcomes = await asyncio.gather(*(brief(database, adding(database, name)) for name in names))
    assert set(outcomes) == {"kept"}
    assert set(await emails(database)) == set(names)


@pytest.mark.parametrize("place", [0, 3, 9])
async def test_one_that_fails_takes_nothing_along(database: Database, place: int) -> None:
    await change(database, author("taken"))
    works = [adding(database, f"a{number}", f"b{number}") for number in range(10)]
    works[place] = adding(database, "lost", "taken")
    outcomes = await asyncio.gather(*(brief(database, work) for work in works))
    kept = [number for number in range(10) if number != place]
    assert [number for number, told in enumerate(outcomes) if told == "kept"] == kept
    assert outcomes[place] == DuplicateValue.__name__
    expected = {"taken", *(f"{letter}{number}" for letter in "ab" for number in kept)}
    assert set(await emails(database)) == expected


async def test_one_that_fails_before_it_writes_is_told_so(database: Database) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch("SELECT email FROM authors")
        raise Unprocessable("No")

    works = [adding(database, "a"), work, adding(database, "b")]
    outcomes = await asyncio.gather(*(brief(database, each) for each in works))
    assert outcomes == ["kept", Unprocessable.__name__, "kept"]
    assert set(await emails(database)) == {"a", "b"}


async def test_of_two_that_want_the_same_one_is_refused(database: Database) -> None:
    works = [adding(database, "mine", f"of {number}") for number in range(2)]
    outcomes = await asyncio.gather(*(brief(database, work) for work in works))
    assert sorted(outcomes) == [DuplicateValue.__name__, "kept"]
    winner = outcomes.index("kept")
    assert set(await emails(database)) == {"mine", f"of {winner}"}


async def test_one_whose_client_hangs_up_holds_nobody_up(database: Database) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def work(transaction: Transaction) -> None:
        await do(transaction, database, author("gone"))
        begun.set()
        await never.wait()

    first = asyncio.create_task(brief(database, adding(database, "first")))
    hanging = asyncio.create_task(brief(database, work))
    await begun.wait()
    last = asyncio.create_task(brief(database, adding(database, "last")))
    await asyncio.sleep(0)
    hanging.cancel()
    assert {await first, await last} == {"kept"}
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert set(await emails(database)) == {"first", "last"}


async def test_the_commit_goes_on_when_one_who_waits_for_it_hangs_up(database: Database) -> None:
    works = [asyncio.create_task(brief(database, adding(database, name))) for name in "abc"]
    for _ in range(3):
        await asyncio.sleep(0)
    works[1].cancel()
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    assert [outcomes[0], outcomes[2]] == ["kept", "kept"]
    assert {"a", "c"} <= set(await emails(database)) <= {"a", "b", "c"}


async def test_others_come_in_between(database: Database, database_url: str) -> None:
    async def alter() -> str:
        async with database.schema_transaction() as transaction:
            await transaction.execute("CREATE TABLE later (id INTEGER)")
        return "kept"

    async def long() -> str:
        await change(database, author("long"))
        return "kept"

    names = [f"author {number}" for number in range(20)]
    works = [brief(database, adding(database, name)) for name in names]
    outcomes = await asyncio.gather(*works[:7], alter(), *works[7:14], long(), *works[14:])
    assert set(outcomes) == {"kept"}
    async with opened(database_url) as other:
        assert set(await emails(other)) == {*names, "long"}
        assert await other.fetch("SELECT id FROM later") == []


@pytest.mark.parametrize("driver", ["sqlite", "postgresql"])
async def test_what_is_found_at_the_commit_is_told_to_who_caused_it(database: Database) -> None:
    async with database.schema_transaction() as transaction:
        await transaction.execute(
            "CREATE TABLE fans (id INTEGER PRIMARY KEY, author INTEGER"
            " REFERENCES authors (id) DEFERRABLE INITIALLY DEFERRED)"
        )

    async def work(transaction: Transaction) -> None:
        await transaction.execute("INSERT INTO fans (id, author) VALUES (1, 4711)")

    works = [adding(database, "a"), work, adding(database, "b")]
    outcomes = await asyncio.gather(*(brief(database, each) for each in works))
    assert outcomes == ["kept", Unprocessable.__name__, "kept"]
    assert set(await emails(database)) == {"a", "b"}
    assert await database.fetch("SELECT id FROM fans") == []


async def test_a_database_that_closes_keeps_what_was_begun(database_url: str) -> None:
    async with opened(database_url) as database:
        async with database.schema_transaction() as transaction:
            await transaction.execute("CREATE TABLE last_words (words INTEGER)")

        async def work(transaction: Transaction) -> None:
            await transaction.execute("INSERT INTO last_words VALUES (1)")

        works = [asyncio.create_task(brief(database, work)) for _ in range(5)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*works)
    async with opened(database_url) as again:
        ((found,),) = await again.fetch("SELECT COUNT(*) FROM last_words")
    assert found == outcomes.count("kept")


@pytest.mark.parametrize("driver", ["sqlite"])
@pytest.mark.parametrize("synchronous", ["normal", "full"])
async def test_sqlite_commits_many_at_once(
    database: SQLiteDatabase, database_url: str, synchronous: str
) -> None:
    async with opened(f"{database_url}?synchronous={synchronous}") as writing:
        assert isinstance(writing, SQLiteDatabase)
        said: list[str] = []
        writing._writer.link.raw.set_trace_callback(said.append)
        names = [f"author {number}" for number in range(20)]
        works = [brief(writing, adding(writing, name)) for name in names]
        assert set(await asyncio.gather(*works)) == {"kept"}
        assert said.count("COMMIT") < 10
    ((number,),) = await ask(database, sa.select(sa.func.count(AUTHORS.c.id)))
    assert number == 20


class Refusing:
    """A connection of SQLite that once does not undo."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.refused = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def execute(self, sql: str, *values: Any) -> Any:
        if sql == "ROLLBACK" and not self.refused:
            self.refused = True
            raise sqlite3.OperationalError("disk I/O error")
        return self._raw.execute(sql, *values)


@pytest.mark.parametrize("driver", ["sqlite"])
@pytest.mark.parametrize("together", [False, True])
async def test_what_could_not_be_undone_is_undone_before_the_next(
    database: SQLiteDatabase, together: bool
) -> None:
    link = database._writer.link
    link.raw = refusing = Refusing(link.raw)  # type: ignore[assignment]
    await asyncio.gather(*(brief(database, adding(database, name)) for name in ("a", "b")))

    async def work(transaction: Transaction) -> None:
        await do(transaction, database, author("lost"))
        raise Unprocessable("No")

    works = [adding(database, "c"), work] if together else [work]
    told = await asyncio.gather(*(brief(database, each) for each in works), return_exceptions=True)
    assert refusing.refused
    assert "kept" not in told[len(works) - 1 :]
    assert await brief(database, adding(database, "next")) == "kept"
    assert set(await emails(database)) == {"a", "b", "next", *("c" for _ in works[1:])}
