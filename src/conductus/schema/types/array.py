"""`array`: a list of texts, kept comma-separated, or natively where the column can."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from conductus.errors import ApiError, ValidationFailed
from conductus.schema.model import Field, Kind
from conductus.schema.types.field_type import JSON, NO_MATCH, FieldType, NoMatch, Plain, Present
from conductus.schema.types.fitting import clean_text, column_of, fit, text_presenter
from conductus.schema.types.json import decode, encode


class Array(FieldType):
    """A list of texts. Null and the empty text read as the empty list."""

    name = "array"
    searchable = True
    kinds = (Kind.TEXT, Kind.TEXT_ARRAY)

    def parse(self, value: JSON, field: Field) -> Plain:
        """A list of texts and numbers, or comma-separated text."""
        if value is None:
            return None
        return _stored(_members(value, field.name), field)

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """The whole list, as a list or comma-separated text."""
        if value is None:
            return NO_MATCH
        try:
            return self.parse(value, field)
        except ApiError:
            return NO_MATCH

    def presenter(self, kind: Kind) -> Present | None:
        """A list, never null."""
        match kind:
            case Kind.TEXT_ARRAY:
                return _list
            case Kind.JSON:
                return _decoded
            case _:
                text = text_presenter(kind)
                return _split if text is None else lambda value: _split(text(value))

    def recorder(self, kind: Kind) -> Present | None:
        """A list, or null, so that a revert restores null."""
        show = self.presenter(kind)
        assert show is not None  # noqa: S101 - narrows for the type checker
        return lambda value: None if value is None else show(value)


def _members(value: Any, name: str) -> list[str]:
    match value:
        case str():
            return clean_text(value, name).split(",") if value else []
        case list() | tuple():
            return [_member(member, name) for member in value]
        case _:
            raise ValidationFailed({name: "Must be a list of texts"})


def _member(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValidationFailed({name: "Must be a list of texts"})
    return clean_text(value, name)


def _stored(members: list[str], field: Field) -> Plain:
    kind = column_of(field).kind
    if kind is Kind.TEXT_ARRAY:
        return members
    if kind is Kind.JSON:
        return encode(members, field.name)
    if any("," in member for member in members):
        raise ValidationFailed({field.name: "The texts of the list may not hold commas"})
    return fit(",".join(members), field)


def _split(value: str | None) -> list[str]:
    return value.split(",") if value else []


def _list(value: list[str] | None) -> list[str]:
    return value or []


def _decoded(value: str | None) -> list[Any]:
    decoded = decode(value)
    return decoded if isinstance(decoded, list) else []
