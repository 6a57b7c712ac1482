"""The live project: its database, its reader, and the picture that requests work on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import assert_never

import sqlalchemy as sa
from msgspec import Struct

from conductus.config import MaintenanceConfig, ProjectConfig, Watch, database_url
from conductus.database.executor import Database, Transaction
from conductus.database.opening import open_database
from conductus.errors import ApiError, QueryFailed, UnderMaintenance
from conductus.items.changes import WriteLimits
from conductus.items.comments import Comments
from conductus.items.reader import Reader
from conductus.items.writer import HashSecret, Writer
from conductus.permissions.actor import Actor
from conductus.projects.bells import Topic
from conductus.projects.bookkeeping import Bookkeeper
from conductus.projects.coherence import (
    Change,
    Counters,
    Fresh,
    bump,
    counts_of,
    read_stored,
)
from conductus.projects.events import NOBODY, Recorder, Waiting, listeners_of
from conductus.projects.guarded_payloads import SealSecret
from conductus.projects.guards import Guards
from conductus.projects.install import upgrade
from conductus.projects.journal import Everyone, Journal
from conductus.projects.merging import OWN_PREFIX, Merger
from conductus.projects.outbox import Outbox
from conductus.projects.policies import Policies
from conductus.projects.queries import Queries
from conductus.projects.schema_changes.heralding import SCHEMA_EVENTS, Herald
from conductus.projects.schema_changes.service import SchemaChanges
from conductus.projects.snapshot import Snapshot, load
from conductus.projects.tracking import Tracking
from conductus.schema.system import System
from conductus.telemetry import Observer, ProjectUnavailable, SnapshotLoaded, TaskFailed

__all__ = ["Equipment", "Project", "Snapshot", "open_project"]

KeptOut = Callable[[], MaintenanceConfig | None]
"""What is told to those who are kept out at present; None: nobody is."""


class Equipment(Struct, frozen=True, kw_only=True):
    """What every project of a server is handed."""

    system: System
    observer: Observer
    hash_secret: HashSecret
    seal_secret: SealSecret
    each_request: bool = False
    """Whether the counts in the database are looked at before each request."""


class Project:
    """One project, open. Requests take `current()` once and work on what it gives."""

    def __init__(
        self,
        key: str,
        config: ProjectConfig,
        database: Database,
        counters: Counters,
        equipment: Equipment,
        waiting: Waiting,
        kept_out: KeptOut,
    ) -> None:
        self.key = key
        self.config = config
        self.database = database
        self.hooks = waiting.hooks(self)
        self.reader = Reader(database, self.hooks)
        self.comments = Comments(database, self.reader)
        bookkeeper = Bookkeeper(database.dialect, counters.announce)
        limits = WriteLimits(max_changes=config.limits.batch)
        guards = Guards(
            database.dialect, partial(equipment.seal_secret, key=config.auth.secret_key)
        )
        self.outbox = Outbox(database.dialect, counters.bell(Topic.ERRANDS))
        herald = Herald(key, self.hooks, self.outbox)
        self._merger = Merger(equipment.system)
        self.schema_changes = SchemaChanges(
            database.dialect, self._merger, self.schema_transaction, herald
        )
        listeners = listeners_of(self.hooks, waiting.listeners)
        self.journal = Journal(database, counters.bell(Topic.EVENTS), self.latest)
        recorder = Recorder(key, self.outbox, self.hooks, listeners, self.latest)
        events = Everyone(recorder, self.journal)
        self.writer = Writer(
            database, equipment.hash_secret, limits, bookkeeper, guards, self.hooks, events
        )
        self.queries = Queries()
        self.tracking = Tracking(database.dialect)
        self.policies = Policies(database, lambda: counters.generation(Change.ACCESS))
        self._holders = 0
        self._forgetting: list[Callable[[], object]] = []
        self._counters = counters
        self._kept_out = kept_out
        self._observer = equipment.observer
        self._snapshot = Fresh(lambda: counters.generation(Change.SCHEMA), self._load)
        self._counts = counts_of(database.dialect)
        self._told = asyncio.Event()
        self._asked = 0
        # One look serves all who asked before it began.
        self._look = Fresh(lambda: self._asked, self._looked) if equipment.each_request else None

    # -- who is let in ------------------------------------------------------------------

    @property
    def under_maintenance(self) -> bool:
        """Whether all but administrators are kept out at present."""
        return self._kept_out() is not None

    def check_open_to(self, actor: Actor) -> None:
        """Raises `UnderMaintenance` (21/503) for those who are kept out at present."""
        kept_out = self._kept_out()
        if kept_out is not None and not actor.administrator:
            raise UnderMaintenance(kept_out.message, kept_out.retry_after)

    # -- who needs it -------------------------------------------------------------------

    @property
    def is_held(self) -> bool:
        """Whether somebody is at work with it."""
        return self._holders > 0

    def hold(self) -> None:
        """Keeps the project from being let go until `release`; say so before you wait."""
        self._holders += 1

    def release(self) -> None:
        """Ends a `hold`."""
        self._holders -= 1

    def at_end(self, forget: Callable[[], object]) -> None:
        """Has something called when the project is closed: what is kept of it elsewhere goes."""
        self._forgetting.append(forget)

    def end(self) -> None:
        """Says that the project is closed."""
        while self._forgetting:
            self._forgetting.pop()()

    async def current(self) -> Snapshot:
        """The snapshot, with every change that was acknowledged before this call.

        Where each request asks the database, with every change of other servers too; else
        theirs are known as soon as they are told, and within a second or so.
        """
        if self._look is not None:
            self._asked += 1
            await self._look.current()
        return await self._snapshot.current()

    def latest(self) -> Snapshot | None:
        """The snapshot that was taken last; None before the first."""
        return self._snapshot.latest()

    def generation(self, change: Change) -> int:
        """Grows with every change of that kind, in any worker. Costs nanoseconds.

        What is kept of roles, permissions and users is as fresh as the generation of
        `Change.ACCESS` that was read before it was loaded (`coherence.Fresh`).
        """
        return self._counters.generation(change)

    @asynccontextmanager
    async def schema_transaction(self) -> AsyncIterator[Transaction]:
        """A change of the schema: its DDL and metadata, counted and announced.

        Counted as one of access too: permissions name collections and fields.
        """
        known: dict[Change, int] = {}
        try:
            async with self.database.schema_transaction() as transaction:
                yield transaction
                counts = {change: await self.count(transaction, change) for change in Change}
            known = counts
            if self.hooks.waits(SCHEMA_EVENTS, "after"):
                self.outbox.ring()
        finally:
            # Also after a failure: MySQL commits DDL step by step, so what is left may differ.
            for change in Change:
                self._counters.announce(change, known.get(change))

    async def count(self, transaction: Transaction, change: Change) -> int:
        """Counts a change of rows in its own transaction; hand the answer to `announce`."""
        return await bump(transaction, self.database.dialect, change)

    def announce(self, change: Change, count: int) -> None:
        """After the commit and before the answer: makes every worker look again."""
        self._counters.announce(change, count)

    async def refresh(self) -> None:
        """Makes every worker of every server look again, whatever it knows."""
        counted = {}
        async with self.database.transaction() as transaction:
            for change in Change:
                counted[change] = await self.count(transaction, change)
        for change, count in counted.items():
            self.announce(change, count)

    async def upgrade(self) -> tuple[str, ...]:
        """Makes the tables of ours that are missing; answers their names."""
        made = await upgrade(self.database, self._merger.system)
        if made:
            await self.refresh()
        return made

    async def reconcile(self) -> None:
        """Takes in what other servers changed, and what one that died did not announce."""
        before = self._counters.stored()
        found = await read_stored(self.database, self._counts)
        self._counters.reconcile(before, found)

    async def _looked(self, _: int) -> None:
        await self.reconcile()

    def rings(self, topic: Topic) -> int:
        """Grows when processes of this server tell each other. Costs nanoseconds."""
        return self._counters.rings(topic)

    def rung(self, topic: Topic) -> None:
        """Another process says that there is something to look at."""
        match topic:
            case Topic.CHANGES:
                self._told.set()
                # Whoever reads the journal to others looks whether they are still let in.
                self.journal.bell.set()
            case Topic.ERRANDS:
                self.outbox.bell.set()
            case Topic.EVENTS:
                self.journal.bell.set()
            case _:
                assert_never(topic)

    async def watch(self, watch: Watch) -> None:
        """Looks for changes made elsewhere until it is cancelled."""
        reachable = True
        look_at_catalog = time.monotonic() + watch.catalog_seconds
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(watch.tick_seconds):
                    await self._told.wait()
            self._told.clear()
            try:
                await self.reconcile()
                if time.monotonic() >= look_at_catalog:
                    await self._compare_catalog()
                    look_at_catalog = time.monotonic() + watch.catalog_seconds
                reachable = True
            except ApiError as error:
                if reachable:
                    self._observer(ProjectUnavailable(self.key, str(error)))
                reachable = False
            except Exception as error:
                self._observer(TaskFailed(f"watch {self.key}", error))

    async def _compare_catalog(self) -> None:
        known = self._snapshot.latest()
        if known is not None and await self.database.fingerprint() != known.fingerprint:
            self._snapshot.expire()

    async def _load(self, version: int) -> Snapshot:
        began = time.perf_counter()
        snapshot = await load(self.database, self.key, self._merger, self.config.limits, version)
        seconds = time.perf_counter() - began
        collections = len(snapshot.schema.collections)
        self._observer(SnapshotLoaded(self.key, version, collections, seconds))
        return snapshot


@asynccontextmanager
async def open_project(
    key: str,
    config: ProjectConfig,
    data: Path,
    equipment: Equipment,
    waiting: Waiting = NOBODY,
    kept_out: KeptOut = lambda: None,
) -> AsyncIterator[Project]:
    """A project from its configuration. Raises `DatabaseUnreachable`, `NotInstalled`."""
    database = await open_database(
        database_url(config, data),
        pool_size=config.database.pool,
        statement_seconds=config.limits.statement_seconds,
    )
    try:
        await _upgraded(database, equipment.system)
        counters = Counters(counters_path(data, key))
        try:
            project = Project(key, config, database, counters, equipment, waiting, kept_out)
            # Before the first look, which need not be taken twice then; what is wrong with
            # a database without our tables is told by that look.
            with suppress(QueryFailed):
                await project.reconcile()
            await project.current()
            try:
                yield project
            finally:
                project.end()
        finally:
            counters.close()
    finally:
        await database.close()


async def _upgraded(database: Database, system: System) -> None:
    """Adds the tables of ours that an older version did not make."""
    own = [name for name in system.tables if name.startswith(OWN_PREFIX)]
    # All of them in one question: no row is read, but each has to be there.
    probe = database.dialect.compile(
        sa.select(sa.literal_column("1"))
        .select_from(*(sa.table(sa.quoted_name(name, quote=True)) for name in own))
        .where(sa.false())
    )
    try:
        await database.fetch(probe.sql, probe.values({}))
    except QueryFailed:
        await upgrade(database, system)


def counters_path(data: Path, key: str) -> Path:
    """The file that tells a server's workers of changes."""
    return data / "run" / f"{key}.counters"
