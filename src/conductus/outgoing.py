"""The one way to call other servers over HTTP.

Certificates are checked, every wait has a limit, answers have a size, redirections are not
followed, and no proxy or password is taken from the environment.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import Any, Final

import httpx2

SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 1024 * 1024


class AnswerTooLarge(httpx2.TransportError):
    """The other server sends more than anybody would."""


class Guarded(httpx2.AsyncHTTPTransport):
    """Connects as this module says."""

    def __init__(self) -> None:
        super().__init__(verify=_context(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, whose body ends in an error when it does not end in time."""
        answer = await super().handle_async_request(request)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)  # noqa: S101  # its type says less
        answer.stream = _Bounded(answer.stream, request)
        return answer


def options() -> dict[str, Any]:
    """What a client is made with."""
    return {
        "transport": Guarded(),
        "timeout": httpx2.Timeout(SECONDS),
        "trust_env": False,
        "follow_redirects": False,
    }


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > LARGEST_ANSWER:
                raise AnswerTooLarge(f"more than {LARGEST_ANSWER} bytes", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
