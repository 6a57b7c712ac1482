"""One operation of the API as a value, and how operations become the paths of a document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from conductus.openapi.envelope import answer, json_content, refusals
from conductus.openapi.values import JSONSchema

READING: Final = (401, 403, 404, 422)
"""The errors that reading can end in."""
WRITING: Final = (400, 401, 403, 404, 409, 413, 422)
"""The errors that writing can end in."""
NO_CONTENT: Final = {"description": "Done; there is nothing to say"}


class Operation(Struct, frozen=True, kw_only=True):
    """A method on a path."""

    method: str
    """In lower case."""
    path: str
    """Below the project; with `at_root`, below the server."""
    id: str
    tag: str
    summary: str
    description: str = ""
    parameters: tuple[dict[str, Any], ...] = ()
    body: dict[str, Any] | None = None
    answers: dict[str, Any]
    """Status → successful response."""
    errors: tuple[int, ...] = READING
    public: bool = False
    """Shown to whoever asks."""
    at_root: bool = False


def paths(operations: Iterable[Operation], root_url: str) -> dict[str, Any]:
    """The `paths` of a document; `root_url` is where the server itself is."""
    found: dict[str, Any] = {}
    for operation in operations:
        item = found.setdefault(operation.path, {})
        if operation.at_root:
            item["servers"] = [{"url": root_url}]
        item[operation.method] = _described(operation)
    return found


def tags(operations: Iterable[Operation]) -> list[dict[str, str]]:
    """Every tag once, in order."""
    return [{"name": name} for name in dict.fromkeys(each.tag for each in operations)]


def reference(kind: str, name: str) -> dict[str, Any]:
    """A pointer to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def told(description: str, data: JSONSchema) -> dict[str, Any]:
    """The answers of an operation that always has a payload."""
    return {"200": answer(description, data)}


def done() -> dict[str, Any]:
    """The answers of an operation without a payload: 204, or an empty 200 for nobody."""
    return {"200": answer("Done, for those who are not signed in", {}), "204": NO_CONTENT}


def object_body(properties: dict[str, JSONSchema], *required: str) -> dict[str, Any]:
    """A body that is one object."""
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"required": True, "content": json_content(schema)}


def _described(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if operation.description:
        found["description"] = operation.description
    if operation.parameters:
        found["parameters"] = list(operation.parameters)
    if operation.body is not None:
        found["requestBody"] = operation.body
    found["responses"] = {**operation.answers, **refusals(operation.errors)}
    return found
