"""What the types of single values share: nulls, lists refused, operands by way of `parse`."""

from __future__ import annotations

from datetime import datetime

from conductus.errors import ApiError, ScalarExpected
from conductus.schema.model import Field
from conductus.schema.types.field_type import JSON, NO_MATCH, FieldType, NoMatch, Plain


class ScalarType(FieldType):
    """A type whose values are single: text, a number, a date."""

    def parse(self, value: JSON, field: Field) -> Plain:
        """Null stays null, a list or object is refused, the rest is up to the type."""
        if value is None:
            return None
        if isinstance(value, list | tuple | dict):
            raise ScalarExpected(field.name)
        return self.parse_scalar(value, field)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """The plain form of a value that is neither null, list nor object."""
        raise NotImplementedError

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """What could be stored can be compared with; nothing equals the rest, nor null."""
        if value is None:
            return NO_MATCH
        try:
            return self.parse(value, field)
        except ApiError:
            return NO_MATCH
