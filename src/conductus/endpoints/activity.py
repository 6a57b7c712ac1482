"""Activity: who did what, and comments. Source: items page §8."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import generic
from conductus.endpoints.listing import listing
from conductus.http.call import Call
from conductus.http.envelope import nothing
from conductus.http.reply import Reply, StreamReply
from conductus.http.routing import Route
from conductus.items.written import Written

ACTIVITY = "directus_activity"


async def read_many(call: Call) -> Reply | StreamReply:
    """What happened, as far as it matches."""
    return await generic.read_many(call, ACTIVITY)


async def read_by_keys(call: Call) -> Reply:
    """One row of activity, or several."""
    return await generic.read_by_keys(call, ACTIVITY)


async def comment(call: Call) -> Reply:
    """Comments on an item."""
    body = await call.body.item()
    query = generic.answering(call, ACTIVITY)
    id = await call.project.comments.add(body, call.context)
    return await generic.written_one(call, query, Written(id))


async def edit_comment(call: Call) -> Reply:
    """Changes the text of a comment."""
    body = await call.body.item()
    query = generic.answering(call, ACTIVITY)
    id = await call.project.comments.edit(call.text("id"), body, call.context)
    return await generic.written_one(call, query, Written(id))


async def remove_comment(call: Call) -> Reply:
    """Withdraws a comment."""
    await call.project.comments.remove(call.text("id"), call.context)
    return nothing(public=call.public)


ROUTES: tuple[Route[Any], ...] = (
    *listing("activity", read_many),
    Route("GET", "activity/{id}", read_by_keys),
    Route("POST", "activity/comment", comment),
    Route("PATCH", "activity/comment/{id}", edit_comment),
    Route("DELETE", "activity/comment/{id}", remove_comment),
)
