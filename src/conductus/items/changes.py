"""A request to write as a tree of values: what is created, updated and deleted, and how
the parts hang together.

The tree is judged whole before the first statement (`judge`) and holds plain values; what
only the database knows (keys that it makes, whether an item exists) is left open. Being a
value it can be run again when the database gives a transaction up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from conductus.errors import ApiError
from conductus.items.keys import Key
from conductus.permissions.writing import Wish
from conductus.schema.model import Collection, Field, Relation
from conductus.schema.types.field_type import Plain

Item = dict[str, Any]
"""An item on its way to or from JSON."""


class WriteLimits(Struct, frozen=True, kw_only=True):
    """Bounds on what one request may change."""

    max_depth: int = 10
    """Levels of nested changes."""
    max_changes: int = 10_000
    """Changes of items, nested ones included."""
    attempts: int = 8
    """How often a transaction that the database gives up is begun."""


class Secret(Struct, frozen=True, eq=False):
    """Text of a `hash` field; its hash is stored in its place.

    Compared by identity: the same text in two items gets two hashes.
    """

    text: str


class Create(Struct, frozen=True, kw_only=True):
    """A new item."""

    collection: Collection
    values: dict[str, Plain | Secret]
    """The columns that the request gives, and those worked out from them."""
    stamps: dict[str, Plain]
    """The columns that the server sets."""
    ones: tuple[One, ...] = ()
    manys: tuple[Many, ...] = ()
    sent: Item
    """The payload without its secrets."""
    secrets: tuple[Secret, ...] = ()
    """Those among the values."""


class Update(Struct, frozen=True, kw_only=True):
    """A change of an existing item."""

    collection: Collection
    key: Key
    values: dict[str, Plain | Secret]
    stamps: dict[str, Plain]
    ones: tuple[One, ...] = ()
    manys: tuple[Many, ...] = ()
    sent: Item
    secrets: tuple[Secret, ...] = ()
    new_key: Key | None = None
    """Another key that the payload names; refused once the item is known to exist."""
    otherwise: Create | ApiError | None = None
    """What is done when there is no such item; None: it is an error."""
    refused: ApiError | None = None
    """Why it may not be done should there be such an item."""
    wish: Wish | None = None
    """What the row is judged for; None for who may everything."""

    @property
    def empty(self) -> bool:
        """True when the request changes nothing of this item nor below it."""
        return not (self.values or self.ones or self.manys)


class Delete(Struct, frozen=True):
    """An item to be removed for good."""

    collection: Collection
    key: Key
    wish: Wish | None = None
    """What the row is judged for; None for who may everything."""


Change = Create | Update | Delete


class One(Struct, frozen=True):
    """A many-to-one field and the change of the item it leads to.

    Done before the item itself, whose column then holds the key; a `Delete` is done after
    it, when the column is null.
    """

    field: Field
    change: Change


class Child(Struct, frozen=True):
    """A change of an item on the many side."""

    change: Change
    tied: bool
    """True when its field is to hold the parent's key."""


class Many(Struct, frozen=True):
    """A one-to-many alias and the changes of the items in it; done after the parent."""

    field: Field
    relation: Relation
    children: tuple[Child, ...]


def secrets_of(change: Change) -> list[Secret]:
    """Every text to be hashed, in the whole tree."""
    if isinstance(change, Delete):
        return []
    found = [*change.secrets]
    if isinstance(change, Update) and isinstance(change.otherwise, Create):
        found += change.otherwise.secrets
    for one in change.ones:
        found += secrets_of(one.change)
    for many in change.manys:
        for child in many.children:
            found += secrets_of(child.change)
    return found


def undecided(changes: Iterable[Change]) -> bool:
    """Whether some change in the trees is a creation or an update, whatever is found."""
    for change in changes:
        if isinstance(change, Delete):
            continue
        if isinstance(change, Update) and change.otherwise is not None:
            return True
        if undecided(one.change for one in change.ones):
            return True
        if any(undecided(child.change for child in many.children) for many in change.manys):
            return True
    return False


def extent(changes: Iterable[Change]) -> int:
    """The number of items in the trees."""
    number = 0
    for change in changes:
        number += 1
        if not isinstance(change, Delete):
            number += extent(one.change for one in change.ones)
            number += sum(extent(child.change for child in many.children) for many in change.manys)
    return number


def secrets_among(values: Iterable[Plain | Secret]) -> tuple[Secret, ...]:
    """Those of the values that are to be hashed."""
    return tuple([value for value in values if isinstance(value, Secret)])
