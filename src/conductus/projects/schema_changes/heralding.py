"""Asks hooks before the schema is changed, and leaves word of it for after the commit.

All are asked before the first statement of DDL, under the lock: what one of them refuses
was never begun, also where DDL cannot be taken back. Source: extensions page §2.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any, Final, Literal

from msgspec import UNSET, Struct

from conductus.database.executor import Transaction
from conductus.items.hooks import Hooks
from conductus.permissions.actor import SYSTEM, Actor
from conductus.projects.events import HOOK, told_of
from conductus.projects.outbox import Errand, Outbox
from conductus.projects.schema_changes.requests import CollectionRequest
from conductus.schema.model import Collection

SchemaEvent = Literal[
    "collection.create",
    "collection.update",
    "collection.delete",
    "field.create",
    "field.update",
    "field.delete",
]
SCHEMA_EVENTS: Final[tuple[SchemaEvent, ...]] = (
    *("collection.create", "collection.update", "collection.delete"),
    *("field.create", "field.update", "field.delete"),
)


class SchemaIntended(Struct, frozen=True, kw_only=True):
    """A collection or a field is about to be made, changed or dropped.

    An `ApiError` that the hook raises stops the whole change.
    """

    event: SchemaEvent
    collection: str
    field: str | None
    """None for a collection."""
    payload: dict[str, Any]
    """What the request says of it, a copy; empty for what is dropped."""
    actor: Actor


class Herald:
    """Asks and tells the hooks of one project of what somebody changes."""

    def __init__(self, project: str, hooks: Hooks, outbox: Outbox, actor: Actor = SYSTEM) -> None:
        self._project = project
        self._hooks = hooks
        self._outbox = outbox
        self._actor = actor

    def of(self, actor: Actor) -> Herald:
        """The same, of what this one changes."""
        return Herald(self._project, self._hooks, self._outbox, actor)

    def begin(self) -> Heralded:
        """One change."""
        return Heralded(self._project, self._hooks, self._outbox, self._actor)


class Heralded:
    """One change under way."""

    def __init__(self, project: str, hooks: Hooks, outbox: Outbox, actor: Actor) -> None:
        self._project = project
        self._hooks = hooks
        self._outbox = outbox
        self._actor = actor
        self._done: list[SchemaIntended] = []

    async def ask(
        self,
        event: SchemaEvent,
        collection: str,
        field: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> None:
        """Asks whoever waits whether this may be done. Raises what they raise."""
        for hook in self._hooks.of(event, "before", collection):
            await hook.call(self._intended(event, collection, field, payload))
        if self._hooks.of(event, "after", collection):
            self._done.append(self._intended(event, collection, field, payload))

    async def ask_of_fields(self, collection: Collection, request: CollectionRequest) -> None:
        """Asks about the fields that come with a collection."""
        for field in () if request.fields is UNSET else request.fields:
            name = str(field.field)
            event: SchemaEvent = "field.update" if name in collection.fields else "field.create"
            await self.ask(event, collection.name, name, field.stated())

    async def leave_word(self, transaction: Transaction) -> None:
        """Leaves an errand for each hook that is told afterwards, in the change's transaction."""
        now = datetime.now(UTC)
        errands = [
            Errand(HOOK, {**told, "listener": hook.id})
            for one in self._done
            for told in [self._told(one, now)]
            for hook in self._hooks.of(one.event, "after", one.collection)
        ]
        if errands:
            await self._outbox.put(transaction, errands, now)

    def _intended(
        self, event: SchemaEvent, collection: str, field: str | None, payload: Any
    ) -> SchemaIntended:
        return SchemaIntended(
            event=event,
            collection=collection,
            field=field,
            payload=copy.deepcopy(payload or {}),
            actor=self._actor,
        )

    def _told(self, one: SchemaIntended, now: datetime) -> dict[str, Any]:
        return told_of(
            event=one.event,
            collection=one.collection,
            item=one.collection if one.field is None else one.field,
            payload=None if one.event.endswith(".delete") else one.payload,
            actor=one.actor,
            project=self._project,
            now=now,
        )
