"""The timing itself: rounds of slices, every target in turn within each round.

The machine drifts while a run lasts (other work, clocks, caches); interleaving lets it drift for
all alike, and a ratio is taken within a round before the median over rounds is.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from bench.databases import Database, Thread
from bench.load import GRACE_SECONDS, NOTHING, Job, Outcome
from bench.processes import Cores, cpu_seconds
from bench.targets import Target
from bench.workloads import Workload
from bench.world import World


class Effort(Struct, frozen=True):
    """How long and how often is measured."""

    rounds: int = 5
    seconds: float = 1.5
    connections: int = 8


class Slice(Struct, frozen=True):
    """One target doing one workload in one round. Times are microseconds per request."""

    workload: str
    target: str
    round: int
    outcome: Outcome
    rate: float
    server_us: float | None
    database_us: float | None
    memory_mib: float | None


class DatabaseClock:
    """CPU time of the threads that serve one database, connections opened meanwhile included."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._before: dict[Thread, float] = {}
        self._known = True

    async def start(self) -> None:
        """Note how much each thread has used so far."""
        threads = await self._database.threads()
        self._known = threads is not None
        # All threads of the server: a connection that is opened later may be given one that
        # has worked before.
        processes = {thread.process for thread in threads or ()}
        tasks = [Thread(process, task) for process in processes for task in _tasks(process)]
        self._before = {thread: _used(thread) for thread in tasks}

    async def seconds(self) -> float | None:
        """CPU time since `start`; none when the threads cannot be known."""
        threads = await self._database.threads()
        if threads is None or not self._known:
            return None
        # A thread that ended in between is lost; pools keep theirs through a slice.
        return sum(_used(thread) - self._before.get(thread, 0.0) for thread in threads)


def _tasks(process: int) -> list[int]:
    try:
        return [int(path.name) for path in Path(f"/proc/{process}/task").iterdir()]
    except OSError:
        return []


def _used(thread: Thread) -> float:
    """CPU time so far. To the nanosecond where the kernel counts so: many threads that each
    do little would be off by a tick each."""
    task = Path(f"/proc/{thread.process}/task/{thread.task}")
    try:
        return int(Path(task, "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return cpu_seconds(Path(task, "stat"))


async def measured(
    database: Database,
    targets: Sequence[Target],
    workloads: Sequence[Workload],
    world: World,
    effort: Effort,
    cores: Cores,
    tell: Callable[[str], None],
) -> list[Slice]:
    """All rounds. After each slice of writes the rows that it made are removed."""
    slices = []
    for number in range(1, effort.rounds + 1):
        headers = {target.name: target.sign_in() for target in targets}
        for workload in workloads:
            tell(f"{database.name}: round {number} of {effort.rounds}, {workload.title}")
            asks = workload.asks(world, number)
            for target in _turned(targets, number):
                if not target.serves(workload):
                    continue
                requests = target.requests(workload, asks, headers[target.name])
                clock = DatabaseClock(database)
                slices.append(
                    await _slice(target, workload, requests, number, effort, cores, clock)
                )
                if workload.writes:
                    await tidy(database, world)
    return slices


def _turned(targets: Sequence[Target], number: int) -> list[Target]:
    """Another target goes first in each round."""
    start = number % len(targets)
    return [*targets[start:], *targets[:start]]


async def _slice(
    target: Target,
    workload: Workload,
    requests: list[bytes],
    number: int,
    effort: Effort,
    cores: Cores,
    clock: DatabaseClock,
) -> Slice:
    job = Job(
        target.port, requests, cores.load, effort.connections,
        warm_seconds=min(0.2, effort.seconds / 4), seconds=effort.seconds,
    )  # fmt: skip
    server = target.server
    await clock.start()
    before = server.cpu_seconds() if server else 0.0
    outcome = await asyncio.to_thread(loaded, job)
    used = server.cpu_seconds() - before if server else None
    database = await clock.seconds()
    each = 1e6 / max(1, outcome.total)
    return Slice(
        workload=workload.name,
        target=target.name,
        round=number,
        outcome=outcome,
        rate=outcome.rate,
        server_us=used * each if used is not None else None,
        database_us=database * each if database is not None else None,
        memory_mib=server.memory_mib() if server else None,
    )


def loaded(job: Job) -> Outcome:
    """Let the load generator do a job, in its own process."""
    finished = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=msgspec.json.encode(job),
        capture_output=True,
        timeout=2 * (GRACE_SECONDS + job.seconds),
        check=False,
    )
    if finished.returncode:
        # A server that stopped answering is a finding about it, not the end of the run.
        reason = finished.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return structs.replace(NOTHING, errors=1, first_error=reason)
    return msgspec.json.decode(finished.stdout, type=Outcome)


async def tidy(database: Database, world: World) -> None:
    """Take the blog back to the rows it was filled with; a target's own history stays."""
    await database.execute(world.leftovers(database.dialect))
