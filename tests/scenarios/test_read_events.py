"""Hooks of what is shown, of answers and of sign-ins, on each database.

Source: extensions page §2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from conductus.errors import Forbidden
from conductus.extensions import CustomRequest, ItemsRead, Registry, Response, SignIn
from conductus.extensions.loading import given
from conductus.http import answering
from tests.databases import DRIVERS, fresh_database
from tests.scenarios.conversing import conversing
from tests.scenarios.listening import listening
from tests.scenarios.shop import EMAIL, KEY, live
from tests.scenarios.signing_in import by_token, log_in
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import field, text, whole

Item = dict[str, Any]
Read = Callable[[ItemsRead], Awaitable[Any]]
PATIENCE_SECONDS = 20
SOME = 1100
"""More than a streamed list holds at a time."""


class Window:
    """What the hooks do, and what they were called with."""

    def __init__(self) -> None:
        self.reads: dict[str, Read] = {}
        self.asked: list[tuple[str, list[Item]]] = []
        self.answer: Callable[[Response], Any] | None = None
        self.answers: list[Response] = []
        self.seen: list[SignIn] = []
        self._news = asyncio.Event()

    def clear(self) -> None:
        self.reads, self.answer = {}, None
        self.asked, self.answers = [], []

    def register(self, registry: Registry) -> None:
        for name in ("loaves", "bakers", "slices"):
            registry.on(f"item.read.{name}")(self._reader(name))

        @registry.on("item.read.directus_files", "item.read.directus_users")
        async def astray(event: ItemsRead) -> None:
            self.asked.append((event.collection, event.items))
            for item in event.items:
                for name in {"filename_disk", "email"} & item.keys():
                    item[name] = f"hidden {item[name]}"

        @registry.on("response.GET", "response.DELETE")
        async def answered(event: Response) -> Any:
            self.answers.append(event)
            return None if self.answer is None else self.answer(event)

        @registry.on("auth.request:credentials", "auth.success", "auth.fail")
        async def signing_in(event: SignIn) -> None:
            self.seen.append(event)
            self._news.set()

        @registry.get("loaves/{whose}")
        async def shown(request: CustomRequest) -> Any:
            services = request.system if request.path["whose"] == "stored" else request.services
            return await services.items("loaves", "fields=title&sort=id")

    async def sign_ins(self, number: int) -> list[SignIn]:
        """The last ones, once there are so many."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.seen) < number:
                self._news.clear()
                await self._news.wait()
        found, self.seen = self.seen, []
        return found

    def _reader(self, name: str) -> Read:
        async def reader(event: ItemsRead) -> Any:
            assert (event.event, event.collection, event.project) == ("item.read", name, KEY)
            self.asked.append((name, [dict(item) for item in event.items]))
            does = self.reads.get(name)
            return None if does is None else await does(event)

        reader.__qualname__ = name
        return reader


@pytest.fixture(scope="module", params=DRIVERS)
async def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Workshop, Window]]:
    folder = tmp_path_factory.mktemp("window")
    window = Window()
    async with (
        fresh_database(request.param, "window", folder) as url,
        live(url, folder / "data", given=[given("window", window.register)]) as world,
    ):
        shop = Workshop(world, request.param, url, folder / "data")
        loaves = [
            text("title"), text("secret", "hash"), whole("baker", "m2o"), whole("owner", "owner"),
            field("slices", "o2m"),
        ]  # fmt: skip
        slices = [text("name"), whole("loaf", "m2o")]
        for name, fields in (("bakers", [text("name")]), ("loaves", loaves), ("slices", slices)):
            body = {"collection": name, "fields": [ID, *fields]}
            await shop.ok("POST", "/collections", body)
        await shop.relate("loaves", "baker", "bakers", None)
        await shop.relate("slices", "loaf", "loaves", "slices")
        for title in ("rye", "wheat"):
            loaf = {"title": title, "secret": "x", "baker": {"name": f"of {title}"}}
            await shop.ok("POST", "/items/loaves", {**loaf, "slices": [{"name": "a"}] * 2})
        yield shop, window


@pytest.fixture
def shop(opened: tuple[Workshop, Window]) -> Workshop:
    opened[1].clear()
    return opened[0]


@pytest.fixture
def window(opened: tuple[Workshop, Window]) -> Window:
    return opened[1]


def upper(name: str) -> Read:
    async def change(event: ItemsRead) -> None:
        for item in event.items:
            if item.get(name):
                item[name] = item[name].upper()

    return change


# -- item.read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("?fields=title&sort=id", [{"title": "RYE"}, {"title": "WHEAT"}]),
        ("?fields=title&sort=id&limit=-1&meta=*", [{"title": "RYE"}, {"title": "WHEAT"}]),
        ("?fields=title&sort=-id&single=1", {"title": "WHEAT"}),
        ("/1?fields=title", {"title": "RYE"}),
        ("/2,1?fields=title", [{"title": "RYE"}, {"title": "WHEAT"}]),
        # Filters and orders go by what is stored.
        ("?fields=title&filter[title]=rye", [{"title": "RYE"}]),
    ],
)
async def test_a_hook_changes_what_is_shown(
    shop: Workshop, window: Window, path: str, found: Any
) -> None:
    window.reads["loaves"] = upper("title")
    assert await shop.get(f"/items/loaves{path}") == found
    assert len(window.asked) == 1
    window.reads.clear()
    assert (await shop.get("/items/loaves/1?fields=title")) == {"title": "rye"}


async def test_what_answers_a_write_is_shown_too(shop: Workshop, window: Window) -> None:
    window.reads["bakers"] = upper("name")
    made = await shop.ok("POST", "/items/bakers", {"name": "ann"})
    two = await shop.ok("POST", "/items/bakers?fields=name", [{"name": "ben"}, {"name": "cid"}])
    changed = await shop.ok("PATCH", f"/items/bakers/{made['id']}?fields=name", {"name": "dan"})
    assert (made["name"], two, changed) == ("ANN", [{"name": "BEN"}, {"name": "CID"}],
                                            {"name": "DAN"})  # fmt: skip
    window.clear()
    stored = await shop.get(f"/items/bakers/{made['id']}?fields=name")
    assert stored == {"name": "dan"}
    await shop.ok("DELETE", f"/items/bakers/{made['id']}")


async def test_each_level_meets_its_hooks_once(shop: Workshop, window: Window) -> None:
    for name, shown in (("loaves", "title"), ("bakers", "name"), ("slices", "name")):
        window.reads[name] = upper(shown)
    found = await shop.items("loaves", "fields=title,baker.name,slices.name&sort=id")
    assert found[0] == {"title": "RYE", "baker": {"name": "OF RYE"},
                        "slices": [{"name": "A"}, {"name": "A"}]}  # fmt: skip
    assert [(name, len(items)) for name, items in window.asked] == [
        ("slices", 4), ("bakers", 2), ("loaves", 2),
    ]  # fmt: skip
    # Whoever sees the whole sees what hooks made of its parts.
    assert window.asked[2][1][0]["baker"] == {"name": "OF RYE"}
    window.clear()
    window.reads["slices"] = upper("name")
    assert len((await shop.items("loaves", "fields=slices"))[0]["slices"]) == 2
    assert [name for name, _ in window.asked] == ["loaves"]


async def test_secrets_are_masked_and_what_may_not_be_read_is_not_handed_over(
    shop: Workshop, window: Window
) -> None:
    await shop.items("loaves", "fields=*")
    assert {item["secret"] for item in window.asked[0][1]} == {"**********"}
    role = await shop.ok("POST", "/roles", {"name": "Guests"})
    body = {"collection": "loaves", "role": role["id"], "read": "mine",
            "read_field_blacklist": ["baker"], "create": "full"}  # fmt: skip
    await shop.ok("POST", "/permissions", body)
    user = {"email": "guest@example.com", "password": "x" * 12, "status": "active",
            "role": role["id"], "token": "Guest-token-123"}  # fmt: skip
    await shop.ok("POST", "/users", user)
    window.clear()
    headers = by_token("Guest-token-123")
    await shop.ok("POST", "/items/loaves", {"title": "mine"}, headers=headers)
    mine = await shop.ok("GET", "/items/loaves?fields=*", headers=headers)
    assert [one["title"] for one in mine] == ["mine"]
    handed = [item for name, items in window.asked if name == "loaves" for item in items]
    assert {item["title"] for item in handed} == {"mine"}
    assert not any("baker" in item for item in handed)
    window.clear()
    await shop.refused((203, 404), "GET", "/items/loaves/1", headers=headers)
    assert window.asked == []
    await shop.ok("DELETE", f"/items/loaves/{mine[0]['id']}")


async def test_a_hook_answers_others_or_an_error(shop: Workshop, window: Window) -> None:
    async def others(event: ItemsRead) -> list[Item]:
        return [{"title": "bread", "of": len(event.items)} for _ in event.items]

    async def fewer(event: ItemsRead) -> list[Item]:
        return event.items[:1]

    async def refuse(event: ItemsRead) -> None:
        raise Forbidden("Closed today")

    path = "/items/loaves?fields=title"
    window.reads["loaves"] = others
    assert await shop.get(path) == [{"title": "bread", "of": 2}] * 2
    nested = await shop.items("slices", "fields=loaf.title&limit=1")
    assert nested == [{"loaf": {"title": "bread", "of": 1}}]
    window.reads["loaves"] = fewer
    await shop.refused((0, 500), "GET", path)
    window.reads["loaves"] = refuse
    told = await shop.refused((10, 403), "GET", path)
    assert told["message"] == "Closed today"


async def test_a_hook_meets_what_is_told_as_it_happens(shop: Workshop, window: Window) -> None:
    async def whose(event: ItemsRead) -> list[Item]:
        # Without the key, by which the server tells the items of one read apart.
        return [{"name": f"{one['name']} for {event.actor.user}"} for one in event.items]

    window.reads["bakers"] = whose
    path = "/items/bakers/events?fields=name"
    query = '{ bakers(filter: {name_in: "eve,fay"}) { data { name } } }'
    role = await shop.ok("POST", "/roles", {"name": "Regulars"})
    rows = {"collection": "bakers", "role": role["id"], "read": "full"}
    await shop.ok("POST", "/permissions", rows)
    users = []
    for number in range(2):
        user = {"email": f"regular{number}@example.com", "status": "active", "role": role["id"]}
        shown = f"The-token-of-a-regular-{number}-of-them"
        made = await shop.ok("POST", "/users", {**user, "token": shown})
        users.append((made["id"], shown))
    async with AsyncExitStack() as stack:
        ears = [
            (id, await stack.enter_async_context(listening(shop.world, path, shown)))
            for id, shown in users
        ]
        line = await stack.enter_async_context(conversing(shop.world))
        await line.begin(users[0][1])
        made = [await shop.ok("POST", "/items/bakers", {"name": name}) for name in ("eve", "fay")]
        for id, ear in ears:
            for name in ("eve", "fay"):
                heard = await ear.next()
                assert heard is not None
                assert heard.data["item"] == {"name": f"{name} for {id}"}
        names = [one["name"] for one in (await line.answer(query))["data"]["bakers"]["data"]]
        assert names == [f"{name} for {users[0][0]}" for name in ("eve", "fay")]
    window.clear()
    for baker in await shop.items("bakers", "fields=id&filter[name][in]=eve,fay"):
        await shop.ok("DELETE", f"/items/bakers/{baker['id']}")


async def test_a_hook_reads_and_is_not_called_for_it(shop: Workshop, window: Window) -> None:
    async def beside(event: ItemsRead) -> None:
        for services in (event.services, event.system):
            (other,) = await services.items("loaves", "fields=title&filter[title]=wheat")
            event.items[0]["title"] += f" or {other['title']}"

    window.reads["loaves"] = beside
    assert await shop.get("/items/loaves/1?fields=title") == {"title": "rye or wheat or wheat"}
    assert len(window.asked) == 1


async def test_a_plugin_answers_what_the_api_would(shop: Workshop, window: Window) -> None:
    window.reads["loaves"] = upper("title")
    shown = await shop.get("/custom/window/loaves/shown")
    assert shown == [{"title": "RYE"}, {"title": "WHEAT"}]
    assert await shop.get("/custom/window/loaves/stored") == [{"title": "rye"}, {"title": "wheat"}]


async def test_hooks_meet_a_streamed_list_batch_by_batch(shop: Workshop, window: Window) -> None:
    async def fail(event: ItemsRead) -> None:
        if len(window.asked) > 1:
            raise Forbidden("Enough")

    await shop.ok("POST", "/items/slices?fields=id", [{"name": f"s{n}"} for n in range(SOME)])
    window.clear()
    window.reads["slices"] = upper("name")
    try:
        found = await shop.items("slices", "fields=name&limit=-1&filter[loaf][null]")
        assert [one["name"] for one in found] == [f"S{n}" for n in range(SOME)]
        assert [len(items) for _, items in window.asked] == [1000, SOME - 1000]
        window.clear()
        window.reads["slices"] = fail
        told = await shop.refused((10, 403), "GET", "/items/slices?limit=-1&filter[loaf][null]")
        # The hook of answers wants it whole, so nothing was sent yet.
        assert told["message"] == "Enough"
    finally:
        window.clear()
        ids = [
            one["id"] for one in await shop.items("slices", "fields=id&filter[loaf][null]&limit=-1")
        ]
        for place in range(0, len(ids), 100):
            listed = ",".join(map(str, ids[place : place + 100]))
            await shop.ok("DELETE", f"/items/slices/{listed}")


async def test_the_server_itself_reads_what_is_stored(shop: Workshop, window: Window) -> None:
    body = {"data": "cnll", "filename_download": "a.txt"}
    made = await shop.ok("POST", "/files?fields=id,filename_disk", body)
    assert made["filename_disk"].startswith("hidden ")
    name = made["filename_disk"].removeprefix("hidden ")
    found = await shop.world.client.get(f"/uploads/{KEY}/originals/{name}")
    assert (found.status_code, found.text) == (200, "rye")
    renamed = await shop.ok("PATCH", f"/files/{made['id']}", {"filename_disk": "b.txt"})
    assert renamed["filename_disk"] == "hidden b.txt"
    await shop.ok("DELETE", f"/files/{made['id']}")
    why = await shop.get("/permissions/explain?user=1&method=GET&path=/items/loaves")
    assert why["role"] == 1


# -- response ------------------------------------------------------------------------


async def test_a_hook_changes_an_answer(shop: Workshop, window: Window) -> None:
    def more(event: Response) -> Any:
        if event.status == 204:
            assert event.payload is None
            return {"gone": True}
        event.payload["at"] = event.path
        return None

    window.answer = more
    answer = await shop.world.ask("GET", "/items/loaves?fields=title&sort=id")
    assert answer.json() == {
        "data": [{"title": "rye"}, {"title": "wheat"}], "at": f"/{KEY}/items/loaves",
    }  # fmt: skip
    assert int(answer.headers["content-length"]) == len(answer.content)
    (event,) = window.answers
    assert (event.method, event.status, event.actor.user) == ("GET", 200, 1)
    made = (await shop.world.ask("POST", "/items/bakers", json={"name": "x"})).json()
    assert made.keys() == {"data"}
    gone = await shop.world.ask("DELETE", f"/items/bakers/{made['data']['id']}")
    assert (gone.status_code, gone.json()) == (200, {"gone": True})
    searched = await shop.world.ask(
        "SEARCH", "/items/loaves", json={"fields": "title", "sort": "id"}
    )
    assert searched.json() == answer.json()
    head = await shop.world.ask("HEAD", "/items/loaves?fields=title&sort=id")
    assert head.headers["content-length"] == answer.headers["content-length"]


async def test_an_answer_stays_as_it_is_where_a_hook_leaves_it(
    shop: Workshop, window: Window
) -> None:
    made = await shop.ok("POST", "/items/bakers", {"name": "x"})
    gone = await shop.world.ask("DELETE", f"/items/bakers/{made['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert [event.status for event in window.answers] == [204]


async def test_refusals_and_tokens_are_not_handed_over(shop: Workshop, window: Window) -> None:
    await shop.refused((200, 404), "GET", "/items/nowhere")
    assert (await shop.world.ask("GET", "/auth/check")).status_code == 200
    assert (await log_in(shop.world.client)).status_code == 200
    assert window.answers == []


async def test_an_error_of_a_hook_takes_the_place_of_the_answer(
    shop: Workshop, window: Window
) -> None:
    def refuse(event: Response) -> Any:
        raise Forbidden("Not today")

    def spoil(event: Response) -> Any:
        return {"data": object()}

    window.answer = refuse
    await shop.refused((10, 403), "GET", "/items/loaves")
    window.answer = spoil
    await shop.refused((0, 500), "GET", "/items/loaves")


async def test_a_long_list_is_handed_over_whole_and_has_a_bound(
    shop: Workshop, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted(event: Response) -> Any:
        return {"rows": len(event.payload["data"])}

    await shop.ok("POST", "/items/bakers?fields=id", [{"name": "y"} for _ in range(SOME)])
    window.answer = counted
    path = "/items/bakers?limit=-1&fields=name"
    answer = await shop.world.ask("GET", path)
    assert answer.json()["rows"] > SOME
    monkeypatch.setattr(answering, "MOST_BYTES", 1000)
    told = await shop.refused((12, 422), "GET", path)
    assert told["details"] == {"limit": 1000}


# -- auth ----------------------------------------------------------------------------


async def test_who_signs_in_is_told(shop: Workshop, window: Window) -> None:
    window.seen = []
    agent = {"user-agent": "A reader"}
    body = {"email": EMAIL, "password": "wrong"}
    refused = await shop.world.client.post(f"/{KEY}/auth/authenticate", json=body, headers=agent)
    assert refused.status_code == 404
    assert (await log_in(shop.world.client)).status_code == 200
    nobody = await log_in(shop.world.client, "nobody@example.com")
    found = await window.sign_ins(6)
    assert [(one.event, one.email, one.user, one.code) for one in found] == [
        ("auth.request:credentials", EMAIL, None, None),
        ("auth.fail", EMAIL, None, 100),
        ("auth.request:credentials", EMAIL, None, None),
        ("auth.success", EMAIL, 1, None),
        ("auth.request:credentials", "nobody@example.com", None, None),
        ("auth.fail", "nobody@example.com", None, nobody.json()["error"]["code"]),
    ]
    assert {one.how for one in found} == {"credentials"}
    assert found[1].user_agent == "A reader"
    assert (await found[3].system.item("directus_users", 1))["email"] == EMAIL
