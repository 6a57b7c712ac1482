"""A client of Server-Sent Events, in-process: it reads when it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from tests.scenarios.shop import KEY, Live

PATIENCE_SECONDS = 20.0


class Heard(Struct, frozen=True):
    """One event of a stream."""

    event: str
    data: Any
    id: str | None

    @property
    def told(self) -> tuple[str, Any]:
        """What happened to which item."""
        return self.data["event"], self.data["key"]


class Ear:
    """One stream."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last = ""
        """The id of the last event."""
        self.beats = 0
        self._sent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest = b""
        self.started = asyncio.Event()
        self.gone = asyncio.Event()
        self._first = True
        self._hears = asyncio.Event()
        self._hears.set()

    def stop(self) -> None:
        """Takes nothing more until it `goes on`."""
        self._hears.clear()

    def go_on(self) -> None:
        """Takes again what is sent."""
        self._hears.set()

    async def receive(self) -> MutableMapping[str, Any]:
        if self._first:
            self._first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            self.started.set()
            return
        await self._hears.wait()
        await self._sent.put(message.get("body", b""))
        if not message.get("more_body", False):
            await self._sent.put(None)

    async def next(self) -> Heard | None:
        """The next event; None at the end of the stream."""
        while True:
            block = await self._block()
            if block is None:
                return None
            heard = self._heard(block)
            if heard is not None:
                return heard

    async def told(self) -> tuple[str, Any]:
        """What the next event tells."""
        heard = await self.next()
        assert heard is not None, "the stream has ended"
        return heard.told

    async def body(self) -> Any:
        """The body of an answer that is no stream."""
        found = b""
        while (part := await self._sent.get()) is not None:
            found += part
        return json.loads(found)

    async def _block(self) -> str | None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while b"\n\n" not in self._rest:
                part = await self._sent.get()
                if part is None:
                    return None
                self._rest += part
        block, self._rest = self._rest.split(b"\n\n", 1)
        return block.decode()

    def _heard(self, block: str) -> Heard | None:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        self.last = fields.get("id", self.last)
        if "data" not in fields:
            self.beats += "" in fields
            return None
        return Heard(fields["event"], json.loads(fields["data"]), fields.get("id"))


@asynccontextmanager
async def listening(
    world: Live,
    path: str,
    token: str | None,
    headers: Mapping[str, str] = {},
    *,
    opens: bool = True,
) -> AsyncIterator[Ear]:
    """A stream of events of a path below the project, opened unless told otherwise."""
    ear = Ear()
    path, _, query = path.partition("?")
    sent = {"host": "conductus.test", "accept": "text/event-stream", **headers}
    if token:
        sent["authorization"] = f"Bearer {token}"
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": f"/{KEY}{path}",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
    }
    task = asyncio.create_task(world.server(scope, ear.receive, ear.send))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ear.started.wait()
        if opens:
            assert ear.status == 200, await ear.body()
            first = await ear.next()
            assert first is not None
            assert first.event in ("open", "reset"), first
        yield ear
    finally:
        ear.go_on()
        ear.gone.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task
