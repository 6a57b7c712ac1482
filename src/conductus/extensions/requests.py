"""A request to an endpoint of a plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from conductus.extensions.services import Services
from conductus.permissions.actor import Actor


class Content(Protocol):
    """The body of a request, bounded in size and time."""

    async def content(self) -> bytes:
        """All of it."""
        ...

    async def items(self) -> Any:
        """A JSON object or a list of them. Raises `BodyInvalid` (13/400)."""
        ...


class CustomRequest(Struct, frozen=True, kw_only=True):
    """Who asks for what, and what can be done about it."""

    method: str
    project: str
    path: Mapping[str, str]
    """The varying segments, decoded."""
    params: Mapping[str, Any]
    """The query string; `a[b]=c` is nested."""
    headers: Mapping[str, str]
    """Names in lower case. Credentials are left out."""
    actor: Actor
    services: Services
    """With the actor's rights."""
    system: Services
    """With every right: say yourself who may do what."""
    body: Content

    async def json(self) -> Any:
        """The body: an object or a list of objects."""
        return await self.body.items()


class Answer(Struct, frozen=True, kw_only=True):
    """An answer that is not `{"data": …}`."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
