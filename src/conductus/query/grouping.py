"""`groups` and `aggregate`: figures over items instead of the items.

Source: items page §3.9 of the API reference.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from conductus.errors import Unprocessable, ValidationFailed
from conductus.query.item_query import Aggregate, SortKey
from conductus.query.limits import Limits
from conductus.query.values import clean, entries
from conductus.schema.model import NUMBERS, Collection, Kind

Function = Literal["count", "countDistinct", "sum", "avg", "min", "max"]
FUNCTIONS: dict[str, Function] = {name: name for name in get_args(Function)}

_ORDERED = NUMBERS | {Kind.TEXT, Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.DATETIME_ZONE}
# What not every database can tell apart.
_COMPARABLE = frozenset(Kind) - {Kind.JSON, Kind.OPAQUE}
_SUITABLE: dict[Function, frozenset[Kind]] = {
    "count": frozenset(Kind),
    "countDistinct": _COMPARABLE,
    "sum": NUMBERS,
    "avg": NUMBERS,
    "min": _ORDERED,
    "max": _ORDERED,
}


def groups(value: Any, collection: Collection, limits: Limits) -> tuple[str, ...]:
    """The fields to group by. Raises `FieldNotFound`, `Unprocessable`."""
    names = tuple(dict.fromkeys(entries("groups", value)))
    if len(names) > limits.max_fields:
        raise Unprocessable(f"More than {limits.max_fields} entries in `groups`")
    for name in names:
        _check(collection, name, _COMPARABLE, "grouped by")
    return names


def aggregates(value: Any, collection: Collection, limits: Limits) -> tuple[Aggregate, ...]:
    """The figures asked for. Raises `FieldNotFound`, `Unprocessable`, `ValidationFailed`."""
    if value is None or value == "":
        return ()
    if not isinstance(value, dict):
        raise ValidationFailed({"aggregate": "Name a function: `aggregate[count]=*`"})
    figures: dict[Aggregate, None] = {}
    for name, fields in value.items():
        function = FUNCTIONS.get(name)
        if function is None:
            known, told = ", ".join(FUNCTIONS), clean("aggregate", name)[:100]
            raise ValidationFailed({"aggregate": f"There is no function {told!r}, only {known}"})
        for field in entries("aggregate", fields):
            if field != "*" or function != "count":
                _check(collection, field, _SUITABLE[function], f"asked for its {function}")
            figures[Aggregate(function, field)] = None
    if len(figures) > limits.max_fields:
        raise Unprocessable(f"More than {limits.max_fields} entries in `aggregate`")
    return tuple(figures)


def check_sort(sort: tuple[SortKey, ...], groups: tuple[str, ...]) -> None:
    """Raises `Unprocessable` for an order that the groups do not have."""
    for key in sort:
        if key.field is not None and key.field not in groups:
            raise Unprocessable(f"{key.field}: Groups can be sorted by the fields of `groups` only")


def _check(collection: Collection, name: str, suitable: frozenset[Kind], what: str) -> None:
    column = collection.field(name).column
    if column is None or column.kind not in suitable:
        raise Unprocessable(f"{name}: The field cannot be {what}")
