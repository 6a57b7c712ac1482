"""From the columns of a table to the items in its lines: the way back from `columns`.

A dotted name leads over many-to-one relations; the columns below one relation make the
object that is written through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct

from conductus.errors import Unprocessable, ValidationFailed
from conductus.items.changes import Item
from conductus.schema.model import Collection, Field, Schema
from conductus.schema.types.json import decode
from conductus.transfer.csv_writing import NUMBERS
from conductus.transfer.guarding import unguarded

MOST: Final = 1000
"""Columns of a table."""
Read = Callable[[str], Any]


class Heading(Struct, frozen=True):
    """One column of a file, and where its values go."""

    path: tuple[str, ...]
    read: Read
    """What a cell of text says."""


def headings(names: Sequence[str], collection: Collection, schema: Schema) -> list[Heading]:
    """What the names in the first line mean.

    Raises `Unprocessable` for names that mean nothing, all of them at once.
    """
    if len(names) > MOST:
        raise Unprocessable(f"More than {MOST} columns", details={"limit": MOST})
    found = [_heading(name, collection, schema) for name in names]
    strangers = [name for name, one in zip(names, found, strict=True) if one is None]
    if strangers:
        told = ", ".join(repr(name[:64]) for name in strangers[:10])
        raise Unprocessable(f"{collection.name!r} has no field {told}")
    known = [one for one in found if one is not None]
    _check_apart([one.path for one in known])
    _check_keys([one.path for one in known], collection, schema)
    return known


def item_of(headings: Sequence[Heading], cells: Sequence[str | None]) -> Item:
    """The item that stands in a line."""
    item: Item = {}
    for heading, cell in zip(headings, cells, strict=True):
        value = None if cell is None else heading.read(cell)
        if len(heading.path) == 1:
            item[heading.path[0]] = value
        else:
            _put(item, heading.path, value)
    return _settled(item)


class _Below(dict[str, Any]):
    """An object that dotted columns make."""


def _put(item: Item, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        item = item.setdefault(name, _Below())
    item[path[-1]] = value


def _settled(item: Item) -> Item:
    """The item with what its dotted columns say."""
    return {
        name: _kept(value) if isinstance(value, _Below) else value for name, value in item.items()
    }


def _kept(below: _Below) -> Item | None:
    """The object, or null where all its cells say nothing."""
    item = _settled(below)
    return item if any(value is not None for value in item.values()) else None


def _heading(name: str, collection: Collection, schema: Schema) -> Heading | None:
    for spelled in (name, unguarded(name)):
        field = collection.fields.get(spelled)
        if field is not None:
            return Heading((spelled,), reader_of(field))
    path, home = name.split("."), collection
    for place, part in enumerate(path):
        field = home.fields.get(part)
        if field is None:
            return None
        if place == len(path) - 1:
            return Heading(tuple(path), reader_of(field))
        relation = schema.many_to_one.get((home.name, part))
        if relation is None:
            return None
        home = schema.collections[relation.collection_one]
    return None


def _check_apart(paths: Sequence[tuple[str, ...]]) -> None:
    """Raises `ValidationFailed` for a field that is named twice, or is both key and object."""
    taken = set(paths)
    for place, path in enumerate(paths):
        twice = path in paths[:place]
        if twice or any(path[:length] in taken for length in range(1, len(path))):
            raise ValidationFailed(f"The column {'.'.join(path)} is there twice")


def _check_keys(paths: Sequence[tuple[str, ...]], collection: Collection, schema: Schema) -> None:
    """Related items are known by their keys: without one, each line would make another."""
    for above in dict.fromkeys(path[:length] for path in paths for length in range(1, len(path))):
        home = collection
        for name in above:
            home = schema.collections[schema.many_to_one[home.name, name].collection_one]
        (key,) = home.primary_key
        if (*above, key) not in paths:
            needed = ".".join((*above, key))
            raise Unprocessable(f"The columns below {'.'.join(above)} need the column {needed}")


def reader_of(field: Field) -> Read:
    """What a cell of a field says."""
    match field.type:
        case "json" | "o2m" | "translation":
            return decode
        case "array":
            return _list
        case "boolean":
            # Spreadsheets write it in capitals.
            return str.lower
        case kind if kind in NUMBERS:
            return str
        case _:
            return unguarded


def _list(text: str) -> Any:
    """A JSON list; else the texts between commas, as people write them."""
    found = decode(text) if text.startswith("[") else text
    return found if isinstance(found, list) else text
