"""Files: what their section has besides what every collection has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi import items
from conductus.openapi.components import UPDATE
from conductus.openapi.envelope import json_content
from conductus.openapi.operations import WRITING, Operation
from conductus.openapi.parameters import WRITE, path_parameter, references
from conductus.openapi.values import JSONSchema, World

FILES: Final = "directus_files"
SECTION: Final = "files"
_BYTES: Final[JSONSchema] = {"type": "string", "format": "binary"}
_DATA: Final[JSONSchema] = {
    "type": "string",
    "description": "Base64, a `data:` URI, or an http(s) address from which it is fetched.",
}


def file_operations(key: str, world: World) -> Iterable[Operation]:
    """Every operation of files in the project of that key."""
    collection = world.schema.collections.get(FILES)
    if collection is None:
        return
    place = items.section_place(SECTION, collection, world)
    yield from items.reading(place, collection)
    yield from items.revisions(place, collection, world)
    yield from items.reverting(place, collection)
    yield from _writing(place, world)
    yield _original(key)


def _writing(place: items.Place, world: World) -> Iterable[Operation]:
    for operation in items.writing(place, world.schema.collections[FILES]):
        match operation.method, operation.path:
            case "post", _:
                yield _with_content(
                    operation, "Upload a file", "Needs `filename_download`.", world, required=True
                )
            case "patch", path if path.endswith("}"):
                yield _with_content(
                    operation,
                    operation.summary,
                    "With `data` the content of one file is replaced; its addresses stay.",
                    world,
                    required=False,
                )
            case _:
                yield operation


def _with_content(
    operation: Operation, summary: str, description: str, world: World, *, required: bool
) -> Operation:
    """The operation with a body that may hold content."""
    columns = world.reference(FILES, UPDATE)
    stated: JSONSchema = {"type": "object", "properties": {"data": _DATA}}
    form: JSONSchema = {"type": "object", "properties": {"file": _BYTES}}
    if required:
        stated["required"], form["required"] = ["data"], ["file"]
    content: dict[str, Any] = {
        **json_content({"allOf": [columns, stated]}),
        "multipart/form-data": {"schema": {"allOf": [columns, form]}},
    }
    return Operation(
        method=operation.method,
        path=operation.path,
        id=operation.id,
        tag=operation.tag,
        summary=summary,
        description=description,
        parameters=(*references(("id",) if not required else ()), *references(WRITE)),
        body={"required": True, "content": content},
        answers=operation.answers,
        errors=(*WRITING, 500, 503),
    )


def _original(key: str) -> Operation:
    content = {"description": "The content", "content": {"*/*": {"schema": _BYTES}}}
    return Operation(
        method="get",
        path=f"/uploads/{key}/originals/{{name}}",
        id="files.original",
        tag=SECTION,
        summary="Read the content of a file",
        description="Ranges and conditional requests are answered.",
        parameters=(path_parameter("name", "The file's `filename_disk`."),),
        answers={"200": content, "206": content, "304": {"description": "As it was"}},
        errors=(404, 503),
        at_root=True,
    )
