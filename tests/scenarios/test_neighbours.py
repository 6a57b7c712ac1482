"""Many projects on one server: none sees, slows or stops another. Source: projects page §1."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from msgspec import Struct
from sqlalchemy import make_url

from conductus.config import (
    Jobs,
    MailConfig,
    MaintenanceConfig,
    OutgoingConfig,
    ServerConfig,
    new_project_config,
    save_new_project,
)
from conductus.database.dialect import Name as Driver
from conductus.errors import DatabaseUnreachable
from conductus.extensions import CustomRequest, Registry
from conductus.extensions.loading import given
from conductus.projects import entry as entry_room
from conductus.projects.entry import Entry
from conductus.projects.maintenance import order, withdraw
from conductus.telemetry import ProjectUnavailable
from tests.databases import DRIVERS, postgresql_url
from tests.postbox import eventually
from tests.scenarios.neighbours import Neighbours, copies, databases, say, serving
from tests.scenarios.receiver import Receiver, receiving
from tests.scenarios.shop import EMAIL, KEY, PASSWORD, Live
from tests.scenarios.worlds import field, whole

COLLECTION = {
    "collection": "notes",
    "fields": [
        whole("id", primary_key=True, auto_increment=True),
        field("title", "string", "VARCHAR", 100),
    ],
}
PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d4944415478da63fcffff3f030005fe02fea72d1e480000000049454e44ae426082"
    )
).decode()
PLUGIN = """
def register(registry):
    @registry.get("hello", public=True)
    async def hello(request):
        return {"from": request.project}
"""


STORAGE = """
[storage]
driver = "s3"
bucket = "b"
endpoint = "http://127.0.0.1:9"
access_key = "a"
secret_key = "{secret}"
timeout_seconds = 1
"""


class Street(Struct):
    """Two projects that know nothing of each other."""

    place: Neighbours
    receiver: Receiver
    data: Path


@asynccontextmanager
async def street(driver: Driver, data: Path) -> AsyncIterator[Street]:
    config = ServerConfig(
        outgoing=OutgoingConfig(allow=("127.0.0.1",)), jobs=Jobs(poll_seconds=0.1)
    )
    async with databases(driver, data, ["one", "two"]), receiving() as receiver:
        say(data, "one", "[rate_limit]\nenabled = true\nlimit = 1000000")
        plugins = data / "projects" / "one" / "extensions" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "greeter.py").write_text(PLUGIN)
        async with serving(data, config) as place:
            for key in ("one", "two"):
                await place.sign_in(key)
                await place.data(key, "POST", "/collections", json=COLLECTION)
                await place.data(key, "POST", "/items/notes", json={"title": f"of {key}"})
            yield Street(place, receiver, data)


@pytest.fixture(scope="module", params=DRIVERS)
async def homes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Street]:
    async with street(request.param, tmp_path_factory.mktemp("street") / "data") as found:
        yield found


# -- what is one's own ------------------------------------------------------------------


async def test_tokens_of_one_are_nothing_in_the_other(homes: Street) -> None:
    place = homes.place
    await place.data("one", "PATCH", "/users/1", json={"token": "A.static-token-of-one"})
    for token in (place.tokens["one"], "A.static-token-of-one"):
        # Twice: what was remembered of a token is remembered for its project alone.
        for _ in range(2):
            assert (await place.ask("one", "GET", "/users/me", token)).status_code == 200
            refused = await place.ask("two", "GET", "/users/me", token)
            assert refused.status_code == 401
            body = {"title": "a stranger's"}
            assert (
                await place.ask("two", "POST", "/items/notes", token, json=body)
            ).status_code == 401
    # The project that a header names is none but the token's.
    headers = {"x-directus-project": "two", "authorization": f"Bearer {place.tokens['one']}"}
    assert (await place.client.get("/interfaces", headers=headers)).status_code == 401


async def test_cookies_of_one_are_nothing_in_the_other(homes: Street) -> None:
    client = homes.place.client
    login = {"email": EMAIL, "password": PASSWORD, "mode": "cookie"}
    answer = await client.post("/one/auth/authenticate", json=login)
    cookie = answer.headers["set-cookie"].partition(";")[0]
    client.cookies.clear()
    name, value = cookie.split("=", 1)
    for shown in (cookie, f"{name.replace('one', 'two')}={value}"):
        assert (await client.get("/two/users/me", headers={"cookie": shown})).status_code == 401
    assert (await client.get("/one/users/me", headers={"cookie": cookie})).status_code == 200
    client.cookies.clear()


async def test_a_link_of_mail_of_one_is_nothing_in_the_other(homes: Street) -> None:
    place = homes.place
    sessions = await place.data("one", "GET", "/users/1?fields=id,email")
    assert sessions["email"] == EMAIL
    answer = await place.client.post("/two/auth/refresh", json={"token": place.tokens["one"]})
    assert answer.status_code == 401


async def test_each_reads_its_own_items_at_the_same_address(homes: Street) -> None:
    for _ in range(2):
        for key in ("one", "two"):
            rows = await homes.place.data(key, "GET", "/items/notes?fields=title&limit=1&sort=id")
            assert rows == [{"title": f"of {key}"}]
            schema = await homes.place.ask(key, "GET", "/specs/oas")
            assert f"/{key}" in schema.text


async def test_files_of_one_are_not_to_be_had_from_the_other(homes: Street) -> None:
    place = homes.place
    body = {"filename_download": "p.png", "data": PNG}
    row = await place.data("one", "POST", "/files", json=body)
    for path, status in [
        (f"/uploads/one/originals/{row['filename_disk']}", 200),
        (f"/uploads/two/originals/{row['filename_disk']}", 404),
        (f"/one/assets/{row['private_hash']}", 200),
        (f"/two/assets/{row['private_hash']}", 404),
    ]:
        assert (await place.client.get(path)).status_code == status, path
    assert (homes.data / "files" / "one" / "originals" / row["filename_disk"]).exists()
    assert not (homes.data / "files" / "two" / "originals" / row["filename_disk"]).exists()


async def test_webhooks_of_one_hear_nothing_of_the_other(homes: Street) -> None:
    place = homes.place
    for key in ("one", "two"):
        row = {
            **{"status": "active", "http_action": "post", "url": homes.receiver.url(f"/{key}")},
            **{"collection": "notes", "directus_action": "item.create"},
        }
        await place.data(key, "POST", "/webhooks", json=row)
    await place.data("one", "POST", "/items/notes", json={"title": "heard"})
    (heard,) = await homes.receiver.requests("/one")
    assert "heard" in heard.body
    # Whatever was to come of it came before what comes of the next.
    await place.data("two", "POST", "/items/notes", json={"title": "marked"})
    (heard,) = await homes.receiver.requests("/two")
    assert "marked" in heard.body
    assert len(homes.receiver.heard["/one"]) == 1


async def test_a_plugin_of_one_is_not_in_the_other(homes: Street) -> None:
    found = await homes.place.client.get("/one/custom/greeter/hello")
    assert found.json() == {"data": {"from": "one"}, "public": True}
    assert (await homes.place.client.get("/two/custom/greeter/hello")).status_code == 404


async def test_a_rate_is_counted_for_its_project_alone(homes: Street) -> None:
    place = homes.place
    first = await place.client.get("/one/")
    await place.client.get("/two/")
    second = await place.client.get("/one/")
    assert "x-ratelimit-remaining" not in (await place.client.get("/two/")).headers
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in (first, second)]
    assert left[1] == left[0] - 1


async def test_a_key_that_is_used_again_begins_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await copies(data, ["one", "two"])
    async with serving(data, ServerConfig()) as place:
        await place.sign_in("two")
        old = place.tokens["two"]
        body = {"filename_download": "p.png", "data": PNG}
        row = await place.data("two", "POST", "/files", json=body)
        (data / "projects" / "two.toml").unlink()
        assert (await place.client.get("/two/")).status_code == 404
        # The same key, another database.
        save_new_project(data, "two", new_project_config(f"sqlite:///{data / 'three.db'}"))
        (data / "three.db").write_bytes((data / "one.db").read_bytes())
        assert (await place.ask("two", "GET", "/users/me", old)).status_code == 401
        address = f"/uploads/two/originals/{row['filename_disk']}"
        assert (await place.client.get(address)).status_code == 404


# -- those that nobody asks for -----------------------------------------------------------


class Gate:
    """An endpoint that answers when it is told to."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()

    def register(self, registry: Registry) -> None:
        @registry.get("wait", public=True)
        async def wait(request: CustomRequest) -> dict[str, str]:
            self.entered.set()
            await self.opened.wait()
            return {"project": request.project}


async def connected(url: str) -> int:
    """How many connections a database of PostgreSQL has."""
    server = postgresql_url()
    connection = await asyncpg.connect(
        host=server.host, port=server.port or 5432, user=server.username,
        password=server.password, database=server.database,
    )  # fmt: skip
    try:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
        return int(await connection.fetchval(statement, make_url(url).database))
    finally:
        await connection.close()


@pytest.mark.parametrize("driver", DRIVERS)
async def test_an_idle_project_is_let_go_and_opened_again(driver: Driver, tmp_path: Path) -> None:
    data, gate = tmp_path / "data", Gate()
    config = ServerConfig(open_projects=0, idle_seconds=0.2, jobs=Jobs(poll_seconds=0.1))
    async with (
        databases(driver, data, ["one", "two"]) as urls,
        serving(data, config, [given("gate", gate.register)]) as place,
    ):
        assert (await place.client.get("/one/")).status_code == 200
        waiting = asyncio.create_task(place.client.get("/two/custom/gate/wait"))
        await gate.entered.wait()
        await eventually(lambda: place.open() == {"two"})
        if driver == "postgresql":
            assert await connected(urls["one"]) == 0
        # Who is at work with it keeps it, however long that takes.
        await eventually(closings(place, "one", 2, again=lambda: place.client.get("/one/")))
        assert "two" in place.open()
        assert not waiting.done()
        gate.opened.set()
        assert (await waiting).json()["data"] == {"project": "two"}
        await eventually(lambda: place.open() == set())
        for key in ("one", "two"):
            await place.sign_in(key)
            assert (await place.ask(key, "GET", "/users/me")).status_code == 200


def closings(
    place: Neighbours, key: str, number: int, again: Callable[[], Any]
) -> Callable[[], bool]:
    """Whether a project was opened and closed so often; it is asked for whenever it is closed."""
    asked: list[asyncio.Task[Any]] = []

    def happened() -> bool:
        if key not in place.open() and all(task.done() for task in asked):
            if len(asked) >= number:
                return True
            asked.append(asyncio.ensure_future(again()))
        return False

    return happened


async def test_few_projects_stay_open_though_nobody_asks(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await copies(data, ["a", "b", "c"])
    async with serving(data, ServerConfig(open_projects=2, idle_seconds=0.1)) as place:
        for key in ("a", "b", "c", "b"):
            assert (await place.client.get(f"/{key}/")).status_code == 200
        # The one that was asked for longest ago.
        await eventually(lambda: place.open() == {"b", "c"})
        health = (await place.client.get("/server/health")).json()["data"]
        assert health["status"] == "ok"
        states = {key: state["database"] for key, state in health["projects"].items()}
        assert states == {"a": "asleep", "b": "ok", "c": "ok"}
        assert place.open() == {"b", "c"}


async def test_what_is_left_to_be_done_keeps_a_project_open_and_opens_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await copies(data, ["a", "b"])
    nowhere = MailConfig(transport="smtp", sender="a@example.com", host="127.0.0.1", port=9)
    letter = {"to": "b@example.com", "subject": "Left", "body": "behind"}
    lazy = ServerConfig(open_projects=0, idle_seconds=0.1, mail=nowhere)
    async with serving(data, lazy) as place:
        for key in ("a", "b"):
            await place.sign_in(key)
        assert (await place.ask("a", "POST", "/mail", json=letter)).status_code == 204
        await eventually(lambda: place.open() == {"a"})
        await eventually(closings(place, "b", 2, again=lambda: place.client.get("/b/")))
        assert place.open() == {"a"}
    # Nobody asks for it here.
    config = ServerConfig(
        open_projects=0, idle_seconds=0.1, jobs=Jobs(poll_seconds=0.1),
        mail=MailConfig(transport="file", sender="a@example.com", folder="out"),
    )  # fmt: skip
    async with serving(data, config) as place:
        await eventually(lambda: place.open() == {"a"})
        assert "b" not in {getattr(one, "project", "") for one in place.seen}


# -- those that are broken ----------------------------------------------------------------


async def test_one_that_is_broken_harms_no_other(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await copies(data, ["good"])
    async with AsyncExitStack() as stack:
        silent_one = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = silent_one.getsockname()[1]
        for key, url in {
            "away": "postgresql://u:p@127.0.0.1:9/x",
            "empty": "sqlite:///nothing.db",
            "hangs": f"postgresql://u:p@127.0.0.1:{port}/x",
        }.items():
            save_new_project(data, key, new_project_config(url))
        save_new_project(data, "odd", new_project_config("sqlite:///odd.db"))
        say(data, "odd", "[databse]")
        (data / "projects" / "a b.toml").write_text("")
        place = await stack.enter_async_context(serving(data, ServerConfig()))
        hanging = asyncio.create_task(place.client.get("/hangs/"))
        listed = (await place.client.get("/server/projects")).json()["data"]
        assert listed == ["away", "empty", "good", "hangs"]
        for key, status, code in [
            ("away", 503, 11), ("empty", 503, 14), ("odd", 503, 11), ("a%20b", 404, 24),
        ]:  # fmt: skip
            answer = await place.client.get(f"/{key}/")
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
            assert (await place.client.get("/good/")).status_code == 200
        assert not hanging.done()
        told = [one for one in place.seen if isinstance(one, ProjectUnavailable)]
        assert len([one for one in told if "databse" in one.reason]) == 1
        assert len([one for one in told if "'a b' cannot be the key" in one.reason]) == 1
        # A new project is taken in all the same.
        save_new_project(data, "later", new_project_config("sqlite:///good.db"))
        assert (await place.client.get("/later/")).status_code == 200
        hanging.cancel()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


async def test_a_failure_that_took_long_is_believed_for_as_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, tries = Clock(), 0
    monkeypatch.setattr(entry_room, "time", clock)

    @asynccontextmanager
    async def opened(_: str, __: Any) -> AsyncIterator[Any]:
        nonlocal tries
        tries += 1
        clock.now += took
        if tries:
            raise DatabaseUnreachable
        yield

    entry = Entry("hangs", None, opened, new_project_config("sqlite:///x.db"))

    async def ask(after: float) -> int:
        clock.now += after
        with pytest.raises(DatabaseUnreachable):
            await entry.open()
        return tries

    took = 4.0
    assert [await ask(after) for after in (0, 0, 3.9, 0.2)] == [1, 1, 1, 2]
    # One that came at once is not: the database may be back any moment.
    clock.now, took = 2000.0, 0.9
    assert [await ask(after) for after in (0, 0.1, 0.1)] == [3, 4, 5]


# -- health -------------------------------------------------------------------------------


async def test_what_a_project_leans_on_is_told_by_name(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await copies(data, ["one", "lost", "counted", "hidden"])
    say(data, "lost", STORAGE.format(secret="Canary-of-a-bucket"))
    say(data, "counted", '[rate_limit]\nadapter = "redis"\nredis_url = "redis://127.0.0.1:9/0"')
    save_new_project(data, "away", new_project_config("postgresql://u:hush@127.0.0.1:9/x"))
    hidden = data / "projects" / "hidden.toml"
    hidden.write_text("private = true\n" + hidden.read_text())
    async with serving(data, ServerConfig()) as place:
        answer = await place.client.get("/server/health")
        found = answer.json()["data"]
        assert (answer.status_code, found["status"]) == (503, "failing")
        assert found["projects"] == {
            "away": {"database": "unreachable"},
            # Redis that is away hinders nobody.
            "counted": {"database": "ok", "storage": "ok", "cache": "unreachable"},
            "lost": {"database": "ok", "storage": "unreachable"},
            "one": {"database": "ok", "storage": "ok"},
        }
        assert "hush" not in answer.text
        assert "Canary" not in answer.text
        for key in ("away", "lost"):
            (data / "projects" / f"{key}.toml").unlink()
        assert (await place.client.get("/server/health")).status_code == 200


# -- maintenance --------------------------------------------------------------------------


async def test_maintenance_keeps_out_all_but_administrators(empty: Live, tmp_path: Path) -> None:
    data = tmp_path / "data"
    user = {"email": "b@example.com", "password": "Somebody else 1", "status": "active"}
    role = (await empty.ask("POST", "/roles", json={"name": "Readers"})).json()["data"]["id"]
    made = await empty.ask("POST", "/users", json={**user, "role": role, "token": "Token.of-b"})
    assert made.status_code == 200
    theirs = {"authorization": "Bearer Token.of-b"}
    order(data, KEY, MaintenanceConfig(message="Back at noon", retry_after=77))
    for method, path in [
        ("GET", "/"), ("GET", "/items/nope"), ("POST", "/auth/refresh"), ("GET", "/docs"),
        ("GET", "/assets/nope"), ("POST", "/utils/random/string"),
    ]:  # fmt: skip
        for headers in ({}, theirs):
            answer = await empty.client.request(method, f"/{KEY}{path}", headers=headers)
            assert answer.status_code == 503, (method, path)
            assert answer.json()["error"]["code"] == 21
            assert answer.json()["error"]["message"] == "Back at noon"
            assert answer.headers["retry-after"] == "77"
    assert (await empty.client.get(f"/uploads/{KEY}/originals/x")).status_code == 503
    assert (await empty.client.get(f"/types?project={KEY}", headers=theirs)).status_code == 503
    # Administrators come in, and go on.
    await empty.sign_in()
    assert (await empty.ask("GET", "/users")).status_code == 200
    health = await empty.client.get("/server/health")
    assert health.status_code == 200
    state = health.json()["data"]["projects"][KEY]
    assert state == {"database": "ok", "storage": "ok", "maintenance": True}
    withdraw(data, KEY)
    assert (await empty.client.get(f"/{KEY}/")).status_code == 200


async def test_maintenance_by_configuration(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await copies(data, ["one", "two"])
    say(data, "two", "[maintenance]\nenabled = true")
    save_new_project(data, "away", new_project_config("postgresql://u:p@127.0.0.1:9/x"))
    say(data, "away", "[maintenance]\nenabled = true")
    async with serving(data, ServerConfig()) as place:
        assert (await place.client.get("/one/")).status_code == 200
        for key in ("two", "away"):
            # Also while the database is away, which may be what is worked on.
            answer = await place.client.get(f"/{key}/")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, 21)
            assert answer.headers["retry-after"] == "120"
