"""Reads items: narrow, plan, load. The one way items are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Any

from msgspec import Struct, structs

from conductus.database.dialect import Statement
from conductus.database.executor import Database, Row
from conductus.database.statements import StatementCache
from conductus.errors import ItemNotFound, ReadForbidden, Unauthorized, Unprocessable
from conductus.items import groups
from conductus.items.computing import Computing
from conductus.items.context import Context
from conductus.items.counting import Counter, Counts
from conductus.items.hooks import NO_HOOKS, Hooks
from conductus.items.keys import key_value
from conductus.items.loading import Loader, own_of
from conductus.items.plan import Planner, composite
from conductus.items.prepared import Compilations, Prepared
from conductus.items.rows import Item
from conductus.items.written import Rearranged, Written, rearranged
from conductus.permissions.policy import Policy
from conductus.permissions.reading import narrow
from conductus.permissions.scope import Sight
from conductus.query.item_query import ItemQuery, Selection
from conductus.schema.model import Collection, Field
from conductus.schema.types.field_type import NoMatch


class Page(Struct, frozen=True, kw_only=True):
    """What a read answers: a list, or for `single` and reads by id one item."""

    items: list[Item] | Item
    counts: Counts = Counts()
    messages: list[Item] = []


class _Way(StrEnum):
    """How a query is asked."""

    LIST = "list"
    ONE_KEY = "one key"
    KEYS = "keys"


class _Ready(Struct, frozen=True):
    """A query made ready for one way of asking it."""

    asked: ItemQuery
    """Kept, so that its identity is not given to another one meanwhile."""
    query: ItemQuery
    """Narrowed to what the actor may see."""
    collection: Collection
    prepared: Prepared
    key: Field | None
    """The key field, when there is one and only one."""
    rearranged: Rearranged | None
    """How a row that was just stored answers the query, where it can."""
    computing: Computing
    policy: Policy
    """Of everybody that it is ready for; kept as `asked` is."""
    messages: list[Item]
    """Warnings of what was left out."""

    def made_for(self, query: ItemQuery, context: Context) -> bool:
        """Whether it is this query of somebody with this policy that it was made for."""
        return (
            self.asked is query
            and self.policy is context.policy
            and self.computing is context.computing
        )


class Reader:
    """Runs queries on one database. Keeps what was worked out for the latest ones."""

    def __init__(self, database: Database, hooks: Hooks = NO_HOOKS) -> None:
        """`hooks` of `item.read` see what goes to clients."""
        self._database = database
        self._dialect = database.dialect
        self._compilations = Compilations(database.dialect, hooks)
        self._loader = Loader(database, hooks)
        self._counter = Counter(database)
        self._ready_queries: StatementCache[_Ready] = StatementCache()
        self._grouped_statements: StatementCache[Statement] = StatementCache()

    async def read(self, query: ItemQuery, context: Context) -> Page:
        """The items that match. Raises `ReadForbidden`, `ItemNotFound` for `single`."""
        if query.aggregates or query.groups:
            return await self._grouped(query, context)
        ready = self._ready(query, _Way.LIST, context)
        counts = await self._counter.count(ready.query, context, own_of(context))
        if query.limit == 0 and not query.single:
            return Page(items=[], counts=counts, messages=ready.messages)
        found = await self._loader.load(ready.prepared, context)
        if not query.single:
            return Page(items=found, counts=counts, messages=ready.messages)
        if not found:
            raise ItemNotFound(query.collection)
        return Page(items=found[0], counts=counts, messages=ready.messages)

    async def by_keys(self, query: ItemQuery, keys: Sequence[str], context: Context) -> Page:
        """Items by their keys as they stand in a URL; filter and search are ignored.

        One key gives one item, or raises `ItemNotFound`; several give a list in default
        order without those that do not exist. The keys of a composite key are joined by
        commas inside one text.
        """
        if len(keys) == 1:
            one = self._ready(query, _Way.ONE_KEY, context)
            return Page(items=await self._one(one, keys[0], context), messages=one.messages)
        ready = self._ready(query, _Way.KEYS, context)
        found = await self._several(ready, keys, context)
        counts = await self._counter.count(ready.query, context, own_of(context))
        return Page(items=found, counts=counts, messages=ready.messages)

    async def in_order(self, query: ItemQuery, keys: Sequence[str], context: Context) -> list[Item]:
        """Like `by_keys` for several keys, in the order of the keys."""
        ready = self._ready(query, _Way.KEYS, context)
        if ready.key is None:
            return await self._several(ready, keys, context)
        values = self._key_values(ready.key, keys, context)
        rows = await self._loader.rows(ready.prepared, context, self._listed(ready.key, values))
        place = ready.prepared.compiled.layouts[0].hidden[ready.key.name]
        order = {value: number for number, value in enumerate(values)}
        # A database that ignores case may answer a key that is spelt differently.
        rows.sort(key=lambda row: order.get(row[place], len(order)))
        return await self._loader.present(rows, ready.prepared, context)

    def check(self, query: ItemQuery, context: Context) -> None:
        """Raises what would stand in the way of an answer, before anything is written for it.

        That the collection may not be read does not: then nothing is answered.
        """
        with suppress(ReadForbidden, Unauthorized):
            self._ready(query, _Way.ONE_KEY, context)

    async def written(
        self, query: ItemQuery, written: Sequence[Written], context: Context
    ) -> list[Item]:
        """Items that were just written, in that order; those that may not be read left out."""
        ready = self._ready(query, _Way.ONE_KEY, context)
        rows = self._stored_rows(ready, written, context)
        if rows is not None:
            return await self._loader.present(rows, ready.prepared, context)
        if len(written) > 1:
            return await self.in_order(query, [one.key for one in written], context)
        try:
            return [await self._one(ready, written[0].key, context)]
        except ItemNotFound:
            return []

    def _stored_rows(
        self, ready: _Ready, written: Sequence[Written], context: Context
    ) -> list[Row] | None:
        """What a read by these keys would give; None where it has to be asked."""
        if not context.policy.administrator:
            return None
        rearrange = ready.rearranged
        if rearrange is None or ready.asked.statuses is not None:
            return None
        if len({one.key for one in written}) < len(written):
            return None
        rows: list[Row] = []
        for one in written:
            row = None if one.row is None else rearrange(one.row)
            if row is None:
                return None
            rows.append(row)
        return rows

    @asynccontextmanager
    async def stream(
        self, query: ItemQuery, context: Context
    ) -> AsyncIterator[AsyncIterator[list[Item]]]:
        """The items that match, in batches; leaving early stops the statement."""
        ready = self._ready(query, _Way.LIST, context)
        async with self._loader.stream(ready.prepared, context) as batches:
            yield batches

    async def counted(self, query: ItemQuery, context: Context) -> Counts:
        """The figures of the query's `meta`."""
        ready = self._ready(query, _Way.LIST, context)
        return await self._counter.count(ready.query, context, own_of(context))

    def shown(self, query: ItemQuery, context: Context) -> Selection:
        """What the items of a query have: as far as the actor may read it."""
        return self._ready(query, _Way.LIST, context).query.selection

    def warnings(self, query: ItemQuery, context: Context) -> list[Item]:
        """What is to be said of relations that were asked for and may not be read."""
        if context.policy.administrator:
            return []
        return self._ready(query, _Way.LIST, context).messages

    async def _one(self, ready: _Ready, key: str, context: Context) -> Item:
        slots = self._one_key(ready, key, context)
        found = await self._loader.load(ready.prepared, context, slots) if slots else []
        if not found:
            raise ItemNotFound(ready.collection.name, key)
        return found[0]

    async def _several(self, ready: _Ready, keys: Sequence[str], context: Context) -> list[Item]:
        if ready.key is not None:
            values = self._key_values(ready.key, keys, context)
            listed = self._listed(ready.key, values)
            return await self._loader.load(ready.prepared, context, listed)
        found: list[Item] = []
        for key in keys:
            slots = Planner(ready.query, context, self._dialect).composite_slots(key)
            if slots:
                found += await self._loader.load(ready.prepared, context, slots)
        return found

    def _one_key(self, ready: _Ready, key: str, context: Context) -> dict[str, Any] | None:
        if ready.key is None:
            return Planner(ready.query, context, self._dialect).composite_slots(key)
        value = key_value(key, ready.key, context.now)
        if isinstance(value, NoMatch):
            return None
        bound = self._driver_values(ready.key, [value])
        return {"keys": bound[0]} if bound else None

    def _key_values(self, field: Field, keys: Sequence[str], context: Context) -> list[Any]:
        """Driver values of those keys that an item could have."""
        operands = (key_value(key, field, context.now) for key in keys)
        return self._driver_values(
            field, [value for value in operands if not isinstance(value, NoMatch)]
        )

    def _driver_values(self, field: Field, values: list[Any]) -> list[Any]:
        bind = self._dialect.binder(field.kind)
        return values if bind is None else _bound(bind, values)

    def _listed(self, field: Field, values: list[Any]) -> dict[str, Any]:
        return {"keys": self._dialect.list_binder(field.kind)(values)}

    async def _grouped(self, query: ItemQuery, context: Context) -> Page:
        sight = Sight(context.policy, context.schema)
        query = narrow(query, sight, context.actor).query
        planner = Planner(query, context, self._dialect)
        own = own_of(context)
        return Page(
            items=await groups.read(
                query, planner, self._database, context, own, self._grouped_statements
            ),
            counts=await self._counter.count(query, context, own),
        )

    def _ready(self, query: ItemQuery, way: _Way, context: Context) -> _Ready:
        """The query narrowed, planned and compiled; kept for when the same one comes again.

        Parsed queries are kept and shared too, so the same text gives the same object.
        """
        # What decides besides the query itself; its schema is that of the snapshot that
        # it was parsed against.
        key = (
            id(query),
            way,
            context.schema.version,
            context.nulls_last,
            context.split_words,
            id(context.policy),
            id(context.computing),
        )
        found = self._ready_queries.find(key)
        if found is not None and found.made_for(query, context):
            return found
        ready, timed = self._made_ready(query, way, context)
        if not timed:
            self._ready_queries.put(key, ready)
        return ready

    def _made_ready(self, query: ItemQuery, way: _Way, context: Context) -> tuple[_Ready, bool]:
        sight = Sight(context.policy, context.schema)
        narrowing = narrow(query, sight, context.actor)
        narrowed = narrowing.query
        collection = context.schema.collection(query.collection)
        if way is not _Way.LIST and not collection.primary_key:
            raise Unprocessable(f"{collection.name!r} has no primary key: it can only be listed")
        if narrowed.single:
            narrowed = structs.replace(narrowed, limit=1)
        planner = Planner(narrowed, context, self._dialect)
        planned = planner.listing() if way is _Way.LIST else planner.by_keys(many=way is _Way.KEYS)
        single = (
            None
            if composite(collection) or not collection.primary_key
            else (collection.fields[collection.primary_key[0]])
        )
        compilations = self._compilations
        prepare = compilations.prepare_list if way is _Way.LIST else compilations.prepare
        prepared = prepare(planned, context.schema)
        if narrowing.strips:
            prepared = structs.replace(prepared, strips=True)
        by_key = rearranged(planned.level, collection) if way is _Way.ONE_KEY else None
        ready = _Ready(
            asked=query,
            query=narrowed,
            collection=collection,
            prepared=prepared,
            key=single,
            rearranged=by_key,
            computing=context.computing,
            policy=context.policy,
            messages=list(narrowing.messages),
        )
        return ready, planner.timed


def _bound(bind: Any, values: list[Any]) -> list[Any]:
    found = []
    for value in values:
        try:
            found.append(bind(value))
        except (ValueError, TypeError):
            continue
    return found
