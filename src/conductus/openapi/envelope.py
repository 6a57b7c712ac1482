"""What every answer has in common: the envelope, the errors, their codes by status."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from conductus import errors
from conductus.errors import ApiError
from conductus.openapi.values import JSONSchema

_WORDS: Final = re.compile(r"(?<!^)(?=[A-Z])")
_SCHEMAS: Final = "#/components/schemas"
_KINDS: Final[list[type[ApiError]]] = [
    kind for name in errors.__all__ if (kind := getattr(errors, name)) is not ApiError
]
"""The documented errors: extensions may have errors of their own."""


def schemas() -> dict[str, JSONSchema]:
    """The schemas that belong to no collection."""
    return {"Envelope": _envelope(), "Error": _error(), "Meta": _meta(), "Warning": _warning()}


def responses() -> dict[str, Any]:
    """One response for each status that an error can have, and one for all of them."""
    by_status: defaultdict[int, set[tuple[int, str]]] = defaultdict(set)
    for kind in _KINDS:
        by_status[kind.status].add((kind.code, _words(kind)))
    found = {
        error_name(status): _refusal(
            "\n".join(f"- `{code}` {text}" for code, text in sorted(kinds))
        )
        for status, kinds in sorted(by_status.items())
    }
    found["Error"] = _refusal("Any other error")
    return found


def error_name(status: int) -> str:
    """The response component of a status."""
    return f"Error{status}"


def refusals(statuses: Iterable[int]) -> dict[str, Any]:
    """The errors of an operation, the unexpected ones among them."""
    named = {str(status): _response(error_name(status)) for status in statuses}
    return {**named, "default": _response("Error")}


def answer(description: str, data: JSONSchema) -> dict[str, Any]:
    """A successful response with its payload."""
    within = {"type": "object", "properties": {"data": data}}
    schema = {"allOf": [{"$ref": f"{_SCHEMAS}/Envelope"}, within]}
    return {"description": description, "content": json_content(schema)}


def json_content(schema: JSONSchema) -> dict[str, Any]:
    """A JSON document of this schema."""
    return {"application/json": {"schema": schema}}


def _response(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{name}"}


def _refusal(description: str) -> dict[str, Any]:
    content = json_content({"$ref": f"{_SCHEMAS}/Error"})
    return {"description": description, "content": content}


def _words(kind: type[ApiError]) -> str:
    return _WORDS.sub(" ", kind.__name__).lower()


def _envelope() -> JSONSchema:
    return {
        "type": "object",
        "properties": {
            "meta": {"$ref": f"{_SCHEMAS}/Meta"},
            "messages": {"type": "array", "items": {"$ref": f"{_SCHEMAS}/Warning"}},
            "public": {
                "const": True,
                "description": "There when nobody is signed in.",
            },
        },
    }


def _error() -> JSONSchema:
    codes = sorted({kind.code for kind in _KINDS})
    error = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "integer", "enum": codes, "description": "The contract."},
            "message": {"type": "string", "description": "For people; may change."},
            "request_id": {"type": "string", "description": "Names the line in the log."},
            "details": {"type": "object", "description": "`field`, `fields`, `index`, `limit`."},
        },
    }
    return {"type": "object", "required": ["error"], "properties": {"error": error}}


def _warning() -> JSONSchema:
    return {
        "type": "object",
        "description": "A relation that may not be read.",
        "properties": {
            "type": {"const": "warning"},
            "code": {"type": "integer"},
            "message": {"type": "string"},
            "fields": {"type": "array", "items": {"type": "string"}},
        },
    }


def _meta() -> JSONSchema:
    number = {"type": "integer"}
    link = {"type": ["string", "null"]}
    links = ("self", "current", "next", "previous", "first", "last")
    figures = ("result_count", "total_count", "filter_count")
    numbers = ("limit", "offset", "page", "page_count")
    return {
        "type": "object",
        "description": "What `meta` asked for.",
        "properties": {
            "collection": {"type": "string"},
            "type": {"enum": ["collection", "item"]},
            **dict.fromkeys(figures, number),
            "status_count": {"type": "object", "additionalProperties": number},
            **{name: {"type": ["integer", "null"]} for name in numbers},
            "links": {"type": "object", "properties": dict.fromkeys(links, link)},
        },
    }
