"""Text: `string`, `slug` and `lang`."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from conductus.errors import ApiError
from conductus.schema.model import Field, Kind
from conductus.schema.types.field_type import JSON, NO_MATCH, NoMatch, Plain, Present
from conductus.schema.types.fitting import clean_text, column_of, fit, text_presenter
from conductus.schema.types.scalar import ScalarType


class TextType(ScalarType):
    """A type whose values are text; numbers are taken as their digits."""

    searchable = True
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.TEXT,)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """Text that the column takes."""
        return fit(clean_text(value, field.name), field)

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """Text of any length: what is too long to be stored can still be compared with."""
        if field.column is None or field.column.kind is not Kind.TEXT:
            return super().operand(value, field, now)
        if value is None:
            return NO_MATCH
        try:
            return clean_text(value, column_of(field).name)
        except ApiError:
            return NO_MATCH

    def presenter(self, kind: Kind) -> Present | None:
        """Text, whatever the column holds."""
        return text_presenter(kind)


class String(TextType):
    """Text."""

    name = "string"


class Slug(TextType):
    """Text for addresses, made from another field by option `mirroredField` (`slugs`)."""

    name = "slug"


class Lang(TextType):
    """The language of a translation."""

    name = "lang"
