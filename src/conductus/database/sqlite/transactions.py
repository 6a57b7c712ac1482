"""Transactions on SQLite: the inline one of every write, the one in a thread for DDL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from conductus.database.batches import Batches
from conductus.database.executor import Row
from conductus.database.sqlite.errors import RAISED, Raised, is_locked, is_stopped, translated
from conductus.database.sqlite.link import Link
from conductus.database.sqlite.slowness import SlowStatements
from conductus.database.sqlite.threads import Threads
from conductus.errors import ApiError, QueryFailed, QueryTooSlow, Unprocessable

P = ParamSpec("P")
T = TypeVar("T")

_BROKEN_REFERENCES = 'SELECT "parent" FROM pragma_foreign_key_check(?)'
_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.05


class ThreadTransaction:
    """An open transaction whose statements run in a thread."""

    def __init__(self, link: Link, threads: Threads, statement_seconds: float) -> None:
        self._link = link
        self._threads = threads
        self._statement_seconds = statement_seconds
        self.failed = False
        """Whether a statement failed: on every database the transaction is lost then."""

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement."""
        return await self._in_thread(sql, values)

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """How many rows the statement touched."""
        self._start()
        try:
            return await self._threads.run(self._link, self._link.touched, sql, values)
        except RAISED as error:
            raise self._failure(error) from error

    async def fetch_written(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """The rows that the statement has written."""
        return await self._in_thread(sql, values)

    async def insert(self, sql: str, values: Sequence[Any], rows: int) -> list[Any]:
        """The generated keys of the new rows."""
        return [row[0] for row in await self.fetch_written(sql, values)]

    @asynccontextmanager
    async def stream(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AsyncIterator[AsyncIterator[list[Row]]]:
        """Rows in batches."""
        self._start()
        try:
            cursor = await self._threads.run(self._link, self._link.raw.execute, sql, values)
        except RAISED as error:
            raise self._failure(error) from error

        async def following() -> list[Row]:
            self._start()
            try:
                return await self._threads.run(self._link, cursor.fetchmany, size)
            except RAISED as error:
                raise self._failure(error) from error

        try:
            yield Batches(following)
        finally:
            cursor.close()

    async def _in_thread(self, sql: str, values: Sequence[Any]) -> list[Row]:
        self._start()
        try:
            return await self._threads.run(self._link, self._link.rows, sql, values)
        except RAISED as error:
            raise self._failure(error) from error

    def _start(self) -> None:
        if self.failed:
            raise QueryFailed
        self._link.within(self._statement_seconds)

    def _failure(self, error: Raised) -> ApiError:
        self.failed = True
        return QueryTooSlow(self._statement_seconds) if is_stopped(error) else translated(error)


class InlineTransaction(ThreadTransaction):
    """An open transaction whose statements run in the event loop, unless known to be slow."""

    def __init__(
        self, link: Link, threads: Threads, statement_seconds: float, slow: SlowStatements
    ) -> None:
        # Written out: each write makes one.
        self._link = link
        self._threads = threads
        self._statement_seconds = statement_seconds
        self.failed = False
        self._slow = slow
        self.began = perf_counter()

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement."""
        if sql in self._slow:
            return await self._in_its_thread(self._link.rows, sql, values)
        # Only a statement that changes nothing can be stopped and run again: stopping
        # any other one rolls the transaction back.
        if not sql.startswith("SELECT"):
            return self._inline(sql, values)
        if self.failed:
            raise QueryFailed
        self._link.briefly()
        try:
            return self._link.rows(sql, values)
        except RAISED as error:
            if not is_stopped(error):
                raise self._failure(error) from error
        self._slow.add(sql)
        return await self._in_its_thread(self._link.rows, sql, values)

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """How many rows the statement touched."""
        if sql in self._slow:
            return await self._in_its_thread(self._link.touched, sql, values)
        if self.failed:
            raise QueryFailed
        began = perf_counter()
        self._link.until(began + self._statement_seconds)
        try:
            count = self._link.touched(sql, values)
        except RAISED as error:
            raise self._failure(error) from error
        self._slow.judge(sql, perf_counter() - began)
        return count

    async def fetch_written(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """The rows that the statement has written."""
        if sql in self._slow:
            return await self._in_its_thread(self._link.rows, sql, values)
        return self._inline(sql, values)

    async def _in_its_thread(
        self, work: Callable[[str, Sequence[Any]], T], sql: str, values: Sequence[Any]
    ) -> T:
        """What is known to be slow, unless it is quick now."""
        self._start()
        try:
            done, spent = await self._threads.run(self._link, self._link.timed, work, sql, values)
        except RAISED as error:
            raise self._failure(error) from error
        self._slow.judge(sql, spent)
        return done

    def _inline(self, sql: str, values: Sequence[Any]) -> list[Row]:
        if self.failed:
            raise QueryFailed
        began = perf_counter()
        self._link.until(began + self._statement_seconds)
        try:
            rows: list[Row] = self._link.raw.execute(sql, values).fetchall()
        except RAISED as error:
            raise self._failure(error) from error
        self._slow.judge(sql, perf_counter() - began)
        return rows


async def begin(link: Link, busy_seconds: float) -> None:
    """Takes the write lock of the file, waiting outside SQLite while others have it."""
    await _patiently(link, "BEGIN IMMEDIATE", busy_seconds)


async def commit(link: Link, busy_seconds: float) -> None:
    """Keeps what the connection did, in the event loop."""
    await _patiently(link, "COMMIT", busy_seconds)


async def commit_in_thread(link: Link, threads: Threads) -> None:
    """Keeps what the connection did where that waits for the disk."""
    await attempt(threads, link, link.raw.execute, "COMMIT")


def check_alive(link: Link, transaction: ThreadTransaction) -> None:
    """Raises `QueryFailed` when there is nothing to be kept any more."""
    # SQLite gives a transaction up by itself, after a failure of the disk for one.
    if transaction.failed or not link.raw.in_transaction:
        raise QueryFailed


def roll_back(link: Link) -> None:
    """Drops the work of the transaction, if SQLite has not done so already."""
    link.within(float("inf"))
    if link.raw.in_transaction:
        link.raw.execute("ROLLBACK")


async def attempt(
    threads: Threads, link: Link, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Runs work of the driver's own in a thread; its failures become ours."""
    link.within(float("inf"))
    try:
        return await threads.run(link, work, *args, **kwargs)
    except RAISED as error:
        raise translated(error) from error


async def _patiently(link: Link, sql: str, seconds: float) -> None:
    link.within(float("inf"))
    give_up = perf_counter() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            link.raw.execute(sql)
        except sqlite3.Error as error:
            if not is_locked(error) or perf_counter() > give_up:
                raise translated(error) from error
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


class References:
    """The references that lead nowhere, counted by table, as they were and as they are."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._before = self._count()

    def check(self) -> None:
        """Raises when there are more than before: an adopted file may bring some along."""
        if self._count() - self._before:
            raise Unprocessable("The change would leave references to items that do not exist")

    def _count(self) -> Counter[tuple[str, str]]:
        self._link.within(float("inf"))
        tables = self._link.raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        counted: Counter[tuple[str, str]] = Counter()
        for (table,) in tables.fetchall():
            counted.update(self._broken(table))
        return counted

    def _broken(self, table: str) -> list[tuple[str, str]]:
        try:
            found = self._link.raw.execute(_BROKEN_REFERENCES, (table,)).fetchall()
        except sqlite3.OperationalError as error:
            if is_stopped(error):
                raise
            # The key referred to is not unique, or not there: none of them leads anywhere.
            return [(table, "")]
        return [(table, parent) for (parent,) in found]
