"""GraphQL over WebSockets: the protocol `graphql-transport-ws`.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Subscriptions are
told what the project's hub tells; queries and changes are answered as over HTTP.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from conductus.auth.credentials import Credentials
from conductus.auth.identity import Identity
from conductus.endpoints.events import standing_of
from conductus.endpoints.gql import Querying
from conductus.errors import ApiError, TooManyRequests
from conductus.http.call import Call
from conductus.http.routing import Route
from conductus.http.sockets import BAD_MESSAGE, Closing, Socket
from conductus.items.context import Context
from conductus.permissions.policy import Policy
from conductus.projects.coherence import Change
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot
from conductus.query.item_query import ItemQuery
from conductus.realtime.hubs import Hubs
from conductus.realtime.signals import Beat, Ended, Told
from conductus.realtime.subscription import Standing, Verify

if TYPE_CHECKING:
    from conductus.graphql.service import Asked, Service

PROTOCOL: Final = "graphql-transport-ws"
INIT_SECONDS: Final = 10.0
UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
NOT_SPOKEN: Final = 4406
INIT_TOO_LATE: Final = 4408
KNOWN_ID: Final = 4409
TOO_MANY_INITS: Final = 4429
RESTART: Final = 1012
_TOKENS: Final = ("token", "access_token", "accessToken")
_NO_LONGER: Final = frozenset({401, 403})
"""Statuses of what shuts somebody out."""


class ByDocument(Struct, frozen=True):
    """Items of a collection by a subscription of a document."""

    service: Service
    collection: str
    text: str
    operation: str | None
    variables: bytes

    def asked(self) -> Asked:
        """It as the service takes it."""
        from conductus.graphql.service import Asked

        variables = msgspec.json.decode(self.variables)
        return Asked(text=self.text, operation=self.operation, variables=variables)

    async def query(self, project: Project, snapshot: Snapshot, policy: Policy) -> ItemQuery:
        """What is to be read, as the schema of the policy has it."""
        query: ItemQuery = (await found(self, project, snapshot, policy)).query
        return query


async def found(asked: ByDocument, project: Project, snapshot: Snapshot, policy: Policy) -> Any:
    """What the subscription asks for. Raises `BadRequest` when it can no longer be asked."""
    from conductus.errors import BadRequest
    from conductus.graphql.problems import Refused

    try:
        subscribing = await asked.service.find_subscribing(asked.asked(), project, snapshot, policy)
    except Refused as refused:
        raise BadRequest(str(refused.problems[0]["message"])) from refused
    if subscribing is None:
        raise BadRequest("This is no subscription")
    return subscribing


class Subscriptions:
    """Where WebSockets are answered."""

    def __init__(self, hubs: Hubs, identity: Identity, querying: Querying) -> None:
        self._hubs = hubs
        self._identity = identity
        self._querying = querying

    def routes(self) -> tuple[Route[Any], ...]:
        """Below the project."""
        return (Route("GET", "gql", self.converse),)

    async def converse(self, call: Call, socket: Socket) -> None:
        """One connection, to its end."""
        spoken = PROTOCOL in socket.protocols
        self._hubs.of(call.project).check_room(_client(call.actor.user, call.actor.ip))
        await socket.accept(PROTOCOL if spoken else None)
        if not spoken:
            raise Closing(NOT_SPOKEN, "Subprotocol not acceptable")
        session = _Session(call, socket, self._hubs, self._identity, self._querying.service())
        await session.run()


class _Session:
    """What is known of one connection."""

    def __init__(
        self, call: Call, socket: Socket, hubs: Hubs, identity: Identity, service: Service
    ) -> None:
        self._call = call
        self._project = call.project
        self._socket = socket
        self._hubs = hubs
        self._identity = identity
        self._service = service
        self._running: dict[str, asyncio.Task[None]] = {}
        self._pinged = 0.0

    async def run(self) -> None:
        """Answers until the client goes, or has to. Raises `Closing`."""
        try:
            async with asyncio.TaskGroup() as tasks:
                try:
                    verify = await self._begun()
                    while verify is not None and (message := await self._message()) is not None:
                        await self._heed(message, verify, tasks)
                finally:
                    for task in self._running.values():
                        task.cancel()
        except* Closing as several:
            raise _first(several) from None

    # -- the conversation -----------------------------------------------------------

    async def _begun(self) -> Verify | None:
        """Waits for `connection_init`; None when the client goes before."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                while (message := await self._message()) is not None:
                    match message.get("type"):
                        case "connection_init":
                            return await self._initialised(message.get("payload"))
                        case "subscribe":
                            raise Closing(UNAUTHORIZED, "Unauthorized")
                        case _:
                            await self._chat(message)
        except TimeoutError:
            raise Closing(INIT_TOO_LATE, "Connection initialisation timeout") from None
        return None

    async def _heed(
        self, message: dict[str, Any], verify: Verify, tasks: asyncio.TaskGroup
    ) -> None:
        match message.get("type"):
            case "connection_init":
                raise Closing(TOO_MANY_INITS, "Too many initialisation requests")
            case "subscribe":
                await self._begin(message, verify, tasks)
            case "complete":
                running = self._running.get(str(message.get("id")))
                if running is not None:
                    running.cancel()
            case _:
                await self._chat(message)

    async def _chat(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "ping":
                await self._socket.say({"type": "pong"})
            case "pong":
                pass
            case _:
                raise Closing(BAD_MESSAGE, "This message is not understood")

    async def _message(self) -> dict[str, Any] | None:
        text = await self._socket.next()
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            raise Closing(BAD_MESSAGE, "A message is a JSON object") from None

    async def _initialised(self, payload: Any) -> Verify:
        """Who it is: by the token in the payload, else as the request itself said."""
        call, shown = self._call, self._call.request.credentials
        stated = _token(payload)
        if stated is not None:
            shown = Credentials(stated)
        elif call.public:
            shown = Credentials("")
        actor = call.actor
        verify = standing_of(self._identity, self._project, shown, actor.ip, actor.user_agent)
        try:
            await verify()
        except ApiError:
            raise Closing(FORBIDDEN, "Forbidden") from None
        await self._socket.say({"type": "connection_ack"})
        return verify

    # -- operations -----------------------------------------------------------------

    async def _begin(
        self, message: dict[str, Any], verify: Verify, tasks: asyncio.TaskGroup
    ) -> None:
        id, asked = message.get("id"), _asked(message.get("payload"))
        if not isinstance(id, str) or not id or asked is None:
            raise Closing(BAD_MESSAGE, "A subscription has an `id`, and a `query` in its payload")
        if id in self._running:
            raise Closing(KNOWN_ID, f"Subscriber for {id} already exists")
        if len(self._running) >= self._project.config.realtime.subscriptions:
            await self._fail(id, TooManyRequests(1))
            return
        task = tasks.create_task(self._carry_out(id, asked, verify))
        self._running[id] = task
        task.add_done_callback(lambda _: self._running.pop(id, None))

    async def _carry_out(self, id: str, asked: Asked, verify: Verify) -> None:
        """One operation, until it is complete."""
        from conductus.graphql.problems import Refused

        try:
            generation = self._project.generation(Change.ACCESS)
            standing = await self._standing(verify)
            snapshot = await self._project.current()
            policy = await self._project.policies.of(standing.actor)
            subscribing = await self._service.find_subscribing(
                asked, self._project, snapshot, policy
            )
            if subscribing is None:
                context = self._context(standing, snapshot, policy)
                result = await self._service.answer(asked, self._project, snapshot, context)
                await self._socket.say({"id": id, "type": "next", "payload": result})
            else:
                variables = msgspec.json.encode(asked.variables, order="sorted")
                name, text = asked.operation, asked.text
                document = ByDocument(self._service, subscribing.collection, text, name, variables)
                await self._tell(id, document, standing, generation, verify)
            await self._socket.say({"id": id, "type": "complete"})
        except Refused as refused:
            await self._socket.say({"id": id, "type": "error", "payload": refused.problems})
        except ApiError as error:
            await self._fail(id, error)

    async def _standing(self, verify: Verify) -> Standing:
        try:
            return await verify()
        except ApiError:
            raise Closing(FORBIDDEN, "Forbidden") from None

    def _context(self, standing: Standing, snapshot: Snapshot, policy: Policy) -> Context:
        return Context(
            schema=snapshot.schema,
            actor=standing.actor,
            policy=policy,
            now=datetime.now(UTC),
            nulls_last=snapshot.settings.sort_null_last,
            password_policy=snapshot.settings.password_policy,
            computing=self._hubs.computing(self._project, snapshot),
        )

    async def _tell(
        self,
        id: str,
        document: ByDocument,
        standing: Standing,
        generation: int,
        verify: Verify,
    ) -> None:
        """Tells of changes until there is an end to it."""
        hub = self._hubs.of(self._project)
        client = _client(standing.actor.user, standing.actor.ip)
        hub.check_room(client)
        await hub.check(document, standing)
        subscription = hub.subscription(document, standing, generation, verify)
        async with aclosing(hub.signals(subscription, client, None)) as signals:
            async for signal in signals:
                match signal:
                    case Told():
                        await self._say_told(id, document, signal, standing)
                    case Beat():
                        await self._ping()
                    case Ended(reason=None):
                        raise Closing(RESTART, "Come again")
                    case Ended(reason=reason):
                        await self._ended(id, reason)

    async def _say_told(
        self, id: str, document: ByDocument, told: Told, standing: Standing
    ) -> None:
        snapshot = await self._project.current()
        policy = await self._project.policies.of(standing.actor)
        subscribing = await found(document, self._project, snapshot, policy)
        if subscribing.wants(told.event):
            payload = subscribing.shown(told.event, told.key, told.item)
            await self._socket.say({"id": id, "type": "next", "payload": payload})

    async def _ended(self, id: str, reason: ApiError | None) -> None:
        if reason is not None and reason.status in _NO_LONGER:
            raise Closing(FORBIDDEN, "Forbidden")
        if reason is not None:
            raise reason

    async def _fail(self, id: str, error: ApiError) -> None:
        from conductus.graphql.problems import told

        await self._socket.say({"id": id, "type": "error", "payload": [told(error)]})

    async def _ping(self) -> None:
        """Says that it is there, once for all subscriptions."""
        seconds = self._project.config.realtime.heartbeat_seconds / 2
        if monotonic() - self._pinged >= seconds:
            self._pinged = monotonic()
            await self._socket.say({"type": "ping"})


def _client(user: int, ip: str) -> str:
    return f"user {user}" if user else ip


def _token(payload: Any) -> str | None:
    """The token that a client states, alone or as the header would have it."""
    if not isinstance(payload, dict):
        return None
    for name in _TOKENS:
        if isinstance(payload.get(name), str):
            return str(payload[name])
    for name in ("Authorization", "authorization"):
        stated = payload.get(name)
        if isinstance(stated, str):
            kind, _, token = stated.partition(" ")
            return token.strip() if kind.lower() == "bearer" else stated
    return None


def _asked(payload: Any) -> Asked | None:
    from conductus.graphql.service import Asked

    if not isinstance(payload, dict):
        return None
    query, name, variables = (payload.get(key) for key in ("query", "operationName", "variables"))
    if not isinstance(query, str) or not isinstance(name, str | None):
        return None
    if not isinstance(variables, dict | None):
        return None
    return Asked(text=query, operation=name or None, variables=variables or {})


def _first(group: BaseExceptionGroup[Closing]) -> Closing:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, Closing) else Closing(1011, "A fault of the server")
