"""Items of user collections. Source: items page §2.

A body is judged before the collection is looked for: errors page, "Order of checks".
"""

from __future__ import annotations

from typing import Any

from conductus.endpoints import generic, revisions
from conductus.endpoints.listing import listing
from conductus.errors import SystemCollection
from conductus.http.call import Call
from conductus.http.reply import Reply, StreamReply
from conductus.http.routing import Route


async def read_many(call: Call) -> Reply | StreamReply:
    """The items that match."""
    return await generic.read_many(call, collection_of(call))


async def read_by_keys(call: Call) -> Reply:
    """One item, or several whose ids are separated by commas."""
    return await generic.read_by_keys(call, collection_of(call))


async def create(call: Call) -> Reply:
    """Creates one item, or all of a list."""
    await call.body.items()
    return await generic.create(call, collection_of(call))


async def update_many(call: Call) -> Reply:
    """Changes each item of a list that names its key."""
    await call.body.items()
    return await generic.update_many(call, collection_of(call))


async def update_by_keys(call: Call) -> Reply:
    """Changes one item, or several in the same way."""
    await call.body.items()
    return await generic.update_by_keys(call, collection_of(call))


async def delete(call: Call) -> Reply:
    """Removes items for good."""
    return await generic.delete(call, collection_of(call))


async def read_revisions(call: Call) -> Reply | StreamReply:
    """The revisions of one item."""
    return await revisions.of_item(call, collection_of(call))


async def read_revision(call: Call) -> Reply:
    """The revision so many places from the oldest."""
    return await revisions.at_offset(call, collection_of(call))


async def revert(call: Call) -> Reply:
    """Writes back what a revision of the item holds."""
    return await generic.revert(call, collection_of(call))


def collection_of(call: Call) -> str:
    """The collection that the path names. Raises `SystemCollection`, `CollectionNotFound`."""
    name = call.text("collection")
    if name.startswith("directus_"):
        raise SystemCollection(name)
    call.schema.collection(name)
    return name


ROUTES: tuple[Route[Any], ...] = (
    *listing("items/{collection}", read_many),
    Route("POST", "items/{collection}", create),
    Route("PATCH", "items/{collection}", update_many),
    Route("GET", "items/{collection}/{id}", read_by_keys),
    Route("PATCH", "items/{collection}/{id}", update_by_keys),
    Route("DELETE", "items/{collection}/{id}", delete),
    *listing("items/{collection}/{id}/revisions", read_revisions),
    Route("GET", "items/{collection}/{id}/revisions/{offset}", read_revision),
    Route("PATCH", "items/{collection}/{id}/revert/{revision}", revert),
)
