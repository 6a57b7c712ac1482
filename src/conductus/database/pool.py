"""A bounded pool of connections to a database server.

The connection used last is lent first, so that those which are not needed grow old and
are closed. Nothing is sent to the server when one comes back: nobody sets anything for a
whole session. A watch goes over all of them every few seconds, closing what was idle for
long and cutting off what waits for a server that fell silent; so a statement needs no
timer of its own.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

from conductus.database import refusals
from conductus.errors import DatabaseUnreachable

_WATCH_SECONDS = 5.0
_IDLE_ROUNDS = 12
"""Rounds of the watch after which an idle connection is closed."""
_NEVER = float("inf")


class Pooled(ABC):
    """A connection as the pool sees it."""

    __slots__ = ("deadline", "idle_rounds")

    def __init__(self) -> None:
        self.deadline = _NEVER
        """When, by `monotonic`, the running statement must have answered."""
        self.idle_rounds = 0

    @abstractmethod
    def is_usable(self) -> bool:
        """Whether, as far as is known here, the server is still there."""

    @abstractmethod
    def cut(self) -> None:
        """Drops the connection at once; who waits on it gets an error."""

    @abstractmethod
    async def close(self) -> None:
        """Stops what still runs in the server and ends the connection. Never raises."""


C = TypeVar("C", bound=Pooled)


class Pool(Generic[C]):
    """At most `size` connections, opened when they are needed."""

    def __init__(self, connect: Callable[[], Awaitable[C]], size: int, busy_seconds: float) -> None:
        self._connect = connect
        self._size = size
        self._busy_seconds = busy_seconds
        self._idle: list[C] = []
        self._open: set[C] = set()
        self._slots = 0
        """Connections that are open, being opened or being closed."""
        self._waiters: deque[asyncio.Future[C | None]] = deque()
        self._closings: set[asyncio.Task[None]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False

    def state(self) -> dict[str, int]:
        """How many connections are at work and idle, and how many wait for one."""
        idle = len(self._idle)
        return {"busy": len(self._open) - idle, "idle": idle, "waiting": len(self._waiters)}

    # -- lending --------------------------------------------------------------------

    def take(self, suits: Callable[[C], bool] | None = None) -> C | None:
        """A connection that is open and idle, if there is one: rather one that suits."""
        idle = self._idle
        while idle:
            if suits is None or suits(idle[-1]):
                connection = idle.pop()
            else:
                connection = idle.pop(_latest(idle, suits))
            if connection.is_usable():
                return connection
            self._drop(connection)
        return None

    async def acquire(self, suits: Callable[[C], bool] | None = None) -> C:
        """A connection, waited for. Raises `DatabaseUnreachable` when none gets free."""
        if self._closed:
            raise DatabaseUnreachable
        connection = self.take(suits)
        if connection is not None:
            return connection
        if self._slots < self._size:
            self._slots += 1
            return await self._fill()
        return await self._wait() or await self._fill()

    async def acquire_now(self) -> C | None:
        """A connection, if that takes no waiting for others and the server gives one."""
        if self._closed or not (self._idle or self._slots < self._size):
            return None
        try:
            return await self.acquire()
        except DatabaseUnreachable:
            return None

    def release(self, connection: C) -> None:
        """Takes back a connection on which nothing runs and no transaction is open."""
        if self._closed:
            self.discard(connection)
        elif not connection.is_usable():
            self._drop(connection)
        elif not (self._waiters and self._hand_over(connection)):
            connection.idle_rounds = 0
            self._idle.append(connection)

    def discard(self, connection: C) -> None:
        """Takes back a connection in an unknown state: it is closed, another opened."""
        self._open.discard(connection)
        task = asyncio.get_running_loop().create_task(self._close(connection))
        self._closings.add(task)
        task.add_done_callback(self._closings.discard)

    async def close(self) -> None:
        """Closes what is idle now and the rest when it comes back."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        while self._idle:
            self.discard(self._idle.pop())
        while self._closings:
            await asyncio.wait(self._closings)

    # -- slots ----------------------------------------------------------------------

    async def _fill(self) -> C:
        before = _times_cancelled()
        try:
            connection = await self._connect()
        except BaseException:
            self._vacate()
            raise
        self._open.add(connection)
        if self._watch is None:
            self._plan_round()
        if _times_cancelled() > before:
            # `asyncio.wait_for`, by which drivers connect, forgets it before Python 3.12 when
            # both come at once.
            self.discard(connection)
            raise asyncio.CancelledError
        return connection

    async def _wait(self) -> C | None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[C | None] = loop.create_future()
        self._waiters.append(waiter)
        timer = loop.call_later(self._busy_seconds, _give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._return_unused(waiter.result())
            raise
        finally:
            timer.cancel()

    def _return_unused(self, connection: C | None) -> None:
        if connection is None:
            self._vacate()
        else:
            self.release(connection)

    def _hand_over(self, connection: C | None) -> bool:
        """Gives the longest waiting a connection, or the leave (None) to open one."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _vacate(self) -> None:
        if not self._hand_over(None):
            self._slots -= 1

    def _drop(self, connection: C) -> None:
        connection.cut()
        self._open.discard(connection)
        self._vacate()

    async def _close(self, connection: C) -> None:
        try:
            await connection.close()
        finally:
            self._vacate()

    # -- the watch ------------------------------------------------------------------

    def _plan_round(self) -> None:
        self._watch = asyncio.get_running_loop().call_later(_WATCH_SECONDS, self._round)

    def _round(self) -> None:
        now = monotonic()
        for connection in self._open:
            if now > connection.deadline:
                connection.cut()
        for connection in self._idle:
            connection.idle_rounds += 1
        # The oldest lie at the bottom; one is kept for the next request.
        while len(self._idle) > 1 and self._idle[0].idle_rounds > _IDLE_ROUNDS:
            self.discard(self._idle.pop(0))
        self._plan_round()


def _times_cancelled() -> int:
    """How often somebody has wished the running task to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _latest(idle: Sequence[C], suits: Callable[[C], bool]) -> int:
    """The place of the connection used last of those that suit; without any, of all."""
    last = len(idle) - 1
    return next((place for place in range(last, -1, -1) if suits(idle[place])), last)


def _give_up(waiter: asyncio.Future[C | None]) -> None:
    if not waiter.done():
        waiter.set_exception(refusals.busy())
