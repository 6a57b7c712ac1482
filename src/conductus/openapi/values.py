"""Field types as JSON Schema: what a field's value looks like in answers and in bodies.

Source: items page §4 and §5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from conductus.schema.model import Collection, Column, Field, Kind, Relation, Schema
from conductus.schema.secrets import withheld

JSONSchema = dict[str, Any]

SET_BY_SERVER: Final = frozenset(
    {"owner", "user_created", "user_updated", "datetime_created", "datetime_updated"}
)
TO_MANY: Final = frozenset({"o2m", "translation"})
_NEVER_NULL: Final = frozenset({"array", "boolean", "decimal"})
_TEXTS: Final = frozenset({"string", "slug", "lang", "status", "uuid"})
_INTEGER_FORMATS: Final[Mapping[str, str]] = {"INT": "int32", "BIGINT": "int64"}
_BY_TYPE: Final[Mapping[str, JSONSchema]] = {
    "array": {"type": "array", "items": {"type": "string"}},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "examples": ["2031-02-03 04:05:06"]},
    "datetime_created": {"type": "string", "format": "date-time"},
    "datetime_updated": {"type": "string", "format": "date-time"},
    "hash": {"type": "string"},
    "time": {"type": "string", "examples": ["04:05:06"]},
    "uuid": {"type": "string", "format": "uuid"},
}


class World(Struct, frozen=True):
    """The schema, and what its collections are called in the document."""

    schema: Schema
    names: Mapping[str, str]
    """Collection → component; those without one are not shown."""

    def reference(self, collection: str, derived: str = "") -> JSONSchema:
        """A pointer to the schema of a collection, or to one derived of it."""
        name = self.names.get(collection)
        if name is None:
            return {"type": "object"}
        return {"$ref": f"#/components/schemas/{name}{derived}"}


def reading(field: Field, world: World) -> JSONSchema | None:
    """The value as it is answered; None for what is never in an answer."""
    if field.name in withheld(field.collection):
        return None
    column = field.column
    if field.name in world.schema.collections[field.collection].computed:
        return {"type": "object", "readOnly": True}
    if column is None:
        return _described(_list(field, world, ""), field)
    relation = world.schema.many_to_one.get((field.collection, field.name))
    if relation is not None:
        value = _either(_key(world, relation), world.reference(relation.collection_one))
        return _described(_server_set(_nullable(value), field, column), field)
    value = _column_value(field, column, world)
    if column.nullable and field.type not in _NEVER_NULL:
        value = _nullable(value)
    return _described(_server_set(value, field, column), field)


def writing(field: Field, world: World) -> JSONSchema | None:
    """The value as a body holds it; None for what is never written."""
    column = field.column
    if column is None:
        return _described(_list(field, world, ".nested"), field)
    if column.generated:
        return None
    relation = world.schema.many_to_one.get((field.collection, field.name))
    if relation is not None:
        nested = world.reference(relation.collection_one, ".nested")
        value = _either(_key(world, relation), nested)
    else:
        value = _column_value(field, column, world)
    if column.nullable and (column.has_default or not field.required):
        value = _nullable(value)
    return _described(value, field)


def key_value(collection: Collection) -> JSONSchema:
    """The primary key of a collection, as the path and related items name it."""
    if len(collection.primary_key) != 1:
        return {"type": "string"}
    return key_part(collection.fields[collection.primary_key[0]])


def key_part(field: Field) -> JSONSchema:
    """A column of a primary key."""
    return _of_kind(field.kind)


def _column_value(field: Field, column: Column, world: World) -> JSONSchema:
    match field.type:
        case "integer" | "sort":
            return _integer(column)
        case "decimal":
            # What a double cannot hold is told as text.
            types: Any = (
                "number" if column.kind in (Kind.FLOAT, Kind.SINGLE) else ["number", "string"]
            )
            return {"type": types}
        case "json":
            return {}
        case "status":
            return _status(field, column, world)
        case "m2o" | "user" | "owner" | "user_created" | "user_updated" | "file":
            return _of_kind(column.kind)
        case _:
            return {**_BY_TYPE.get(field.type, {"type": "string"}), **_length(field, column)}


def _integer(column: Column) -> JSONSchema:
    found: JSONSchema = {"type": "integer"}
    wide = _INTEGER_FORMATS.get(column.datatype)
    if wide is not None:
        found["format"] = wide
    if not column.signed:
        found["minimum"] = 0
    return found


def _status(field: Field, column: Column, world: World) -> JSONSchema:
    collection = world.schema.collections[field.collection]
    found = _of_kind(column.kind) | _length(field, column)
    if collection.status_field == field.name and collection.statuses:
        found["enum"] = [status.value for status in collection.statuses]
    return found


def _length(field: Field, column: Column) -> JSONSchema:
    text = column.length or ""
    fits = field.type in _TEXTS and column.kind is Kind.TEXT and text.isdecimal()
    return {"maxLength": int(text)} if fits else {}


def _of_kind(kind: Kind) -> JSONSchema:
    match kind:
        case Kind.INTEGER:
            return {"type": "integer"}
        case Kind.UUID:
            return {"type": "string", "format": "uuid"}
        case _:
            return {"type": "string"}


def _key(world: World, relation: Relation) -> JSONSchema:
    return key_value(world.schema.collections[relation.collection_one])


def _list(field: Field, world: World, derived: str) -> JSONSchema | None:
    relation = world.schema.one_to_many.get((field.collection, field.name))
    if field.type not in TO_MANY or relation is None:
        return None
    many = world.schema.collections[relation.collection_many]
    member = _either(key_value(many), world.reference(many.name, derived))
    return {"type": "array", "items": member}


def _either(key: JSONSchema, item: JSONSchema) -> JSONSchema:
    return {"oneOf": [key, item]}


def _nullable(value: JSONSchema) -> JSONSchema:
    if "oneOf" in value:
        return {**value, "oneOf": [*value["oneOf"], {"type": "null"}]}
    if "type" not in value:
        return value
    types = value["type"] if isinstance(value["type"], list) else [value["type"]]
    found = {**value, "type": [*types, "null"]}
    if "enum" in value:
        found["enum"] = [*value["enum"], None]
    return found


def _server_set(value: JSONSchema, field: Field, column: Column) -> JSONSchema:
    set_by_server = column.generated or column.auto_increment or field.type in SET_BY_SERVER
    return {**value, "readOnly": True} if set_by_server else value


def _described(value: JSONSchema | None, field: Field) -> JSONSchema | None:
    if value is None or not field.note:
        return value
    return {**value, "description": field.note}
