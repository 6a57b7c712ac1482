"""The figures of `meta`: one statement for all that is asked, never a fetch of rows.

Source: items page §3.7.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.sql.elements import ColumnElement

from conductus.database.dialect import Dialect, Statement
from conductus.items.conditions import Conditions, Everywhere
from conductus.items.driving import split
from conductus.items.plan import Planner
from conductus.items.predicate import ALWAYS, Predicate, Resolver, combine
from conductus.items.status_counts import Apart, apart
from conductus.permissions.scope import in_statuses
from conductus.query.item_query import ALL, ALL_STATUSES, ItemQuery
from conductus.schema.model import Collection, Schema


class CountShape(Struct, frozen=True):
    """What is counted of a collection; None for a figure that is not asked for."""

    collection: str
    total: Predicate | None
    matching: Predicate | None
    once: bool
    """The total and the matching rows are the same, and counted once."""
    by_status: Predicate | None
    """Which rows are counted for each status."""
    in_total: Predicate | None
    """The statuses whose rows make up the total, where groups tell it."""
    apart: Apart | None
    """How statuses are told apart without groups, or before there have to be some."""
    tells_total: bool
    """The counts by status tell the total."""


def count_shape(
    query: ItemQuery, planner: Planner, resolver: Resolver, collection: Collection
) -> CountShape | None:
    """The figures that the query's `meta` needs; None when it needs none.

    `status=*` does not widen the total: the rows of a collection are those not deleted.
    With a filter or a search, `filter_count` counts in the statuses that are listed.
    """
    asked = query.meta or frozenset()
    wanted = None if query.statuses == ALL_STATUSES else query.statuses
    total = matching = None
    if asked & {"total_count"}:
        total = planner.shown(resolver, collection, wanted)
    if asked & {"filter_count", "page"}:
        filtered = planner.filtered(resolver, collection)
        shown = wanted if filtered == ALWAYS else query.statuses
        matching = combine("all", [filtered, planner.shown(resolver, collection, shown)])
        if filtered == ALWAYS and total is not None:
            matching = total
    once = matching == total
    by_status = in_total = alone = None
    tells_total = False
    field = collection.status_field
    if "status" in asked and collection.statuses and field is not None:
        told = planner.sight.showing(collection, field)
        visible = cache(partial(planner.shown, resolver, collection, ALL_STATUSES))
        tells_total = total is not None and told == ALL
        if told == ALL:
            alone = apart(planner, resolver, collection, wanted, visible)
        if alone is None or alone.open:
            by_status = combine("all", [visible(), resolver.rule(told, collection)])
            if tells_total:
                in_total = resolver.rule(in_statuses(collection, wanted), collection)
        if tells_total:
            total, matching = None, None if once else matching
    if total is None and matching is None and by_status is None and alone is None:
        return None
    return CountShape(
        collection.name, total, matching, once, by_status, in_total, alone, tells_total
    )


def count_statement(shape: CountShape, schema: Schema, dialect: Dialect) -> Statement | None:
    """One row of two numbers: the total, the matching; NULL where they are not counted here."""
    if shape.total is None and shape.matching is None:
        return None
    total = _count(shape.total, shape.collection, schema, dialect)
    matching = (
        sa.null() if shape.once else _count(shape.matching, shape.collection, schema, dialect)
    )
    return dialect.compile(sa.select(total.label("total"), matching.label("matching")))


def status_statement(shape: CountShape, schema: Schema, dialect: Dialect) -> Statement | None:
    """Rows of status, number, and whether they belong to the total where that is asked."""
    collection = schema.collections[shape.collection]
    name = collection.status_field
    if shape.by_status is None or name is None:
        return None
    conditions = Everywhere(schema, dialect)
    table = dialect.table(collection).alias("t0")
    status = table.c[name]
    rows = sa.func.count().label(f"{name} rows")
    counted = sa.select(status, rows).where(status.is_not(None)).group_by(status)
    if shape.by_status != ALWAYS:
        counted = counted.where(conditions.expression(shape.by_status, collection, table))
    if shape.in_total is None:
        return dialect.compile(counted)
    groups = counted.subquery("groups")
    # Asked of each group and not of each row.
    inside = conditions.expression(shape.in_total, collection, groups)
    return dialect.compile(sa.select(*groups.c, inside.label("inside")))


def _count(
    predicate: Predicate | None, name: str, schema: Schema, dialect: Dialect
) -> ColumnElement[Any]:
    if predicate is None:
        return sa.null()
    collection = schema.collections[name]
    table = dialect.table(collection).alias("t0")
    conditions = Conditions(schema, dialect)
    first, where = None, predicate
    if dialect.begins_with_matches:
        first, where = split(predicate, collection, schema)
    source = table if first is None else conditions.matches(first, collection, table)
    count = sa.select(sa.func.count()).select_from(source)
    if where != ALWAYS:
        count = count.where(conditions.expression(where, collection, table))
    return (count if first is None else dialect.in_order(count)).scalar_subquery()
