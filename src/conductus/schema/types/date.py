"""`date`: a day."""

from __future__ import annotations

from datetime import datetime

from conductus.schema.model import Field, Kind
from conductus.schema.types import moments
from conductus.schema.types.field_type import JSON, NoMatch, Plain, Present
from conductus.schema.types.fitting import fit, text_presenter
from conductus.schema.types.scalar import ScalarType


class Date(ScalarType):
    """A day, `2031-02-03`."""

    name = "date"
    kinds = (Kind.DATE,)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """`YYYY-MM-DD`, or the day of an ISO 8601 date and time."""
        return fit(moments.day(value, field.name), field)

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """A day; `now` is today."""
        moment = moments.relative(value, now)
        day = value if moment is None else moments.moment_text(moment, None)[:10]
        return super().operand(day, field, now)

    def presenter(self, kind: Kind) -> Present | None:
        """`YYYY-MM-DD`."""
        if kind in (Kind.DATETIME, Kind.DATETIME_ZONE):
            return _day_of
        return text_presenter(kind)


def _day_of(value: str | None) -> str | None:
    return None if value is None else value[:10]
