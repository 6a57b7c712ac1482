"""The worked examples of the documentation, on each database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conductus.config import PluginsConfig
from conductus.extensions import Registry
from conductus.extensions.calling import Caller
from conductus.extensions.loading import given, in_folder
from conductus.extensions.plugins import Plugins
from conductus.mail.templates import Templates
from conductus.telemetry import silent
from conductus.testing import EMAIL, PATIENCE_SECONDS, PluginProject, project
from tests.databases import DRIVERS, fresh_database
from tests.files.pictures import encoded, quarters
from tests.provider import SECRET, provider
from tests.scenarios import binary
from tests.scenarios.forked import conductus

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
SERVING = ("bakery", "counter", "window", "pantry")
WHOLE = {"type": "integer", "datatype": "INT", "length": 11}


def example(name: str) -> Any:
    """The callable of an example, as a data folder would give it."""
    (found,) = [one for one in in_folder(EXAMPLES) if one.name == name]
    return found.load()


@pytest.fixture(params=DRIVERS)
async def bakery(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PluginProject]:
    """A project with every example that serves requests; what it is told is of one test."""
    async with (
        fresh_database(request.param, "bakery", tmp_path) as url,
        project({name: example(name) for name in SERVING}, url=url) as shop,
    ):
        grams = {"field": "grams", **WHOLE}
        ean = {"field": "ean", "type": "string", "datatype": "VARCHAR", "length": 20}
        await shop.make("loaves", "title", "slug", "state", grams, {**ean, "validation": "$ean"})
        await shop.make("news", "message", "loaf")
        yield shop


async def new(bakery: PluginProject, **loaf: Any) -> Any:
    return await bakery.ok("POST", "/items/loaves", loaf)


async def test_hooks_complete_refuse_and_tell(bakery: PluginProject) -> None:
    rye = await new(bakery, title="Dark Rye", grams=800)
    assert rye["slug"] == "dark-rye"
    changed = await bakery.ok("PATCH", f"/items/loaves/{rye['id']}", {"title": "Light Rye"})
    assert changed["slug"] == "light-rye"
    created, updated = await bakery.told("loaves", 2)
    assert [created.event, updated.event] == ["item.create", "item.update"]
    (noted,) = await bakery.told("news")
    assert noted.payload == {"message": created.id, "loaf": str(rye["id"])}
    for loaf in ({"title": "x", "state": "burnt"}, {"title": "x", "grams": 5001}):
        told = await bakery.refused("POST", "/items/loaves", loaf)
        assert (told["code"], told["status"]) == (12, 422)
    assert await bakery.ok("GET", "/items/loaves?filter[title]=x") == []


async def test_a_hook_reads_before_it_refuses(bakery: PluginProject) -> None:
    loaf = await new(bakery, title="Spelt", state="sold")
    told = await bakery.refused("DELETE", f"/items/loaves/{loaf['id']}")
    assert told["message"] == "Sold loaves stay in the books"
    await bakery.ok("PATCH", f"/items/loaves/{loaf['id']}", {"state": "stale"})
    await bakery.ok("DELETE", f"/items/loaves/{loaf['id']}")
    events = await bakery.told("loaves", 3)
    assert [event.event for event in events] == ["item.create", "item.update", "item.delete"]
    assert events[-1].payload is None


async def test_endpoints_answer_with_the_rights_of_who_asks(bakery: PluginProject) -> None:
    await new(bakery, title="a", state="fresh", grams=500)
    loaf = await new(bakery, title="b", state="fresh", grams=700)
    path = "/custom/counter/stock/fresh"
    assert await bakery.ok("GET", path) == {"loaves": 2, "grams": 1200}
    assert (await bakery.refused("GET", "/custom/counter/stock/old"))["code"] == 1
    await bakery.ok("POST", f"/custom/counter/sell/{loaf['id']}")
    assert await bakery.ok("GET", path) == {"loaves": 1, "grams": 500}
    role = await bakery.ok("POST", "/roles", {"name": "Guests"})
    body = {"email": "guest@example.com", "password": "x" * 12, "status": "active"}
    body["role"] = role["id"]
    await bakery.ok("POST", "/users", {**body, "token": "guest-token"})
    for method, below, expected in [
        ("GET", "stock/fresh", (300, 403)),
        ("POST", f"sell/{loaf['id']}", (10, 403)),
    ]:
        told = await bakery.refused(method, f"/custom/counter/{below}", token="guest-token")
        assert (told["code"], told["status"]) == expected


async def test_who_is_not_signed_in_reaches_what_is_public_alone(bakery: PluginProject) -> None:
    hours = await bakery.ask("GET", "/custom/counter/hours", token="")
    assert (hours.status_code, hours.text) == (200, "7-12")
    assert hours.headers["content-type"] == "text/plain"
    assert hours.headers["x-content-type-options"] == "nosniff"
    for path in ("/custom/counter/stock/fresh", "/custom/window/shown/all"):
        told = await bakery.refused("GET", path, token="")
        assert (told["code"], told["status"]) == (3, 401)


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/custom", (1, 404)),
        ("GET", "/custom/nobody/x", (1, 404)),
        ("GET", "/custom/counter", (1, 404)),
        ("GET", "/custom/counter/nothing", (1, 404)),
        ("POST", "/custom/counter/hours", (6, 405)),
        ("GET", "/custom/counter/stock/%ff", (4, 422)),
    ],
)
async def test_paths_that_lead_nowhere(
    bakery: PluginProject, method: str, path: str, error: tuple[int, int]
) -> None:
    told = await bakery.refused(method, path, {} if method == "POST" else None)
    assert (told["code"], told["status"]) == error


async def test_an_application_answers_in_its_own_way(bakery: PluginProject) -> None:
    await new(bakery, title="in the window")
    found = await bakery.ask("GET", "/custom/window/shown/all")
    assert found.status_code == 201
    assert found.json()["kind"] == "all"
    assert {"title": "in the window"} in found.json()["loaves"]
    assert "x-request-id" in found.headers
    missing = await bakery.ask("GET", "/custom/window/else")
    assert (missing.status_code, missing.text) == (404, "Not Found")


async def test_a_rule_of_a_plugin_judges_values(bakery: PluginProject) -> None:
    made = await new(bakery, title="e", ean="4006381333931")
    for wrong in ("4006381333932", "abc"):
        told = await bakery.refused("POST", "/items/loaves", {"title": "e", "ean": wrong})
        assert (told["code"], told["status"]) == (4, 422)
    path = f"/items/loaves/{made['id']}"
    assert (await bakery.ok("PATCH", path, {"ean": None}))["ean"] is None


async def test_a_hasher_of_a_plugin(bakery: PluginProject) -> None:
    body = {"string": "x", "hasher": "blake2"}
    hashed = (await bakery.ok("POST", "/utils/hash", body))["hash"]
    assert len(hashed) == 128
    for text, valid in (("x", True), ("y", False)):
        asked = {"string": text, "hash": hashed, "hasher": "blake2"}
        assert (await bakery.ok("POST", "/utils/hash/match", asked)) == {"valid": valid}
    told = await bakery.refused("POST", "/utils/hash", {**body, "hasher": "blake3"})
    assert told["code"] == 1000


async def test_every_other_kind_of_hook() -> None:
    plugins = {"counterfoil": example("counterfoil")}
    async with project(plugins) as shop:
        await shop.make("news", "message")
        await shop.make("loaves", "title", {"field": "grams", **WHOLE})
        (made,) = await shop.told("loaves", of="collection")
        assert (made.event, made.item) == ("collection.create", "loaves")
        loaf = await shop.ok("POST", "/items/loaves", {"title": "Rye", "grams": 750})
        assert loaf["price"] == 7.5
        shown = (await shop.ask("GET", "/items/loaves?fields=grams")).json()
        assert shown == {"data": [{"grams": 750, "price": 7.5}], "baker": "Thank you"}
        for path in ("/collections/loaves", "/fields/loaves/grams"):
            told = await shop.refused("DELETE", path)
            assert told["message"] == "Loaves stay as they are"
        files = {"file": ("a.txt", b"Some X5O!P%@AP words", "text/plain")}
        told = await shop.refused("POST", "/files", files=files)
        assert told["message"] == "This file is not healthy"
        assert await shop.ok("GET", "/files") == []
        fine = await shop.ok("POST", "/files", files={"file": ("a.txt", b"Words", "text/plain")})
        (saved,) = await shop.told("directus_files", of="file")
        assert (saved.event, saved.item) == ("file.save", fine["id"])
        wrong = {"email": "nobody@example.com", "password": "x"}
        await shop.refused("POST", "/auth/authenticate", wrong, token="")
        await noted(shop, "file.save 1", "auth.fail nobody@example.com 100")
        seen = await shop.ok("GET", "/custom/counterfoil/seen")
        assert seen == {"starts": 1, "faults": 0}


async def noted(shop: PluginProject, *messages: str) -> None:
    """Waits until the news say so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while set(messages) - {
            one["message"] for one in await shop.ok("GET", "/items/news?limit=-1")
        }:
            await shop.told("news")


async def test_a_storage_of_a_plugin_keeps_files(tmp_path: Path) -> None:
    async with project(
        {"cellar": example("cellar")},
        settings={"cellar": {"folder": str(tmp_path)}},
        configured={"storage": {"driver": "plugin", "plugin": "cellar"}},
    ) as shop:
        content = encoded(quarters(40, 30), "PNG")
        made = await shop.ok("POST", "/files", files={"file": ("a.png", content, "image/png")})
        assert (made["storage"], made["filesize"]) == ("cellar", len(content))
        found = await shop.client.get(f"/uploads/test/originals/{made['filename_disk']}")
        assert found.content == content
        part = await shop.client.get(
            f"/uploads/test/originals/{made['filename_disk']}", headers={"range": "bytes=1-3"}
        )
        assert (part.status_code, part.content) == (206, content[1:4])
        drawn = await shop.client.get(f"/test/assets/{made['private_hash']}?key=thumbnail")
        assert drawn.status_code == 200, drawn.text
        await shop.ok("PATCH", f"/files/{made['id']}", {"filename_disk": "b.png"})
        await shop.ok("DELETE", f"/files/{made['id']}")
    for path in tmp_path.glob("*.db"):
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT count(*) FROM pieces").fetchone() == (0,)
        connection.close()


async def test_people_sign_in_by_a_provider_of_a_plugin() -> None:
    with provider() as there:
        baker = {"mail": EMAIL, "sworn_in": True, "first": "Ada", "last": "Quill"}
        there.tell("ada", baker=baker)
        offered = {"plugin": "guild", "client_id": "conductus", "client_secret": SECRET}
        stated = {"sso": {"bakers": offered, "others": {**offered, "plugin": "unions"}}}
        async with project(
            {name: example(name) for name in ("guild", "counterfoil")},
            settings={"guild": {"url": there.url}},
            configured={"auth": stated},
        ) as shop:
            await shop.make("news", "message")
            listed = await shop.ask("GET", "/auth/sso", token="")
            assert listed.json()["data"] == [{"name": "bakers", "icon": None}]
            assert (await shop.refused("GET", "/auth/sso/others", token=""))["code"] == 1
            begun = await shop.ask("GET", "/auth/sso/bakers", token="")
            assert begun.status_code == 302, begun.text
            back = await asyncio.to_thread(there.consent, begun.headers["location"], "ada")
            request = (await shop.client.get(back)).json()["data"]["request_token"]
            body = {"request_token": request}
            token = (await shop.ok("POST", "/auth/sso/access_token", body, token=""))["token"]
            me = await shop.ok("GET", "/users/me?fields=email", token=token)
            assert me == {"email": EMAIL}
            there.tell("eve", baker={**baker, "sworn_in": False})
            again = await shop.ask("GET", "/auth/sso/bakers", token="")
            back = await asyncio.to_thread(there.consent, again.headers["location"], "eve")
            assert (await shop.client.get(back)).json()["error"]["code"] == 107
            await noted(shop, "auth.success 1 None", "auth.fail None 107")


async def test_settings_reach_a_plugin() -> None:
    async with project({"bakery": example("bakery")}, settings={"bakery": {"grams": 10}}) as shop:
        await shop.make("loaves", "title", {"field": "grams", **WHOLE})
        told = await shop.refused("POST", "/items/loaves", {"title": "x", "grams": 11})
        assert told["message"] == "grams: 10 at most"


def test_every_example_is_tried_here() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    names = [one.name for one in in_folder(EXAMPLES)]
    assert names
    for name in names:
        registry = Registry(name, {})
        example(name)(registry)
        assert f'"{name}"' in here


def test_a_letter_in_the_words_of_a_plugin(tmp_path: Path) -> None:
    with Caller(1) as caller:
        pantry = given("pantry", example("pantry"))
        plugins = Plugins(tmp_path, PluginsConfig(), silent, caller, [pantry])
        templates = Templates(tmp_path, plugins.find_template)
        letter = templates.render("shop", "reset-password", {"url": "https://x.test"})
        assert (letter.subject, letter.text) == (
            "A new key for the pantry",
            "Open https://x.test\n",
        )
        (tmp_path / "mail").mkdir()
        (tmp_path / "mail" / "reset-password.txt").write_text("Subject: Ours\n\nx")
        assert templates.render("shop", "reset-password", {}).subject == "Ours"


def test_a_command_of_a_plugin(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    made = conductus(
        *("project", "create", "main", "--database-url", f"sqlite:///{tmp_path}/a.db"),
        *("--admin-password", "long enough", *data),
    )
    assert made.code == 0, made.err
    folder = tmp_path / "projects" / "main" / "extensions" / "plugins"
    folder.mkdir(parents=True)
    (folder / "roles.py").write_text(ROLES)
    told = binary.conductus("plugin", "list", *data)
    assert told.out.startswith("main  roles  1 hooks, 1 commands  ")
    hired = binary.conductus("plugin", "run", "hire", "bakers", *data)
    assert (hired.code, hired.out) == (0, "bakers: by hook\n")
    missing = conductus("plugin", "run", "nothing", *data)
    assert (missing.code, missing.err) == (
        1, "conductus: No plugin has a command 'nothing': hire\n",
    )  # fmt: skip
    (folder / "roles.py").write_text("1 / 0")
    for command in (("plugin", "list"), ("start", "--port", "0"), ("role", "list")):
        broken = conductus(*command, *data)
        assert broken.code == 1
        assert len(broken.err.splitlines()) == 1
        assert "plugin roles" in broken.err


ROLES = """
def register(registry):
    @registry.on("item.create.directus_roles:before")
    def describe(event):
        event.payload["description"] = "by hook"

    @registry.command("hire")
    async def hire(services, name):
        key = await services.create("directus_roles", {"name": name})
        role = await services.item("directus_roles", key)
        return f"{role['name']}: {role['description']}"
"""
