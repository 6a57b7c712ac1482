"""Do calls: one client waits, the other is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

import httpx2
import msgspec

from conductus.client.calls import JSON, Call, Listing, Request, check, post
from conductus.client.sessions import Exchange, Password, Session

T = TypeVar("T")
PAGE_SIZE: Final = 200
TIMEOUT_SECONDS: Final = 30.0


class _Settings:
    """What both clients are made of."""

    def __init__(self, url: str, session: Session) -> None:
        self.project = httpx2.URL(url.rstrip("/") + "/")
        path = self.project.path.rstrip("/").rpartition("/")[0]
        self.server = self.project.copy_with(path=path + "/")
        self.session = session

    def sent(self, request: Request) -> dict[str, Any]:
        """A request as httpx2 takes it."""
        base = self.server if request.at_root else self.project
        headers = {"accept": JSON, **self.session.headers(request)}
        sent: dict[str, Any] = {
            "method": request.method,
            # Joined as texts: what is encoded in a key stays so.
            "url": f"{base}{request.path}",
            "params": list(request.params) or None,
            "headers": headers,
        }
        if request.upload is not None:
            upload = request.upload
            if not isinstance(upload.content, bytes):
                upload.content.seek(0)
            sent["files"] = {"file": (upload.name, upload.content, upload.type)}
            sent["data"] = request.body if request.body is not msgspec.UNSET else None
        elif request.body is not msgspec.UNSET:
            headers["content-type"] = JSON
            sent["content"] = msgspec.json.encode(request.body)
        return sent


def _session(
    token: str | None, email: str | None, password: str | None, otp: Callable[[], str] | None
) -> Session:
    if token is not None:
        return Session(token)
    if email is None or password is None:
        return Session()
    return Session(account=Password(email, password, otp))


class Client:
    """Does calls and waits for them. Use it with `with`; one is for one thread at a time.

    `url` is a project's: `http://localhost:8055/main`. Shows a static `token`, or signs in
    with `email` and `password` (and `otp`, which says a one-time password when it is asked)
    and stays so. Without either it is the public.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        email: str | None = None,
        password: str | None = None,
        otp: Callable[[], str] | None = None,
        http: httpx2.Client | None = None,
    ) -> None:
        self._settings = _Settings(url, _session(token, email, password, otp))
        self._http = http or httpx2.Client(timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def do(self, call: Call[T]) -> T:
        """What the server answers. Raises `Refused`, `Unintelligible`, errors of httpx2."""
        return call.decode(self._answer(call.request))

    def each(self, listing: Listing[T], page_size: int = PAGE_SIZE) -> Iterator[T]:
        """The items of a list, asked for page by page."""
        for first, most in _pages(listing, page_size):
            found = self.do(listing.page(first, most))
            yield from found
            if len(found) < most:
                return

    def save(self, call: Call[bytes], path: Path) -> None:
        """Writes what the server answers into a file, however large it is."""
        self._run(self._settings.session.ready())
        with self._http.stream(**self._settings.sent(call.request)) as response:
            if not response.is_success:
                response.read()
            check(response)
            with path.open("wb") as file:
                for part in response.iter_bytes():
                    file.write(part)

    def close(self) -> None:
        """Ends the session that was begun here, and the connections."""
        session = self._settings.session
        if session.signed_in:
            with suppress(httpx2.HTTPError):
                self._send(post("auth/logout"))
            session.forget()
        self._http.close()

    def _answer(self, request: Request) -> httpx2.Response:
        session = self._settings.session
        self._run(session.ready())
        token = session.token
        response = self._send(request)
        if session.refuses(response):
            self._run(session.again(token))
            response = self._send(request)
        return response

    def _run(self, exchange: Exchange) -> None:
        with suppress(StopIteration):
            request = next(exchange)
            while True:
                request = exchange.send(self._send(request))

    def _send(self, request: Request) -> httpx2.Response:
        return self._http.request(**self._settings.sent(request))


class AsyncClient:
    """Does calls and is awaited. Use it with `async with`; any number of tasks may share one.

    It is made as a `Client` is.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        email: str | None = None,
        password: str | None = None,
        otp: Callable[[], str] | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._settings = _Settings(url, _session(token, email, password, otp))
        self._http = http or httpx2.AsyncClient(timeout=TIMEOUT_SECONDS)
        self._signing_in = asyncio.Lock()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def do(self, call: Call[T]) -> T:
        """What the server answers. Raises `Refused`, `Unintelligible`, errors of httpx2."""
        return call.decode(await self._answer(call.request))

    async def each(self, listing: Listing[T], page_size: int = PAGE_SIZE) -> AsyncIterator[T]:
        """The items of a list, asked for page by page."""
        for first, most in _pages(listing, page_size):
            found = await self.do(listing.page(first, most))
            for item in found:
                yield item
            if len(found) < most:
                return

    async def save(self, call: Call[bytes], path: Path) -> None:
        """Writes what the server answers into a file, however large it is."""
        await self._run(self._settings.session.ready())
        async with self._http.stream(**self._settings.sent(call.request)) as response:
            if not response.is_success:
                await response.aread()
            check(response)
            with path.open("wb") as file:
                async for part in response.aiter_bytes():
                    await asyncio.to_thread(file.write, part)

    async def close(self) -> None:
        """Ends the session that was begun here, and the connections."""
        session = self._settings.session
        if session.signed_in:
            with suppress(httpx2.HTTPError):
                await self._send(post("auth/logout"))
            session.forget()
        await self._http.aclose()

    async def _answer(self, request: Request) -> httpx2.Response:
        session = self._settings.session
        await self._run(session.ready())
        token = session.token
        response = await self._send(request)
        if session.refuses(response):
            await self._run(session.again(token))
            response = await self._send(request)
        return response

    async def _run(self, exchange: Exchange) -> None:
        # One at a time: who waited finds that it was done.
        async with self._signing_in:
            with suppress(StopIteration):
                request = next(exchange)
                while True:
                    request = exchange.send(await self._send(request))

    async def _send(self, request: Request) -> httpx2.Response:
        return await self._http.request(**self._settings.sent(request))


def _pages(listing: Listing[Any], size: int) -> Iterator[tuple[int, int]]:
    """Where each page begins and how long it is at most; endless for a list without bounds."""
    first, most = listing.bounds
    end = None if most is None else first + most
    while end is None or first < end:
        yield first, size if end is None else min(size, end - first)
        first += size
