"""From the shape of a level to a compiled statement and the layout of its rows.

SQL is built with SQLAlchemy Core and compiled once per shape; names come from the schema
alone, values stay in slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import FromClause

from conductus.database.dialect import Dialect, Statement
from conductus.items.assembly import Assemble, assembler
from conductus.items.conditions import Conditions
from conductus.items.driving import split
from conductus.items.levels import Level, Node
from conductus.items.predicate import ALWAYS, Predicate, Test
from conductus.items.rows import Layout, layout
from conductus.query.item_query import SortKey
from conductus.schema.model import Collection, Kind, Schema

_NUMBER = sa.BigInteger()


class Compiled(Struct, frozen=True):
    """A level ready to run: the driver's text, and how its rows are read."""

    statement: Statement
    layouts: tuple[Layout, ...]
    """One for each node of the level, in the same order."""
    assemble: Assemble
    """Makes items of the statement's rows."""
    group: int | None
    """Position of the value that ties a row to its parent."""
    rank: int | None = None
    """Position of the number by which rows are put in order afterwards; None where the
    statement does that."""


class LevelCompiler:
    """Compiles levels against one schema on one dialect."""

    def __init__(self, schema: Schema, dialect: Dialect) -> None:
        self._schema = schema
        self._dialect = dialect
        self._conditions = Conditions(schema, dialect)

    def compile(self, level: Level) -> Compiled:
        """The statement of a level."""
        tables = self._tables(level.nodes)
        base = self._schema.collections[level.collection]
        if level.far and len(level.nodes) > 1:
            tables[0] = self._page(level, base, tables[0])
            level = replace(level, where=ALWAYS, paged=False)
        columns: list[ColumnElement[Any]] = []
        layouts = tuple(
            self._read(node, table, columns)
            for node, table in zip(level.nodes, tables, strict=True)
        )
        group = rank = None
        if level.grouped_by is not None:
            group = self._place(level.grouped_by, base, tables[0], columns)
            if self._dialect.sorts_dearly and _by_number(level, base):
                rank = self._place(base.primary_key[0], base, tables[0], columns)
        # Not every database selects nothing of a row.
        columns = columns or [sa.literal_column("1")]
        assemble = assembler(layouts, len(columns))
        shown = [column.label(f"c{place}") for place, column in enumerate(columns)]
        statement = self._selected(level, base, tables, shown)
        order = self.order(level.sort, base, tables[0], nulls_last=level.nulls_last)
        if level.per_parent and level.grouped_by is not None:
            numbered = _numbered(statement, tables[0].c[level.grouped_by], order, len(columns))
            return Compiled(self._dialect.compile(numbered), layouts, assemble, group)
        if level.in_step and level.grouped_by is not None:
            order = [tables[0].c[level.grouped_by].asc(), *order]
        if rank is None:
            statement = statement.order_by(*order)
        if level.paged:
            statement = _paged(statement)
        return Compiled(self._dialect.compile(statement), layouts, assemble, group, rank)

    def _selected(
        self,
        level: Level,
        base: Collection,
        tables: Sequence[FromClause],
        columns: Sequence[ColumnElement[Any]],
    ) -> sa.Select[Any]:
        """The columns of the rows that a level reads, in no order."""
        first, where = self._beginning(level, base)
        source = tables[0] if first is None else self._conditions.matches(first, base, tables[0])
        statement = (
            sa.select(*columns)
            .select_from(self._joined(level.nodes, tables, source))
            .where(*self._where(level, where, base, tables[0]))
        )
        return statement if first is None else self._dialect.in_order(statement)

    def _page(self, level: Level, base: Collection, table: FromClause) -> FromClause:
        """The rows of the page, with the columns that the level needs of them."""
        node, *others = level.nodes
        links = [other.path[0] for other in others]
        sorts = [key.field for key in level.sort if key.field is not None]
        names = dict.fromkeys((*node.columns, *links, *sorts, *base.primary_key))
        alone = replace(level, nodes=(node,))
        rows = self._selected(alone, base, [table], [table.c[name] for name in names])
        order = self.order(level.sort, base, table, nulls_last=level.nulls_last)
        return _paged(rows.order_by(*order)).subquery("page")

    def order(
        self,
        keys: Sequence[SortKey],
        collection: Collection,
        table: FromClause,
        *,
        nulls_last: bool,
    ) -> list[ColumnElement[Any]]:
        """ORDER BY with the primary key last, so that pages are stable."""
        ordered: list[ColumnElement[Any]] = []
        named = {key.field for key in keys}
        last = [SortKey(name) for name in collection.primary_key if name not in named]
        for key in (*keys, *last):
            if key.field is None:
                ordered.append(self._dialect.random())
                continue
            field = collection.fields[key.field]
            column: ColumnElement[Any] = table.c[key.field]
            native = "" if field.column is None else field.column.native
            if field.kind is Kind.JSON or native in self._dialect.unordered:
                # Not every database orders its JSON type, nor all others.
                column = self._dialect.text(column, field.kind)
            if field.column is not None and not field.column.nullable:
                # An index serves this order; one that says where nulls go it may not.
                expression = self._dialect.comparable(column, field.kind)
                ordered.append(expression.desc() if key.descending else expression.asc())
            else:
                ordered += self._dialect.ordered(
                    column, field.kind, descending=key.descending, nulls_last=nulls_last
                )
        return ordered

    def _tables(self, nodes: Sequence[Node]) -> list[FromClause]:
        return [
            self._dialect.table(self._schema.collections[node.collection]).alias(f"t{place}")
            for place, node in enumerate(nodes)
        ]

    def _beginning(self, level: Level, base: Collection) -> tuple[Test | None, Predicate]:
        """The condition that the statement begins with, and what must hold besides."""
        if level.grouped_by is not None or not self._dialect.begins_with_matches:
            return None, level.where
        return split(level.where, base, self._schema)

    def _joined(
        self, nodes: Sequence[Node], tables: Sequence[FromClause], source: FromClause
    ) -> FromClause:
        joined = source
        places = {node.path: place for place, node in enumerate(nodes)}
        for node, table in zip(nodes[1:], tables[1:], strict=True):
            place = places[node.path[:-1]]
            holding = self._schema.collections[nodes[place].collection]
            target = self._schema.collections[node.collection]
            link, key = holding.fields[node.path[-1]], target.fields[target.primary_key[0]]
            near, far = self._dialect.matched(
                tables[place].c[link.name], link.kind, table.c[key.name], key.kind
            )
            on = near == far
            if node.visible != ALWAYS:
                on = sa.and_(on, self._conditions.expression(node.visible, target, table))
            joined = joined.outerjoin(table, on)
        return joined

    def _read(self, node: Node, table: FromClause, columns: list[ColumnElement[Any]]) -> Layout:
        """Adds the node's columns to what is selected and says how they are read."""
        collection = self._schema.collections[node.collection]
        start = len(columns)
        for name in node.columns:
            kind = collection.fields[name].kind
            columns.append(self._dialect.readable(table.c[name], kind))
        return layout(node, collection, self._dialect, start)

    def _place(
        self, name: str, base: Collection, table: FromClause, columns: list[ColumnElement[Any]]
    ) -> int:
        """The place of a value for our own use; read besides if need be."""
        # A tie is read as the parent's key is.
        value = self._dialect.readable(table.c[name], base.fields[name].kind)
        for place, column in enumerate(columns):
            if column is value:
                return place
        columns.append(value)
        return len(columns) - 1

    def _where(
        self, level: Level, where: Predicate, base: Collection, table: FromClause
    ) -> list[ColumnElement[bool]]:
        parts: list[ColumnElement[bool]] = []
        if level.grouped_by is not None:
            parts.append(self._tied(level, table.c[level.grouped_by], base))
        if where != ALWAYS:
            parts.append(self._conditions.expression(where, base, table))
        return parts

    def _tied(
        self, level: Level, column: ColumnElement[Any], base: Collection
    ) -> ColumnElement[bool]:
        """The rows that belong to the parents."""
        if level.dense:
            low, high = sa.bindparam("low", type_=_NUMBER), sa.bindparam("high", type_=_NUMBER)
            # One test: it is made of millions of rows.
            return column.between(low, high)
        kind = base.fields[level.grouped_by or ""].kind
        return self._dialect.among(column, "parents", kind)


def _by_number(level: Level, base: Collection) -> bool:
    """Whether many rows come in the order of a key that is a number, the same anywhere."""
    key = base.primary_key
    plain = level.dense and not (level.sort or level.per_parent)
    return plain and len(key) == 1 and base.fields[key[0]].kind is Kind.INTEGER


def _paged(statement: sa.Select[Any]) -> sa.Select[Any]:
    return statement.limit(sa.bindparam("limit", type_=_NUMBER)).offset(
        sa.bindparam("offset", type_=_NUMBER)
    )


def _numbered(
    statement: sa.Select[Any],
    parent: ColumnElement[Any],
    order: Sequence[ColumnElement[Any]],
    width: int,
) -> sa.Select[Any]:
    """Only the rows from `first` to `last` of each parent, by their number in its list."""
    number = sa.func.row_number().over(partition_by=parent, order_by=list(order)).label("place")
    rows = statement.add_columns(number).subquery("numbered")
    first = sa.bindparam("first", type_=_NUMBER)
    last = sa.bindparam("last", type_=_NUMBER)
    return (
        sa.select(*(rows.c[f"c{place}"] for place in range(width)))
        .where(rows.c.place >= first, rows.c.place <= last)
        .order_by(rows.c.place)
    )
