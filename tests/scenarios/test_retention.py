"""What a project keeps no longer: sessions, history, logs, content that no row speaks of.

Reference: authentication page §6.1 (expired rows), items page §7 and §8, files page §2.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conductus.auth import session_rows
from conductus.auth.second_factor_setup import sealed_secret
from conductus.auth.sessions import swept_sessions
from conductus.config import ConfigInvalid, ServerConfig, project_config
from conductus.database.opening import open_database
from conductus.files.checking import swept_files
from conductus.files.storages import Storages
from conductus.jobs import schedules
from conductus.jobs.claims import swept_errands
from conductus.jobs.retention import Retention
from conductus.projects import aged_history
from conductus.projects.aged_history import swept_activity, swept_revisions
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.telemetry import Observation, Swept, TaskFailed, silent
from conductus.webhooks.deliveries import swept_deliveries
from tests.passwords import QUICK
from tests.postbox import eventually
from tests.scenarios.shop import EMAIL, KEY, PASSWORD, Live, live
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import done

PREFIX = f"CONDUCTUS_PROJECTS__{KEY.upper()}__"
AWAY = {
    f"{PREFIX}STORAGE__DRIVER": "s3",
    f"{PREFIX}STORAGE__BUCKET": "none",
    f"{PREFIX}STORAGE__ENDPOINT": "http://127.0.0.1:9",
    f"{PREFIX}STORAGE__TIMEOUT_SECONDS": "1",
}


def days(number: float) -> datetime:
    """So long from now."""
    return datetime.now(UTC) + timedelta(days=number)


def stated(**settings: str) -> dict[str, str]:
    return {f"{PREFIX}RETENTION__{name.upper()}": value for name, value in settings.items()}


@asynccontextmanager
async def worker(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Project]:
    """The project as a worker with this configuration has it open."""

    async def no_hash(text: str) -> str:
        raise AssertionError(text)

    config = ServerConfig(passwords=QUICK)
    async with Registry(folder, environment, config, silent, no_hash, sealed_secret) as registry:
        yield await registry.project(KEY)


async def swept(folder: Path, now: datetime, **settings: str) -> dict[str, int]:
    """What a sweep at a moment removed, by kind."""
    told: list[Observation] = []
    environment = dict(AWAY) if settings.pop("away", "") else {}
    environment |= stated(**settings)
    sweeps = {
        "sessions": swept_sessions,
        "deliveries": swept_deliveries,
        "files": swept_files(Storages(folder, silent)),
        "errands": swept_errands,
        "revisions": swept_revisions,
        "activity": swept_activity,
    }
    async with worker(folder, environment) as project:
        await Retention(sweeps, told.append).sweep(project, now)
    failed = [each.task for each in told if isinstance(each, TaskFailed)]
    assert failed == ([f"sweep files of {KEY}"] if AWAY.items() <= environment.items() else [])
    return {each.what: each.removed for each in told if isinstance(each, Swept)}


async def count(url: str, table: str) -> int:
    database = await open_database(url)
    try:
        ((found,),) = await database.fetch(f"SELECT COUNT(*) FROM {table}")
        return int(found)
    finally:
        await database.close()


async def test_sessions_that_expired_go(
    empty: Live, project_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_rows, "_PURGED_AT_ONCE", 2)
    for _ in range(3):
        await done(empty, "/auth/authenticate", {"email": EMAIL, "password": PASSWORD})
    folder = tmp_path / "data"
    assert await swept(folder, days(6)) == {}
    assert await swept(folder, days(8)) == {"sessions": 4}
    assert await count(project_url, "directus_user_sessions") == 0


async def test_history_is_kept_as_long_as_it_is_stated(
    empty: Live, project_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aged_history, "BATCH", 3)
    folder = tmp_path / "data"
    fields = [ID, {"field": "title", "type": "string", "interface": "text-input"}]
    await done(empty, "/collections", {"collection": "notes", "fields": fields})
    await done(empty, "/items/notes", [{"title": str(number)} for number in range(10)])
    for _ in range(4):
        comment = {"collection": "notes", "item": 1, "comment": "Mine"}
        await done(empty, "/activity/comment", comment)
    activity = await count(project_url, "directus_activity")
    revisions = await count(project_url, "directus_revisions")
    assert revisions >= 10

    assert "activity" not in await swept(folder, days(10_000))
    # A part of it is young: the rows of one batch, and of those after it.
    await make_old(empty, project_url)
    old = await swept(folder, days(0), revisions_days="30")
    assert 0 < old["revisions"] < revisions
    assert old.keys() == {"revisions"}
    old = await swept(folder, days(0), activity_days="30")
    assert 0 < old["activity"] < activity - 4
    left = await empty.data("/activity?limit=-1&fields=action,action_on,item")
    assert sum(row["action"] == "comment" for row in left) == 4
    assert len([row for row in left if row["action"] == "create" and row["item"] == "10"]) == 1
    every = await swept(folder, days(40), activity_days="30", revisions_days="20")
    assert every.keys() >= {"activity", "revisions"}
    assert await count(project_url, "directus_revisions") == 0
    left = await empty.data("/activity?limit=-1&fields=action")
    assert {row["action"] for row in left} == {"comment"}
    assert len(left) == 4
    assert (await empty.ask("GET", "/items/notes/1")).status_code == 200


async def make_old(world: Live, url: str) -> None:
    """All but the activity of the last note, and what came after it, was long ago."""
    query = "filter[collection]=notes&filter[item]=9&filter[action]=create&fields=id"
    (row,) = await world.data(f"/activity?{query}")
    database = await open_database(url)
    try:
        async with database.transaction() as transaction:
            await transaction.execute(
                "UPDATE directus_activity SET action_on = '2020-01-02 03:04:05'"
                f" WHERE id <= {int(row['id'])}"
            )
    finally:
        await database.close()


async def test_logs_and_forgotten_contents_go(
    empty: Live, project_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    fields = [ID, {"field": "title", "type": "string", "interface": "text-input"}]
    await done(empty, "/collections", {"collection": "notes", "fields": fields})
    # Nobody may be called there, so each of them fails for good.
    hook = {"status": "active", "http_action": "post", "url": "http://127.0.0.1:9/"}
    hook |= {"collection": "notes", "directus_action": "item.create"}
    made = await done(empty, "/webhooks", hook)
    await done(empty, "/items/notes", [{"title": str(number)} for number in range(5)])
    await until_parked(project_url, 5)
    files = folder / "files" / KEY / "originals"
    files.mkdir(parents=True, exist_ok=True)
    for name in ("forgotten.txt", "unfinished.txt#1"):
        (files / name).write_bytes(b"x")
        os.utime(files / name, (0, 0))
    (files / "young.txt").write_bytes(b"x")

    assert await swept(folder, days(8), deliveries_days="9", parked_days="9") == {"sessions": 1}
    assert await swept(folder, days(8), deliveries_days="9", parked_days="7") == {"errands": 5}
    assert await swept(folder, days(8), deliveries_days="7") == {"deliveries": 5}
    assert await empty.data(f"/webhooks/{made['id']}/deliveries") == []
    assert await swept(folder, days(0), files_days="1") == {"files": 2}
    assert [path.name for path in files.iterdir()] == ["young.txt"]


async def until_parked(url: str, number: int) -> None:
    database = await open_database(url)
    sql = "SELECT COUNT(*) FROM conductus_outbox WHERE due IS NULL"
    deadline = time.monotonic() + 60
    try:
        while int((await database.fetch(sql))[0][0]) < number:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
    finally:
        await database.close()


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_a_sweep_that_fails_holds_no_other_up(
    driver: str, empty: Live, tmp_path: Path
) -> None:
    """The storage is away; what comes after it is swept nevertheless."""
    fields = [ID, {"field": "title", "type": "string", "interface": "text-input"}]
    await done(empty, "/collections", {"collection": "notes", "fields": fields})
    await done(empty, "/items/notes", {"title": "x"})
    found = await swept(tmp_path / "data", days(9), away="1", files_days="1", activity_days="1")
    assert found.keys() == {"sessions", "activity", "revisions"}


async def test_the_server_sweeps_by_itself(
    project_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each second, as the schedule says."""
    monkeypatch.setattr(schedules, "LOOK_SECONDS", 0.05)
    told: list[Observation] = []
    environment = stated(schedule="* * * * * *")
    async with live(
        project_url, tmp_path / "data", environment=environment, observer=told.append
    ) as world:
        login = {"email": EMAIL, "password": PASSWORD}
        await done(world, "/auth/authenticate", login)
        database = await open_database(project_url)
        try:
            async with database.transaction() as transaction:
                await transaction.execute(
                    "UPDATE directus_user_sessions SET token_expired_at = '2020-01-02 03:04:05'"
                )
        finally:
            await database.close()
        await eventually(lambda: any(isinstance(each, Swept) for each in told))
    assert {each.what for each in told if isinstance(each, Swept)} == {"sessions"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"schedule": "at night"}, "`schedule` is not what cron takes"),
        ({"schedule": "61 * * * *"}, "`schedule` is not what cron takes"),
        ({"activity_days": "0"}, "days must be 1 or more"),
        ({"files_days": "-1"}, "days must be 1 or more"),
        ({"activity_days": "30", "revisions_days": "31"}, "must not be more than"),
        ({"sessions_days": "30"}, "sessions_days"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, str], said: str, tmp_path: Path) -> None:
    environment = {
        f"{PREFIX}DATABASE__URL": "sqlite:///x.db",
        f"{PREFIX}AUTH__SECRET_KEY": "an-acceptable-secret-key-0123456789",
        f"{PREFIX}AUTH__PUBLIC_KEY": "public",
        **stated(**settings),
    }
    with pytest.raises(ConfigInvalid, match=said):
        project_config(tmp_path, KEY, environment)


def test_what_is_stated_is_taken(tmp_path: Path) -> None:
    environment = {
        f"{PREFIX}DATABASE__URL": "sqlite:///x.db",
        f"{PREFIX}AUTH__SECRET_KEY": "an-acceptable-secret-key-0123456789",
        f"{PREFIX}AUTH__PUBLIC_KEY": "public",
        **stated(schedule="", activity_days="400"),
    }
    found = project_config(tmp_path, KEY, environment).retention
    assert (found.schedule, found.activity_days, found.days_of_revisions) == ("", 400, 400)
