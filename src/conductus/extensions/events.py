"""What hooks are called with. Source: extensions page §2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from conductus.extensions.services import Reading, Services
from conductus.items.changes import Item
from conductus.permissions.actor import Actor

Moment = Literal["before", "after"]


class Kind(Struct, frozen=True):
    """An event that hooks can wait for."""

    moments: tuple[Moment, ...]
    narrowed: bool
    """Whether its name may go on with that of a collection."""


_BOTH: Final = ("before", "after")
KINDS: Final[Mapping[str, Kind]] = {
    "item.create": Kind(_BOTH, narrowed=True),
    "item.update": Kind(_BOTH, narrowed=True),
    "item.delete": Kind(_BOTH, narrowed=True),
}


class BeforeWrite(Struct, frozen=True, kw_only=True):
    """An item is about to be created, updated or deleted.

    Change `payload`, answer another one, or raise an error of the API: nothing is written
    then. A write that is tried again calls the hook again, so nothing else should be changed
    from here.
    """

    event: str
    collection: str
    key: Any
    """The text of a composite one; None for an item that is still to be made."""
    payload: Item
    """What is to be written, secrets masked; empty for a deletion."""
    actor: Actor
    project: str
    services: Reading
    """With the actor's rights. Does not see what this write has done so far."""
    system: Reading
    """With every right."""


class AfterEvent(Struct, frozen=True, kw_only=True):
    """Something has happened. Told at least once: `id` is the same when it is told again."""

    id: str
    event: str
    collection: str
    item: Any
    """The key; the text of a composite one."""
    payload: Item | None
    """What was written, secrets masked; None for a deletion."""
    user: int | None
    """Who did it; None for nobody and for the server itself."""
    project: str
    timestamp: str
    """RFC 3339, UTC."""
    system: Services
    """With every right: who did it may be gone by now."""


class EventUnknown(ValueError):
    """No event has that name; the message says which do."""


def parsed(name: str) -> tuple[str, str | None, Moment]:
    """Event, collection and moment of `item.create.articles:before`. Raises `EventUnknown`.

    Without a moment it is `after`, where an event has both.
    """
    event, _, stated = name.partition(":")
    collection: str | None = None
    if event not in KINDS:
        event, _, collection = _split(event)
    kind = KINDS.get(event)
    if kind is None or (collection is not None and not (kind.narrowed and collection)):
        raise EventUnknown(f"there is no event {name!r}: {', '.join(KINDS)}")
    moment = stated or kind.moments[-1]
    if moment == "before" and "before" in kind.moments:
        return event, collection, "before"
    if moment == "after" and "after" in kind.moments:
        return event, collection, "after"
    raise EventUnknown(f"{event!r} has no {stated!r}: {', '.join(kind.moments)}")


def _split(name: str) -> tuple[str, str, str]:
    """Cuts a collection off: names of collections may hold dots, those of events have one."""
    parts = name.split(".", 2)
    return ".".join(parts[:2]), ".", parts[2] if len(parts) > 2 else ""
