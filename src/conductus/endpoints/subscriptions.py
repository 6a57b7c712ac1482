"""GraphQL over WebSockets: the protocol `graphql-transport-ws`.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Subscriptions are
told what the project's hub tells; queries and changes are answered as over HTTP.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING, Any, Final

import msgspec

from conductus.auth.credentials import Credentials
from conductus.auth.identity import Identity
from conductus.endpoints.by_document import ByDocument, found
from conductus.endpoints.events import client_of, standing_of
from conductus.endpoints.gql import Querying
from conductus.errors import ApiError, PayloadTooLarge, TooManyRequests
from conductus.http.body import check_depth
from conductus.http.call import Call
from conductus.http.reply import encode
from conductus.http.routing import Route
from conductus.http.sockets import BAD_MESSAGE, RESTART, TRY_LATER, Admit, Closing, Socket
from conductus.realtime.hub import Hub
from conductus.realtime.hubs import Hubs
from conductus.realtime.signals import Beat, Ended, Told
from conductus.realtime.subscription import Generation, Standing, Verify

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
SILENT: Final = 4499
LONGEST_ID: Final = 128
"""Characters of the id of an operation, which is kept and said again and again."""
_TOKENS: Final = ("token", "access_token", "accessToken")
_NO_LONGER: Final = frozenset({401, 403})
"""Statuses of what shuts somebody out."""
_NOT_NOW: Final = frozenset({429, 503})
"""Statuses of what stands in the way for a while."""


class Subscriptions:
    """Where WebSockets are answered."""

    def __init__(self, hubs: Hubs, identity: Identity, querying: Querying) -> None:
        self._hubs = hubs
        self._identity = identity
        self._querying = querying

    def routes(self) -> tuple[Route[Any], ...]:
        """Below the project."""
        return (Route("GET", "gql", self.converse),)

    async def converse(self, call: Call, socket: Socket, admit: Admit) -> None:
        """One connection, to its end."""
        spoken = PROTOCOL in socket.protocols
        hub = self._hubs.of(call.project)
        hub.check_open()
        with ExitStack() as seat:
            seat.enter_context(hub.sockets.taken(client_of(call.actor)))
            await socket.accept(PROTOCOL if spoken else None)
            if not spoken:
                raise Closing(NOT_SPOKEN, "Subprotocol not acceptable")
            asker = _Asker(call, self._identity, self._hubs, self._querying.service(), admit)
            await _Session(asker, socket, hub, seat).run()


class _Asker:
    """Who asks on one connection, and by what means they are answered."""

    def __init__(
        self, call: Call, identity: Identity, hubs: Hubs, service: Service, admit: Admit
    ) -> None:
        self.call = call
        self.project = call.project
        self.service = service
        self.admit = admit
        self._identity = identity
        self._hubs = hubs

    def verify_by(self, payload: Any) -> Verify:
        """Who it is: by the token in the payload, else as the request itself said."""
        shown = self.call.request.credentials
        stated = _token(payload)
        if stated is not None:
            shown = Credentials(stated)
        elif self.call.public:
            shown = Credentials("")
        actor = self.call.actor
        return standing_of(self._identity, self.project, shown, actor.ip, actor.user_agent)

    async def asks(self, standing: Standing) -> Call:
        """What is asked next, of the world as it is now."""
        snapshot = await self.project.current()
        policy = await self.project.policies.of(standing.actor)
        computing = self._hubs.computing(self.project, snapshot)
        return self.call.anew(snapshot, standing.actor, policy, computing)


class _Session:
    """What is known of one connection."""

    def __init__(self, asker: _Asker, socket: Socket, hub: Hub, seat: ExitStack) -> None:
        """`seat` is the place that the connection has among those of its client."""
        self._asker = asker
        self._project = asker.project
        self._socket = socket
        self._hub = hub
        self._seat = seat
        self._running: dict[str, asyncio.Task[None]] = {}
        self._heard = True
        """Whether the client has said anything since it was asked whether it is there."""

    async def run(self) -> None:
        """Answers until the client goes, or has to. Raises `Closing`."""
        try:
            async with asyncio.TaskGroup() as tasks:
                attending = tasks.create_task(self._attend())
                try:
                    verify = await self._begun()
                    while verify is not None and (message := await self._message()) is not None:
                        await self._heed(message, verify, tasks)
                finally:
                    for task in (attending, *self._running.values()):
                        task.cancel()
        except* Closing as several:
            raise _first(several) from None

    async def _attend(self) -> None:
        """Asks now and then whether the client is there. Raises `Closing` in the end.

        Who is in the midst of a message that never ends cannot answer either.
        """
        while True:
            try:
                async with asyncio.timeout(self._project.config.realtime.heartbeat_seconds):
                    await self._hub.closed.wait()
            except TimeoutError:
                pass
            else:
                raise Closing(RESTART, "Come again")
            if not self._heard:
                raise Closing(SILENT, "No answer")
            self._heard = False
            await self._socket.say({"type": "ping"})

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
                # Its id may be used again at once.
                running = self._running.pop(str(message.get("id")), None)
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
        self._heard = True
        try:
            message = msgspec.json.decode(text, type=dict[str, Any])
            check_depth(message)
        except (msgspec.DecodeError, RecursionError):
            raise Closing(BAD_MESSAGE, "A message is a JSON object") from None
        except PayloadTooLarge as error:
            raise Closing(BAD_MESSAGE, error.message) from None
        return message

    async def _initialised(self, payload: Any) -> Verify:
        verify = self._asker.verify_by(payload)
        standing = await self._standing(verify)
        # From here on it is one of the user's.
        self._seat.close()
        try:
            self._seat.enter_context(self._hub.sockets.taken(client_of(standing.actor)))
        except TooManyRequests as error:
            raise Closing(TRY_LATER, error.message) from None
        await self._socket.say({"type": "connection_ack"})
        return verify

    # -- operations -----------------------------------------------------------------

    async def _begin(
        self, message: dict[str, Any], verify: Verify, tasks: asyncio.TaskGroup
    ) -> None:
        id, asked = message.get("id"), _asked(message.get("payload"))
        if not isinstance(id, str) or not id or asked is None:
            raise Closing(BAD_MESSAGE, "A subscription has an `id`, and a `query` in its payload")
        if len(id) > LONGEST_ID:
            raise Closing(BAD_MESSAGE, f"An `id` has {LONGEST_ID} characters at most")
        if id in self._running:
            raise Closing(KNOWN_ID, f"Subscriber for {id} already exists")
        if len(self._running) >= self._project.config.realtime.subscriptions:
            await self._fail(id, TooManyRequests(1))
            return
        task = tasks.create_task(self._carry_out(id, asked, verify))
        self._running[id] = task
        task.add_done_callback(lambda _: self._forget(id, task))

    def _forget(self, id: str, task: asyncio.Task[None]) -> None:
        if self._running.get(id) is task:
            del self._running[id]

    async def _carry_out(self, id: str, asked: Asked, verify: Verify) -> None:
        """One operation, until it is complete."""
        from conductus.graphql.problems import Refused

        service, project = self._asker.service, self._project
        try:
            generation = self._hub.generation
            standing = await self._standing(verify)
            await self._asker.admit(standing.actor)
            call = await self._asker.asks(standing)
            subscribing = await service.find_subscribing(asked, project, call.snapshot, call.policy)
            if subscribing is None:
                result = await service.answer(asked, project, call.snapshot, call.context)
                await self._socket.say({"id": id, "type": "next", "payload": result})
            else:
                variables = msgspec.json.encode(asked.variables, order="sorted")
                name, text = asked.operation, asked.text
                document = ByDocument(service, subscribing.collection, text, name, variables)
                await self._tell(id, document, standing, generation, verify)
            await self._socket.say({"id": id, "type": "complete"})
        except Refused as refused:
            await self._socket.say({"id": id, "type": "error", "payload": refused.problems})
        except ApiError as error:
            await self._fail(id, error)

    async def _standing(self, verify: Verify) -> Standing:
        try:
            return await verify()
        except ApiError as error:
            if error.status in _NOT_NOW:
                raise Closing(TRY_LATER, error.message) from None
            raise Closing(FORBIDDEN, "Forbidden") from None

    async def _tell(
        self,
        id: str,
        document: ByDocument,
        standing: Standing,
        generation: Generation,
        verify: Verify,
    ) -> None:
        """Tells of changes until there is an end to it."""
        hub, client = self._hub, client_of(standing.actor)
        hub.check_room(client)
        await hub.check(document, standing)
        subscription = hub.subscription(document, standing, generation, verify)
        async with aclosing(hub.signals(subscription, client, None)) as signals:
            async for signal in signals:
                match signal:
                    case Told():
                        await self._say_told(id, document, signal, standing)
                    case Beat():
                        pass
                    case Ended(reason=None):
                        raise Closing(RESTART, "Come again")
                    case Ended(reason=reason):
                        await self._ended(id, reason)

    async def _say_told(
        self, id: str, document: ByDocument, told: Told, standing: Standing
    ) -> None:
        if told.sent is None:
            told.sent = await self._shown(document, told, standing)
        if told.sent:
            await self._socket.say({"id": id, "type": "next", "payload": msgspec.Raw(told.sent)})

    async def _shown(self, document: ByDocument, told: Told, standing: Standing) -> bytes:
        """A change as everybody is shown it who asks the same; empty where it is not asked for."""
        call = await self._asker.asks(standing)
        subscribing = await found(document, self._project, call.snapshot, call.policy)
        if not subscribing.wants(told.event):
            return b""
        return encode(subscribing.shown(told.event, told.key, told.item))

    async def _ended(self, id: str, reason: ApiError | None) -> None:
        if reason is not None and reason.status in _NO_LONGER:
            raise Closing(FORBIDDEN, "Forbidden")
        if reason is not None:
            raise reason

    async def _fail(self, id: str, error: ApiError) -> None:
        from conductus.graphql.problems import told

        await self._socket.say({"id": id, "type": "error", "payload": [told(error)]})


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
