"""How often one address may fail to log in. Kept in memory, bounded; pure but for that.

Each address has a bucket of failures that fills up again slowly. Source: authentication
page §8, [FIX].
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from msgspec import Struct

from conductus.auth.address import block_of
from conductus.errors import TooManyRequests

MOST_FAILURES: Final = 60
"""In a row; more than the attempts after which a user is suspended by default."""
SECONDS_EACH: Final = 10
"""After which one more is allowed again."""
MOST_ADDRESSES: Final = 10_000


class _Bucket(Struct):
    failures: float
    at: datetime


class Throttle:
    """Counts failed logins by address; with other numbers, something else by another word."""

    def __init__(self, most: int = MOST_FAILURES, seconds_each: int = SECONDS_EACH) -> None:
        self._most = most
        self._seconds_each = seconds_each
        self._buckets: dict[str, _Bucket] = {}

    def check(self, address: str, now: datetime) -> None:
        """Raises `TooManyRequests` (7/429) while the address has failed too often."""
        excess = self._failures(block_of(address), now) - (self._most - 1)
        if excess > 0:
            raise TooManyRequests(ceil(excess * self._seconds_each))

    def failed(self, address: str, now: datetime) -> None:
        """One more login failed."""
        block = block_of(address)
        self._put(block, self._failures(block, now) + 1, now)

    def exhaust(self, address: str, now: datetime) -> None:
        """The address may try again only after a pause."""
        block = block_of(address)
        self._put(block, max(self._most + 2.0, self._failures(block, now)), now)

    def _failures(self, block: str, now: datetime) -> float:
        bucket = self._buckets.get(block)
        if bucket is None:
            return 0.0
        passed = max(now - bucket.at, timedelta(0)).total_seconds()
        return max(0.0, bucket.failures - passed / self._seconds_each)

    def _put(self, block: str, failures: float, now: datetime) -> None:
        self._buckets.pop(block, None)
        while len(self._buckets) >= MOST_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[block] = _Bucket(failures, now)
