"""The components of one collection: how its items are read, created and changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conductus.openapi.defaults import default_of
from conductus.openapi.envelope import answer, json_content
from conductus.openapi.values import (
    SET_BY_SERVER,
    JSONSchema,
    World,
    key_part,
    reading,
    writing,
)
from conductus.schema.model import Collection, Field
from conductus.schema.slugs import mirrored_field

CREATE = ".create"
UPDATE = ".update"
NESTED = ".nested"


def schemas(collection: Collection, world: World) -> dict[str, JSONSchema]:
    """Its items in answers, in bodies that create or change, and within other items."""
    name = world.names[collection.name]
    read = _properties(collection, lambda field: reading(field, world))
    found = {name: _object(read, collection.note)}
    found[name + CREATE] = _creating(collection, world)
    found[name + UPDATE] = _updating(collection, world)
    found[name + NESTED] = _nested(collection, world)
    return found


def response(collection: Collection, world: World) -> dict[str, Any]:
    """One item, or a list of them."""
    item = world.reference(collection.name)
    return answer("An item, or a list of items", one_or_many(item))


def bodies(collection: Collection, world: World) -> dict[str, Any]:
    """What creates and what changes items."""
    name = world.names[collection.name]
    create = world.reference(collection.name, CREATE)
    update = world.reference(collection.name, UPDATE)
    each = _and_keys(collection, world)
    return {
        name + CREATE: _body(one_or_many(create, least=1)),
        name + UPDATE: _body(update),
        f"{name}{UPDATE}s": _body({"type": "array", "items": each, "minItems": 1}),
    }


def one_or_many(item: JSONSchema, least: int = 0) -> JSONSchema:
    """The schema of an item or of a list of such items."""
    several: JSONSchema = {"type": "array", "items": item}
    if least:
        several["minItems"] = least
    return {"oneOf": [item, several]}


def _creating(collection: Collection, world: World) -> JSONSchema:
    def created(field: Field) -> JSONSchema | None:
        if field.type in SET_BY_SERVER:
            return None
        value = _written(field, world)
        return None if value is None else value | default_of(field, value)

    found = _object(_properties(collection, created), None)
    required = [field.name for field in collection.fields.values() if _required(field, collection)]
    if required:
        found["required"] = required
    return found


def _updating(collection: Collection, world: World) -> JSONSchema:
    return _object(_properties(collection, lambda field: _written(field, world)), None)


def _nested(collection: Collection, world: World) -> JSONSchema:
    """An item within another: its key ties it, the rest of the body changes it."""
    deleting = {"type": "boolean", "description": "With the key: `true` deletes the item."}
    return _and_keys(collection, world, {"$delete": deleting})


def _and_keys(
    collection: Collection, world: World, also: dict[str, JSONSchema] | None = None
) -> JSONSchema:
    keys = {name: key_part(collection.fields[name]) for name in collection.primary_key}
    found: JSONSchema = {"type": "object", "properties": {**keys, **(also or {})}}
    if also is None:
        found["required"] = list(keys)
    return {"allOf": [world.reference(collection.name, UPDATE), found]}


def _written(field: Field, world: World) -> JSONSchema | None:
    # Who tries a request with a body made of the schema must not give the item a key.
    counted = field.column is not None and field.column.auto_increment
    return None if counted else writing(field, world)


def _required(field: Field, collection: Collection) -> bool:
    """True when no item can be created without it."""
    # With a status that lets items be incomplete, what is needed depends on the body.
    if any(not status.required_fields for status in collection.statuses):
        return False
    column = field.column
    if column is None or column.generated or column.auto_increment or column.has_default:
        return False
    made = field.type in SET_BY_SERVER or mirrored_field(field) is not None
    if made or field.name == "external_id" or _is_made_key(field, collection):
        return False
    return field.required or not column.nullable


def _is_made_key(field: Field, collection: Collection) -> bool:
    return field.type == "uuid" and field.name in collection.primary_key


def _properties(
    collection: Collection, shown: Callable[[Field], JSONSchema | None]
) -> dict[str, JSONSchema]:
    values = ((name, shown(field)) for name, field in collection.fields.items())
    return {name: value for name, value in values if value is not None}


def _object(properties: dict[str, JSONSchema], note: str | None) -> JSONSchema:
    found: JSONSchema = {"type": "object", "properties": properties}
    return {**found, "description": note} if note else found


def _body(schema: JSONSchema) -> dict[str, Any]:
    return {"required": True, "content": json_content(schema)}
