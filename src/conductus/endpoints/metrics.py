"""What the server counted. Source: projects page §1."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Final

from conductus.errors import RouteNotFound, Unauthorized
from conductus.http.call import ServerCall
from conductus.http.reply import Headers, Reply
from conductus.http.routing import Route
from conductus.projects.registry import Registry

_PREFIX: Final = b"bearer "
_HEADERS: Final[Headers] = (
    (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
    (b"cache-control", b"no-store"),
)
Told = Callable[[], bytes]
Waiting = Callable[[Registry], Awaitable[bytes]]


class Counted:
    """The endpoint. Without a token nothing is counted, and there is no such path."""

    def __init__(self, token: str, told: Told | None, waiting: Waiting | None) -> None:
        self._token = token.encode()
        self._told = told
        self._waiting = waiting

    def routes(self) -> tuple[Route[Any], ...]:
        """Where it answers."""
        return (Route("GET", "metrics", self.metrics),)

    async def metrics(self, call: ServerCall) -> Reply:
        """Everything, for whoever shows the token. Raises `Unauthorized` (3/401)."""
        if self._told is None or self._waiting is None:
            raise RouteNotFound("server/metrics")
        shown = call.headers.get(b"authorization", b"")
        token = shown[len(_PREFIX) :] if shown.lower().startswith(_PREFIX) else b""
        if not hmac.compare_digest(token.strip(), self._token):
            raise Unauthorized("Show the token of `metrics.token`")
        counted = await asyncio.to_thread(self._told)
        return Reply(counted + await self._waiting(call.registry), 200, _HEADERS)
