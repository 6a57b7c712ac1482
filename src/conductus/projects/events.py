"""What happened to items, left in the outbox for those who wait for it.

One errand for each listener, written in the transaction of the write itself: an event is
told of exactly when the write is there, and a listener that fails holds no other back. Who
listens is known without asking the database; where nobody does, nothing is written.
Source: extensions page §2.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from conductus.database.executor import Transaction
from conductus.items.changes import Change, Create, Delete, Item, Update
from conductus.items.context import Context
from conductus.items.hooks import FILES, KEEPS, NO_HOOKS, WRITES, Hook, Hooks
from conductus.items.keys import shown_key
from conductus.items.steps import Sort, Step, sorts_of
from conductus.items.witnesses import Afterwards
from conductus.permissions.actor import NOBODY as NO_USER
from conductus.permissions.actor import Actor
from conductus.permissions.writing import Action
from conductus.projects.outbox import Errand, Outbox
from conductus.projects.snapshot import Snapshot
from conductus.schema.types.field_type import Plain

HOOK: Final = "hook"
"""Errands of hooks."""
EVENTS: Final = tuple(WRITES.values())
_ACTIONS: Final[Mapping[type[Change], Action]] = {
    Create: Action.CREATE,
    Update: Action.UPDATE,
    Delete: Action.DELETE,
}


class Listener(Struct, frozen=True):
    """Somebody who waits for an event."""

    kind: str
    """Which errands are theirs: `jobs.delivery` has a handler for it."""
    name: str
    """Who it is among those of the kind: the id of a webhook, of a hook."""


class Listeners(Protocol):
    """Says who waits for what: those of one kind, in one project."""

    def __call__(self, snapshot: Snapshot, event: str, collection: str, /) -> Iterable[Listener]:
        """Who waits for `item.create`, `item.update`, `item.delete` of a collection.

        Asked within a write, once for each snapshot: it must not wait.
        """
        ...


class Event(Struct, frozen=True, kw_only=True):
    """One thing that happened to one item. The payload of a listener's errand."""

    id: str
    """`msg_…`: the same for every listener and each time that it is told again."""
    listener: str
    event: str
    collection: str
    item: Plain
    """The key; the text of a composite one."""
    payload: Item | None
    """What was written, secrets masked; None for a deletion."""
    actor: int | None
    """The user; None for nobody and for the server itself."""
    project: str
    timestamp: str
    """RFC 3339, UTC."""


class Recorder:
    """Leaves the events of one project's writes."""

    def __init__(
        self,
        project: str,
        outbox: Outbox,
        hooks: Hooks,
        listeners: Sequence[Listeners],
        snapshot: Callable[[], Snapshot | None],
    ) -> None:
        """`snapshot` is the latest one, as far as there is one."""
        self._project = project
        self._outbox = outbox
        self._hooks = hooks
        self._listeners = tuple(listeners)
        self._snapshot = snapshot
        self._known: Snapshot | None = None
        self._found: dict[Sort, tuple[Listener, ...]] = {}
        """Who waits, as the known snapshot has it."""

    async def record(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Afterwards:
        """Leaves an errand for each step and listener; rings the bell for them."""
        waiting = self._waiting_for(steps)
        if not waiting and context.content is None:
            return ()
        errands = [
            errand
            for step in steps
            if not step.idle and (listeners := waiting.get(step.sort))
            for errand in self._errands(step, _event(step), listeners, context)
        ]
        if context.content is not None:
            errands += self._of_contents(steps, context)
        if not errands:
            return ()
        await self._outbox.put(transaction, errands, context.now)
        return (self._outbox.ring,)

    def _of_contents(self, steps: Sequence[Step], context: Context) -> Iterator[Errand]:
        """Tells of files whose content came or went along with their rows."""
        for step in steps:
            event = KEEPS[_action(step)]
            hooks = self._hooks.of(event, "after") if step.collection.name == FILES else ()
            yield from self._errands(step, event, _listening(hooks), context)

    def _waiting_for(self, steps: Sequence[Step]) -> dict[Sort, tuple[Listener, ...]]:
        """Who waits for them: asked once for each sort of step, not for each step."""
        snapshot = self._snapshot() if self._listeners else None
        if snapshot is None:
            return {}
        if snapshot is not self._known:
            self._known, self._found = snapshot, {}
        waiting = {}
        for sort in sorts_of(steps):
            listeners = self._found.get(sort)
            if listeners is None:
                listeners = self._found[sort] = self._of(snapshot, *sort)
            if listeners:
                waiting[sort] = listeners
        return waiting

    def _of(
        self, snapshot: Snapshot, change: type[Change], collection: str
    ) -> tuple[Listener, ...]:
        event = WRITES[_ACTIONS[change]]
        return tuple(
            listener
            for listeners in self._listeners
            for listener in listeners(snapshot, event, collection)
        )

    def _errands(
        self, step: Step, event: str, listeners: Sequence[Listener], context: Context
    ) -> Iterable[Errand]:
        told = told_of(
            event=event,
            collection=step.collection.name,
            item=shown_key(step.key, step.collection),
            payload=None if isinstance(step.change, Delete) else step.change.sent,
            actor=context.actor,
            project=self._project,
            now=context.now,
        )
        for listener in listeners:
            yield Errand(listener.kind, {**told, "listener": listener.name})


def no_hooks(_: object) -> Hooks:
    """The hooks of a project without any."""
    return NO_HOOKS


class Waiting(Struct, frozen=True):
    """Who waits for what happens in one project."""

    hooks: Callable[[Any], Hooks] = no_hooks
    """Gives the hooks for the project that is opened; they may keep it."""
    listeners: tuple[Listeners, ...] = ()
    """Those besides the hooks."""


def listeners_of(hooks: Hooks, others: tuple[Listeners, ...]) -> tuple[Listeners, ...]:
    """The listeners, the hooks among them where one of them is called afterwards."""

    def hooked(_: Snapshot, event: str, collection: str) -> Iterable[Listener]:
        return _listening(hooks.of(event, "after", collection))

    return (hooked, *others) if hooks.waits(EVENTS, "after") else others


def _listening(hooks: Iterable[Hook]) -> list[Listener]:
    return [Listener(HOOK, hook.id) for hook in hooks]


NOBODY: Final = Waiting()


def told_of(
    *,
    event: str,
    collection: str,
    item: Plain,
    payload: Item | None,
    actor: Actor,
    project: str,
    now: datetime,
) -> Item:
    """What the errands of one event say, but for whose they are: see `Event`."""
    return {
        "id": f"msg_{uuid.uuid4().hex}",
        "event": event,
        "collection": collection,
        "item": item,
        "payload": payload,
        "actor": None if actor.user == NO_USER else actor.user,
        "project": project,
        "timestamp": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }


def told(payload: Item) -> Event:
    """The event that an errand's payload holds."""
    return msgspec.convert(payload, Event)


def _event(step: Step) -> str:
    return WRITES[_action(step)]


def _action(step: Step) -> Action:
    return _ACTIONS[type(step.change)]
