"""Utilities. Source: projects page §2."""

from __future__ import annotations

from typing import Any

from conductus.errors import Forbidden, Unauthorized
from conductus.http.call import Call
from conductus.http.envelope import nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route


async def clear_cache(call: Call) -> Reply:
    """Makes every worker look at the database again, for changes made behind our back."""
    if call.public:
        raise Unauthorized
    if not call.actor.administrator:
        raise Forbidden("Administrators only")
    await call.project.refresh()
    return nothing(public=call.public)


ROUTES: tuple[Route[Any], ...] = (Route("POST", "utils/cache/clear", clear_cache),)
