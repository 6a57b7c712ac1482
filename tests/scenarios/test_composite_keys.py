"""Items whose key has the key of their parent in it, in nested writes.

Source: items page §6; schema page, composite keys.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text, whole

Item = dict[str, Any]


class Orders(Struct, frozen=True):
    """Orders with lines, each known by its order and its place; and a bill, by its order."""

    workshop: Workshop
    orders: str
    lines: str
    bills: str

    async def put(self) -> tuple[int, int]:
        """Two new orders, the first with two lines and a bill."""
        lines = [{"place": 1, "note": "one"}, {"place": 2, "note": "two"}]
        bodies = [{"title": "a", "lines": lines, "bill": [{"sum": 5}]}, {"title": "b"}]
        made = await self.workshop.ok("POST", f"/items/{self.orders}", bodies)
        return made[0]["id"], made[1]["id"]

    async def held(self, *orders: int) -> list[tuple[int, int, str | None]]:
        """Order (by its place in those asked for), place and note of each line."""
        query = f"filter[parent][in]={','.join(map(str, orders))}&limit=-1"
        found = await self.workshop.items(self.lines, query)
        return sorted((orders.index(one["parent"]), one["place"], one["note"]) for one in found)


@pytest.fixture(scope="session")
async def orders(workshop: Workshop) -> Orders:
    name = await workshop.make(
        text("title"), field("lines", "o2m"), field("bill", "o2m"), whole("next", "m2o")
    )
    lines, bills = workshop.name("lines"), workshop.name("bills")
    await workshop.behind_our_back(
        f"CREATE TABLE {lines} (parent INTEGER NOT NULL, place INTEGER NOT NULL,"
        " note VARCHAR(20), PRIMARY KEY (parent, place))",
        f"CREATE TABLE {bills} (parent INTEGER NOT NULL PRIMARY KEY, sum INTEGER NOT NULL)",
    )
    for table in (lines, bills):
        await workshop.ok("PATCH", f"/collections/{table}", {"managed": True})
    await workshop.relate(lines, "parent", name, "lines")
    await workshop.relate(bills, "parent", name, "bill")
    await workshop.relate(name, "next", name)
    return Orders(workshop, name, lines, bills)


CHANGES: list[tuple[str, list[Any], list[tuple[int, int, str | None]]]] = [
    ("one that is there", [{"place": 2, "note": "II"}], [(0, 1, "one"), (0, 2, "II")]),
    ("a text of its key", [{"place": "2", "note": "II"}], [(0, 1, "one"), (0, 2, "II")]),
    ("no parent", [{"parent": None, "place": 2, "note": "II"}], [(0, 1, "one"), (0, 2, "II")]),
    ("its whole key", [{"parent": "ID", "place": 2, "note": "II"}], [(0, 1, "one"), (0, 2, "II")]),
    ("one that is not", [{"place": 3}], [(0, 1, "one"), (0, 2, "two"), (0, 3, None)]),
    ("both", [{"place": 3}, {"place": 1, "note": "I"}],
     [(0, 1, "I"), (0, 2, "two"), (0, 3, None)]),
    ("one twice", [{"place": 3, "note": "x"}, {"place": 3, "note": "y"}],
     [(0, 1, "one"), (0, 2, "two"), (0, 3, "y")]),
    ("one to delete", [{"place": 1, "$delete": True}], [(0, 2, "two")]),
    ("another order's", [{"parent": "OTHER", "place": 4}],
     [(0, 1, "one"), (0, 2, "two"), (1, 4, None)]),
]  # fmt: skip


@pytest.mark.parametrize(("says", "lines", "held"), CHANGES, ids=[row[0] for row in CHANGES])
async def test_a_nested_row_is_found_without_its_parent(
    orders: Orders, says: str, lines: list[Any], held: list[Any]
) -> None:
    first, second = await orders.put()
    known = {"ID": first, "OTHER": second}
    sent = [
        {name: known.get(value, value) if isinstance(value, str) else value
         for name, value in line.items()}
        for line in lines
    ]  # fmt: skip
    if "another" in says:
        # With a key of its own it has to be there.
        await orders.workshop.ok("POST", f"/items/{orders.lines}", sent)
    await orders.workshop.ok("PATCH", f"/items/{orders.orders}/{first}", {"lines": sent})
    assert await orders.held(first, second) == held


REFUSED: list[tuple[str, list[Any], tuple[int, int]]] = [
    ("one to delete that is not there", [{"place": 9, "$delete": True}], (203, 404)),
    ("no place to delete", [{"$delete": True}], (12, 422)),
    ("no place", [{"note": "x"}], (4, 422)),
    ("a place that is none", [{"place": "x"}], (12, 422)),
    ("something wrong in one that is there", [{"place": 3}, {"place": 1, "no": 1}], (12, 422)),
]


@pytest.mark.parametrize(("says", "lines", "error"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_what_is_wrong_there_changes_nothing(
    orders: Orders, says: str, lines: list[Any], error: tuple[int, int]
) -> None:
    first, second = await orders.put()
    before = await orders.held(first, second)
    body = {"title": "changed", "lines": lines}
    await orders.workshop.refused(error, "PATCH", f"/items/{orders.orders}/{first}", body)
    await orders.workshop.refused(error, "PATCH", f"/items/{orders.orders}/{first},{second}", body)
    assert await orders.held(first, second) == before
    assert (await orders.workshop.get(f"/items/{orders.orders}/{first}"))["title"] == "a"


async def test_one_body_for_several_parents(orders: Orders) -> None:
    first, second = await orders.put()
    body = {"lines": [{"place": 1, "note": "same"}]}
    await orders.workshop.ok("PATCH", f"/items/{orders.orders}/{first},{second}", body)
    assert await orders.held(first, second) == [(0, 1, "same"), (0, 2, "two"), (1, 1, "same")]
    deeds = await orders.workshop.deeds(orders.lines)
    assert deeds[-2:] == [("update", f"{first},1"), ("create", f"{second},1")]
    each = [{"id": id, "lines": [{"place": 1, "note": "each"}]} for id in (second, first)]
    await orders.workshop.ok("PATCH", f"/items/{orders.orders}", each)
    assert await orders.held(first, second) == [(0, 1, "each"), (0, 2, "two"), (1, 1, "each")]


async def test_below_a_parent_that_a_link_leads_to(orders: Orders) -> None:
    first, second = await orders.put()
    there = {"next": {"id": first, "lines": [{"place": 2, "note": "II"}]}}
    await orders.workshop.ok("PATCH", f"/items/{orders.orders}/{second}", there)
    assert await orders.held(first) == [(0, 1, "one"), (0, 2, "II")]
    new = second + 1000
    made = {"next": {"id": new, "title": "made", "lines": [{"place": 2, "note": "new"}]}}
    await orders.workshop.ok("PATCH", f"/items/{orders.orders}/{second}", made)
    assert await orders.held(new) == [(0, 2, "new")]


async def test_a_key_that_is_the_parent_s(orders: Orders) -> None:
    first, second = await orders.put()
    path = f"/items/{orders.orders}/{first},{second}?fields=bill.*"
    both = await orders.workshop.ok("PATCH", path, {"bill": [{"sum": 7}]})
    assert both == [{"bill": [{"parent": id, "sum": 7}]} for id in (first, second)]
    one = await orders.workshop.ok("PATCH", path.replace(f",{second}", ""), {"bill": [{}]})
    assert one == {"bill": [{"parent": first, "sum": 7}]}
    gone = await orders.workshop.ok("PATCH", path, {"bill": [{"$delete": True}]})
    assert gone == [{"bill": []}, {"bill": []}]
    # What would be new has to be whole.
    await orders.workshop.refused((4, 422), "PATCH", path, {"bill": [{}]})
