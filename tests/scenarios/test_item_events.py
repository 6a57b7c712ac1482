"""Hooks before and after writes, on each database. Source: extensions page §2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from conductus.database.opening import open_database
from conductus.errors import Forbidden, Unprocessable
from conductus.extensions import AfterEvent, BeforeWrite
from conductus.items.hooks import Hook, Hooks
from tests.databases import DRIVERS
from tests.scenarios.hooked import Board, hooked
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text, whole

Item = dict[str, Any]


class Bakery:
    """Loaves with a baker and slices."""

    def __init__(self, shop: Workshop, board: Board, loaves: str, bakers: str, slices: str) -> None:
        self.shop = shop
        self.board = board
        self.loaves = loaves
        self.bakers = bakers
        self.slices = slices

    async def new(self, item: Item, fields: str = "*") -> Any:
        return await self.shop.ok("POST", f"/items/{self.loaves}?fields={fields}", item)

    async def change(self, id: int, item: Item, fields: str = "*") -> Any:
        return await self.shop.ok("PATCH", f"/items/{self.loaves}/{id}?fields={fields}", item)

    async def everything(self) -> list[Any]:
        names = (self.loaves, self.bakers, self.slices)
        return [(await self.shop.items(name), await self.shop.deeds(name)) for name in names]


@pytest.fixture(scope="module", params=DRIVERS)
async def oven(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Workshop, Board]]:
    async with hooked(request.param, tmp_path_factory.mktemp("hooked")) as found:
        yield found


@pytest.fixture
async def bakery(oven: tuple[Workshop, Board]) -> Bakery:
    """Collections of its own for each test: nobody else's hooks meet them."""
    shop, board = oven
    bakers = await shop.make(text("name", required=True), field("loaves", "o2m"), word="bakers")
    loaves = await shop.make(
        text("title", required=True), text("note"), whole("grams"),
        text("secret", "hash"), text("slug", "slug", options={"mirroredField": "title"}),
        whole("baker", "m2o"), whole("owner", "owner"), field("slices", "o2m"), word="loaves",
    )  # fmt: skip
    slices = await shop.make(text("name"), whole("loaf", "m2o"), word="slices")
    await shop.relate(loaves, "baker", bakers, "loaves")
    await shop.relate(slices, "loaf", loaves, "slices")
    return Bakery(shop, board, loaves, bakers, slices)


# -- before --------------------------------------------------------------------------


async def test_a_hook_sees_what_is_about_to_be_written(bakery: Bakery) -> None:
    one = await bakery.new({"title": "rye", "grams": 500, "secret": "x"}, "id")
    await bakery.change(one["id"], {"note": "fresh"})
    await bakery.shop.ok("DELETE", f"/items/{bakery.loaves}/{one['id']}")
    created, updated, deleted = bakery.board.asked_about(bakery.loaves)
    assert created[:2] == ("item.create", None)
    assert created[2] == {"title": "rye", "grams": 500, "secret": "**********"} | created[2]
    assert "x" not in created[2].values()
    assert updated == ("item.update", one["id"], {"note": "fresh"})
    assert deleted == ("item.delete", one["id"], {})
    asked = (one for one in bakery.board.asked if one.collection == bakery.loaves)
    actors = {one.actor.user for one in asked}
    assert actors == {1}


async def test_a_hook_changes_the_payload_in_place_or_answers_another(bakery: Bakery) -> None:
    async def stamp(intended: BeforeWrite) -> None:
        intended.payload["note"] = "by hook"
        intended.payload["grams"] = "750"

    async def other(intended: BeforeWrite) -> Item:
        return {**intended.payload, "note": intended.payload["note"].upper()}

    bakery.board.before["item.create", bakery.loaves] = stamp
    bakery.board.before["item.update", bakery.loaves] = other
    one = await bakery.new({"title": "rye", "note": "mine"}, "id,note,grams,slug")
    assert (one["note"], one["grams"], one["slug"]) == ("by hook", 750, "rye")
    assert await bakery.change(one["id"], {"note": "so"}, "note") == {"note": "SO"}
    (made, changed) = await bakery.shop.revisions(bakery.loaves)
    assert made["delta"]["note"] == "by hook"
    assert changed["delta"] == {"note": "SO"}


async def test_what_a_hook_leaves_out_is_not_written(bakery: Bakery) -> None:
    async def modest(intended: BeforeWrite) -> None:
        intended.payload.pop("note", None)

    for event in ("item.create", "item.update"):
        bakery.board.before[event, bakery.loaves] = modest
    one = await bakery.new({"title": "rye", "note": "x"}, "id,note")
    assert one["note"] is None
    assert await bakery.change(one["id"], {"note": "y"}, "note") == {"note": None}


async def test_what_a_hook_writes_is_judged(bakery: Bakery) -> None:
    spoiled: Item = {}

    async def spoil(intended: BeforeWrite) -> Item:
        return {**intended.payload, **spoiled}

    bakery.board.before["item.create", bakery.loaves] = spoil
    before = await bakery.everything()
    path = f"/items/{bakery.loaves}"
    for bad, error in [
        ({"grams": "heavy"}, (12, 422)),
        ({"title": None}, (4, 422)),
        ({"nonsense": 1}, (12, 422)),
        ({"slices": "none"}, (12, 422)),
        ({"slices": [{"nonsense": 1}]}, (12, 422)),
    ]:
        spoiled.clear()
        spoiled |= bad  # type: ignore[call-overload]
        await bakery.shop.refused(error, "POST", path, {"title": "rye"})
        error_of_two = await bakery.shop.refused(
            error, "POST", path, [{"title": "rye"}, {"title": "wheat"}]
        )
        assert error_of_two["details"]["index"] == 0
    assert await bakery.everything() == before


async def test_a_hook_may_not_take_out_what_is_needed(bakery: Bakery) -> None:
    async def rob(intended: BeforeWrite) -> Item:
        return {}

    bakery.board.before["item.create", bakery.loaves] = rob
    await bakery.shop.refused((4, 422), "POST", f"/items/{bakery.loaves}", {"title": "rye"})


async def test_an_item_cannot_be_given_another_key(bakery: Bakery) -> None:
    one = await bakery.new({"title": "rye"}, "id")

    async def rekey(intended: BeforeWrite) -> None:
        intended.payload["id"] = 4711

    bakery.board.before["item.update", bakery.loaves] = rekey
    bakery.board.before["item.create", bakery.loaves] = rekey
    path = f"/items/{bakery.loaves}/{one['id']}"
    await bakery.shop.refused((12, 422), "PATCH", path, {"note": "x"})
    assert (await bakery.new({"title": "wheat"}, "id"))["id"] == 4711


async def test_a_hook_may_write_secrets_and_leave_them(bakery: Bakery) -> None:
    async def secretive(intended: BeforeWrite) -> None:
        intended.payload["secret"] = "of the hook"

    one = await bakery.new({"title": "rye", "secret": "own"}, "id")
    bakery.board.before["item.update", bakery.loaves] = secretive
    await bakery.change(one["id"], {"note": "x"})
    assert await _matches(bakery, "of the hook", one["id"])

    async def noting(intended: BeforeWrite) -> None:
        intended.payload["note"] = "noted"

    bakery.board.before["item.create", bakery.loaves] = noting
    two = await bakery.new({"title": "wheat", "secret": "own"}, "id")
    assert await _matches(bakery, "own", two["id"])


async def test_an_error_of_a_hook_stops_the_whole_write(bakery: Bakery) -> None:
    async def refuse(intended: BeforeWrite) -> None:
        if intended.payload.get("name") == "burnt" or intended.event == "item.delete":
            raise Forbidden("Not in this bakery")

    for event in ("item.create", "item.update", "item.delete"):
        bakery.board.before[event, bakery.slices] = refuse
    one = await bakery.new({"title": "rye", "slices": [{"name": "a"}]}, "id,slices.id")
    before = await bakery.everything()
    loaf, slice = one["id"], one["slices"][0]["id"]
    burnt = {"name": "burnt"}
    for method, path, body in [
        ("POST", f"/items/{bakery.slices}", burnt),
        ("POST", f"/items/{bakery.loaves}", {"title": "x", "slices": [{"name": "b"}, burnt]}),
        ("PATCH", f"/items/{bakery.loaves}/{loaf}", {"note": "x", "slices": [burnt]}),
        ("PATCH", f"/items/{bakery.loaves}/{loaf}", {"slices": [{"id": slice, "$delete": True}]}),
        ("DELETE", f"/items/{bakery.slices}/{slice}", None),
    ]:
        told = await bakery.shop.refused((10, 403), method, path, body)
        assert told["message"] == "Not in this bakery"
    assert await bakery.everything() == before


async def test_a_fault_in_a_hook_writes_nothing_and_tells_nothing(bakery: Bakery) -> None:
    async def broken(intended: BeforeWrite) -> None:
        raise ZeroDivisionError("inner workings")

    bakery.board.before["item.create", bakery.slices] = broken
    before = await bakery.everything()
    body = {"title": "x", "slices": [{"name": "b"}]}
    told = await bakery.shop.refused((0, 500), "POST", f"/items/{bakery.loaves}", body)
    assert "inner" not in str(told)
    assert await bakery.everything() == before


async def test_every_nested_change_meets_its_hooks(bakery: Bakery) -> None:
    async def named(intended: BeforeWrite) -> None:
        intended.payload["name"] = str(intended.payload.get("name")) + "!"

    bakery.board.before["item.create", bakery.bakers] = named
    bakery.board.before["item.create", bakery.slices] = named
    bakery.board.before["item.update", bakery.slices] = named
    fields = "id,baker.name,slices.id,slices.name"
    one = await bakery.new(
        {"title": "rye", "baker": {"name": "Ann"}, "slices": [{"name": "a"}, {"name": "b"}]}, fields
    )
    assert one["baker"] == {"name": "Ann!"}
    assert [slice["name"] for slice in one["slices"]] == ["a!", "b!"]
    first = one["slices"][0]["id"]
    body = {"slices": [{"id": first, "name": "c"}]}
    changed = await bakery.change(one["id"], body, fields)
    assert [slice["name"] for slice in changed["slices"]] == ["c!", "b!"]


async def test_what_a_hook_adds_below_an_item_is_written_and_meets_hooks(bakery: Bakery) -> None:
    async def sliced(intended: BeforeWrite) -> None:
        intended.payload["slices"] = [{"name": "end"}]
        intended.payload["baker"] = {"name": "Cid"}

    async def named(intended: BeforeWrite) -> None:
        intended.payload["name"] += "!"

    bakery.board.before["item.create", bakery.loaves] = sliced
    bakery.board.before["item.create", bakery.slices] = named
    one = await bakery.new(
        {"title": "rye", "baker": {"name": "Ann"}, "slices": []}, "baker.name,slices.name"
    )
    assert one == {"baker": {"name": "Cid"}, "slices": [{"name": "end!"}]}
    assert [baker["name"] for baker in await bakery.shop.items(bakery.bakers)] == ["Cid"]


async def test_what_a_hook_hangs_on_somebodys_list_is_not_judged_by_who_asks(
    bakery: Bakery,
) -> None:
    shop = bakery.shop
    listed = shop.name("loaves")
    await shop.ok("POST", "/fields/directus_users", field(listed, "o2m"))
    await shop.relate(bakery.loaves, "owner", "directus_users", listed)
    await shop.ok("POST", f"/fields/{bakery.bakers}", whole("boss", "m2o"))
    await shop.relate(bakery.bakers, "boss", "directus_users")
    role = (await shop.ok("POST", "/roles", {"name": shop.name("bakers")}))["id"]
    rights = {"role": role, "collection": bakery.bakers, "create": "full", "read": "full"}
    await shop.ok("POST", "/permissions", rights)
    ann = {"email": f"ann-{role}@example.org", "status": "active", "role": role}
    await shop.ok("POST", "/users", {**ann, "token": f"Token-of-{role}"})
    bob = {**ann, "email": f"bob-{role}@example.org"}
    boss = (await shop.ok("POST", "/users", bob))["id"]

    async def welcomed(intended: BeforeWrite) -> None:
        intended.payload["boss"] = {"id": boss, listed: [{"title": "rye"}]}

    bakery.board.before["item.create", bakery.bakers] = welcomed
    answer = await shop.world.client.post(
        f"/main/items/{bakery.bakers}",
        json={"name": "Ann"},
        headers={"authorization": f"Bearer Token-of-{role}"},
    )
    assert answer.status_code == 200, answer.text
    assert await shop.items(bakery.loaves, "fields=title,owner") == [
        {"title": "rye", "owner": boss}
    ]


async def test_an_item_that_is_made_under_a_given_key_counts_as_new(bakery: Bakery) -> None:
    async def named(intended: BeforeWrite) -> None:
        intended.payload["name"] = f"{intended.event} {intended.key}"

    for event in ("item.create", "item.update"):
        bakery.board.before[event, bakery.bakers] = named
    body = {"title": "rye", "baker": {"id": 77, "name": "Dan"}}
    one = await bakery.new(body, "id,baker.*")
    assert (one["baker"]["id"], one["baker"]["name"]) == (77, "item.create None")
    changed = await bakery.change(one["id"], {"baker": {"id": 77, "name": "Eve"}}, "baker.name")
    assert changed["baker"]["name"] == "item.update 77"


async def test_who_may_not_write_does_not_reach_a_hook(bakery: Bakery) -> None:
    one = await bakery.new({"title": "rye"}, "id")
    asked = len(bakery.board.asked)
    path = f"/main/items/{bakery.loaves}"
    for method, address, body in [
        ("POST", path, {"title": "x"}),
        ("PATCH", f"{path}/{one['id']}", {"note": "x"}),
        ("DELETE", f"{path}/{one['id']}", None),
    ]:
        answer = await bakery.shop.world.client.request(method, address, json=body)
        assert answer.status_code in (401, 403)
    await bakery.shop.refused((203, 404), "PATCH", f"/items/{bakery.loaves}/999", {"note": "x"})
    assert len(bakery.board.asked) == asked


# -- after ---------------------------------------------------------------------------


async def test_what_was_written_is_told_afterwards(bakery: Bakery) -> None:
    one = await bakery.new(
        {"title": "rye", "secret": "x", "slices": [{"name": "a"}]}, "id,slices.id"
    )
    loaf, slice = one["id"], one["slices"][0]["id"]
    (created,) = await bakery.board.heard(bakery.loaves, 1)
    (below,) = await bakery.board.heard(bakery.slices, 1)
    assert (created.event, created.item, created.user, created.project) == (
        "item.create", loaf, 1, "main",
    )  # fmt: skip
    assert created.payload is not None
    assert created.payload["title"] == "rye"
    assert created.payload["slices"] == [{"name": "a"}]
    assert created.payload["secret"] != "x"
    assert created.id.startswith("msg_")
    assert created.timestamp.endswith("Z")
    assert (below.item, below.payload) == (slice, {"name": "a"})
    assert below.id != created.id
    await bakery.shop.ok("DELETE", f"/items/{bakery.slices}/{slice}")
    await bakery.change(loaf, {"note": "x"})
    _, deleted = await bakery.board.heard(bakery.slices, 2)
    assert (deleted.event, deleted.item, deleted.payload) == ("item.delete", slice, None)
    _, updated = await bakery.board.heard(bakery.loaves, 2)
    assert (updated.event, updated.payload) == ("item.update", {"note": "x"})


async def test_a_write_that_fails_tells_nobody(bakery: Bakery) -> None:
    async def refuse(intended: BeforeWrite) -> None:
        if intended.payload["name"] == "no":
            raise Unprocessable("No")

    bakery.board.before["item.create", bakery.slices] = refuse
    body = {"title": "x", "slices": [{"name": "yes"}, {"name": "no"}]}
    await bakery.shop.refused((12, 422), "POST", f"/items/{bakery.loaves}", body)
    one = await bakery.new({"title": "rye", "slices": [{"name": "yes"}]}, "id")
    (told,) = await bakery.board.heard(bakery.loaves, 1)
    assert told.item == one["id"]
    assert len(await bakery.board.heard(bakery.slices, 1)) == 1


async def test_an_after_hook_that_fails_harms_nobody(bakery: Bakery) -> None:
    async def broken(event: AfterEvent) -> None:
        raise ZeroDivisionError

    bakery.board.after["item.create", bakery.loaves] = broken
    one = await bakery.new({"title": "rye", "slices": [{"name": "a"}]}, "id,title")
    assert one["title"] == "rye"
    await bakery.board.heard(bakery.slices, 1)
    assert not [event for event in bakery.board.told if event.collection == bakery.loaves]


async def test_a_batch_tells_of_each_item(bakery: Bakery) -> None:
    made = await bakery.shop.ok(
        "POST", f"/items/{bakery.slices}?fields=id", [{"name": str(n)} for n in range(120)]
    )
    events = await bakery.board.heard(bakery.slices, 120)
    assert [event.item for event in events] == [one["id"] for one in made]
    assert len({event.id for event in events}) == 120


# -- who waits -----------------------------------------------------------------------


def _hook(event: str, moment: Any, collection: str | None) -> Hook:
    async def nothing(_: Any) -> None: ...

    return Hook(id=f"{event} {moment}", event=event, moment=moment, about=collection,
                call=nothing)  # fmt: skip


def test_a_hook_hears_its_event_and_collection_alone() -> None:
    wide = _hook("item.create", "before", None)
    narrow = _hook("item.create", "before", "a")
    hooks = Hooks([wide, narrow])
    assert hooks.of("item.create", "before", "a") == (wide, narrow)
    assert hooks.of("item.create", "before", "b") == (wide,)
    assert hooks.of("item.create", "after", "a") == ()
    assert hooks.of("item.update", "before", "a") == ()
    assert hooks.find("item.create before", "item.create") is narrow
    assert hooks.find("gone", "item.create") is None
    assert not hooks.waits(["item.create"], "after")


async def _matches(bakery: Bakery, text: str, id: int) -> bool:
    """Whether the stored hash is one of the text: answers never hold it."""
    database = await open_database(bakery.shop.url)
    try:
        dialect = database.dialect
        table = sa.table(bakery.loaves, sa.column("id"), sa.column("secret"))
        statement = dialect.compile(sa.select(table.c.id, table.c.secret))
        rows = await database.fetch(statement.sql, statement.values({}))
    finally:
        await database.close()
    body = {"string": text, "hash": {row[0]: row[1] for row in rows}[id]}
    return bool((await bakery.shop.ok("POST", "/utils/hash/match", body))["valid"])
