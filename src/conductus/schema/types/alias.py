"""Fields without a column: `alias`, `group`, `o2m` and `translation`."""

from __future__ import annotations

from datetime import datetime

from conductus.errors import Unprocessable
from conductus.schema.model import Field
from conductus.schema.types.field_type import JSON, NO_MATCH, FieldType, NoMatch, Plain


class AliasType(FieldType):
    """A type that has no column: it holds nothing, and nothing equals it."""

    alias = True

    def parse(self, value: JSON, field: Field) -> Plain:
        """Always refused: what is nested in it is written by the writer."""
        raise Unprocessable(f"{field.name}: holds no value of its own")

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """Nothing: the planner compares keys of the related items."""
        return NO_MATCH


class Alias(AliasType):
    """Something that an interface shows and nothing stores."""

    name = "alias"


class Group(AliasType):
    """A group of fields."""

    name = "group"


class O2M(AliasType):
    """The items that point here, or the junction rows that lead on."""

    name = "o2m"


class Translation(AliasType):
    """The translations of an item, each with a field of type `lang`."""

    name = "translation"
