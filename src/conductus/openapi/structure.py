"""The sections that change the schema itself: collections and fields. Source: schema page §2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.components import one_or_many
from conductus.openapi.envelope import answer, json_content
from conductus.openapi.operations import WRITING, Operation, done
from conductus.openapi.parameters import flag, path_parameter, references
from conductus.openapi.values import JSONSchema
from conductus.schema.types import FIELD_TYPES

_TEXT: Final[JSONSchema] = {"type": ["string", "null"]}
_BOOLEAN: Final[JSONSchema] = {"type": "boolean"}
_NUMBER: Final[JSONSchema] = {"type": ["integer", "null"]}
_COLLECTION: Final[JSONSchema] = {"$ref": "#/components/schemas/Collection"}
_FIELD: Final[JSONSchema] = {"$ref": "#/components/schemas/Field"}
_SHAPE: Final = ("fields", "meta")


def schemas() -> dict[str, JSONSchema]:
    """What collections and fields are told as."""
    metadata = {
        "collection": {"type": "string"},
        **dict.fromkeys(("managed", "hidden", "single"), _BOOLEAN),
        **dict.fromkeys(("icon", "note"), _TEXT),
        "translation": {},
    }
    by_name = {"type": "object", "additionalProperties": _FIELD}
    listed = {"type": "array", "items": _FIELD}
    return {
        "Collection": _object({**metadata, "fields": by_name}),
        "Collection.body": _object({**metadata, "fields": listed}),
        "Field": _object(_field()),
    }


def structure_operations() -> Iterable[Operation]:
    """Every operation of these sections."""
    yield from _collections()
    yield from _fields()


def _collections() -> Iterable[Operation]:
    section, path = "collections", "/collections"
    name = path_parameter("collection", "A name, or several with commas between them.")
    body = _body({"$ref": "#/components/schemas/Collection.body"})
    found = _found(_COLLECTION)
    yield _operation("get", path, section, "list", "List collections", (), found)
    yield _operation("post", path, section, "create", "Create a collection", (), found, body)
    one = f"{path}/{{collection}}"
    yield _operation("get", one, section, "read", "Read a collection", (name,), found)
    yield _operation("patch", one, section, "update", "Change a collection", (name,), found, body)
    gone = "Drop a collection with its items"
    yield _operation("delete", one, section, "delete", gone, (name,), done())


def _fields() -> Iterable[Operation]:
    section, path = "fields", "/fields"
    collection = path_parameter("collection", "Name of the collection.")
    name = path_parameter("field", "A name, or several with commas between them.")
    force = flag("force", "Drops a column that holds data.")
    junction = flag("delete_junction", "Drops the junction of a many-to-many field too.")
    found, body = _found(_FIELD), _body(_FIELD)
    several = _body({"type": "array", "items": _FIELD, "minItems": 1})
    all_of_them = (*references(("limit", "sort")),)
    yield _operation("get", path, section, "list", "List every field", all_of_them, found)
    of, one = f"{path}/{{collection}}", f"{path}/{{collection}}/{{field}}"
    sort = (collection, *references(("sort",)))
    yield _operation("get", of, section, "of", "List the fields of a collection", sort, found)
    yield _operation("post", of, section, "create", "Add a field", (collection,), found, body)
    many = "Change several fields, each in its own way"
    yield _operation("patch", of, section, "update.many", many, (collection, force), found, several)
    keyed = (collection, name)
    yield _operation("get", one, section, "read", "Read a field", keyed, found)
    changing = (collection, name, force)
    yield _operation("patch", one, section, "update", "Change a field", changing, found, body)
    dropping = (collection, name, junction)
    yield _operation("delete", one, section, "delete", "Drop a field", dropping, done())


def _operation(
    method: str,
    path: str,
    section: str,
    name: str,
    summary: str,
    parameters: tuple[dict[str, Any], ...],
    answers: dict[str, Any],
    body: dict[str, Any] | None = None,
) -> Operation:
    shaped = () if method == "delete" else (*references(_SHAPE),)
    facts: dict[str, Any] = {} if method == "get" else {"errors": WRITING}
    return Operation(
        method=method,
        path=path,
        id=f"{section}.{name}",
        tag=section,
        summary=summary,
        parameters=(*parameters, *shaped),
        body=body,
        answers=answers,
        **facts,
    )


def _found(item: JSONSchema) -> dict[str, Any]:
    return {"200": answer("One, or a list", one_or_many(item))}


def _body(schema: JSONSchema) -> dict[str, Any]:
    return {"required": True, "content": json_content(schema)}


def _object(properties: dict[str, JSONSchema]) -> JSONSchema:
    return {"type": "object", "properties": properties}


def _field() -> dict[str, JSONSchema]:
    flags = (
        *("unique", "primary_key", "auto_increment", "signed", "hidden_detail", "hidden_browse"),
        *("required", "locked", "readonly"),
    )
    widths = ["half", "half-left", "half-right", "half-space", "full", "fill", None]
    return {
        "id": {**_NUMBER, "readOnly": True},
        "collection": {"type": "string"},
        "field": {"type": "string"},
        "type": {"type": "string", "enum": sorted(FIELD_TYPES)},
        "datatype": _TEXT,
        "length": {"type": ["string", "integer", "null"]},
        "default_value": {},
        **dict.fromkeys(flags, _BOOLEAN),
        **dict.fromkeys(("interface", "note", "validation"), _TEXT),
        **dict.fromkeys(("sort", "group"), _NUMBER),
        "width": {"type": ["string", "null"], "enum": widths},
        "options": {"type": ["object", "null"]},
        "translation": {},
    }
