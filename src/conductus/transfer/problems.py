"""What is wrong with a file, line by line."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterator
from typing import Any, Final

from conductus.errors import ApiError, ValidationFailed
from conductus.schema.model import Collection

MOST: Final = 100
"""Problems that are told; whoever has so many has to look at the file anyway."""


class Problems:
    """Collects them."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._entries: list[dict[str, Any]] = []

    @property
    def full(self) -> bool:
        """Whether no more of them are told."""
        return len(self._entries) >= MOST

    def add(self, line: int, error: ApiError, known: Names[str] = ()) -> set[str]:
        """Takes in what is wrong with an item, but for fields that are known to be.

        Answers the fields that are new. Raises what is not the file's fault.
        """
        if error.status >= 500:
            raise error
        found = [entry for entry in self._of(line, error) if entry.get("field") not in known]
        self._entries += found
        return {entry["field"] for entry in found if "field" in entry}

    def check(self, *, whole: bool = True) -> None:
        """Raises `ValidationFailed` (4/422) where there are any.

        `whole`: the file was looked at to its end.
        """
        if not self._entries:
            return
        told = self._entries[:MOST]
        first = told[0]
        field = f"{first['field']}: " if "field" in first else ""
        more = "" if len(self._entries) == 1 else f" (and {len(self._entries) - 1} more)"
        error = ValidationFailed(f"Line {first['line']}: {field}{first['message']}{more}")
        error.details = {"errors": told, "complete": whole and len(told) == len(self._entries)}
        raise error

    def _of(self, line: int, error: ApiError) -> Iterator[dict[str, Any]]:
        """An entry for each field; one for what is about the item."""
        fields = error.details.get("fields")
        if isinstance(fields, dict):
            for name, problem in fields.items():
                yield {"line": line, "field": name, "message": problem, "code": error.code}
            return
        name, mark, problem = error.message.partition(": ")
        stated = error.details.get("field")
        if mark and name in self._collection.fields:
            yield {"line": line, "field": name, "message": problem, "code": error.code}
        elif isinstance(stated, str):
            yield {"line": line, "field": stated, "message": error.message, "code": error.code}
        else:
            yield {"line": line, "message": error.message, "code": error.code}
