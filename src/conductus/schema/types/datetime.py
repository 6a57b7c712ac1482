"""Moments: `datetime`, `datetime_created` and `datetime_updated`."""

from __future__ import annotations

import datetime as clock

from conductus.schema.model import Field, Kind
from conductus.schema.types import moments
from conductus.schema.types.field_type import JSON, NoMatch, Plain, Present
from conductus.schema.types.fitting import fit, text_presenter
from conductus.schema.types.scalar import ScalarType


class Datetime(ScalarType):
    """A date and time, `2031-02-03 04:05:06`, as it is stored."""

    name = "datetime"
    kinds = (Kind.DATETIME, Kind.DATETIME_ZONE)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """The stored form, or ISO 8601; a moment with an offset is made UTC."""
        return fit(moments.moment(value, field.name, field.column), field)

    def operand(self, value: JSON, field: Field, now: clock.datetime) -> Plain | NoMatch:
        """A moment; `now` is the present one (UTC)."""
        moment = moments.relative(value, now)
        if moment is not None:
            # To the microsecond: what was stored earlier in this second is before now.
            return moment.isoformat(" ")
        return super().operand(value, field, now)

    def presenter(self, kind: Kind) -> Present | None:
        """As stored."""
        return text_presenter(kind)


class ServerDatetime(Datetime):
    """A moment that the server sets (UTC), shown in ISO 8601 with its offset."""

    def presenter(self, kind: Kind) -> Present | None:
        """`2031-02-03T04:05:06+00:00`."""
        match kind:
            case Kind.DATETIME | Kind.DATETIME_ZONE:
                return _iso
            case Kind.TEXT:
                return _iso_of_text
            case _:
                return text_presenter(kind)

    def recorder(self, kind: Kind) -> Present | None:
        """As stored."""
        return text_presenter(kind)


class DatetimeCreated(ServerDatetime):
    """When the item was made."""

    name = "datetime_created"


class DatetimeUpdated(ServerDatetime):
    """When the item was last changed."""

    name = "datetime_updated"


def _iso(value: str | None) -> str | None:
    return value and value.replace(" ", "T", 1) + "+00:00"


def _iso_of_text(value: str | None) -> str | None:
    # A column of text may hold anything; what is not the stored form is left alone.
    if value is None or len(value) < 19 or value[10] != " " or "+" in value:
        return value
    return _iso(value)
