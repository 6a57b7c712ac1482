"""The columns of a collection on one dialect, worked out once and not per row.

Functions from rows to records and to what history keeps are written for the collection
(`assembly`), binders are looked up by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from conductus.database.dialect import Convert, Dialect
from conductus.database.executor import Row
from conductus.errors import Unprocessable
from conductus.items.assembly import displayer
from conductus.items.changes import Item
from conductus.items.keys import Key
from conductus.items.profile import kept_in_history
from conductus.schema.model import Collection, Column, Field, Kind
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain
from conductus.schema.types.fitting import column_of

Record = dict[str, Plain]
"""A row by names of fields, in plain form."""
_UNLISTED: Final = frozenset({Kind.BINARY, Kind.OPAQUE})
"""Kinds that cannot be looked up by a list bound as one value."""


class Stored(Struct, frozen=True):
    """A row as the database holds it."""

    row: Row
    """Every column in the order of the fields, as the driver gives it …"""
    record: Record
    """… and in plain form."""


class Columns(Struct, frozen=True, eq=False):
    """One collection's columns, in the order of its fields."""

    collection: Collection
    names: tuple[str, ...]
    records: Callable[[Sequence[Row]], list[Record]]
    """Rows of every column in plain form."""
    recorded: Callable[[Sequence[Row]], list[Item]]
    """Rows of every column as history keeps them: no secrets of built-in collections."""
    binders: dict[str, Convert]
    """For those whose values the driver does not take in plain form."""
    keys: tuple[Column, ...]
    row_key: Callable[[Row], Key]
    """The key of a row of every column."""
    computed: bool
    """Whether some are computed by the database from others."""
    listed: bool
    """Whether rows are looked up by a list of keys that is bound as one value."""

    def stored(self, rows: Sequence[Row]) -> list[Stored]:
        """Rows of every column, in both forms."""
        return [Stored(row, record) for row, record in zip(rows, self.records(rows), strict=True)]

    def key(self, record: Record) -> Key:
        """The key of a row that has its key columns."""
        return tuple([record[name] for name in self.collection.primary_key])

    def datatypes(self, names: Iterable[str]) -> set[str]:
        """The datatypes of columns; with an empty one where the database computes others.

        It is empty too for values that the database spells in its own way.
        """
        columns = [column_of(self.collection.fields[name]) for name in names]
        found = {"" if each.kind is Kind.OPAQUE else each.datatype for each in columns}
        return found | {""} if self.computed else found

    def changed(self, row: Row, values: Record) -> Row:
        """The row of every column with other values in it."""
        new = dict(zip(self.names, row, strict=True))
        return tuple((new | {name: self.bind(name, values[name]) for name in values}).values())

    def bind(self, name: str, value: Plain) -> Any:
        """A value as the driver takes it. Raises `Unprocessable` for one it cannot take."""
        convert = self.binders.get(name)
        if value is None or convert is None:
            return value
        try:
            return convert(value)
        except (ValueError, OverflowError) as error:
            raise Unprocessable(f"{name}: this value cannot be stored") from error


def columns_of(collection: Collection, dialect: Dialect) -> Columns:
    """The columns of a collection."""
    fields = tuple(collection.columns())
    width = len(fields)
    loaders = {field.name: dialect.loader(field.kind) for field in fields}
    keys = tuple(column_of(collection.fields[name]) for name in collection.primary_key)
    return Columns(
        collection=collection,
        names=tuple(field.name for field in fields),
        records=displayer(
            [(field.name, place, loaders[field.name]) for place, field in enumerate(fields)], width
        ),
        recorded=displayer(
            [
                (field.name, place, _recorder(field, loaders[field.name]))
                for place, field in enumerate(fields)
                if kept_in_history(field)
            ],
            width,
        ),
        binders={
            field.name: convert
            for field in fields
            if (convert := dialect.binder(field.kind)) is not None
        },
        keys=keys,
        row_key=_row_key(
            [(place, loaders[name]) for place, name in _places(fields, collection.primary_key)]
        ),
        computed=any(column_of(field).generated for field in fields),
        listed=len(keys) == 1 and keys[0].kind not in _UNLISTED,
    )


def _places(fields: Sequence[Field], names: Sequence[str]) -> list[tuple[int, str]]:
    places = {field.name: place for place, field in enumerate(fields)}
    return [(places[name], name) for name in names]


def _row_key(parts: Sequence[tuple[int, Convert | None]]) -> Callable[[Row], Key]:
    def one(row: Row) -> Key:
        return (row[first],)

    def several(row: Row) -> Key:
        return tuple([load(row[place]) if load else row[place] for place, load in parts])

    if len(parts) != 1 or parts[0][1] is not None:
        return several
    ((first, _),) = parts
    return one


def _recorder(field: Field, load: Convert | None) -> Convert | None:
    record = type_of(field).recorder(field.kind)
    if load is None or record is None:
        return load or record

    def convert(value: Any) -> Any:
        return record(load(value))

    return convert
