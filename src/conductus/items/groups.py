"""Grouping and aggregates: one object per group, one statement. Source: items page §3.9."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import FromClause

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Executor, Row
from conductus.database.statements import StatementCache
from conductus.errors import Unprocessable
from conductus.items.conditions import Conditions
from conductus.items.context import Context
from conductus.items.plan import EVERY_ROW, Planner
from conductus.items.predicate import ALWAYS, Predicate
from conductus.items.rows import Item, converter
from conductus.query.item_query import Aggregate, ItemQuery, SortKey
from conductus.schema.model import NUMBERS, Collection, Field, Kind
from conductus.schema.types import field_type

_NUMBER = sa.BigInteger()


async def read(
    query: ItemQuery,
    planner: Planner,
    database: Executor,
    context: Context,
    own: Mapping[str, Any],
    kept: StatementCache[Statement],
) -> list[Item]:
    """The groups, ordered by the fields they are grouped by unless `sort` says otherwise."""
    collection = context.schema.collection(query.collection)
    dialect = planner.dialect
    resolver = planner.resolver()
    where = planner.matching(resolver, collection)
    shape = (
        *(context.schema.version, query.collection, where, context.nulls_last),
        *(query.groups, query.aggregates, query.sort),
    )
    statement = kept.get(shape, lambda: _statement(query, collection, where, context, dialect))
    limit = EVERY_ROW if query.limit is None else query.limit
    bound = {**resolver.values, **own, "limit": limit, "offset": query.offset}
    rows = await database.fetch(statement.sql, statement.values(bound))
    presenters = _presenters(query, collection, dialect)
    return [_item(row, query, presenters) for row in rows]


def _statement(
    query: ItemQuery,
    collection: Collection,
    where: Predicate,
    context: Context,
    dialect: Dialect,
) -> Statement:
    table = dialect.table(collection).alias("t0")
    groups = [table.c[collection.field(name).name] for name in query.groups]
    shown = [dialect.readable(table.c[name], collection.field(name).kind) for name in query.groups]
    figures = [_figure(each, collection, table, dialect) for each in query.aggregates]
    statement = sa.select(*shown, *figures or [sa.func.count()]).select_from(table)
    if where != ALWAYS:
        condition = Conditions(context.schema, dialect).expression(where, collection, table)
        statement = statement.where(condition)
    statement = statement.group_by(*groups).order_by(
        *_order(query, collection, table, context, dialect)
    )
    page = statement.limit(sa.bindparam("limit", type_=_NUMBER)).offset(
        sa.bindparam("offset", type_=_NUMBER)
    )
    return dialect.compile(page if groups else statement)


def _order(
    query: ItemQuery,
    collection: Collection,
    table: FromClause,
    context: Context,
    dialect: Dialect,
) -> list[ColumnElement[Any]]:
    asked = [key for key in query.sort if key.field is not None]
    named = {key.field for key in asked}
    ordered: list[ColumnElement[Any]] = []
    for key in [*asked, *(SortKey(name) for name in query.groups if name not in named)]:
        name = key.field or ""
        if name not in query.groups:
            raise Unprocessable(f"{name}: groups can be sorted by what they are grouped by only")
        ordered += dialect.ordered(
            table.c[name],
            collection.field(name).kind,
            descending=key.descending,
            nulls_last=context.nulls_last,
        )
    return ordered


def _figure(
    asked: Aggregate, collection: Collection, table: FromClause, dialect: Dialect
) -> ColumnElement[Any]:
    if asked.field == "*":
        return sa.func.count()
    field = collection.field(asked.field)
    if field.column is None:
        raise Unprocessable(f"{asked.field}: this field holds no value to aggregate")
    column = table.c[asked.field]
    match asked.function:
        case "count":
            return sa.func.count(column)
        case "countDistinct":
            return sa.func.count(column.distinct())
        case "sum" | "avg" if field.kind not in NUMBERS:
            raise Unprocessable(f"{asked.field}: {asked.function} works on numbers only")
        case function:
            return dialect.total(column, field.kind, function)


Present = Callable[[Any], Any] | None


def _presenters(
    query: ItemQuery, collection: Collection, dialect: Dialect
) -> tuple[Sequence[Present], Sequence[Present]]:
    groups = [_of_group(collection.field(name), dialect) for name in query.groups]
    figures: list[Present] = []
    for asked in query.aggregates:
        if asked.field == "*" or asked.function in ("count", "countDistinct"):
            figures.append(None)
        else:
            figures.append(_total(collection.field(asked.field), asked.function, dialect))
    return groups, figures


def _of_group(field: Field, dialect: Dialect) -> Present:
    """Null is null: items show 0, false or `[]` for it, which may be groups of their own."""
    convert = converter(field, dialect)
    return None if convert is None else lambda value: None if value is None else convert(value)


def _total(field: Field, function: str, dialect: Dialect) -> Present:
    """Sums of whole numbers are whole, averages are doubles, the rest is as the field is."""
    if function == "avg":
        return lambda value: None if value is None else float(value)
    if function == "sum" and field.kind is Kind.INTEGER:
        return lambda value: None if value is None else int(value)
    # A sum of numbers of single precision is a double.
    doubled = function == "sum" and field.kind is Kind.SINGLE
    load = None if doubled else dialect.loader(field.kind)
    present = field_type(field.type).presenter(field.kind)

    def convert(value: Any) -> Any:
        if value is None:
            return None
        loaded = load(value) if load is not None and not isinstance(value, Decimal) else value
        return present(loaded) if present is not None else loaded

    return convert


def _item(
    row: Row, query: ItemQuery, presenters: tuple[Sequence[Present], Sequence[Present]]
) -> Item:
    groups, figures = presenters
    item: Item = {
        name: present(value) if present is not None else value
        for name, present, value in zip(query.groups, groups, row, strict=False)
    }
    values = row[len(query.groups) :]
    if not query.aggregates:
        item["count"] = values[0]
    # Of rows and of fields: the number of rows stands among those of the fields.
    counted = {each.function for each in query.aggregates if each.field != "*"}
    for asked, present, value in zip(query.aggregates, figures, values, strict=False):
        shown = present(value) if present is not None else value
        if asked.field == "*" and asked.function not in counted:
            item[asked.function] = shown
        else:
            item.setdefault(asked.function, {})[asked.field] = shown
    return item
