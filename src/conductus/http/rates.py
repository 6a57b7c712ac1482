"""How many requests an address, and a user, may make in an interval.

Intervals begin at full multiples, so a count is one number under a key that names its
interval: nothing has to be swept. Counted in this worker's memory, or by Redis for all
workers; while Redis is away, in memory. Source: authentication page §8.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from conductus.config import RateLimitConfig
from conductus.errors import TooManyRequests
from conductus.http.reply import Headers
from conductus.telemetry import Observer, TaskFailed

if TYPE_CHECKING:
    from redis.asyncio import Redis

REDIS_SECONDS: Final = 1.0
"""How long an answer of Redis is waited for."""
PAUSE_SECONDS: Final = 5.0
"""How long Redis is left alone after it failed."""
MOST_COUNTED: Final = 100_000


class Rate(Struct, frozen=True):
    """Where a caller stands."""

    limit: int
    used: int
    reset: int
    """When the interval ends, in seconds since 1970."""

    def headers(self) -> Headers:
        """What the caller is told."""
        told = (
            (b"x-ratelimit-limit", self.limit),
            (b"x-ratelimit-remaining", max(0, self.limit - self.used)),
            (b"x-ratelimit-reset", self.reset),
        )
        return tuple((name, str(number).encode()) for name, number in told)

    def check(self, now: float) -> None:
        """Raises `TooManyRequests` (7/429) over the limit."""
        if self.used > self.limit:
            raise TooManyRequests(max(1, int(self.reset - now) + 1))


class CounterAway(Exception):
    """The counter cannot be reached."""


class MemoryCounter:
    """Counts in this worker."""

    def __init__(self) -> None:
        self._intervals: dict[int, tuple[int, dict[str, int]]] = {}

    def count(self, key: str, interval: int, seconds: int) -> int:
        """One more in that interval; of another interval of that length nothing is kept."""
        held, counts = self._intervals.get(seconds, (interval, {}))
        if held != interval:
            counts = {}
        self._intervals[seconds] = interval, counts
        if len(counts) >= MOST_COUNTED:
            counts.pop(next(iter(counts)), None)
        counts[key] = counts.get(key, 0) + 1
        return counts[key]


class RedisCounter:
    """Counts for every worker of every server."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def count(self, key: str, interval: int, seconds: int) -> int:
        """One more, in one round trip. Raises `CounterAway`."""
        from redis.exceptions import RedisError

        name = f"conductus:rate:{key}:{interval}"
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.incr(name)
                pipeline.expire(name, seconds + 1)
                counted, _ = await pipeline.execute()
        except (RedisError, OSError) as error:
            raise CounterAway from error
        return int(counted)


class Rates:
    """The rate limits of every project. Open it with `async with`."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._memory = MemoryCounter()
        self._shared: dict[str, RedisCounter] = {}
        self._stack = AsyncExitStack()
        self._away_until = 0.0

    async def __aenter__(self) -> Rates:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def count(self, config: RateLimitConfig, whose: str, who: str) -> Rate:
        """One more request of an address or a user, of the project with that public key."""
        interval = int(time.time()) // config.interval
        key = f"{whose}:{who}"
        used = await self._counted(config, key, interval)
        return Rate(config.limit, used, (interval + 1) * config.interval)

    async def _counted(self, config: RateLimitConfig, key: str, interval: int) -> int:
        if config.adapter == "redis" and time.monotonic() >= self._away_until:
            try:
                return await self._redis(config).count(key, interval, config.interval)
            except CounterAway as error:
                # Requests are not to fail for it, nor to wait; they are counted here meanwhile.
                self._away_until = time.monotonic() + PAUSE_SECONDS
                self._observer(TaskFailed("count requests by Redis", error))
        return self._memory.count(key, interval, config.interval)

    def _redis(self, config: RateLimitConfig) -> RedisCounter:
        counter = self._shared.get(config.redis_url)
        if counter is None:
            try:
                from redis.asyncio import Redis
            except ImportError as error:
                raise CounterAway("The package `redis` is missing") from error
            client = Redis.from_url(
                config.redis_url,
                socket_timeout=REDIS_SECONDS,
                socket_connect_timeout=REDIS_SECONDS,
            )
            self._stack.push_async_callback(client.aclose)
            counter = self._shared[config.redis_url] = RedisCounter(client)
        return counter
