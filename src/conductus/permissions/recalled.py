"""Whether somebody could see an item that is no longer there to be read. Pure.

The rule of the rows is asked of what is remembered of the item. What is not remembered
decides for no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from conductus.permissions.scope import Sight
from conductus.query.item_query import (
    ME,
    Compare,
    Filter,
    Group,
    Held,
    Not,
    Operator,
    Some,
    Statuses,
    every,
)
from conductus.schema.model import Collection

Remembered = Mapping[tuple[str, ...], Any]
"""Path from the item → the value that was there."""


def could_see(
    sight: Sight, collection: Collection, statuses: Statuses, item: Remembered, user: int
) -> bool:
    """Whether the item was among the rows, and its key shown in it."""
    return _holds(told(sight, collection, statuses), item, user)


def told(sight: Sight, collection: Collection, statuses: Statuses) -> Filter:
    """The rows whose keys may be told."""
    if not collection.primary_key or not sight.hidden(collection).isdisjoint(
        collection.primary_key
    ):
        return Group("any", ())
    return every(
        sight.rows(collection, statuses),
        *(sight.showing(collection, name) for name in collection.primary_key),
    )


def _holds(filter: Filter, item: Remembered, user: int) -> bool:
    match filter:
        case Compare():
            return _compares(filter, item, user)
        case Group(mode="all", members=members):
            return all(_holds(member, item, user) for member in members)
        case Group(members=members):
            return any(_holds(member, item, user) for member in members)
        case Held() | Not() | Some():
            # No rule is made of the latter two.
            return False
        case _:
            assert_never(filter)


def _compares(leaf: Compare, item: Remembered, user: int) -> bool:
    if leaf.path not in item:
        return False
    value = item[leaf.path]
    if leaf.operator is Operator.NULL:
        return value is None
    if value is None:
        return False
    match leaf.operator:
        case Operator.EQ:
            return str(value) == str(user if leaf.value is ME else leaf.value)
        case Operator.IN:
            return str(value) in map(str, leaf.value)
        case Operator.NIN:
            return str(value) not in map(str, leaf.value)
        case _:
            return False
