"""What is read by whom: one model of the rules, held against every way in.

The matrix of the permissions page (§13) for reads: collections with and without owner and
status by rows by levels by people. What the model says an actor sees is what lists, reads by
id, counts, expansions, filters over relations and searches have to show, no more, no less.
Source: permissions page §3, §4.1, §4.2, §6.3 and §6.4.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import Struct

from tests.scenarios.office import COLLECTIONS, STATUSES, Office
from tests.scenarios.signing_in import USERS, change

LEVELS = ("none", "mine", "role", "full")
PEOPLE = (None, "ann", "ben", "cid", "admin")
ROLES = {"ann": "editors", "ben": "editors", "cid": "writers"}
WARNING = 18


class Granted(Struct, frozen=True):
    """Rows of permissions on one collection: the global level, or one for each status."""

    whole: str | None = None
    by_status: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        stages = ",".join(f"{status}:{level}" for status, level in self.by_status)
        return stages or f"global:{self.whole}" if self != Granted() else "nothing"

    def rows(self, collection: str) -> list[dict[str, Any]]:
        found = [] if self.whole is None else [{"collection": collection, "read": self.whole}]
        return [
            *found,
            *(
                {"collection": collection, "status": status, "read": level}
                for status, level in self.by_status
            ),
        ]


GRANTED = (
    Granted(),
    *(Granted(level) for level in LEVELS),
    *(Granted(None, (("draft", level), ("published", "full"))) for level in LEVELS),
    # A global row is ignored beside rows of statuses; a row may grant what is soft-deleted.
    Granted("full", (("draft", "role"), ("deleted", "mine"))),
    Granted("full", (("draft", "none"),)),
)


class Model:
    """The rules of reading, told the plain way."""

    def __init__(self, place: Office, collection: str, granted: Granted) -> None:
        self._items = place.items[collection]
        self._owner, self._status = COLLECTIONS[collection]
        self._granted = granted

    def reads(self, person: str | None) -> bool:
        """Whether lists answer at all."""
        if person == "admin":
            return True
        levels = dict(self._granted.by_status)
        if levels:
            return self._status and any(level != "none" for level in levels.values())
        level = self._granted.whole
        if level in (None, "none"):
            return False
        return level == "full" or self._owner or self._status

    def seen(self, person: str | None, asked: str | None = None) -> list[int]:
        """Ids of what somebody sees with `status=asked`, in order."""
        return [
            item["id"]
            for item in self._items
            if self._wanted(item, asked) and self._shown(item, person)
        ]

    def by_status(self, person: str | None) -> dict[str, int]:
        """How many items somebody sees in each status."""
        seen = set(self.seen(person, "*"))
        statuses = Counter(item["status"] for item in self._items if item["id"] in seen)
        return dict.fromkeys(STATUSES, 0) | statuses

    def _wanted(self, item: dict[str, Any], asked: str | None) -> bool:
        if not self._status or asked == "*":
            return True
        if asked is not None:
            return item["status"] in asked.split(",")
        return not STATUSES[item["status"]]["soft_delete"]

    def _shown(self, item: dict[str, Any], person: str | None) -> bool:
        if person == "admin":
            return True
        if not self.reads(person):
            return False
        levels = dict(self._granted.by_status)
        if levels:
            level = levels.get(item["status"], "none")
        else:
            if self._status and STATUSES[item["status"]]["soft_delete"]:
                return False
            level = self._granted.whole or "none"
        match level:
            case "full":
                return True
            case "none":
                return False
            case _ if not self._owner or person is None or item["owner"] is None:
                return False
            case "mine":
                return bool(item["owner"] == person)
            case _:
                return ROLES[item["owner"]] == ROLES[person]


@pytest.mark.parametrize("granted", GRANTED, ids=str)
@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_the_same_rows_on_every_way_in(
    place: Office, collection: str, granted: Granted
) -> None:
    await place.grant(
        {"collection": "links", "read": "full"}, {"collection": "hubs", "read": "full"}
    )
    rows = granted.rows(collection)
    if rows:
        await place.grant(*rows)
    model = Model(place, collection, granted)
    for person in PEOPLE:
        if model.reads(person):
            await check_lists(place, collection, model, person)
            await check_relations(place, collection, model, person)
        else:
            await check_refusals(place, collection, person)
        await check_ids(place, collection, model, person)


async def check_lists(place: Office, collection: str, model: Model, person: str | None) -> None:
    path = f"/items/{collection}"
    for asked in (None, "*", "draft", "deleted", "draft,published"):
        query = "" if asked is None else f"status={asked}&"
        found = await place.data(person, f"{path}?{query}fields=id")
        assert [item["id"] for item in found] == model.seen(person, asked), (person, asked)
    seen = model.seen(person)
    for asked in (None, "*", "draft", "deleted", "draft,published"):
        query = "" if asked is None else f"status={asked}&"
        body = await place.get(person, f"{path}?{query}fields=id&limit=1&meta=*")
        # Every status widens what is listed, and no count.
        meta, counted = body["meta"], len(model.seen(person, None if asked == "*" else asked))
        assert (meta["total_count"], meta["filter_count"]) == (counted, counted), asked
        if COLLECTIONS[collection][1]:
            assert meta["status_count"] == model.by_status(person), asked
    total = await place.data(person, f"{path}?aggregate[count]=*")
    assert total == [{"count": len(seen)}]
    searched = await place.data(person, f"{path}?q=secret&fields=id&limit=-1")
    assert [item["id"] for item in searched] == seen
    single = await place.ask(person, "GET", f"{path}?single=1&fields=id")
    assert single.status_code == (200 if seen else 404)


async def check_refusals(place: Office, collection: str, person: str | None) -> None:
    refused = (3, 401) if person is None else (300, 403)
    for query in ("", "?limit=0&meta=*", "?fields=nonsense", "?aggregate[count]=*", "?limit=-1"):
        assert await place.error(person, f"/items/{collection}{query}") == refused
    assert await place.error(person, f"/items/{collection}/1,2") == refused
    body = await place.get(person, f"/items/links?fields=id,{collection}.name")
    assert [message["fields"] for message in body["messages"]] == [[collection]]
    assert {message["code"] for message in body["messages"]} == {WARNING}
    keys = {item["id"] for item in place.items[collection]}
    shown = [link[collection] for link in body["data"] if link[collection] is not None]
    assert [link.keys() for link in shown] == [{"id"}] * len(keys)
    assert {link["id"] for link in shown} == keys
    body = await place.get(person, f"/items/hubs?fields=id,{collection}.name")
    assert body["data"] == [{"id": 1}]
    assert [message["fields"] for message in body["messages"]] == [[collection]]
    for query in (
        f"/items/links?filter[{collection}.name][nnull]=1",
        f"/items/links?filter[{collection}][contains]=nobody",
        f"/items/hubs?filter[{collection}][has]=1",
        f"/items/hubs?filter[{collection}.name][contains]=nobody",
        f"/items/hubs?fields=id&deep[{collection}][filter][name]=x",
    ):
        assert await place.error(person, query) == (215, 403), query


async def check_ids(place: Office, collection: str, model: Model, person: str | None) -> None:
    """What may not be read by id looks exactly like what is not there."""
    seen = model.seen(person)
    gone = await place.ask(person, "GET", f"/items/{collection}/99999")
    assert (gone.json()["error"]["code"], gone.status_code) == (203, 404)
    for item in place.items[collection]:
        answer = await place.ask(person, "GET", f"/items/{collection}/{item['id']}?fields=id")
        if item["id"] in seen:
            assert answer.json()["data"] == {"id": item["id"]}
            continue
        message = answer.json()["error"]["message"].replace(f"'{item['id']}'", "'99999'")
        assert answer.status_code == 404
        assert message == gone.json()["error"]["message"]
    if model.reads(person):
        ids = [item["id"] for item in place.items[collection]]
        found = await place.data(person, f"/items/{collection}/{','.join(map(str, ids))},99999")
        assert [item["id"] for item in found] == seen


async def check_relations(place: Office, collection: str, model: Model, person: str | None) -> None:
    seen, ever = model.seen(person), model.seen(person, "*")
    links = await place.get(person, f"/items/links?fields=id,{collection}.id&limit=-1")
    assert "messages" not in links
    shown = [link[collection]["id"] for link in links["data"] if link[collection]]
    assert shown == seen
    (hub,) = await place.data(person, f"/items/hubs?fields={collection}.id")
    assert [item["id"] for item in hub[collection]] == seen
    (hub,) = await place.data(person, f"/items/hubs?fields={collection}")
    assert hub[collection] == seen
    deep = f"/items/hubs?fields={collection}.id&deep[{collection}][limit]=2"
    (hub,) = await place.data(person, deep)
    assert [item["id"] for item in hub[collection]] == seen[:2]
    # By a filter nobody sees more than by lists of every status.
    allowed = {item["id"] for item in place.items[collection]} if person == "admin" else set(ever)
    for query in (
        f"filter[{collection}.name][nnull]=1",
        f"filter[{collection}][contains]=secret",
        f"filter[{collection}.hub.name]=hub",
    ):
        found = await place.data(person, f"/items/links?fields={collection}&limit=-1&{query}")
        assert {link[collection] for link in found} == allowed, (person, query)
    for number in range(len(place.items[collection]) + 1):
        query = f"/items/hubs?filter[{collection}][has]={number + 1}"
        assert bool(await place.data(person, query)) == (len(allowed) > number), number
    for item in place.items[collection]:
        query = f"/items/hubs?filter[{collection}][in]={item['id']}"
        assert bool(await place.data(person, query)) == (item["id"] in allowed)


@pytest.mark.parametrize(
    "rows",
    [Granted("role"), Granted(None, (("draft", "role"), ("published", "full")))],
    ids=str,
)
async def test_whoever_has_joined_a_role_unnoticed_is_counted(place: Office, rows: Granted) -> None:
    await place.grant(*rows.rows("cases"))
    # Of a role with a handful of users it is known how many they are.
    before = await place.get("ann", "/items/cases?status=*&limit=-1&fields=id&meta=*")
    move = sa.update(USERS).where(USERS.c.id == place.people["cid"])
    await change(place.url, move.values(role=place.roles["editors"]))
    try:
        after = await place.get("ann", "/items/cases?status=*&limit=-1&fields=id&meta=*")
    finally:
        await change(place.url, move.values(role=place.roles["writers"]))
    assert len(after["data"]) > len(before["data"])
    for body in (before, after):
        assert sum(body["meta"]["status_count"].values()) == len(body["data"])
