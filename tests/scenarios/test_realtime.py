"""Changes are told as they happen, as far as each may see them. Source: docs/realtime.md."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from conductus.config import ServerConfig, Watch
from conductus.database.opening import open_database
from conductus.projects.coherence import Bell
from conductus.projects.journal import Journal
from tests.databases import DRIVERS
from tests.postbox import eventually
from tests.scenarios.listening import Ear, listening
from tests.scenarios.office import Office, office, token
from tests.scenarios.shop import PASSWORD, Live, live
from tests.scenarios.worlds import KEY, Item, done, text

QUICK = ServerConfig(watch=Watch(tick_seconds=0.05))
REALTIME = "CONDUCTUS_PROJECTS__MAIN__REALTIME__"
NOTES = {"collection": "notes", "fields": [KEY, text("title"), text("extra")]}
_names = itertools.count(1)


@pytest.fixture(scope="module", params=DRIVERS)
async def furnished_quickly(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("realtime")
    async with office(request.param, folder, QUICK) as found:
        yield found


@pytest.fixture
async def place(furnished_quickly: Office) -> AsyncIterator[Office]:
    yield furnished_quickly
    await furnished_quickly.withdraw()


async def notes(world: Live, *more: Item) -> str:
    """A new collection of notes."""
    name = f"notes_{next(_names)}"
    await done(
        world, "/collections", {**NOTES, "collection": name, "fields": [*NOTES["fields"], *more]}
    )
    return name


async def make(world: Live, collection: str, **item: Any) -> int:
    key: int = (await done(world, f"/items/{collection}", item))["id"]
    return key


async def change(world: Live, collection: str, key: Any, **item: Any) -> None:
    answer = await world.ask("PATCH", f"/items/{collection}/{key}?status=*", json=item)
    assert answer.status_code == 200, answer.text


async def remove(world: Live, collection: str, *keys: Any) -> None:
    listed = ",".join(map(str, keys))
    answer = await world.ask("DELETE", f"/items/{collection}/{listed}")
    assert answer.status_code == 204, answer.text


async def owned_by(place: Office, user: int, ear: Ear) -> int:
    """An item that somebody owns, of which the ear has heard."""
    key = await make(place.world, "owned", name="fence")
    await change(place.world, "owned", key, owner=user)
    while await ear.told() != ("update", key):
        pass
    return key


async def settled(place: Office, collection: str, fence: int, *ears: Ear) -> None:
    """Each ear hears of this change next: everything before it was told, and no more."""
    await change(place.world, collection, fence, name=f"fence {next(_names)}")
    for ear in ears:
        assert await ear.told() == ("update", fence)


def ear_of(place: Office, person: str | None, path: str, **more: Any) -> Any:
    shown = place.world.token if person == "admin" else None if person is None else token(person)
    return listening(place.world, path, shown, **more)


class TestWhatIsTold:
    async def test_a_client_hears_of_each_change_in_turn(self, place: Office) -> None:
        name = await notes(place.world)
        async with ear_of(place, "admin", f"/items/{name}/events?fields=title") as ear:
            assert ear.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert ear.headers["access-control-allow-origin"] == "*"
            key = await make(place.world, name, title="a", extra="b")
            heard = await ear.next()
            assert heard is not None
            assert heard.event == "create"
            assert heard.data == {
                **{"event": "create", "collection": name, "key": key},
                "item": {"title": "a"},
            }
            await change(place.world, name, key, title="c")
            heard = await ear.next()
            assert heard is not None
            assert (heard.told, heard.data["item"]) == (("update", key), {"title": "c"})
            await remove(place.world, name, key)
            heard = await ear.next()
            assert heard is not None
            assert heard.data == {"event": "delete", "collection": name, "key": key}

    async def test_nested_changes_and_batches_are_told_too(self, place: Office) -> None:
        async with (
            ear_of(place, "admin", "/items/hubs/events?fields=id") as hubs,
            ear_of(place, "admin", "/items/plain/events?fields=id,name,hub.name") as plain,
        ):
            body = {"name": "new", "plain": [{"name": "one"}, {"name": "two"}]}
            hub = await make(place.world, "hubs", **body)
            assert await hubs.told() == ("create", hub)
            items = [(await plain.next()).data["item"] for _ in range(2)]
            assert sorted(item["name"] for item in items) == ["one", "two"]
            assert [item["hub"] for item in items] == [{"name": "new"}] * 2
            keys = [item["id"] for item in items]
            answer = await place.world.ask(
                "PATCH", f"/items/plain/{keys[0]},{keys[1]}", json={"name": "both"}
            )
            assert answer.status_code == 200
            assert [await plain.told() for _ in keys] == [("update", key) for key in keys]
            await remove(place.world, "plain", *keys)
            assert [await plain.told() for _ in keys] == [("delete", key) for key in keys]

    async def test_a_filter_is_held_against_the_item_as_it_is_now(self, place: Office) -> None:
        name = await notes(place.world)
        path = f"/items/{name}/events?filter[title][contains]=tea"
        async with ear_of(place, "admin", path) as ear:
            other = await make(place.world, name, title="coffee")
            key = await make(place.world, name, title="green tea")
            assert await ear.told() == ("create", key)
            await change(place.world, name, other, title="black tea")
            assert await ear.told() == ("update", other)
            await change(place.world, name, key, title="water")
            heard = await ear.next()
            assert heard is not None
            assert heard.data == {"event": "leave", "collection": name, "key": key}

    async def test_what_is_rolled_back_is_never_told(self, place: Office) -> None:
        name = await notes(place.world, text("code", unique=True))
        async with ear_of(place, "admin", f"/items/{name}/events") as ear:
            first = await make(place.world, name, code="a")
            answer = await place.world.ask(
                "POST", f"/items/{name}", json=[{"code": "b"}, {"code": "a"}]
            )
            assert answer.status_code == 409
            last = await make(place.world, name, code="c")
            assert [await ear.told(), await ear.told()] == [("create", first), ("create", last)]

    async def test_many_who_write_at_once_are_all_heard(self, place: Office) -> None:
        name = await notes(place.world)

        async def write(number: int) -> int:
            key = await make(place.world, name, title=str(number))
            await change(place.world, name, key, title="again")
            await remove(place.world, name, key)
            return key

        async with ear_of(place, "admin", f"/items/{name}/events") as ear:
            keys = await asyncio.gather(*map(write, range(15)))
            # An item that is gone before it is read is told of as removed alone.
            told: list[tuple[str, Any]] = []
            while Counter(event for event, _ in told)["delete"] < len(keys):
                told.append(await ear.told())
        for key in keys:
            events = [event for event, of in told if of == key]
            assert events[-1] == "delete"
            order = ["create", "update", "leave", "delete"]
            assert events == sorted(events, key=order.index), told

    async def test_text_keys_and_composite_keys(self, place: Office) -> None:
        word = text("word", primary_key=True)
        await done(place.world, "/collections", {"collection": "words", "fields": [word]})
        async with ear_of(place, "admin", "/items/words/events") as ear:
            await done(place.world, "/items/words", {"word": "events"})
            assert await ear.told() == ("create", "events")
            # The item of that key is there for whoever wants no stream.
            data = await place.world.data("/items/words/events")
            assert data["word"] == "events"
            await remove(place.world, "words", "events")
            assert await ear.told() == ("delete", "events")
        answer = await place.world.ask("GET", "/items/words/events")
        assert answer.json()["error"]["code"] == 203


class TestWhoIsTold:
    async def test_of_rows_of_ones_own(self, place: Office) -> None:
        await place.grant({"collection": "owned", "read": "mine"})
        ann, ben = place.people["ann"], place.people["ben"]
        async with (
            ear_of(place, "ann", "/items/owned/events?fields=name") as hers,
            ear_of(place, "ben", "/items/owned/events?fields=name") as his,
        ):
            fence = await owned_by(place, ann, hers)
            key = await make(place.world, "owned", name="nobody else's")
            await settled(place, "owned", fence, hers)
            await change(place.world, "owned", key, owner=ann)
            assert await hers.told() == ("update", key)
            await change(place.world, "owned", key, owner=ben)
            assert await hers.told() == ("leave", key)
            assert await his.told() == ("update", key)
            await remove(place.world, "owned", key)
            assert await his.told() == ("delete", key)
            # Ann heard nothing of what became of it.
            await settled(place, "owned", fence, hers)

    async def test_of_rows_of_the_role(self, place: Office) -> None:
        await place.grant({"collection": "owned", "read": "role"})
        ben, cid = place.people["ben"], place.people["cid"]
        async with ear_of(place, "ann", "/items/owned/events?fields=name") as ear:
            fence = await owned_by(place, ben, ear)
            keys = [await make(place.world, "owned", name="new") for _ in range(2)]
            await settled(place, "owned", fence, ear)
            await change(place.world, "owned", keys[0], owner=cid)
            await change(place.world, "owned", keys[1], owner=ben)
            assert await ear.told() == ("update", keys[1])
            await remove(place.world, "owned", *keys)
            assert await ear.told() == ("delete", keys[1])
            await settled(place, "owned", fence, ear)

    @pytest.mark.parametrize("person", ["ann", None])
    async def test_of_rows_in_a_status(self, place: Office, person: str | None) -> None:
        await place.grant({"collection": "staged", "status": "published", "read": "full"})
        async with (
            ear_of(place, person, "/items/staged/events") as ear,
            ear_of(place, "admin", "/items/staged/events") as all_,
        ):
            fence = await make(place.world, "staged", name="fence", status="published")
            assert await ear.told() == await all_.told() == ("create", fence)
            key = await make(place.world, "staged", name="new", status="draft")
            assert await all_.told() == ("create", key)
            await settled(place, "staged", fence, ear, all_)
            await change(place.world, "staged", key, status="published")
            assert await ear.told() == await all_.told() == ("update", key)
            await change(place.world, "staged", key, status="draft")
            assert await ear.told() == ("leave", key)
            assert await all_.told() == ("update", key)
            # By default, nobody is shown what was removed softly.
            await change(place.world, "staged", key, status="deleted")
            assert await all_.told() == ("leave", key)
            await remove(place.world, "staged", f"{key}?status=*")
            await settled(place, "staged", fence, ear, all_)

    async def test_of_fields_that_may_be_read(self, place: Office) -> None:
        await place.grant({"collection": "plain", "read": "full", "read_field_blacklist": "secret"})
        async with ear_of(place, "ann", "/items/plain/events?fields=name,secret") as ear:
            await make(place.world, "plain", name="open", secret="hidden")
            heard = await ear.next()
            assert heard is not None
            assert heard.data["item"] == {"name": "open"}
        path = "/items/plain/events?filter[secret][eq]=hidden"
        async with ear_of(place, "ann", path, opens=False) as ear:
            assert (ear.status, (await ear.body())["error"]["code"]) == (403, 215)

    async def test_of_nothing_where_keys_are_kept_back(self, place: Office) -> None:
        await place.grant({"collection": "plain", "read": "full", "read_field_blacklist": "id"})
        async with ear_of(place, "ann", "/items/plain/events", opens=False) as ear:
            assert (ear.status, (await ear.body())["error"]["code"]) == (403, 215)

    @pytest.mark.parametrize(
        ("person", "path", "error"),
        [
            ("ann", "/items/plain/events", (300, 403)),
            (None, "/items/plain/events", (3, 401)),
            ("admin", "/items/nothing/events", (200, 404)),
            ("admin", "/items/directus_users/events", (201, 401)),
            ("admin", "/items/plain/events?fields=nothing", (202, 422)),
            ("admin", "/items/plain/events?groups=name&aggregate[count]=*", (12, 422)),
        ],
    )
    async def test_what_is_refused(
        self, place: Office, person: str | None, path: str, error: tuple[int, int]
    ) -> None:
        async with ear_of(place, person, path, opens=False) as ear:
            found = (await ear.body())["error"]["code"], ear.status
        assert found == error

    async def test_those_who_may_see_the_same_are_told_by_one_read(self, place: Office) -> None:
        await place.grant({"collection": "plain", "read": "full"})
        await place.grant({"collection": "owned", "read": "mine"}, roles=[place.roles["editors"]])
        path = "/items/plain/events?fields=name"
        async with AsyncExitStack() as stack:
            ears = {
                person: await stack.enter_async_context(ear_of(place, person, path))
                for person in ("ann", "ben", "cid", None)
            }
            await make(place.world, "plain", name="new")
            # The place is sealed anew each time that a change is written down for somebody.
            heard = {person: await ear.next() for person, ear in ears.items()}
        ids = {person: each.id for person, each in heard.items() if each is not None}
        assert ids["ann"] == ids["ben"]
        assert len(set(ids.values())) == 3

    async def test_what_hangs_on_the_user_is_read_for_each(self, place: Office) -> None:
        await place.grant(
            *({"collection": name, "read": "full"} for name in ("plain", "hubs")),
            {"collection": "owned", "read": "mine"},
        )
        # Filters and expansions lead to items that are somebody's own.
        expanded = "/items/plain/events?fields=name,hub.owned.name"
        filtered = "/items/plain/events?fields=name&filter[hub.owned.name][eq]="
        mine = {person: f"{person} item" for person in ("ann", "ben")}
        for person, name in mine.items():
            key = await make(place.world, "owned", name=name, hub=1)
            await change(place.world, "owned", key, owner=place.people[person])
        async with AsyncExitStack() as stack:
            ears = {
                person: await stack.enter_async_context(ear_of(place, person, expanded))
                for person in mine
            }
            by_filter = [
                await stack.enter_async_context(ear_of(place, person, path))
                for person, path in (
                    ("ann", f"{filtered}ann%20item"),
                    ("ben", f"{filtered}ann%20item"),
                    ("ben", f"{filtered}ben%20item"),
                )
            ]
            key = await make(place.world, "plain", name="new", hub=1)
            for person, ear in ears.items():
                heard = await ear.next()
                assert heard is not None
                names = {each["name"] for each in heard.data["item"]["hub"]["owned"]}
                assert mine[person] in names
                assert names.isdisjoint({*mine.values()} - {mine[person]})
            assert await by_filter[0].told() == ("create", key)
            assert await by_filter[2].told() == ("create", key)
            await remove(place.world, "plain", key)
            # Ben was not told of it by what is Ann's.
            assert await by_filter[1].told() == ("delete", key)

    async def test_a_search_in_what_hangs_on_the_user_is_read_for_each(self, place: Office) -> None:
        await place.grant(
            {"collection": "hubs", "read": "full"}, {"collection": "owned", "read": "mine"}
        )
        hub = await make(place.world, "hubs", name="a")
        key = await make(place.world, "owned", name="sought", hub=hub)
        await change(place.world, "owned", key, owner=place.people["ann"])
        path = "/items/hubs/events?fields=name&q=sought"
        async with ear_of(place, "ann", path) as ann, ear_of(place, "ben", path) as ben:
            await change(place.world, "hubs", hub, name="b")
            assert await ann.told() == ("update", hub)
            # To Ben it is one of those that he does not see.
            assert await ben.told() == ("leave", hub)


class TestStreamsThatEnd:
    @pytest.mark.parametrize(
        "body", [{"status": "suspended"}, {"role": "writers"}, {"token": "Another-Token"}]
    )
    async def test_with_who_asked_for_them(self, place: Office, body: Item) -> None:
        await place.grant({"collection": "plain", "read": "full"})
        person = {"email": f"{next(_names)}@example.org", "password": PASSWORD}
        shown = f"Token-{next(_names)}"
        made = await done(
            place.world,
            "/users",
            {**person, "status": "active", "role": place.roles["editors"], "token": shown},
        )
        async with (
            listening(place.world, "/items/plain/events", shown) as ear,
            ear_of(place, "ann", "/items/plain/events") as other,
        ):
            role = {"role": place.roles["writers"]} if "role" in body else {}
            answer = await place.world.ask("PATCH", f"/users/{made['id']}", json=body | role)
            assert answer.status_code == 200, answer.text
            await make(place.world, "plain", name="not for them")
            assert (await other.told())[0] == "create"
            heard = await ear.next()
            assert heard is not None
            assert heard.event == "end"
            assert await ear.next() is None

    async def test_with_the_session(self, place: Office) -> None:
        await place.grant({"collection": "plain", "read": "full"})
        login = {"email": "ann@example.org", "password": PASSWORD}
        signed_in = await done(place.world, "/auth/authenticate", login)
        async with listening(place.world, "/items/plain/events", signed_in["token"]) as ear:
            headers = {"authorization": f"Bearer {signed_in['token']}"}
            answer = await place.world.client.post("/main/auth/logout", headers=headers)
            assert answer.status_code == 200
            heard = await ear.next()
            assert heard is not None
            assert (heard.event, heard.data["error"]["code"]) == ("end", 101)

    async def test_with_the_permission(self, place: Office) -> None:
        await place.grant({"collection": "plain", "read": "full"})
        async with ear_of(place, "ann", "/items/plain/events") as ear:
            await place.withdraw()
            await make(place.world, "plain", name="not for her")
            heard = await ear.next()
            assert heard is not None
            assert (heard.event, heard.data["error"]["code"]) == ("end", 300)

    async def test_with_the_collection(self, place: Office) -> None:
        name = await notes(place.world)
        async with ear_of(place, "admin", f"/items/{name}/events") as ear:
            await make(place.world, name, title="a")
            assert (await ear.told())[0] == "create"
            answer = await place.world.ask("DELETE", f"/collections/{name}")
            assert answer.status_code == 204
            # It is looked again whenever something changed that people may do.
            heard = await ear.next()
            assert heard is not None
            assert (heard.event, heard.data["error"]["code"]) == ("end", 200)

    async def test_a_cookie_and_a_parameter_open_one_as_well(self, place: Office) -> None:
        login = {"email": "ann@example.org", "password": PASSWORD, "mode": "cookie"}
        answer = await place.world.client.post("/main/auth/authenticate", json=login)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        place.world.client.cookies.clear()
        await place.grant({"collection": "plain", "read": "full"}, roles=[place.roles["editors"]])
        shown = f"/items/plain/events?access_token={token('ann')}"
        async with (
            listening(place.world, "/items/plain/events", None, {"cookie": cookie}) as by_cookie,
            listening(place.world, shown, None) as by_parameter,
        ):
            key = await make(place.world, "plain", name="new")
            assert await by_cookie.told() == await by_parameter.told() == ("create", key)


class TestComingAgain:
    async def test_nothing_is_missed(self, place: Office) -> None:
        name = await notes(place.world)
        path = f"/items/{name}/events?fields=title"
        async with ear_of(place, "admin", path) as ear:
            first = await make(place.world, name, title="a")
            assert await ear.told() == ("create", first)
            last = ear.last
        keys = [await make(place.world, name, title="b") for _ in range(3)]
        await remove(place.world, name, first)
        expected = [*(("create", key) for key in keys), ("delete", first)]
        async with ear_of(place, "admin", path, headers={"last-event-id": last}) as ear:
            assert [await ear.told() for _ in expected] == expected
            following = await make(place.world, name, title="c")
            assert await ear.told() == ("create", following)
        async with ear_of(place, "admin", f"{path}&last_event_id={last}") as ear:
            assert [await ear.told() for _ in expected] == expected

    async def test_what_is_missed_is_told_by_the_rights_of_now(self, place: Office) -> None:
        await place.grant({"collection": "staged", "status": "published", "read": "full"})
        path = "/items/staged/events?fields=name"
        async with ear_of(place, "ann", path) as ear:
            last = ear.last
        hidden = await make(place.world, "staged", name="hidden", status="published")
        await change(place.world, "staged", hidden, status="draft")
        await remove(place.world, "staged", hidden)
        shown = await make(place.world, "staged", name="shown", status="published")
        async with ear_of(place, "ann", path, headers={"last-event-id": last}) as ear:
            assert await ear.told() == ("leave", hidden)
            assert await ear.told() == ("create", shown)
        await place.withdraw()
        headers = {"last-event-id": last}
        async with ear_of(place, "ann", path, headers=headers, opens=False) as ear:
            assert ear.status == 403

    async def test_a_place_that_means_nothing_here(self, place: Office) -> None:
        name = await notes(place.world)
        path, headers = f"/items/{name}/events", {"last-event-id": "17"}
        async with ear_of(place, "admin", path, headers=headers, opens=False) as ear:
            heard = await ear.next()
            assert heard is not None
            assert heard.event == "reset"
            key = await make(place.world, name, title="a")
            assert await ear.told() == ("create", key)


def settings(**values: str) -> dict[str, str]:
    return {REALTIME + name: value for name, value in values.items()}


async def lines(url: str) -> int:
    """How many lines the journal has."""
    database = await open_database(url)
    try:
        asked = database.dialect.compile(
            sa.select(sa.func.count()).select_from(sa.table("conductus_journal"))
        )
        ((count,),) = await database.fetch(asked.sql, asked.values({}))
    finally:
        await database.close()
    return int(count)


async def test_limits(project_url: str, tmp_path: Path) -> None:
    """One world for all of them, since each takes a database."""
    environment = settings(PER_CLIENT="2", QUEUE="5", HEARTBEAT_SECONDS="0.05")
    async with live(project_url, tmp_path / "data", environment=environment, config=QUICK) as world:
        await done(world, "/collections", NOTES)
        await done(world, "/collections", {**NOTES, "collection": "others"})
        path = "/items/notes/events"
        await make(world, "notes", title="nobody watches")
        assert await lines(project_url) == 0
        async with listening(world, path, world.token) as ear:
            await make(world, "others", title="nobody watches")
            await make(world, "notes", title="somebody watches")
            assert await lines(project_url) == 1
            await no_room(world, path)
            await heartbeats(ear)
        async with listening(world, path, world.token) as ear:
            pass
        await who_reads_slowly(world, path)
        await who_stays_away_too_long(world, path, project_url)


async def no_room(world: Live, path: str) -> None:
    async with listening(world, path, world.token):
        async with listening(world, path, world.token, opens=False) as third:
            assert (third.status, (await third.body())["error"]["code"]) == (429, 7)
            assert third.headers["retry-after"] == "10"
        # Somebody else has room of their own.
        async with listening(world, path, None, opens=False) as other:
            assert other.status == 401


async def heartbeats(ear: Ear) -> None:
    assert (await ear.told())[0] == "create"
    last, before = ear.last, ear.beats
    waiting = asyncio.ensure_future(ear.next())
    await eventually(lambda: ear.beats > before)
    assert ear.last != last, "the place moves on while nothing is told"
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def who_reads_slowly(world: Live, path: str) -> None:
    """Cut off, and told everything when they come again."""
    async with listening(world, path, world.token) as ear:
        ear.stop()
        keys = [await make(world, "notes", title="much") for _ in range(12)]
        ear.go_on()
        told: list[Any] = []
        while (heard := await ear.next()) is not None:
            if heard.event == "end":
                break
            told.append(heard.told[1])
        assert len(told) < len(keys)
        last = ear.last
    async with listening(world, path, world.token, {"last-event-id": last}) as ear:
        told += [(await ear.told())[1] for _ in keys[len(told) :]]
    assert told == keys


async def who_stays_away_too_long(world: Live, path: str, url: str) -> None:
    async with listening(world, path, world.token) as ear:
        last = ear.last
    rows = [{"title": "many"} for _ in range(60)]
    await done(world, "/items/notes", rows)
    database = await open_database(url)
    try:
        journal = Journal(database, Bell(lambda: None, int), lambda: None)
        await journal.number()
        await journal.purge(datetime.now(UTC), timedelta(hours=1), 30)
    finally:
        await database.close()
    assert await lines(url) <= 30
    async with listening(world, path, world.token, {"last-event-id": last}, opens=False) as ear:
        heard = await ear.next()
        assert heard is not None
        assert heard.event == "reset"


async def test_where_it_is_switched_off(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'off.db'}"
    async with live(url, tmp_path / "data", environment=settings(ENABLED="false")) as world:
        await done(world, "/collections", NOTES)
        async with listening(world, "/items/notes/events", world.token, opens=False) as ear:
            assert (ear.status, (await ear.body())["error"]["code"]) == (403, 10)
