"""Contents of files as responses: whole, in part, or not again.

What a user uploaded is never believed to be harmless: a browser shows it only where it
runs nothing of it, and never guesses its type.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Final, assert_never
from urllib.parse import quote

from msgspec import Struct

from conductus.files.showing import is_shown_inline, plain_type
from conductus.files.storage import Storage, Stored
from conductus.http.call import Request
from conductus.http.conditions import (
    Beyond,
    Content,
    Differs,
    NotModified,
    Part,
    Whole,
    http_date,
    needs_facts,
    outcome,
)
from conductus.http.reply import Headers, Reply, StreamReply

_KEPT_IN_NAMES: Final = "!#$&+-.^_`|~"
"""What RFC 8187 lets stand as it is."""


class Shown(Struct, frozen=True, kw_only=True):
    """How an object is presented."""

    type: str | None
    """What the file says it is."""
    name: str
    """What a client would save it as."""
    cache: str
    """`Cache-Control`."""


async def content_reply(
    request: Request, storage: Storage, key: str, shown: Shown
) -> Reply | StreamReply:
    """An object of a storage, as far as the request asks for it.

    Raises `ContentMissing`, `StorageUnreachable`.
    """
    if request.method == "HEAD" or needs_facts(request.headers):
        stored = await storage.head(key)
        facts = Content(size=stored.size, etag=stored.etag, modified=stored.modified)
        found = outcome(request.method, request.headers, facts)
    else:
        stored, found = None, Whole()
    match found:
        case NotModified():
            return Reply(b"", 304, _validators(_known(stored), shown))
        case Differs():
            return Reply(b"", 412, ())
        case Beyond():
            size = f"bytes */{_known(stored).size}".encode()
            return Reply(b"", 416, ((b"content-range", size),))
        case Part(first, end):
            return await _part(storage, key, shown, first, end)
        case Whole() if request.method == "HEAD":
            told = _known(stored)
            return StreamReply(_nothing(), 200, _headers(told, shown, told.size))
        case Whole():
            content = await storage.get(key)
            size_ = content.stored.size
            return StreamReply(content.chunks, 200, _headers(content.stored, shown, size_))
        case _:
            assert_never(found)


def disposition(name: str, type: str | None) -> str:
    """`Content-Disposition` (RFC 6266): shown or saved, and under which name."""
    kind = "inline" if is_shown_inline(type) else "attachment"
    # Also a path has an end that could be a name; what ends lines has no place here.
    plain = re.sub(r"[\x00-\x1f\x7f]", "", name).replace("\\", "/").rpartition("/")[2]
    plain = plain.encode("utf-8", "replace").decode()
    if not plain:
        return kind
    old = re.sub(r'[^ -~]|["%]', "_", plain)
    if old == plain:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{old}\"; filename*=UTF-8''{quote(plain, safe=_KEPT_IN_NAMES)}"


async def _part(
    storage: Storage, key: str, shown: Shown, first: int, end: int
) -> Reply | StreamReply:
    content = await storage.get(key, (first, end))
    span = f"bytes {first}-{end - 1}/{content.stored.size}".encode()
    headers = _headers(content.stored, shown, end - first)
    return StreamReply(content.chunks, 206, (*headers, (b"content-range", span)))


def _headers(stored: Stored, shown: Shown, size: int) -> Headers:
    kind = plain_type(shown.type)
    sandbox = () if is_shown_inline(kind) else ((b"content-security-policy", b"sandbox"),)
    return (
        (b"content-type", kind.encode()),
        (b"content-length", str(size).encode()),
        (b"content-disposition", disposition(shown.name, kind).encode("latin-1")),
        (b"accept-ranges", b"bytes"),
        *_validators(stored, shown),
        *sandbox,
    )


def _validators(stored: Stored, shown: Shown) -> Headers:
    return (
        (b"etag", stored.etag.encode("latin-1")),
        (b"last-modified", http_date(stored.modified).encode()),
        (b"cache-control", shown.cache.encode()),
    )


def _known(stored: Stored | None) -> Stored:
    if stored is None:
        raise RuntimeError("A condition was held against nothing")
    return stored


async def _nothing() -> AsyncGenerator[bytes, None]:
    yield b""
