"""Children of a streamed list that are read in step with it.

The list comes in the order of its keys, and they in the order of the keys that tie them to
it: one statement serves many parts of the list. Its keys have bounds, so that what a
database has to put in order before it answers has some, too.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from operator import itemgetter
from typing import Any, Final

from conductus.database.executor import Database, Row
from conductus.items.prepared import Prepared

_FEW_KEYS: Final = 200
"""So many parents are named one by one, however close their keys are."""
_MOST_SPREAD: Final = 2
"""How many times as many keys a range may hold as there are parents."""
_FIRST_KEYS: Final = 1 << 15
"""Keys of the first statement; then it is known how much hangs below them …"""
_MOST_KEYS: Final = 1 << 21
_MOST_ROWS: Final = 4_000_000
"""… and so many rows are put in order within seconds."""
_LARGEST_KEY: Final = (1 << 63) - 1
_ROWS_AT_ONCE: Final = 3000


def close_together(keys: Sequence[Any]) -> bool:
    """True when a range holds the keys and few others: read at once, not one by one."""
    if len(keys) < _FEW_KEYS or not _whole(keys):
        return False
    span: int = max(keys) - min(keys) + 1
    return span <= _MOST_SPREAD * len(keys)


class Follower:
    """The rows of one child level, for one part of the list after the other."""

    def __init__(
        self, database: Database, prepared: Prepared, values: dict[str, Any], size: int
    ) -> None:
        """Beside a list whose parts have `size` rows, but for the last."""
        self._database = database
        self._compiled = prepared.compiled
        self._values = values
        self._size = size
        self._opened = AsyncExitStack()
        self._batches: AsyncIterator[list[Row]] | None = None
        self._keys = _FIRST_KEYS
        self._first = 0
        """The first key that the statement asks for …"""
        self._last: int | None = None
        """… and the last one; None where there is no statement."""
        self._ahead: list[Row] = []
        self._passed = 0
        """So many keys of the statement have been gone by …"""
        self._read = 0
        """… and so many rows were read for them."""

    async def rows(self, keys: Sequence[Any]) -> list[Row] | None:
        """The rows of parents with these keys; None where they have to be asked for.

        A last part begins nothing: it may be all that there is.
        """
        full = len(keys) == self._size
        if not (close_together(keys) if full else _whole(keys)):
            await self.close()
            return None
        low, high = keys[0], keys[-1]
        if self._last is None or high > self._last:
            await self.close()
            if not (full and await self._open(low, high)):
                return None
        return await self._between(low, high)

    async def close(self) -> None:
        """Ends the statement."""
        if self._last is not None:
            # Of those gone by alone: a list that gets sparse leaves the rest unread.
            self._keys = min(_MOST_KEYS, self._passed * _MOST_ROWS // max(1, self._read))
        await self._opened.aclose()
        self._batches, self._last, self._ahead = None, None, []
        self._passed, self._read = 0, 0

    async def _open(self, low: int, high: int) -> bool:
        last = max(high, min(low + self._keys - 1, _LARGEST_KEY))
        statement = self._compiled.statement
        values = statement.values({**self._values, "low": low, "high": last})
        beside = self._database.stream_beside(statement.sql, values, _ROWS_AT_ONCE)
        self._batches = await self._opened.enter_async_context(beside)
        if self._batches is None:
            return False
        self._first, self._last = low, last
        return True

    async def _between(self, low: int, high: int) -> list[Row]:
        tie = itemgetter(self._compiled.group or 0)
        ahead = self._ahead
        while self._batches is not None and not (ahead and tie(ahead[-1]) > high):
            batch = await anext(self._batches, None)
            if batch is None:
                self._batches = None
                break
            self._read += len(batch)
            # What lies before the first parent belongs to none.
            ahead = [*ahead, *batch] if ahead and tie(ahead[-1]) >= low else batch
        first, after = bisect_left(ahead, low, key=tie), bisect_right(ahead, high, key=tie)
        self._ahead, self._passed = ahead[after:], high - self._first + 1
        return ahead[first:after]


def _whole(keys: Sequence[Any]) -> bool:
    return all(isinstance(key, int) for key in keys)
