"""How many requests an address, and a user, may make in an interval.

Intervals begin at full multiples, so a count is one number under a key that names its
interval: nothing has to be swept. Counted in this worker's memory, or by Redis for all
workers; while Redis is away, in memory. Source: authentication page §8.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from conductus.config import RateLimitConfig
from conductus.errors import TooManyRequests
from conductus.http.reply import Headers
from conductus.tallies.redis import RedisAway, RedisDoor

if TYPE_CHECKING:
    from redis.asyncio import Redis

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


class Rates:
    """The rate limits of every project."""

    def __init__(self, redis: RedisDoor) -> None:
        self._redis = redis
        self._memory = MemoryCounter()

    async def count(self, config: RateLimitConfig, whose: str, who: str) -> Rate:
        """One more request of an address or a user, of the project with that public key."""
        interval = int(time.time()) // config.interval
        key = f"{whose}:{who}"
        used = await self._counted(config, key, interval)
        return Rate(config.limit, used, (interval + 1) * config.interval)

    async def _counted(self, config: RateLimitConfig, key: str, interval: int) -> int:
        if config.adapter == "redis":
            name = f"conductus:rate:{key}:{interval}"
            try:
                return await self._redis.ask(
                    config.redis_url, lambda client: _count(client, name, config.interval)
                )
            except RedisAway:
                # They are counted here meanwhile.
                pass
        return self._memory.count(key, interval, config.interval)


async def _count(client: Redis, name: str, seconds: int) -> int:
    """One more for every worker of every server, in one round trip."""
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.incr(name)
        pipeline.expire(name, seconds + 1)
        counted, _ = await pipeline.execute()
    return int(counted)
