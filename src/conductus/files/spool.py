"""Content on its way in: kept in a file without a name until all of it is here.

It is gone with whoever holds it, also when the server dies.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from conductus.errors import StorageFull, UploadTooLarge

PIECE: Final = 1024 * 1024
"""Bytes that are written, read and hashed at a time, off the event loop."""


class Spool:
    """Takes content in, then hands it out."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.file = file
        """Read by who looks into the content, one at a time and in a thread."""
        self.most = most
        self.size = 0
        self._waiting = bytearray()
        # A checksum that clients know, and no secret.
        self._digest = hashlib.md5(usedforsecurity=False)

    @property
    def checksum(self) -> str:
        """MD5 of what was taken in, in hexadecimal digits."""
        return self._digest.hexdigest()

    async def write(self, chunk: bytes) -> None:
        """Takes in a part. Raises `UploadTooLarge`, `StorageFull`."""
        self.size += len(chunk)
        if self.size > self.most:
            raise UploadTooLarge(self.most)
        self._waiting += chunk
        if len(self._waiting) >= PIECE:
            await self.finish()

    def clear(self) -> None:
        """Forgets what was taken in."""
        self.size = 0
        self._waiting = bytearray()
        self._digest = hashlib.md5(usedforsecurity=False)
        self.file.seek(0)
        self.file.truncate()

    async def finish(self) -> None:
        """Puts down what waits to be written."""
        piece, self._waiting = bytes(self._waiting), bytearray()
        with _room():
            await asyncio.to_thread(self._put_down, piece)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """All of it."""
        await asyncio.to_thread(self.file.seek, 0)
        while piece := await asyncio.to_thread(self.file.read, PIECE):
            yield piece

    def _put_down(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.file.write(piece)
        self.file.flush()


@asynccontextmanager
async def spool(folder: Path, most: int) -> AsyncIterator[Spool]:
    """A spool of at most so many bytes."""
    with _room():
        file = await asyncio.to_thread(_file, folder)
    with file:
        yield Spool(file, most)


def _file(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    # SIM115: whoever made the spool closes it.
    return tempfile.TemporaryFile(dir=folder)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFull from error
