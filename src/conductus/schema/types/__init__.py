"""The field types: one module each, listed here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from conductus.errors import FieldTypeUnknown
from conductus.schema.model import Field
from conductus.schema.types.alias import O2M, Alias, Group, Translation
from conductus.schema.types.array import Array
from conductus.schema.types.binary import Binary
from conductus.schema.types.boolean import Boolean
from conductus.schema.types.date import Date
from conductus.schema.types.datetime import Datetime, DatetimeCreated, DatetimeUpdated
from conductus.schema.types.decimal import Decimal
from conductus.schema.types.field_type import NO_MATCH, FieldType, NoMatch
from conductus.schema.types.hash import MASK, Hash, VisibleHash
from conductus.schema.types.integer import Integer, Sort
from conductus.schema.types.json import Json
from conductus.schema.types.m2o import M2O, File, Owner, User, UserCreated, UserUpdated
from conductus.schema.types.status import Status
from conductus.schema.types.string import Lang, Slug, String
from conductus.schema.types.time import Time
from conductus.schema.types.uuid import Uuid

__all__ = [
    "FIELD_TYPES",
    "MASK",
    "NO_MATCH",
    "FieldType",
    "NoMatch",
    "field_type",
    "find_field_type",
    "type_of",
]

_TYPES: Final[tuple[FieldType, ...]] = (
    Alias(),
    Array(),
    Binary(),
    Boolean(),
    Date(),
    Datetime(),
    DatetimeCreated(),
    DatetimeUpdated(),
    Decimal(),
    File(),
    Group(),
    Hash(),
    Integer(),
    Json(),
    Lang(),
    M2O(),
    O2M(),
    Owner(),
    Slug(),
    Sort(),
    Status(),
    String(),
    Time(),
    Translation(),
    User(),
    UserCreated(),
    UserUpdated(),
    Uuid(),
)

FIELD_TYPES: Final[Mapping[str, FieldType]] = MappingProxyType({type.name: type for type in _TYPES})
"""Every field type by its name."""

_VISIBLE_HASH: Final = VisibleHash()


def field_type(name: str) -> FieldType:
    """The field type of that name. Raises `FieldTypeUnknown`."""
    found = FIELD_TYPES.get(name)
    if found is None:
        raise FieldTypeUnknown(name)
    return found


def find_field_type(name: str) -> FieldType | None:
    """The field type of that name, if there is one."""
    return FIELD_TYPES.get(name)


def type_of(field: Field) -> FieldType:
    """The type of a field, with regard to its options: a hash may be visible.

    Raises `FieldTypeUnknown`.
    """
    # The passwords of users stay hidden, whatever somebody writes into the options.
    if field.type == "hash" and field.collection != "directus_users":
        return _VISIBLE_HASH if field.option.get("visible") is True else FIELD_TYPES["hash"]
    return field_type(field.type)
