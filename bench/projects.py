"""`python -m bench projects`: what many projects on one server cost.

As many copies of one project are made as are asked for, each in a database of its own. All
of them are asked for, one after another; then nobody asks until they are let go; then some
are asked for again. Told are the worker's memory, its files, its connections to PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from bench.conductus import COMMAND, PROJECT, adopt
from bench.databases import Database, PostgreSQL, SQLite, fill
from bench.load import quantile
from bench.processes import Server, cores, free_port, serving
from bench.report import tell
from bench.run import Servers, existing
from bench.targets import ask
from bench.world import World

KEPT = 20
PATIENCE_SECONDS = 300.0


async def measure(
    servers: Servers, databases: Sequence[str], number: int, idle_seconds: float
) -> int:
    """Print the figures of each database."""
    for kind in databases:
        with tempfile.TemporaryDirectory(prefix="conductus-bench-") as path:
            folder = Path(path)
            first = servers.database(kind, "projects", folder)
            async with existing(first):
                tell(f"{kind}: making {number} projects")
                await fill(first, list(World(articles=100, comments=150).tables()))
                await asyncio.to_thread(adopt, first, folder / "data")
                async with _copies(servers, first, folder, number) as keys:
                    with _started(folder, idle_seconds) as server:
                        await _measured(first, server, keys)
    return 0


@asynccontextmanager
async def _copies(
    servers: Servers, first: Database, folder: Path, number: int
) -> AsyncIterator[list[str]]:
    """Projects on copies of the database, with the secrets of none."""
    projects = folder / "data" / "projects"
    settings = (projects / f"{PROJECT}.toml").read_text()
    keys = [f"p{place}" for place in range(number)]
    async with AsyncExitStack() as stack:
        for key in keys:
            copy = servers.database(first.name, key, folder)
            await _copied(first, copy)
            stack.push_async_callback(copy.drop)
            (projects / f"{key}.toml").write_text(settings.replace(first.url, copy.url))
        yield keys


async def _copied(first: Database, copy: Database) -> None:
    if isinstance(first, SQLite) and isinstance(copy, SQLite):
        await asyncio.to_thread(shutil.copyfile, first.path, copy.path)
    elif isinstance(first, PostgreSQL) and isinstance(copy, PostgreSQL):
        await copy.create_like(first)
    else:
        raise SystemExit(f"databases of {first.name} are not copied here")


@contextmanager
def _started(folder: Path, idle_seconds: float) -> Iterator[Server]:
    port = free_port()
    command = [
        *COMMAND, "start", "--port", str(port), "--workers", "1", "--data", str(folder / "data"),
    ]  # fmt: skip
    environment = {
        "CONDUCTUS_IDLE_SECONDS": str(idle_seconds),
        "CONDUCTUS_OPEN_PROJECTS": str(KEPT),
    }
    began = time.perf_counter()
    with serving(command, port, cores().server, folder / "projects.log", environment) as server:
        ask(port, "GET", "/server/projects")
        tell(f"started after {time.perf_counter() - began:.1f} s")
        yield server


async def _measured(first: Database, server: Server, keys: Sequence[str]) -> None:
    at_start = await _state(first, server)
    opening, peak, files, connections = [], 0.0, 0, 0
    for key in keys:
        opening.append(await asyncio.to_thread(_asked, server, key))
        if len(opening) % 10 == 0:
            memory, opened, connected = await _state(first, server)
            peak, files = max(peak, memory), max(files, opened)
            connections = max(connections, connected)
    await _settled(server)
    after = await _state(first, server)
    again = [await asyncio.to_thread(_asked, server, key) for key in keys[: len(keys) // 4]]
    warm = [await asyncio.to_thread(_asked, server, keys[len(keys) // 4 - 1]) for _ in range(20)]
    await _settled(server)
    idle_began, idle_cpu = time.perf_counter(), server.cpu_seconds()
    await asyncio.sleep(10)
    idle = (server.cpu_seconds() - idle_cpu) / (time.perf_counter() - idle_began)
    for when, told in (
        ("none open", at_start),
        ("while all were asked for, at most", (peak, files, connections)),
        (f"{KEPT} open, the others asleep", after),
    ):
        print(
            f"{first.name}: {when}: worker {told[0]:.0f} MiB, {told[1]} files,"
            f" {told[2]} connections"
        )
    print(
        f"{first.name}: first request {_times(opening)}; after it was asleep {_times(again)};"
        f" while open {_times(warm)}; idle {idle * 100:.1f} % of a core",
        flush=True,
    )


def _asked(server: Server, key: str) -> float:
    began = time.perf_counter()
    ask(server.port, "GET", f"/{key}/")
    return time.perf_counter() - began


async def _settled(server: Server) -> None:
    """Waits until no more are open than may stay so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        health = await asyncio.to_thread(ask, server.port, "GET", "/server/health")
        states = [state["database"] for state in health["data"]["projects"].values()]
        if states.count("ok") <= KEPT:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"{states.count('ok')} projects are open still")
        await asyncio.sleep(1)


async def _state(first: Database, server: Server) -> tuple[float, int, int]:
    """The worker's memory, its open files, and the connections to the projects' databases."""
    (worker,) = [process for process in server.tree() if _is_worker(process, server)]
    files = len(os.listdir(f"/proc/{worker}/fd"))
    return server.largest_mib(), files, await _connections(first)


def _is_worker(process: int, server: Server) -> bool:
    sizes = {each: _resident(each) for each in server.tree()}
    return sizes[process] == max(sizes.values())


def _resident(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1])


async def _connections(first: Database) -> int:
    if not isinstance(first, PostgreSQL):
        return 0
    connection = await asyncpg.connect(f"{first.server.rstrip('/')}/postgres", timeout=5)
    try:
        like = f"conductus_bench_p%_{os.getpid()}"
        statement = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1"
        return int(await connection.fetchval(statement, like))
    finally:
        await connection.close()


def _times(found: Sequence[float]) -> str:
    ordered = sorted(found)
    middle, slow = quantile(ordered, 0.5), quantile(ordered, 0.95)
    return f"{middle * 1000:.1f} ms (95 %: {slow * 1000:.1f})"
