"""The figures of `meta`: one statement for all that is asked, never a fetch of rows.

Source: items page §3.7.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.sql.elements import ColumnElement

from conductus.database.dialect import Dialect, Statement
from conductus.items.conditions import Conditions
from conductus.items.driving import split
from conductus.items.plan import Planner
from conductus.items.predicate import ALWAYS, Predicate, Resolver, combine
from conductus.query.item_query import ALL_STATUSES, ItemQuery
from conductus.schema.model import Collection, Schema


class CountShape(Struct, frozen=True):
    """What is counted of a collection; None for a figure that is not asked for."""

    collection: str
    total: Predicate | None
    matching: Predicate | None
    by_status: Predicate | None
    """Which rows are counted for each status."""


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
    by_status = None
    if "status" in asked and collection.statuses:
        by_status = planner.shown(resolver, collection, ALL_STATUSES)
    if total is None and matching is None and by_status is None:
        return None
    return CountShape(collection.name, total, matching, by_status)


def count_statement(shape: CountShape, schema: Schema, dialect: Dialect) -> Statement | None:
    """One row of two numbers: the total, the matching; NULL where not asked for."""
    if shape.total is None and shape.matching is None:
        return None
    total = _count(shape.total, shape.collection, schema, dialect)
    # The same condition is counted once.
    matching = (
        sa.null()
        if shape.matching == shape.total
        else _count(shape.matching, shape.collection, schema, dialect)
    )
    return dialect.compile(sa.select(total.label("total"), matching.label("matching")))


def status_statement(shape: CountShape, schema: Schema, dialect: Dialect) -> Statement | None:
    """Rows of status and number."""
    collection = schema.collections[shape.collection]
    if shape.by_status is None or collection.status_field is None:
        return None
    table = dialect.table(collection).alias("t0")
    status = table.c[collection.status_field]
    counted = sa.select(status, sa.func.count()).where(status.is_not(None)).group_by(status)
    if shape.by_status != ALWAYS:
        shown = Conditions(schema, dialect).expression(shape.by_status, collection, table)
        counted = counted.where(shown)
    return dialect.compile(counted)


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
