"""A project with a hook for every event of items; each test says what its hooks do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from conductus.database.dialect import Name as Driver
from conductus.extensions import AfterEvent, BeforeWrite, Registry
from conductus.extensions.loading import given
from conductus.items.hooks import WRITES
from tests.databases import fresh_database
from tests.scenarios.shop import live
from tests.scenarios.workshop import Workshop

PATIENCE_SECONDS = 20
Before = Callable[[BeforeWrite], Awaitable[Any]]
After = Callable[[AfterEvent], Awaitable[None]]


class Board:
    """What the hooks do, by event and collection, and what they were told."""

    def __init__(self) -> None:
        self.before: dict[tuple[str, str], Before] = {}
        self.after: dict[tuple[str, str], After] = {}
        self.asked: list[BeforeWrite] = []
        self.told: list[AfterEvent] = []
        self._news = asyncio.Event()

    def register(self, registry: Registry) -> None:
        """A plugin with the same two functions for every event."""
        registry.on(*(f"{event}:before" for event in WRITES.values()))(self._before)
        registry.on(*WRITES.values())(self._after)

    async def heard(self, collection: str, number: int) -> list[AfterEvent]:
        """The events of a collection, once there are so many; in the order of their keys."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := [one for one in self.told if one.collection == collection]) < number:
                self._news.clear()
                await self._news.wait()
        return sorted(found, key=lambda event: (event.item, event.timestamp))

    def asked_about(self, collection: str) -> list[tuple[str, Any, Any]]:
        """Event, key and payload of what the before-hooks were asked about."""
        return [
            (one.event, one.key, one.payload) for one in self.asked if one.collection == collection
        ]

    async def _before(self, intended: BeforeWrite) -> Any:
        self.asked.append(intended)
        hook = self.before.get((intended.event, intended.collection))
        return None if hook is None else await hook(intended)

    async def _after(self, event: AfterEvent) -> None:
        hook = self.after.get((event.event, event.collection))
        if hook is not None:
            await hook(event)
        self.told.append(event)
        self._news.set()


@asynccontextmanager
async def hooked(driver: Driver, folder: Path) -> AsyncIterator[tuple[Workshop, Board]]:
    """A project without any collection of its own yet."""
    board = Board()
    async with (
        fresh_database(driver, "hooked", folder) as url,
        live(url, folder / "data", given=[given("board", board.register)]) as world,
    ):
        yield Workshop(world, driver, url, folder / "data"), board
