"""What the server itself needs to know of a request and its response."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import parse_qsl

from conductus.auth.address import client_ip, listed, plain_address
from conductus.auth.cookies import cookie_name
from conductus.auth.credentials import NOTHING_SHOWN, Credentials, of_request, without_token
from conductus.auth.tokens import unverified_project
from conductus.config import CorsConfig
from conductus.errors import (
    ApiError,
    CreateForbidden,
    DeleteForbidden,
    Forbidden,
    OriginNotAllowed,
    ReadForbidden,
    SignInNeeded,
    Unauthorized,
    UpdateForbidden,
)
from conductus.http.body import Body
from conductus.http.cors import cors_headers
from conductus.http.errors import error_reply
from conductus.http.origins import SAFE_METHODS, may_use_cookies
from conductus.http.rates import Rate
from conductus.http.reply import JSON_TYPE, ONLY_JSON, Headers, Reply, StreamReply
from conductus.permissions.actor import Actor
from conductus.projects.project import Project
from conductus.telemetry import RequestFailed, RequestServed

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = Reply | StreamReply

_SAFE: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"private, no-store"),
)
_TOLD_TO_CACHES: Final = frozenset({b"referrer-policy", b"cache-control"})
_NO_CORS: Final = CorsConfig()
_DENIED: Final = (
    *(Unauthorized, SignInNeeded, Forbidden),
    *(ReadForbidden, CreateForbidden, UpdateForbidden, DeleteForbidden),
)
"""What the public is told that may not do something."""


class Exchange:
    """One request on its way through the server."""

    def __init__(self, number: int, scope: Scope, receive: Receive, client_seconds: float) -> None:
        """`number` is of 64 bits, and no other request's."""
        self.began = time.perf_counter()
        self.id = f"{number:016x}"
        self.receive = receive
        self._client_seconds = client_seconds
        self.method: str = scope["method"]
        # What is no UTF-8 is kept, for the parser to refuse.
        sent: str = scope["query_string"].decode("utf-8", "surrogateescape")
        self._sent_query = sent
        self.query = without_token(sent)
        self._lines: list[tuple[bytes, bytes]] = list(scope["headers"])
        # Of several headers of one name the first counts.
        self.headers: dict[bytes, bytes] = dict(reversed(self._lines))
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        # Some servers leave the query on the raw path.
        self.path = raw.partition(b"?")[0].decode("utf-8", "replace")
        self.segments = self.path[1:].split("/")
        self.secure = scope.get("scheme", "http") == "https"
        self.ip = plain_address((scope.get("client") or ("",))[0])
        self.project: Project | None = None
        self.actor: Actor | None = None
        self.refusal: ApiError | None = None
        """Why who showed a token is taken for the public."""
        self.route = ""
        """The pattern that the path matched."""
        self.error_reply: Callable[[ApiError, str], Reply] = error_reply
        """How errors are told."""
        self.rate: Rate | None = None
        self.cookie: str | None = None
        """What `Set-Cookie` says unless the answer has one of its own."""

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self._sent_query}" if self._sent_query else self.path

    @property
    def origin(self) -> str | None:
        """The origin that a browser states."""
        return self._text(b"origin")

    @property
    def user_agent(self) -> str:
        """What the client calls itself."""
        return self._text(b"user-agent") or ""

    @property
    def cors(self) -> CorsConfig:
        """The project's rules, the defaults where there is none."""
        return _NO_CORS if self.project is None else self.project.config.cors

    @property
    def foreign_page(self) -> bool:
        """Whether a page that may not use cookies asks to change something."""
        if self.method in SAFE_METHODS:
            return False
        stated = b"origin" in self.headers or b"referer" in self.headers
        return stated and not self._may_use_cookies

    @property
    def stated_project(self) -> str | None:
        """The project named by header, parameter or token, the first of them that does.

        What a token says is not looked into here: it is refused where it is none of that
        project's.
        """
        stated = self._text(b"x-directus-project") or dict(parse_qsl(self._sent_query)).get(
            "project"
        )
        if stated:
            return stated
        token = of_request(self.headers, self._sent_query, {}, ("query", "bearer"), "").token
        return unverified_project(token)

    def enter(self, project: Project) -> None:
        """The request is one to this project, which stays open until it has been answered."""
        project.hold()
        self.project = project

    def leave(self) -> None:
        """It has been answered."""
        if self.project is not None:
            self.project.release()

    def see_through(self, trusted: Collection[str]) -> None:
        """Takes the client's address and scheme from what trusted proxies say of them."""
        if not trusted or not listed(self.ip, trusted):
            return
        self.ip = client_ip(self.ip, self._all(b"x-forwarded-for"), trusted)
        stated = self._all(b"x-forwarded-proto").rpartition(",")[2].strip().lower()
        if stated:
            self.secure = stated == "https"

    async def credentials(self, project: Project, body: Body) -> Credentials:
        """What the request shows to say who asks.

        A cookie that a foreign page makes a browser send shows nothing: see `refusal`.
        """
        sources = project.config.auth.sources
        looked_at = body.may_hold_parameters and "body" in sources
        stated = await body.token_parameter() if looked_at else {}
        name = cookie_name(project.key)
        shown = of_request(self.headers, self._sent_query, stated, sources, name)
        if shown.cookie and self.method not in SAFE_METHODS and not self._may_use_cookies:
            self.refusal = OriginNotAllowed()
            return NOTHING_SHOWN
        return shown

    def told(self, error: ApiError) -> ApiError:
        """What is told of an error: of the token that was shown, where that is the reason."""
        if self.refusal is not None and isinstance(error, _DENIED):
            return self.refusal
        return error

    async def respond(self, answer: Answer, receive: Receive, send: Send) -> None:
        """Sends the response."""
        headers = [
            *self._stated(answer.headers),
            *cors_headers(self.cors, self.origin),
            (b"x-request-id", self.id.encode()),
        ]
        if isinstance(answer, StreamReply):
            await self._stream(answer, headers, receive, send)
            return
        if answer.status not in (204, 304):
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if self.method == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    def failed(self, error: Exception) -> RequestFailed:
        """What is told of a fault."""
        return RequestFailed(
            request_id=self.id,
            method=self.method,
            path=self.target,
            error=error,
            project=None if self.project is None else self.project.key,
        )

    def served(self, status: int) -> RequestServed:
        """What is told of the request when it is over."""
        return RequestServed(
            request_id=self.id,
            method=self.method,
            path=self.target,
            status=status,
            seconds=time.perf_counter() - self.began,
            ip=self.ip,
            project=None if self.project is None else self.project.key,
            user=None if self.actor is None else self.actor.user,
            route=self.route,
            traceparent=self._text(b"traceparent") or "",
        )

    @property
    def _may_use_cookies(self) -> bool:
        referer = self._text(b"referer")
        return may_use_cookies(self.origin, referer, self.host, self.cors, secure=self.secure)

    @property
    def host(self) -> str:
        """What the client calls the server."""
        return self._text(b"host") or "localhost"

    def _text(self, name: bytes) -> str | None:
        stated = self.headers.get(name)
        return None if stated is None else stated.decode("latin-1")

    def _all(self, name: bytes) -> str:
        """A list that may be spread over several headers."""
        return ",".join(value.decode("latin-1") for key, value in self._lines if key == name)

    def _stated(self, stated: Headers) -> list[tuple[bytes, bytes]]:
        """The answer's headers with what the server adds."""
        holds_token = self.query != self._sent_query
        if stated is ONLY_JSON and not (holds_token or self.rate or self.cookie):
            # Nearly every answer.
            return [JSON_TYPE, *_SAFE]
        if holds_token:
            # Nothing may keep an address that holds a token, nor hand it on.
            stated = tuple(header for header in stated if header[0] not in _TOLD_TO_CACHES)
        names = {name for name, _ in stated}
        headers = [*stated, *(header for header in _SAFE if header[0] not in names)]
        if self.rate is not None:
            headers += self.rate.headers()
        # A cache that keeps an answer for everybody would hand the cookie to everybody.
        if self.cookie is not None and b"set-cookie" not in names and not _for_everybody(stated):
            headers.append((b"set-cookie", self.cookie.encode("latin-1")))
        return headers

    async def _stream(
        self,
        answer: StreamReply,
        headers: list[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
    ) -> None:
        """Sends chunks until there are no more or nobody listens."""
        gone = asyncio.ensure_future(_hung_up(receive))
        if (told := answer.gone) is not None:
            gone.add_done_callback(lambda _: told())
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async with aclosing(answer.chunks) as chunks:
                async for chunk in chunks:
                    if self.method == "HEAD":
                        break
                    if gone.done():
                        return
                    if not await self._taken(chunk, send):
                        return
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    async def _taken(self, chunk: bytes, send: Send) -> bool:
        """Whether the client took a chunk: who stops reading keeps the rows from others."""
        try:
            async with asyncio.timeout(self._client_seconds):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            return False
        return True


def _for_everybody(stated: Headers) -> bool:
    """Whether caches that many share may keep an answer."""
    return any(name == b"cache-control" and b"public" in value for name, value in stated)


async def _hung_up(receive: Receive) -> None:
    """Ends when the client does."""
    while (await receive())["type"] != "http.disconnect":
        pass
