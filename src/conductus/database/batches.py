"""Rows in batches, asked for one batch after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from conductus.database.executor import Row


class Batches:
    """An iterator over what `following` answers, until it answers nothing."""

    def __init__(self, following: Callable[[], Awaitable[list[Row]]]) -> None:
        self._following = following

    def __aiter__(self) -> Batches:
        return self

    async def __anext__(self) -> list[Row]:
        rows = await self._following()
        if not rows:
            raise StopAsyncIteration
        return rows
