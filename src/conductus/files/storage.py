"""Where the contents of files are kept, in our own words.

A storage holds objects by key. What an implementation raises is an `ApiError`:
`ContentMissing` for a key without an object, `StorageUnreachable`, `StorageFull`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from conductus.errors import ContentMissing

# Segments that are none, what no path may hold, and names of unfinished files on a disk.
_IMPOSSIBLE: Final = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|\0|#\d+$")


def check_key(key: str) -> None:
    """Raises `ContentMissing` for what no object is kept under."""
    if _IMPOSSIBLE.search(key):
        raise ContentMissing


class Stored(Struct, frozen=True):
    """What is known of an object."""

    key: str
    size: int
    modified: datetime
    """UTC."""
    etag: str
    """In its quotes; changes with the content."""


class Content(Struct, frozen=True):
    """An object that is being read; close `chunks` when not all of it is taken."""

    stored: Stored
    chunks: AsyncGenerator[bytes, None]


class Storage(Protocol):
    """Keeps objects. Every wait has an end."""

    async def put(self, key: str, chunks: AsyncIterator[bytes], media_type: str) -> None:
        """Keeps what the chunks make up, in the place of what was there.

        Nothing of it is there before all of it is, nor when the chunks end in an error.
        """
        ...

    async def get(self, key: str, span: tuple[int, int] | None = None) -> Content:
        """An object, or the bytes of `span`: the first one and the one after the last."""
        ...

    async def head(self, key: str) -> Stored:
        """What is known of an object."""
        ...

    async def delete(self, key: str) -> None:
        """Removes an object; nothing happens where there is none."""
        ...

    async def reserve(self, key: str) -> bool:
        """Puts an empty object where there is none; False where there is one already.

        Of several who reserve a key at once, one gets it.
        """
        ...

    async def copy(self, key: str, to: str) -> None:
        """Keeps an object under another key as well, in the place of what was there.

        What is there then was modified now.
        """
        ...

    async def rename(self, key: str, to: str) -> None:
        """Keeps an object under another key, in the place of what was there."""
        ...

    def listed(self, prefix: str = "") -> AsyncGenerator[Stored, None]:
        """Every object below a prefix, which is whole segments of keys; in no order."""
        ...

    def unfinished(self) -> AsyncGenerator[Stored, None]:
        """What is being put now, and what a `put` left whose process was killed.

        Empty where the storage does not show it. Their keys are none of objects.
        """
        ...

    async def discard(self, unfinished: Stored) -> None:
        """Removes what `unfinished` gave."""
        ...


class ProjectStorage(Struct, frozen=True):
    """The two storages of a project."""

    originals: Storage
    """What was uploaded, by `filename_disk`."""
    generated: Storage
    """What was made of it, as `w64,h64,fcrop,q80/<filename_disk>`; can be made again."""
