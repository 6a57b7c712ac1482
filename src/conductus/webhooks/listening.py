"""Receivers of webhooks as listeners to events."""

from __future__ import annotations

from collections.abc import Iterable

from conductus.projects.events import Listener
from conductus.projects.snapshot import Snapshot


def webhook_listeners(snapshot: Snapshot, event: str, collection: str) -> Iterable[Listener]:
    """The active webhooks that are told of an event of a collection."""
    return [
        Listener(webhook.errands, str(webhook.id))
        for webhook in snapshot.webhooks.of(event, collection)
    ]
