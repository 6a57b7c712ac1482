"""Collections over HTTP: tables made, managed, changed and dropped. Source: schema page §2.1."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.workshop import SYSTEM, Workshop
from tests.scenarios.worlds import KEY, field, status, text, whole

Item = dict[str, Any]
DEFAULTS = {
    "managed": True,
    "hidden": False,
    "single": False,
    "icon": None,
    "note": None,
    "translation": None,
}
MAPPING = {"draft": {"name": "Draft"}, "live": {"name": "Live", "published": True}}


def twice(type: str) -> list[Item]:
    """Two fields of a type that a collection may have once."""
    options = {"status_mapping": MAPPING} if type == "status" else None
    return [KEY, field("one", type, options=options), field("two", type, options=options)]


REFUSED: list[tuple[str, Item, tuple[int, int]]] = [
    ("a name that is null", {"collection": None, "fields": [KEY]}, (4, 422)),
    ("an empty name", {"collection": "", "fields": [KEY]}, (4, 422)),
    ("a name that is no text", {"collection": 7, "fields": [KEY]}, (4, 422)),
    ("a name of 65 characters", {"collection": "x" * 65, "fields": [KEY]}, (4, 422)),
    ("a name with a blank", {"collection": "a b", "fields": [KEY]}, (4, 422)),
    ("a name with SQL", {"collection": 'a"; DROP TABLE x; --', "fields": [KEY]}, (4, 422)),
    ("a name with NUL", {"collection": "a\0b", "fields": [KEY]}, (4, 422)),
    ("a name with an umlaut", {"collection": "ü", "fields": [KEY]}, (4, 422)),
    ("the system's prefix", {"collection": "directus_x", "fields": [KEY]}, (4, 422)),
    ("our prefix", {"collection": "conductus_x", "fields": [KEY]}, (4, 422)),
    ("no fields", {}, (4, 422)),
    ("an empty list of fields", {"fields": []}, (4, 422)),
    ("fields that are no list", {"fields": {"id": KEY}}, (4, 422)),
    ("a field that is no object", {"fields": [KEY, "title"]}, (4, 422)),
    ("no primary key", {"fields": [text("a")]}, (12, 422)),
    (
        "two primary keys",
        {"fields": [KEY, whole("a", primary_key=True)]},
        (12, 422),
    ),
    (
        "two auto increments",
        {"fields": [KEY, whole("a", auto_increment=True)]},
        (12, 422),
    ),
    ("an auto increment beside the key", {"fields": [
        whole("id", primary_key=True), whole("a", auto_increment=True)]}, (12, 422)),
    ("a field twice", {"fields": [KEY, text("a"), whole("a")]}, (12, 422)),
    ("a field without a name", {"fields": [KEY, {"type": "string"}]}, (4, 422)),
    ("a field of a strange name", {"fields": [KEY, text("a b")]}, (4, 422)),
    ("a field without a type", {"fields": [KEY, {"field": "a"}]}, (401, 422)),
    ("a field of an unknown type", {"fields": [KEY, field("a", "nope")]}, (401, 422)),
    ("an unknown datatype", {"fields": [KEY, field("a", "string", "NOPE")]}, (12, 422)),
    ("a missing length", {"fields": [KEY, field("a", "string", "VARCHAR")]}, (402, 422)),
    ("a length too many", {"fields": [KEY, field("a", "string", "TEXT", 5)]}, (403, 422)),
    ("a key that is an alias", {"fields": [field("id", "o2m", primary_key=True)]}, (12, 422)),
    ("a key of text that counts", {"fields": [text("id", primary_key=True, auto_increment=True)]},
     (12, 422)),
    ("a default that does not fit", {"fields": [KEY, whole("a", default_value="x")]}, (12, 422)),
    *((f"two fields of type {type}", {"fields": twice(type)}, (4, 422)) for type in (
        "status", "sort", "lang", "owner", "user_updated", "datetime_created",
        "datetime_updated")),
]  # fmt: skip


@pytest.mark.parametrize(("says", "body", "error"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_what_is_refused_leaves_no_table(
    workshop: Workshop, says: str, body: Item, error: tuple[int, int]
) -> None:
    name = workshop.name()
    await workshop.refused(error, "POST", "/collections", {"collection": name, **body})
    await workshop.refused((203, 404), "GET", f"/collections/{name}")
    assert not await workshop.exists(name)


ORDER: list[tuple[str, Item, tuple[int, int]]] = [
    ("the name before the fields", {"collection": "a b", "fields": []}, (4, 422)),
    ("the list before the key", {"fields": []}, (4, 422)),
    ("the key before names", {"fields": [text("a"), text("a")]}, (12, 422)),
    ("names before types", {"fields": [KEY, text("a"), field("a", "nope")]}, (12, 422)),
    ("doubles before each field", {"fields": [*twice("sort"), field("x", "nope")]}, (4, 422)),
]


@pytest.mark.parametrize(("says", "body", "error"), ORDER, ids=[row[0] for row in ORDER])
async def test_rules_are_asked_in_their_order(
    workshop: Workshop, says: str, body: Item, error: tuple[int, int]
) -> None:
    body = {"collection": workshop.name(), **body}
    await workshop.refused(error, "POST", "/collections", body)


async def test_what_is_wrong_with_the_answer_is_said_before_anything_is_changed(
    workshop: Workshop,
) -> None:
    name, made = workshop.name(), await workshop.make(text("title"))
    before = [await workshop.get(f"/collections/{made}"), await workshop.get(f"/fields/{made}")]
    for method, path, body in (
        ("POST", "/collections", {"collection": name, "fields": [KEY]}),
        ("PATCH", f"/collections/{made}", {"note": "x"}),
        ("POST", f"/fields/{made}", text("more")),
        ("PATCH", f"/fields/{made}/title", {"note": "x"}),
        ("PATCH", f"/fields/{made}", [{"field": "title", "note": "x"}]),
    ):
        await workshop.refused((202, 422), method, f"{path}?fields=nope", body)
    assert not await workshop.exists(name)
    after = [await workshop.get(f"/collections/{made}"), await workshop.get(f"/fields/{made}")]
    assert after == before


async def test_a_new_collection_is_answered_without_its_fields(workshop: Workshop) -> None:
    name = workshop.name()
    body = {"collection": name, "fields": [KEY, text("title")]}
    assert await workshop.ok("POST", "/collections", body) == {"collection": name, **DEFAULTS}
    found = await workshop.get(f"/collections/{name}")
    assert list(found["fields"]) == ["id", "title"]
    assert found["fields"]["title"] == await workshop.field(name, "title")
    assert await workshop.items(name) == []
    await workshop.refused((307, 422), "POST", "/collections", body)
    await workshop.refused((307, 422), "POST", "/collections", {**body, "fields": []})


async def test_names_may_have_64_letters_digits_lines_and_hyphens(workshop: Workshop) -> None:
    name = workshop.name("A-b_9").ljust(63 if workshop.driver == "postgresql" else 64, "x")
    await workshop.ok("POST", "/collections", {"collection": name, "fields": [KEY, text("x-Y_1")]})
    await workshop.ok("POST", f"/items/{name}", {"x-Y_1": "v"})
    assert await workshop.items(name, "filter[x-Y_1]=v") == [{"id": 1, "x-Y_1": "v"}]
    await workshop.ok("DELETE", f"/collections/{name}")


async def test_names_that_differ_by_case_alone_are_taken(workshop: Workshop) -> None:
    name = await workshop.make(text("Title"), whole("b"))
    before = await workshop.structure()
    twin = {"collection": name.upper(), "fields": [KEY]}
    await workshop.refused((307, 422), "POST", "/collections", twin)
    await workshop.refused((308, 422), "POST", f"/fields/{name}", text("title"))
    await workshop.refused((308, 422), "PATCH", f"/fields/{name}/b", {"rename_to": "TITLE"})
    twice = {"collection": workshop.name(), "fields": [KEY, text("a"), text("A")]}
    await workshop.refused((12, 422), "POST", "/collections", twice)
    assert await workshop.structure() == before
    await workshop.ok("PATCH", f"/fields/{name}/Title", {"rename_to": "title"})
    assert await workshop.fields(name) == ["id", "title", "b"]
    await workshop.refused((200, 404), "GET", f"/items/{name.title()}")


async def test_what_is_said_of_a_collection(workshop: Workshop) -> None:
    said: Item = {
        "hidden": True,
        "single": True,
        "icon": "box",
        "note": "Ünïcode 💡",
        "translation": [{"locale": "nl-NL", "translation": "Dingen"}],
    }
    name = await workshop.make(text("a"), **said)
    found = await workshop.get(f"/collections/{name}")
    assert {key: found[key] for key in said} == said
    changed = {**said, "hidden": False, "icon": None, "translation": {"locale": "older form"}}
    answer = await workshop.ok("PATCH", f"/collections/{name}", {**changed, "collection": "other"})
    assert {key: answer[key] for key in ("collection", *said)} == {"collection": name, **changed}
    assert list(answer["fields"]) == ["id", "a"]
    for wrong in ({"note": 5}, {"hidden": "maybe"}, {"icon": "x" * 31}, {"translation": "{"}):
        await workshop.refused((4, 422), "PATCH", f"/collections/{name}", wrong)


async def test_patch_adds_and_changes_fields(workshop: Workshop) -> None:
    name = await workshop.make(text("a"))
    await workshop.ok("POST", f"/items/{name}", {"a": "kept"})
    listed = [{"field": "a", "note": "changed", "length": 50}, whole("b", default_value=3)]
    await workshop.ok("PATCH", f"/collections/{name}", {"fields": listed})
    assert await workshop.items(name) == [{"id": 1, "a": "kept", "b": 3}]
    found = await workshop.field(name, "a")
    assert (found["note"], found["length"], found["type"]) == ("changed", "50", "string")
    before = await workshop.structure()
    broken = [whole("c"), {"field": "a", "length": 2}]
    await workshop.refused((12, 422), "PATCH", f"/collections/{name}", {"fields": broken})
    doubled = [whole("c", "sort"), whole("d", "sort")]
    await workshop.refused((4, 422), "PATCH", f"/collections/{name}", {"fields": doubled})
    assert await workshop.structure() == before


async def test_several_and_unknown_ones(workshop: Workshop) -> None:
    one, two = await workshop.make(), await workshop.make()
    found = await workshop.get(f"/collections/{two},{one},nope")
    assert [each["collection"] for each in found] == [two, one]
    await workshop.refused((203, 404), "GET", "/collections/nope")
    await workshop.refused((200, 404), "PATCH", "/collections/nope", {"note": "x"})
    await workshop.refused((200, 404), "DELETE", "/collections/nope")
    await workshop.refused((13, 400), "PATCH", f"/collections/{one}", content=b"")


async def test_the_list_is_never_paged(workshop: Workshop) -> None:
    name = await workshop.make(text("a"), note="find me")
    every = await workshop.get("/collections?limit=1&offset=3&sort=collection")
    names = [one["collection"] for one in every]
    assert {name, "directus_users", "directus_files", "directus_activity"} <= set(names)
    assert "conductus_state" not in names
    assert all(one["managed"] for one in every if one["collection"].startswith("directus_"))
    short = await workshop.get("/collections?fields=collection,note")
    assert {"collection": name, "note": "find me"} in short
    answer = await workshop.world.ask("GET", "/collections?meta=*&fields=collection")
    meta = answer.json()["meta"]
    assert meta["result_count"] == meta["total_count"] == len(names)
    assert (meta["collection"], meta["type"]) == ("directus_collections", "collection")
    assert (await workshop.get(f"/collections/{name}?fields=note")) == {"note": "find me"}
    await workshop.refused((202, 422), "GET", "/collections?fields=nope")


async def test_a_dropped_collection_takes_its_traces_along(workshop: Workshop) -> None:
    one = await workshop.make(text("name"), field("things", "o2m"))
    many = await workshop.make(whole("one", "m2o"))
    await workshop.relate(many, "one", one, "things")
    await workshop.ok("POST", f"/items/{one}", {"name": "x", "things": [{}]})
    await workshop.ok("POST", "/permissions", {"collection": many, "role": 2, "read": "full"})
    await workshop.ok("POST", "/collection_presets", {"collection": many, "title": "mine"})
    assert await workshop.ok("DELETE", f"/collections/{many}") is None
    assert not await workshop.exists(many)
    assert await workshop.fields(one) == ["id", "name"]
    for path in ("relations?filter[collection_many]", "permissions?filter[collection]",
                 "collection_presets?filter[collection]"):  # fmt: skip
        assert await workshop.get(f"/{path}={many}") == []
    await workshop.refused((200, 404), "GET", f"/items/{many}")
    assert await workshop.deeds(many) == [("create", "1")]
    assert len(await workshop.revisions(many)) == 1
    assert await workshop.get(f"/items/{one}/1?fields=*.*") == {"id": 1, "name": "x"}
    # The name is free again, and nothing of the old table is left.
    await workshop.ok("POST", "/collections", {"collection": many, "fields": [KEY]})
    assert await workshop.items(many) == []


async def test_dropping_the_one_side_leaves_the_keys(workshop: Workshop) -> None:
    one = await workshop.make(text("name"), field("things", "o2m"))
    many = await workshop.make(whole("one", "m2o"))
    await workshop.relate(many, "one", one, "things")
    await workshop.ok("POST", f"/items/{one}", {"things": [{}]})
    await workshop.ok("DELETE", f"/collections/{one}")
    assert await workshop.get(f"/relations?filter[collection_one]={one}") == []
    assert await workshop.items(many) == [{"id": 1, "one": 1}]


@pytest.mark.parametrize("name", [*SYSTEM, "directus_users", "directus_files"])
async def test_system_collections_stand(workshop: Workshop, name: str) -> None:
    await workshop.refused((201, 401), "DELETE", f"/collections/{name}")
    if name in SYSTEM:
        change = {"fields": [text("more")]}
        await workshop.refused((201, 401), "PATCH", f"/collections/{name}", change)
        await workshop.refused((201, 401), "POST", f"/fields/{name}", text("more"))
    else:
        own = workshop.name("own")
        await workshop.ok("POST", f"/fields/{name}", text(own))
        assert own in await workshop.fields(name)
        await workshop.ok("DELETE", f"/fields/{name}/{own}")
        assert own not in await workshop.fields(name)


async def test_an_unmanaged_table_becomes_managed_by_post(workshop: Workshop) -> None:
    name, other = workshop.name("old"), workshop.name("older")
    await workshop.behind_our_back(
        f"CREATE TABLE {other} (id INTEGER PRIMARY KEY, label VARCHAR(20))",
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, title VARCHAR(20) NOT NULL, amount INTEGER,"
        f" other INTEGER, FOREIGN KEY (other) REFERENCES {other} (id))",
        f"INSERT INTO {other} VALUES (1, 'o')",
        f"INSERT INTO {name} VALUES (1, 'kept', 5, 1)",
    )
    found = await workshop.get(f"/collections/{name}")
    assert (found["managed"], found["hidden"]) == (False, False)
    assert {one["field"]: (one["type"], one["id"]) for one in found["fields"].values()} == {
        "id": ("integer", None),
        "title": ("string", None),
        "amount": ("integer", None),
        "other": ("integer", None),
    }
    assert (await workshop.items(name))[0]["title"] == "kept"
    await workshop.refused((200, 404), "POST", f"/items/{name}", {"id": 2, "title": "x"})
    await workshop.refused((205, 404), "PATCH", f"/collections/{name}", {"note": "x"})
    await workshop.refused((205, 404), "DELETE", f"/collections/{name}")
    await workshop.refused((205, 404), "POST", f"/fields/{name}", text("more"))
    listed = [{"field": "title", "type": "string", "note": "Theirs"}, text("added")]
    body = {"collection": name, "note": "n", "fields": listed}
    await workshop.ok("POST", "/collections", body)
    found = await workshop.get(f"/collections/{name}")
    assert (found["managed"], found["note"]) == (True, "n")
    assert set(found["fields"]) == {"id", "title", "amount", "other", "added"}
    assert found["fields"]["title"]["note"] == "Theirs"
    assert found["fields"]["other"]["type"] == "m2o"
    (item,) = await workshop.items(name, "fields=*,other.*")
    assert item == {
        "id": 1,
        "title": "kept",
        "amount": 5,
        "other": {"id": 1, "label": "o"},
        "added": None,
    }
    await workshop.ok("PATCH", f"/items/{name}/1", {"added": "new"})


async def test_an_unmanaged_table_becomes_managed_by_patch(workshop: Workshop) -> None:
    name = workshop.name("old")
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, title VARCHAR(20))",
        f"INSERT INTO {name} VALUES (1, 'kept')",
    )
    await workshop.refused((205, 404), "PATCH", f"/collections/{name}", {"managed": False})
    found = await workshop.ok("PATCH", f"/collections/{name}", {"managed": True, "icon": "box"})
    assert (found["managed"], found["icon"]) == (True, "box")
    await workshop.ok("PATCH", f"/items/{name}/1", {"title": "changed"})
    assert await workshop.items(name) == [{"id": 1, "title": "changed"}]
    # Given up again it is listed, and nothing is written to it.
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": False})
    assert (await workshop.get(f"/collections/{name}"))["managed"] is False
    await workshop.refused((200, 404), "PATCH", f"/items/{name}/1", {"title": "x"})


async def test_a_failing_field_leaves_no_table(workshop: Workshop) -> None:
    """Some databases tell only when they are asked to make it."""
    long = field("long", "string", "TEXT", unique=True)
    wide = [field(f"f{n}", "string", "VARCHAR", 16000) for n in range(10)]
    for fields in ([long], wide, [text("a", default_value="x" * 300)]):
        name = workshop.name()
        before = await workshop.structure()
        body = {"collection": name, "fields": [KEY, *fields]}
        answer = await workshop.world.ask("POST", "/collections", json=body)
        if answer.status_code != 200:
            assert (answer.json()["error"]["code"], answer.status_code) == (12, 422), answer.text
            assert await workshop.structure() == before
        else:
            await workshop.ok("DELETE", f"/collections/{name}")


async def test_what_the_admin_app_does(workshop: Workshop) -> None:
    """A collection with the usual fields in one POST, a many-to-many through a hidden junction."""
    articles = await workshop.make(
        status(MAPPING, default_value="draft"),
        whole("sort", "sort", hidden_detail=True),
        whole("owner", "owner", readonly=True),
        field("created_on", "datetime_created", "DATETIME"),
        whole("modified_by", "user_updated"),
        field("modified_on", "datetime_updated", "DATETIME"),
        word="articles",
    )
    tags = await workshop.make(text("name"), word="tags")
    alias = field("tags", "o2m", interface="many-to-many")
    made = await workshop.ok("POST", f"/fields/{articles}", alias)
    assert (made["type"], made["datatype"], made["length"]) == ("o2m", None, None)
    junction = await workshop.make(
        whole("article", "m2o"), whole("tag", "m2o"), word="junction", hidden=True
    )
    relations = [
        {"collection_many": junction, "field_many": "article", "collection_one": articles,
         "field_one": "tags", "junction_field": "tag"},
        {"collection_many": junction, "field_many": "tag", "collection_one": tags,
         "junction_field": "article"},
    ]  # fmt: skip
    rows = await workshop.ok("POST", "/relations", relations)
    assert [row["field_one"] for row in rows] == ["tags", None]
    item = {"tags": [{"tag": {"name": "red"}}, {"tag": {"name": "blue"}}]}
    item = await workshop.ok("POST", f"/items/{articles}?fields=*.*.*", item)
    assert [row["tag"]["name"] for row in item["tags"]] == ["red", "blue"]
    assert (item["status"], item["owner"]["id"], item["sort"]) == ("draft", 1, None)
    order = ["tags", "modified_on", "id", "status", "sort", "owner", "created_on", "modified_by"]
    placed = [{"field": name, "sort": place} for place, name in enumerate(order, 1)]
    answer = await workshop.ok("PATCH", f"/fields/{articles}", placed)
    assert [one["sort"] for one in answer] == list(range(1, 9))
    assert await workshop.fields(articles) == order
    by_sort = await workshop.get(f"/fields/{articles}?sort=sort")
    assert [one["field"] for one in by_sort] == order
    every = await workshop.get("/fields?limit=-1&sort=sort")
    assert {articles, tags, junction} <= {one["collection"] for one in every}
    assert len(await workshop.get("/fields?limit=5")) == 5
    for path in ("/collections?limit=-1&sort=collection", "/relations?limit=-1", "/permissions/me"):
        answer = await workshop.world.ask("GET", path)
        assert answer.status_code == 200 or "permissions" in path, answer.text


async def test_the_public_learns_nothing(workshop: Workshop) -> None:
    name = await workshop.make(text("a"))
    for method, path, body in (
        ("GET", "/collections", None),
        ("GET", f"/collections/{name}", None),
        ("POST", "/collections", {"collection": "x", "fields": []}),
        ("PATCH", f"/collections/{name}", {"nonsense": 1}),
        ("DELETE", f"/collections/{name}", None),
        ("GET", "/fields", None),
        ("GET", f"/fields/{name}", None),
        ("POST", f"/fields/{name}", text("b")),
        ("PATCH", f"/fields/{name}/a", {"note": "x"}),
        ("DELETE", f"/fields/{name}/a", None),
        ("POST", "/relations", {"collection_many": "x"}),
    ):
        answer = await workshop.world.client.request(method, f"/main{path}", json=body)
        assert (answer.json()["error"]["code"], answer.status_code) == (3, 401), (path, answer.text)
    assert await workshop.fields(name) == ["id", "a"]
