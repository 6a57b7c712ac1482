"""Documents as bytes, kept as long as the schema that they were made of is the current one."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec
from msgspec import Struct

from conductus.openapi.document import document, public_document
from conductus.schema.model import Schema

MOST_BYTES: Final = 32 * 1024 * 1024


class _Entry(Struct, frozen=True):
    schema: Schema
    content: bytes


class Documents:
    """The latest document of each project, within a bound on all of them together."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def find(self, key: str, schema: Schema) -> bytes | None:
        """The whole document of this schema, when it is still there."""
        entry = self._entries.get(key)
        if entry is None or entry.schema is not schema:
            return None
        self._entries.move_to_end(key)
        return entry.content

    def keep(self, key: str, schema: Schema, content: bytes) -> None:
        """Keeps a document, in place of those that were not asked for the longest."""
        known = self._entries.pop(key, None)
        if known is not None:
            self._size -= len(known.content)
        if len(content) > self._most:
            return
        self._entries[key] = _Entry(schema, content)
        self._size += len(content)
        while self._size > self._most:
            _, oldest = self._entries.popitem(last=False)
            self._size -= len(oldest.content)


def whole(schema: Schema, key: str) -> bytes:
    """Everything, for administrators; addresses relative to the document's own."""
    return msgspec.json.encode(document(schema, key, ""))


def public(key: str) -> bytes:
    """What everybody may know; addresses relative to the document's own."""
    return msgspec.json.encode(public_document(key, ""))
