"""The levels of a plan: values that say what one statement reads and what hangs below it.

The shape of a level (`Level`) is hashable and free of values, so its statement is compiled
once; the values travel beside it (`Planned`).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from conductus.items.computing import Filling
from conductus.items.predicate import ALWAYS, Predicate
from conductus.permissions.veils import Veil
from conductus.query.item_query import SortKey


class Node(Struct, frozen=True):
    """One collection within a level: the base, or one that is joined to it."""

    path: tuple[str, ...]
    """Many-to-one hops from the base; empty for the base."""
    collection: str
    fields: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    """Columns read for our own use: keys that tie levels together, what veils go by."""
    keyed: tuple[tuple[str, str], ...] = ()
    """Fields shown as an object of a key alone, each with the name of that key."""
    visible: Predicate = ALWAYS
    """What a joined row must fulfil to be shown; else it is null."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of a row, each column once: the fields, then what else is needed."""
        return tuple(dict.fromkeys((*self.fields, *self.hidden)))


class Level(Struct, frozen=True):
    """The shape of one statement. Slots of values: those of `where`, and
    `limit`, `offset` (paged), `parents` or `low` and `high` (grouped), `first`, `last`
    (per parent)."""

    nodes: tuple[Node, ...]
    where: Predicate = ALWAYS
    sort: tuple[SortKey, ...] = ()
    nulls_last: bool = True
    paged: bool = False
    far: bool = False
    """Many rows come before the page: they are skipped before anything is joined to them."""
    grouped_by: str | None = None
    """The field whose value ties a row to its parent."""
    dense: bool = False
    """The parents' keys are given as a range: rows of others in it are not wanted."""
    in_step: bool = False
    """Rows come in the order of their parents' keys, to be read beside a list in that order."""
    per_parent: bool = False
    """Only rows from `first` to `last` (1-based) of each parent."""

    @property
    def collection(self) -> str:
        """The collection that the level reads."""
        return self.nodes[0].collection


class Child(Struct, frozen=True):
    """A level whose rows are put under a name of the rows of another one."""

    node: int
    """Index of the node in the parent's level."""
    name: str
    key: str
    """The hidden column of that node which the child's `grouped_by` holds."""
    planned: Planned
    many: bool = True
    """A list of items; else one item or null."""
    bare: bool = False
    """The list holds the items' keys instead of objects."""


class Planned(Struct, frozen=True):
    """A level with its values and what hangs below it."""

    level: Level
    values: dict[str, Any]
    children: tuple[Child, ...] = ()
    veils: tuple[tuple[int, Veil], ...] = ()
    """What is drawn over the items of a node, each with the node's index."""
    fillings: tuple[Filling, ...] = ()
