"""The ASGI application: project → route → rate → size → who asks → endpoint → response.

One request is read here from top to bottom. Errors become responses here and nowhere
else. Source: errors page, "Order of checks".
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from msgspec import Struct

from conductus.auth.address import block_of
from conductus.auth.cookies import clear_cookie, cookie_name, set_cookie
from conductus.auth.credentials import Credentials
from conductus.auth.identity import Identity
from conductus.errors import (
    ApiError,
    DatabaseUnreachable,
    Unauthorized,
    UnderMaintenance,
    UnexpectedFault,
)
from conductus.http.answering import handed_over
from conductus.http.body import Body
from conductus.http.call import Call, Request, ServerCall
from conductus.http.cors import preflight_headers
from conductus.http.errors import error_reply
from conductus.http.exchange import Answer, Exchange, Receive, Scope, Send
from conductus.http.patience import Patience
from conductus.http.rates import Rates
from conductus.http.reply import Reply
from conductus.http.routing import Match, Route, RouteTable
from conductus.http.sockets import RESTART, Admit, Closing, Socket
from conductus.items.computing import Computing
from conductus.permissions.actor import Actor
from conductus.permissions.policy import NOTHING
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.projects.snapshot import Snapshot
from conductus.telemetry import Observer

Endpoint = Callable[[Call], Awaitable[Answer]]
SocketEndpoint = Callable[[Call, Socket, Admit], Awaitable[None]]
ServerEndpoint = Callable[[ServerCall], Awaitable[Answer]]

SERVER_SECTION = "server"
EXTENSIONS_SECTION = "extensions"
ROOTED_SECTIONS = frozenset({"interfaces", "layouts", "modules", "types"})
"""Sections of a project that may stand at the root."""
UPLOADS_SECTION = "uploads"
SIGN_IN = "auth/authenticate"
"""Where administrators come in, also while nobody else may."""
LARGEST_OF_SERVER = 64 * 1024
"""Most bytes of a body that goes to the server itself."""


class AtRoot(Struct, frozen=True):
    """What is answered outside of every project and section."""

    bare: ServerEndpoint
    """The bare address."""
    extension_files: Callable[[Exchange], Awaitable[Answer]]
    """Below `extensions`."""


class Routes(Struct, frozen=True, kw_only=True):
    """Every endpoint."""

    project: Sequence[Route[Endpoint]]
    """Below `/<project>`."""
    uploads: Sequence[Route[Endpoint]]
    """Of a project too, below `/uploads/<project>`."""
    server: Sequence[Route[ServerEndpoint]]
    """Below `/server`."""
    sockets: Sequence[Route[SocketEndpoint]]
    """WebSockets, below `/<project>`."""
    end_streams: Callable[[], None]
    """Ends those answers of theirs that have no end of their own."""


class Server:
    """Answers HTTP requests."""

    def __init__(
        self,
        *,
        registry: Registry,
        identity: Identity,
        rates: Rates,
        observer: Observer,
        routes: Routes,
        at_root: AtRoot,
        computing: Callable[[Project, Snapshot], Computing],
        client_seconds: float,
    ) -> None:
        """`computing` says how fields are computed by the settings of a snapshot."""
        self._registry = registry
        self._identity = identity
        self._rates = rates
        self._observer = observer
        self._routes = RouteTable(routes.project)
        self._server_routes = RouteTable(routes.server)
        self._upload_routes = RouteTable(routes.uploads)
        self._at_root = at_root
        self._computing = computing
        self._client_seconds = client_seconds
        self._patience = Patience(client_seconds)
        # From anywhere among so many numbers that no two workers meet.
        self._numbers = count(secrets.randbits(63))
        self.end_streams = routes.end_streams
        self._socket_routes = RouteTable(routes.sockets)

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One WebSocket. A page that may not use cookies is heard without."""
        secure = scope.get("scheme") == "wss"
        # As a request that changes something: any page can make a browser begin one.
        request = {**scope, "method": "POST", "scheme": "https" if secure else "http"}
        exchange = Exchange(next(self._numbers), request, receive, self._client_seconds)
        socket = Socket(scope.get("subprotocols", ()), receive, send, self._client_seconds)
        status = 101
        try:
            await self._converse(exchange, socket)
        except Closing as closing:
            await socket.close(closing.code, closing.reason)
        except ApiError as error:
            status = error.status
            await socket.close(1008, error.message[:100])
        except Exception as error:
            status = 500
            self._observer(exchange.failed(error))
            await socket.close(1011, "A fault of the server")
        finally:
            exchange.leave()
            self._observer(exchange.served(status))

    async def _converse(self, exchange: Exchange, socket: Socket) -> None:
        project = await self._project(exchange.segments[0])
        exchange.enter(project)
        match = self._socket_routes.match("GET", exchange.segments[1:])
        exchange.route = match.route.pattern
        call = await self._call(exchange, project, match)
        await match.route.endpoint(call, socket, partial(self._admit, exchange, project))

    async def _admit(self, exchange: Exchange, project: Project, actor: Actor) -> None:
        """Counts an operation on a WebSocket as the request that it could have been."""
        if await self._project(project.key) is not project:
            raise Closing(RESTART, "The project has other settings now: come again")
        if project.config.rate_limit.enabled:
            await self._count(exchange, project, block_of(exchange.ip))
            if not actor.public:
                await self._count(exchange, project, f"user {actor.user}")

    def endpoints(self) -> Iterator[tuple[str, str]]:
        """Method and path of every endpoint; `P` stands for a project."""
        for route in self._routes.routes:
            if not route.refuses:
                yield route.method, f"P/{route.pattern}"
        for route in self._upload_routes.routes:
            yield route.method, f"uploads/P/{route.pattern}"
        for at_server in self._server_routes.routes:
            yield at_server.method, f"{SERVER_SECTION}/{at_server.pattern}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        exchange = Exchange(next(self._numbers), scope, receive, self._client_seconds)
        try:
            await self._exchanged(exchange, receive, send)
        finally:
            exchange.leave()

    async def _exchanged(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        try:
            answer = await handed_over(await self._answer(exchange), exchange)
        except ApiError as error:
            answer = exchange.error_reply(exchange.told(error), exchange.id)
        except Exception as error:
            self._observer(exchange.failed(error))
            answer = exchange.error_reply(UnexpectedFault(), exchange.id)
        try:
            await exchange.respond(answer, receive, send)
        except Exception as error:
            # What was not sent to its end is cut off, so that the client sees it.
            self._observer(exchange.failed(error))
        finally:
            self._observer(exchange.served(answer.status))

    async def _answer(self, exchange: Exchange) -> Answer:
        segments = exchange.segments
        if exchange.method == "OPTIONS":
            return await self._preflight(exchange)
        if segments == [""]:
            return await self._at_root.bare(self._server_call(exchange, {}))
        if segments[0] == SERVER_SECTION:
            found = self._server_routes.match(exchange.method, segments[1:])
            exchange.route = f"{SERVER_SECTION}/{found.route.pattern}"
            return await found.route.endpoint(self._server_call(exchange, found.path))
        if segments[0] == EXTENSIONS_SECTION:
            return await self._at_root.extension_files(exchange)
        if segments[0] in ROOTED_SECTIONS:
            segments = [self._stated_project(exchange), *segments]
        routes = self._routes
        if segments[0] == UPLOADS_SECTION and len(segments) > 1:
            routes, segments = self._upload_routes, segments[1:]
        project = await self._project(segments[0])
        exchange.enter(project)
        below = segments[1:]
        match = routes.match(exchange.method, [] if below == [""] else below)
        exchange.route = match.route.pattern
        exchange.error_reply = match.route.errors or error_reply
        call_ = await self._call(exchange, project, match)
        return await match.route.endpoint(call_)

    def _server_call(self, exchange: Exchange, path: dict[str, str]) -> ServerCall:
        return ServerCall(
            self._registry,
            query=exchange.query,
            headers=exchange.headers,
            ip=exchange.ip,
            path=path,
            body=Body(
                exchange.receive,
                exchange.headers,
                most=LARGEST_OF_SERVER,
                patience=self._patience,
            ),
        )

    def _stated_project(self, exchange: Exchange) -> str:
        """The project that a request means whose path names none. Raises `Unauthorized`."""
        key = exchange.stated_project
        if key is None:
            raise Unauthorized
        return key

    async def _project(self, key: str) -> Project:
        try:
            return await self._registry.project(key)
        except DatabaseUnreachable as error:
            kept_out = self._registry.maintenance(key)
            if kept_out is None:
                raise
            raise UnderMaintenance(kept_out.message, kept_out.retry_after) from error

    async def _call(self, exchange: Exchange, project: Project, match: Match[Any]) -> Call:
        snapshot = await project.current()
        exchange.see_through(snapshot.settings.trusted_proxies)
        if project.config.rate_limit.enabled:
            await self._count(exchange, project, block_of(exchange.ip))
        body = Body(
            exchange.receive,
            exchange.headers,
            most=project.config.limits.body_bytes,
            patience=self._patience,
        )
        credentials = await exchange.credentials(project, body)
        if credentials.cookie:
            exchange.cookie = await self._cookie(exchange, project, snapshot, credentials)
        actor = await self._actor(exchange, project, match.route, credentials)
        exchange.actor = actor
        if match.route.pattern != SIGN_IN:
            project.check_open_to(actor)
        policy = await project.policies.of(actor) if match.route.identified else NOTHING
        request = Request(
            method=exchange.method,
            path=match.path,
            query=exchange.query,
            headers=exchange.headers,
            body=body,
            host=exchange.host,
            address=exchange.path,
            credentials=credentials,
            secure=exchange.secure,
            foreign_page=exchange.foreign_page,
            refusal=exchange.refusal,
        )
        return Call(
            request,
            project=project,
            snapshot=snapshot,
            actor=actor,
            policy=policy,
            computing=self._computing(project, snapshot),
        )

    async def _actor(
        self,
        exchange: Exchange,
        project: Project,
        route: Route[Any],
        credentials: Credentials,
    ) -> Actor:
        """Who asks; nobody is asked for on routes that identify nobody."""
        ip, agent = exchange.ip, exchange.user_agent
        if not route.identified:
            return Actor(ip=ip, user_agent=agent)
        found = await self._identity.identified(
            project, credentials, ip, agent, datetime.now(UTC), enrols=route.enrols
        )
        exchange.refusal = exchange.refusal or found.refusal
        if project.config.rate_limit.enabled and not found.actor.public:
            await self._count(exchange, project, f"user {found.actor.user}")
        return found.actor

    async def _count(self, exchange: Exchange, project: Project, who: str) -> None:
        """Counts the request against an address or a user. Raises `TooManyRequests`."""
        config = project.config
        # Other servers that share a Redis may have a project of the same key.
        rate = await self._rates.count(config.rate_limit, config.auth.public_key, who)
        # Told is what leaves the caller less.
        if exchange.rate is None or rate.used > exchange.rate.used:
            exchange.rate = rate
        rate.check(time.time())

    async def _cookie(
        self,
        exchange: Exchange,
        project: Project,
        snapshot: Snapshot,
        credentials: Credentials,
    ) -> str:
        """The cookie that was shown, sent again: to live on, or to be forgotten."""
        now = datetime.now(UTC)
        name, config = cookie_name(project.key), project.config.cookie
        found = await self._identity.find_signed_in(project, credentials, now)
        if found is None:
            return clear_cookie(name, config, secure=exchange.secure)
        expires = now + timedelta(minutes=snapshot.settings.auto_sign_out)
        return set_cookie(name, credentials.token, expires, config, secure=exchange.secure)

    async def _preflight(self, exchange: Exchange) -> Reply:
        """What a browser may send; answered for any path, also below unknown projects."""
        with suppress(ApiError):
            exchange.enter(await self._registry.project(exchange.segments[0]))
        return Reply(b"", 200, preflight_headers(exchange.cors, exchange.origin))
