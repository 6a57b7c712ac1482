"""Which types a field may have. Source: projects page §1."""

from __future__ import annotations

from typing import Any

from conductus.errors import SignInNeeded
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.schema.types import FIELD_TYPES


async def listed(call: Call) -> Reply:
    """Their names, for whoever is signed in."""
    if call.public:
        raise SignInNeeded
    return envelope([{"name": name} for name in FIELD_TYPES], public=False)


ROUTES: tuple[Route[Any], ...] = (Route("GET", "types", listed),)
