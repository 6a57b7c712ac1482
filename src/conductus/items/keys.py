"""Keys of items: the text of a URL, the parts in a body, the plain values of the columns.

A key is a tuple of plain values in the order of the key columns, also where there is one.
Its text is the parts joined by commas (schema page §3.3); where there are several, a comma
inside a part stands as `%2C` and `%` as `%25`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from conductus.errors import ItemNotFound, Unprocessable
from conductus.schema.letters import lacks
from conductus.schema.model import Collection, Field, Kind
from conductus.schema.types import NoMatch, type_of
from conductus.schema.types.field_type import NO_MATCH, Plain

Key = tuple[Plain, ...]
_SHORT_KEY: Final = re.compile("[1-9][0-9]{0,17}")
_WHOLES: Final = frozenset({"integer", "sort"})


def key_of_text(text: str, collection: Collection, now: datetime) -> Key:
    """The key that a text stands for.

    Raises `ItemNotFound` for one that no item can have.
    """
    names = collection.primary_key
    if len(names) == 1 and _is_short(text, collection.fields[names[0]]):
        # Nearly every key.
        return (int(text),)
    parts = parts_of_text(text, collection)
    if len(parts) != len(names):
        raise ItemNotFound(collection.name, text)
    values = [
        key_value(part, collection.fields[name], now)
        for name, part in zip(names, parts, strict=True)
    ]
    if any(isinstance(value, NoMatch) for value in values):
        raise ItemNotFound(collection.name, text)
    return tuple(values)


def parts_of_text(text: str, collection: Collection) -> list[str]:
    """The texts of the key columns' values."""
    if len(collection.primary_key) == 1:
        return [text]
    return [part.replace("%2C", ",").replace("%25", "%") for part in text.split(",")]


def key_value(text: str, field: Field, now: datetime) -> Plain | NoMatch:
    """The value of a key column that a text stands for: `1`, but not `01` or `1.0`."""
    if _is_short(text, field):
        return int(text)
    value = type_of(field).operand(text, field, now)
    if lacks(field.column, value):
        return NO_MATCH
    return NO_MATCH if isinstance(value, int) and str(value) != text else value


def _is_short(text: str, field: Field) -> bool:
    """Whether it is a number, written as numbers are, of a column of whole numbers."""
    return (
        field.kind is Kind.INTEGER
        and field.type in _WHOLES
        and _SHORT_KEY.fullmatch(text) is not None
    )


def text_of_key(key: Key, collection: Collection) -> str:
    """The text of a key, as URLs and history have it."""
    if len(key) == 1 and type(key[0]) is int:
        # Nearly every key, and every type of field shows it as it is.
        return str(key[0])
    named = zip(collection.primary_key, key, strict=True)
    parts = [_text(collection.fields[name], value) for name, value in named]
    if len(parts) == 1:
        return parts[0]
    return ",".join(part.replace("%", "%25").replace(",", "%2C") for part in parts)


def shown_key(key: Key, collection: Collection) -> Plain:
    """A key as programs get it: the value itself, or the text of a composite one."""
    if len(key) == 1 and isinstance(key[0], int | str):
        return key[0]
    return text_of_key(key, collection)


def find_key_in_body(body: Mapping[str, Any], collection: Collection) -> Key | None:
    """The key that a body names, parsed; None when a part is missing, null or empty."""
    values = [body.get(name) for name in collection.primary_key]
    if any(map(_blank, values)):
        return None
    return tuple(
        _parsed(value, collection.fields[name])
        for name, value in zip(collection.primary_key, values, strict=True)
    )


def find_new_key(key: Key, body: Mapping[str, Any], collection: Collection) -> Key | None:
    """The key with the parts that a body names in the place of its own; None without any."""
    if all(map(_blank, map(body.get, collection.primary_key))):
        return None
    return tuple(
        part if _blank(body.get(name)) else _parsed(body[name], collection.fields[name])
        for part, name in zip(key, collection.primary_key, strict=True)
    )


def key_fixed(collection: Collection) -> Unprocessable:
    """What is said to who would change the key of an item."""
    names = ", ".join(collection.primary_key)
    return Unprocessable(f"{names}: the key of an item cannot be changed")


def check_writable(collection: Collection) -> None:
    """Raises `Unprocessable` for what can be read only: views, tables without a key."""
    if collection.view:
        raise Unprocessable(f"{collection.name!r} is a view: it can be read only")
    if not collection.primary_key:
        raise Unprocessable(f"{collection.name!r} has no primary key: it can be read only")


def _blank(value: Any) -> bool:
    return value is None or value == "" or isinstance(value, dict)


def _parsed(value: Any, field: Field) -> Plain:
    return type_of(field).parse(value, field)


def _text(field: Field, value: Plain) -> str:
    present = type_of(field).recorder(field.kind)
    return str(value if present is None else present(value))
