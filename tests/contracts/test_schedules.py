"""Schedules: done by one worker of several, at stated times, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conductus.auth.second_factor_setup import sealed_secret
from conductus.config import ServerConfig, new_project_config, save_new_project
from conductus.database.opening import open_database
from conductus.jobs.schedules import Schedule, Schedules
from conductus.jobs.turns import LEASE, Turn, Turns
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.telemetry import Observation, TaskFailed
from tests.installed import put_project

KEY = "main"
NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
HOURLY = "0 * * * *"
DUE = datetime(2031, 2, 3, 5, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(name="projects")
async def make_projects(project_url: str, tmp_path: Path) -> AsyncIterator[list[Project]]:
    """One project as three workers have it open."""
    database = await open_database(project_url)
    try:
        await put_project(database, KEY, "admin@example.com", "x")
    finally:
        await database.close()

    async def no_hash(text: str) -> str:
        raise AssertionError(text)

    config = new_project_config(project_url)
    async with AsyncExitStack() as stack:
        opened = []
        for number in range(3):
            folder = tmp_path / str(number)
            save_new_project(folder, KEY, config)
            registry = Registry(folder, {}, ServerConfig(), lambda _: None, no_hash, sealed_secret)
            opened.append(await (await stack.enter_async_context(registry)).project(KEY))
        yield opened


async def begun(turns: Turns, cron: str = HOURLY) -> None:
    """The schedule is known."""
    assert await turns.find("sweep", cron, NOW) is None


async def taken(turns: Turns, now: datetime) -> Turn:
    turn = await turns.find("sweep", HOURLY, now)
    assert turn is not None
    return turn


async def test_of_several_one_has_the_turn(projects: list[Project]) -> None:
    workers = [Turns(project.database) for project in projects]
    # All of them at once, the first time too.
    await asyncio.gather(*(begun(each) for each in workers * 3))
    assert await workers[0].find("sweep", HOURLY, DUE - SECOND) is None
    for hour in range(5):
        now = DUE + timedelta(hours=hour)
        found = await asyncio.gather(*(each.find("sweep", HOURLY, now) for each in workers * 3))
        (turn,) = [each for each in found if each is not None]
        await workers[1].over(turn, now + SECOND)
        assert await workers[2].find("sweep", HOURLY, now + SECOND) is None


async def test_who_dies_is_followed_by_another_and_who_lives_is_not(
    projects: list[Project],
) -> None:
    one, other = (Turns(project.database) for project in projects[:2])
    await begun(one)
    turn = await taken(one, DUE)
    assert await other.find("sweep", HOURLY, DUE + LEASE - SECOND) is None
    kept = await one.kept(turn, DUE + LEASE - SECOND)
    assert kept is not None
    assert await other.find("sweep", HOURLY, DUE + LEASE + SECOND) is None
    follower = await taken(other, DUE + 2 * LEASE)
    # Whoever slept so long has nothing to say any more.
    assert await one.kept(kept, DUE + 2 * LEASE) is None
    await one.over(kept, DUE + 2 * LEASE)
    assert await other.kept(follower, DUE + 2 * LEASE + SECOND) is not None


async def test_what_was_missed_is_done_once(projects: list[Project]) -> None:
    turns = Turns(projects[0].database)
    await begun(turns)
    late = DUE + timedelta(days=3, minutes=20)
    await turns.over(await taken(turns, late), late)
    assert await turns.find("sweep", HOURLY, late + timedelta(minutes=39)) is None
    assert await turns.find("sweep", HOURLY, late + timedelta(minutes=40)) is not None


async def test_another_schedule_counts_from_when_it_is_seen(projects: list[Project]) -> None:
    turns = Turns(projects[0].database)
    await begun(turns)
    assert await turns.find("sweep", "30 4 * * *", DUE) is None
    assert await turns.find("sweep", "30 4 * * *", DUE + timedelta(hours=23)) is None
    assert await turns.find("sweep", "30 4 * * *", DUE + timedelta(hours=23.5)) is not None


class Worker:
    """Does a schedule that does as it is told."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.turns = Turns(project.database)
        self.now = NOW
        self.cron = HOURLY
        self.seen: list[Observation] = []
        self.done: list[datetime] = []
        self.trouble: Exception | None = None
        self.going = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.stopped = False
        schedule = Schedule("sweep", lambda _: self.cron, self.work)
        self.schedules = Schedules([schedule], self.seen.append, lambda: self.now, 0.02)

    async def work(self, project: Project, now: datetime) -> None:
        self.going.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.stopped = True
            raise
        if self.trouble is not None:
            raise self.trouble
        self.done.append(now)

    async def round(self, now: datetime) -> None:
        self.now = now
        await self.schedules.round(self.project, self.turns)


async def test_what_is_due_is_done_and_told_when_it_fails(projects: list[Project]) -> None:
    worker = Worker(projects[0])
    for now in (NOW, DUE - SECOND):
        await worker.round(now)
    assert worker.done == []
    for now in (DUE, DUE + SECOND, DUE + timedelta(minutes=59)):
        await worker.round(now)
    assert worker.done == [DUE]
    worker.trouble = ZeroDivisionError("no")
    await worker.round(DUE + timedelta(hours=1))
    assert [type(each) for each in worker.seen] == [TaskFailed]
    worker.trouble = None
    # Not before the next time: what fails is not tried in a hurry.
    await worker.round(DUE + timedelta(hours=1, minutes=59))
    assert worker.done == [DUE]
    await worker.round(DUE + timedelta(hours=2))
    assert worker.done == [DUE, DUE + timedelta(hours=2)]
    worker.cron = ""
    await worker.round(DUE + timedelta(hours=9))
    assert len(worker.done) == 2


async def test_long_work_keeps_its_turn(projects: list[Project]) -> None:
    worker, other = Worker(projects[0]), Worker(projects[1])
    await worker.round(NOW)
    worker.may_end.clear()
    going = asyncio.ensure_future(worker.round(DUE))
    await worker.going.wait()
    for minute in range(1, 6):
        before = await due(worker)
        worker.now = DUE + timedelta(minutes=minute)
        deadline = time.monotonic() + 20
        while await due(worker) == before:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        await other.round(worker.now + timedelta(seconds=59))
    worker.may_end.set()
    await going
    assert (worker.done, other.done, worker.stopped) == ([DUE], [], False)


async def test_who_lost_the_turn_stops(projects: list[Project]) -> None:
    worker, other = Worker(projects[0]), Worker(projects[1])
    await worker.round(NOW)
    worker.may_end.clear()
    worker.schedules = Schedules(
        [Schedule("sweep", lambda _: HOURLY, worker.work)],
        worker.seen.append,
        lambda: worker.now,
        0.5,
    )
    going = asyncio.ensure_future(worker.round(DUE))
    await worker.going.wait()
    # The clock of this worker stands still; the other one's does not.
    await other.round(DUE + LEASE)
    assert other.done == [DUE + LEASE]
    async with asyncio.timeout(20):
        await going
    assert (worker.done, worker.stopped, worker.seen) == ([], True, [])


async def due(worker: Worker) -> int:
    sql = "SELECT due FROM conductus_schedules"
    ((moment,),) = await worker.project.database.fetch(sql)
    return int(moment)
