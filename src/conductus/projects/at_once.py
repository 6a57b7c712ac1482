"""The same work for many projects, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")
AT_ONCE: Final = 8


async def for_each(keys: Iterable[str], work: Callable[[str], Awaitable[T]]) -> dict[str, T]:
    """What the work answers, by key, in the order of the keys. `work` raises nothing."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(key: str) -> tuple[str, T]:
        async with room:
            return key, await work(key)

    return dict(await asyncio.gather(*(one(key) for key in keys)))
