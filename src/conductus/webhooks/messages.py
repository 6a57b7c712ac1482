"""What a receiver is sent: method, headers and body. Pure.

Signed as Standard Webhooks 1.0 says: the receiver learns who sent it, that it came whole,
and, by `webhook-id`, that it came before.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct
from standardwebhooks import Webhook as Signer

from conductus import __version__
from conductus.projects.events import Event

PREFIX: Final = "whsec_"
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
Format = Literal["conductus", "directus8"]


class Sent(Struct, frozen=True):
    """A request to a receiver."""

    headers: dict[str, str]
    body: str


def message(
    event: Event, method: str, format: Format, secrets: Iterable[bytes], now: datetime
) -> Sent:
    """What is sent of an event, signed with each of the secrets."""
    body = _body(event, format) if method in _WITH_BODY else ""
    headers = {
        "user-agent": f"Conductus/{__version__}",
        "webhook-id": event.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(
            Signer(secret).sign(event.id, now, body) for secret in secrets
        ),
    }
    if body:
        headers["content-type"] = "application/json"
    return Sent(headers, body)


def secret_of(key: str, webhook: int, salt: str) -> bytes:
    """The secret of a webhook: made of the project's own, so that nothing secret is stored."""
    return hmac.digest(key.encode(), f"webhook:{webhook}:{salt}".encode(), "sha256")


def shown(secret: bytes) -> str:
    """A secret as receivers are given it."""
    return PREFIX + base64.b64encode(secret).decode()


def _body(event: Event, format: Format) -> str:
    if format == "directus8":
        bare = event.item if event.payload is None else event.payload
        return msgspec.json.encode(bare).decode()
    told = msgspec.to_builtins(event)
    del told["listener"]
    return msgspec.json.encode(told).decode()
