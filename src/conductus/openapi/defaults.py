"""Defaults that the database fills in, as far as JSON can tell them."""

from __future__ import annotations

from typing import Any

from conductus.openapi.values import JSONSchema
from conductus.schema.model import Field


def default_of(field: Field, value: JSONSchema) -> JSONSchema:
    """`{"default": …}` for a body's value; nothing where the schema would not allow it."""
    default = field.column.default if field.column is not None else None
    stated = value.get("type", [])
    shown = _shown(default, {stated} if isinstance(stated, str) else set(stated), value)
    if shown is None or shown not in value.get("enum", (shown,)):
        return {}
    return {"default": shown}


def _shown(default: Any, types: set[str], value: JSONSchema) -> Any:
    if "boolean" in types:
        return bool(default) if default in (0, 1) else None
    if isinstance(default, str):
        short = len(default) <= value.get("maxLength", len(default))
        # A default in a form of its own, such as a date, may be spelt as the database likes.
        return default if "string" in types and "format" not in value and short else None
    if isinstance(default, int) and {"integer", "number"} & types:
        return default if default >= value.get("minimum", default) else None
    return None
