"""Draws pictures in processes of their own, a bounded number at a time.

Decoders are where a hostile file bites: a process can be killed when it takes too long, and
cannot take more memory than it was given. It also gives way to whoever answers requests.
A process is started when there is work, and ends when there has been none for a while.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Protocol, cast

import msgspec
from msgspec import Struct

from conductus import apart
from conductus.config import ImagesConfig
from conductus.errors import TooManyRequests, Unprocessable
from conductus.files.orders import LENGTH, Answered, Asked, Order

MOST_WAITING: Final = 64
"""Pictures of one worker that are drawn or wait for it."""
_NICENESS: Final = 10
_IDLE_SECONDS: Final = 60.0


class Source(Struct, frozen=True):
    """What a picture is made of, read as it is needed."""

    size: int
    chunks: AsyncIterator[bytes]


class Images(Protocol):
    """Makes pictures of pictures."""

    async def draw(self, source: Source, order: Order) -> bytes:
        """The picture, encoded.

        Raises `Unprocessable` when none can be made, `TooManyRequests` when too many wait.
        """
        ...


class ImageProcesses:
    """`Images` by Pillow in other processes. Open it with `async with`."""

    def __init__(self, config: ImagesConfig) -> None:
        self._config = config
        self._free = asyncio.Semaphore(config.processes)
        self._waiting = 0
        self._idle: list[_Drawer] = []
        self._busy: set[_Drawer] = set()

    async def __aenter__(self) -> ImageProcesses:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for drawer in (*self._idle, *self._busy):
            await drawer.end()

    async def draw(self, source: Source, order: Order) -> bytes:
        """See `Images`."""
        if source.size > self._config.source_bytes:
            raise Unprocessable(
                "The file is too large to make pictures of",
                details={"limit": self._config.source_bytes},
            )
        if self._waiting >= MOST_WAITING:
            raise TooManyRequests(1)
        self._waiting += 1
        try:
            async with self._free:
                return await self._drawn(source, order)
        finally:
            self._waiting -= 1

    async def _drawn(self, source: Source, order: Order) -> bytes:
        drawer = await self._find_idle(source, order)
        if drawer is None:
            drawer = await _started(self._config)
            drawer.begin(source, order)
        self._busy.add(drawer)
        try:
            async with asyncio.timeout(self._config.seconds):
                answer = await drawer.draw(source)
        except BaseException as error:
            # Half a conversation is of no use to the next order.
            await drawer.end()
            if isinstance(error, TimeoutError):
                raise Unprocessable("The picture takes too long to draw") from None
            if isinstance(error, _Ended):
                raise Unprocessable("The picture takes too much to draw") from error
            raise
        finally:
            self._busy.discard(drawer)
        drawer.rest(_IDLE_SECONDS, self._idle)
        if isinstance(answer, str):
            raise Unprocessable(answer)
        return answer

    async def _find_idle(self, source: Source, order: Order) -> _Drawer | None:
        """A process that has nothing to do and was given the order."""
        while self._idle:
            drawer = self._idle.pop()
            drawer.begin(source, order)
            if drawer.listens:
                return drawer
            # It died at rest.
            await drawer.end()
        return None


class _Ended(Exception):
    """The process is not there any more."""


class _Drawer:
    """One process."""

    def __init__(self, process: Process, seconds: int) -> None:
        self._process = process
        # Both are there, as pipes were asked for.
        self._orders = cast("asyncio.StreamWriter", process.stdin)
        self._pictures = cast("asyncio.StreamReader", process.stdout)
        self._seconds = seconds
        self._bed: asyncio.TimerHandle | None = None

    @property
    def listens(self) -> bool:
        """Whether what was written last could be written."""
        return not self._orders.is_closing()

    def begin(self, source: Source, order: Order) -> None:
        """Says what is to be drawn."""
        if self._bed is not None:
            self._bed.cancel()
        head = msgspec.json.encode(Asked(order, source.size, self._seconds))
        # To uvloop it is a mistake to write to what is closed.
        if self.listens:
            self._orders.write(len(head).to_bytes(LENGTH) + head)

    async def draw(self, source: Source) -> bytes | str:
        """The picture, or why there is none. Raises `_Ended`."""
        async for chunk in source.chunks:
            await self._send(chunk)
        try:
            head = await self._pictures.readexactly(await self._length())
            answered = msgspec.json.decode(head, type=Answered)
            if answered.problem is not None:
                return answered.problem
            return await self._pictures.readexactly(answered.size)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise _Ended from error

    async def end(self) -> None:
        """Kills the process, whatever it does."""
        if self._bed is not None:
            self._bed.cancel()
        await apart.ended(self._process)

    def rest(self, seconds: float, idle: list[_Drawer]) -> None:
        """Waits among the idle for the next order; after a while the process ends."""
        idle.append(self)
        loop = asyncio.get_running_loop()
        self._bed = loop.call_later(seconds, self._leave, idle)

    def _leave(self, idle: list[_Drawer]) -> None:
        if self in idle:
            idle.remove(self)
        self._orders.close()

    async def _send(self, part: bytes) -> None:
        if not self.listens:
            raise _Ended
        try:
            self._orders.write(part)
            await self._orders.drain()
        except ConnectionError as error:
            raise _Ended from error

    async def _length(self) -> int:
        return int.from_bytes(await self._pictures.readexactly(LENGTH))


async def _started(config: ImagesConfig) -> _Drawer:
    process = await apart.started(
        "conductus.files.drawing_process", str(config.memory_mib), str(_NICENESS)
    )
    return _Drawer(process, int(config.seconds) + 1)
