"""GraphQL over WebSockets, by the protocol graphql-transport-ws. Source: GraphQL page §3.

On real servers, with the client of the package `websockets`.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from conductus.endpoints import subscriptions as room
from conductus.http import sockets
from tests.scenarios.wire import EMAIL, KEY, PASSWORD, Wire, install, served
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import text, whole

PROTOCOL = Subprotocol(room.PROTOCOL)
PATIENCE_SECONDS = 20
SETTINGS = {
    "CONDUCTUS_WATCH__TICK_SECONDS": "0.05",
    "CONDUCTUS_PROJECTS__MAIN__REALTIME__SUBSCRIPTIONS": "3",
}
ADA = "ada@example.org"
ALL = "subscription { notes_mutated { event key item { id title } } }"


class Talk:
    """One connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def hear(self) -> Any:
        """The next message that is no ping; those are answered."""
        while True:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message = json.loads(await self.connection.recv())
            if message["type"] != "ping":
                return message
            await self.say(type="pong")

    async def begin(self, token: str | None = None) -> None:
        payload = {} if token is None else {"payload": {"token": token}}
        await self.say(type="connection_init", **payload)
        assert (await self.hear())["type"] == "connection_ack"

    async def subscribe(self, id: str, query: str, **more: Any) -> None:
        await self.say(id=id, type="subscribe", payload={"query": query, **more})

    async def told(self) -> tuple[str, Any]:
        """The subscription that is told something, and what."""
        message = await self.hear()
        assert message["type"] == "next", message
        (found,) = message["payload"]["data"].values()
        return message["id"], found

    async def closed(self) -> int | None:
        """The code with which the server ends the connection; None when it only breaks."""
        with pytest.raises(ConnectionClosed) as closing:
            await self._to_the_end()
        return None if closing.value.rcvd is None else closing.value.rcvd.code

    async def _to_the_end(self) -> None:
        while True:
            await self.hear()


class House:
    """A server with notes, and people who are told of them."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.ada = wire.ask(
            "POST",
            "/users",
            {"email": ADA, "password": PASSWORD, "status": "active", "role": self._role()},
        ).data["id"]

    def _role(self) -> int:
        role: int = self.wire.ask("POST", "/roles", {"name": "Readers"}).data["id"]
        rows = [{"role": role, "collection": "notes", "read": "mine", "create": "full"}]
        assert self.wire.ask("POST", "/permissions", rows).status == 200
        self.role = role
        return role

    @asynccontextmanager
    async def talk(self, protocol: Subprotocol = PROTOCOL, **headers: str) -> AsyncIterator[Talk]:
        url = f"{self.wire.url.replace('http', 'ws')}/{KEY}/gql"
        async with connect(url, subprotocols=[protocol], additional_headers=headers) as connection:
            yield Talk(connection)

    def token(self, email: str) -> str:
        login = {"email": email, "password": PASSWORD}
        token: str = self.wire.ask("POST", "/auth/authenticate", login).data["token"]
        return token

    def note(self, title: str, token: str | None = None) -> int:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        made = self.wire.ask("POST", "/items/notes", {"title": title}, **headers)
        key: int = made.data["id"]
        return key

    async def live(self, talk: Talk, id: str, token: str | None = None) -> None:
        """Waits until a subscription tells of changes."""
        waiting = asyncio.ensure_future(talk.told())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not waiting.done():
                await asyncio.to_thread(self.note, "are you there?", token)
                await asyncio.wait({waiting}, timeout=0.2)
        assert (await waiting)[0] == id


async def what_is_told(house: House) -> None:
    async with house.talk() as talk:
        await talk.begin(house.token(EMAIL))
        await talk.subscribe("all", ALL)
        await house.live(talk, "all")
        key = house.note("last")
        while (told := await talk.told())[1]["item"]["title"] != "last":
            pass
        item = {"id": str(key), "title": "last"}
        assert told[1] == {"event": "create", "key": str(key), "item": item}
        await talk.subscribe(
            "some",
            "subscription S($f: NotesFilter) { t: notes_mutated(event: [leave, delete], filter: $f)"
            " { __typename event key } }",
            variables={"f": {"title_eq": "last"}},
        )
        await talk.say(type="complete", id="all")
        await talk.subscribe("asked", f"{{ notes_by_id(id: {key}) {{ title }} }}")
        found = [await talk.hear(), await talk.hear()]
        assert found[0]["payload"] == {"data": {"notes_by_id": {"title": "last"}}}
        assert found[1] == {"id": "asked", "type": "complete"}
        change = 'mutation { update_notes_item(id: %d, data: {title: "%s"}) { id } }'
        # It may not be live yet: what it waits for is done until it is told.
        left: Any = None
        for number in range(100):
            await talk.subscribe(f"c{number}", change % (key, "first" if number % 2 else "last"))
            while (message := await talk.hear())["id"] != f"c{number}" or message["type"] != "next":
                if message["id"] == "some":
                    left = message["payload"]["data"]["t"]
            if left:
                break
        assert left == {"__typename": "NotesMutated", "event": "leave", "key": str(key)}


async def who_is_told(house: House) -> None:
    token = house.token(ADA)
    async with house.talk(authorization=f"Bearer {token}") as talk:
        await talk.begin()
        await talk.subscribe("hers", ALL)
        await house.live(talk, "hers", token)
        house.note("somebody else's")
        key = house.note("hers", token)
        while (told := (await talk.told())[1])["item"]["title"] != "hers":
            assert told["item"]["title"] == "are you there?"
        assert told["key"] == str(key)
        assert house.wire.ask("PATCH", f"/users/{house.ada}", {"status": "suspended"}).status == 200
        assert await talk.closed() == room.FORBIDDEN
    house.wire.ask("PATCH", f"/users/{house.ada}?status=*", {"status": "active"})


async def what_is_refused(house: House) -> None:
    async with house.talk() as talk:
        # The client offers to compress. What is small on the wire would be large here.
        request, response = talk.connection.request, talk.connection.response
        assert request is not None
        assert response is not None
        assert "permessage-deflate" in request.headers["sec-websocket-extensions"]
        assert "sec-websocket-extensions" not in response.headers
        await talk.begin()
        await talk.subscribe("public", ALL)
        refused = await talk.hear()
        assert (refused["id"], refused["type"]) == ("public", "error")
        assert refused["payload"][0]["extensions"]["http"] in (400, 401)
        await talk.subscribe("broken", "subscription {")
        assert (await talk.hear())["type"] == "error"
        for number in range(3):
            await talk.say(type="pong")
            await talk.say(type="ping", payload={"n": number})
            assert await talk.hear() == {"type": "pong"}
    async with house.talk() as talk:
        await talk.begin(house.token(EMAIL))
        for number in range(3):
            await talk.subscribe(f"s{number}", ALL)
        await talk.subscribe("one too many", ALL)
        refused = await talk.hear()
        assert (refused["id"], refused["payload"][0]["extensions"]["code"]) == ("one too many", 7)
        await talk.subscribe("s1", ALL)
        assert await talk.closed() == room.KNOWN_ID


async def how_it_is_closed(house: House) -> None:
    async def bad_token(talk: Talk) -> None:
        await talk.say(type="connection_init", payload={"token": "No.Such-Token"})

    async def twice(talk: Talk) -> None:
        await talk.begin()
        await talk.say(type="connection_init")

    async def too_early(talk: Talk) -> None:
        await talk.subscribe("a", ALL)

    async def no_object(talk: Talk) -> None:
        await talk.connection.send("[1]")

    async def no_text(talk: Talk) -> None:
        await talk.connection.send(b"{}")

    async def too_large(talk: Talk) -> None:
        await talk.say(type="ping", payload="x" * (1 << 18))

    async def unknown(talk: Talk) -> None:
        await talk.begin()
        await talk.say(type="start", id="1")

    async def no_query(talk: Talk) -> None:
        await talk.begin()
        await talk.say(type="subscribe", id="1", payload={})

    endings: list[tuple[Callable[[Talk], Any], int]] = [
        (bad_token, 4403),
        (twice, 4429),
        (too_early, 4401),
        *((each, 4400) for each in (no_object, no_text, too_large, unknown, no_query)),
    ]
    for deed, code in endings:
        async with house.talk() as talk:
            await deed(talk)
            assert await talk.closed() == code, deed.__name__
    async with house.talk(Subprotocol("graphql-ws")) as talk:
        assert await talk.closed() == room.NOT_SPOKEN
    url = house.wire.url.replace("http", "ws")
    for path in ("/main/items/notes", "/nowhere/gql"):
        with pytest.raises(InvalidStatus):
            async with connect(url + path, subprotocols=[PROTOCOL]):
                pass


async def a_cookie_of_a_foreign_page_is_not_heard(house: House) -> None:
    login = {"email": EMAIL, "password": PASSWORD, "mode": "cookie"}
    answer = house.wire.ask("POST", "/auth/authenticate", login)
    cookie = answer.headers["set-cookie"].partition(";")[0]
    for origin, type in (("https://evil.example", "error"), (house.wire.url, "next")):
        async with house.talk(cookie=cookie, origin=origin) as talk:
            await talk.begin()
            await talk.subscribe("q", "{ notes { data { id } } }")
            assert (await talk.hear())["type"] == type, origin


@pytest.mark.timeout(240)
async def test_subscriptions(database_url: str, tmp_path: Path) -> None:
    install(database_url, tmp_path)
    with served(tmp_path, **SETTINGS) as (server, wire):
        notes = {"collection": "notes", "fields": [ID, text("title"), whole("owner", "owner")]}
        assert wire.ask("POST", "/collections", notes).status == 200
        house = House(wire)
        for told in (
            what_is_told,
            who_is_told,
            what_is_refused,
            how_it_is_closed,
            a_cookie_of_a_foreign_page_is_not_heard,
        ):
            await told(house)
        async with house.talk() as talk:
            await talk.begin(house.token(EMAIL))
            await talk.subscribe("last", ALL)
            await house.live(talk, "last")
            server.process.send_signal(signal.SIGTERM)
            # Where the worker is quicker than the message, the connection breaks.
            assert await talk.closed() in (sockets.RESTART, None)
        assert await asyncio.to_thread(server.end) == 0
