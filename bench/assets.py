"""`python -m bench assets`: what drawing pictures leaves to those who read items.

One client reads items by id, first alone and then while others keep asking for variants of
photographs that nobody has drawn yet; in turn, on one core that server and drawing share,
and on all cores.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

from msgspec import Struct
from PIL import Image

from bench.conductus import PROJECT, adopt, started, target
from bench.databases import Database, fill
from bench.load import Job, quantile
from bench.measure import loaded
from bench.processes import Server, cores
from bench.report import tell
from bench.run import Servers, existing
from bench.targets import Target
from bench.workloads import WORKLOADS
from bench.world import World
from conductus.database.opening import open_database
from conductus.projects import rows
from conductus.schema.system import load_system

PHOTOGRAPHS = 60
SIZE = (4000, 3000)
CLIENTS = 4
ROUNDS = 5
SECONDS = 2.0
FILES = "directus_files"


class Drawn(Struct, frozen=True):
    """Variants that were drawn meanwhile."""

    seconds: list[float]
    took: float


async def measure(servers: Servers, databases: Sequence[str]) -> int:
    """Print the figures of each database."""
    for kind in databases:
        with tempfile.TemporaryDirectory(prefix="conductus-bench-") as path:
            folder = Path(path)
            database = servers.database(kind, "assets", folder)
            async with existing(database):
                world = World(2_000, comments=3_000)
                await fill(database, list(world.tables()))
                adopt(database, folder / "data")
                tell(f"{kind}: hanging {PHOTOGRAPHS} photographs")
                addresses = await _hung(database, folder / "data")
                with started(database, folder / "data", cores(), folder) as server:
                    await asyncio.to_thread(_measured, kind, server, addresses, world)
    return 0


async def _hung(database: Database, data: Path) -> list[str]:
    """Photographs in the storage, with their rows; their addresses."""
    photograph = _photograph()
    originals = data / "files" / PROJECT / "originals"
    originals.mkdir(parents=True)
    hung: list[dict[str, Any]] = []
    for _ in range(PHOTOGRAPHS):
        disk = f"{secrets.token_hex(8)}.jpg"
        (originals / disk).write_bytes(photograph)
        hung.append(
            {
                "private_hash": secrets.token_hex(8),
                "filename_disk": disk,
                "filename_download": "photograph.jpg",
                "type": "image/jpeg",
                "filesize": len(photograph),
                "uploaded_by": 1,
                "uploaded_on": "2031-02-03 04:05:06",
            }
        )
    opened = await open_database(database.url)
    try:
        async with opened.transaction() as transaction:
            system = load_system().tables
            await rows.add(transaction, opened.dialect, FILES, system[FILES].kinds, hung)
            kinds = system["directus_settings"].kinds
            key, free = {"key": "asset_whitelist"}, {"value": "[]"}
            await rows.change(transaction, opened.dialect, "directus_settings", kinds, key, free)
    finally:
        await opened.close()
    return [row["private_hash"] for row in hung]


def _photograph() -> bytes:
    """Something that is as hard to decode as what cameras make: 12 megapixels of detail."""
    noise = Image.effect_noise(SIZE, 60).convert("RGB")
    picture = Image.blend(Image.radial_gradient("L").resize(SIZE).convert("RGB"), noise, 0.3)
    written = BytesIO()
    picture.save(written, "JPEG", quality=88)
    return written.getvalue()


def _measured(kind: str, server: Server, addresses: list[str], world: World) -> None:
    found = target("conductus", server.port, server)
    variants = [_variants(addresses[number::CLIENTS]) for number in range(CLIENTS)]
    for where in ("one core", "all cores"):
        if where == "all cores":
            _spread(server)
        shares, drawn = [], []
        for _ in range(ROUNDS):
            alone = _rate(found, world)
            done = Event()
            with ThreadPoolExecutor(CLIENTS) as pool:
                asking = [pool.submit(_ask, server.port, each, done) for each in variants]
                try:
                    meanwhile = _rate(found, world)
                finally:
                    done.set()
                drawn += [each.result() for each in asking]
            shares.append(meanwhile / alone)
        seconds = sorted(itertools.chain.from_iterable(each.seconds for each in drawn))
        each_second = sum(len(each.seconds) / each.took for each in drawn) / ROUNDS
        print(
            f"{kind}, {where}: reading by id keeps {median(shares):.2f} of its rate "
            f"({min(shares):.2f} to {max(shares):.2f}) while {each_second:.1f} pictures a second "
            f"are drawn; p50 {quantile(seconds, 0.5) * 1000:.0f} ms, "
            f"p99 {quantile(seconds, 0.99) * 1000:.0f} ms",
            flush=True,
        )


def _variants(addresses: list[str]) -> Iterator[str]:
    """Addresses of variants, none of them twice."""
    for wide in itertools.count():
        for address in addresses:
            yield f"/{PROJECT}/assets/{address}?w={300 + wide}&h=300&f=crop&q=80"


def _rate(found: Target, world: World) -> float:
    """Items by id in a second."""
    (workload,) = (each for each in WORKLOADS if each.name == "by_id")
    requests = found.requests(workload, workload.asks(world, 1), found.sign_in())
    outcome = loaded(Job(found.port, requests, cores().load, seconds=SECONDS))
    if outcome.errors:
        raise RuntimeError(outcome.first_error)
    return outcome.rate


def _ask(port: int, variants: Iterator[str], done: Event) -> Drawn:
    """Asks for one variant after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    seconds = []
    began = time.perf_counter()
    while not done.is_set():
        asked = time.perf_counter()
        connection.request("GET", next(variants))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {body[:300]!r}")
        seconds.append(time.perf_counter() - asked)
    connection.close()
    return Drawn(seconds, time.perf_counter() - began)


def _spread(server: Server) -> None:
    """From now on the server, and what it starts, may use every core."""
    every = os.sched_getaffinity(0)
    for process in server.tree():
        for task in Path(f"/proc/{process}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), every)
