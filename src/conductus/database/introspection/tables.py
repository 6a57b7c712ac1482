"""A table as the database describes it: the values that introspection answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from conductus.schema.model import Column

OnDelete = Literal["restrict", "cascade", "set_null"]
"""What becomes of the rows that refer to one that is deleted."""
ON_DELETE: Final[Mapping[str, OnDelete]] = {"CASCADE": "cascade", "SET NULL": "set_null"}
"""A rule as SQL spells it → ours; every other one refuses the deletion."""


class ForeignKey(Struct, frozen=True, kw_only=True):
    """Columns that hold the key of a row of another table (or of the same)."""

    name: str | None
    """None where the database has no name for it (SQLite)."""
    columns: tuple[str, ...]
    table: str
    """The table that is referred to."""
    referred_columns: tuple[str, ...]
    on_delete: OnDelete = "restrict"


class Index(Struct, frozen=True, kw_only=True):
    """A plain index over whole columns; the primary key's own is not among them."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    constraint: bool = False
    """True when it belongs to a UNIQUE constraint and is dropped with it."""


class Table(Struct, frozen=True, kw_only=True):
    """A table or view with everything that Conductus asks about it."""

    name: str
    view: bool = False
    triggers: bool = False
    """Whether something else happens in the database when rows are written."""
    columns: tuple[Column, ...]
    """In the order of the table."""
    primary_key: tuple[str, ...] = ()
    """Names of the key columns in the key's order; empty: no key."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    """Column and name of the named checks that keep it unsigned."""

    @property
    def unique_keys(self) -> tuple[tuple[str, ...], ...]:
        """Column sets that the database keeps unique, the primary key not among them."""
        return tuple(dict.fromkeys(index.columns for index in self.indexes if index.unique))

    def column(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)
