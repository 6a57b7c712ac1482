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
from pathlib import Path
from typing import IO, Final, Protocol

from msgspec import Struct

from conductus.errors import ApiError
from conductus.jobs.claims import Claim, Claims
from conductus.projects.project import Project
from conductus.projects.registry import Registry, ended
from conductus.telemetry import (
    Delivered,
    DeliveryFailed,
    DeliveryParked,
    Observer,
    TaskFailed,
)

AT_ONCE: Final = 8
TRY_SECONDS: Final = 60.0
"""Less than the lease: who takes longer is stopped before somebody else begins."""
PAUSES: Final = (10, 60, 300, 1200, 3600, 3 * 3600, 6 * 3600)
"""Seconds between one try and the next; after the last of them an errand is parked."""
WAKE_SECONDS: Final = 300.0
_PURGE_EACH: Final = timedelta(hours=1)


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

    async def beside(self, project: Project) -> None:
        """Does what is due, whenever the bell rings or some time has passed; until cancelled."""
        claims = Claims(project.database)
        purged = self._clock()
        while True:
            project.outbox.bell.clear()
            try:
                while await self.round(project, claims):
                    pass
                if self._clock() - purged > _PURGE_EACH:
                    await claims.purge(self._clock())
                    purged = self._clock()
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
        taken = await claims.take(self._clock(), AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for claim in taken:
                tasks.create_task(self._deliver(project, claims, claim))
        return len(taken)

    @asynccontextmanager
    async def waking(self, registry: Registry, lock: Path) -> AsyncIterator[None]:
        """Opens every project meanwhile, so that what an earlier run left undone is done.

        Of several workers the one that holds the file `lock` does so.
        """
        task = asyncio.create_task(self._wake(registry, lock))
        try:
            yield
        finally:
            await ended({task})

    async def _wake(self, registry: Registry, lock: Path) -> None:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            while True:
                keys = registry.keys() if _is_ours(file) else ()
                for key in keys:
                    # What is amiss with it, the registry tells.
                    with suppress(ApiError):
                        await registry.project(key)
                await asyncio.sleep(WAKE_SECONDS)

    async def _deliver(self, project: Project, claims: Claims, claim: Claim) -> None:
        # When the database goes away meanwhile, the claim runs out and somebody tries again.
        with suppress(ApiError):
            problem = await self._problem(project, claim)
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
        handler = self._handlers.get(claim.kind)
        if handler is None:
            raise Undeliverable(f"nothing here knows what to do with {claim.kind!r}")
        return handler


class _Problem(Struct, frozen=True):
    text: str
    final: bool


def _told(project: Project, claim: Claim, problem: _Problem) -> tuple[str, str, str, int, str]:
    return project.key, claim.kind, claim.id, claim.attempt, problem.text


def _is_ours(file: IO[str]) -> bool:
    """Whether this process holds the lock, now or since earlier."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
