"""One run over the chosen databases: seed, start, compare, time, clean up."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from msgspec import Struct

from bench import report, targets
from bench.conductus import conductus, graphql
from bench.databases import PREFIX, Database, MariaDB, PostgreSQL, SQLite, Unreachable, fill
from bench.measure import Effort, measured, tidy
from bench.peers import Peer, external, local
from bench.peers.install import missing
from bench.processes import Cores, Failed, cores
from bench.report import DatabaseReport, Report, tell
from bench.restricted import NOT_MEASURED, restricted
from bench.targets import Refused, Target
from bench.verify import differences
from bench.workloads import Workload
from bench.world import World


class Servers(Struct, frozen=True):
    """Where the database servers are; each run makes databases of its own there."""

    postgresql: str
    mariadb: str

    def database(self, kind: str, purpose: str, folder: Path) -> Database:
        """A database for one purpose of this run."""
        name = f"{PREFIX}{purpose}_{os.getpid()}"
        match kind:
            case "sqlite":
                return SQLite(folder / f"{purpose}.db")
            case "postgresql":
                return PostgreSQL(self.postgresql, name)
            case _:
                return MariaDB(self.mariadb, name)


class Options(Struct, frozen=True):
    """What a run was asked to do."""

    databases: tuple[str, ...]
    servers: Servers
    workloads: tuple[Workload, ...]
    world: World
    effort: Effort
    peers: tuple[Peer, ...]
    with_conductus: bool
    with_local_peers: bool


async def run(options: Options) -> Report:
    """Measure every chosen database in turn."""
    notes = []
    failures = []
    chosen = cores()
    if chosen.shared:
        notes.append("one core only: server and load generator share it")
    found = []
    for kind in options.databases:
        with tempfile.TemporaryDirectory(prefix="conductus-bench-") as folder:
            database = options.servers.database(kind, "blog", Path(folder))
            try:
                found.append(await _measure(options, database, chosen, Path(folder)))
            except Unreachable as unreachable:
                failures.append(f"{kind} was not measured: {unreachable}")
                continue
            print(report.text(found[-1]), flush=True)
    return Report(
        when=dt.datetime.now(dt.UTC),
        commit=report.commit(),
        machine=report.machine(),
        packages=report.packages(),
        cores=chosen,
        effort=options.effort,
        world=options.world,
        databases=found,
        notes=notes,
        failures=failures,
    )


async def _measure(
    options: Options, database: Database, chosen: Cores, folder: Path
) -> DatabaseReport:
    async with existing(database):
        tell(f"{database.name}: seeding {options.world.articles} articles")
        await fill(database, list(options.world.tables()))
        notes: list[str] = []
        failures: list[str] = []
        with ExitStack() as stack:
            limit = stack.enter_context(targets.limit(database, chosen, folder))
            started: list[Target] = []
            if options.with_conductus:
                tell(f"{database.name}: adopting and starting Conductus")
                try:
                    opening = conductus(database, folder / "data", chosen, folder)
                    started.append(stack.enter_context(opening))
                    started.append(graphql(started[0]))
                except (Failed, Refused) as failure:
                    failures.append(f"without Conductus: {failure}")
            started += _peers(options, database, chosen, folder, stack, notes)
            different = await _compared(options, database, limit, started)
            slices = await measured(
                database, [limit, *started], options.workloads, options.world, options.effort,
                chosen, tell,
            )  # fmt: skip
            rules = NOT_MEASURED
            if started and started[0].name == "conductus":
                # The last thing: the articles have other columns afterwards.
                rules = await restricted(
                    database, started[0], options.workloads, options.world, options.effort, chosen
                )
            return DatabaseReport(
                database=database.name,
                version=await database.version(),
                lines=report.lines(slices),
                restricted=rules.lines,
                differences=[*different, *rules.differences],
                notes=notes,
                failures=failures,
                slices=slices,
            )


@asynccontextmanager
async def existing(database: Database) -> AsyncIterator[None]:
    """The database while it is needed."""
    await database.create()
    try:
        yield
    finally:
        await database.drop()


def _peers(
    options: Options,
    database: Database,
    chosen: Cores,
    folder: Path,
    stack: ExitStack,
    notes: list[str],
) -> list[Target]:
    """The peers that can be had; the others are a note, not a failure."""
    started = [external(peer) for peer in options.peers]
    if options.with_local_peers:
        notes.extend(f"without {name}: not installed (bench peers install)" for name in missing())
        for name, opening in local(database, options.world, chosen, folder):
            try:
                tell(f"{database.name}: starting {name}")
                started.append(stack.enter_context(opening))
            except (Failed, Refused, OSError) as failure:
                notes.append(f"without {name}: {failure}")
    return started


async def _compared(
    options: Options, database: Database, limit: Target, others: Sequence[Target]
) -> list[str]:
    different: list[str] = []
    for target in others:
        tell(f"{database.name}: comparing the answers of {target.name}")
        headers = target.sign_in()
        different += differences(target, limit, options.workloads, options.world, headers)
    await tidy(database, options.world)
    return different
