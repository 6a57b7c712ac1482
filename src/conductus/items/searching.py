"""What full-text search looks for, and where. Source: items page §3.6."""

from __future__ import annotations

from conductus.schema.model import NUMBERS, Collection
from conductus.schema.types import field_type

_OF_NUMBERS = frozenset("0123456789.+-eE")


def words(search: str | None) -> tuple[str, ...]:
    """What is searched for: the whole text."""
    return (search,) if search else ()


def numberlike(text: str) -> bool:
    """True when the text could stand in a number; else no number need be looked at."""
    return _OF_NUMBERS.issuperset(text)


def searchable(
    collection: Collection, *, numeric: bool, but: frozenset[str] = frozenset()
) -> list[str]:
    """Names of the text columns, and with `numeric` of the number columns too."""
    return [
        field.name
        for field in collection.columns()
        if field.name not in but
        and field_type(field.type).searchable
        and (numeric or field.kind not in NUMBERS)
    ]
