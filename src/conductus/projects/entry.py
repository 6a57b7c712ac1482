"""One configured project as the registry knows it: open or not, usable or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

from msgspec import Struct

from conductus.config import ConfigInvalid, MaintenanceConfig, ProjectConfig
from conductus.errors import ApiError, DatabaseUnreachable
from conductus.projects.project import Project

UNUSABLE: Final = "The configuration of this project cannot be used"
LONG_SECONDS: Final = 1.0
MOST_REST_SECONDS: Final = 10.0
Stamp = tuple[int, int, int] | None
Open = Callable[[str, ProjectConfig], AbstractAsyncContextManager[Project]]


class _Failure(Struct, frozen=True):
    at: float
    believed_until: float
    error: ApiError


class Entry:
    """A project by its configuration."""

    def __init__(
        self, key: str, stamp: Stamp, opened: Open, config: ProjectConfig | ConfigInvalid
    ) -> None:
        self.key = key
        self.stamp = stamp
        self.config = config
        self.live: Project | None = None
        self.used = 0.0
        """When a request asked for it last, by `monotonic`."""
        self.ordered: MaintenanceConfig | None = None
        """Maintenance that was ordered apart from the configuration."""
        self._opened = opened
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._failure: _Failure | None = None

    @property
    def private(self) -> bool:
        """Not to be listed."""
        return isinstance(self.config, ConfigInvalid) or self.config.private

    @property
    def maintenance(self) -> MaintenanceConfig | None:
        """What is told to those who are kept out; None: nobody is."""
        if self.ordered is not None:
            return self.ordered
        if isinstance(self.config, ConfigInvalid) or not self.config.maintenance.enabled:
            return None
        return self.config.maintenance

    @property
    def failed(self) -> bool:
        """Whether it could not be opened when that was tried last."""
        return self._failure is not None

    async def open(self) -> Project:
        """The project, opened by the first who asks; who waited shares the outcome.

        A failure that took long is believed for as long: requests to a database that does
        not answer would else wait each in turn, and keep their connections from others.
        """
        if isinstance(self.config, ConfigInvalid):
            raise DatabaseUnreachable(UNUSABLE)
        arrived = time.monotonic()
        async with self._lock:
            if self.live is not None:
                return self.live
            failure = self._failure
            if failure is not None and max(failure.at, failure.believed_until) >= arrived:
                raise failure.error.with_traceback(None)
            began = time.monotonic()
            try:
                self.live = await self._stack.enter_async_context(
                    self._opened(self.key, self.config)
                )
            except ApiError as error:
                now = time.monotonic()
                took = now - began
                rest = min(took, MOST_REST_SECONDS) if took >= LONG_SECONDS else 0.0
                self._failure = _Failure(now, now + rest, error)
                raise
            self._failure = None
            return self.live

    def is_idle(self, since: float) -> bool:
        """Whether it is open and no request has asked for it since then, nor needs it now."""
        return self.live is not None and self.used < since and not self.live.is_held

    async def let_go(self, since: float) -> bool:
        """Closes it if it is idle still; the next request opens it again."""
        async with self._lock:
            if not self.is_idle(since):
                return False
            self.live = None
            await self._stack.aclose()
            return True

    async def close(self) -> None:
        """Lets the project go, once nobody opens it any more."""
        async with self._lock:
            self.live = None
            await self._stack.aclose()
