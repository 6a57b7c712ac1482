"""What is to become of a table, as values."""

from __future__ import annotations

from msgspec import Struct

from conductus.database.introspection.tables import OnDelete
from conductus.schema.model import Column


class ColumnChange(Struct, frozen=True):
    """A column as it is and as it shall be; the name stays."""

    before: Column
    after: Column

    @property
    def retyped(self) -> bool:
        """Whether the values must be converted."""
        return self.before.native.lower() != self.after.native.lower()

    @property
    def defaulted(self) -> bool:
        """Whether the default differs."""
        return (self.before.default, self.before.has_default) != (
            self.after.default,
            self.after.has_default,
        )


class TableChange(Struct, frozen=True, kw_only=True):
    """Everything that one request does to the columns of one table."""

    added: tuple[Column, ...] = ()
    changed: tuple[ColumnChange, ...] = ()
    dropped: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """Pairs of old and new name."""


class NewIndex(Struct, frozen=True, kw_only=True):
    """An index of a new table."""

    name: str
    columns: tuple[str, ...]
    unique: bool


class Reference(Struct, frozen=True, kw_only=True):
    """A foreign key to be made: a column that holds the key of another table."""

    table: str
    column: str
    referred_table: str
    referred_column: str
    on_delete: OnDelete
