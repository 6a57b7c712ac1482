"""What a write leaves behind for its answer.

The row that a statement has stored answers the client without another read, wherever a
read would find that very row and show nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from msgspec import Struct

from conductus.database.executor import Row
from conductus.items.levels import Level
from conductus.items.predicate import Combined, Test
from conductus.query.item_query import Operator
from conductus.schema.model import Collection


class Written(Struct, frozen=True):
    """An item that was written."""

    key: str
    row: Row | None = None
    """As it is stored, every column in the order of the fields; None where nobody knows."""


class Rearranged(Struct, frozen=True):
    """How a stored row becomes the row that a read of the same item would give."""

    pick: Callable[[Row], Row]
    status: int | None
    """Place of the status, where the read asks for those in `shown`."""
    shown: frozenset[str]

    def __call__(self, row: Row) -> Row | None:
        """The row as the read gives it; None where the read may not find it."""
        if self.status is not None and str(row[self.status]) not in self.shown:
            return None
        return self.pick(row)


def rearranged(level: Level, collection: Collection) -> Rearranged | None:
    """For a level that reads by key for somebody who may read every row.

    None when the level asks for more than the key and the statuses shown by default, or
    shows more than columns of the item itself.
    """
    if len(level.nodes) != 1:
        return None
    asked = level.where.members if isinstance(level.where, Combined) else (level.where,)
    rest = [each for each in asked if not _is_key(each, collection)]
    if rest and not (len(rest) == 1 and _is_status(rest[0], collection)):
        return None
    stored = {field.name: place for place, field in enumerate(collection.columns())}
    (node,) = level.nodes
    places = [stored[name] for name in node.columns]
    return Rearranged(
        pick=_picker(places, len(stored)),
        status=stored[collection.status_field or ""] if rest else None,
        shown=frozenset(str(one.value) for one in collection.statuses if not one.soft_delete),
    )


def _picker(places: list[int], width: int) -> Callable[[Row], Row]:
    if places == list(range(width)):
        return tuple
    if len(places) > 1:
        return itemgetter(*places)
    # A level that shows nothing of a row selects a constant.
    return lambda row: tuple(row[place] for place in places) or (1,)


def _is_key(predicate: Any, collection: Collection) -> bool:
    return isinstance(predicate, Test) and predicate.path[0] in collection.primary_key


def _is_status(predicate: Any, collection: Collection) -> bool:
    return (
        isinstance(predicate, Test)
        and predicate.path == (collection.status_field,)
        and predicate.operator is Operator.IN
    )
