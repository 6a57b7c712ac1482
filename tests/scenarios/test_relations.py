"""Relations over HTTP: rows that make sense, and constraints that keep them.

Source: schema page §2.3.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text, whole

Item = dict[str, Any]
R = "directus_relations"


class Pair:
    """Two collections that are not related yet."""

    def __init__(self, workshop: Workshop, one: str, many: str) -> None:
        self.workshop = workshop
        self.one = one
        self.many = many

    def body(self, **changed: Any) -> Item:
        """The relation between them."""
        return {
            "collection_many": self.many,
            "field_many": "one",
            "collection_one": self.one,
            "field_one": "things",
            **changed,
        }

    async def rows(self) -> list[Item]:
        """The relations that there are."""
        found: list[Item] = await self.workshop.get(
            f"/relations?filter[collection_many]={self.many}"
        )
        return found


@pytest.fixture
async def pair(workshop: Workshop) -> Pair:
    """Two collections of their own for each test."""
    one = await workshop.make(text("name"), field("things", "o2m"), word="one")
    many = await workshop.make(
        whole("one", "m2o"), whole("must", "m2o", required=True, default_value=1), word="many"
    )
    return Pair(workshop, one, many)


async def test_a_relation_is_a_row_and_no_more(pair: Pair) -> None:
    workshop = pair.workshop
    await workshop.ok("POST", f"/items/{pair.many}", {"one": 4711})
    made = await workshop.ok("POST", "/relations", pair.body())
    assert made == {"id": made["id"], **pair.body(), "junction_field": None}
    assert await workshop.get(f"/relations/{made['id']}") == made
    assert await pair.rows() == [made]
    # The key points nowhere, and that is allowed.
    assert await workshop.items(pair.many, "fields=one.*") == [{"one": None}]
    changed = await workshop.ok("PATCH", f"/relations/{made['id']}", {"field_one": None})
    assert changed["field_one"] is None
    assert await workshop.ok("DELETE", f"/relations/{made['id']}") is None
    await workshop.refused((203, 404), "GET", f"/relations/{made['id']}")
    await workshop.refused((203, 404), "DELETE", f"/relations/{made['id']}")


async def test_the_next_request_sees_it(pair: Pair) -> None:
    workshop = pair.workshop
    await workshop.refused((213, 422), "POST", f"/items/{pair.many}", {"one": {"name": "x"}})
    await workshop.ok("POST", "/relations", pair.body())
    item = await workshop.ok("POST", f"/items/{pair.many}?fields=one.name", {"one": {"name": "x"}})
    assert item == {"one": {"name": "x"}}


WRONG: list[tuple[str, Item]] = [
    ("no collection", {"collection_many": None}),
    ("an unknown many side", {"collection_many": "nope"}),
    ("an unknown one side", {"collection_one": "nope"}),
    ("an unknown key", {"field_many": "nope"}),
    ("no key", {"field_many": None}),
    ("a key that is a list", {"field_many": ["one"]}),
    ("an alias that is a column", {"field_one": "name"}),
    ("an unknown far field", {"junction_field": "nope"}),
    ("a far field that is the near one", {"junction_field": "one"}),
]


@pytest.mark.parametrize(("says", "change"), WRONG, ids=[row[0] for row in WRONG])
async def test_what_makes_no_sense_is_refused(pair: Pair, says: str, change: Item) -> None:
    workshop = pair.workshop
    (name,) = change
    error = await workshop.refused((4, 422), "POST", "/relations", pair.body(**change))
    assert name in error["message"]
    assert await pair.rows() == []
    good = await workshop.ok("POST", "/relations", pair.body())
    await workshop.refused((4, 422), "PATCH", f"/relations/{good['id']}", change)
    # By a list, however the id is spelled there.
    for id in (good["id"], f"0{good['id']}"):
        await workshop.refused((4, 422), "PATCH", "/relations", [{"id": id, **change}])
    assert await pair.rows() == [good]


async def test_a_field_has_one_relation(pair: Pair) -> None:
    workshop = pair.workshop
    refused = await workshop.refused((4, 422), "POST", "/relations", [pair.body(), pair.body()])
    assert "field_many" in refused["message"]
    assert await pair.rows() == []
    made = await workshop.ok("POST", "/relations", pair.body())
    other = await workshop.ok("POST", "/relations", pair.body(field_many="must", field_one=None))
    refused = await workshop.refused((4, 422), "POST", "/relations", pair.body(field_one=None))
    assert "field_many" in refused["message"]
    change = {"field_many": "one"}
    await workshop.refused((4, 422), "PATCH", f"/relations/{other['id']}", change)
    change = {"id": other["id"], "field_many": "one"}
    await workshop.refused((4, 422), "PATCH", "/relations", [change])
    assert await pair.rows() == [made, other]
    # Itself is no other.
    change = {"id": made["id"], "field_many": "one"}
    assert await workshop.ok("PATCH", f"/relations/{made['id']}", change) == made
    assert await workshop.ok("PATCH", "/relations", [change]) == [made]


async def test_a_relation_that_a_list_names_twice_is_judged_as_both_leave_it(pair: Pair) -> None:
    workshop = pair.workshop
    made = await workshop.ok("POST", "/relations", pair.body())
    wrong = {"id": made["id"], "field_many": "nope"}
    twice = [wrong, {"id": made["id"], "junction_field": None}]
    await workshop.refused((4, 422), "PATCH", "/relations", twice)
    assert await pair.rows() == [made]
    right = {"id": made["id"], "field_many": "must"}
    await workshop.ok("PATCH", "/relations", [wrong, right])
    assert await pair.rows() == [{**made, "field_many": "must"}]


async def test_a_batch_of_relations_is_all_or_nothing(pair: Pair) -> None:
    workshop = pair.workshop
    before = await workshop.deeds(R)
    bodies = [pair.body(), pair.body(field_many="nope")]
    await workshop.refused((4, 422), "POST", "/relations", bodies)
    await workshop.refused(
        (12, 422), "POST", "/relations", [pair.body(), pair.body(field_many="must", nope=1)]
    )
    assert await pair.rows() == []
    assert await workshop.deeds(R) == before


async def test_foreign_keys_are_made_when_asked_for(pair: Pair) -> None:
    workshop = pair.workshop
    made = await workshop.ok("POST", "/relations?foreign_key=restrict", pair.body())
    assert await pair.rows() == [made]
    assert (await workshop.deeds(R))[-1] == ("create", str(made["id"]))
    await workshop.ok("POST", f"/items/{pair.one}", {"things": [{}]})
    await workshop.refused((12, 422), "POST", f"/items/{pair.many}", {"one": 99})
    await workshop.refused((12, 422), "DELETE", f"/items/{pair.one}/1")
    await workshop.refused((12, 422), "DELETE", f"/collections/{pair.one}")
    assert len(await workshop.items(pair.many)) == 1
    await workshop.ok("DELETE", f"/items/{pair.many}/1")
    await workshop.ok("DELETE", f"/items/{pair.one}/1")
    await workshop.ok("DELETE", f"/fields/{pair.many}/one")
    await workshop.ok("DELETE", f"/collections/{pair.one}")


@pytest.mark.parametrize(("rule", "left"), [("cascade", []), ("set_null", [None])])
async def test_what_becomes_of_the_many_when_the_one_goes(
    pair: Pair, rule: str, left: list[None]
) -> None:
    workshop = pair.workshop
    await workshop.ok("POST", f"/relations?foreign_key={rule}", pair.body())
    await workshop.ok("POST", f"/items/{pair.one}", {"things": [{}]})
    await workshop.ok("DELETE", f"/items/{pair.one}/1")
    assert [item["one"] for item in await workshop.items(pair.many)] == left


async def test_a_relation_and_its_constraint_are_one(pair: Pair) -> None:
    workshop = pair.workshop
    before = await workshop.deeds(R)
    must = pair.body(field_many="must", field_one=None)
    path = "/relations?foreign_key="
    await workshop.refused((4, 422), "POST", f"{path}perhaps", pair.body())
    await workshop.refused((13, 400), "POST", f"{path}restrict", [pair.body()])
    await workshop.refused((4, 422), "POST", f"{path}restrict", pair.body(field_many="nope"))
    await workshop.refused((12, 422), "POST", f"{path}set_null", must)
    # The row cannot be written: neither is the constraint there.
    await workshop.refused((12, 422), "POST", f"{path}restrict", pair.body(nope=1))
    await workshop.refused((12, 422), "POST", f"{path}restrict", pair.body(id="x"))
    taken = await workshop.ok("POST", "/relations", pair.body(field_one=None))
    await workshop.ok("DELETE", f"/relations/{taken['id']}")
    other = (await workshop.get("/relations?limit=1&fields=id"))[0]["id"]
    await workshop.refused((204, 409), "POST", f"{path}restrict", pair.body(id=other))
    await workshop.ok("POST", f"/items/{pair.many}", {"one": 99})
    # The rows break it: neither is the row there.
    await workshop.refused((12, 422), "POST", f"{path}restrict", pair.body())
    assert await pair.rows() == []
    id = str(taken["id"])
    assert await workshop.deeds(R) == [*before, ("create", id), ("delete", id)]
    await workshop.ok("DELETE", f"/items/{pair.many}/1")
    await workshop.ok("POST", f"{path}cascade", pair.body())
    assert len(await pair.rows()) == 1


async def test_a_relation_to_itself(workshop: Workshop) -> None:
    name = await workshop.make(whole("parent", "m2o"), field("children", "o2m"))
    body = {"collection_many": name, "field_many": "parent", "collection_one": name,
            "field_one": "children"}  # fmt: skip
    await workshop.ok("POST", "/relations?foreign_key=cascade", body)
    tree: Item = {"children": [{"children": [{}]}, {}]}
    await workshop.ok("POST", f"/items/{name}", tree)
    assert [one["parent"] for one in await workshop.items(name)] == [None, 1, 1, 2]
    await workshop.ok("DELETE", f"/items/{name}/1")
    assert await workshop.items(name) == []
    await workshop.ok("DELETE", f"/collections/{name}")
    assert await workshop.get(f"/relations?filter[collection_many]={name}") == []


async def test_keys_of_every_kind_are_referred_to(workshop: Workshop) -> None:
    for key, value in (
        (field("id", "uuid", primary_key=True), "11111111-1111-4111-8111-111111111111"),
        (field("id", "string", "VARCHAR", 40, primary_key=True), "a/b ü"),
        (field("id", "integer", "BIGINT", primary_key=True), 2**53 + 1),
    ):
        one = await workshop.make(text("name"), field("things", "o2m"), key=key)
        told = await workshop.field(one, "id")
        same = {"datatype": told["datatype"], "length": told["length"]}
        kind: Item = {"datatype": "UUID"} if key["type"] == "uuid" else same
        many = await workshop.make({"field": "one", "type": "m2o", **kind})
        body = {"collection_many": many, "field_many": "one", "collection_one": one,
                "field_one": "things"}  # fmt: skip
        await workshop.ok("POST", "/relations?foreign_key=cascade", body)
        await workshop.ok("POST", f"/items/{one}", {"id": value, "name": "x", "things": [{}]})
        assert await workshop.items(many, "fields=one.*") == [{"one": {"id": value, "name": "x"}}]
        await workshop.refused((12, 422), "POST", f"/items/{many}", {"one": "nope"})


UUIDS = [f"6f9619ff-8b86-4011-b42d-00c04fc964f{place}" for place in range(2)]
MIXED: list[tuple[str, Item, Item, list[Any]]] = [
    ("a UUID in a text", field("id", "uuid"), field("one", "m2o", "VARCHAR", 36), UUIDS),
    ("… of fixed length", field("id", "uuid"), field("one", "m2o", "CHAR", 36), UUIDS),
    ("a number in a text", field("id", "integer"), field("one", "m2o", "VARCHAR", 20), [7, 8]),
    ("a text in a number", text("id"), field("one", "m2o", "INT"), ["7", "8"]),
    ("a great number in a small one", field("id", "integer", "BIGINT"),
     field("one", "m2o", "DECIMAL", "20,0"), [7, 8]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "link", "keys"), [case[1:] for case in MIXED], ids=[case[0] for case in MIXED]
)
async def test_a_key_is_held_by_a_column_of_another_kind(
    workshop: Workshop, key: Item, link: Item, keys: list[Any]
) -> None:
    ones = await workshop.make(
        text("name"), field("things", "o2m"), key={**key, "primary_key": True}
    )
    many = await workshop.make(text("label"), link)
    await workshop.relate(many, "one", ones, "things")
    await workshop.ok("POST", f"/items/{ones}", {"id": keys[0], "name": "Ann"})
    body = {"label": "south", "one": {"id": keys[1], "name": "Bob"}}
    assert await workshop.ok("POST", f"/items/{many}?fields=one.name", body) == {
        "one": {"name": "Bob"}
    }
    nested = {"things": [{"label": "north"}, {"label": "west"}]}
    assert await workshop.ok(
        "PATCH", f"/items/{ones}/{keys[0]}?fields=name,things.label", nested
    ) == {"name": "Ann", "things": [{"label": "north"}, {"label": "west"}]}
    # Nothing else that such a column holds is a key, and nothing breaks over it.
    await workshop.ok("POST", f"/items/{many}", [{"label": "none"}, {"label": "far", "one": "999"}])
    shown = await workshop.items(many, "fields=label,one.name&sort=id")
    assert [(item["label"], item["one"] and item["one"]["name"]) for item in shown] == [
        ("south", "Bob"), ("north", "Ann"), ("west", "Ann"), ("none", None), ("far", None),
    ]  # fmt: skip
    lists = await workshop.items(ones, "fields=name,things.label&sort=name")
    assert lists == [
        {"name": "Ann", "things": [{"label": "north"}, {"label": "west"}]},
        {"name": "Bob", "things": [{"label": "south"}]},
    ]
    for query, labels in (
        ("filter[one.name]=Ann", ["north", "west"]), ("q=Bob", ["south"]),
        ("filter[one][contains]=ann", ["north", "west"]), (f"filter[one]={keys[1]}", ["south"]),
    ):  # fmt: skip
        found = await workshop.items(many, f"fields=label&sort=id&{query}")
        assert [item["label"] for item in found] == labels, query
    for query, names in (
        ("filter[things.label]=south", ["Bob"]), ("filter[things][has]=2", ["Ann"]),
        ("filter[things][empty]=1", []), ("q=west", ["Ann"]),
        ("filter[things][contains]=nor", ["Ann"]),
    ):  # fmt: skip
        found = await workshop.items(ones, f"fields=name&sort=name&{query}")
        assert [item["name"] for item in found] == names, query
    limited = await workshop.items(
        ones, "fields=things.label&sort=name&deep[things][limit]=1&deep[things][sort]=-label"
    )
    assert limited == [{"things": [{"label": "west"}]}, {"things": [{"label": "south"}]}]


async def test_a_text_that_begins_like_a_key_is_none(workshop: Workshop) -> None:
    ones = await workshop.make(text("name"), field("things", "o2m"))
    many = await workshop.make(text("label"), field("one", "m2o", "VARCHAR", 20))
    await workshop.relate(many, "one", ones, "things")
    await workshop.ok(
        "POST", f"/items/{ones}", [{"id": 0, "name": "Nil"}, {"id": 7, "name": "Ann"}]
    )
    held = ("7", "7b", "b", "7.5", "-0x")
    await workshop.ok("POST", f"/items/{many}", [{"label": one, "one": one} for one in held])
    shown = await workshop.items(many, "fields=label,one.name&sort=id")
    assert [item["label"] for item in shown if item["one"]] == ["7"]
    for query, labels in (("filter[one.name][in]=Ann,Nil", ["7"]), ("q=Nil", [])):
        found = await workshop.items(many, f"fields=label&{query}")
        assert [item["label"] for item in found] == labels, query
    for query, names in (
        ("filter[things.label][in]=7b,b", []), ("filter[things][has]=2", []),
        ("filter[things][nempty]=1", ["Ann"]),
    ):  # fmt: skip
        found = await workshop.items(ones, f"fields=name&{query}")
        assert [item["name"] for item in found] == names, query
