"""Fits values into columns: what each kind of column can hold, whatever the field type.

A field type reads JSON into a value of its own sort (a number, text, a boolean); the
column may be of another kind, as old databases have it: booleans in INTEGER, dates in
TEXT. `fit` makes the plain value for the column or raises `Unprocessable`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from conductus.errors import Unprocessable, ValidationFailed
from conductus.schema.model import Column, Field, Kind
from conductus.schema.types import moments, numbers
from conductus.schema.types.field_type import Plain, Present

_UUID: Final = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def column_of(field: Field) -> Column:
    """The column of a field. Raises `Unprocessable` for an alias."""
    if field.column is None:
        raise Unprocessable(f"{field.name}: holds no value of its own")
    return field.column


def fit(value: Any, field: Field) -> Plain:
    """The plain form of a boolean, number, text or bytes for the field's column."""
    column = column_of(field)
    return _FITS[column.kind](value, field.name, column)


def is_storable(text: str) -> bool:
    """False for what not every database stores: NUL and halves of surrogate pairs."""
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def clean_text(value: Any, name: str) -> str:
    """The text of a JSON text or number.

    Raises `ValidationFailed` for text that is not storable.
    """
    match value:
        case bool():
            raise Unprocessable(f"{name}: must be text")
        case str():
            if not is_storable(value):
                raise ValidationFailed({name: "Holds characters that cannot be stored"})
            return value
        case int():
            # Digits without end are no text worth storing, and Python refuses to print them.
            if value.bit_length() > 1 << 10:
                raise Unprocessable(f"{name}: the number is too large")
            return str(value)
        case float():
            return repr(value)
        case Decimal():
            return numbers.plain_text(numbers.exact(value, name))
        case _:
            raise Unprocessable(f"{name}: must be text")


def as_text(value: Any, name: str) -> str:
    """Any fitted value as text, as a column of text keeps it."""
    match value:
        case bool():
            return "1" if value else "0"
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return clean_text(value, name)


def uuid_text(value: Any, name: str) -> str:
    """A UUID in lower case with hyphens."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise Unprocessable(f"{name}: must be a UUID")
    return str(UUID(value))


def check_length(text: str, name: str, column: Column) -> str:
    """The text, when it has no more characters than the column takes."""
    length = column.length or ""
    if length.isdecimal() and length.isascii() and len(text) > int(length):
        raise Unprocessable(f"{name}: takes {length} characters, not {len(text)}")
    return text


def text_presenter(kind: Kind) -> Present | None:
    """From the plain value of any column to text; null stays null."""
    match kind:
        case Kind.INTEGER | Kind.FLOAT | Kind.SINGLE:
            return _number_text
        case Kind.DECIMAL | Kind.DECIMAL_TEXT:
            return _decimal_text
        case Kind.BOOLEAN:
            return _boolean_text
        case Kind.BINARY:
            return _bytes_text
        case Kind.TEXT_ARRAY:
            return _list_text
        case _:
            return None


def _fit_integer(value: Any, name: str, column: Column) -> int:
    number = int(value) if isinstance(value, bool) else numbers.whole(value, name)
    return numbers.check_integer(number, name, column)


def _fit_decimal(value: Any, name: str, column: Column) -> Decimal:
    number = Decimal(value) if isinstance(value, bool) else numbers.exact(value, name)
    return numbers.check_decimal(number, name, column)


def _fit_float(value: Any, name: str, _: Column) -> float:
    if isinstance(value, bool):
        return float(value)
    return float(numbers.exact(value, name))


def _fit_single(value: Any, name: str, column: Column) -> float:
    number = _fit_float(value, name, column)
    found = numbers.single(number)
    if found is None:
        raise Unprocessable(f"{name}: the number is beyond single precision")
    return found


def _fit_boolean(value: Any, name: str, _: Column) -> bool:
    if isinstance(value, bool):
        return value
    number = numbers.exact(value, name)
    if number not in (0, 1):
        raise Unprocessable(f"{name}: must be 0 or 1")
    return bool(number)


def _fit_text(value: Any, name: str, column: Column) -> str:
    text = check_length(as_text(value, name), name, column)
    if column.datatype == "CHAR":
        # Such columns keep no blanks at the end, but for SQLite's, which know no CHAR.
        return text.rstrip(" ")
    if column.datatype in ("ENUM", "SET") and numbers.is_number(text):
        return _listed(text, name, column)
    return text


def _listed(text: str, name: str, column: Column) -> str:
    """A number among the values of an ENUM or SET, which would take it for a place else."""
    if f"'{text}'" not in (column.length or ""):
        raise Unprocessable(f"{name}: must be one of {column.length}")
    return text


def _fit_uuid(value: Any, name: str, _: Column) -> str:
    return uuid_text(value, name)


def _fit_day(value: Any, name: str, _: Column) -> str:
    return moments.day(value, name)


def _fit_clock(value: Any, name: str, column: Column) -> str:
    return moments.clock(value, name, column)


def _fit_moment(value: Any, name: str, column: Column) -> str:
    return moments.moment(value, name, column)


def _fit_json(value: Any, name: str, _: Column) -> str:
    text = as_text(value, name)
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unprocessable(f"{name}: must be JSON") from error
    return text


def _fit_bytes(value: Any, name: str, column: Column) -> bytes:
    match value:
        case bytes():
            stored = value
        case bool():
            stored = bytes([value])
        case _:
            stored = clean_text(value, name).encode()
    length = column.length or ""
    # A column of bits counts in bits what the others count in bytes.
    if length.isdecimal() and "BIT" not in column.datatype.upper() and len(stored) > int(length):
        raise Unprocessable(f"{name}: takes {length} bytes, not {len(stored)}")
    return stored


def _fit_list(value: Any, name: str, _: Column) -> list[str]:
    text = as_text(value, name)
    return text.split(",") if text else []


def _fit_opaque(value: Any, name: str, _: Column) -> str:
    return as_text(value, name)


_FITS: Final[Mapping[Kind, Callable[[Any, str, Column], Plain]]] = {
    Kind.INTEGER: _fit_integer,
    Kind.DECIMAL: _fit_decimal,
    Kind.DECIMAL_TEXT: _fit_decimal,
    Kind.FLOAT: _fit_float,
    Kind.SINGLE: _fit_single,
    Kind.BOOLEAN: _fit_boolean,
    Kind.TEXT: _fit_text,
    Kind.UUID: _fit_uuid,
    Kind.DATE: _fit_day,
    Kind.TIME: _fit_clock,
    Kind.DATETIME: _fit_moment,
    Kind.DATETIME_ZONE: _fit_moment,
    Kind.JSON: _fit_json,
    Kind.BINARY: _fit_bytes,
    Kind.TEXT_ARRAY: _fit_list,
    Kind.OPAQUE: _fit_opaque,
}


def _number_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _decimal_text(value: Decimal | None) -> str | None:
    return None if value is None else numbers.plain_text(value)


def _boolean_text(value: bool | None) -> str | None:
    return None if value is None else "1" if value else "0"


def _bytes_text(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _list_text(value: list[str] | None) -> str | None:
    return None if value is None else ",".join(value)
