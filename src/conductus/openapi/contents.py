"""Contents of files, by their addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from conductus.openapi.operations import Operation
from conductus.openapi.parameters import path_parameter, query_parameter

FITS: Final = ("crop", "contain")
FORMATS: Final = ("jpg", "png", "gif", "webp", "tif", "avif")
_SIDE: Final = {"type": "integer", "minimum": 1}
_BYTES: Final = {"*/*": {"schema": {"type": "string", "format": "binary"}}}


def content_operations() -> Iterable[Operation]:
    """Every operation of this section."""
    yield Operation(
        method="get",
        path="/assets/{hash}",
        id="assets.read",
        tag="assets",
        summary="A file, or a picture made of it",
        description="Without parameters the file itself. `key` names a picture that is listed "
        "in the settings; where the project's list is empty, all of `w`, `h`, `f` and `q` make "
        "any other.",
        parameters=(
            path_parameter("hash", "The file's `private_hash`, or its name if it is called so."),
            query_parameter("key", {"type": "string"}, "A picture that is listed."),
            query_parameter("w", _SIDE, "Width in pixels."),
            query_parameter("h", _SIDE, "Height in pixels."),
            query_parameter("f", {"enum": list(FITS)}, "Fill the size, or fit into it."),
            query_parameter(
                "q", {"type": "integer", "minimum": 1, "maximum": 100}, "Quality of compression."
            ),
            query_parameter("format", {"enum": list(FORMATS)}, "Another format than the file's."),
        ),
        answers={
            "200": {"description": "The content", "content": _BYTES},
            "206": {"description": "The part that `Range` asks for", "content": _BYTES},
            "304": {"description": "You have it already"},
            "412": {"description": "It is not what you asked about"},
            "416": {"description": "It has no such part"},
        },
        errors=(401, 404, 422, 429, 503),
        public=True,
    )
