"""How often somebody may fail to log in. Kept in memory, bounded; pure but for that.

Each address, and each user who has shown the right password, has a bucket of failures
that fills up again slowly. Source: authentication page §3 and §8, [FIX].
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from msgspec import Struct

from conductus.errors import TooManyRequests

MOST_KEPT: Final = 10_000


class Pace(Struct, frozen=True):
    """How many failures in a row, and seconds after which one more is allowed again."""

    most: int
    seconds_each: int


OF_ADDRESSES: Final = Pace(60, 10)
"""More than the attempts after which a user is suspended by default."""
OF_ONE_TIME_PASSWORDS: Final = Pace(10, 300)
"""Of one user: whoever guesses knows the password already."""


class _Bucket(Struct):
    failures: float
    at: datetime


class Throttle:
    """Counts failures by whom they are counted against."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._buckets: dict[str, _Bucket] = {}

    def check(self, key: str, now: datetime) -> None:
        """Raises `TooManyRequests` (7/429) while there were too many failures."""
        excess = self._failures(key, now) - (self._pace.most - 1)
        if excess > 0:
            raise TooManyRequests(ceil(excess * self._pace.seconds_each))

    def failed(self, key: str, now: datetime) -> None:
        """One more failure."""
        self._put(key, self._failures(key, now) + 1, now)

    def forgive(self, key: str, now: datetime) -> None:
        """What was counted as a failure before it was known turned out to be none."""
        self._put(key, max(0.0, self._failures(key, now) - 1), now)

    def exhaust(self, key: str, now: datetime) -> None:
        """The next attempt may come only after a pause."""
        self._put(key, max(self._pace.most + 2.0, self._failures(key, now)), now)

    def forget(self, key: str) -> None:
        """It went well at last."""
        self._buckets.pop(key, None)

    def _failures(self, key: str, now: datetime) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            return 0.0
        passed = max(now - bucket.at, timedelta(0)).total_seconds()
        return max(0.0, bucket.failures - passed / self._pace.seconds_each)

    def _put(self, key: str, failures: float, now: datetime) -> None:
        self._buckets.pop(key, None)
        while len(self._buckets) >= MOST_KEPT:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = _Bucket(failures, now)
