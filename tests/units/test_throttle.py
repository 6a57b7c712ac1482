"""Throttles: buckets that drain, in a file that workers share or in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from conductus.config import RateLimitConfig
from conductus.errors import TooManyRequests
from conductus.tallies.bucket_file import WAYS, BucketFile
from conductus.tallies.redis import RedisDoor
from conductus.tallies.throttle import Pace, Throttle, Throttles
from conductus.telemetry import Observation, TaskFailed, silent
from tests.databases import redis_url, require_redis

NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
PACE = Pace(5, 10)
FILE = RateLimitConfig()
NOWHERE = RateLimitConfig(adapter="redis", redis_url="redis://127.0.0.1:1/0")


@asynccontextmanager
async def throttle(folder: Path, name: str = "guesses") -> AsyncIterator[Throttle]:
    """What one worker has."""
    async with RedisDoor(silent) as door:
        with Throttles(folder / "run" / "throttles", door) as throttles:
            yield throttles.of(name, PACE)


@pytest.fixture(params=["file", "redis"])
def how(request: pytest.FixtureRequest) -> RateLimitConfig:
    """Each place of the buckets."""
    if request.param == "file":
        return FILE
    require_redis()
    where = redis_url().render_as_string(hide_password=False)
    return RateLimitConfig(adapter="redis", redis_url=where)


@pytest.fixture
def key() -> str:
    """Somebody whom nobody has counted yet."""
    return token_hex(8)


async def take(counting: Throttle, times: int, key: str, how: RateLimitConfig) -> None:
    for _ in range(times):
        await counting.take(key, NOW, how)


async def wait(counting: Throttle, key: str, how: RateLimitConfig) -> int:
    """The seconds that a refusal names."""
    with pytest.raises(TooManyRequests) as refusal:
        await counting.take(key, NOW, how)
    return int(refusal.value.headers["Retry-After"])


async def test_who_took_too_many_has_to_wait(
    tmp_path: Path, how: RateLimitConfig, key: str
) -> None:
    async with throttle(tmp_path) as counting:
        await take(counting, PACE.most, key, how)
        assert await wait(counting, key, how) == PACE.seconds_each
        await counting.take(f"{key}-another", NOW, how)
        later = NOW + timedelta(seconds=PACE.seconds_each)
        await counting.take(key, later, how)
        with pytest.raises(TooManyRequests):
            await counting.take(key, later, how)


async def test_what_was_none_is_forgiven(tmp_path: Path, how: RateLimitConfig, key: str) -> None:
    async with throttle(tmp_path) as counting:
        await take(counting, PACE.most, key, how)
        await counting.forgive(key, NOW, how)
        await counting.take(key, NOW, how)
        assert await wait(counting, key, how) == PACE.seconds_each
        # Whoever has nothing to be forgiven does not get more than others.
        await counting.forget(key, NOW, how)
        await counting.forgive(key, NOW, how, cost=100)
        await take(counting, PACE.most, key, how)
        await wait(counting, key, how)


async def test_many_at_once_cost_as_much(tmp_path: Path, how: RateLimitConfig, key: str) -> None:
    async with throttle(tmp_path) as counting:
        await counting.take(key, NOW, how, cost=8)
        assert await wait(counting, key, how) == 4 * PACE.seconds_each


async def test_who_is_exhausted_waits_at_once(
    tmp_path: Path, how: RateLimitConfig, key: str
) -> None:
    async with throttle(tmp_path) as counting:
        await counting.exhaust(key, NOW, how)
        assert await wait(counting, key, how) == 3 * PACE.seconds_each
        await counting.take(key, NOW + timedelta(minutes=1), how)


async def test_workers_count_together_and_throttles_apart(
    tmp_path: Path, how: RateLimitConfig, key: str
) -> None:
    folders = (tmp_path, tmp_path) if how is FILE else (tmp_path / "a", tmp_path / "b")
    async with throttle(folders[0]) as one, throttle(folders[1]) as two:
        await take(one, 3, key, how)
        await take(two, 2, key, how)
        for counting in (one, two):
            await wait(counting, key, how)
        async with throttle(folders[0], "letters") as other:
            await take(other, PACE.most, key, how)
    # A restart forgives nobody.
    async with throttle(folders[0]) as again:
        await wait(again, key, how)


async def test_many_at_a_time_do_not_get_by(tmp_path: Path, how: RateLimitConfig, key: str) -> None:
    async with throttle(tmp_path) as counting:
        results = await asyncio.gather(
            *(counting.take(key, NOW, how) for _ in range(20)), return_exceptions=True
        )
        assert sum(result is None for result in results) == PACE.most


async def test_while_redis_is_away_the_file_counts(tmp_path: Path, key: str) -> None:
    seen: list[Observation] = []
    async with RedisDoor(seen.append) as door:
        with Throttles(tmp_path / "throttles", door) as throttles:
            counting = throttles.of("guesses", PACE)
            await take(counting, PACE.most, key, NOWHERE)
            await wait(counting, key, NOWHERE)
            await wait(counting, key, FILE)
    # Told once, and not asked again for a while.
    assert [type(each) for each in seen] == [TaskFailed]


def held(file: BucketFile, key: str) -> float:
    """What a bucket holds; it is left so."""
    found = 0.0

    def look(held: float) -> float:
        nonlocal found
        found = held
        return held

    file.change(key, look)
    return found


def test_the_file_is_bounded_and_keeps_the_worst(tmp_path: Path) -> None:
    path = tmp_path / "buckets"
    file = BucketFile(path, sets=1)
    try:
        file.change("the worst", lambda held: 1000.0)
        for number in range(WAYS * 10):
            file.change(f"key {number}", lambda held: 10.0)
        assert [held(file, key) for key in ("the worst", "key 0")] == [1000.0, 0.0]
        assert path.stat().st_size == WAYS * 24
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        file.close()


def test_a_refused_change_changes_nothing(tmp_path: Path) -> None:
    file = BucketFile(tmp_path / "buckets", sets=2)
    try:
        file.change("somebody", lambda held: 5.0)
        with pytest.raises(ZeroDivisionError):
            file.change("somebody", lambda held: 1 / 0)
        assert held(file, "somebody") == 5.0
    finally:
        file.close()
