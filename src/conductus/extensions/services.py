"""What a plugin may do in a project: what the endpoints do, by the same reader and writer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.permissions.actor import SYSTEM, Actor
from conductus.permissions.policy import ADMINISTRATOR
from conductus.permissions.reading import check_readable
from conductus.permissions.scope import Sight
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot


class Reading:
    """Reads items with somebody's rights."""

    def __init__(self, project: Project, snapshot: Snapshot, context: Context) -> None:
        self._project = project
        self._snapshot = snapshot
        self._context = context

    @property
    def actor(self) -> Actor:
        """With whose rights."""
        return self._context.actor

    async def items(self, collection: str, query: str = "") -> list[Item]:
        """Items of a collection; `query` is a query string, as in the API.

        Raises what a request would be answered with.
        """
        self._check_readable(collection)
        asked = self._project.queries.listing(collection, query, self._snapshot)
        found: Any = (await self._project.reader.read(asked, self._context)).items
        return found if isinstance(found, list) else [found]

    async def item(self, collection: str, key: str | int, query: str = "") -> Item:
        """One item. Raises `ItemNotFound`."""
        self._check_readable(collection)
        asked = self._project.queries.shape(collection, query, self._snapshot)
        found: Any = (await self._project.reader.by_keys(asked, [str(key)], self._context)).items
        return dict(found)

    def _check_readable(self, collection: str) -> None:
        schema = self._snapshot.schema
        sight = Sight(self._context.policy, schema)
        check_readable(schema.collection(collection), sight, self._context.actor)


class Services(Reading):
    """Reads and writes items with somebody's rights, each write a transaction of its own."""

    async def create(self, collection: str, item: Item) -> str:
        """A new item; its key."""
        return (await self.create_all(collection, [item]))[0]

    async def create_all(self, collection: str, items: Sequence[Item]) -> list[str]:
        """New items, all of them or none; their keys."""
        written = await self._project.writer.create(collection, items, self._now)
        return [one.key for one in written]

    async def update(self, collection: str, key: str | int, changes: Item) -> None:
        """Changes an item."""
        await self._project.writer.update(collection, [str(key)], changes, self._now)

    async def delete(self, collection: str, key: str | int) -> None:
        """Removes an item for good."""
        await self._project.writer.delete(collection, [str(key)], self._now)

    @property
    def _now(self) -> Context:
        return replace(self._context, now=datetime.now(UTC))


async def services_of(project: Project, actor: Actor) -> Services:
    """With the rights of an actor, and what is read as the API would answer it."""
    snapshot = await project.current()
    policy = await project.policies.of(actor)
    context = replace(_context(snapshot, actor, policy), answering=True)
    return Services(project, snapshot, context)


async def services_of_system(project: Project) -> Services:
    """With every right."""
    snapshot = await project.current()
    return Services(project, snapshot, _context(snapshot, SYSTEM, ADMINISTRATOR))


def reading(project: Project, context: Context) -> Reading:
    """With the rights of who makes a request that is under way."""
    snapshot = project.latest()
    assert snapshot is not None  # noqa: S101 - the request has one
    # Else a hook that reads what it waits for would be called for ever.
    return Reading(project, snapshot, context.for_own_use())


def reading_of_system(project: Project) -> Reading:
    """With every right, in the midst of a request."""
    snapshot = project.latest()
    assert snapshot is not None  # noqa: S101 - the request has one
    return Reading(project, snapshot, _context(snapshot, SYSTEM, ADMINISTRATOR))


def _context(snapshot: Snapshot, actor: Actor, policy: Any) -> Context:
    return Context(
        schema=snapshot.schema,
        actor=actor,
        policy=policy,
        now=datetime.now(UTC),
        nulls_last=snapshot.settings.sort_null_last,
        split_words=snapshot.settings.q_words,
        password_policy=snapshot.settings.password_policy,
    )
