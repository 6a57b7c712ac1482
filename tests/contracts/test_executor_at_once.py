"""What every driver does when several write at once, in one process or in many."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
import sqlalchemy as sa

from conductus.database.executor import Database
from tests.contracts.library import AUTHORS, ask, author, change, do, emails
from tests.opening import opened


async def test_many_writers_lose_nothing(database: Database, database_url: str) -> None:
    await change(database, author("counter"))
    more = sa.update(AUTHORS).values(number=AUTHORS.c.number + 1)

    async def count(where: Database) -> None:
        for _ in range(5):
            await change(where, more)

    async with opened(database_url, pool_size=4) as other:
        await asyncio.gather(*(count(one) for one in (database, other) * 5))
    ((number,),) = await ask(database, sa.select(AUTHORS.c.number))
    assert number == 50


WRITER = """
import asyncio, sys
from conductus.database.opening import open_database

async def main() -> None:
    database = await open_database(sys.argv[1], busy_seconds=30)
    for _ in range(100):
        async with database.transaction() as transaction:
            await transaction.execute("UPDATE authors SET number = number + 1")
    await database.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_processes_write_to_one_file_at_once(database: Database, database_url: str) -> None:
    await change(database, author("counter"))
    command = [sys.executable, "-c", WRITER, database_url]
    writers = [await asyncio.create_subprocess_exec(*command) for _ in range(3)]
    assert [await writer.wait() for writer in writers] == [0, 0, 0]
    ((number,),) = await ask(database, sa.select(AUTHORS.c.number))
    assert number == 300


DYING = """
import asyncio, os, sys
from conductus.database.opening import open_database

async def main() -> None:
    database = await open_database(sys.argv[1])
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO authors (email) VALUES ('lost')")
        os._exit(7)

asyncio.run(main())
"""


async def test_a_process_that_dies_in_a_transaction_leaves_nothing(
    database: Database, database_url: str
) -> None:
    command = [sys.executable, "-c", DYING, database_url]
    assert (await asyncio.to_thread(subprocess.run, command, check=False)).returncode == 7
    await change(database, author("after"))
    assert await emails(database) == ["after"]


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
async def test_of_two_that_wait_for_each_other_one_is_told_to_run_again(
    database: Database,
) -> None:
    await change(database, author("one"), author("two"))
    both = asyncio.Barrier(2)

    async def touch(first: str, second: str) -> str:
        async with database.transaction() as transaction:
            for email in (first, second):
                update = sa.update(AUTHORS).where(AUTHORS.c.email == email)
                await do(transaction, database, update.values(number=AUTHORS.c.number + 1))
                if email == first:
                    await both.wait()
        return "kept"

    outcomes = await asyncio.gather(
        touch("one", "two"), touch("two", "one"), return_exceptions=True
    )
    assert sorted(map(_outcome, outcomes)) == ["TransactionConflict", "kept"]
    numbers = [row[0] for row in await ask(database, sa.select(AUTHORS.c.number))]
    assert numbers == [1, 1]


def _outcome(outcome: str | BaseException) -> str:
    return outcome if isinstance(outcome, str) else type(outcome).__name__
