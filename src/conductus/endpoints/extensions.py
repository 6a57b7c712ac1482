"""Extensions of the browser app. Source: extensions page §1."""

from __future__ import annotations

import asyncio
from functools import partial
from hashlib import sha256
from typing import Any

from conductus.errors import MethodNotAllowed, RouteNotFound, Unauthorized
from conductus.extensions.statics import KINDS, PLACE, Statics
from conductus.http.call import Call, decoded
from conductus.http.envelope import envelope
from conductus.http.exchange import Exchange
from conductus.http.reply import Headers, Reply
from conductus.http.routing import Route


class Extensions:
    """Lists them, and serves their files."""

    def __init__(self, statics: Statics) -> None:
        self._statics = statics

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they are listed."""
        return tuple(Route("GET", kind, partial(self._listed, kind)) for kind in KINDS)

    async def _listed(self, kind: str, call: Call) -> Reply:
        if call.public:
            raise Unauthorized
        return envelope(await asyncio.to_thread(self._statics.listed, kind), public=False)

    async def file(self, exchange: Exchange) -> Reply:
        """A file below `/extensions/custom/`. Raises `RouteNotFound`, `MethodNotAllowed`."""
        if exchange.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(exchange.method, "GET, HEAD, OPTIONS")
        _, place, *parts = [decoded(segment) for segment in exchange.segments] + [""]
        if place != PLACE:
            raise RouteNotFound("/".join(exchange.segments))
        found = await asyncio.to_thread(self._statics.file, parts[:-1])
        etag = f'"{sha256(found.content).hexdigest()[:32]}"'.encode()
        headers: Headers = (
            (b"content-type", found.type.encode()),
            (b"etag", etag),
            (b"cache-control", b"no-cache"),
            (b"x-content-type-options", b"nosniff"),
        )
        if exchange.headers.get(b"if-none-match") == etag:
            return Reply(b"", 304, headers)
        return Reply(found.content, 200, headers)
