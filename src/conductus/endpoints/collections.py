"""Collections: tables and what is said of them. Source: schema page §2.1."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import objects
from conductus.endpoints.listing import listing
from conductus.errors import ItemNotFound
from conductus.http.call import Call
from conductus.http.envelope import nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.projects.schema_changes.objects import (
    Object,
    collection_metadata,
    collection_object,
)
from conductus.schema.model import Collection

COLLECTIONS = "directus_collections"


async def read_many(call: Call) -> Reply:
    """Every table and view, managed or not, those of the system too."""
    call.check_readable(COLLECTIONS)
    found = [_shown(call, each) for _, each in sorted(call.schema.collections.items())]
    return objects.listed(call, found, COLLECTIONS)


async def read_by_names(call: Call) -> Reply:
    """One collection, or several whose names are separated by commas."""
    call.check_readable(COLLECTIONS)
    names = call.text("collection").split(",")
    known = call.schema.collections
    found = [_shown(call, known[name]) for name in names if name in known]
    if len(names) > 1:
        return objects.listed(call, found, COLLECTIONS)
    if not found:
        raise ItemNotFound(COLLECTIONS, names[0])
    return objects.one(call, found[0], COLLECTIONS)


async def create(call: Call) -> Reply:
    """Makes a table, or manages one that is there."""
    objects.only_administrators(call)
    example = call.schema.collection(COLLECTIONS)
    objects.check(call, collection_metadata(example), COLLECTIONS)
    name = await call.project.schema_changes.by(call.actor).create_collection(
        await call.body.item()
    )
    snapshot = await call.project.current()
    made = collection_metadata(snapshot.schema.collection(name))
    return objects.one(call, made, COLLECTIONS)


async def update(call: Call) -> Reply:
    """Changes what is said of a collection, and its fields."""
    objects.only_administrators(call)
    objects.check(call, collection_object(call.schema.collection(COLLECTIONS)), COLLECTIONS)
    name = call.text("collection")
    await call.project.schema_changes.by(call.actor).update_collection(name, await call.body.item())
    snapshot = await call.project.current()
    return objects.one(call, collection_object(snapshot.schema.collection(name)), COLLECTIONS)


async def delete(call: Call) -> Reply:
    """Drops a table and everything that spoke of it."""
    objects.only_administrators(call)
    await call.project.schema_changes.by(call.actor).delete_collection(call.text("collection"))
    return nothing(public=call.public)


def _shown(call: Call, collection: Collection) -> Object:
    """A collection without the fields that are kept back from the asker in every row."""
    found = collection_object(collection)
    hidden = call.sight.hidden(collection)
    fields = {name: field for name, field in found["fields"].items() if name not in hidden}
    return found | {"fields": fields}


ROUTES: tuple[Route[Any], ...] = (
    *listing("collections", read_many),
    Route("POST", "collections", create),
    Route("GET", "collections/{collection}", read_by_names),
    Route("PATCH", "collections/{collection}", update),
    Route("DELETE", "collections/{collection}", delete),
)
