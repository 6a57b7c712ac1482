"""Items whose key has the key of their parent in it, in nested writes.

Source: items page §6; schema page, composite keys.
"""

from __future__ import annotations

import asyncio
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
    ("one to delete twice", [{"place": 1, "$delete": True}, {"place": 2, "note": "II"},
                             {"place": 1, "$delete": True}], [(0, 2, "II")]),
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


@pytest.mark.parametrize("what", ["lines", "next"])
async def test_who_comes_at_the_same_time_finds_what_the_other_made(
    orders: Orders, what: str
) -> None:
    first, second = await orders.put()
    for place in range(10, 13):
        nested: list[Item] = [
            {
                "lines": [{"place": place, "note": str(n)}],
                "next": {"id": second + place, "title": str(n)},
            }
            for n in range(8)
        ]
        bodies = [{what: body[what]} for body in nested]
        path = f"/items/{orders.orders}/{first}"
        asked = (orders.workshop.world.ask("PATCH", path, json=body) for body in bodies)
        assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200] * 8
        name, item = {
            "lines": (orders.lines, f"{first},{place}"),
            "next": (orders.orders, str(second + place)),
        }[what]
        deeds = [deed for deed, of in await orders.workshop.deeds(name) if of == item]
        assert deeds == ["create", *["update"] * 7]


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


async def test_a_key_spelled_in_another_way(workshop: Workshop) -> None:
    shelves, books = workshop.name("shelves"), workshop.name("books")
    await workshop.behind_our_back(
        f"CREATE TABLE {shelves} (code VARCHAR(20) NOT NULL PRIMARY KEY, title VARCHAR(20))",
        f"CREATE TABLE {books} (shelf VARCHAR(20) NOT NULL, place INTEGER NOT NULL,"
        " note VARCHAR(20), PRIMARY KEY (shelf, place))",
    )
    for table in (shelves, books):
        await workshop.ok("PATCH", f"/collections/{table}", {"managed": True})
    await workshop.ok("POST", f"/fields/{shelves}", {"field": "books", "type": "o2m"})
    await workshop.relate(books, "shelf", shelves, "books")
    await workshop.ok("POST", f"/items/{shelves}", {"code": "ABC", "books": [{"place": 1}]})
    path = f"/items/{shelves}/abc?fields=books.*"
    body = {"books": [{"place": place, "note": "x"} for place in (1, 2)]}
    if workshop.driver != "mysql":
        # Only there is it the same key.
        await workshop.refused((203, 404), "PATCH", path, body)
        return
    held = [{"shelf": "ABC", "place": place, "note": "x"} for place in (1, 2)]
    assert await workshop.ok("PATCH", path, body) == {"books": held}
    assert await workshop.deeds(books) == [
        ("create", "ABC,1"),
        ("update", "ABC,1"),
        ("create", "ABC,2"),
    ]
    # What is there keeps its key.
    await workshop.foreign(f"INSERT INTO {books} (shelf, place) VALUES ('abc', 3)")
    await workshop.ok("PATCH", path, {"books": [{"place": 3, "note": "y"}]})
    last = (await workshop.items(books))[-1]
    assert last == {"shelf": "abc", "place": 3, "note": "y"}
    assert (await workshop.deeds(books))[3:] == [("update", "abc,3")]


class Tagged(Struct, frozen=True):
    """Articles and tags, tied by links whose key are the two."""

    workshop: Workshop
    articles: str
    tags: str
    links: str

    async def put(self) -> tuple[int, int]:
        """A new article with two new tags; the first of them."""
        links = [{"tag": {"name": "red"}, "note": "r"}, {"tag": {"name": "blue"}, "note": "b"}]
        path = f"/items/{self.articles}?fields=id,links.tag"
        made = await self.workshop.ok("POST", path, {"links": links})
        return made["id"], min(link["tag"] for link in made["links"])

    async def held(self, article: int) -> list[tuple[str, str | None]]:
        """Name of the tag and note of each link of an article, by their tags."""
        path = f"/items/{self.links}?filter[article]={article}&fields=note,tag.*&sort=tag"
        return [(one["tag"]["name"], one["note"]) for one in await self.workshop.get(path)]


@pytest.fixture(scope="session")
async def tagged(workshop: Workshop) -> Tagged:
    articles = await workshop.make(text("title"), field("links", "o2m"))
    tags = await workshop.make(text("name"), field("links", "o2m"))
    links = workshop.name("links")
    await workshop.behind_our_back(
        f"CREATE TABLE {links} (article INTEGER NOT NULL, tag INTEGER NOT NULL,"
        " note VARCHAR(20), PRIMARY KEY (article, tag))"
    )
    await workshop.ok("PATCH", f"/collections/{links}", {"managed": True})
    await workshop.relate(links, "article", articles, "links", junction_field="tag")
    await workshop.relate(links, "tag", tags, "links", junction_field="article")
    return Tagged(workshop, articles, tags, links)


FORMS: list[tuple[str, Item, list[tuple[str, str | None]]]] = [
    ("a key", {"tag": "TAG", "note": "x"}, [("red", "x"), ("blue", "b")]),
    ("an object", {"tag": {"id": "TAG"}, "note": "x"}, [("red", "x"), ("blue", "b")]),
    ("a changed one", {"tag": {"id": "TAG", "name": "RED"}}, [("RED", "r"), ("blue", "b")]),
    ("both keys", {"article": "ME", "tag": {"id": "TAG"}, "note": "x"},
     [("red", "x"), ("blue", "b")]),
    ("both as objects", {"article": {"id": "ME"}, "tag": {"id": "TAG"}, "note": "x"},
     [("red", "x"), ("blue", "b")]),
    ("a new one", {"tag": {"name": "new"}}, [("red", "r"), ("blue", "b"), ("new", None)]),
    ("one to take off", {"tag": "TAG", "$delete": True}, [("blue", "b")]),
    ("an object to take off", {"tag": {"id": "TAG"}, "$delete": True}, [("blue", "b")]),
]  # fmt: skip


def known(value: Any, keys: dict[str, int]) -> Any:
    """The value with keys in the place of their names."""
    if isinstance(value, dict):
        return {name: known(each, keys) for name, each in value.items()}
    return keys.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize(("says", "link", "held"), FORMS, ids=[row[0] for row in FORMS])
async def test_a_junction_without_a_key_of_its_own(
    tagged: Tagged, says: str, link: Item, held: list[Any]
) -> None:
    article, tag = await tagged.put()
    body = {"links": [known(link, {"TAG": tag, "ME": article})]}
    await tagged.workshop.ok("PATCH", f"/items/{tagged.articles}/{article}", body)
    assert await tagged.held(article) == held


KEYS: list[tuple[str, Item]] = [
    ("another key", {"tag": "OTHER"}),
    ("another key in an object", {"tag": {"id": "OTHER"}}),
    ("a changed other", {"tag": {"id": "OTHER", "name": "x"}}),
    ("a new item", {"tag": {"name": "x"}}),
    ("one to be deleted", {"tag": {"id": "TAG", "$delete": True}}),
    ("another parent", {"article": {"title": "x"}}),
]


@pytest.mark.parametrize(("says", "change"), KEYS, ids=[row[0] for row in KEYS])
async def test_no_object_changes_a_key(tagged: Tagged, says: str, change: Item) -> None:
    article, tag = await tagged.put()
    workshop = tagged.workshop
    before = [await workshop.items(name) for name in (tagged.articles, tagged.tags, tagged.links)]
    body = known(change, {"TAG": tag, "OTHER": tag + 1}) | {"note": "changed"}
    path = f"/items/{tagged.links}/{article}%2C{tag}"
    both = f"{path},{article}%2C{tag + 1}"
    for asked in (path, both):
        told = await workshop.refused((12, 422), "PATCH", asked, body)
        assert told["message"] == "article, tag: the key of an item cannot be changed"
    after = [await workshop.items(name) for name in (tagged.articles, tagged.tags, tagged.links)]
    assert after == before


async def test_an_object_may_say_the_key_that_is_there(tagged: Tagged) -> None:
    article, tag = await tagged.put()
    path = f"/items/{tagged.links}/{article}%2C{tag}"
    for body, held in (
        ({"tag": {"id": tag}, "note": "x"}, [("red", "x"), ("blue", "b")]),
        ({"tag": {"id": str(tag), "name": "RED"}}, [("RED", "x"), ("blue", "b")]),
        ({"article": {"id": article, "title": "t"}, "note": "y"}, [("RED", "y"), ("blue", "b")]),
    ):
        await tagged.workshop.ok("PATCH", path, body)
        assert await tagged.held(article) == held
