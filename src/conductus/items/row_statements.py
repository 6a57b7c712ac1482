"""The statements on rows by key, made once for each shape.

Keys are the parameters `k0_0`, `k0_1`, … of the first key and so on, or one list `keys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from conductus.database.dialect import Dialect, Statement
from conductus.items.columns import Columns
from conductus.items.insertion import Chain, Insertion
from conductus.schema.model import Collection, Column, Field
from conductus.schema.types.fitting import column_of

Way = Literal["read", "read and lock", "update", "update and answer", "delete"]


class RowStatements:
    """Makes statements for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def keyed(self, way: Way, columns: Columns, size: int, names: Sequence[str]) -> Statement:
        """On the rows of `size` keys; what reads or answers them tells every column.

        The fields `names` get the values `v0`, `v1`, …
        """
        collection = columns.collection
        table = self._dialect.table(collection)
        where = self._having_keys(table, columns, size)
        every = self._dialect.columns(table, collection, columns.names)
        match way:
            case "read":
                return self._dialect.compile(sa.select(*every).select_from(table).where(where))
            case "read and lock":
                select = sa.select(*every).select_from(table).where(where)
                return self._dialect.compile(select.with_for_update())
            case "delete":
                return self._dialect.compile(sa.delete(table).where(where))
        changed = [column_of(collection.fields[name]) for name in names]
        values = {
            column.name: self._parameter(f"v{place}", column)
            for place, column in enumerate(changed)
        }
        update = sa.update(table).where(where).values(values)
        if way == "update and answer":
            return self._dialect.compile(update.returning(*every))
        return self._dialect.compile(update)

    def chain(
        self,
        columns: tuple[Columns, Columns],
        made: tuple[str, ...],
        linked: tuple[str, ...],
        link: str,
    ) -> Chain:
        """A new row that gives `made`, and one that gives `linked`; `link` holds its key."""
        first, second = columns
        last = self._dialect.last_key
        if last is None:
            both = self._chained(first.collection, second.collection, made, linked, link)
            return Chain(
                Insertion(first, _ordered(both, "v0_"), ""),
                Insertion(second, _ordered(both, "v1_"), both.sql),
                leads=both.order[0].startswith("v0_"),
            )
        given = {link: last, **self._given("v1", second.collection, linked)}
        table = self._dialect.table(second.collection)
        after = self._dialect.compile(sa.insert(table).values(given))
        alone = self._dialect.insert(first.collection, 1, made)
        return Chain(
            Insertion(first, made, alone.sql), Insertion(second, _ordered(after, "v1_"), after.sql)
        )

    def _chained(
        self,
        first: Collection,
        second: Collection,
        made: tuple[str, ...],
        linked: tuple[str, ...],
        link: str,
    ) -> Statement:
        given, rest = self._given("v0", first, made), self._given("v1", second, linked)
        key = first.primary_key[0]
        insert = sa.insert(self._dialect.table(first)).values(given)
        inserted = insert.returning(sa.column(key)).cte("made")
        select = sa.select(inserted.c[key], *rest.values())
        table = self._dialect.table(second)
        return self._dialect.compile(sa.insert(table).from_select([link, *rest], select))

    def used(self, collection: Collection, field: Field) -> Statement:
        """Those of the values `keys` that the field has somewhere."""
        table = self._dialect.table(collection)
        column = table.c[column_of(field).name]
        where = self._dialect.among(column, "keys", field.kind)
        return self._dialect.compile(sa.select(column).distinct().where(where))

    def _having_keys(
        self, table: sa.TableClause, columns: Columns, size: int
    ) -> ColumnElement[bool]:
        if listed(columns, size):
            (key,) = columns.keys
            return self._dialect.among(table.c[key.name], "keys", key.kind)
        return sa.or_(
            *(
                sa.and_(
                    *(
                        table.c[column.name] == self._parameter(f"k{row}_{place}", column)
                        for place, column in enumerate(columns.keys)
                    )
                )
                for row in range(room(columns, size))
            )
        )

    def _given(
        self, prefix: str, collection: Collection, names: Sequence[str]
    ) -> dict[str, ColumnElement[Any]]:
        return {
            name: self._parameter(f"{prefix}_{name}", column_of(collection.fields[name]))
            for name in names
        }

    def _parameter(self, name: str, column: Column) -> ColumnElement[Any]:
        bound: ColumnElement[Any] = sa.bindparam(name, type_=self._dialect.type(column.kind))
        return self._dialect.assignable(bound, column)


def listed(columns: Columns, size: int) -> bool:
    """Whether `size` keys are bound as one list; a single one is compared as it is."""
    return columns.listed and size > 1


def room(columns: Columns, size: int) -> int:
    """The number of keys that a statement for `size` of them has room for; 0: any number."""
    return 0 if listed(columns, size) else 1 << (size - 1).bit_length()


def _ordered(statement: Statement, prefix: str) -> tuple[str, ...]:
    """The fields of one row in the order in which a statement takes their values."""
    return tuple([name.removeprefix(prefix) for name in statement.order if name.startswith(prefix)])
