"""Does the errands of open projects: at least once each, tried again with growing pauses.

Any number of workers may do so on one database. What fails for good is parked: the row
stays in `conductus_outbox` with the problem, and the log tells.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import IO, Final, Protocol

from msgspec import Struct

from conductus.errors import ApiError
from conductus.jobs.claims import Claim, Claims
from conductus.jobs.lanes import Lanes
from conductus.projects.at_once import for_each
from conductus.projects.project import Project
from conductus.projects.registry import Registry, ended
from conductus.telemetry import (
    Delivered,
    DeliveryFailed,
    DeliveryParked,
    Observer,
    TaskFailed,
)

TRY_SECONDS: Final = 60.0
"""Less than the lease: who takes longer is stopped before somebody else begins."""
PAUSES: Final = (10, 60, 300, 1200, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""Seconds between one try and the next; after the last of them an errand is parked."""
WAKE_SECONDS: Final = 300.0
DRAIN_SECONDS: Final = 5.0
"""For what is under way when a worker stops; what takes longer is done by another one."""


class Attendance(Enum):
    """Which projects' errands a process does."""

    NONE = "none"
    OPEN = "open"
    """Those that requests have opened; one process of a server opens all."""
    ALL = "all"


class Undeliverable(Exception):
    """Trying again would not help; the message says why, without secrets."""


class Handler(Protocol):
    """Does the errands of one kind. May be called more than once for the same one."""

    def __call__(self, project: Project, claim: Claim, now: datetime, /) -> Awaitable[None]:
        """Raises `Undeliverable` for good, anything else for a try later."""
        ...


class Delivery:
    """Does the errands of every open project of a worker."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        observer: Observer,
        poll_seconds: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._handlers = handlers
        self._observer = observer
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._whole = False

    async def beside(self, project: Project) -> None:
        """Does what is due, whenever the bell rings or some time has passed; until cancelled."""
        project.outbox.attended = True
        try:
            await self._attend(project)
        finally:
            project.outbox.attended = False

    async def _attend(self, project: Project) -> None:
        claims, lanes = Claims(project.database), Lanes()
        async with asyncio.TaskGroup() as tasks:
            while not self._stopping:
                project.outbox.bell.clear()
                try:
                    while await self._begin(project, claims, lanes, tasks):
                        pass
                except ApiError:
                    # That the database is away is told by the project's watch.
                    pass
                except Exception as error:
                    self._observer(TaskFailed(f"deliver {project.key}", error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_seconds):
                        await project.outbox.bell.wait()

    async def round(self, project: Project, claims: Claims) -> int:
        """Takes some errands and does them; answers how many there were."""
        async with asyncio.TaskGroup() as tasks:
            return await self._begin(project, claims, Lanes(), tasks)

    async def _begin(
        self, project: Project, claims: Claims, lanes: Lanes, tasks: asyncio.TaskGroup
    ) -> int:
        """Takes the errands that there is room for; answers how many are under way now."""
        if not lanes.room:
            return 0
        taken = await claims.take(self._clock(), lanes)
        for claim in taken:
            task = tasks.create_task(self._deliver(project, claims, claim, lanes))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(taken)

    @asynccontextmanager
    async def attending(
        self, registry: Registry, attendance: Attendance, lock: Path
    ) -> AsyncIterator[None]:
        """Opens projects meanwhile, so that what an earlier run left undone is done.

        Of the processes of a server the one that holds the file `lock` does so. What is
        under way in the end may still be finished, for some seconds.
        """
        if attendance is Attendance.NONE:
            yield
            return
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            self._whole = attendance is Attendance.ALL
            seconds = self._poll_seconds if self._whole else WAKE_SECONDS
            waking = self._wake(registry, lambda: self._whole or _is_ours(file), seconds)
            task = asyncio.create_task(waking)
            try:
                yield
            finally:
                await ended({task})
                await self._drain()

    async def _wake(
        self, registry: Registry, is_ours: Callable[[], bool], each_seconds: float
    ) -> None:
        async def wake(key: str) -> None:
            # What is amiss with it, the registry tells.
            with suppress(ApiError):
                if self._whole or registry.is_roomy or await _has_work(registry, key):
                    await registry.attended(key)

        while True:
            if is_ours():
                await for_each(registry.keys(), wake)
            await asyncio.sleep(each_seconds)

    async def keeps(self, project: Project) -> bool:
        """Whether a project must stay open, though nobody asks for it, for its errands' sake."""
        return self._whole or await Claims(project.database).waiting()

    async def _drain(self) -> None:
        """Begins nothing more, and waits for what is under way, as long as that may take."""
        self._stopping = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=DRAIN_SECONDS)

    async def _deliver(self, project: Project, claims: Claims, claim: Claim, lanes: Lanes) -> None:
        try:
            problem = await self._problem(project, claim)
            lanes.fared(claim.kind, well=problem is None)
            await self._settle(project, claims, claim, problem)
        finally:
            lanes.end(claim.kind)
            # There is room again.
            project.outbox.bell.set()

    async def _settle(
        self, project: Project, claims: Claims, claim: Claim, problem: _Problem | None
    ) -> None:
        """Ends an errand, or leaves it for later."""
        # When the database went away meanwhile, the claim runs out and somebody tries again.
        with suppress(ApiError):
            if problem is None:
                await claims.done(claim)
                self._observer(Delivered(project.key, claim.kind, claim.id, claim.attempt))
            elif problem.final or claim.attempt > len(PAUSES):
                await claims.park(claim, problem.text)
                self._observer(DeliveryParked(*_told(project, claim, problem)))
            else:
                due = self._clock() + timedelta(seconds=PAUSES[claim.attempt - 1])
                await claims.later(claim, due, problem.text)
                self._observer(DeliveryFailed(*_told(project, claim, problem)))

    async def _problem(self, project: Project, claim: Claim) -> _Problem | None:
        """Does an errand; answers what went wrong."""
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await self._handler(claim)(project, claim, self._clock())
        except Undeliverable as error:
            return _Problem(str(error), final=True)
        except TimeoutError:
            return _Problem(f"took longer than {TRY_SECONDS:g} seconds", final=False)
        except Exception as error:
            return _Problem(f"{type(error).__name__}: {error}", final=False)
        return None

    def _handler(self, claim: Claim) -> Handler:
        # What follows a slash says for whom.
        handler = self._handlers.get(claim.kind.partition("/")[0])
        if handler is None:
            raise Undeliverable(f"nothing here knows what to do with {claim.kind!r}")
        return handler


class _Problem(Struct, frozen=True):
    text: str
    final: bool


def _told(project: Project, claim: Claim, problem: _Problem) -> tuple[str, str, str, int, str]:
    return project.key, claim.kind, claim.id, claim.attempt, problem.text


async def _has_work(registry: Registry, key: str) -> bool:
    """Whether a project has errands; it is not opened to find out."""
    async with registry.glance(key) as database:
        return await Claims(database).waiting()


def _is_ours(file: IO[str]) -> bool:
    """Whether this process holds the lock, now or since earlier."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
