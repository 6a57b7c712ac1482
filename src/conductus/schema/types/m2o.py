"""Keys of other items: `m2o`, and those that point at users and files.

Nested objects are taken apart by the writer before a key comes here.
"""

from __future__ import annotations

from conductus.schema.model import Field, Kind
from conductus.schema.types import numbers
from conductus.schema.types.field_type import JSON, Plain, Present
from conductus.schema.types.fitting import clean_text, fit, text_presenter
from conductus.schema.types.scalar import ScalarType


class KeyType(ScalarType):
    """A type whose values are keys of the related collection."""

    kinds = (Kind.INTEGER, Kind.TEXT, Kind.UUID)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """A key, as the related collection's primary key is: a number or text."""
        if type(value) is not int:
            value = clean_text(value, field.name)
        return fit(value, field)

    def presenter(self, kind: Kind) -> Present | None:
        """The key."""
        match kind:
            case Kind.INTEGER | Kind.FLOAT | Kind.SINGLE:
                return None
            case Kind.DECIMAL | Kind.DECIMAL_TEXT:
                return lambda value: None if value is None else numbers.decimal_json(value)
            case _:
                return text_presenter(kind)


class M2O(KeyType):
    """An item of the collection that the relation names."""

    name = "m2o"


class User(KeyType):
    """A user."""

    name = "user"


class Owner(KeyType):
    """The user who made the item."""

    name = "owner"


class UserCreated(KeyType):
    """The user who made the item, as older databases name the type."""

    name = "user_created"


class UserUpdated(KeyType):
    """The user who changed the item last."""

    name = "user_updated"


class File(KeyType):
    """A file."""

    name = "file"
