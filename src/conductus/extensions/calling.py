"""Calls functions of plugins: bounded in time, and off the event loop unless they are async."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from conductus.errors import PluginTooSlow


class Caller(AbstractContextManager["Caller"]):
    """Calls functions. Sync ones share a few threads; a thread cannot be stopped, so one that
    hangs is lost to the others until it ends."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="plugin")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(
        self, plugin: str, function: Callable[..., Any], *given: Any, seconds: float
    ) -> Any:
        """What the function gives. Raises what it raises, `PluginTooSlow`."""
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                if inspect.iscoroutinefunction(function):
                    return await function(*given)
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self._threads, function, *given)
                return await answer if inspect.isawaitable(answer) else answer
        except TimeoutError as error:
            if limit.expired():
                raise PluginTooSlow(plugin, seconds) from error
            raise
