"""Long work in the event loop, with room for others in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Any, Final, TypeVar

T = TypeVar("T")

TOGETHER: Final = 50
"""Members between two breaths: about a tenth of a millisecond of work each."""


async def breathing(work: Callable[..., T], members: Sequence[tuple[Any, ...]]) -> list[T]:
    """What the work gives for each member; now and then others have their turn."""
    done = list(starmap(work, members[:TOGETHER]))
    for start in range(TOGETHER, len(members), TOGETHER):
        await asyncio.sleep(0)
        done += starmap(work, members[start : start + TOGETHER])
    return done
