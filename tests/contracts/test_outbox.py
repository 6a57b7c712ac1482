"""The outbox: with its change or not at all, at least once, by one worker at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from conductus.auth.second_factor_setup import sealed_secret
from conductus.config import ServerConfig, new_project_config, save_new_project
from conductus.database.executor import Database
from conductus.database.opening import open_database
from conductus.jobs.claims import LEASE, Claim, Claims
from conductus.jobs.delivery import PAUSES, Delivery, Undeliverable
from conductus.jobs.lanes import AT_ONCE, OF_ONE_KIND, Lanes
from conductus.projects.outbox import Errand
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.telemetry import Delivered, DeliveryFailed, DeliveryParked, Observation
from tests.installed import put_project
from tests.postbox import eventually

KEY = "main"
NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
OUTBOX = sa.table(
    "conductus_outbox",
    *(sa.column(name) for name in ("errand", "kind", "payload", "due", "attempts", "problem")),
)


class Office:
    """A worker at a time of one's choice, whose handlers do as they are told."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.claims = Claims(project.database)
        self.now = NOW
        self.seen: list[Observation] = []
        self.done: list[tuple[int, dict[str, Any]]] = []
        self.trouble: Exception | None = None
        self.delivery = Delivery({"note": self.handle}, self.seen.append, 60, lambda: self.now)

    async def handle(self, project: Project, claim: Claim, now: datetime) -> None:
        self.done.append((claim.attempt, claim.payload))
        if self.trouble is not None:
            raise self.trouble

    async def leave(self, *errands: Errand) -> None:
        async with self.project.database.transaction() as transaction:
            await self.project.outbox.put(transaction, errands, self.now)

    async def round(self, **later: float) -> int:
        self.now += timedelta(**later)
        return await self.delivery.round(self.project, self.claims)


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    async def no_hash(text: str) -> str:
        raise AssertionError(text)

    async with AsyncExitStack() as stack:
        registry = Registry(folder, {}, ServerConfig(), lambda _: None, no_hash, sealed_secret)
        yield Office(await (await stack.enter_async_context(registry)).project(KEY))


@pytest.fixture(name="desk")
async def make_desk(project_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    save_new_project(tmp_path, KEY, new_project_config(project_url))
    database = await open_database(project_url)
    try:
        await put_project(database, KEY, "admin@example.com", "x")
    finally:
        await database.close()
    async with office(tmp_path) as desk:
        yield desk


async def stored(database: Database, *names: str) -> list[tuple[Any, ...]]:
    columns = [OUTBOX.c[name] for name in names]
    statement = database.dialect.compile(sa.select(*columns).order_by(OUTBOX.c.kind))
    return [tuple(row) for row in await database.fetch(statement.sql, statement.values({}))]


def told(desk: Office) -> list[type]:
    return [type(each) for each in desk.seen]


async def test_an_errand_is_there_when_its_change_is_and_not_otherwise(desk: Office) -> None:
    async def broken_off() -> None:
        async with desk.project.database.transaction() as transaction:
            await desk.project.outbox.put(transaction, [Errand("note", {"n": 1})], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken_off()
    assert await desk.round() == 0
    payload = {"n": 2, "text": "grüße \U0001f600 ' \\ ; --", "deep": [{"a": None}]}
    await desk.leave(Errand("note", payload))
    assert await desk.round() == 1
    assert desk.done == [(1, payload)]
    assert told(desk) == [Delivered]
    assert await stored(desk.project.database, "errand") == []
    assert await desk.round(days=1) == 0


async def test_what_fails_is_tried_again_with_growing_pauses_and_then_parked(desk: Office) -> None:
    await desk.leave(Errand("note", {}))
    desk.trouble = OSError("no route")
    assert await desk.round() == 1
    for pause in PAUSES:
        assert await desk.round(seconds=pause - 1) == 0
        assert await desk.round(seconds=1) == 1
    assert [attempt for attempt, _ in desk.done] == list(range(1, len(PAUSES) + 2))
    assert told(desk) == [*[DeliveryFailed] * len(PAUSES), DeliveryParked]
    assert await desk.round(days=29) == 0
    ((due, attempts, problem),) = await stored(desk.project.database, "due", "attempts", "problem")
    assert (due, attempts, problem) == (None, len(PAUSES) + 1, "OSError: no route")
    assert await desk.claims.purge(NOW) == 0
    assert await stored(desk.project.database, "errand") != []
    assert await desk.claims.purge(desk.now) == 1
    assert await stored(desk.project.database, "errand") == []


async def test_what_succeeds_in_the_end_is_gone(desk: Office) -> None:
    await desk.leave(Errand("note", {}))
    desk.trouble = OSError("x" * 1000 + "\0")
    await desk.round()
    desk.trouble = None
    await desk.round(seconds=PAUSES[0])
    assert told(desk) == [DeliveryFailed, Delivered]
    assert await stored(desk.project.database, "errand") == []


@pytest.mark.parametrize("kind", ["note", "unknown"])
async def test_what_cannot_be_done_is_parked_at_once(desk: Office, kind: str) -> None:
    await desk.leave(Errand(kind, {}))
    desk.trouble = Undeliverable("never")
    assert await desk.round() == 1
    assert told(desk) == [DeliveryParked]
    assert await desk.round(days=20) == 0


async def test_one_that_fails_harms_no_other(desk: Office) -> None:
    await desk.leave(Errand("unknown", {}), *(Errand("note", {"n": n}) for n in range(3)))
    assert await desk.round() == 4
    assert Counter(told(desk)) == {DeliveryParked: 1, Delivered: 3}


async def test_who_dies_at_work_is_followed_by_another(desk: Office) -> None:
    await desk.leave(Errand("note", {}))
    (claim,) = await desk.claims.take(desk.now, Lanes())
    assert await desk.round(seconds=LEASE.total_seconds() - 1) == 0
    assert await desk.round(seconds=1) == 1
    assert desk.done == [(2, {})]
    # The first comes back: what it says no longer counts.
    await desk.leave(Errand("note", {}))
    await desk.claims.park(claim, "late")
    assert await stored(desk.project.database, "problem") == [(None,)]


async def test_many_workers_do_each_errand_once(
    desk: Office, tmp_path: Path, project_url: str
) -> None:
    await desk.leave(*(Errand("note", {"n": n}) for n in range(60)))
    async with AsyncExitStack() as stack:
        workers = [desk]
        for _ in range(3):
            workers.append(await stack.enter_async_context(office(tmp_path)))

        async def work(worker: Office) -> None:
            while await stored(worker.project.database, "errand"):
                await worker.round()

        await asyncio.gather(*map(work, workers))
        done = Counter(payload["n"] for worker in workers for _, payload in worker.done)
    assert done == Counter(range(60))


async def test_the_bell_wakes_who_waits(desk: Office) -> None:
    def has_done(number: int) -> bool:
        return len(desk.done) == number

    loop = asyncio.ensure_future(desk.delivery.beside(desk.project))
    try:
        for number in range(3):
            await desk.leave(Errand("note", {"n": number}))
            desk.project.outbox.ring()
            await eventually(partial(has_done, number + 1))
    finally:
        loop.cancel()
    assert [payload["n"] for _, payload in desk.done] == [0, 1, 2]


async def test_an_older_project_gets_the_table_when_it_is_opened(
    desk: Office, tmp_path: Path
) -> None:
    database = desk.project.database
    async with database.schema_transaction() as transaction:
        await transaction.execute("DROP TABLE conductus_outbox")

    async def opened() -> Sequence[Any]:
        async with office(tmp_path) as other:
            await other.leave(Errand("note", {}))
            return other.done

    # Several workers open it at the same time.
    await asyncio.gather(opened(), opened(), opened())
    assert len(await stored(database, "errand")) == 3


async def test_one_kind_that_hangs_holds_no_other_back(desk: Office) -> None:
    hanging, heard = asyncio.Event(), Counter[str]()

    async def handle(project: Project, claim: Claim, now: datetime) -> None:
        heard[claim.kind] += 1
        if claim.kind == "note/hangs":
            await hanging.wait()

    desk.delivery = Delivery({"note": handle}, desk.seen.append, 60, lambda: desk.now)
    await desk.leave(*(Errand("note/hangs", {}) for _ in range(AT_ONCE * 3)))
    desk.now += timedelta(seconds=1)
    others = [f"note/{n}" for n in range(AT_ONCE)]
    await desk.leave(*(Errand(kind, {}) for kind in others))
    loop = asyncio.ensure_future(desk.delivery.beside(desk.project))
    try:
        await eventually(lambda: all(heard[kind] for kind in others))
        assert heard["note/hangs"] == OF_ONE_KIND
        hanging.set()
        await eventually(lambda: heard["note/hangs"] == AT_ONCE * 3)
    finally:
        loop.cancel()
    assert heard == {"note/hangs": AT_ONCE * 3} | dict.fromkeys(others, 1)


async def test_a_kind_that_fails_gets_little_room_until_it_is_well(desk: Office) -> None:
    under_way, most = 0, 0
    going = asyncio.Event()

    async def handle(project: Project, claim: Claim, now: datetime) -> None:
        nonlocal under_way, most
        under_way, most = under_way + 1, max(most, under_way + 1)
        try:
            await going.wait() if claim.payload["n"] else None
        finally:
            under_way -= 1
        if claim.payload["n"] == 0:
            raise OSError("away")

    desk.delivery = Delivery({"note": handle}, desk.seen.append, 60, lambda: desk.now)
    await desk.leave(Errand("note/sick", {"n": 0}))
    loop = asyncio.ensure_future(desk.delivery.beside(desk.project))
    try:
        await eventually(lambda: told(desk) == [DeliveryFailed])
        await desk.leave(*(Errand("note/sick", {"n": n}) for n in range(1, 30)))
        desk.project.outbox.ring()
        await eventually(lambda: under_way == 1)
        going.set()
        await eventually(lambda: told(desk).count(Delivered) == 29)
    finally:
        loop.cancel()
    assert 1 <= most <= OF_ONE_KIND
