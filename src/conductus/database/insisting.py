"""Work that is done again while the database gives it up for another's sake."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from conductus.database.executor import TransactionConflict
from conductus.errors import DatabaseUnreachable

T = TypeVar("T")
ATTEMPTS: Final = 5


async def insist(
    attempt: Callable[[], Awaitable[T]], what: str = "rows", attempts: int = ATTEMPTS
) -> T:
    """What an attempt, a whole transaction, comes to.

    Raises `DatabaseUnreachable` when each was given up; `what` is what others change.
    """
    for number in range(attempts):
        try:
            return await attempt()
        except TransactionConflict:
            # Not together again: each waits for a time of its own.
            # S311: nothing secret hangs on it.
            await asyncio.sleep(random.uniform(0.001, 0.01) * 2**number)  # noqa: S311
    raise DatabaseUnreachable(f"Too many others change the same {what}: try again")
