"""Runs prepared levels: one statement each, children attached to their parents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from msgspec import Struct, structs

from conductus.database.dialect import Convert, Dialect
from conductus.database.executor import Database, Row
from conductus.database.statements import StatementCache
from conductus.items.computing import Filling
from conductus.items.context import Context
from conductus.items.hooks import NO_HOOKS, READ, Hooks, Shown
from conductus.items.levels import Child, Level, Planned
from conductus.items.predicate import own_values
from conductus.items.rows import Item, of_node
from conductus.items.sql import Compiled, LevelCompiler
from conductus.items.ties import carrier
from conductus.permissions.actor import NOBODY
from conductus.permissions.veils import Veil
from conductus.schema.model import Kind, Schema

Slots = Mapping[str, Any]
_NONE: Slots = {}
STREAM_SIZE = 1000
"""Rows of a streamed list that are in memory at a time …"""
_SMALL_STREAM_SIZE: Final = 3000
"""… and those of a few small values: what hangs below them takes fewer statements."""
_FEW_COLUMNS: Final = 6
_SMALL_KINDS: Final = frozenset(Kind) - {
    *(Kind.TEXT, Kind.JSON, Kind.BINARY, Kind.TEXT_ARRAY, Kind.OPAQUE),
}
FEW_KEYS = 200
"""So many parents are named one by one, however close their keys are."""
MOST_SPREAD = 2
"""How many times as many keys a range may hold as there are parents."""


class Below(Struct, frozen=True):
    """A child level, and the kind of the values that tie it to its parents."""

    child: Child
    prepared: Prepared
    dense: Prepared | None
    """The same level for parents whose keys lie close together; None where keys do not."""
    kind: Kind
    carry: Convert | None = None
    """From a parent's key to what holds it in the rows below, where that is another kind."""


class Prepared(Struct, frozen=True):
    """A plan with its statements: nothing is left but to bind and run."""

    compiled: Compiled
    values: dict[str, Any]
    below: tuple[Below, ...] = ()
    veils: tuple[tuple[int, Veil], ...] = ()
    """What is drawn over items when they are whole, each with the index of its node."""
    fillings: tuple[Filling, ...] = ()
    strips: bool = False
    """Items of which nothing is left are not shown."""
    watched: tuple[tuple[int, str], ...] = ()
    """The nodes whose items hooks want to see first, each with its collection."""
    stream_size: int = STREAM_SIZE
    """Rows that are in memory at a time where the list is streamed."""


class Compilations:
    """Compiles plans, keeping the statements of the latest shapes."""

    def __init__(self, dialect: Dialect, hooks: Hooks = NO_HOOKS) -> None:
        self._dialect = dialect
        self._hooks = hooks
        self._levels: StatementCache[Compiled] = StatementCache()

    def prepare(self, planned: Planned, schema: Schema) -> Prepared:
        """The plan with the statements of all its levels."""
        below = tuple(self._below(child, planned.level, schema) for child in planned.children)
        sizes = [each.prepared.stream_size for each in below]
        return Prepared(
            self._compiled(planned.level, schema),
            planned.values,
            below,
            planned.veils,
            planned.fillings,
            watched=self._watched(planned.level),
            stream_size=min([_stream_size(planned.level, schema), *sizes]),
        )

    def _watched(self, level: Level) -> tuple[tuple[int, str], ...]:
        if not self._hooks.waits((READ,), "now"):
            return ()
        return tuple(
            (place, node.collection)
            for place, node in enumerate(level.nodes)
            if self._hooks.of(READ, "now", node.collection)
        )

    def _below(self, child: Child, above: Level, schema: Schema) -> Below:
        level = child.planned.level
        key = schema.collections[above.nodes[child.node].collection].fields[child.key]
        tie = schema.collections[level.collection].fields[level.grouped_by or ""]
        prepared = self.prepare(child.planned, schema)
        if child.bare:
            # Keys alone are shown of these.
            prepared = structs.replace(prepared, watched=())
        dense = None
        if tie.kind is Kind.INTEGER:
            compiled = self._compiled(structs.replace(level, dense=True), schema)
            dense = structs.replace(prepared, compiled=compiled)
        carry = carrier(key, tie, self._dialect)
        return Below(child, prepared, dense, tie.kind, carry)

    def _compiled(self, level: Level, schema: Schema) -> Compiled:
        return self._levels.get(
            (schema.version, level), lambda: LevelCompiler(schema, self._dialect).compile(level)
        )


class Loader:
    """Loads items of prepared levels from one database."""

    def __init__(self, database: Database, hooks: Hooks = NO_HOOKS) -> None:
        self._database = database
        self._dialect = database.dialect
        self._hooks = hooks

    async def load(self, prepared: Prepared, context: Context, slots: Slots = _NONE) -> list[Item]:
        """The items of a level and what hangs below; `slots` adds values to the plan's."""
        return await self.present(await self.rows(prepared, context, slots), prepared, context)

    async def rows(self, prepared: Prepared, context: Context, slots: Slots = _NONE) -> list[Row]:
        """The rows of a level as the driver gives them."""
        statement = prepared.compiled.statement
        bound = {**prepared.values, **own_of(context), **slots}
        return await self._database.fetch(statement.sql, statement.values(bound))

    async def present(
        self, rows: Sequence[Row], prepared: Prepared, context: Context
    ) -> list[Item]:
        """The rows as items, with what hangs below them."""
        found = prepared.compiled.assemble(rows)
        if found:
            for below in prepared.below:
                await self._attach(below, rows, found, prepared.compiled, context)
            _fill(rows, found, prepared)
            _veil(rows, found, prepared, context)
            if prepared.watched and context.answering:
                await self._hand_to_hooks(found, prepared, context)
        return [item for item in found if item] if prepared.strips else found

    @asynccontextmanager
    async def stream(
        self, prepared: Prepared, context: Context
    ) -> AsyncIterator[AsyncIterator[list[Item]]]:
        """The items of a level in batches; leaving early stops the statement."""
        statement = prepared.compiled.statement
        values = statement.values({**prepared.values, **own_of(context)})
        size = prepared.stream_size
        async with self._database.stream(statement.sql, values, size) as batches:
            yield self._batches(batches, prepared, context)

    async def _batches(
        self, batches: AsyncIterator[list[Row]], prepared: Prepared, context: Context
    ) -> AsyncIterator[list[Item]]:
        kept: list[Item] = []
        async for rows in batches:
            # A short batch is the last one, and items that are not shown shorten others.
            kept += await self.present(rows, prepared, context)
            if len(kept) >= STREAM_SIZE:
                yield kept
                kept = []
        if kept:
            yield kept

    async def _attach(
        self,
        below: Below,
        rows: Sequence[Row],
        found: Sequence[Item],
        compiled: Compiled,
        context: Context,
    ) -> None:
        """Loads one child level for all its parents and puts its items in place."""
        child = below.child
        node = compiled.layouts[child.node]
        place = node.hidden[child.key]
        keys = [row[place] for row in rows]
        if below.carry is not None:
            keys = [below.carry(key) for key in keys]
        related = await self._related(below, keys, context)
        name = child.name
        for parent, key in zip(of_node(found, node), keys, strict=True):
            if parent is None:
                continue
            listed = related.get(key, [])
            parent[name] = listed if child.many else (listed[0] if listed else None)

    async def _related(
        self, below: Below, keys: Sequence[Any], context: Context
    ) -> dict[Any, list[Any]]:
        """The child level's items by the value that ties them to their parents."""
        wanted = [key for key in dict.fromkeys(keys) if key is not None]
        if not wanted:
            return {}
        prepared = below.prepared
        if below.dense is not None and _dense(wanted):
            prepared = below.dense
            slots = {"low": min(wanted), "high": max(wanted)}
        else:
            slots = {"parents": self._dialect.list_binder(below.kind)(wanted)}
        rows = await self.rows(prepared, context, slots)
        found: Sequence[Any] = await self.present(rows, prepared, context)
        if below.child.bare:
            found = [_key_of(item) for item in found]
        grouped: dict[Any, list[Any]] = {}
        place = prepared.compiled.group or 0
        for row, item in zip(rows, found, strict=True):
            tie = row[place]
            if tie in grouped:
                grouped[tie].append(item)
            else:
                grouped[tie] = [item]
        return grouped

    async def _hand_to_hooks(
        self, found: Sequence[Item], prepared: Prepared, context: Context
    ) -> None:
        """Lets hooks change the items of each node, those that are joined first."""
        for place, collection in reversed(prepared.watched):
            reached = of_node(found, prepared.compiled.layouts[place])
            shown = [item for item in reached if item]
            for hook in self._hooks.of(READ, "now", collection) if shown else ():
                # A list of its own: what the hook does to it does not matter.
                answer = await hook.call(
                    Shown(collection=collection, items=[*shown], context=context)
                )
                if answer is not None:
                    _replace(shown, answer, hook.id)


def _stream_size(level: Level, schema: Schema) -> int:
    """How many rows of a level may be in memory at a time."""
    columns = [
        schema.collections[node.collection].fields[name].kind
        for node in level.nodes
        for name in node.columns
    ]
    small = len(columns) <= _FEW_COLUMNS and _SMALL_KINDS.issuperset(columns)
    return _SMALL_STREAM_SIZE if small else STREAM_SIZE


def own_of(context: Context) -> dict[str, Any]:
    """What the rules of the policy say of the asker; the same plan serves all of a role."""
    return {} if context.policy.administrator else own_values(context.actor.user)


def _replace(shown: Sequence[Item], answer: Any, hook: str) -> None:
    """Puts what a hook answered in the place of the items, which others hold already."""
    if not isinstance(answer, list) or len(answer) != len(shown):
        raise TypeError(f"The hook {hook} answered other items than it got: {type(answer)}")
    others = [dict(item) for item in answer]
    for item, other in zip(shown, others, strict=True):
        item.clear()
        item.update(other)


def _fill(rows: Sequence[Row], found: list[Item], prepared: Prepared) -> None:
    """Puts into the items what is computed of their own rows."""
    for filling in prepared.fillings:
        node = prepared.compiled.layouts[filling.node]
        columns = [(name, node.hidden[name]) for name in filling.columns]
        for item, row in zip(of_node(found, node), rows, strict=True):
            if item is not None:
                item[filling.name] = filling.compute({name: row[at] for name, at in columns})


def _veil(rows: Sequence[Row], found: list[Item], prepared: Prepared, context: Context) -> None:
    """Takes out of the items what their own rows forbid."""
    me = NOBODY if context.policy.administrator else context.actor.user
    for place, veil in prepared.veils:
        node = prepared.compiled.layouts[place]
        columns = [node.hidden[name] for name in veil.columns]
        veil.draw(of_node(found, node), [[row[at] for row in rows] for at in columns], me)


def _dense(keys: Sequence[Any]) -> bool:
    """True when a range holds the keys and few others: read at once, not one by one."""
    if len(keys) < FEW_KEYS or not all(isinstance(key, int) for key in keys):
        return False
    span: int = max(keys) - min(keys) + 1
    return span <= MOST_SPREAD * len(keys)


def _key_of(item: Item) -> Any:
    values = list(item.values())
    return values[0] if len(values) == 1 else ",".join(map(str, values))
