"""A client of GraphQL over WebSockets, in-process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from conductus.endpoints.subscriptions import PROTOCOL
from tests.scenarios.shop import KEY, Live

PATIENCE_SECONDS = 20.0
Message = MutableMapping[str, Any]


class Line:
    """One connection."""

    def __init__(self) -> None:
        self.accepted = False
        self.code: int | None = None
        """With which the server ended it."""
        self.silent = False
        """Whether pings are left unanswered."""
        self.pings = 0
        self.over = asyncio.Event()
        """Set when the server is done with it."""
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Any] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Message:
        return await self._in.get()

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self.accepted = True
            case "websocket.close":
                self.code = message["code"]
                self._out.put_nowait(None)
            case _:
                self._heard(json.loads(message["text"]))

    def _heard(self, said: Any) -> None:
        if said["type"] != "ping":
            self._out.put_nowait(said)
            return
        self.pings += 1
        if not self.silent:
            self.say(type="pong")

    def say(self, **message: Any) -> None:
        self.say_text(json.dumps(message))

    def say_text(self, text: str) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    def hang_up(self) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def leave(self) -> None:
        """Hangs up, and waits until the server has noticed."""
        self.hang_up()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.over.wait()

    async def hear(self) -> Any:
        """The next message that is no ping; None when there is an end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._out.get()

    async def closed(self) -> int | None:
        """The code with which the server ends it, whatever it says before."""
        while await self.hear() is not None:
            pass
        return self.code

    async def begin(self, token: str | None = None) -> None:
        payload = {} if token is None else {"payload": {"token": token}}
        self.say(type="connection_init", **payload)
        assert await self.hear() == {"type": "connection_ack"}, self.code

    def subscribe(self, id: str, query: str, **more: Any) -> None:
        self.say(id=id, type="subscribe", payload={"query": query, **more})

    async def answer(self, query: str, **more: Any) -> Any:
        """What a query gives, or what is wrong with it."""
        self.subscribe("asked", query, **more)
        found = await self.hear()
        if found is not None and found["type"] == "next":
            assert await self.hear() == {"id": "asked", "type": "complete"}
        return found and found["payload"]


@asynccontextmanager
async def conversing(world: Live, ip: str = "127.0.0.1") -> AsyncIterator[Line]:
    """A connection to the project's GraphQL."""
    line = Line()
    scope = {
        "type": "websocket",
        "path": f"/{KEY}/gql",
        "query_string": b"",
        "headers": [(b"host", b"conductus.test")],
        "subprotocols": [PROTOCOL],
        "client": (ip, 1),
    }
    task = asyncio.create_task(world.application.socket(scope, line.receive, line.send))
    task.add_done_callback(lambda _: line.over.set())
    try:
        yield line
    finally:
        line.hang_up()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task
