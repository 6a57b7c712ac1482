"""The way to Redis: counts that every server shares, and what happens while it is away."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from conductus.telemetry import Observer, TaskFailed

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")
ANSWER_SECONDS: Final = 1.0
"""How long an answer of Redis is waited for."""
PAUSE_SECONDS: Final = 5.0
"""How long Redis is left alone after it failed."""


class RedisAway(Exception):
    """Redis cannot be reached; count elsewhere meanwhile."""


class RedisDoor:
    """Every Redis that a project names. Open it with `async with`."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._clients: dict[str, Redis] = {}
        self._stack = AsyncExitStack()
        self._away_until = 0.0

    async def __aenter__(self) -> RedisDoor:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def ask(self, url: str, work: Callable[[Redis], Awaitable[T]]) -> T:
        """What Redis answers. Raises `RedisAway` at once while it is known to be away."""
        if time.monotonic() < self._away_until:
            raise RedisAway
        try:
            from redis.exceptions import RedisError

            return await self._asked(url, work, RedisError)
        except (ImportError, RedisAway) as error:
            # Requests are not to fail for it, nor to wait.
            self._away_until = time.monotonic() + PAUSE_SECONDS
            self._observer(TaskFailed("count by Redis", error))
            raise RedisAway from error

    async def _asked(
        self, url: str, work: Callable[[Redis], Awaitable[T]], trouble: type[Exception]
    ) -> T:
        try:
            return await work(self._client(url))
        except (trouble, OSError) as error:
            raise RedisAway("Redis does not answer") from error

    def _client(self, url: str) -> Redis:
        client = self._clients.get(url)
        if client is None:
            from redis.asyncio import Redis

            client = Redis.from_url(
                url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
            )
            self._stack.push_async_callback(client.aclose)
            self._clients[url] = client
        return client
