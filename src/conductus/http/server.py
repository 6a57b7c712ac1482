"""The ASGI application: project → route → size → who asks → endpoint → response.

One request is read here from top to bottom. Errors become responses here and nowhere
else. Source: errors page, "Order of checks".
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from conductus.auth.address import client_ip
from conductus.auth.credentials import Credentials, of_request
from conductus.auth.identity import Identity
from conductus.config import CorsConfig
from conductus.errors import ApiError
from conductus.http.body import Body
from conductus.http.call import Call, Request, ServerCall
from conductus.http.cors import cors_headers, preflight_headers
from conductus.http.errors import error_reply, fault_reply
from conductus.http.reply import Headers, Reply, StreamReply
from conductus.http.routing import Match, Route, RouteTable
from conductus.permissions.actor import Actor
from conductus.permissions.policy import NOTHING
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.telemetry import Observer, RequestFailed, RequestServed

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = Reply | StreamReply
Endpoint = Callable[[Call], Awaitable[Answer]]
ServerEndpoint = Callable[[ServerCall], Awaitable[Answer]]

SERVER_SECTION = "server"
_SAFE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"private, no-store"),
)
_NO_CORS = CorsConfig()


class Server:
    """Answers HTTP requests."""

    def __init__(
        self,
        *,
        registry: Registry,
        identity: Identity,
        observer: Observer,
        routes: Iterable[Route[Endpoint]],
        server_routes: Iterable[Route[ServerEndpoint]],
        root: ServerEndpoint,
        client_seconds: float,
    ) -> None:
        self._registry = registry
        self._identity = identity
        self._observer = observer
        self._routes = RouteTable(routes)
        self._server_routes = RouteTable(server_routes)
        self._root = root
        self._client_seconds = client_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        exchange = _Exchange(scope, receive, self._client_seconds)
        try:
            answer = await self._answer(exchange)
        except ApiError as error:
            answer = error_reply(error, exchange.id)
        except Exception as error:
            self._observer(exchange.failed(error))
            answer = fault_reply(exchange.id)
        try:
            await exchange.respond(answer, receive, send)
        except Exception as error:
            # What was not sent to its end is cut off, so that the client sees it.
            self._observer(exchange.failed(error))
        finally:
            self._observer(exchange.served(answer.status))

    async def _answer(self, exchange: _Exchange) -> Answer:
        segments = exchange.segments
        if exchange.method == "OPTIONS":
            return await self._preflight(exchange)
        if segments == [""]:
            return await self._root(ServerCall(self._registry, "", exchange.headers))
        if segments[0] == SERVER_SECTION:
            found = self._server_routes.match(exchange.method, segments[1:])
            call = ServerCall(self._registry, exchange.query, exchange.headers)
            return await found.route.endpoint(call)
        project = await self._registry.project(segments[0])
        exchange.project = project
        below = segments[1:]
        match = self._routes.match(exchange.method, [] if below == [""] else below)
        call_ = await self._call(exchange, project, match)
        return await match.route.endpoint(call_)

    async def _call(self, exchange: _Exchange, project: Project, match: Match[Endpoint]) -> Call:
        snapshot = await project.current()
        headers = exchange.headers
        ip = client_ip(
            exchange.peer,
            headers.get(b"x-forwarded-for", b"").decode("latin-1"),
            snapshot.settings.trusted_proxies,
        )
        agent = headers.get(b"user-agent", b"").decode("latin-1")
        if match.route.identified:
            actor = await self._identity.actor(
                project,
                exchange.credentials(),
                ip,
                agent,
                datetime.now(UTC),
                enrols=match.route.enrols,
            )
            policy = await project.policies.of(actor)
        else:
            actor, policy = Actor(ip=ip, user_agent=agent), NOTHING
        exchange.actor = actor
        request = Request(
            method=exchange.method,
            path=match.path,
            query=exchange.query,
            headers=headers,
            body=Body(
                exchange.receive,
                headers,
                most=project.config.limits.body_bytes,
                seconds=self._client_seconds,
            ),
            url=exchange.url,
        )
        return Call(request, project=project, snapshot=snapshot, actor=actor, policy=policy)

    async def _preflight(self, exchange: _Exchange) -> Reply:
        """What a browser may send; answered for any path, also below unknown projects."""
        with suppress(ApiError):
            exchange.project = await self._registry.project(exchange.segments[0])
        return Reply(b"", 200, preflight_headers(exchange.cors, exchange.origin))


class _Exchange:
    """What the server itself needs to know of a request and its response."""

    def __init__(self, scope: Scope, receive: Receive, client_seconds: float) -> None:
        self.began = time.perf_counter()
        self.id = secrets.token_hex(8)
        self.receive = receive
        self._client_seconds = client_seconds
        self.method: str = scope["method"]
        # What is no UTF-8 is kept, for the parser to refuse.
        self.query: str = scope["query_string"].decode("utf-8", "surrogateescape")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        # Some servers leave the query on the raw path.
        self.path = raw.partition(b"?")[0].decode("utf-8", "replace")
        self.segments = self.path[1:].split("/")
        self.peer: str = (scope.get("client") or ("",))[0]
        self.scheme: str = scope.get("scheme", "http")
        self.project: Project | None = None
        self.actor: Actor | None = None

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def url(self) -> str:
        """Scheme, host and path."""
        host = self.headers.get(b"host", b"localhost").decode("latin-1")
        return f"{self.scheme}://{host}{self.path}"

    @property
    def origin(self) -> str | None:
        """The origin that a browser states."""
        stated = self.headers.get(b"origin")
        return None if stated is None else stated.decode("latin-1")

    @property
    def cors(self) -> CorsConfig:
        """The project's rules, the defaults where there is none."""
        return _NO_CORS if self.project is None else self.project.config.cors

    def credentials(self) -> Credentials:
        """Whatever the request shows to say who asks."""
        return of_request(self.headers, self.query)

    async def respond(self, answer: Answer, receive: Receive, send: Send) -> None:
        """Sends the response."""
        headers = [
            *answer.headers,
            *_unstated(answer.headers),
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

    async def _stream(
        self,
        answer: StreamReply,
        headers: list[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
    ) -> None:
        """Sends chunks until there are no more or nobody listens."""
        gone = asyncio.ensure_future(_hung_up(receive))
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

    def failed(self, error: Exception) -> RequestFailed:
        """What is told of a fault."""
        return RequestFailed(request_id=self.id, method=self.method, path=self.target, error=error)

    def served(self, status: int) -> RequestServed:
        """What is told of the request when it is over."""
        return RequestServed(
            request_id=self.id,
            method=self.method,
            path=self.target,
            status=status,
            seconds=time.perf_counter() - self.began,
            ip=self.peer if self.actor is None else self.actor.ip,
            project=None if self.project is None else self.project.key,
            user=None if self.actor is None else self.actor.user,
        )


def _unstated(stated: Headers) -> Headers:
    """The safe headers that an answer does not state in its own way."""
    names = {name for name, _ in stated}
    return tuple(header for header in _SAFE if header[0] not in names)


async def _hung_up(receive: Receive) -> None:
    """Ends when the client does."""
    while (await receive())["type"] != "http.disconnect":
        pass
