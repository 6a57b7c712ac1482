"""GraphQL: one address for all that it asks. Source: GraphQL page §2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.envelope import json_content
from conductus.openapi.operations import Operation, object_body
from conductus.openapi.parameters import path_parameter
from conductus.openapi.values import JSONSchema

_TEXT: Final[JSONSchema] = {"type": "string"}
_OBJECT: Final[JSONSchema] = {"type": ["object", "null"]}
_PROBLEM: Final[JSONSchema] = {
    "type": "object",
    "properties": {
        "message": _TEXT,
        "path": {"type": "array", "items": {"type": ["string", "integer"]}},
        "extensions": {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "http": {"type": "integer"}},
        },
    },
}
_RESULT: Final[JSONSchema] = {
    "type": "object",
    "properties": {"data": _OBJECT, "errors": {"type": "array", "items": _PROBLEM}},
}
_PARTS: Final[dict[str, JSONSchema]] = {
    "query": _TEXT,
    "operationName": {"type": ["string", "null"]},
    "variables": _OBJECT,
    "extensions": _OBJECT,
}


def graphql_operations() -> Iterable[Operation]:
    """Asking by a body, and by parameters."""
    yield Operation(
        method="post",
        path="/gql",
        id="graphql.ask",
        tag="GraphQL",
        summary="Ask for items, or change them, by GraphQL",
        description="What there is to ask hangs on who asks: the schema describes itself.",
        body=object_body(_PARTS),
        answers=_answers(),
        errors=(401, 413),
        public=True,
    )
    yield Operation(
        method="get",
        path="/gql",
        id="graphql.query",
        tag="GraphQL",
        summary="Ask for items by GraphQL; browsers get a page to try it on",
        description="`variables` and `extensions` are JSON.",
        parameters=tuple({"name": name, "in": "query", "schema": _TEXT} for name in _PARTS),
        answers=_answers(),
        errors=(401,),
        public=True,
    )
    yield Operation(
        method="get",
        path="/gql/{file}",
        id="graphql.file",
        tag="GraphQL",
        summary="A file that the page needs",
        parameters=(path_parameter("file", "Name of the file."),),
        answers={"200": {"description": "The file", "content": {"*/*": {}}}},
        errors=(404,),
        public=True,
    )


def _answers() -> dict[str, Any]:
    said = "The result, in which `errors` tell what went wrong"
    refused = "A request that makes no sense"
    content = json_content(_RESULT)
    return {
        "200": {"description": said, "content": content},
        "400": {"description": refused, "content": content},
    }
