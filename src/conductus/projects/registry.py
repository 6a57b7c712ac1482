"""Which projects there are, and the open ones.

Projects are opened when they are first asked for; one whose database is away is tried again
at the next request and harms no other. Files in the data folder's `projects` are looked at
with each request (one `stat`) and each second, so a new, changed or removed project needs no
restart, and those who are told of changes without asking are shut out as well. Of
many projects those that nobody asks for are let go, with their connections and snapshots.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from msgspec import Struct

from conductus.config import (
    PROJECT_FOLDER,
    ConfigInvalid,
    MaintenanceConfig,
    ProjectConfig,
    ServerConfig,
    database_url,
    found_keys,
    project_config,
    project_path,
)
from conductus.database.executor import Database
from conductus.database.opening import open_database
from conductus.errors import ApiError, DatabaseUnreachable, ProjectNotFound
from conductus.items.writer import HashSecret
from conductus.projects.entry import UNUSABLE, Entry, Stamp
from conductus.projects.events import NOBODY, Waiting
from conductus.projects.guarded_payloads import SealSecret
from conductus.projects.maintenance import orders
from conductus.projects.project import Equipment, Project, open_project
from conductus.schema.system import load_system
from conductus.telemetry import (
    Observer,
    ProjectClosed,
    ProjectOpened,
    ProjectUnavailable,
    TaskFailed,
)

CANCEL_SECONDS = 0.5
GRACE_SECONDS = 10.0
"""How long requests may go on with a project whose configuration changed or went."""
# The clock of file systems ticks more slowly than files can change.
UNSETTLED_NANOSECONDS = 100_000_000

Beside = Callable[[Project], Coroutine[Any, Any, None]]
Keeps = Callable[[Project], Awaitable[bool]]
_SWEEPS = 4
"""How often, while a project may be idle, it is looked for those that are."""
_LONGEST_SWEEP = 30.0


class Company(Struct, frozen=True, kw_only=True):
    """What goes with the projects of a server."""

    beside: Sequence[Beside] = ()
    """Runs beside the requests of each open project, until it is cancelled."""
    waiting: Callable[[str], Waiting] = lambda _: NOBODY
    """Who waits for what happens in a project."""
    keeps: Sequence[Keeps] = ()
    """Whether a project must stay open though nobody asks for it."""


class Registry:
    """The projects of one data folder. Open it with `async with`."""

    def __init__(
        self,
        data: Path,
        environment: Mapping[str, str],
        server: ServerConfig,
        observer: Observer,
        hash_secret: HashSecret,
        seal_secret: SealSecret,
        company: Company | None = None,
    ) -> None:
        self._data = data
        self._environment = dict(environment)
        self._server = server
        self._observer = observer
        self._company = company or Company()
        self._told: set[str] = set()
        self._own: tuple[asyncio.Task[None], ...] = ()
        self._equipment = Equipment(
            system=load_system(),
            observer=observer,
            hash_secret=hash_secret,
            seal_secret=seal_secret,
            each_request=server.watch.each_request,
        )
        self._folder = str(data / PROJECT_FOLDER)
        """As text, which is quicker to look at."""
        self._seen: int | None = None
        self._entries: dict[str, Entry] = {}
        self._tasks = asyncio.TaskGroup()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Registry:
        await self._tasks.__aenter__()
        self._own = tuple(map(self._tasks.create_task, (self._sweep(), self._keep_looking())))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        for task in self._own:
            task.cancel()
        for entry in self._entries.values():
            self._tasks.create_task(entry.close())
        self._entries = {}
        await self._tasks.__aexit__(kind, error, trace)

    def keys(self) -> tuple[str, ...]:
        """Every project, in alphabetical order."""
        self._look()
        return tuple(self._entries)

    def public_keys(self) -> tuple[str, ...]:
        """The projects that may be listed."""
        self._look()
        return tuple(key for key, entry in self._entries.items() if not entry.private)

    async def project(self, key: str) -> Project:
        """The project of that key, open, for somebody who asks for it: see `Project.hold`.

        Raises `ProjectNotFound`, `DatabaseUnreachable`, `NotInstalled`.
        """
        entry = self._entry(key)
        entry.used = time.monotonic()
        return entry.live or await entry.open()

    def maintenance(self, key: str) -> MaintenanceConfig | None:
        """What is told to those who are kept out of a project; None: nobody is.

        As it was when the folder was looked at last, which `project` did, and a second ago.
        """
        entry = self._entries.get(key)
        return None if entry is None else entry.maintenance

    @property
    def is_roomy(self) -> bool:
        """Whether every project may stay open."""
        self._look()
        return len(self._entries) <= self._server.open_projects

    def is_wanted(self, key: str) -> bool:
        """Whether a project is worth a look that nobody asked for.

        It is open, may stay so, or could not be opened; others are asleep, and opening them
        all to look at them would cost more than serving them.
        """
        entry = self._entry(key)
        return self.is_roomy or entry.live is not None or entry.failed

    async def attended(self, key: str) -> Project:
        """The project, open, though nobody asks for it. Raises as `project` does."""
        entry = self._entry(key)
        return entry.live or await entry.open()

    @asynccontextmanager
    async def glance(self, key: str) -> AsyncIterator[Database]:
        """The database of a project that need not be open. Raises as `project` does."""
        entry = self._entry(key)
        if entry.live is not None:
            yield entry.live.database
            return
        if isinstance(entry.config, ConfigInvalid):
            raise DatabaseUnreachable(UNUSABLE)
        database = await open_database(database_url(entry.config, self._data), pool_size=1)
        try:
            yield database
        finally:
            await database.close()

    def _entry(self, key: str) -> Entry:
        self._look()
        entry = self._entries.get(key)
        if entry is None:
            raise ProjectNotFound(key)
        return entry

    def _look(self) -> None:
        """Takes in what changed in the folder; one system call when nothing did."""
        try:
            changed = os.stat(self._folder).st_mtime_ns
        except OSError:
            changed = 0
        if changed == self._seen:
            return
        settled = time.time_ns() - changed > UNSETTLED_NANOSECONDS
        self._take_in()
        self._seen = changed if settled else None

    def _take_in(self) -> None:
        entries: dict[str, Entry] = {}
        ordered = orders(self._data)
        for key in self._keys():
            stamp = self._stamp(key)
            known = self._entries.pop(key, None)
            if known is not None and known.stamp == stamp:
                entries[key] = known
                continue
            if known is not None:
                self._retire(known)
            entries[key] = Entry(key, stamp, self._opened, self._configured(key))
        for gone in self._entries.values():
            self._retire(gone)
        for key, entry in entries.items():
            entry.ordered = ordered.get(key)
        self._entries = entries

    def _keys(self) -> tuple[str, ...]:
        keys, problems = found_keys(self._data, self._environment)
        for problem in problems:
            # Each of them once: the folder is looked at often.
            if problem not in self._told:
                self._observer(ProjectUnavailable("", problem))
        self._told = set(problems)
        return keys

    def _stamp(self, key: str) -> Stamp:
        try:
            found = os.stat(project_path(self._data, key))
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _configured(self, key: str) -> ProjectConfig | ConfigInvalid:
        try:
            return project_config(self._data, key, self._environment)
        except ConfigInvalid as error:
            self._observer(ProjectUnavailable(key, str(error)))
            return error

    @asynccontextmanager
    async def _opened(self, key: str, config: ProjectConfig) -> AsyncIterator[Project]:
        began = time.perf_counter()
        try:
            async with open_project(
                key,
                config,
                self._data,
                self._equipment,
                self._company.waiting(key),
                partial(self.maintenance, key),
            ) as project:
                self._observer(ProjectOpened(key, time.perf_counter() - began))
                tasks = {
                    self._tasks.create_task(work)
                    for work in (
                        project.watch(self._server.watch),
                        *(work(project) for work in self._company.beside),
                    )
                }
                # Each of them has begun before the first request comes.
                await asyncio.sleep(0)
                try:
                    yield project
                finally:
                    await ended(tasks)
                    self._observer(ProjectClosed(key))
        except ConfigInvalid as error:
            # A plugin of a project that came later: the others go on.
            self._observer(ProjectUnavailable(key, str(error)))
            raise DatabaseUnreachable(UNUSABLE) from error
        except ApiError as error:
            self._observer(ProjectUnavailable(key, str(error)))
            raise

    async def _keep_looking(self) -> None:
        """Looks when nobody asks, until it is cancelled: streams make no requests."""
        while True:
            await asyncio.sleep(self._server.watch.tick_seconds)
            try:
                self._look()
            except Exception as error:
                self._observer(TaskFailed("look for projects", error))

    # -- those that nobody asks for ---------------------------------------------------

    async def _sweep(self) -> None:
        """Lets go of what is idle, now and then, until it is cancelled."""
        pause = min(_LONGEST_SWEEP, self._server.idle_seconds / _SWEEPS)
        while True:
            await asyncio.sleep(pause)
            try:
                await self._let_go()
            except Exception as error:
                self._observer(TaskFailed("let projects go", error))

    async def _let_go(self) -> None:
        """Of more projects than may stay open, those that were asked for longest ago."""
        since = time.monotonic() - self._server.idle_seconds
        live = [entry for entry in self._entries.values() if entry.live is not None]
        spare = len(live) - self._server.open_projects
        for entry in sorted(live, key=lambda entry: entry.used):
            if spare <= 0 or entry.used >= since:
                return
            project = entry.live
            if project is None or await self._is_kept(project):
                continue
            spare -= await entry.let_go(since)

    async def _is_kept(self, project: Project) -> bool:
        try:
            return any([await keeps(project) for keeps in self._company.keeps])
        except ApiError:
            # Its database is away: who opens it again will see.
            return False

    def _retire(self, entry: Entry) -> None:
        self._tasks.create_task(self._close_later(entry))

    async def _close_later(self, entry: Entry) -> None:
        # Requests that took the project before may still be working with it.
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await self._closing.wait()
        await entry.close()


async def ended(tasks: set[asyncio.Task[None]]) -> None:
    """Cancels tasks and waits for them.

    A driver may take a cancellation in the midst of a query for a lost connection: it is
    said again until it is heard.
    """
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
