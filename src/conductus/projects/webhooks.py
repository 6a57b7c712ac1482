"""Webhooks: which addresses are told of which changes, as rows of `directus_webhooks`.

They are part of the snapshot, so a write learns without a query whether anybody is to be
told. Rows that say nothing usable tell nobody. Source: extensions page §4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor
from conductus.database.introspection import Table
from conductus.errors import ValidationFailed
from conductus.projects import rows
from conductus.schema.model import Kind

WEBHOOKS: Final = "directus_webhooks"
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
EVERY: Final = "*"
KIND: Final = "webhook"
_OURS: Final = "directus_"
_KINDS: Final[Mapping[str, Kind]] = {
    "id": Kind.INTEGER,
    "status": Kind.TEXT,
    "http_action": Kind.TEXT,
    "url": Kind.TEXT,
    "collection": Kind.TEXT,
    "directus_action": Kind.TEXT,
}
_VERBS: Final = frozenset({"create", "update", "delete"})


class Webhook(Struct, frozen=True, kw_only=True):
    """One address that is told of one kind of event."""

    id: int
    method: str
    url: str
    collection: str
    """`*`: every collection but the built-in ones."""
    event: str
    """`item.create`, `item.update` or `item.delete`."""

    @property
    def errands(self) -> str:
        """The kind of its errands: one of its own, so that no other waits for its receiver."""
        return f"{KIND}/{self.id}"

    def hears(self, event: str, collection: str) -> bool:
        """Whether it is told of such an event."""
        if self.event != event:
            return False
        return self.collection == collection or (
            self.collection == EVERY and not collection.startswith(_OURS)
        )


class Webhooks(Struct, frozen=True):
    """The active webhooks of a project."""

    active: tuple[Webhook, ...] = ()

    def of(self, event: str, collection: str) -> tuple[Webhook, ...]:
        """Who is told of an event of a collection."""
        return tuple(one for one in self.active if one.hears(event, collection))

    def find(self, id: int) -> Webhook | None:
        """The active webhook of that id."""
        return next((one for one in self.active if one.id == id), None)


async def load_webhooks(executor: Executor, dialect: Dialect, table: Table | None) -> Webhooks:
    """The active webhooks; none where an adopted database has no such table, or another one."""
    if table is None or not _KINDS.keys() <= {column.name for column in table.columns}:
        return Webhooks()
    found = await rows.read(executor, dialect, WEBHOOKS, _KINDS, ("id",))
    return webhooks(found)


def webhooks(found: Iterable[rows.Row]) -> Webhooks:
    """The active ones among rows."""
    return Webhooks(tuple(one for row in found if (one := _webhook(row)) is not None))


def webhook_payload(body: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is to be written. Raises `ValidationFailed` for what can tell nobody."""
    problems = {}
    method, url, action = (body.get(name) for name in ("http_action", "url", "directus_action"))
    if method is not None and str(method).upper() not in METHODS:
        problems["http_action"] = "Must be get, post, put, patch or delete"
    if url is not None and not _is_url(url):
        problems["url"] = "Must begin with https:// or http:// and name a host"
    if action is not None and _event(action) is None:
        problems["directus_action"] = "Must be item.create, item.update or item.delete"
    if problems:
        raise ValidationFailed(problems)
    return dict(body)


def webhook_of(kind: str) -> int:
    """The id of the webhook that an errand is for. Raises `ValueError`."""
    return int(kind.removeprefix(f"{KIND}/"))


def _webhook(row: rows.Row) -> Webhook | None:
    method = str(row["http_action"] or "").upper()
    event = _event(row["directus_action"])
    usable = row["status"] == "active" and method in METHODS and _is_url(row["url"])
    if not usable or event is None or not row["collection"]:
        return None
    return Webhook(
        id=int(row["id"]),
        method=method,
        url=str(row["url"]),
        collection=str(row["collection"]),
        event=event,
    )


def _event(action: Any) -> str | None:
    """`create`, `item.create` and `item.create:after` are the same."""
    verb = str(action or "").lower().removesuffix(":after").removeprefix("item.")
    return f"item.{verb}" if verb in _VERBS else None


def _is_url(url: Any) -> bool:
    """Whether it looks like an address of the web; who listens there is seen when it is called."""
    scheme, separator, rest = str(url).partition("://")
    return (
        bool(separator)
        and str(url).isprintable()
        and scheme.lower() in ("http", "https")
        and rest[:1] not in ("", "/")
    )
