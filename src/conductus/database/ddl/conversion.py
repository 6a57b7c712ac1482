"""Values from one type to another: which of them fit, and the SQL that converts them.

A change of type never loses anything: every value is looked at first by `fits`, and the
expression of `converted` then only meets values that fit.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from conductus.database.datatypes import listed_values, precision_scale
from conductus.database.ddl.elements import Spelled, quoted
from conductus.database.dialect import Name
from conductus.schema.model import NUMBERS, Column, Kind
from conductus.schema.types import numbers

_DECIMALS = frozenset({Kind.DECIMAL, Kind.DECIMAL_TEXT})
_DATETIMES = frozenset({Kind.DATETIME, Kind.DATETIME_ZONE})
_TEXTS = frozenset({Kind.TEXT, Kind.OPAQUE, Kind.UUID})
_BITS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INT": 32, "BIGINT": 64}
_TEXT_BYTES = {"TINYTEXT": 255, "TEXT": 65_535, "MEDIUMTEXT": 16_777_215}
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_YEARS = range(1901, 2156)


def widening(database: Name, before: Column, after: Column) -> bool:
    """Whether every value of the one type is one of the other, so that none is looked at."""
    if not _same_family(before, after) or (before.signed and not after.signed):
        return False
    match after.kind:
        case Kind.INTEGER:
            same_sign = before.signed == after.signed
            old, new = _bits(before), _bits(after)
            return old <= new if same_sign else old < new
        case Kind.DECIMAL | Kind.DECIMAL_TEXT:
            return _holds_decimals(precision_scale(before.length), precision_scale(after.length))
        case Kind.TEXT:
            return _holds_texts(database, before, after)
        case Kind.FLOAT | Kind.SINGLE:
            return True
        case _:
            return before.native.lower() == after.native.lower()


def fits(value: Any, before: Column, after: Column) -> bool:
    """Whether a plain value of the column, not None, has its like in the new type."""
    try:
        return _fits(value, before, after)
    except (ValueError, InvalidOperation, msgspec.MsgspecError):
        return False


def converted(database: Name, before: Column, after: Column) -> ColumnElement[Any]:
    """The column as a value of the new type."""
    column: ColumnElement[Any] = sa.column(quoted(before.name))
    if database == "sqlite":
        return _converted_by_affinity(column, before, after)
    target = Spelled(after.native)
    if after.kind in NUMBERS or after.kind is Kind.BOOLEAN:
        if before.kind is Kind.BOOLEAN:
            column = sa.cast(column, sa.Integer())
        elif before.kind not in NUMBERS:
            column = sa.cast(sa.cast(column, sa.Text()), sa.Numeric())
        if after.kind is Kind.BOOLEAN:
            column = sa.cast(column, sa.Integer())
        return sa.cast(column, target)
    if before.kind is Kind.DATETIME_ZONE or after.kind is Kind.DATETIME_ZONE:
        if before.kind in _DATETIMES:
            # From a zone to none and back: both are in UTC, whatever the session's zone is.
            column = sa.func.timezone("UTC", column)
        if after.kind in _DATETIMES and before.kind in _DATETIMES:
            return column
    if before.kind is Kind.BOOLEAN:
        # As on the other databases: 1 and 0.
        column = sa.cast(column, sa.Integer())
    if _same_family(before, after) or {before.kind, after.kind} <= _DATETIMES | {Kind.DATE}:
        return sa.cast(column, target)
    return sa.cast(sa.cast(column, sa.Text()), target)


def _converted_by_affinity(
    column: ColumnElement[Any], before: Column, after: Column
) -> ColumnElement[Any]:
    match after.kind:
        case Kind.INTEGER | Kind.BOOLEAN:
            return sa.cast(column, sa.INTEGER())
        case Kind.FLOAT:
            return sa.cast(column, sa.REAL())
        case Kind.DECIMAL_TEXT:
            # Equal numbers are equal texts, also those that were there before.
            _, scale = precision_scale(after.length) or (0, 0)
            return sa.func.conductus_decimal_text(column, scale)
        case Kind.DATE if before.kind in _DATETIMES:
            return sa.func.date(column)
        case Kind.DATETIME if before.kind is Kind.DATE:
            return sa.func.datetime(column)
        case Kind.BINARY | Kind.DATE | Kind.TIME | Kind.DATETIME:
            return column
        case _ if before.kind is Kind.BINARY:
            return column
        case _:
            return sa.cast(column, sa.TEXT())


def _fits(value: Any, before: Column, after: Column) -> bool:
    match after.kind:
        case Kind.INTEGER:
            return _fits_integer(_number(value), after)
        case Kind.DECIMAL | Kind.DECIMAL_TEXT:
            return _fits_decimal(_number(value), after)
        case Kind.FLOAT:
            number = _number(value)
            return _exact(number) and (after.signed or number >= 0)
        case Kind.SINGLE:
            number = _number(value)
            held = numbers.single(float(number))
            return held == float(number) and _exact(number) and (after.signed or number >= 0)
        case Kind.BOOLEAN:
            return _number(value) in (0, 1)
        case Kind.TEXT | Kind.OPAQUE:
            return not isinstance(value, bytes | list) and _fits_text(_as_text(value), after)
        case Kind.UUID:
            return str(UUID(_text(value))) == _text(value).lower()
        case Kind.JSON:
            msgspec.json.decode(_json_text(value))
            return True
        case Kind.BINARY:
            return isinstance(value, bytes) and (
                after.length is None or len(value) <= int(after.length)
            )
        case Kind.TEXT_ARRAY:
            return before.kind is Kind.TEXT_ARRAY
        case Kind.DATE | Kind.TIME | Kind.DATETIME | Kind.DATETIME_ZONE:
            return _fits_moment(_text(value), before, after)


def _exact(number: Decimal) -> bool:
    return Decimal(repr(float(number))) == number


def _fits_integer(number: Decimal, after: Column) -> bool:
    if number != number.to_integral_value():
        return False
    if after.datatype == "YEAR":
        return int(number) in _YEARS
    bits = _bits(after)
    # Only MySQL's unsigned integers reach twice as far; the narrower bound holds anywhere.
    unsigned = not after.signed and "unsigned" in after.native.lower()
    half: int = 2 ** (bits - 1)
    top = 2 * half if unsigned else half
    bottom = 0 if not after.signed else -half
    return bottom <= number < top


def _fits_decimal(number: Decimal, after: Column) -> bool:
    if number < 0 and not after.signed:
        return False
    limits = precision_scale(after.length)
    if limits is None:
        return True
    precision, scale = limits
    whole: Decimal = Decimal(10) ** (precision - scale)
    return number == round(number, scale) and abs(number) < whole


def _fits_text(text: str, after: Column) -> bool:
    if after.datatype in ("ENUM", "SET"):
        known = listed_values(after.length)
        words = text.split(",") if after.datatype == "SET" and text else [text]
        return all(word in known for word in words)
    if after.length is not None and len(text) > int(after.length):
        return False
    if after.datatype == "CHAR" and text.endswith(" "):
        # The blanks at the end would be cut off.
        return False
    return len(text.encode()) <= _TEXT_BYTES.get(after.datatype, 2**32)


def _fits_moment(text: str, before: Column, after: Column) -> bool:
    if after.kind is Kind.TIME:
        return before.kind in (Kind.TIME, *_TEXTS) and _whole_seconds(time.fromisoformat(text))
    if before.kind is Kind.TIME:
        return False
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return False
    if after.kind is Kind.DATE:
        return moment.time() == time() and (
            before.kind is not Kind.TEXT or date.fromisoformat(text) == moment.date()
        )
    return before.kind in _DATETIMES or _whole_seconds(moment.time())


def _whole_seconds(moment: time) -> bool:
    return moment.microsecond == 0 and moment.tzinfo is None


def _number(value: Any) -> Decimal:
    match value:
        case bool() | int():
            return Decimal(int(value))
        case float():
            return Decimal(repr(value))
        case Decimal():
            return value
        case str() if _PLAIN_NUMBER.fullmatch(value):
            return Decimal(value)
        case _:
            raise ValueError(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


def _as_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _json_text(value: Any) -> str:
    return str(value) if isinstance(value, int | float | Decimal) else _text(value)


def _same_family(before: Column, after: Column) -> bool:
    return before.kind is after.kind or {before.kind, after.kind} <= _DECIMALS


def _bits(column: Column) -> int:
    if column.wide:
        return 64
    return _BITS.get(column.datatype, 64 if column.datatype != "YEAR" else 8)


def _holds_decimals(before: tuple[int, int] | None, after: tuple[int, int] | None) -> bool:
    if after is None:
        return True
    return before is not None and (
        before[1] <= after[1] and before[0] - before[1] <= after[0] - after[1]
    )


def _holds_texts(database: Name, before: Column, after: Column) -> bool:
    if "ENUM" in (before.datatype, after.datatype) or "SET" in (before.datatype, after.datatype):
        return before.native == after.native
    if after.datatype == "CHAR" and before.datatype != "CHAR":
        return False
    if after.length is not None:
        # SQLite does not keep to the lengths it is told.
        stated = database != "sqlite" and before.length is not None
        return stated and int(before.length or 0) <= int(after.length)
    if database != "mysql":
        return True
    order = ("CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT")
    return after.datatype in order[3:] and order.index(before.datatype) <= order.index(
        after.datatype
    )
