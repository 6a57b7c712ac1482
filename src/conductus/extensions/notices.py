"""Tells hooks what happened in this process: soon, in order, and to nobody's delay.

At most once: what is left when a process dies is not told. What must not be lost is an
event of the outbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Any, Final

from conductus.telemetry import Observer, TaskFailed

MOST_WAITING: Final = 1000
PATIENCE_SECONDS: Final = 2.0
"""For what is left when a server stops."""
Tell = Callable[[], Awaitable[Any]]


class NoticesLost(Exception):
    """More happened than hooks could be told of."""


class Notices(AbstractAsyncContextManager["Notices"]):
    """What hooks are still to be told; they are while it is open."""

    def __init__(self, observer: Observer) -> None:
        """`observer` is told of hooks that fail."""
        self._observer = observer
        self._left: asyncio.Queue[tuple[str, Tell]] = asyncio.Queue(MOST_WAITING)
        self._task: asyncio.Task[None] | None = None

    def put(self, hook: str, tell: Tell) -> None:
        """Has the hook told in its turn. Never waits."""
        try:
            self._left.put_nowait((hook, tell))
        except asyncio.QueueFull:
            self._observer(TaskFailed(f"hook {hook}", NoticesLost(f"{MOST_WAITING} wait already")))

    async def __aenter__(self) -> Notices:
        self._task = asyncio.create_task(self._tell())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._left.join()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _tell(self) -> None:
        while True:
            hook, tell = await self._left.get()
            try:
                await tell()
            # A wall: one hook that fails holds no other back.
            except Exception as error:
                self._observer(TaskFailed(f"hook {hook}", error))
            finally:
                self._left.task_done()
