"""What an endpoint answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec
from msgspec import Struct

Headers = tuple[tuple[bytes, bytes], ...]
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")
ONLY_JSON: Headers = (JSON_TYPE,)
encode = msgspec.json.Encoder(decimal_format="string").encode


class Reply(Struct, frozen=True):
    """A whole response."""

    body: bytes = b""
    status: int = 200
    headers: Headers = ONLY_JSON


class StreamReply(Struct, frozen=True):
    """A response whose body is made while it is sent.

    `chunks` is closed when the client hangs up, which stops what feeds it.
    """

    chunks: AsyncGenerator[bytes, None]
    status: int = 200
    headers: Headers = ONLY_JSON
    gone: Callable[[], None] | None = None
    """Called when the client hangs up, for what waits before its next chunk."""


def json_reply(value: Any, status: int = 200, headers: Headers = ()) -> Reply:
    """Any value as a JSON document."""
    return Reply(encode(value), status, (JSON_TYPE, *headers) if headers else ONLY_JSON)


def text_reply(text: str, content_type: str = "text/plain; charset=utf-8") -> Reply:
    """A text."""
    return Reply(text.encode(), 200, ((b"content-type", content_type.encode()),))


def redirect(location: str) -> Reply:
    """Sends the client elsewhere."""
    return Reply(b"", 302, ((b"location", location.encode()),))


NO_CONTENT = Reply(b"", 204, ())
