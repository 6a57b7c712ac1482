"""`python -m bench subscribers`: what idle subscribers cost, and changes that all are told of.

So many are connected to one worker, each by a connection of its own: as streams of
Server-Sent Events, then as subscriptions of GraphQL over WebSockets. They are left alone for
a while; then one item is changed several times, and each of them must be told each time.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.conductus import PROJECT, adopt, sign_in, started
from bench.databases import Database, fill
from bench.measure import DatabaseClock
from bench.processes import Server, cores
from bench.report import tell
from bench.run import Servers, existing
from bench.targets import Headers, ask

SETTLE_SECONDS = 3.0
IDLE_SECONDS = 10.0
PATIENCE_SECONDS = 120.0
AT_ONCE = 50
CHANGES = 10
NOTES = sa.Table(
    "notes",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("title", sa.String(100)),
)
PROTOCOL = Subprotocol("graphql-transport-ws")
SUBSCRIPTION = "subscription { notes_mutated { event item { id title } } }"


class Listener(Protocol):
    """One subscriber."""

    async def told(self) -> None:
        """Waits until it is told of the next change."""
        ...

    async def close(self) -> None:
        """Hangs up."""
        ...


class Stream(Struct, frozen=True):
    """One stream of Server-Sent Events."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def told(self) -> None:
        """Waits until it is told of the next change."""
        await self.reader.readuntil(b"event: update\n")

    async def close(self) -> None:
        """Hangs up."""
        self.writer.close()


class Socket:
    """One subscription on a WebSocket of its own, which says that it is there when asked."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._told: asyncio.Queue[None] = asyncio.Queue()
        self._hearing = asyncio.create_task(self._hear())

    async def told(self) -> None:
        """Waits until it is told of the next change."""
        await self._told.get()

    async def close(self) -> None:
        """Hangs up."""
        self._hearing.cancel()
        await self._connection.close()

    async def _hear(self) -> None:
        async for message in self._connection:
            match msgspec.json.decode(message)["type"]:
                case "ping":
                    await self._connection.send('{"type": "pong"}')
                case "next":
                    self._told.put_nowait(None)


Connecting = Callable[[int, Headers], Coroutine[Any, Any, Listener]]


async def measure(servers: Servers, databases: Sequence[str], subscribers: int) -> int:
    """Print the figures of each database. Raises `TimeoutError` when somebody is not told."""
    _allow_files(subscribers)
    for kind in databases:
        for way, connecting in (("streams", _stream), ("WebSockets", _socket)):
            with tempfile.TemporaryDirectory(prefix="conductus-bench-") as path:
                folder = Path(path)
                database = servers.database(kind, "subscribers", folder)
                async with existing(database):
                    await fill(database, [(NOTES, [(1, "first")])])
                    adopt(database, folder / "data")
                    _make_room(folder / "data", subscribers)
                    with started(database, folder / "data", cores(), folder) as server:
                        tell(f"{kind}: opening {subscribers} {way}")
                        await _measured(f"{kind}, {way}", database, server, subscribers, connecting)
    return 0


async def _measured(
    name: str, database: Database, server: Server, subscribers: int, connecting: Connecting
) -> None:
    headers = await asyncio.to_thread(sign_in, server.port)
    # The first of all makes the collection a watched one.
    listeners = [await connecting(server.port, headers)]
    await asyncio.sleep(SETTLE_SECONDS)
    before = server.largest_mib()
    began = time.perf_counter()
    while len(listeners) <= subscribers:
        few = min(AT_ONCE, subscribers + 1 - len(listeners))
        listeners += await asyncio.gather(*(connecting(server.port, headers) for _ in range(few)))
    opened = time.perf_counter() - began
    await asyncio.sleep(SETTLE_SECONDS)
    after = server.largest_mib()
    held = await database.threads()
    idle = await _cpu(database, server, lambda: asyncio.sleep(IDLE_SECONDS))
    told = await _cpu(database, server, lambda: _changes(server.port, headers, listeners))
    for listener in listeners:
        await listener.close()
    each = (after - before) * 1024 / subscribers
    print(
        f"{name}: worker {before:.0f} MiB before, {after:.0f} MiB with {subscribers}:"
        f" {each:.0f} KiB each; {server.peak_mib():.0f} MiB at the most;"
        f" opened in {opened:.1f} s\n"
        f"{name}: connections to the database: {'none' if held is None else len(held)};"
        f" idle: {_shares(idle, IDLE_SECONDS)}\n"
        f"{name}: each change told to all: {_milliseconds(told)}",
        flush=True,
    )


async def _changes(port: int, headers: Headers, listeners: Sequence[Listener]) -> None:
    for number in range(CHANGES):
        body = {"title": f"title {number}"}
        await asyncio.to_thread(ask, port, "PATCH", f"/{PROJECT}/items/notes/1", body, headers)
        async with asyncio.timeout(PATIENCE_SECONDS):
            for listener in listeners:
                await listener.told()


async def _cpu(
    database: Database, server: Server, work: Callable[[], Coroutine[Any, Any, None]]
) -> tuple[float, float | None]:
    """CPU seconds of the server and of the database while something is done."""
    clock = DatabaseClock(database)
    await clock.start()
    began = server.cpu_seconds()
    await work()
    return server.cpu_seconds() - began, await clock.seconds()


def _shares(used: tuple[float, float | None], seconds: float) -> str:
    server, database = used
    own = f"{server / seconds * 100:.1f} % of a core"
    return own if database is None else f"{own}, database {database / seconds * 100:.1f} %"


def _milliseconds(used: tuple[float, float | None]) -> str:
    server, database = used
    own = f"{server / CHANGES * 1000:.0f} ms of CPU"
    return own if database is None else f"{own}, database {database / CHANGES * 1000:.1f} ms"


async def _stream(port: int, headers: Headers) -> Listener:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = [f"GET /{PROJECT}/items/notes/events HTTP/1.1", "Host: bench", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.readuntil(b"event: open\n")
    return Stream(reader, writer)


async def _socket(port: int, headers: Headers) -> Listener:
    connection = await connect(
        f"ws://127.0.0.1:{port}/{PROJECT}/gql",
        subprotocols=[PROTOCOL],
        additional_headers=headers,
        open_timeout=PATIENCE_SECONDS,
        ping_interval=None,
        compression=None,
    )
    await connection.send('{"type": "connection_init"}')
    await connection.recv()
    asked = {"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}}
    await connection.send(msgspec.json.encode(asked).decode())
    return Socket(connection)


def _make_room(data: Path, subscribers: int) -> None:
    path = data / "projects" / f"{PROJECT}.toml"
    room = f"[realtime]\nconnections = {subscribers + 1}\nper_client = {subscribers + 1}\n"
    path.write_text(f"{path.read_text()}\n{room}")


def _allow_files(subscribers: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < subscribers + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(subscribers + 200, hard), hard))
