"""`python -m bench memory`: what it costs to read a million rows in one request.

One client streams `limit=-1` while another reads items by id: the first must not fill the
server's memory, nor keep the second waiting.
"""

from __future__ import annotations

import asyncio
import http.client
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import sqlalchemy as sa
from msgspec import Struct

from bench.conductus import PROJECT, adopt, sign_in, started
from bench.databases import Database, fill
from bench.load import quantile
from bench.processes import Server, cores
from bench.report import tell
from bench.run import Servers, existing
from bench.targets import Headers, Refused
from bench.world import FIRST_MOMENT, SEED

CHUNK = 1 << 18
IDLE_SECONDS = 2.0
MARK = b'"id":'
READINGS = sa.Table(
    "readings",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sensor", sa.Integer),
    sa.Column("measured", sa.Double),
    sa.Column("note", sa.String(100)),
    sa.Column("taken", sa.DateTime),
)


class Streamed(Struct, frozen=True):
    """One answer read to its end."""

    rows: int
    bytes: int
    first_byte_seconds: float
    seconds: float


async def measure(servers: Servers, databases: Sequence[str], rows: int) -> int:
    """Print the figures of each database; 1 when rows were missing."""
    status = 0
    for kind in databases:
        with tempfile.TemporaryDirectory(prefix="conductus-bench-") as path:
            folder = Path(path)
            database = servers.database(kind, "memory", folder)
            async with existing(database):
                tell(f"{kind}: making {rows} rows")
                await _fill(database, rows)
                adopt(database, folder / "data")
                with started(database, folder / "data", cores(), folder) as server:
                    found = await asyncio.to_thread(_measured, kind, server, rows)
        status = status or found
    return status


async def _fill(database: Database, rows: int) -> None:
    """A thousand rows from here; the database doubles them until there are enough."""
    first = min(rows, 1000)
    notes = [
        (key, key % 50, key / 4, f"reading {key} of the bench", FIRST_MOMENT)
        for key in range(1, first + 1)
    ]
    await fill(database, [(READINGS, notes)])
    columns = READINGS.c
    while first < rows:
        copied = sa.select(
            columns.id + sa.literal(first), columns.sensor, columns.measured, columns.note,
            columns.taken,
        ).where(columns.id <= sa.literal(rows - first))  # fmt: skip
        statement = sa.insert(READINGS).from_select([c.name for c in columns], copied)
        compiled = statement.compile(
            dialect=database.dialect, compile_kwargs={"literal_binds": True}
        )
        await database.execute([str(compiled)])
        first = min(rows, 2 * first)


def _measured(kind: str, server: Server, rows: int) -> int:
    headers = sign_in(server.port)
    idle = _read_by_id(server.port, headers, rows, lambda began: _past(began, IDLE_SECONDS))
    before = server.largest_mib()
    done = Event()
    tell(f"{kind}: streaming")
    with ThreadPoolExecutor(1) as pool:
        readers = pool.submit(_read_by_id, server.port, headers, rows, lambda _: done.is_set())
        try:
            streamed = _stream(server.port, headers)
        finally:
            done.set()
        busy = readers.result()
    print(
        f"{kind}: {streamed.rows} rows, {streamed.bytes / 1e6:.0f} MB in {streamed.seconds:.1f} s"
        f" (first byte after {streamed.first_byte_seconds:.2f} s);"
        f" worker {before:.0f} MiB before, {server.peak_mib():.0f} MiB at the most\n"
        f"{kind}: item by id, idle {_latencies(idle)}; meanwhile {_latencies(busy)}",
        flush=True,
    )
    return 0 if streamed.rows == rows else 1


def _past(began: float, seconds: float) -> bool:
    return time.perf_counter() - began > seconds


def _stream(port: int, headers: Headers) -> Streamed:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    began = time.perf_counter()
    connection.request("GET", f"/{PROJECT}/items/readings?limit=-1", headers=dict(headers))
    response = connection.getresponse()
    if response.status != 200:
        raise Refused(f"limit=-1: {response.status} {response.read(500)!r}")
    size = found = 0
    first = 0.0
    rest = b""
    while chunk := response.read1(CHUNK):
        first = first or time.perf_counter() - began
        size += len(chunk)
        window = rest + chunk
        found += window.count(MARK)
        # A mark may be cut in two by the end of a chunk; what is kept is too short to hold one.
        rest = window[-(len(MARK) - 1) :]
    connection.close()
    return Streamed(found, size, first, time.perf_counter() - began)


def _read_by_id(
    port: int, headers: Headers, rows: int, over: Callable[[float], bool]
) -> list[float]:
    """The latencies of reads by id, one after another, until `over` says so."""
    rng = random.Random(SEED)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    latencies = []
    began = time.perf_counter()
    while not over(began):
        asked = time.perf_counter()
        path = f"/{PROJECT}/items/readings/{rng.randint(1, rows)}"
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        answer = response.read()
        latencies.append(time.perf_counter() - asked)
        if response.status != 200:
            raise Refused(f"{path}: {response.status} {answer[:500]!r}")
    connection.close()
    return sorted(latencies)


def _latencies(ordered: list[float]) -> str:
    p50, p99, longest = (quantile(ordered, share) * 1000 for share in (0.5, 0.99, 1.0))
    return f"p50 {p50:.1f}, p99 {p99:.1f}, max {longest:.1f} ms of {len(ordered)}"
