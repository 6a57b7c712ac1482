"""What of a file follows from its content, and is written with it alone. Pure.

Rows of files come and go with what is in the storage, so nothing makes or removes them, nor
points one at another content, but who keeps both: `files.uploads`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from conductus.errors import Unprocessable, ValidationFailed
from conductus.items.changes import Create, Delete, Item, Update
from conductus.items.steps import Step
from conductus.permissions.writing import Action

FILES: Final = "directus_files"
OF_CONTENT: Final = frozenset(
    {
        *("storage", "filename_disk", "type", "charset", "filesize", "checksum", "embed"),
        *("width", "height", "duration", "uploaded_on"),
    }
)
"""Columns that no request writes: they say what the content is and where."""
_ELSEWHERE: Final = "Files are uploaded and removed under /files"
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{8,16}")


def payload(body: Item, content: Mapping[str, Any] | None, action: Action) -> Item:
    """A file's columns as they are written.

    What is said of the content is passed over, unless the content comes along; what the
    content suggests (`title`) is written where nothing is given.
    """
    if content is None and action is Action.CREATE:
        raise Unprocessable(_ELSEWHERE)
    secret = body.get("private_hash", "")
    if "private_hash" in body and not (isinstance(secret, str) and _HASH.fullmatch(secret)):
        raise ValidationFailed({"private_hash": "Takes 8 to 16 letters, digits, '_' and '-'"})
    given = {name: value for name, value in body.items() if name not in OF_CONTENT}
    known = content or {}
    return given | {
        name: value for name, value in known.items() if name in OF_CONTENT or name not in given
    }


def judge(steps: Sequence[Step], content: Mapping[str, Any] | None) -> None:
    """Raises `Unprocessable` for files that come or go without their content."""
    if content is not None:
        return
    for step in steps:
        if step.collection.name == FILES and _comes_or_goes(step):
            raise Unprocessable(_ELSEWHERE).at(step.index)


def _comes_or_goes(step: Step) -> bool:
    match step.change:
        case Create() | Delete():
            return True
        case Update():
            return step.before is None
