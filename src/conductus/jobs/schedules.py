"""Does what is to be done at stated times, beside open projects, by one worker of several."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from conductus.errors import ApiError
from conductus.jobs.turns import LEASE, Turn, Turns
from conductus.projects.project import Project
from conductus.projects.registry import ended
from conductus.telemetry import Observer, TaskFailed

LOOK_SECONDS: Final = 30.0
"""How late something may begin."""
KEEP_SECONDS: Final = LEASE.total_seconds() / 4
"""How often a turn is kept."""


class Schedule(Struct, frozen=True):
    """Something to be done at stated times."""

    name: str
    cron: Callable[[Project], str]
    """When, for a project: as cron states it, in UTC; empty for never."""
    work: Callable[[Project, datetime], Awaitable[None]]
    """May be stopped anywhere, and begun again by another worker."""


class Schedules:
    """Does what is due in every open project of a worker."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        observer: Observer,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        self._schedules = schedules
        self._observer = observer
        self._clock = clock
        self._keep_seconds = keep_seconds

    async def beside(self, project: Project) -> None:
        """Does what is due, until cancelled."""
        turns = Turns(project.database)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.round(project, turns)

    async def round(self, project: Project, turns: Turns) -> None:
        """Does what is due now and is nobody else's turn."""
        for schedule in self._schedules:
            cron = schedule.cron(project)
            if not cron:
                continue
            try:
                turn = await turns.find(schedule.name, cron, self._clock())
                if turn is not None:
                    await self._do(project, turns, schedule, turn)
            except ApiError:
                # That the database is away is told by the project's watch; the turn ends
                # by itself, and somebody tries again.
                pass
            except Exception as error:
                self._observer(TaskFailed(f"{schedule.name} of {project.key}", error))

    async def _do(self, project: Project, turns: Turns, schedule: Schedule, turn: Turn) -> None:
        # Nobody may be asking for the project meanwhile: it stays open all the same.
        project.hold()
        work = asyncio.ensure_future(schedule.work(project, self._clock()))
        kept: Turn | None = turn
        try:
            while kept is not None and not work.done():
                await asyncio.wait({work}, timeout=self._keep_seconds)
                if not work.done():
                    kept = await turns.kept(kept, self._clock())
        finally:
            await ended({work} if not work.done() else set())
            project.release()
        if kept is None:
            # Somebody else has the turn, as the clock or the database stood still here.
            return
        try:
            work.result()
        finally:
            await turns.over(kept, self._clock())
