"""How much each client may hold open, and all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from conductus.errors import TooManyRequests

AGAIN_SECONDS: Final = 10
"""When to come again where there is no room."""


class Seats:
    """What is held open, by client."""

    def __init__(self, most: int, per_client: int) -> None:
        self._most = most
        self._per_client = per_client
        self._taken: Counter[str] = Counter()

    def check(self, client: str) -> None:
        """Raises `TooManyRequests` (7/429) where there is no room."""
        if self._taken.total() >= self._most or self._taken[client] >= self._per_client:
            raise TooManyRequests(AGAIN_SECONDS)

    @contextmanager
    def taken(self, client: str) -> Iterator[None]:
        """One more, until the end of the block. Raises `TooManyRequests`."""
        self.check(client)
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if self._taken[client] <= 0:
                del self._taken[client]
