"""Runs the counts of `meta`, keeping their statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from conductus.database.dialect import Statement
from conductus.database.executor import Database, Row
from conductus.database.statements import StatementCache
from conductus.items.context import Context
from conductus.items.counts import CountShape, count_shape, count_statement, status_statement
from conductus.items.plan import Planner
from conductus.items.status_counts import apart_statement
from conductus.permissions.policy import Policy
from conductus.query.item_query import ItemQuery


class Counts(Struct, frozen=True, kw_only=True):
    """The figures of `meta` that cost a statement; None where not asked for."""

    total: int | None = None
    matching: int | None = None
    by_status: dict[str, int] | None = None


NO_COUNTS = Counts()


class _Ready(Struct, frozen=True):
    """The counts of one query, ready to run."""

    query: ItemQuery
    """Kept, as the policy is, so that its identity is not given to another one meanwhile."""
    policy: Policy
    figures: Statement | None
    once: bool
    """The total and the matching rows are the same, and counted once."""
    values: dict[str, Any]
    apart: Statement | None
    by_status: Statement | None
    shape: CountShape | None
    statuses: tuple[str, ...]


class Counter:
    """Counts what narrowed queries ask for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect
        self._statements: StatementCache[tuple[Statement | None]] = StatementCache()
        self._latest: StatementCache[_Ready] = StatementCache()
        self._mixed: set[str] = set()
        """Collections in which statuses were found that nobody declared: to be grouped."""

    async def count(self, query: ItemQuery, context: Context, own: Mapping[str, Any]) -> Counts:
        """The figures that the query's `meta` needs; `own` are the values of the asker."""
        if not query.meta:
            return NO_COUNTS
        ready = self._ready(query, context)
        total = matching = by_status = None
        values = {**ready.values, **own}
        if ready.figures is not None:
            ((total, matching),) = await self._run(ready.figures, values)
        if ready.shape is not None and (ready.apart or ready.by_status):
            by_status, in_all = await self._by_status(ready, ready.shape, values)
            total = in_all if ready.shape.tells_total else total
        return Counts(total=total, matching=total if ready.once else matching, by_status=by_status)

    async def _by_status(
        self, ready: _Ready, shape: CountShape, values: Mapping[str, Any]
    ) -> tuple[dict[str, int], int]:
        """The number of rows in each status, and how many of them make up the total."""
        none = dict.fromkeys(ready.statuses, 0)
        apart = shape.apart
        # Where only certain statuses may be seen, others do not matter.
        if ready.apart and apart and not (apart.open and shape.collection in self._mixed):
            (row,) = await self._run(ready.apart, values)
            numbers = apart.numbers(row)
            if numbers is not None:
                found = {status: number for status, number in numbers.items() if number}
                return none | found, apart.total(numbers)
            self._mixed.add(shape.collection)
        if ready.by_status is None:
            raise LookupError("nothing counts the rows in each status")
        groups = await self._run(ready.by_status, values)
        by_status = none | {str(status): number for status, number, *_ in groups}
        return by_status, sum(number for _, number, *inside in groups if any(inside))

    async def _run(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        return await self._database.fetch(statement.sql, statement.values(values))

    def _ready(self, query: ItemQuery, context: Context) -> _Ready:
        # The same query means other rows to another role.
        key = id(query), context.schema.version, id(context.policy)
        found = self._latest.find(key)
        if found is not None and found.query is query and found.policy is context.policy:
            return found
        planner = Planner(query, context, self._dialect)
        resolver = planner.resolver()
        collection = context.schema.collection(query.collection)
        shape = count_shape(query, planner, resolver, collection)
        ready = self._made_ready(query, shape, resolver.values, context)
        if not resolver.timed:
            self._latest.put(key, ready)
        return ready

    def _made_ready(
        self,
        query: ItemQuery,
        shape: CountShape | None,
        values: dict[str, Any],
        context: Context,
    ) -> _Ready:
        if shape is None:
            return _Ready(query, context.policy, None, True, {}, None, None, None, ())
        schema = context.schema
        (figures,) = self._statements.get(
            (schema.version, shape, "figures"),
            lambda: (count_statement(shape, schema, self._dialect),),
        )
        (by_status,) = self._statements.get(
            (schema.version, shape.collection, shape.by_status, shape.in_total, "statuses"),
            lambda: (status_statement(shape, schema, self._dialect),),
        )
        (apart,) = self._statements.get(
            (schema.version, shape.collection, shape.apart, "apart"),
            lambda: (apart_statement(shape.apart, shape.collection, schema, self._dialect),),
        )
        statuses = tuple(
            str(status.value) for status in schema.collections[shape.collection].statuses
        )
        return _Ready(
            query, context.policy, figures, shape.once, values, apart, by_status, shape, statuses
        )
