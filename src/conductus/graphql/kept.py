"""A memory within a bound, for what was asked for last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Keeps values whose weights together stay within a bound."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def find(self, key: Key) -> Value | None:
        """The value under the key."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: Key, value: Value, weight: int) -> None:
        """Keeps a value; those that were asked for longest ago may have to go."""
        known = self._entries.pop(key, None)
        if known is not None:
            self._weight -= known[1]
        if weight > self._most:
            return
        self._entries[key] = value, weight
        self._weight += weight
        while self._weight > self._most:
            _, (_, lightened) = self._entries.popitem(last=False)
            self._weight -= lightened
