"""A bounded memory of compiled statements, keyed by shape."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class StatementCache(Generic[T]):
    """Keeps the `size` values that were asked for last."""

    def __init__(self, size: int = 1024) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, build: Callable[[], T]) -> T:
        """The value under the key, built when it is not there."""
        found = self.find(key)
        if found is None:
            found = build()
            self.put(key, found)
        return found

    def find(self, key: Hashable) -> T | None:
        """The value under the key."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, value: T) -> None:
        """Keeps a value; the one that was asked for longest ago may have to go."""
        self._kept[key] = value
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
