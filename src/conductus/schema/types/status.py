"""`status`: the stage of an item's life, one of the values of its mapping."""

from __future__ import annotations

from conductus.errors import Unprocessable
from conductus.schema.model import Field, Kind
from conductus.schema.status import statuses_of
from conductus.schema.types.field_type import JSON, Plain, Present
from conductus.schema.types.fitting import text_presenter
from conductus.schema.types.string import TextType


class Status(TextType):
    """A status. In a column of integers it is a number."""

    name = "status"
    kinds = (Kind.TEXT, Kind.INTEGER)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """A value of the mapping; any value when there is none."""
        stored = super().parse_scalar(value, field)
        known = statuses_of(field)
        if known and not any(str(status.value) == str(stored) for status in known):
            raise Unprocessable(f"{field.name}: {str(value)[:50]!r} is not one of its statuses")
        return stored

    def presenter(self, kind: Kind) -> Present | None:
        """Text, or a number from a column of integers."""
        return None if kind is Kind.INTEGER else text_presenter(kind)
