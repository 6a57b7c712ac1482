"""Which type of Parquet a field has, and how its JSON values become values of that type.

Numbers, moments and decimals are what they are; many-to-one relations are structs, to-many
relations lists of structs, JSON is text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa
from msgspec import Struct

from conductus.query.item_query import Selection
from conductus.schema.model import Collection, Column, Field, Kind, Schema
from conductus.schema.types.numbers import digits_of

Convert = Callable[[Any], Any]
_MOST_DIGITS: Final = 76
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Typed(Struct, frozen=True):
    """A type, and what makes values of it."""

    type: Any
    convert: Convert | None = None
    """Never given null; None: they are such values already."""


def struct_of(selection: Selection, collection: Collection, schema: Schema) -> Typed:
    """The type of whole items."""
    members = _members(selection, collection, schema)
    fields = [pa.field(name, typed.type) for name, typed in members.items()]
    converts = [(name, typed.convert) for name, typed in members.items()]

    def convert(item: Any) -> Any:
        return {name: _through(item.get(name), way) for name, way in converts}

    return Typed(pa.struct(fields), convert)


def _through(value: Any, convert: Convert | None) -> Any:
    return value if value is None or convert is None else convert(value)


def _members(selection: Selection, collection: Collection, schema: Schema) -> dict[str, Typed]:
    plain, expanded = frozenset(selection.fields), dict(selection.expanded)
    found: dict[str, Typed] = {}
    for name, field in collection.fields.items():
        one = schema.many_to_one.get((collection.name, name))
        many = schema.one_to_many.get((collection.name, name))
        if name in selection.keyed and one is not None:
            target = schema.collections[one.collection_one]
            found[name] = struct_of(Selection(target.primary_key), target, schema)
        elif name in expanded and one is not None:
            found[name] = struct_of(expanded[name], schema.collections[one.collection_one], schema)
        elif name in expanded and many is not None:
            target = schema.collections[many.collection_many]
            found[name] = _list(struct_of(expanded[name], target, schema))
        elif name in plain and many is not None and field.column is None:
            found[name] = _list(_key(schema.collections[many.collection_many]))
        elif name in plain:
            found[name] = _typed(field)
    return found


def _list(member: Typed) -> Typed:
    return Typed(
        pa.list_(member.type), lambda value: [_through(one, member.convert) for one in value]
    )


def _key(collection: Collection) -> Typed:
    if len(collection.primary_key) != 1:
        return _TEXT
    return _typed(collection.fields[collection.primary_key[0]])


def _typed(field: Field) -> Typed:
    column = field.column
    if column is None or field.type == "json":
        return _JSON
    match field.type, column.kind:
        case "array", _:
            return _list(_TEXT)
        case "boolean", _:
            return Typed(pa.bool_())
        case "binary", Kind.BINARY:
            return Typed(pa.binary(), base64.b64decode)
        case "string" | "slug" | "lang" | "uuid" | "hash", _:
            return _TEXT
        case "date", Kind.DATE | Kind.DATETIME | Kind.DATETIME_ZONE:
            return Typed(pa.date32(), date.fromisoformat)
        case "time", Kind.TIME:
            return Typed(pa.time64("us"), time.fromisoformat)
        case "datetime", Kind.DATETIME | Kind.DATETIME_ZONE:
            return Typed(pa.timestamp("us"), datetime.fromisoformat)
        case "datetime_created" | "datetime_updated", Kind.DATETIME | Kind.DATETIME_ZONE:
            return Typed(pa.timestamp("us", "UTC"), datetime.fromisoformat)
        case _:
            return _number(column)


def _number(column: Column) -> Typed:
    match column.kind:
        case Kind.INTEGER if not column.signed and column.datatype.upper().startswith("BIGINT"):
            return Typed(pa.uint64(), int)
        case Kind.INTEGER:
            return Typed(pa.int64(), int)
        case Kind.FLOAT | Kind.SINGLE:
            return Typed(pa.float64(), float)
        case Kind.DECIMAL | Kind.DECIMAL_TEXT:
            return _decimal(column)
        case _:
            return _TEXT


def _decimal(column: Column) -> Typed:
    digits = digits_of(column.length)
    if digits is None or not 0 < digits[0] <= _MOST_DIGITS:
        # Any number of digits: none may be lost.
        return _TEXT
    precision, scale = digits
    made = pa.decimal128 if precision <= 38 else pa.decimal256
    return Typed(made(precision, scale), lambda value: Decimal(str(value)))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()


_TEXT: Final = Typed(pa.string(), _as_text)
_JSON: Final = Typed(pa.string(), lambda value: _encode(value).decode())
