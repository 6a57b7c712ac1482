"""What lies between a database and a document: differences to be told, steps to be taken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

from conductus.projects.schema_as_code.documents import ForeignKeyRule

Body = dict[str, Any]
What = Literal["collection", "field", "relation", "role", "permission", "preset"]
Action = Literal["create", "change", "drop", "refuse"]


class Detail(Struct, frozen=True):
    """One key that differs."""

    key: str
    before: Any
    after: Any


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that the document and the database do not agree on."""

    action: Action
    """What has to be done to the database; `refuse`: nothing can be."""
    what: What
    name: str
    details: tuple[Detail, ...] = ()
    reason: str | None = None
    """Why it is refused."""

    @property
    def word(self) -> str:
        """What allows it to be dropped."""
        return self.name if self.what in ("collection", "field") else f"{self.what}:{self.name}"


class CreateCollection(Struct, frozen=True):
    """A table that is not there."""

    body: Body


class ChangeCollection(Struct, frozen=True):
    """Metadata, new and changed fields of one collection."""

    name: str
    body: Body


class DropFields(Struct, frozen=True):
    """Fields with their columns."""

    collection: str
    fields: tuple[str, ...]


class Unstore(Struct, frozen=True):
    """Fields that lose their columns and stay as aliases."""

    collection: str
    bodies: tuple[Body, ...]


class DropCollection(Struct, frozen=True):
    """A table with its items."""

    name: str


class KeepRelation(Struct, frozen=True):
    """A foreign key for a relation that has its row."""

    values: Body
    rule: ForeignKeyRule


class WriteRow(Struct, frozen=True):
    """A row of a built-in collection; without a key, a new one."""

    collection: str
    key: str | None
    body: Body
    foreign_key: ForeignKeyRule | None = None
    """For a new relation: kept by the database too."""


class DropRow(Struct, frozen=True):
    """A row of a built-in collection."""

    collection: str
    key: str


class Wait(Struct, frozen=True):
    """Something that a next look will make possible: what it hangs on is not there yet."""


Act = (
    CreateCollection
    | ChangeCollection
    | DropFields
    | Unstore
    | DropCollection
    | KeepRelation
    | WriteRow
    | DropRow
    | Wait
)


class Step(Struct, frozen=True):
    """An act, and the differences that it ends."""

    act: Act
    differences: tuple[Difference, ...]


class Plan(Struct, frozen=True):
    """Everything that it takes, in order."""

    steps: tuple[Step, ...]
    refused: tuple[Difference, ...] = ()

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is to be told."""
        return (*(one for step in self.steps for one in step.differences), *self.refused)


def dropping(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Those that take something away."""
    return tuple(one for one in differences if one.action == "drop")


def details(before: Struct, after: Struct, keys: Iterable[str]) -> tuple[Detail, ...]:
    """The keys in which two parts of documents differ."""
    return tuple(
        Detail(key, getattr(before, key), getattr(after, key))
        for key in keys
        if getattr(before, key) != getattr(after, key)
    )
