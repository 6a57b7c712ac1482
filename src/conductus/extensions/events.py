"""What hooks are called with. Source: extensions page §2."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from conductus.extensions.services import Reading, Services
from conductus.items.changes import Item
from conductus.items.hooks import Moment
from conductus.permissions.actor import Actor

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
BOOT: Final = "application.boot"
ERROR: Final = "application.error"


class Kind(Struct, frozen=True):
    """An event that hooks can wait for."""

    moments: tuple[Moment, ...]
    narrowed: Literal["collection", "method"] | None = None
    """What its name may go on with."""


_BOTH: Final = ("before", "after")
_NOW: Final = ("now",)
KINDS: Final[Mapping[str, Kind]] = {
    "item.create": Kind(_BOTH, "collection"),
    "item.update": Kind(_BOTH, "collection"),
    "item.delete": Kind(_BOTH, "collection"),
    "item.read": Kind(_NOW, "collection"),
    "collection.create": Kind(_BOTH, "collection"),
    "collection.update": Kind(_BOTH, "collection"),
    "collection.delete": Kind(_BOTH, "collection"),
    "field.create": Kind(_BOTH, "collection"),
    "field.update": Kind(_BOTH, "collection"),
    "field.delete": Kind(_BOTH, "collection"),
    "file.save": Kind(_BOTH),
    "file.delete": Kind(_BOTH),
    "response": Kind(_NOW, "method"),
    "auth.request:credentials": Kind(_NOW),
    "auth.success": Kind(_NOW),
    "auth.fail": Kind(_NOW),
    BOOT: Kind(_NOW),
    ERROR: Kind(_NOW),
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


class BeforeSchemaChange(Struct, frozen=True, kw_only=True):
    """A collection or a field is about to be made, changed or dropped.

    Raise an error of the API: nothing is changed then. A change that is tried again calls
    the hook again.
    """

    event: str
    collection: str
    field: str | None
    """None for a collection."""
    payload: Item
    """What the request says of it; empty for what is dropped."""
    actor: Actor
    project: str
    system: Reading
    """With every right. Does not see what this change has done so far."""


class BeforeFile(Struct, frozen=True, kw_only=True):
    """The content of a file is about to be saved or deleted.

    Raise an error of the API: nothing is saved or deleted then, and nothing is left behind.
    """

    event: str
    key: Any
    """None for a file that is new."""
    payload: Item
    """Its columns, those that follow from the content too; empty for a deletion."""
    content: Callable[[], AsyncIterator[bytes]] | None
    """Reads what is to be saved from its beginning; None where no content comes along."""
    actor: Actor
    project: str
    system: Reading
    """With every right. Does not see what this write has done so far."""


class ItemsRead(Struct, frozen=True, kw_only=True):
    """Items are about to be shown: those of a list, of a request by id, or of one level.

    Change `items`, or answer a list of as many in the same order. An error of the API that
    is raised takes the place of the answer.
    """

    event: str
    collection: str
    items: list[Item]
    """The fields that were asked for and may be read, secrets masked."""
    actor: Actor
    project: str
    services: Reading
    """With the actor's rights. What is read by it meets no hooks."""
    system: Reading
    """With every right."""


class Response(Struct, frozen=True, kw_only=True):
    """An answer of the API is about to be encoded.

    Change `payload`, or answer another one.
    """

    event: str
    method: str
    path: str
    """Without the query."""
    status: int
    payload: Any
    """The envelope, as JSON; None where the answer has no body."""
    actor: Actor
    project: str
    system: Services
    """With every right."""


class AfterEvent(Struct, frozen=True, kw_only=True):
    """Something has happened. Told at least once: `id` is the same when it is told again."""

    id: str
    event: str
    collection: str
    item: Any
    """The key; the text of a composite one. Of collections and fields the name."""
    payload: Item | None
    """What was written, secrets masked; None for a deletion."""
    user: int | None
    """Who did it; None for nobody and for the server itself."""
    project: str
    timestamp: str
    """RFC 3339, UTC."""
    system: Services
    """With every right: who did it may be gone by now."""


class SignIn(Struct, frozen=True, kw_only=True):
    """Somebody wants to sign in, has signed in, or was refused. Told once, soon afterwards."""

    event: str
    how: Literal["credentials", "sso"]
    email: str | None
    """As it was stated; None where another server says who somebody is."""
    user: int | None
    """Who has signed in."""
    code: int | None
    message: str | None
    """The error that was answered."""
    ip: str
    user_agent: str
    project: str
    system: Services
    """With every right."""


class Boot(Struct, frozen=True, kw_only=True):
    """The server is about to answer requests, in each of its processes."""

    event: str
    app: Callable[..., Any]
    """The ASGI application."""


class Fault(Struct, frozen=True, kw_only=True):
    """A request or a task met an error that nobody expected. Told once, soon afterwards."""

    event: str
    error: BaseException
    project: str | None = None
    request_id: str | None = None
    """What the client was told."""
    method: str | None = None
    path: str | None = None
    """With its query, secrets hidden."""
    task: str | None = None
    """What failed in the background."""


class EventUnknown(ValueError):
    """No event has that name; the message says which do."""


class Wanted(Struct, frozen=True):
    """What a name of an event says."""

    event: str
    about: str | None
    moment: Moment


def parsed(name: str) -> Wanted:
    """The event of `item.create.articles:before`. Raises `EventUnknown`.

    Without a moment it is `after`, where an event has both.
    """
    event, stated = name, ""
    if name not in KINDS:
        event, _, stated = name.partition(":")
    about: str | None = None
    if event not in KINDS:
        event, about = _split(event)
    kind = KINDS.get(event)
    if kind is None or not _is_narrowed(kind, about):
        raise EventUnknown(f"there is no event {name!r}: {', '.join(KINDS)}")
    if not stated:
        return Wanted(event, about, kind.moments[-1])
    for moment in ("before", "after"):
        if stated == moment and moment in kind.moments:
            return Wanted(event, about, moment)
    may = ", ".join(moment for moment in kind.moments if moment != "now") or "nothing"
    raise EventUnknown(f"{event!r} has no {stated!r}: {may}")


def _split(name: str) -> tuple[str, str]:
    """Cuts off what an event is narrowed to: names of collections may hold dots."""
    found = next((event for event in KINDS if name.startswith(f"{event}.")), name)
    return found, name[len(found) + 1 :]


def _is_narrowed(kind: Kind, about: str | None) -> bool:
    if about is None:
        return True
    return bool(about) and (
        kind.narrowed == "collection" or (kind.narrowed == "method" and about in METHODS)
    )
