"""Collections and fields as the API presents them. Pure.

Every key is always there. Source: schema page of the API reference, §2.1 and §2.2.
"""

from __future__ import annotations

from typing import Any

from conductus.schema.model import Collection, Column, Field
from conductus.schema.types import type_of

Object = dict[str, Any]


def collection_object(collection: Collection) -> Object:
    """A collection with its fields by name."""
    fields = {field.name: field_object(field) for field in collection.fields.values()}
    return collection_metadata(collection) | {"fields": fields}


def collection_metadata(collection: Collection) -> Object:
    """A collection without its fields, as a POST answers it."""
    return {
        "collection": collection.name,
        "managed": collection.managed,
        "hidden": collection.hidden,
        "single": collection.single,
        "icon": collection.icon,
        "note": collection.note,
        "translation": collection.translation,
    }


def field_object(field: Field) -> Object:
    """A field: what the database says of its column, and what the metadata says."""
    column = field.column
    return {
        "id": field.id,
        "collection": field.collection,
        "field": field.name,
        "datatype": column.datatype if column else None,
        "unique": column is not None and column.unique,
        "primary_key": column is not None and column.primary_key,
        "auto_increment": column is not None and column.auto_increment,
        "default_value": _default(field, column),
        "note": field.note,
        "signed": column is None or column.signed,
        "type": field.type,
        "sort": field.sort,
        "interface": field.interface,
        "hidden_detail": field.hidden_detail,
        "hidden_browse": field.hidden_browse,
        "required": _required(field, column),
        "options": field.options,
        "locked": field.locked,
        "translation": field.translation,
        "readonly": field.readonly,
        "width": field.width,
        "validation": field.validation,
        "group": field.group,
        "length": column.length if column else None,
    }


def _required(field: Field, column: Column | None) -> bool:
    if column is None:
        return field.required
    return column.primary_key or not column.nullable


def _default(field: Field, column: Column | None) -> Any:
    if column is None or column.default is None:
        return None
    present = type_of(field).presenter(column.kind)
    return present(column.default) if present else column.default
