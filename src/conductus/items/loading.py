"""Runs prepared levels: one statement each, children attached to their parents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from operator import itemgetter
from typing import Any

from conductus.database.executor import Database, Row
from conductus.items.context import Context
from conductus.items.hooks import NO_HOOKS, READ, Hooks, Shown
from conductus.items.in_step import Follower, close_together
from conductus.items.levels import Child
from conductus.items.predicate import own_values
from conductus.items.prepared import STREAM_SIZE, Below, Prepared
from conductus.items.rows import Item, of_node
from conductus.permissions.actor import NOBODY

Slots = Mapping[str, Any]
_NONE: Slots = {}
Followers = Mapping[str, Follower]
"""What is read in step with a list, by the names under which it is shown."""
_NOBODY_FOLLOWS: Followers = {}


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
        rows = await self._database.fetch(statement.sql, statement.values(bound))
        if prepared.compiled.rank is not None:
            rows.sort(key=itemgetter(prepared.compiled.rank))
        return rows

    async def present(
        self,
        rows: Sequence[Row],
        prepared: Prepared,
        context: Context,
        followers: Followers = _NOBODY_FOLLOWS,
    ) -> list[Item]:
        """The rows as items, with what hangs below them."""
        found = prepared.compiled.assemble(rows)
        if found:
            for below in prepared.below:
                node = prepared.compiled.layouts[below.child.node]
                keys = [row[node.hidden[below.child.key]] for row in rows]
                if below.carry is not None:
                    keys = [below.carry(key) for key in keys]
                related = await self._related(below, keys, context, followers)
                _attach(related, below.child, keys, of_node(found, node))
            if prepared.fillings:
                _fill(rows, found, prepared)
            if prepared.veils:
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
        async with (
            self._database.stream(statement.sql, values, size) as batches,
            AsyncExitStack() as followed,
        ):
            followers = self._followers(prepared, context)
            for follower in followers.values():
                followed.push_async_callback(follower.close)
            yield self._batches(batches, prepared, context, followers)

    def _followers(self, prepared: Prepared, context: Context) -> Followers:
        return {
            below.child.name: Follower(
                self._database,
                below.in_step,
                {**below.in_step.values, **own_of(context)},
                prepared.stream_size,
            )
            for below in prepared.below
            if below.in_step is not None
        }

    async def _batches(
        self,
        batches: AsyncIterator[list[Row]],
        prepared: Prepared,
        context: Context,
        followers: Followers,
    ) -> AsyncIterator[list[Item]]:
        kept: list[Item] = []
        async for rows in batches:
            # A short batch is the last one, and items that are not shown shorten others.
            kept += await self.present(rows, prepared, context, followers)
            if len(kept) >= STREAM_SIZE:
                yield kept
                kept = []
        if kept:
            yield kept

    async def _related(
        self, below: Below, keys: Sequence[Any], context: Context, followers: Followers
    ) -> dict[Any, list[Any]]:
        """The child level's items by the value that ties them to their parents."""
        wanted = [key for key in dict.fromkeys(keys) if key is not None]
        if not wanted:
            return {}
        prepared, rows = await self._rows_below(below, wanted, context, followers)
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

    async def _rows_below(
        self, below: Below, wanted: Sequence[Any], context: Context, followers: Followers
    ) -> tuple[Prepared, list[Row]]:
        """The rows of a child level, and what reads them."""
        follower = followers.get(below.child.name)
        if follower is not None and below.in_step is not None:
            followed = await follower.rows(wanted)
            if followed is not None:
                return below.in_step, followed
        if below.dense is not None and close_together(wanted):
            span = {"low": min(wanted), "high": max(wanted)}
            return below.dense, await self.rows(below.dense, context, span)
        slots = {"parents": self._dialect.list_binder(below.kind)(wanted)}
        return below.prepared, await self.rows(below.prepared, context, slots)

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


def _attach(
    related: Mapping[Any, list[Any]],
    child: Child,
    keys: Sequence[Any],
    parents: Sequence[Item | None],
) -> None:
    """Puts the items of a child level in place."""
    name = child.name
    for parent, key in zip(parents, keys, strict=True):
        if parent is not None:
            listed = related.get(key, [])
            parent[name] = listed if child.many else (listed[0] if listed else None)


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


def _key_of(item: Item) -> Any:
    values = list(item.values())
    return values[0] if len(values) == 1 else ",".join(map(str, values))
