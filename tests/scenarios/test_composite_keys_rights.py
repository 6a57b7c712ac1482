"""What may be done to items whose key has their parent's key in it, below that parent.

Source: items page §6; permissions page §3.3 to §8.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import Struct

from tests.scenarios.test_composite_keys import known
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import Item, field, text

MINE, OTHERS, NEW = 1, 2, 3
"""Places of lines: one of who asks, one of the administrator, and one that is not there."""
OK = (0, 200)
CREATE, UPDATE, DELETE = (301, 403), (302, 403), (303, 403)
FIELD, EXPLAIN = (305, 403), (10, 403)
FULL = dict.fromkeys(("create", "read", "update", "delete"), "full")
TOKEN = "Token-of-who-asks"


class Desk(Struct, frozen=True):
    """Orders, their lines, and somebody with a role."""

    workshop: Workshop
    orders: str
    lines: str
    role: int
    user: int

    async def put(self) -> tuple[int, int]:
        """Two new orders with two lines each."""
        lines = [{"place": MINE, "note": "one"}, {"place": OTHERS, "note": "two"}]
        bodies = [{"title": title, "lines": lines} for title in "ab"]
        first, second = await self.workshop.ok("POST", f"/items/{self.orders}", bodies)
        mine = {"parent": first["id"], "place": MINE, "writer": self.user}
        await self.workshop.ok("PATCH", f"/items/{self.lines}", [mine])
        return first["id"], second["id"]

    async def told(self, levels: Item, order: int, lines: list[Any]) -> tuple[int, int]:
        """Code and status of a change below an order by who has those levels on lines."""
        rows = [
            {"collection": self.orders, "role": self.role, **FULL},
            {"collection": self.lines, "role": self.role, "read": "full", **levels},
        ]
        made = await self.workshop.ok("POST", "/permissions", rows)
        try:
            path = f"/items/{self.orders}/{order}"
            headers = {"authorization": f"Bearer {TOKEN}"}
            answer = await self.workshop.world.ask(
                "PATCH", path, json={"lines": lines}, headers=headers
            )
        finally:
            ids = ",".join(str(row["id"]) for row in made)
            await self.workshop.ok("DELETE", f"/permissions/{ids}")
        code = 0 if answer.status_code == 200 else answer.json()["error"]["code"]
        return code, answer.status_code


@pytest.fixture(scope="session")
async def desk(workshop: Workshop) -> AsyncIterator[Desk]:
    orders = await workshop.make(text("title"), field("lines", "o2m"))
    lines = workshop.name("lines")
    await workshop.behind_our_back(
        f"CREATE TABLE {lines} (parent INTEGER NOT NULL, place INTEGER NOT NULL,"
        " note VARCHAR(20), writer INTEGER, PRIMARY KEY (parent, place))"
    )
    await workshop.ok("PATCH", f"/collections/{lines}", {"managed": True})
    await workshop.ok("PATCH", f"/fields/{lines}/writer", {"type": "owner"})
    await workshop.relate(lines, "parent", orders, "lines")
    role = await workshop.ok("POST", "/roles", {"name": workshop.name("clerks")})
    person = {"email": "clerk@example.org", "status": "active", "role": role["id"]}
    user = await workshop.ok("POST", "/users", person | {"token": TOKEN})
    yield Desk(workshop, orders, lines, role["id"], user["id"])
    await workshop.ok("DELETE", f"/users/{user['id']}")


TRIED: list[tuple[str, Item, Item, tuple[int, int]]] = [
    ("any line", {"update": "full"}, {"place": OTHERS, "note": "x"}, OK),
    ("one's own", {"update": "mine"}, {"place": MINE, "note": "x"}, OK),
    ("somebody else's", {"update": "mine"}, {"place": OTHERS, "note": "x"}, UPDATE),
    ("a new one", {"update": "full"}, {"place": NEW, "note": "x"}, CREATE),
    ("a new one who may", {"create": "full"}, {"place": NEW, "note": "x"}, OK),
    ("one that is there", {"create": "full"}, {"place": MINE, "note": "x"}, UPDATE),
    ("neither", {}, {"place": MINE, "note": "x"}, UPDATE),
    ("one's own to delete", {"delete": "mine"}, {"place": MINE, "$delete": True}, OK),
    ("another to delete", {"delete": "mine"}, {"place": OTHERS, "$delete": True}, DELETE),
    ("none to delete", {"update": "full"}, {"place": MINE, "$delete": True}, DELETE),
    ("a field that is kept", {"update": "full", "write_field_blacklist": ["note"]},
     {"place": MINE, "note": "x"}, FIELD),
    ("a field of a new one", FULL | {"write_field_blacklist": ["note"]},
     {"place": NEW, "note": "x"}, FIELD),
    ("one to be explained", FULL | {"explain": "update"}, {"place": MINE, "note": "x"}, EXPLAIN),
    ("a new one, unexplained", FULL | {"explain": "update"}, {"place": NEW, "note": "x"}, OK),
    ("the owner", {"update": "mine"}, {"place": MINE, "writer": 1}, FIELD),
    ("the owner, as an object", {"update": "mine"},
     {"place": MINE, "writer": {"id": 1, "parent": "ME"}}, FIELD),
    ("the same owner, as an object", {"update": "mine"},
     {"place": MINE, "note": "x", "writer": {"id": "ME"}}, OK),
    ("of another order", {"update": "mine", "create": "full"},
     {"parent": {"id": "OTHER"}, "place": MINE, "note": "x"}, UPDATE),
    ("of another order, by its key", {"update": "mine", "create": "full"},
     {"parent": "OTHER", "place": MINE, "note": "x"}, UPDATE),
    ("to delete of another order", {"delete": "mine"},
     {"parent": {"id": "OTHER"}, "place": MINE, "$delete": True}, DELETE),
]  # fmt: skip


@pytest.mark.parametrize(("says", "levels", "line", "error"), TRIED, ids=[row[0] for row in TRIED])
async def test_a_line_that_is_found_is_judged_as_what_it_is(
    desk: Desk, says: str, levels: Item, line: Item, error: tuple[int, int]
) -> None:
    first, second = await desk.put()
    sent = known(line, {"OTHER": second, "ME": desk.user})
    before = await desk.workshop.items(desk.lines)
    assert await desk.told(levels, first, [sent]) == error
    assert (await desk.workshop.items(desk.lines) == before) is (error != OK)


@pytest.mark.parametrize(
    ("levels", "error"),
    [({"create": "full"}, UPDATE), ({"create": "full", "update": "mine"}, OK)],
    ids=["who may not change", "who may change one's own"],
)
async def test_what_a_request_has_made_it_changes_as_any_other(
    desk: Desk, levels: Item, error: tuple[int, int]
) -> None:
    first, _ = await desk.put()
    before = await desk.workshop.items(desk.lines)
    twice = [{"place": NEW, "note": note} for note in ("x", "y")]
    assert await desk.told(levels, first, twice) == error
    after = await desk.workshop.items(desk.lines)
    made = [{"parent": first, "place": NEW, "note": "y", "writer": desk.user}]
    assert [line for line in after if line not in before] == (made if error == OK else [])
