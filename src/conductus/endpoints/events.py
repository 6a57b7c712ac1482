"""Changes of a collection as they happen: Server-Sent Events.

Below `items/{collection}`, where an item may have the key `events` too: who asks for it
without asking for a stream of events gets that.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from conductus.auth.address import block_of
from conductus.auth.credentials import NOTHING_SHOWN, Credentials
from conductus.auth.identity import Identity
from conductus.endpoints import items
from conductus.http.call import Call
from conductus.http.reply import Reply, StreamReply
from conductus.http.routing import Route
from conductus.permissions.actor import Actor
from conductus.projects.project import Project
from conductus.realtime.asking import ByParameters
from conductus.realtime.frames import BEGIN, CONTENT_TYPE, frame
from conductus.realtime.hubs import Hubs
from conductus.realtime.places import find_place
from conductus.realtime.subscription import Standing, Verify
from conductus.schema.model import Kind

SEGMENT: Final = "events"
LAST: Final = "last_event_id"
_HEADERS: Final = (
    (b"content-type", CONTENT_TYPE),
    (b"cache-control", b"private, no-store"),
    # Or nginx would keep what it gets until there is enough of it.
    (b"x-accel-buffering", b"no"),
)
_BELIEVED_SECONDS: Final = {"none": 300.0, "static": 300.0, "jwt": 300.0, "cookie": 60.0}
"""How long nobody asks again whether a session is still there, when nothing is told of it."""


class Events:
    """The streams of every project."""

    def __init__(self, hubs: Hubs, identity: Identity) -> None:
        self._hubs = hubs
        self._identity = identity

    def routes(self) -> tuple[Route[Any], ...]:
        """The stream, and what an item of that key answers to."""
        path = f"items/{{collection}}/{SEGMENT}"
        return (
            Route("GET", path, self.listen),
            Route("PATCH", path, _of_item(items.update_by_keys)),
            Route("DELETE", path, _of_item(items.delete)),
        )

    async def listen(self, call: Call) -> Reply | StreamReply:
        """Tells of each change of an item that the asker may see."""
        collection = items.collection_of(call)
        if not _asks_for_stream(call, collection):
            return await items.read_by_keys(call.at(id=SEGMENT))
        hub = self._hubs.of(call.project)
        client = client_of(call.actor)
        hub.check_room(client)
        call.check_readable(collection)
        # Whoever was not believed is the public, as everywhere, and stays it.
        shown = NOTHING_SHOWN if call.public else call.request.credentials
        ip, agent = call.actor.ip, call.actor.user_agent
        verify = standing_of(self._identity, call.project, shown, ip, agent)
        generation = hub.generation
        standing = await verify()
        asked = ByParameters(collection, call.without(LAST).request.query)
        await hub.check(asked, standing)
        subscription = hub.subscription(asked, standing, generation, verify)
        signals = hub.signals(subscription, client, _since(call))
        key = call.project.config.auth.secret_key
        return StreamReply(
            _frames(signals, key), 200, _HEADERS, gone=lambda: subscription.end(None)
        )


def client_of(actor: Actor) -> str:
    """Whose streams and connections are counted together."""
    return block_of(actor.ip) if actor.public else f"user {actor.user}"


def standing_of(
    identity: Identity, project: Project, shown: Credentials, ip: str, agent: str
) -> Verify:
    """Who asks, looked up again each time; a session does not live on by that."""

    async def verify() -> Standing:
        now = datetime.now(UTC)
        found = await identity.identified(project, shown, ip, agent, now, extends=False)
        if found.refusal is not None:
            raise found.refusal
        project.check_open_to(found.actor)
        seconds = _BELIEVED_SECONDS.get(found.actor.credential, 60.0)
        if found.actor.credential == "jwt":
            signed_in = await identity.signed_in(project, shown, now, extends=False)
            if signed_in.claims is not None:
                seconds = min(seconds, signed_in.claims.exp - now.timestamp())
        return Standing(found.actor, seconds)

    return verify


async def _frames(signals: AsyncGenerator[Any, None], key: str) -> AsyncGenerator[bytes, None]:
    yield BEGIN
    async with aclosing(signals):
        async for signal in signals:
            yield frame(signal, key)


def _since(call: Call) -> int | None:
    """The place that the client names; -1 for one that means nothing here."""
    stated = call.request.headers.get(b"last-event-id", b"").decode("latin-1")
    stated = stated or str(call.params.get(LAST, ""))
    if not stated:
        return None
    place = find_place(stated, call.project.config.auth.secret_key)
    return -1 if place is None else place


def _asks_for_stream(call: Call, collection: str) -> bool:
    if b"text/event-stream" in call.request.headers.get(b"accept", b""):
        return True
    found = call.schema.collection(collection)
    kinds = {found.fields[name].kind for name in found.primary_key}
    # No item can have this key.
    return kinds == {Kind.INTEGER}


def _of_item(endpoint: Any) -> Any:
    async def of_item(call: Call) -> Reply:
        reply: Reply = await endpoint(call.at(id=SEGMENT))
        return reply

    return of_item
