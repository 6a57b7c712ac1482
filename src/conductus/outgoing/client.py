"""The one way to call other servers over HTTP.

Certificates are checked, every wait has a limit, answers have a size and come as they are,
redirections are not followed unless asked, and no proxy or password is taken from the
environment. Where the address is not the operator's own words, `guarded` sees to it that it
leads nowhere inside: a name is resolved once, all its addresses are judged, and one of those
is connected to; so is the next one, when a redirection is followed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final

import httpcore2
import httpx2

from conductus.outgoing.addresses import Allowed

SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 1024 * 1024
MOST_CONNECTIONS: Final = 100
LOOKUPS: Final = 8
"""Names that are looked up at once."""
_PORTS: Final = 1 << 16

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host; raises `OSError`."""


class AnswerTooLarge(httpx2.TransportError):
    """The other server sends more than anybody would."""


class AnswerEncoded(httpx2.TransportError):
    """The other server compresses though it was asked not to: what it sends has no bound."""


class AddressRefused(httpx2.TransportError):
    """The host is not one that may be called."""


def trusted() -> dict[str, Any]:
    """What a client is made with that calls where the operator said."""
    return _options(_Transport(httpcore2.AnyIOBackend(), LARGEST_ANSWER))


def guarded(
    allowed: Allowed, largest: int = LARGEST_ANSWER, resolve: Resolve | None = None
) -> dict[str, Any]:
    """What a client is made with that calls where a user said.

    `largest` bounds the bytes of an answer, also of one that is streamed.
    """
    backend = _GuardedBackend(allowed, resolve or _resolved)
    return _options(_Transport(backend, largest))


class _Transport(httpx2.AsyncHTTPTransport):
    """Connects by a backend, and bounds what comes back."""

    def __init__(self, backend: httpcore2.AsyncNetworkBackend, largest: int) -> None:
        super().__init__(verify=_context(), trust_env=False)
        # The pool that was just made is as yet without connections. It takes no backend
        # from here, so another one takes its place.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_context(),
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS // 4,
            keepalive_expiry=5.0,
            network_backend=backend,
        )
        self._largest = largest

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, whose body ends in an error when it does not end in time."""
        request.headers["accept-encoding"] = "identity"
        answer = await super().handle_async_request(request)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)  # noqa: S101  # its type says less
        answer.stream = _Bounded(answer.stream, request, self._largest)
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            answer.stream = _Encoded(answer.stream, request)
        return answer


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to what is allowed, and to nothing that a name turns into afterwards."""

    def __init__(self, allowed: Allowed, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's name
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first of the host's addresses that answers."""
        if not 0 < port < _PORTS:
            raise AddressRefused(f"there is no port {port}")
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._judged(host, port)
                return await self._first(addresses, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"{host} did not answer in time") from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's name
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Never."""
        raise AddressRefused("a socket of this machine may not be called")

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await self._plain.sleep(seconds)

    async def _judged(self, host: str, port: int) -> Sequence[str]:
        """Every address of the host, when all of them may be called."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} was not found") from error
        if not addresses:
            raise httpcore2.ConnectError(f"{host} was not found")
        # One bad address among good ones is how somebody would try to be connected to it.
        if not self._allowed.host(host) and not all(map(self._allowed.address, addresses)):
            raise AddressRefused(f"{host} is not a host that may be called")
        return addresses

    async def _first(
        self,
        addresses: Sequence[str],
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        for address in addresses[:-1]:
            try:
                return await self._plain.connect_tcp(
                    address, port, SECONDS / 4, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._plain.connect_tcp(
            addresses[-1], port, None, local_address, socket_options
        )


class _Bounded(httpx2.AsyncByteStream):
    def __init__(
        self, stream: httpx2.AsyncByteStream, request: httpx2.Request, largest: int
    ) -> None:
        self._stream = stream
        self._request = request
        self._largest = largest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > self._largest:
                raise AnswerTooLarge(f"more than {self._largest} bytes", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Encoded(httpx2.AsyncByteStream):
    """A body that cannot be read."""

    def __init__(self, stream: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            if chunk:
                raise AnswerEncoded("compressed without being asked to", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _options(transport: _Transport) -> dict[str, Any]:
    return {
        "transport": transport,
        "timeout": httpx2.Timeout(SECONDS),
        "trust_env": False,
        "follow_redirects": False,
        "max_redirects": 5,
    }


async def _resolved(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().run_in_executor(
        _threads(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return tuple(dict.fromkeys(str(where[0]) for *_, where in found))


@cache
def _threads() -> ThreadPoolExecutor:
    """Whoever has names looked up that nobody answers for holds these, and no others."""
    return ThreadPoolExecutor(LOOKUPS, thread_name_prefix="names")


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
