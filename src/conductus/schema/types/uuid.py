"""`uuid`: an identifier, in lower case with hyphens on every database."""

from __future__ import annotations

from conductus.schema.model import Field, Kind
from conductus.schema.types.field_type import JSON, Plain, Present
from conductus.schema.types.fitting import fit, text_presenter, uuid_text
from conductus.schema.types.scalar import ScalarType


class Uuid(ScalarType):
    """A UUID."""

    name = "uuid"
    searchable = True
    kinds = (Kind.UUID, Kind.TEXT)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """A UUID in its one form, so that text columns find what native ones would."""
        return fit(uuid_text(value, field.name), field)

    def presenter(self, kind: Kind) -> Present | None:
        """Text."""
        return text_presenter(kind)
