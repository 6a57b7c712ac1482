"""A field's `parse`, made once: with a short way for the values that most often come.

The short way takes a value only when the plain one would give it back as it is (a decimal:
with the digits of its column); everything else goes the plain way, errors included. Of many
values at once it can be asked whether all are given back as they are. That all ways give
the same is what `test_parsers` holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

from conductus.schema.model import Column, Field, Kind
from conductus.schema.status import statuses_of
from conductus.schema.types import numbers, type_of
from conductus.schema.types.field_type import JSON, Plain
from conductus.schema.types.fitting import is_storable

Parse = Callable[[JSON], Plain]
Settled = Callable[[Sequence[JSON]], bool]

_TEXTS: Final = frozenset({"string", "slug", "lang", "status"})
_TURNED: Final = frozenset({"CHAR", "ENUM", "SET"})
"""Datatypes whose columns do not keep every text as it is."""
_WHOLES: Final = frozenset(
    {"integer", "sort", "m2o", "user", "owner", "user_created", "user_updated", "file"}
)
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FAR: Final = 1e300
_PRECISE: Final = 28
"""Digits that arithmetic on decimals keeps."""


def parser(field: Field) -> Parse:
    """What `type_of(field).parse` does with a value of this field."""
    plain: Parse = partial(_plainly, field)
    column = field.column
    if column is None:
        return plain
    match field.type, column.kind:
        case name, Kind.TEXT if name in _TEXTS and column.datatype not in _TURNED:
            return _text(field, column, plain)
        case name, Kind.INTEGER if name in _WHOLES:
            return _whole(column, plain)
        case "boolean", Kind.BOOLEAN:
            return _truth(plain)
        case "decimal", Kind.DECIMAL | Kind.DECIMAL_TEXT:
            return _decimal(column, plain)
        case "decimal", Kind.FLOAT:
            return _float(plain)
        case "date", Kind.DATE:
            return _day(plain)
        case "datetime", Kind.DATETIME | Kind.DATETIME_ZONE:
            return _moment(plain)
        case _:
            return plain


def settled(field: Field) -> Settled:
    """Whether `parser(field)` gives back each of some values as it is, none of them null.

    False also where they have to be looked at one by one.
    """
    column = field.column
    if column is None:
        return _unsettled
    match field.type, column.kind:
        case name, Kind.TEXT if name in _TEXTS and column.datatype not in _TURNED:
            return _texts(field, column)
        case name, Kind.INTEGER if name in _WHOLES:
            return _wholes(column)
        case "boolean", Kind.BOOLEAN:
            return _truths
        case "decimal", Kind.FLOAT:
            return _floats
        case "date", Kind.DATE:
            return partial(_written, _DAY, date.fromisoformat)
        case "datetime", Kind.DATETIME | Kind.DATETIME_ZONE:
            return partial(_written, _MOMENT, datetime.fromisoformat)
        case _:
            return _unsettled


def _plainly(field: Field, value: JSON) -> Plain:
    return type_of(field).parse(value, field)


def _bounds_of_text(field: Field, column: Column) -> tuple[int | None, frozenset[str]]:
    """The most letters, and the texts that there are; None and empty where any will do."""
    length = column.length or ""
    longest = int(length) if length.isdecimal() and length.isascii() else None
    statuses = statuses_of(field) if field.type == "status" else ()
    return longest, frozenset(str(status.value) for status in statuses)


def _text(field: Field, column: Column, plain: Parse) -> Parse:
    longest, known = _bounds_of_text(field, column)

    def parse(value: JSON) -> Plain:
        if type(value) is not str or not is_storable(value):
            return plain(value)
        if (longest is not None and len(value) > longest) or (known and value not in known):
            return plain(value)
        return value

    return parse


def _texts(field: Field, column: Column) -> Settled:
    longest, known = _bounds_of_text(field, column)

    def are_settled(values: Sequence[Any]) -> bool:
        if set(map(type, values)) != {str}:
            return False
        # Halves that meet where texts are joined are still halves.
        if not is_storable("".join(values)):
            return False
        fits = longest is None or max(map(len, values)) <= longest
        return fits and (not known or known.issuperset(values))

    return are_settled


def _whole(column: Column, plain: Parse) -> Parse:
    low, high = numbers.reach(column)

    def parse(value: JSON) -> Plain:
        return value if type(value) is int and low <= value < high else plain(value)

    return parse


def _wholes(column: Column) -> Settled:
    low, high = numbers.reach(column)

    def are_settled(values: Sequence[Any]) -> bool:
        return set(map(type, values)) == {int} and low <= min(values) and max(values) < high

    return are_settled


def _truth(plain: Parse) -> Parse:
    def parse(value: JSON) -> Plain:
        return value if value is True or value is False else plain(value)

    return parse


def _truths(values: Sequence[JSON]) -> bool:
    return set(map(type, values)) == {bool}


def _unsettled(_values: Sequence[JSON]) -> bool:
    return False


def _float(plain: Parse) -> Parse:
    def parse(value: JSON) -> Plain:
        near = type(value) is float and 1 / _FAR < abs(value) < _FAR
        return value if near else plain(value)

    return parse


def _floats(values: Sequence[Any]) -> bool:
    if set(map(type, values)) != {float}:
        return False
    sizes = [*map(abs, values)]
    # NaN is neither near nor far.
    return all(map((1 / _FAR).__lt__, sizes)) and all(map(_FAR.__gt__, sizes))


def _decimal(column: Column, plain: Parse) -> Parse:
    limits = numbers.digits_of(column.length)
    if limits is None or limits[0] > _PRECISE or not column.signed:
        return plain
    digits, scale = limits
    beyond, unit = 10 ** (digits - scale), Decimal((0, (1,), -scale))

    def parse(value: JSON) -> Plain:
        # Zero may have a sign. NaN is neither below nor above anything.
        if type(value) is not float or not value or not -beyond < value < beyond:
            return plain(value)
        number = Decimal(repr(value))
        fitted = number.quantize(unit)
        return fitted if fitted == number else plain(value)

    return parse


def _day(plain: Parse) -> Parse:
    def parse(value: JSON) -> Plain:
        if type(value) is str and _DAY.fullmatch(value) and _exists(date.fromisoformat, value):
            return value
        return plain(value)

    return parse


def _moment(plain: Parse) -> Parse:
    def parse(value: JSON) -> Plain:
        if (
            type(value) is str
            and _MOMENT.fullmatch(value)
            and _exists(datetime.fromisoformat, value)
        ):
            return value
        return plain(value)

    return parse


def _written(form: re.Pattern[str], read: Callable[[str], object], values: Sequence[Any]) -> bool:
    """Whether all are texts of that form, and say something that there is."""
    if set(map(type, values)) != {str} or not all(map(form.fullmatch, values)):
        return False
    try:
        return all(map(read, values))
    except ValueError:
        return False


def _exists(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
