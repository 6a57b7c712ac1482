"""Items of user collections. Source: items page §2."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import generic
from conductus.errors import SystemCollection
from conductus.http.call import Call
from conductus.http.reply import Reply, StreamReply
from conductus.http.routing import Route


async def read_many(call: Call) -> Reply | StreamReply:
    """The items that match."""
    return await generic.read_many(call, _collection(call))


async def read_by_keys(call: Call) -> Reply:
    """One item, or several whose ids are separated by commas."""
    return await generic.read_by_keys(call, _collection(call))


def _collection(call: Call) -> str:
    name = call.text("collection")
    if name.startswith("directus_"):
        raise SystemCollection(name)
    call.schema.collection(name)
    return name


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "items/{collection}", read_many),
    Route("GET", "items/{collection}/{id}", read_by_keys),
)
