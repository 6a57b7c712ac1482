"""The OpenAPI 3.1 document of a live schema. Pure: the same schema gives the same document.

Two readers: administrators see everything, everybody else only what is public.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus import __version__
from conductus.openapi import components, envelope, items, structure
from conductus.openapi.asking import graphql_operations
from conductus.openapi.authentication import authentication_operations
from conductus.openapi.contents import content_operations
from conductus.openapi.files import file_operations
from conductus.openapi.joining import joining_operations
from conductus.openapi.names import component_names, described
from conductus.openapi.operations import Operation, paths, tags
from conductus.openapi.parameters import parameters
from conductus.openapi.people import people_operations
from conductus.openapi.provisioning import provisioning_operations
from conductus.openapi.sections import section_operations
from conductus.openapi.surroundings import surrounding_operations
from conductus.openapi.values import World
from conductus.schema.model import Collection, Schema

Document = dict[str, Any]
VERSION: Final = "3.1.0"
# A path of OpenAPI 3.1 has no place for this method.
_OF_LISTS: Final = " Lists answer to `SEARCH` too, with a JSON object of their parameters as body."


def document(schema: Schema, key: str, base_url: str) -> Document:
    """Everything that a project offers, for its administrators.

    `base_url` is the server's, without a slash at its end. Empty, addresses are told
    relative to where the document was read.
    """
    shown = described(schema)
    world = World(schema, component_names(shown))
    operations = [*_general_operations(), *_item_operations(shown, world)]
    operations += structure.structure_operations()
    operations += section_operations(world)
    operations += people_operations(world)
    operations += file_operations(key, world)
    operations += provisioning_operations()
    found = _document(key, base_url, operations, _components(shown, world))
    found["info"]["description"] += _OF_LISTS
    return found


def public_document(key: str, base_url: str) -> Document:
    """What whoever asks may know: how to sign in, and that somebody is there."""
    operations = [each for each in _general_operations() if each.public]
    return _document(key, base_url, operations, {**_envelopes(), "parameters": {}})


def _document(
    key: str, base_url: str, operations: list[Operation], parts: dict[str, Any]
) -> Document:
    return {
        "openapi": VERSION,
        "info": {
            "title": key,
            "version": __version__,
            "description": 'Answers are `{"data": …}`, errors `{"error": {"code": …}}`.',
        },
        "servers": [{"url": f"{base_url}/{key}"}],
        "security": [{}, {"bearer": []}, {"access_token": []}],
        "tags": tags(operations),
        "paths": paths(operations, base_url or "/"),
        "components": {**parts, "securitySchemes": _security_schemes()},
    }


def _general_operations() -> Iterable[Operation]:
    yield from authentication_operations()
    yield from joining_operations()
    yield from surrounding_operations()
    yield from content_operations()
    yield from graphql_operations()


def _item_operations(shown: list[Collection], world: World) -> Iterable[Operation]:
    for collection in shown:
        if collection.system:
            continue
        place = items.item_place(collection, world)
        yield from items.reading(place, collection)
        yield from items.listening(place, collection)
        yield from items.writing(place, collection)
        yield from items.revisions(place, collection, world)
        yield from items.reverting(place, collection)


def _components(shown: list[Collection], world: World) -> dict[str, Any]:
    parts = _envelopes()
    parts["schemas"] |= structure.schemas()
    bodies: dict[str, Any] = {}
    for collection in shown:
        parts["schemas"] |= components.schemas(collection, world)
        parts["responses"][world.names[collection.name]] = components.response(collection, world)
        bodies |= components.bodies(collection, world)
    return {**parts, "parameters": parameters(), "requestBodies": bodies}


def _envelopes() -> dict[str, Any]:
    return {"schemas": envelope.schemas(), "responses": envelope.responses()}


def _security_schemes() -> dict[str, Any]:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of `auth/authenticate`, or a user's static token.",
        },
        "access_token": {"type": "apiKey", "in": "query", "name": "access_token"},
    }
