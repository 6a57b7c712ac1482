"""`python -m bench subscribers`: what idle subscribers cost, and one change that all are told.

So many streams are opened to one worker, each by a connection of its own; then one item is
changed, and each of them must be told.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from bench.conductus import PROJECT, adopt, sign_in, started
from bench.databases import Database, fill
from bench.processes import Server, cores
from bench.report import tell
from bench.run import Servers, existing
from bench.targets import Headers, ask

SETTLE_SECONDS = 3.0
PATIENCE_SECONDS = 120.0
AT_ONCE = 50
NOTES = sa.Table(
    "notes",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("title", sa.String(100)),
)
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def measure(servers: Servers, databases: Sequence[str], subscribers: int) -> int:
    """Print the figures of each database; 1 when somebody was not told."""
    _allow_files(subscribers)
    status = 0
    for kind in databases:
        with tempfile.TemporaryDirectory(prefix="conductus-bench-") as path:
            folder = Path(path)
            database = servers.database(kind, "subscribers", folder)
            async with existing(database):
                await fill(database, [(NOTES, [(1, "first")])])
                adopt(database, folder / "data")
                _make_room(folder / "data", subscribers)
                status |= await _measured(kind, database, folder, subscribers)
    return status


async def _measured(kind: str, database: Database, folder: Path, subscribers: int) -> int:
    with started(database, folder / "data", cores(), folder) as server:
        headers = await asyncio.to_thread(sign_in, server.port)
        # The first of all makes the collection a watched one.
        streams = [await _opened(server.port, headers)]
        await asyncio.sleep(SETTLE_SECONDS)
        before = server.largest_mib()
        tell(f"{kind}: opening {subscribers} streams")
        began = time.perf_counter()
        while len(streams) <= subscribers:
            few = min(AT_ONCE, subscribers + 1 - len(streams))
            streams += await asyncio.gather(*(_opened(server.port, headers) for _ in range(few)))
        opened = time.perf_counter() - began
        await asyncio.sleep(SETTLE_SECONDS)
        idle = server.largest_mib()
        cpu = server.cpu_seconds()
        await asyncio.sleep(SETTLE_SECONDS)
        busy = (server.cpu_seconds() - cpu) / SETTLE_SECONDS
        began = time.perf_counter()
        path = f"/{PROJECT}/items/notes/1"
        await asyncio.to_thread(ask, server.port, "PATCH", path, {"title": "second"}, headers)
        told = await asyncio.gather(*(_told(reader) for reader, _ in streams))
        seconds = time.perf_counter() - began
        for _, writer in streams:
            writer.close()
        _report(kind, server, subscribers, before, idle, busy)
        print(f"{kind}: opened in {opened:.1f} s; all told of a change in {seconds:.2f} s")
    return 0 if all(told) else 1


def _report(
    kind: str, server: Server, subscribers: int, before: float, idle: float, busy: float
) -> None:
    each = (idle - before) * 1024 / subscribers
    print(
        f"{kind}: worker {before:.0f} MiB before, {idle:.0f} MiB with {subscribers} idle streams:"
        f" {each:.0f} KiB each; {server.peak_mib():.0f} MiB at the most;"
        f" {busy * 100:.1f} % of a core while idle",
        flush=True,
    )


async def _opened(port: int, headers: Headers) -> Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = [f"GET /{PROJECT}/items/notes/events HTTP/1.1", "Host: bench", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.readuntil(b"event: open\n")
    return reader, writer


async def _told(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.readuntil(b"event: update\n")
    return True


def _make_room(data: Path, subscribers: int) -> None:
    path = data / "projects" / f"{PROJECT}.toml"
    room = f"[realtime]\nconnections = {subscribers + 1}\nper_client = {subscribers + 1}\n"
    path.write_text(f"{path.read_text()}\n{room}")


def _allow_files(subscribers: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < subscribers + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(subscribers + 200, hard), hard))
