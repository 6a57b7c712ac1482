"""What became of webhooks, and their secrets. Source: extensions page §4.

The rows themselves are a collection like any other: `sections`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from conductus.errors import ItemNotFound, ValidationFailed
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.projects.webhooks import WEBHOOKS
from conductus.webhooks.sender import Sender

DEFAULT_LIMIT: Final = 100
MOST_LIMIT: Final = 1000
_LARGEST: Final = 1 << 31


class Hooking:
    """The endpoints below `webhooks/{id}`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        one = "webhooks/{id}/deliveries/{delivery}"
        return (
            Route("GET", "webhooks/{id}/deliveries", self.deliveries),
            Route("GET", one, self.delivery),
            Route("POST", f"{one}/resend", self.resend),
            Route("POST", "webhooks/{id}/secret", self.new_secret),
        )

    async def deliveries(self, call: Call) -> Reply:
        """The latest deliveries, the newest first."""
        webhook = await _webhook(call)
        limit = _number(call, "limit", DEFAULT_LIMIT, MOST_LIMIT)
        offset = _number(call, "offset", 0, _LARGEST)
        return envelope(
            await self._sender.listed(call.project, webhook, limit, offset), public=False
        )

    async def delivery(self, call: Call) -> Reply:
        """One delivery, with what was told."""
        webhook = await _webhook(call)
        found = await self._sender.found(call.project, webhook, call.text("delivery"))
        return envelope(found, public=False)

    async def resend(self, call: Call) -> Reply:
        """Makes a delivery again."""
        webhook = await _webhook(call)
        delivery, now = call.text("delivery"), datetime.now(UTC)
        return envelope(
            await self._sender.resend(call.project, webhook, delivery, now), public=False
        )

    async def new_secret(self, call: Call) -> Reply:
        """Makes another secret and shows it, this one time."""
        webhook = await _webhook(call)
        secret = await self._sender.new_secret(call.project, webhook, datetime.now(UTC))
        return envelope({"secret": secret}, public=False)


async def _webhook(call: Call) -> int:
    """The id in the path, for administrators. Raises `ItemNotFound`."""
    call.check_administrator()
    id = call.text("id")
    query = call.project.queries.shape(WEBHOOKS, "fields=id&status=*", call.snapshot)
    page = await call.project.reader.by_keys(query, [id], call.context.for_own_use())
    if not isinstance(page.items, dict):
        raise ItemNotFound(WEBHOOKS, id)
    return int(page.items["id"])


def _number(call: Call, name: str, default: int, most: int) -> int:
    """A parameter that is a number. Raises `ValidationFailed`."""
    given = call.params.get(name, default)
    text = str(given)
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most):
        raise ValidationFailed({name: f"Must be a whole number up to {most}"})
    return int(text)
