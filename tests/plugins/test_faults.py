"""Plugins that fail, hang, or are cut off: nothing half, and nothing lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from conductus.config import PluginsConfig, ServerConfig
from conductus.database.opening import open_database
from conductus.errors import PluginTooSlow
from conductus.extensions import BeforeWrite, CustomRequest, Registry
from conductus.extensions.calling import Caller
from conductus.extensions.loading import given
from tests.databases import DRIVERS, fresh_database
from tests.scenarios.forked import conductus, serving
from tests.scenarios.shop import Live, live
from tests.scenarios.test_faults import kill, until

Item = dict[str, Any]
KEY = {"field": "id", "type": "integer", "datatype": "INT", "length": 11, "primary_key": True,
       "auto_increment": True}  # fmt: skip
LIMITS = ServerConfig(plugins=PluginsConfig(hook_seconds=0.2, endpoint_seconds=0.2, threads=2))


def slow(registry: Registry) -> None:
    """Hangs wherever it is called."""
    ended = threading.Event()

    @registry.on("item.create.things:before")
    async def for_ever(event: BeforeWrite) -> None:
        await asyncio.Event().wait()

    @registry.on("item.update.things:before")
    def in_a_thread(event: BeforeWrite) -> None:
        ended.wait(2)

    @registry.get("hang")
    async def hang(request: CustomRequest) -> None:
        await asyncio.Event().wait()

    @registry.get("timeout")
    async def timeout(request: CustomRequest) -> None:
        raise TimeoutError

    @registry.get("fault")
    def fault(request: CustomRequest) -> None:
        raise ZeroDivisionError("inner workings")


@pytest.fixture(scope="module", params=DRIVERS)
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    folder = tmp_path_factory.mktemp("slow")
    async with (
        fresh_database(request.param, "slow", folder) as url,
        live(url, folder / "data", config=LIMITS, given=[given("slow", slow)]) as world,
    ):
        name = {"field": "name", "type": "string", "datatype": "VARCHAR", "length": 20}
        for collection in ("things", "others"):
            body = {"collection": collection, "fields": [KEY, name]}
            assert (await world.ask("POST", "/collections", json=body)).status_code == 200
        yield world


async def test_a_hook_that_hangs_is_given_up_and_holds_nobody_back(world: Live) -> None:
    for method, path in (("POST", "/items/things"), ("POST", "/items/things")):
        answer = await world.ask(method, path, json={"name": "x"})
        told = answer.json()["error"]
        assert (told["code"], answer.status_code) == (0, 503)
        assert "slow" in told["message"]
    # The transaction is over: others write.
    assert (await world.ask("POST", "/items/others", json={"name": "y"})).status_code == 200
    assert await world.data("/items/things") == []


@pytest.mark.parametrize(
    ("path", "status"), [("hang", 503), ("timeout", 500), ("fault", 500), ("none", 404)]
)
async def test_an_endpoint_that_fails_says_so(world: Live, path: str, status: int) -> None:
    answer = await world.ask("GET", f"/custom/slow/{path}")
    assert answer.status_code == status
    assert "inner" not in answer.text


async def test_threads_that_hang_are_bounded_and_given_up() -> None:
    ended = threading.Event()
    running = []

    def hang() -> None:
        running.append(1)
        ended.wait(20)

    with Caller(2) as caller:
        for _ in range(4):
            with pytest.raises(PluginTooSlow):
                await caller("slow", hang, seconds=0.05)
        assert len(running) == 2
        ended.set()
        assert await caller("slow", lambda: 7, seconds=5) == 7


PLUGIN = """
import pathlib, time

def register(registry):
    noted = pathlib.Path(registry.settings["noted"])

    @registry.on("item.create.things")
    def note(event):
        if not pathlib.Path(registry.settings["open"]).exists():
            time.sleep(30)
        with noted.open("a") as file:
            file.write(f"{event.id} {event.item}\\n")
"""


@pytest.mark.timeout(120)
async def test_what_is_committed_is_told_after_the_server_was_killed(
    database_url: str, tmp_path: Path
) -> None:
    """Killed while the hook is under way, and before others were begun."""
    data = tmp_path / "data"
    made = conductus(
        "project", "create", "main", "--database-url", database_url,
        "--admin-email", "a@example.com", "--admin-password", "long enough", "--data", str(data),
    )  # fmt: skip
    assert made.code == 0, made.err
    plugins = data / "extensions" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "notes.py").write_text(PLUGIN)
    noted, opened = tmp_path / "noted", tmp_path / "open"
    (data / "conductus.toml").write_text(
        f"[plugins.settings.notes]\nnoted = '{noted}'\nopen = '{opened}'\n"
    )
    with serving("--data", data) as server:
        with signed_in(server.url) as client:
            client.post("/main/collections", json={"collection": "things", "fields": [KEY]})
            answer = client.post("/main/items/things?fields=id", json=[{} for _ in range(12)])
            keys = [str(one["id"]) for one in answer.json()["data"]]
        kill(server)
    assert not noted.exists()
    opened.touch()
    await end_leases(database_url)
    with serving("--data", data):
        until(lambda: noted.exists() and len(noted.read_text().splitlines()) >= 12)
    lines = [line.split() for line in noted.read_text().splitlines()]
    assert {item for _, item in lines} == set(keys)
    assert len({id for id, _ in lines}) == 12


def signed_in(url: str) -> httpx2.Client:
    login = {"email": "a@example.com", "password": "long enough"}
    token = httpx2.post(f"{url}/main/auth/authenticate", json=login).json()["data"]["token"]
    return httpx2.Client(base_url=url, headers={"authorization": f"Bearer {token}"})


async def end_leases(url: str) -> None:
    """What the killed worker had taken is due as if its time had run out."""
    database = await open_database(url)
    try:
        outbox = sa.table("conductus_outbox", sa.column("due"))
        statement = database.dialect.compile(sa.update(outbox).values(due=0))
        async with database.transaction() as transaction:
            changed = await transaction.execute(statement.sql, statement.values({}))
        assert changed == 12
    finally:
        await database.close()
