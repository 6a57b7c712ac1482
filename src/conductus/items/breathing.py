"""Long work in the event loop, with room for others in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

_EVERY: Final = 50
"""Members between two breaths: about a tenth of a millisecond of work each."""


async def breathing(members: Iterable[T]) -> AsyncIterator[T]:
    """The members; now and then others in the event loop have their turn."""
    for place, member in enumerate(members, 1):
        if place % _EVERY == 0:
            await asyncio.sleep(0)
        yield member
