"""Reads items: narrow, plan, run, present. The one way items are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct, structs

from conductus.database.executor import Database, Row
from conductus.errors import ItemNotFound, Unprocessable
from conductus.items import groups
from conductus.items.context import Context
from conductus.items.counts import (
    CountShape,
    count_shape,
    count_statement,
    status_statement,
)
from conductus.items.plan import Child, Planned, Planner, composite
from conductus.items.predicate import Resolver
from conductus.items.rows import Item, items, of_node
from conductus.items.sql import Compiled, LevelCompiler
from conductus.items.statements import StatementCache
from conductus.permissions.reading import narrow
from conductus.query.item_query import ItemQuery
from conductus.schema.model import Collection

STREAM_SIZE = 5000
"""Rows of a streamed list that are in memory at a time."""


class Counts(Struct, frozen=True, kw_only=True):
    """The figures of `meta` that cost a statement; None where not asked for."""

    total: int | None = None
    matching: int | None = None
    by_status: dict[str, int] | None = None


class Page(Struct, frozen=True, kw_only=True):
    """What a read answers: a list, or for `single` and reads by id one item."""

    items: list[Item] | Item
    counts: Counts = Counts()
    messages: list[Item] = []


class Reader:
    """Runs queries on one database. Keeps compiled statements by shape."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect
        self._levels: StatementCache[Compiled] = StatementCache()
        self._counts: StatementCache[Any] = StatementCache()

    async def read(self, query: ItemQuery, context: Context) -> Page:
        """The items that match. Raises `ReadForbidden`, `ItemNotFound` for `single`."""
        query = narrow(query, context.schema, context.actor)
        counts = await self._counted(query, context)
        if query.aggregates or query.groups:
            return Page(items=await self._grouped(query, context), counts=counts)
        if query.single:
            query = structs.replace(query, limit=1)
        if query.limit == 0:
            return Page(items=[], counts=counts)
        planned = Planner(query, context, self._dialect).listing()
        found = await self._run(planned, planned.values, context)
        if not query.single:
            return Page(items=found, counts=counts)
        if not found:
            raise ItemNotFound(query.collection, "single")
        return Page(items=found[0], counts=counts)

    async def by_keys(self, query: ItemQuery, keys: Sequence[str], context: Context) -> Page:
        """Items by their keys as they stand in a URL; filter and search are ignored.

        One key gives one item, or raises `ItemNotFound`; several give a list in default
        order without those that do not exist. The keys of a composite key are joined by
        commas inside one text.
        """
        if not context.actor.administrator and len(keys) == 1:
            raise ItemNotFound(query.collection, keys[0])
        query = narrow(query, context.schema, context.actor)
        collection = context.schema.collection(query.collection)
        if not collection.primary_key:
            raise Unprocessable(f"{collection.name!r} has no primary key: it can only be listed")
        found = await self._keyed(query, list(keys), collection, context)
        if len(keys) > 1:
            plain = structs.replace(query, filter=None, search=None)
            return Page(items=found, counts=await self._counted(plain, context))
        if not found:
            raise ItemNotFound(query.collection, keys[0])
        return Page(items=found[0])

    @asynccontextmanager
    async def stream(
        self, query: ItemQuery, context: Context
    ) -> AsyncIterator[AsyncIterator[list[Item]]]:
        """The items that match, in batches; leaving early stops the statement."""
        query = narrow(query, context.schema, context.actor)
        planned = Planner(query, context, self._dialect).listing()
        compiled = self._compiled(planned, context)
        statement = compiled.statement
        async with self._database.stream(
            statement.sql, statement.values(planned.values), STREAM_SIZE
        ) as batches:
            yield self._presented(batches, planned, compiled, context)

    async def _presented(
        self,
        batches: AsyncIterator[list[Row]],
        planned: Planned,
        compiled: Compiled,
        context: Context,
    ) -> AsyncIterator[list[Item]]:
        async for rows in batches:
            yield await self._present(rows, planned, compiled, context)

    async def counted(self, query: ItemQuery, context: Context) -> Counts:
        """The figures of the query's `meta`."""
        return await self._counted(narrow(query, context.schema, context.actor), context)

    async def in_order(self, query: ItemQuery, keys: Sequence[str], context: Context) -> list[Item]:
        """Like `by_keys` for several keys, in the order of the keys."""
        query = narrow(query, context.schema, context.actor)
        collection = context.schema.collection(query.collection)
        return await self._keyed(query, list(keys), collection, context, ordered=True)

    async def _keyed(
        self,
        query: ItemQuery,
        keys: list[str],
        collection: Collection,
        context: Context,
        *,
        ordered: bool = False,
    ) -> list[Item]:
        planner = Planner(query, context, self._dialect)
        planned = planner.by_keys()
        if composite(collection):
            return await self._by_composite_keys(planner, planned, keys, context)
        values = planner.key_list(keys)
        if not values:
            return []
        kind = collection.fields[collection.primary_key[0]].kind
        bound = {**planned.values, "keys": self._dialect.list_binder(kind)(values)}
        compiled = self._compiled(planned, context)
        rows = await self._fetch(compiled, bound)
        if ordered:
            place = compiled.layouts[0].hidden[collection.primary_key[0]]
            order = {value: number for number, value in enumerate(values)}
            # A database that ignores case may answer a key that is spelt differently.
            rows = sorted(rows, key=lambda row: order.get(row[place], len(order)))
        return await self._present(rows, planned, compiled, context)

    async def _by_composite_keys(
        self, planner: Planner, planned: Planned, keys: Sequence[str], context: Context
    ) -> list[Item]:
        found: list[Item] = []
        for key in keys:
            slots = planner.key_values(key)
            if slots is not None:
                found += await self._run(planned, {**planned.values, **slots}, context)
        return found

    async def _run(self, planned: Planned, values: dict[str, Any], context: Context) -> list[Item]:
        compiled = self._compiled(planned, context)
        rows = await self._fetch(compiled, values)
        return await self._present(rows, planned, compiled, context)

    async def _fetch(self, compiled: Compiled, values: dict[str, Any]) -> list[Row]:
        statement = compiled.statement
        return await self._database.fetch(statement.sql, statement.values(values))

    def _compiled(self, planned: Planned, context: Context) -> Compiled:
        level = planned.level

        def compile_level() -> Compiled:
            return LevelCompiler(context.schema, self._dialect).compile(level)

        return self._levels.get((context.schema.version, level), compile_level)

    async def _present(
        self, rows: Sequence[Row], planned: Planned, compiled: Compiled, context: Context
    ) -> list[Item]:
        """The rows as items, with what hangs below them."""
        found = items(rows, compiled.layouts)
        if found:
            for child in planned.children:
                await self._attach(child, rows, found, compiled, context)
        return found

    async def _attach(
        self,
        child: Child,
        rows: Sequence[Row],
        found: Sequence[Item],
        compiled: Compiled,
        context: Context,
    ) -> None:
        """Loads one child level for all its parents and puts its items in place."""
        node = compiled.layouts[child.node]
        place = node.hidden[child.key]
        parents = of_node(found, node)
        keys = [row[place] for row in rows]
        below = await self._below(child, keys, context)
        for parent, key in zip(parents, keys, strict=True):
            if parent is None:
                continue
            related = below.get(key, [])
            if child.many:
                parent[child.name] = related
            else:
                parent[child.name] = related[0] if related else None

    async def _below(
        self, child: Child, keys: Sequence[Any], context: Context
    ) -> dict[Any, list[Any]]:
        """The child level's items by the value that ties them to their parents."""
        wanted = [key for key in dict.fromkeys(keys) if key is not None]
        if not wanted:
            return {}
        planned = child.planned
        compiled = self._compiled(planned, context)
        level = planned.level
        key_field = context.schema.collections[level.collection].fields[level.grouped_by or ""]
        bind = self._dialect.list_binder(key_field.kind)
        statement = compiled.statement
        rows = await self._database.fetch(
            statement.sql, statement.values({**planned.values, "parents": bind(wanted)})
        )
        found: Sequence[Any] = await self._present(rows, planned, compiled, context)
        if child.bare:
            found = [_key_of(item) for item in found]
        grouped: dict[Any, list[Any]] = {}
        place = compiled.group or 0
        for row, item in zip(rows, found, strict=True):
            grouped.setdefault(row[place], []).append(item)
        return grouped

    async def _counted(self, query: ItemQuery, context: Context) -> Counts:
        if not query.meta:
            return Counts()
        collection = context.schema.collection(query.collection)
        planner = Planner(query, context, self._dialect)
        resolver = Resolver(context.schema, self._dialect, context.now)
        shape = count_shape(query, planner, resolver, collection)
        if shape is None:
            return Counts()
        total, matching = await self._figures(shape, resolver.values, context)
        return Counts(
            total=total,
            matching=matching,
            by_status=await self._statuses(shape, collection, context),
        )

    async def _figures(
        self, shape: CountShape, values: dict[str, Any], context: Context
    ) -> tuple[int | None, int | None]:
        statement = self._counts.get(
            (context.schema.version, shape, "figures"),
            lambda: (count_statement(shape, context.schema, self._dialect),),
        )[0]
        if statement is None:
            return None, None
        row = (await self._database.fetch(statement.sql, statement.values(values)))[0]
        total = row[0]
        return total, total if shape.matching == shape.total else row[1]

    async def _statuses(
        self, shape: CountShape, collection: Collection, context: Context
    ) -> dict[str, int] | None:
        statement = self._counts.get(
            (context.schema.version, shape.collection, shape.by_status, "statuses"),
            lambda: (status_statement(shape, context.schema, self._dialect),),
        )[0]
        if statement is None:
            return None
        rows = await self._database.fetch(statement.sql, statement.values({}))
        return {str(s.value): 0 for s in collection.statuses} | {str(r[0]): r[1] for r in rows}

    async def _grouped(self, query: ItemQuery, context: Context) -> list[Item]:
        planner = Planner(query, context, self._dialect)
        return await groups.read(query, planner, self._database, context)


def _key_of(item: Item) -> Any:
    values = list(item.values())
    return values[0] if len(values) == 1 else ",".join(map(str, values))
