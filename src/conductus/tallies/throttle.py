"""How often somebody may fail, or ask, in a row.

Each has a bucket that takes so many, and drains slowly. The buckets of a server are in a
file that its workers share; where a project counts by Redis, they are there, for every
server; while Redis is away, in the file. Source: authentication page §3 and §8, [FIX].
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from conductus.config import RateLimitConfig
from conductus.errors import TooManyRequests
from conductus.tallies.bucket_file import BucketFile
from conductus.tallies.redis import RedisAway, RedisDoor

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Both answer how many seconds are to be waited, as text: Redis would cut a number.
_TAKE: Final = """
local now, each, most, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local empty_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = empty_at - now - (most - 1) * each
if wait > 0 then return string.format('%.6f', wait) end
empty_at = empty_at + cost * each
redis.call('SET', KEYS[1], string.format('%.6f', empty_at), 'EX', math.ceil(empty_at - now) + 1)
return '0'
"""  # noqa: E501
_MOVE: Final = """
local now, by, least = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local empty_at = math.max(now, held + by, least)
if empty_at <= now then redis.call('DEL', KEYS[1]) return '0' end
redis.call('SET', KEYS[1], string.format('%.6f', empty_at), 'EX', math.ceil(empty_at - now) + 1)
return '0'
"""


class Pace(Struct, frozen=True):
    """How many in a row, and seconds after which one more is allowed again."""

    most: int
    seconds_each: int


class Throttles(AbstractContextManager["Throttles"]):
    """Where the buckets are."""

    def __init__(self, path: Path, redis: RedisDoor) -> None:
        self._path = path
        self._redis = redis

    def __enter__(self) -> Throttles:
        self._file = BucketFile(self._path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def of(self, name: str, pace: Pace) -> Throttle:
        """The throttle of that name, whose keys are its own."""
        return Throttle(name, pace, self._file, self._redis)


class Throttle:
    """Counts by whom it is counted against. `how` says where a project has it counted."""

    def __init__(self, name: str, pace: Pace, file: BucketFile, redis: RedisDoor) -> None:
        self._name = name
        self._pace = pace
        self._file = file
        self._redis = redis

    async def take(self, key: str, now: datetime, how: RateLimitConfig, cost: int = 1) -> None:
        """Counts one more, or as many as it costs. At once, or many at a time would get by.

        Raises `TooManyRequests` (7/429) while there were too many before.
        """
        moment, each, most = now.timestamp(), self._pace.seconds_each, self._pace.most
        arguments = (moment, each, most, cost)
        answer = await self._by_redis(_TAKE, key, how, arguments)
        if answer is None:
            self._file.change(self._key(key), lambda held: _taken(held, *arguments))
        elif float(answer) > 0:
            raise TooManyRequests(ceil(float(answer)))

    async def forgive(self, key: str, now: datetime, how: RateLimitConfig, cost: int = 1) -> None:
        """What was counted before it was known turned out to be none."""
        await self._move(key, now, how, -cost * self._pace.seconds_each, 0.0)

    async def exhaust(self, key: str, now: datetime, how: RateLimitConfig) -> None:
        """The next may come only after a pause."""
        least = now.timestamp() + (self._pace.most + 2) * self._pace.seconds_each
        await self._move(key, now, how, 0.0, least)

    async def forget(self, key: str, now: datetime, how: RateLimitConfig) -> None:
        """It went well at last."""
        await self._move(key, now, how, float("-1e15"), 0.0)

    async def _move(
        self, key: str, now: datetime, how: RateLimitConfig, by: float, least: float
    ) -> None:
        moment = now.timestamp()
        if await self._by_redis(_MOVE, key, how, (moment, by, least)) is None:
            self._file.change(
                self._key(key), lambda held: max(moment, max(held, moment) + by, least)
            )

    async def _by_redis(
        self, script: str, key: str, how: RateLimitConfig, arguments: tuple[float, ...]
    ) -> str | None:
        """What the script answers; None where the file counts."""
        if how.adapter != "redis":
            return None
        words = [f"conductus:throttle:{self._key(key)}", *map(repr, arguments)]

        async def run(client: Redis) -> Any:
            # Its type says that it may answer at once, which is true of the other client.
            return await cast("Any", client.eval(script, 1, *words))

        try:
            answer = await self._redis.ask(how.redis_url, run)
        except RedisAway:
            return None
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    def _key(self, key: str) -> str:
        return f"{self._name}:{key}"


def _taken(held: float, now: float, each: float, most: float, cost: float) -> float:
    empty_at = max(held, now)
    wait = empty_at - now - (most - 1) * each
    if wait > 0:
        raise TooManyRequests(ceil(wait))
    return empty_at + cost * each
