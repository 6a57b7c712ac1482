"""Waiting for clients, but not for ever.

A timer for each read costs more than all that is asked of the values of an item. Here one
timer looks at everybody who waits, a few times within the seconds that a client has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")

_LOOKS: Final = 8
"""Looks within the seconds that a client has: nobody waits longer by more than one of them."""
_OFTEN_ENOUGH: Final = 0.5
"""Seconds between two looks, at the most."""


class Patience:
    """How long is waited for a client. For one event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._every = min(seconds / _LOOKS, _OFTEN_ENOUGH)
        self._waiting: dict[asyncio.Task[Any], float] = {}
        """Who waits, and until when by the clock of the loop."""
        self._late: set[asyncio.Task[Any]] = set()
        """Those who were told to wait no longer."""
        self._is_watching = False

    async def within(self, seconds: float, receive: Callable[[], Awaitable[T]]) -> T:
        """What is received. Raises `TimeoutError` soon after so many seconds.

        A task waits for one thing at a time.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - whoever awaits is a task
        loop = task.get_loop()
        self._waiting[task] = loop.time() + seconds
        if not self._is_watching:
            self._is_watching = True
            loop.call_later(self._every, self._look, loop)
        try:
            return await receive()
        except asyncio.CancelledError:
            # Others may have cancelled it too.
            if task in self._late and not task.uncancel():
                raise TimeoutError from None
            raise
        finally:
            self._waiting.pop(task, None)
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task in [task for task, until in self._waiting.items() if until < now]:
            del self._waiting[task]
            self._late.add(task)
            task.cancel()
        self._is_watching = bool(self._waiting)
        if self._is_watching:
            loop.call_later(self._every, self._look, loop)
