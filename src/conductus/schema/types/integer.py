"""Whole numbers: `integer` and `sort`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from conductus.errors import ApiError
from conductus.schema.model import Field, Kind
from conductus.schema.types import numbers
from conductus.schema.types.field_type import JSON, NO_MATCH, NoMatch, Plain, Present
from conductus.schema.types.fitting import fit, text_presenter
from conductus.schema.types.scalar import ScalarType


class Integer(ScalarType):
    """A whole number."""

    name = "integer"
    searchable = True
    kinds = (Kind.INTEGER,)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """A whole number, also as text, that the column takes."""
        return fit(numbers.whole(value, field.name), field)

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """A whole number of 64 bits, also one beyond the column's reach."""
        if field.column is None or field.column.kind is not Kind.INTEGER:
            return super().operand(value, field, now)
        try:
            number = numbers.whole(value, field.name)
        except ApiError:
            return NO_MATCH
        return number if number < 2**63 or not field.column.signed else NO_MATCH

    def presenter(self, kind: Kind) -> Present | None:
        """A JSON number, or the text where a column of text holds something else."""
        match kind:
            case Kind.INTEGER:
                return None
            case Kind.BOOLEAN:
                return _boolean_number
            case Kind.DECIMAL | Kind.DECIMAL_TEXT | Kind.FLOAT | Kind.SINGLE:
                return _whole_json
            case Kind.TEXT:
                return _text_json
            case _:
                return text_presenter(kind)


class Sort(Integer):
    """The place of an item among the others."""

    name = "sort"


def _boolean_number(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _whole_json(value: Decimal | float | None) -> JSON:
    if value is None:
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else numbers.float_json(value)
    if value.is_finite() and value.adjusted() < 19 and value == value.to_integral_value():
        return int(value)
    return numbers.decimal_json(value)


def _text_json(value: Any) -> JSON:
    if value is None:
        return None
    try:
        return numbers.whole(value, "")
    except ApiError:
        return value
