"""The threads in which long SQLite work runs, and the connections lent to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from conductus.database import refusals
from conductus.database.sqlite.link import Link
from conductus.errors import DatabaseUnreachable

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A bounded number of threads for blocking work."""

    def __init__(self, size: int) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="conductus-sqlite")
        self._closed = False

    async def run(
        self, link: Link | None, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `work` in a thread. When the caller is cancelled, `link` is stopped first.

        Nobody leaves before the thread has: its connection is free when this returns.
        """
        assert not kwargs  # noqa: S101 - a thread pool takes positional arguments alone
        if self._closed:
            raise DatabaseUnreachable
        future = asyncio.get_running_loop().run_in_executor(self._executor, work, *args)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                if link is not None:
                    link.stop()
                await _settle(future)
            if not future.cancelled():
                future.exception()
            raise

    def close(self) -> None:
        """Ends the threads once their work is done."""
        self._closed = True
        self._executor.shutdown(wait=True)


class Lender:
    """Connections for reading, opened when first needed, each lent to one user at a time."""

    def __init__(
        self, threads: Threads, connect: Callable[[], Link], size: int, busy_seconds: float
    ) -> None:
        self._threads = threads
        self._connect = connect
        self._free = asyncio.Semaphore(size)
        self._idle: list[Link] = []
        self._busy_seconds = busy_seconds
        self._closed = False

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Link]:
        """A connection of one's own for a while."""
        await acquired(self._free, self._busy_seconds)
        try:
            link = self._idle.pop() if self._idle else await self._threads.run(None, self._connect)
            try:
                yield link
            finally:
                self._take_back(link)
        finally:
            self._free.release()

    def _take_back(self, link: Link) -> None:
        if self._closed:
            link.close()
        else:
            self._idle.append(link)

    def close(self) -> None:
        """Closes what is not lent; the rest when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


async def acquired(gate: asyncio.Semaphore | asyncio.Lock, seconds: float) -> None:
    """Waits for the gate, but not for ever. Raises `DatabaseUnreachable`."""
    if not gate.locked():
        await gate.acquire()
        return
    try:
        async with asyncio.timeout(seconds):
            await gate.acquire()
    except TimeoutError as error:
        raise refusals.busy() from error


async def _settle(future: asyncio.Future[T]) -> None:
    # Being cancelled again changes nothing: a thread cannot be abandoned.
    try:
        await asyncio.wait([future], timeout=0.05)
    except asyncio.CancelledError:
        return
