"""What the fields of a schema stand for: kept with each, and read when a query is answered."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from graphql import GraphQLField
from msgspec import Struct

from conductus.graphql.shown import Convert

MEANING: Final = "conductus"
"""The key under which a field or a type keeps what it stands for."""


class Shown(Struct, frozen=True):
    """A field of an item: a value, or where it leads."""

    field: str
    convert: Convert | None = None
    target: str | None = None
    """The collection that it leads to; None for a value."""
    many: bool = False
    part: str | None = None
    """What of the value is shown, where it is an object."""


class Ask(Enum):
    """What a field at the root asks for."""

    LIST = "list"
    BY_ID = "by_id"
    AGGREGATED = "aggregated"
    CREATE = "create"
    CREATE_MANY = "create many"
    UPDATE = "update"
    UPDATE_MANY = "update many"
    DELETE = "delete"
    DELETE_MANY = "delete many"
    MUTATED = "mutated"


class Root(Struct, frozen=True):
    """A field at the root."""

    ask: Ask
    collection: str


def meaning(field: GraphQLField) -> Any:
    """What a field stands for; None for one whose value is of the same name."""
    return field.extensions.get(MEANING)


def means(found: Shown | Root) -> dict[str, Any]:
    """The extensions of a field that stands for it."""
    return {MEANING: found}
