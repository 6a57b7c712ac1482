"""A SQLite file as a `Database`.

Short reads run in the event loop: a thread each way costs many times what such a read
does. A read that takes longer is stopped and run again in a thread. Writes have one
connection of this process; others may have the file open as well, so the write lock is
asked for without waiting inside SQLite.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from time import perf_counter
from typing import Any

from conductus.database.dialects.sqlite import SQLiteDialect
from conductus.database.executor import Row
from conductus.database.sqlite.checkpoints import Checkpoints
from conductus.database.sqlite.errors import RAISED, is_locked, is_stopped, translated
from conductus.database.sqlite.link import Link, Purpose, connect
from conductus.database.sqlite.slowness import INLINE_SECONDS, SlowStatements
from conductus.database.sqlite.threads import Lender, Threads
from conductus.database.sqlite.transactions import (
    References,
    ThreadTransaction,
    attempt,
    check_alive,
    commit_in_thread,
)
from conductus.database.sqlite.writing import Writer, Writing
from conductus.database.url import DatabaseURL
from conductus.errors import DatabaseUnreachable, DatabaseUnusable, QueryTooSlow

_OLDEST = (3, 35, 0)


class SQLiteDatabase:
    """One SQLite file. Made by `open`."""

    def __init__(
        self,
        url: DatabaseURL,
        size: int,
        statement_seconds: float,
        busy_seconds: float,
    ) -> None:
        self._path = url.database
        self._synchronous = url.options.get("synchronous", "normal")
        self._statement_seconds = statement_seconds
        self._busy_seconds = busy_seconds
        self._dialect = SQLiteDialect()
        # Readers, streams, the writer's slow statements, a checkpoint.
        self._threads = Threads(2 * size + 3)
        self._readers = self._lender("read", size)
        self._streams = self._lender("stream", size)
        self._checkpoints = Checkpoints(self._threads, partial(self._link, "stream"))
        self._slow = SlowStatements()
        self._inline: Link
        self._writer: Writer
        self._spent_seconds = 0.0

    @classmethod
    async def open(
        cls, url: DatabaseURL, size: int, statement_seconds: float, busy_seconds: float
    ) -> SQLiteDatabase:
        """The file's database; an absent file is made."""
        if sqlite3.sqlite_version_info < _OLDEST:
            raise DatabaseUnusable("SQLite 3.35 or newer is needed")
        database = cls(url, size, statement_seconds, busy_seconds)
        try:
            await database._threads.run(None, database._connect)
        except BaseException:
            database._threads.close()
            raise
        return database

    def _connect(self) -> None:
        link = self._link("write")
        try:
            self._inline = self._link("read inline")
        except BaseException:
            link.close()
            raise
        self._writer = Writer(
            link,
            self._threads,
            self._slow,
            self._checkpoints,
            in_thread=self._synchronous == "full",
            statement_seconds=self._statement_seconds,
            busy_seconds=self._busy_seconds,
        )

    def _lender(self, purpose: Purpose, size: int) -> Lender:
        return Lender(self._threads, partial(self._link, purpose), size, self._busy_seconds)

    def _link(self, purpose: Purpose) -> Link:
        return Link(self._raw(purpose), threaded=purpose in ("read", "stream", "alter"))

    def _raw(self, purpose: Purpose) -> sqlite3.Connection:
        try:
            return connect(
                self._path,
                purpose,
                synchronous=self._synchronous,
                busy_seconds=self._busy_seconds,
            )
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CANTOPEN:
                raise DatabaseUnreachable("The SQLite file cannot be opened") from error
            raise translated(error) from error

    @property
    def dialect(self) -> SQLiteDialect:
        """The facts about SQLite."""
        return self._dialect

    # -- reading --------------------------------------------------------------------

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows; in the event loop when that is quick."""
        if sql in self._slow:
            return await self._fetch_in_thread(sql, values)
        link = self._inline
        began = perf_counter()
        link.briefly()
        try:
            rows: list[Row] = link.raw.execute(sql, values).fetchall()
        except RAISED as error:
            if is_stopped(error):
                self._slow.add(sql)
            elif not is_locked(error):
                raise translated(error) from error
        else:
            spent = perf_counter() - began
            self._slow.judge(sql, spent)
            self._spent_seconds += spent
            if self._spent_seconds > INLINE_SECONDS:
                await self._let_others()
            return rows
        return await self._fetch_in_thread(sql, values)

    # The driver keeps every statement prepared.
    fetch_again = fetch

    async def _let_others(self) -> None:
        """A turn for others, after a series of reads or writes that kept the loop."""
        self._spent_seconds = 0.0
        await asyncio.sleep(0)

    async def _fetch_in_thread(self, sql: str, values: Sequence[Any]) -> list[Row]:
        async with self._readers.lend() as link:
            link.within(self._statement_seconds)
            try:
                rows, spent = await self._threads.run(link, link.timed, link.rows, sql, values)
            except RAISED as error:
                if is_stopped(error):
                    raise QueryTooSlow(self._statement_seconds) from error
                raise translated(error) from error
        self._slow.judge(sql, spent)
        return rows

    @asynccontextmanager
    async def stream(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AsyncIterator[AsyncIterator[list[Row]]]:
        """Rows in batches, read in a thread."""
        async with self._streams.lend() as link:
            reading = ThreadTransaction(link, self._threads, self._statement_seconds)
            async with reading.stream(sql, values, size) as batches:
                yield batches

    def stream_beside(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AbstractAsyncContextManager[None]:
        """Nobody gains by it."""
        return nullcontext()

    # -- writing --------------------------------------------------------------------

    def transaction(self, *, brief: bool = False) -> Writing:
        """Statements run in the event loop, the writer's turn is waited for outside SQLite."""
        return self._writer.transaction(brief=brief)

    @asynccontextmanager
    async def schema_transaction(self) -> AsyncIterator[ThreadTransaction]:
        """DDL and metadata, in a thread, on a connection that does not enforce references."""
        await self._writer.take()
        threads = self._threads
        try:
            link = await threads.run(None, self._link, "alter")
            try:
                await attempt(threads, link, link.raw.execute, "BEGIN IMMEDIATE")
                references = await attempt(threads, link, References, link)
                transaction = ThreadTransaction(link, threads, self._statement_seconds)
                yield transaction
                await attempt(threads, link, references.check)
                check_alive(link, transaction)
                await commit_in_thread(link, threads)
            finally:
                link.close()
        finally:
            self._writer.give_back()

    # -- about the file -------------------------------------------------------------

    async def hear(self, channel: str, heard: Callable[[str], None]) -> None:
        """Nothing is passed on."""

    async def fingerprint(self) -> str:
        """The counter that SQLite raises with each change of the schema, by anyone."""
        ((version,),) = await self.fetch("PRAGMA schema_version")
        return str(version)

    async def ping(self) -> None:
        """Reads the head of the file."""
        await self.fingerprint()

    def connections(self) -> dict[str, int]:
        """None: it is a file."""
        return {}

    async def close(self) -> None:
        """Waits for what runs and closes every connection."""
        await self._writer.take()
        try:
            await self._checkpoints.finish()
            await asyncio.to_thread(self._close)
        finally:
            self._writer.give_back()
            await self._writer.finished()

    def _close(self) -> None:
        self._threads.close()
        for one in (self._readers, self._streams, self._inline, self._writer.link):
            one.close()
