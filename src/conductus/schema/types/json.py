"""`json`: any JSON value, kept as JSON text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from conductus.errors import ApiError, Unprocessable, ValidationFailed
from conductus.schema.model import Field, Kind
from conductus.schema.types.field_type import JSON, NO_MATCH, FieldType, NoMatch, Plain, Present
from conductus.schema.types.fitting import check_length, column_of, fit, text_presenter


class Json(FieldType):
    """Any JSON value. A text is a text: it is not read as JSON."""

    name = "json"
    kinds = (Kind.JSON, Kind.TEXT)

    def parse(self, value: JSON, field: Field) -> Plain:
        """The JSON text of the value."""
        if value is None:
            return None
        text = encode(value, field.name)
        column = column_of(field)
        if column.kind is Kind.JSON:
            return text
        if column.kind is Kind.TEXT:
            return check_length(text, field.name, column)
        return fit(text, field)

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """The JSON that a text holds, else the value itself."""
        wanted = decode(value) if isinstance(value, str) else value
        if wanted is None:
            return NO_MATCH
        try:
            return self.parse(wanted, field)
        except ApiError:
            return NO_MATCH

    def presenter(self, kind: Kind) -> Present | None:
        """The value; text that is no JSON, as old databases have it, is a text."""
        text = text_presenter(kind)
        return decode if text is None else lambda value: decode(text(value))


def encode(value: Any, name: str) -> str:
    """The JSON text of a value that every database can store."""
    try:
        text = msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, RecursionError, OverflowError) as error:
        raise ValidationFailed({name: "Holds values that cannot be stored"}) from error
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise Unprocessable(f"{name}: must be JSON") from error
    if "\\u0000" in text and _has_nul(value):
        raise ValidationFailed({name: "Holds characters that cannot be stored"})
    return text


def decode(text: str | None) -> JSON:
    """The value of a JSON text; null for none, the text itself when it is no JSON."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
        return text


def _has_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case list() | tuple():
            return any(map(_has_nul, value))
        case dict():
            return any(_has_nul(key) or _has_nul(member) for key, member in value.items())
        case _:
            return False
