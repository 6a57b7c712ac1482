"""`time`: a time of day."""

from __future__ import annotations

from datetime import datetime

from conductus.schema.model import Field, Kind
from conductus.schema.types import moments
from conductus.schema.types.field_type import JSON, NoMatch, Plain, Present
from conductus.schema.types.fitting import fit, text_presenter
from conductus.schema.types.scalar import ScalarType


class Time(ScalarType):
    """A time of day, `04:05:06`."""

    name = "time"
    kinds = (Kind.TIME,)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """`HH:MM[:SS]`."""
        return fit(moments.clock(value, field.name, field.column), field)

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """A time of day; `now` is the present one (UTC)."""
        moment = moments.relative(value, now)
        clock = value if moment is None else moments.moment_text(moment, field.column)[11:]
        return super().operand(clock, field, now)

    def presenter(self, kind: Kind) -> Present | None:
        """`HH:MM:SS`."""
        return text_presenter(kind)
