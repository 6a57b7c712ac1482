"""Exports and imports. Source: projects page §2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.operations import WRITING, Operation, object_body, told
from conductus.openapi.parameters import LIST, flag, query_parameter, references
from conductus.openapi.values import JSONSchema

_TEXT: Final[JSONSchema] = {"type": "string"}
_NUMBER: Final[JSONSchema] = {"type": "integer"}
_BYTES: Final[JSONSchema] = {"type": "string", "format": "binary"}
_FORMAT: Final[JSONSchema] = {"enum": ["json", "csv", "parquet"]}
_TYPES: Final = ("application/json", "text/csv", "application/vnd.apache.parquet")
_SHEET: Final[dict[str, JSONSchema]] = {
    "collection": _TEXT,
    "format": {**_FORMAT, "default": "json"},
    "filename": _TEXT,
    "delimiter": {"enum": [",", ";", "\t"], "default": ",", "description": "Of `csv`."},
    "bom": {"type": "boolean", "default": False, "description": "A mark for spreadsheets."},
}
_IMPORT: Final[dict[str, JSONSchema]] = {
    "collection": _TEXT,
    "format": {**_FORMAT, "description": "Else as the file's name ends, or by its type."},
    "mode": {"enum": ["create", "update", "upsert"], "default": "create"},
    "key": {**_TEXT, "description": "Field by which items are found, instead of their key."},
}


def transfer_operations() -> Iterable[Operation]:
    """Every operation of this section."""
    listing: dict[str, JSONSchema] = {
        name: {"description": "As of a list; an object where the list has brackets."}
        for name in LIST
    }
    yield Operation(
        method="post",
        path="/utils/export",
        id="utils.export",
        tag="utils",
        summary="Get the items of a collection as a file",
        description="What a list may be asked may be asked here, in the body or in the query "
        "string. Without `limit` all items come.",
        parameters=(
            *(query_parameter(name, schema, "") for name, schema in _SHEET.items()),
            *references(LIST),
        ),
        body={**object_body({**_SHEET, **listing}), "required": False},
        answers={
            "200": {
                "description": "The file",
                "content": {kind: {"schema": _BYTES} for kind in _TYPES},
            }
        },
        errors=(400, 401, 403, 404, 422, 429),
    )
    yield Operation(
        method="post",
        path="/utils/import",
        id="utils.import",
        tag="utils",
        summary="Create and change items as a file says",
        description="All of it or nothing. A body that is the file, or a form with it; what the "
        "query string states may stand in the form. What is wrong is told line by line in "
        "`details.errors`.",
        parameters=(
            *(query_parameter(name, schema, "") for name, schema in _IMPORT.items()),
            flag("dry_run", "Looks at the file and writes nothing."),
            *references(("comment", "activity_skip")),
        ),
        body=_file(),
        answers=told(
            "How many items were created and changed",
            {"type": "object", "properties": dict.fromkeys(("created", "updated"), _NUMBER)},
        ),
        errors=(*WRITING, 429),
    )


def _file() -> dict[str, Any]:
    form = {
        "type": "object",
        "properties": {**_IMPORT, "dry_run": {"enum": ["0", "1"]}, "file": _BYTES},
        "required": ["file"],
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    content |= {kind: {"schema": _BYTES} for kind in _TYPES[1:]}
    content["application/json"] = {"schema": {"type": "array", "items": {"type": "object"}}}
    return {"required": True, "content": content}
