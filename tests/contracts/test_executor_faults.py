"""What every driver does when things go wrong, take long or happen at once."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing, suppress
from secrets import token_hex
from time import perf_counter

import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database
from conductus.database.opening import open_database
from conductus.errors import DatabaseUnreachable, DatabaseUnusable, QueryTooSlow
from tests.contracts.library import (
    AUTHORS,
    ask,
    author,
    build,
    change,
    do,
    emails,
    endless,
    fill,
    many_rows,
    until,
)
from tests.loops import LOOPS
from tests.opening import opened


@pytest.fixture(params=LOOPS, scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """On either loop."""
    return request.param


SERVERS: tuple[Driver, ...] = ("postgresql", "mysql")
SESSION = {
    "postgresql": "SELECT pg_backend_pid()",
    "mysql": "SELECT connection_id()",
}
KILL = {
    "postgresql": "SELECT pg_terminate_backend({})",
    "mysql": "KILL {}",
}
OTHERS_AT_WORK = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database() "
    "AND command = 'Query' AND id <> connection_id()",
}
OTHERS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database() "
    "AND id <> connection_id()",
}


async def idle(database: Database, watcher: Database) -> None:
    """Waits until nothing of what `database` began is running."""
    name = database.dialect.name
    if name == "sqlite":
        # A reader that is still at work keeps the log from being emptied.
        ((_, _, path),) = await watcher.fetch("PRAGMA database_list")

        async def emptied() -> bool:
            with closing(sqlite3.connect(path)) as connection:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return bool(busy == 0)

        await until(emptied)
        return

    async def nobody() -> bool:
        ((count,),) = await watcher.fetch(OTHERS_AT_WORK[name])
        return bool(count == 0)

    await until(nobody)


# -- long statements --------------------------------------------------------------------


async def test_a_long_read_blocks_nobody(database: Database) -> None:
    await fill(database)
    gaps: list[float] = []

    async def heart() -> None:
        while True:
            began = perf_counter()
            await asyncio.sleep(0)
            gaps.append(perf_counter() - began)

    beating = asyncio.create_task(heart())
    reading = asyncio.create_task(ask(database, endless()))
    beats: list[int] = []

    async def beat_on() -> bool:
        beats.append(len(gaps))
        return len(gaps) > 1000 and len(beats) > 10

    await until(beat_on)
    assert not reading.done()
    for task in (beating, reading):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_others_read_and_write_beside_a_long_read(database: Database) -> None:
    await fill(database)
    reading = asyncio.create_task(ask(database, endless()))
    await change(database, author("beside"))
    assert (await emails(database))[-1] == "beside"
    assert not reading.done()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_statement_has_a_time_limit(database: Database, database_url: str) -> None:
    await fill(database)
    async with opened(database_url, statement_seconds=0.2) as hasty:
        for _ in range(2):
            with pytest.raises(QueryTooSlow, match=r"longer than 0\.2 seconds"):
                await ask(hasty, endless())

        async def failing() -> None:
            async with hasty.transaction() as transaction:
                await do(transaction, hasty, author("lost"))
                query = hasty.dialect.compile(endless())
                await transaction.fetch(query.sql, query.values({}))

        with pytest.raises(QueryTooSlow):
            await failing()
        assert "lost" not in await emails(hasty)
        await idle(hasty, database)


async def test_what_is_cancelled_stops_in_the_database(
    database: Database, database_url: str
) -> None:
    await fill(database)
    async with opened(database_url, pool_size=1) as watcher:
        reading = asyncio.create_task(ask(database, endless()))
        await asyncio.sleep(0.1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await idle(database, watcher)
    await change(database, author("after"))
    assert (await emails(database))[-1] == "after"


async def test_a_cancelled_transaction_leaves_nothing(database: Database) -> None:
    await fill(database)
    before = await emails(database)

    async def work() -> None:
        async with database.transaction() as transaction:
            await do(transaction, database, author("lost"))
            query = database.dialect.compile(endless())
            await transaction.fetch(query.sql, query.values({}))

    working = asyncio.create_task(work())
    await asyncio.sleep(0.1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await change(database, author("after"))
    assert await emails(database) == [*before, "after"]


async def test_a_stream_left_early_stops_in_the_database(
    database: Database, database_url: str
) -> None:
    await fill(database)
    statement = database.dialect.compile(many_rows())
    async with opened(database_url, pool_size=1) as watcher:
        for _ in range(6):  # more often than there are connections
            async with database.stream(statement.sql, statement.values({}), 100) as batches:
                assert len(await anext(batches)) == 100
        await idle(database, watcher)


async def test_a_stream_that_is_cancelled_stops_in_the_database(
    database: Database, database_url: str
) -> None:
    await fill(database)
    statement = database.dialect.compile(many_rows())
    begun = asyncio.Event()

    async def read() -> None:
        async with database.stream(statement.sql, (), 100) as batches:
            await anext(batches)
            begun.set()
            await asyncio.Event().wait()

    async with opened(database_url, pool_size=1) as watcher:
        reading = asyncio.create_task(read())
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await idle(database, watcher)


async def test_a_stream_that_raises_stops_in_the_database(
    database: Database, database_url: str
) -> None:
    await fill(database)
    statement = database.dialect.compile(many_rows())
    async with opened(database_url, pool_size=1) as watcher:

        async def failing() -> None:
            async with database.stream(statement.sql, statement.values({}), 100) as batches:
                async for _ in batches:
                    _ = 1 / 0

        with pytest.raises(ZeroDivisionError):
            await failing()
        await idle(database, watcher)


async def test_a_transaction_whose_stream_raises_is_over_at_once(database: Database) -> None:
    await fill(database)
    before = await emails(database)
    statement = database.dialect.compile(many_rows())

    async def failing() -> None:
        async with database.transaction() as transaction:
            await do(transaction, database, author("lost"))
            async with transaction.stream(statement.sql, statement.values({}), 100) as batches:
                async for _ in batches:
                    _ = 1 / 0

    for _ in range(6):  # more often than there are connections
        async with asyncio.timeout(10):
            with pytest.raises(ZeroDivisionError):
                await failing()
    assert await emails(database) == before


@pytest.mark.parametrize("driver", ["mysql"])
async def test_an_abandoned_stream_is_closed_where_nobody_can_be_asked_to_end_it(
    database: Database, database_url: str
) -> None:
    await fill(database)
    statement = database.dialect.compile(many_rows())
    url = make_url(database_url).set(username=f"alone_{token_hex(4)}", password=None)
    account = f"'{url.username}'@'%%'"

    async def said(*statements: str) -> None:
        async with database.schema_transaction() as transaction:
            for each in statements:
                await transaction.execute(each)

    await said(
        f"CREATE USER {account} WITH MAX_USER_CONNECTIONS 1",
        f"GRANT SELECT ON `{url.database}`.* TO {account}",
    )
    try:
        async with opened(url.render_as_string(), pool_size=1, busy_seconds=5) as lonely:
            async with lonely.stream(statement.sql, statement.values({}), 100) as batches:
                assert len(await anext(batches)) == 100

            async def answered() -> bool:
                with suppress(DatabaseUnreachable):
                    return bool(await emails(lonely))
                return False

            await until(answered)
    finally:
        await said(f"DROP USER {account}")


# -- not enough, or gone ----------------------------------------------------------------


@pytest.mark.parametrize("driver", SERVERS)
async def test_connections_are_bounded_and_waited_for(
    database: Database, database_url: str
) -> None:
    async with opened(database_url, pool_size=2, busy_seconds=5) as small:
        await asyncio.gather(*(ask(small, sa.select(AUTHORS.c.id)) for _ in range(50)))
        ((count,),) = await small.fetch(OTHERS[small.dialect.name])
        # The other one of the pool, and at most one of `database`.
        assert count <= 2
        async with AsyncExitStack() as held:
            for _ in range(2):
                await held.enter_async_context(small.transaction())
            waiting = asyncio.create_task(emails(small))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        assert await waiting == []


@pytest.mark.parametrize("driver", SERVERS)
async def test_nobody_waits_for_ever_for_a_connection(
    database: Database, database_url: str
) -> None:
    async with opened(database_url, pool_size=1, busy_seconds=0.1) as small:
        async with small.transaction():
            with pytest.raises(DatabaseUnreachable, match="in use"):
                await emails(small)
        assert await emails(small) == []


@pytest.mark.parametrize("driver", SERVERS)
async def test_who_stops_waiting_takes_no_connection_away(
    database: Database, database_url: str
) -> None:
    async with opened(database_url, pool_size=1) as small:
        async with small.transaction():
            waiting = [asyncio.create_task(emails(small)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        waiting[1].cancel()
        assert await waiting[2] == []
        assert await emails(small) == []


@pytest.mark.parametrize("driver", SERVERS)
async def test_a_connection_lost_in_a_transaction_leaves_nothing(
    database: Database, database_url: str
) -> None:
    name = database.dialect.name
    async with opened(database_url) as killer:

        async def failing() -> None:
            async with database.transaction() as transaction:
                await do(transaction, database, author("lost"))
                ((session,),) = await transaction.fetch(SESSION[name])
                await killer.fetch(KILL[name].format(session))
                await do(transaction, database, author("lost as well"))

        with pytest.raises(DatabaseUnreachable):
            await failing()
    await change(database, author("after"))
    assert await emails(database) == ["after"]


@pytest.mark.parametrize("driver", SERVERS)
async def test_a_connection_lost_while_idle_is_not_noticed(
    database: Database, database_url: str
) -> None:
    name = database.dialect.name
    async with opened(database_url) as killer:
        for then in (emails(database), change(database, author("kept"))):
            ((session,),) = await database.fetch(SESSION[name])
            await killer.fetch(KILL[name].format(session))
            await then
    assert await emails(database) == ["kept"]


@pytest.mark.parametrize("driver", SERVERS)
async def test_a_transaction_takes_another_connection_for_a_lost_one(
    database: Database, database_url: str
) -> None:
    name = database.dialect.name

    async def kill(session: object) -> None:
        async with opened(database_url) as killer:
            await killer.fetch(KILL[name].format(session))

    async with opened(database_url, pool_size=1) as small:
        async with small.transaction() as transaction:
            await do(transaction, small, author("first"))
            ((session,),) = await transaction.fetch(SESSION[name])
        with ThreadPoolExecutor(1) as elsewhere:
            # Waited for without a turn of the loop, which would see the connection end.
            elsewhere.submit(asyncio.run, kill(session)).result()
        await change(small, author("second"))
        assert await emails(small) == ["first", "second"]
        await change(small, author("third"))
        assert await emails(small) == ["first", "second", "third"]


@pytest.mark.parametrize("driver", SERVERS)
async def test_a_database_that_is_not_there_is_unusable(database_url: str) -> None:
    nowhere = sa.make_url(database_url).set(database="conductus_test_nowhere")
    with pytest.raises(DatabaseUnusable):
        async with opened(nowhere.render_as_string(hide_password=False)):
            raise AssertionError("opened")


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_a_file_that_others_keep_locked_blocks_nobody(
    database: Database, database_url: str
) -> None:
    path = sa.make_url(database_url).database or ""
    async with opened(database_url, busy_seconds=0.2) as hasty:
        with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(change(hasty, author("late")))
            assert await emails(hasty) == []
            with pytest.raises(DatabaseUnreachable, match="locked"):
                await writing
            stranger.execute("ROLLBACK")
        await change(hasty, author("in time"))
        assert await emails(hasty) == ["in time"]


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_what_is_no_sqlite_file_is_said(database_url: str) -> None:
    path = sa.make_url(database_url).database or ""
    with open(path, "wb") as file:  # noqa: ASYNC230 - nothing else runs
        file.write(b"This is a text." * 100)
    with pytest.raises(DatabaseUnusable, match="not a SQLite"):
        async with opened(database_url):
            raise AssertionError("opened")


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_a_folder_that_is_not_there_is_said(database_url: str) -> None:
    path = sa.make_url(database_url).database or ""
    with pytest.raises(DatabaseUnreachable, match="cannot be opened"):
        async with opened(f"sqlite:///{path}.d/data.db"):
            raise AssertionError("opened")


async def test_a_closed_database_answers_no_more(database_url: str) -> None:
    async with opened(database_url) as database:
        await build(database)
    with pytest.raises(DatabaseUnreachable):
        await emails(database)


async def test_a_server_that_hangs_up_at_once_is_away() -> None:
    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for scheme in ("mysql", "postgresql"):
            for _ in range(50):
                with pytest.raises(DatabaseUnreachable):
                    await open_database(f"{scheme}://nobody:x@127.0.0.1:{port}/none")
