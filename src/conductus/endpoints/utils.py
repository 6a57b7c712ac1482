"""Utilities. Source: projects page §2, authentication page §11 and §15.

Whoever is not signed in may use them so often and no more: to hash costs time, and to
match hashes is to guess.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, Final

from conductus.auth.address import block_of
from conductus.auth.hashers import Hashers
from conductus.auth.second_factor_setup import FIELD, offered
from conductus.errors import ApiError, ValidationFailed
from conductus.http.call import Call
from conductus.http.envelope import envelope, nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.items.changes import Item
from conductus.tallies.throttle import Pace, Throttle

PACE: Final = Pace(60, 10)
"""Requests of the public from one address: so many in a row, then one after so many seconds."""
DEFAULT_HASHER: Final = "core"
DEFAULT_LENGTH: Final = 32
MOST_LENGTH: Final = 1024
_LETTERS: Final = "".join(map(chr, range(33, 127)))


class Utilities:
    """The endpoints of the section."""

    def __init__(self, hashers: Hashers, asked: Throttle) -> None:
        self._hashers = hashers
        self._asked = asked

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("POST", "utils/hash", self.hash),
            Route("POST", "utils/hash/match", self.match),
            Route("POST", "utils/random/string", self.random_string),
            Route("GET", "utils/2fa_secret", self.second_factor, enrols=True),
            Route("POST", "utils/cache/clear", self.clear_cache),
        )

    async def hash(self, call: Call) -> Reply:
        """The hash of a text."""
        body = await call.body.item()
        (text,) = _texts(body, "string")
        await self._count(call)
        hashed = await self._hashers.hash(text, _hasher(body), call.project.key)
        return envelope({"hash": hashed}, public=call.public)

    async def match(self, call: Call) -> Reply:
        """Whether a hash is that of a text."""
        body = await call.body.item()
        text, hashed = _texts(body, "string", "hash")
        await self._count(call)
        valid = await self._hashers.matches(text, hashed, _hasher(body), call.project.key)
        return envelope({"valid": valid}, public=call.public)

    async def random_string(self, call: Call) -> Reply:
        """Random letters, digits and signs."""
        length = _length((await call.body.item_or_empty()).get("length", DEFAULT_LENGTH))
        await self._count(call)
        made = "".join(secrets.choice(_LETTERS) for _ in range(length))
        return envelope({"random": made}, public=call.public)

    async def second_factor(self, call: Call) -> Reply:
        """A new secret for a second factor; kept nowhere until it is set up."""
        await self._count(call)
        offer = offered(call.snapshot.settings.project_name, await _account(call))
        data = {FIELD: offer.secret, "otpauth_url": offer.url, "qr": offer.svg}
        return envelope(data, public=call.public)

    async def clear_cache(self, call: Call) -> Reply:
        """Makes every worker look at the database again, for changes made behind our back."""
        call.check_administrator()
        await call.project.refresh()
        return nothing(public=call.public)

    async def _count(self, call: Call) -> None:
        await count_public(call, self._asked)


async def count_public(call: Call, asked: Throttle) -> None:
    """Raises `TooManyRequests` (7/429) for an address that asks too often without a login."""
    if call.public:
        address, how = block_of(call.actor.ip), call.project.config.rate_limit
        await asked.take(address, datetime.now(UTC), how)


async def _account(call: Call) -> str:
    """What an authenticator app calls the account of whoever asks."""
    if call.public:
        return "account"
    query = call.project.queries.shape("directus_users", "fields=email", call.snapshot)
    context = call.context.for_own_use()
    try:
        page = await call.project.reader.by_keys(query, [str(call.actor.user)], context)
    except ApiError:
        # May not even read itself, or not the address.
        return "account"
    return str(page.items.get("email", "account")) if isinstance(page.items, dict) else "account"


def _texts(body: Item, *names: str) -> list[str]:
    """The texts of a body. Raises `ValidationFailed` when one is missing or none."""
    problems = {
        name: "This value is required" if body.get(name) in (None, "") else "Must be text"
        for name in names
        if not isinstance(body.get(name), str) or not body[name]
    }
    if problems:
        raise ValidationFailed(problems)
    return [body[name] for name in names]


def _hasher(body: Item) -> str:
    return str(body.get("hasher") or DEFAULT_HASHER)


def _length(value: Any) -> int:
    text = str(value).strip()
    plain = isinstance(value, int | str) and text.isascii() and text.isdigit() and len(text) < 6
    length = int(text) if plain else 0
    if not 1 <= length <= MOST_LENGTH:
        raise ValidationFailed({"length": f"Must be a whole number from 1 to {MOST_LENGTH}"})
    return length
