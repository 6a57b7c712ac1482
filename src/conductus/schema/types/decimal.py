"""`decimal`: numbers with a fraction, exact where the database is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal as Exact

from conductus.errors import ApiError
from conductus.schema.model import Field, Kind
from conductus.schema.types import numbers
from conductus.schema.types.field_type import JSON, NO_MATCH, NoMatch, Plain, Present
from conductus.schema.types.fitting import fit, text_presenter
from conductus.schema.types.scalar import ScalarType

_EXACT = (Kind.DECIMAL, Kind.DECIMAL_TEXT)


class Decimal(ScalarType):
    """A number. Null reads as 0, as clients have always had it."""

    name = "decimal"
    searchable = True
    kinds = (Kind.DECIMAL, Kind.FLOAT, Kind.SINGLE)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """A number, also as text, with no more digits than the column takes."""
        return fit(numbers.exact(value, field.name), field)

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """A number of any digits: what is too exact to be stored can still be compared with."""
        if field.column is None or field.column.kind not in _EXACT:
            return super().operand(value, field, now)
        try:
            return numbers.canonical(numbers.exact(value, field.name), field.column)
        except ApiError:
            return NO_MATCH

    def presenter(self, kind: Kind) -> Present | None:
        """A JSON number; text for what a double cannot hold."""
        match kind:
            case Kind.DECIMAL | Kind.DECIMAL_TEXT:
                return _decimal_json
            case Kind.FLOAT | Kind.SINGLE:
                return _float_json
            case Kind.INTEGER:
                return _integer_json
            case Kind.TEXT:
                return _text_json
            case _:
                return text_presenter(kind)

    def recorder(self, kind: Kind) -> Present | None:
        """The text of the number; null stays null, so that a revert restores it."""
        return text_presenter(kind)


def _decimal_json(value: Exact | str | None) -> JSON:
    if value is None or isinstance(value, str):
        # SQLite holds whatever it was given: what is no number is shown as it is.
        return value or 0
    # `numbers.decimal_json` written out: this runs for every row of every list.
    text = str(value)
    if len(text) <= 15 and "E" not in text:
        number = float(text)
        return number if number - number == 0.0 else text
    return numbers.decimal_json(value)


def _float_json(value: float | str | None) -> JSON:
    if value is None or isinstance(value, str):
        return value or 0
    return value if value - value == 0.0 else str(value)


def _integer_json(value: int | None) -> int:
    return value or 0


def _text_json(value: str | None) -> JSON:
    if not value:
        return 0
    try:
        return numbers.decimal_json(numbers.exact(value, ""))
    except ApiError:
        return value
