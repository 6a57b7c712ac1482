"""Lists are asked for in two ways: by the query string, or by the JSON body of a `SEARCH`.

A body may be longer than an address, and keeps types that a query string has no signs for.
Source: items page §1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from conductus.errors import BodyInvalid
from conductus.http.call import Call
from conductus.http.routing import Route

SEARCH: Final = "SEARCH"
READING: Final = ("GET", SEARCH)
Endpoint = Callable[[Call], Awaitable[Any]]


def listing(pattern: str, endpoint: Endpoint) -> tuple[Route[Any], ...]:
    """The routes of a list."""
    return Route("GET", pattern, endpoint), Route(SEARCH, pattern, _by_body(endpoint))


def _by_body(endpoint: Endpoint) -> Endpoint:
    async def search(call: Call) -> Any:
        if call.body.is_form:
            raise BodyInvalid("The body must be a JSON object")
        return await endpoint(call.stating(await call.body.item()))

    return search
