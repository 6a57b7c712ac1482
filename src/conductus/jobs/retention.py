"""Sweeps: what a project keeps no longer is removed, in batches, with rests between them.

The rooms say what is old and remove a batch of it; this says in which order, and how fast.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Final

from conductus.jobs.schedules import Schedule
from conductus.projects.project import Project
from conductus.telemetry import Observer, Swept, TaskFailed

LONGEST_REST: Final = 1.0
Sweep = Callable[[Project, datetime], AsyncGenerator[int, None]]
"""Removes what is old in a project at a moment; answers with each batch how much it was."""


class Retention:
    """The sweeps of every project."""

    def __init__(self, sweeps: Mapping[str, Sweep], observer: Observer) -> None:
        """`sweeps` by what they remove, in the order in which they are done."""
        self._sweeps = sweeps
        self._observer = observer

    @property
    def schedule(self) -> Schedule:
        """When it is done."""
        return Schedule("retention", lambda project: project.config.retention.schedule, self.sweep)

    async def sweep(self, project: Project, now: datetime) -> None:
        """Removes what is old; what cannot be swept now keeps nothing else from it."""
        for what, sweep in self._sweeps.items():
            began = time.monotonic()
            try:
                removed = await _swept(sweep(project, now))
            except Exception as error:
                self._observer(TaskFailed(f"sweep {what} of {project.key}", error))
                continue
            if removed:
                self._observer(Swept(project.key, what, removed, time.monotonic() - began))


async def _swept(batches: AsyncGenerator[int, None]) -> int:
    removed, began = 0, time.monotonic()
    async with aclosing(batches):
        async for number in batches:
            removed += number
            # As long as the work took: others get the database for half of the time.
            await asyncio.sleep(min(time.monotonic() - began, LONGEST_REST))
            began = time.monotonic()
    return removed
