"""What is worked out for a collection once, and again when the collection is another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from conductus.schema.model import Collection

T = TypeVar("T")
_MOST_KEPT: Final = 1024


class PerCollection(Generic[T]):
    """Gives what `work_out` makes of a collection as it is in the schema of the request."""

    def __init__(self, work_out: Callable[[Collection], T]) -> None:
        self._work_out = work_out
        self._kept: dict[str, tuple[Collection, T]] = {}

    def __call__(self, collection: Collection) -> T:
        """The same object for the same collection."""
        kept = self._kept.get(collection.name)
        if kept is None or kept[0] is not collection:
            # Names come and go: what is no longer there goes with the rest, now and then.
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            kept = self._kept[collection.name] = collection, self._work_out(collection)
        return kept[1]
