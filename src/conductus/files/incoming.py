"""Content that comes in with a request: in the body, or fetched from where it says.

Source: files page §2.
"""

from __future__ import annotations

import asyncio
import binascii
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import httpx2
from msgspec import Struct

from conductus.errors import Unprocessable, UploadTooLarge, ValidationFailed
from conductus.files.embeds import Embed, find_embed
from conductus.files.spool import PIECE, Spool, spool
from conductus.outgoing.addresses import Allowed
from conductus.outgoing.client import AnswerTooLarge, guarded

LONGEST_SECONDS: Final = 300.0
"""How long a whole file may take to come from elsewhere."""
PREVIEW_SECONDS: Final = 5.0
_DATA_URI: Final = re.compile(r"data:(?P<type>[^,;]*)(?P<rest>[^,]*),", re.IGNORECASE)
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)


class Incoming(Struct, frozen=True):
    """Content that is here."""

    spool: Spool
    name: str | None = None
    """What it is called, where that is known."""
    embed: Embed | None = None
    """A video of another site; the content is a picture of it, or nothing."""


class Intake:
    """Takes content in."""

    def __init__(self, folder: Path, allowed: Allowed) -> None:
        """`folder` is on the disk that has room; `allowed` says what may be called."""
        self._folder = folder
        self._allowed = allowed

    @asynccontextmanager
    async def room(self, most: int) -> AsyncIterator[Spool]:
        """Where content of at most so many bytes is put, as long as it is needed."""
        async with spool(self._folder, most) as made:
            yield made

    @asynccontextmanager
    async def stated(self, data: Any, most: int) -> AsyncIterator[Incoming]:
        """What the field `data` of a body says: base64, a `data:` URI, a web address.

        Raises `ValidationFailed`, `UploadTooLarge`, `Unprocessable` for what cannot be fetched.
        """
        if not isinstance(data, str) or not data:
            raise ValidationFailed({"data": "Must be base64, a data: URI or a web address"})
        async with self.room(most) as taken:
            if _WEB.match(data):
                yield await self._fetched(data, taken)
            else:
                await _put(taken, await asyncio.to_thread(_decoded, data))
                yield Incoming(taken)

    async def _fetched(self, url: str, taken: Spool) -> Incoming:
        embed = find_embed(url)
        if embed is None:
            await self._fetch(url, taken, LONGEST_SECONDS)
            return Incoming(taken, name=_name(url))
        if embed.preview is not None:
            # A video is one also where no picture of it can be had.
            try:
                await self._fetch(embed.preview, taken, PREVIEW_SECONDS)
            except (Unprocessable, UploadTooLarge):
                taken.clear()
        return Incoming(taken, embed=embed)

    async def _fetch(self, url: str, taken: Spool, seconds: float) -> None:
        options = guarded(self._allowed, largest=taken.most) | {"follow_redirects": True}
        try:
            async with (
                asyncio.timeout(seconds),
                httpx2.AsyncClient(**options) as client,
                client.stream("GET", url) as answer,
            ):
                if answer.status_code != 200:
                    raise Unprocessable("The address of the file did not answer with a file")
                stated = answer.headers.get("content-length", "")
                if stated.isdigit() and int(stated) > taken.most:
                    raise UploadTooLarge(taken.most)
                async for chunk in answer.aiter_bytes():
                    await taken.write(chunk)
        except AnswerTooLarge as error:
            raise UploadTooLarge(taken.most) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TimeoutError) as error:
            # Not why: what is inside is nobody's business outside.
            raise Unprocessable("The address of the file could not be fetched") from error
        await taken.finish()


async def _put(taken: Spool, content: bytes) -> None:
    for start in range(0, len(content), PIECE):
        await taken.write(content[start : start + PIECE])
    await taken.finish()


def _decoded(data: str) -> bytes:
    found = _DATA_URI.match(data)
    if found is None:
        return _base64(data)
    content = data[found.end() :]
    if found["rest"].lower().endswith(";base64"):
        return _base64(unquote(content))
    return unquote_to_bytes(content)


def _base64(text: str) -> bytes:
    # Lines may be broken, and the end left out.
    plain = re.sub(r"\s+", "", text).rstrip("=")
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValidationFailed({"data": "Must be base64, a data: URI or a web address"}) from None


def _name(url: str) -> str | None:
    """What an address calls its content."""
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or None
