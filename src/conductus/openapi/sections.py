"""The sections of the reference that show a built-in collection, and what is special in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from conductus.openapi import items
from conductus.openapi.hooking import webhook_operations
from conductus.openapi.operations import (
    READING,
    WRITING,
    Operation,
    done,
    object_body,
    reference,
)
from conductus.openapi.parameters import SHAPE, path_parameter, references
from conductus.openapi.values import World

READ_AND_WRITE: Final[Mapping[str, str]] = {
    "collection_presets": "directus_collection_presets",
    "folders": "directus_folders",
    "permissions": "directus_permissions",
    "relations": "directus_relations",
    "roles": "directus_roles",
    "users": "directus_users",
    "webhooks": "directus_webhooks",
}
"""Section → collection, where items are read and written as everywhere."""
READ_ONLY: Final[Mapping[str, str]] = {
    "activity": "directus_activity",
    "revisions": "directus_revisions",
}
"""Section → collection, where the server alone writes."""


def section_operations(world: World) -> Iterable[Operation]:
    """Every operation of these sections."""
    for section, name in {**READ_AND_WRITE, **READ_ONLY}.items():
        collection = world.schema.collections.get(name)
        if collection is None:
            continue
        place = items.section_place(section, collection, world)
        yield from items.reading(place, collection)
        if section in READ_AND_WRITE:
            yield from items.writing(place, collection)
            yield from items.revisions(place, collection, world)
        if section == "activity":
            yield from _comments(place)
        if section == "webhooks":
            yield from webhook_operations(place.tag)


def _comments(place: items.Place) -> Iterable[Operation]:
    answers = {"200": reference("responses", place.component)}
    text = {"type": "string", "minLength": 1}
    shape = (*references(SHAPE),)
    path = f"{place.path}/comment"
    id = path_parameter("id", "Id of the comment's activity.", "integer")
    yield Operation(
        method="post",
        path=path,
        id="activity.comment",
        tag=place.tag,
        summary="Comment on an item",
        parameters=shape,
        body=object_body(
            {
                "collection": {"type": "string"},
                "item": {"type": ["string", "integer"]},
                "comment": text,
            },
            *("collection", "item", "comment"),
        ),
        answers=answers,
        errors=WRITING,
    )
    yield Operation(
        method="patch",
        path=f"{path}/{{id}}",
        id="activity.comment.update",
        tag=place.tag,
        summary="Change a comment",
        parameters=(id, *shape),
        body=object_body({"comment": text}, "comment"),
        answers=answers,
        errors=WRITING,
    )
    yield Operation(
        method="delete",
        path=f"{path}/{{id}}",
        id="activity.comment.delete",
        tag=place.tag,
        summary="Withdraw a comment",
        parameters=(id,),
        answers=done(),
        errors=READING,
    )
