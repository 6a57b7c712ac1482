"""The operations on the items of one collection. Source: items page §2 and §7."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from conductus.openapi.components import CREATE, UPDATE
from conductus.openapi.operations import READING, WRITING, Operation, done, reference
from conductus.openapi.parameters import LIST, SHAPE, WRITE, path_parameter, references
from conductus.openapi.values import World
from conductus.schema.model import Collection

_REVISIONS = "directus_revisions"


class Place(Struct, frozen=True):
    """Where a collection is served, and what its operations are called."""

    path: str
    id: str
    tag: str
    component: str


def item_place(collection: Collection, world: World) -> Place:
    """The place of a collection on `/items`."""
    name = world.names[collection.name]
    path = f"/items/{quote(collection.name, safe='')}"
    return Place(path, f"items.{name}", f"items: {collection.name}", name)


def section_place(section: str, collection: Collection, world: World) -> Place:
    """The place of a collection that has a section of its own."""
    return Place(f"/{section}", section, section, world.names[collection.name])


def reading(place: Place, collection: Collection) -> Iterable[Operation]:
    """Lists items, and reads those whose keys are known."""
    answers = {"200": reference("responses", place.component)}
    yield Operation(
        method="get",
        path=place.path,
        id=f"{place.id}.list",
        tag=place.tag,
        summary="List items",
        parameters=(*references(LIST),),
        answers=answers,
        errors=READING,
    )
    if not collection.primary_key:
        return
    yield Operation(
        method="get",
        path=f"{place.path}/{{id}}",
        id=f"{place.id}.read",
        tag=place.tag,
        summary="Read one item, or several",
        description=_composite(collection),
        parameters=(*references(("id", *SHAPE)),),
        answers=answers,
        errors=READING,
    )


def listening(place: Place, collection: Collection) -> Iterable[Operation]:
    """Tells of changes as they happen; of nothing that has no key."""
    if not collection.primary_key:
        return
    again = {
        "name": "last-event-id",
        "in": "header",
        "description": "The last `id` that was told: what was missed since then comes first.",
        "schema": {"type": "string"},
    }
    yield Operation(
        method="get",
        path=f"{place.path}/events",
        id=f"{place.id}.events",
        tag=place.tag,
        summary="Be told of changes as they happen",
        description=(
            "Server-Sent Events: `create`, `update` and `leave` with `event`, `collection`, `key` "
            "and `item`, `delete` without the item; `open`, `reset` and `end` of the stream itself."
        ),
        parameters=(again, *references(("fields", "filter", "q", "status", "lang", "deep"))),
        answers={
            "200": {
                "description": "A stream without an end of its own",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        },
        errors=(*READING, 429),
    )


def writing(place: Place, collection: Collection) -> Iterable[Operation]:
    """Creates, changes and deletes items; nothing for what can only be read."""
    if collection.view:
        return
    name = place.component
    answers = {"200": reference("responses", name), "204": done()["204"]}
    write = (*references(WRITE),)
    yield Operation(
        method="post",
        path=place.path,
        id=f"{place.id}.create",
        tag=place.tag,
        summary="Create one item, or several",
        parameters=write,
        body=reference("requestBodies", name + CREATE),
        answers=answers,
        errors=WRITING,
    )
    if not collection.primary_key:
        return
    yield Operation(
        method="patch",
        path=place.path,
        id=f"{place.id}.update.many",
        tag=place.tag,
        summary="Change several items, each in its own way",
        parameters=write,
        body=reference("requestBodies", f"{name}{UPDATE}s"),
        answers=answers,
        errors=WRITING,
    )
    keyed = (*references(("id", *WRITE)),)
    yield Operation(
        method="patch",
        path=f"{place.path}/{{id}}",
        id=f"{place.id}.update",
        tag=place.tag,
        summary="Change one item, or several in the same way",
        description=_composite(collection),
        parameters=keyed,
        body=reference("requestBodies", name + UPDATE),
        answers=answers,
        errors=WRITING,
    )
    yield Operation(
        method="delete",
        path=f"{place.path}/{{id}}",
        id=f"{place.id}.delete",
        tag=place.tag,
        summary="Delete one item, or several",
        description=_composite(collection),
        parameters=(*references(("id", "comment", "activity_skip")),),
        answers=done(),
        errors=WRITING,
    )


def revisions(place: Place, collection: Collection, world: World) -> Iterable[Operation]:
    """The history of one item."""
    name = world.names.get(_REVISIONS)
    if name is None or not collection.primary_key:
        return
    answers = {"200": reference("responses", name)}
    one = _one_key()
    yield Operation(
        method="get",
        path=f"{place.path}/{{id}}/revisions",
        id=f"{place.id}.revisions",
        tag=place.tag,
        summary="List the revisions of an item",
        parameters=(one, *references(LIST)),
        answers=answers,
    )
    yield Operation(
        method="get",
        path=f"{place.path}/{{id}}/revisions/{{offset}}",
        id=f"{place.id}.revision",
        tag=place.tag,
        summary="Read one revision of an item",
        parameters=(
            one,
            path_parameter("offset", "Places from the oldest, which is 0.", "integer"),
            *references(SHAPE),
        ),
        answers=answers,
    )


def reverting(place: Place, collection: Collection) -> Iterable[Operation]:
    """Brings an item back to what it was."""
    if collection.view or not collection.primary_key:
        return
    yield Operation(
        method="patch",
        path=f"{place.path}/{{id}}/revert/{{revision}}",
        id=f"{place.id}.revert",
        tag=place.tag,
        summary="Bring an item back to a revision",
        parameters=(
            _one_key(),
            path_parameter("revision", "Id of the revision.", "integer"),
            *references(WRITE),
        ),
        answers={"200": reference("responses", place.component), "204": done()["204"]},
        errors=WRITING,
    )


def _one_key() -> dict[str, Any]:
    return path_parameter("id", "A key.")


def _composite(collection: Collection) -> str:
    if len(collection.primary_key) < 2:
        return ""
    parts = ", ".join(f"`{name}`" for name in collection.primary_key)
    return (
        f"The key has several parts: {parts}. They stand in this order with commas between "
        "them, percent-encoded: `1%2C3402`. A plain comma parts one key from the next."
    )
