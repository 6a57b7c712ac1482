"""Many new items that give the same fields, judged column by column.

It says yes or nothing: where a value needs a closer look, or is refused, the items are
judged one by one, which tells what is wrong with which of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from conductus.errors import ApiError
from conductus.items.changes import Item
from conductus.items.profile import OwnField, Profile
from conductus.schema.types.field_type import Plain


def values_alike(profile: Profile, bodies: Sequence[Item]) -> list[dict[str, Plain]] | None:
    """The plain values of each item, where all of them are sure to pass.

    The first of them must have passed by itself: what it does not give is not looked at.
    """
    names = tuple(bodies[0])
    if len(names) < 2 or not _may_be_judged_together(profile, names):
        return None
    if set(map(len, bodies)) != {len(names)}:
        return None
    try:
        rows = list(map(itemgetter(*names), bodies))
    except KeyError:
        return None
    columns = []
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        column = _column(profile.own[name], values)
        if column is None:
            return None
        columns.append(column)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _may_be_judged_together(profile: Profile, names: Sequence[str]) -> bool:
    """Whether what one item must give, or is given, depends on none of its own values."""
    if profile.slugs or profile.identifiers or not profile.quick.keys() >= set(names):
        return False
    return not profile.incomplete or all(field.name in names for field in profile.needed)


def _column(own: OwnField, values: Sequence[Any]) -> Sequence[Plain] | None:
    """The values of one field, parsed; None unless all are sure to pass."""
    some_null = None in values
    if own.needs_value and (some_null or "" in values):
        return None
    if own.settled([value for value in values if value is not None] if some_null else values):
        return values
    # An object may be a change of what a field leads to.
    if dict in map(type, values):
        return None
    parse = own.parse
    try:
        return [None if value is None else parse(value) for value in values]
    except ApiError:
        return None
