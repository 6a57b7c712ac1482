"""Runs the counts of `meta`, keeping their statements."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from conductus.database.dialect import Statement
from conductus.database.executor import Executor
from conductus.items.context import Context
from conductus.items.counts import CountShape, count_shape, count_statement, status_statement
from conductus.items.plan import Planner
from conductus.items.predicate import Resolver
from conductus.items.statements import StatementCache
from conductus.query.item_query import ItemQuery
from conductus.schema.model import Collection


class Counts(Struct, frozen=True, kw_only=True):
    """The figures of `meta` that cost a statement; None where not asked for."""

    total: int | None = None
    matching: int | None = None
    by_status: dict[str, int] | None = None


NO_COUNTS = Counts()


class Counter:
    """Counts what narrowed queries ask for."""

    def __init__(self, database: Any) -> None:
        self._database: Executor = database
        self._dialect = database.dialect
        self._statements: StatementCache[tuple[Statement | None]] = StatementCache()

    async def count(self, query: ItemQuery, context: Context) -> Counts:
        """The figures that the query's `meta` needs."""
        if not query.meta:
            return NO_COUNTS
        collection = context.schema.collection(query.collection)
        planner = Planner(query, context, self._dialect)
        resolver = Resolver(context.schema, self._dialect, context.now)
        shape = count_shape(query, planner, resolver, collection)
        if shape is None:
            return NO_COUNTS
        total, matching = await self._figures(shape, resolver.values, context)
        return Counts(
            total=total,
            matching=matching,
            by_status=await self._statuses(shape, collection, context),
        )

    async def _figures(
        self, shape: CountShape, values: dict[str, Any], context: Context
    ) -> tuple[int | None, int | None]:
        (statement,) = self._statements.get(
            (context.schema.version, shape, "figures"),
            lambda: (count_statement(shape, context.schema, self._dialect),),
        )
        if statement is None:
            return None, None
        row = (await self._database.fetch(statement.sql, statement.values(values)))[0]
        return row[0], row[0] if shape.matching == shape.total else row[1]

    async def _statuses(
        self, shape: CountShape, collection: Collection, context: Context
    ) -> dict[str, int] | None:
        (statement,) = self._statements.get(
            (context.schema.version, shape.collection, shape.by_status, "statuses"),
            lambda: (status_statement(shape, context.schema, self._dialect),),
        )
        if statement is None:
            return None
        rows = await self._database.fetch(statement.sql, statement.values({}))
        none = {str(status.value): 0 for status in collection.statuses}
        return none | {str(status): number for status, number in rows}
