"""Which projects there are, and the open ones.

Projects are opened when they are first asked for; one whose database is away is tried again
at the next request and harms no other. Files in the data folder's `projects` are looked at
with each request (one `stat`), so a new, changed or removed project needs no restart.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from pathlib import Path
from types import TracebackType
from typing import Any

from conductus.config import (
    PROJECT_FOLDER,
    ConfigInvalid,
    ProjectConfig,
    ServerConfig,
    project_config,
    project_keys,
    project_path,
)
from conductus.errors import ApiError, DatabaseUnreachable, ProjectNotFound
from conductus.items.writer import HashSecret
from conductus.projects.events import NOBODY, Waiting
from conductus.projects.guarded_payloads import SealSecret
from conductus.projects.project import Equipment, Project, open_project
from conductus.schema.system import load_system
from conductus.telemetry import Observer, ProjectClosed, ProjectOpened, ProjectUnavailable

CANCEL_SECONDS = 0.5
GRACE_SECONDS = 10.0
"""How long requests may go on with a project whose configuration changed or went."""
# The clock of file systems ticks more slowly than files can change.
UNSETTLED_NANOSECONDS = 100_000_000

_UNUSABLE = "The configuration of this project cannot be used"

Stamp = tuple[int, int, int] | None
Open = Callable[[str, ProjectConfig], AbstractAsyncContextManager[Project]]
Beside = Callable[[Project], Coroutine[Any, Any, None]]


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
        beside: Sequence[Beside] = (),
        waiting: Callable[[str], Waiting] | None = None,
    ) -> None:
        """`beside` runs beside the requests of each open project, until it is cancelled.

        `waiting` says who waits for what happens in a project.
        """
        self._data = data
        self._environment = dict(environment)
        self._server = server
        self._observer = observer
        self._beside = beside
        self._waiting = waiting or (lambda _: NOBODY)
        self._equipment = Equipment(
            system=load_system(),
            observer=observer,
            hash_secret=hash_secret,
            seal_secret=seal_secret,
            each_request=server.watch.each_request,
        )
        self._folder = data / PROJECT_FOLDER
        self._seen: int | None = None
        self._entries: dict[str, _Entry] = {}
        self._tasks = asyncio.TaskGroup()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Registry:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
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
        """The project of that key, open.

        Raises `ProjectNotFound`, `DatabaseUnreachable`, `NotInstalled`.
        """
        self._look()
        entry = self._entries.get(key)
        if entry is None:
            raise ProjectNotFound(key)
        return entry.live or await entry.open()

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
        entries: dict[str, _Entry] = {}
        for key in self._keys():
            stamp = self._stamp(key)
            known = self._entries.pop(key, None)
            if known is not None and known.stamp == stamp:
                entries[key] = known
                continue
            if known is not None:
                self._retire(known)
            entries[key] = _Entry(key, stamp, self._opened, self._configured(key))
        for gone in self._entries.values():
            self._retire(gone)
        self._entries = entries

    def _keys(self) -> tuple[str, ...]:
        try:
            return project_keys(self._data, self._environment)
        except ConfigInvalid as error:
            self._observer(ProjectUnavailable("", str(error)))
            return tuple(self._entries)

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
                key, config, self._data, self._equipment, self._waiting(key)
            ) as project:
                self._observer(ProjectOpened(key, time.perf_counter() - began))
                tasks = {
                    self._tasks.create_task(work)
                    for work in (
                        project.watch(self._server.watch),
                        *(work(project) for work in self._beside),
                    )
                }
                try:
                    yield project
                finally:
                    await ended(tasks)
                    self._observer(ProjectClosed(key))
        except ConfigInvalid as error:
            # A plugin of a project that came later: the others go on.
            self._observer(ProjectUnavailable(key, str(error)))
            raise DatabaseUnreachable(_UNUSABLE) from error
        except ApiError as error:
            self._observer(ProjectUnavailable(key, str(error)))
            raise

    def _retire(self, entry: _Entry) -> None:
        self._tasks.create_task(self._close_later(entry))

    async def _close_later(self, entry: _Entry) -> None:
        # Requests that took the project before may still be working with it.
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await self._closing.wait()
        await entry.close()


class _Entry:
    """One configured project, open or not."""

    def __init__(
        self, key: str, stamp: Stamp, opened: Open, config: ProjectConfig | ConfigInvalid
    ) -> None:
        self.key = key
        self.stamp = stamp
        self.live: Project | None = None
        self._opened = opened
        self._config = config
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._failure: tuple[float, ApiError] | None = None

    @property
    def private(self) -> bool:
        """Not to be listed."""
        return isinstance(self._config, ConfigInvalid) or self._config.private

    async def open(self) -> Project:
        """The project, opened by the first who asks; who waited shares the outcome."""
        if isinstance(self._config, ConfigInvalid):
            raise DatabaseUnreachable(_UNUSABLE)
        arrived = time.monotonic()
        async with self._lock:
            if self.live is not None:
                return self.live
            if self._failure is not None and self._failure[0] >= arrived:
                raise self._failure[1]
            try:
                self.live = await self._stack.enter_async_context(
                    self._opened(self.key, self._config)
                )
            except ApiError as error:
                self._failure = time.monotonic(), error
                raise
            return self.live

    async def close(self) -> None:
        """Lets the project go, once nobody opens it any more."""
        async with self._lock:
            self.live = None
            await self._stack.aclose()


async def ended(tasks: set[asyncio.Task[None]]) -> None:
    """Cancels tasks and waits for them.

    A driver may take a cancellation in the midst of a query for a lost connection: it is
    said again until it is heard.
    """
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
