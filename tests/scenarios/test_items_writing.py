"""Writing items over HTTP: what is created, changed and deleted, and what is refused.

Source: items page §2, §4 and §9. Values type by type: `test_types`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scenarios.shop import Live
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, status, text, whole

Item = dict[str, Any]
STATUSES = {
    "published": {"name": "Published", "published": True},
    "draft": {"name": "Draft", "required_fields": False},
    "deleted": {"name": "Deleted", "soft_delete": True},
}


@pytest.fixture(scope="module")
async def articles(workshop: Workshop) -> str:
    """A collection with every rule there is; tests leave each other's items alone."""
    return await workshop.make(
        status(STATUSES, default_value="published"),
        text("title", required=True),
        text("code", unique=True),
        text("slug", "slug", options={"mirroredField": "title"}),
        text("loud", "slug", options={"mirroredField": "title", "forceLowercase": False}),
        text("mail", validation="/^[^@ ]+@[^@ ]+$/i"),
        whole("views", default_value=7),
        whole("owner", "owner"),
        whole("editor", "user_updated"),
        field("made_on", "datetime_created", "DATETIME"),
        field("changed_on", "datetime_updated", "DATETIME"),
        field("pin", "hash", "VARCHAR", 255),
        field("note", "alias"),
        word="articles",
    )


async def traces(workshop: Workshop, name: str) -> tuple[Any, ...]:
    """Everything that a write of items leaves."""
    items = await workshop.items(name, "limit=-1&status=*")
    return items, await workshop.deeds(name), await workshop.revisions(name)


REFUSED: list[tuple[str, Any, tuple[int, int]]] = [
    ("an unknown field", {"title": "x", "nope": 1}, (12, 422)),
    ("a field of another case", {"Title": "x"}, (12, 422)),
    ("SQL for a field", {"title": "x", 'a") VALUES (1); --': 1}, (12, 422)),
    ("a required field missing", {"views": 1}, (4, 422)),
    ("a required field null", {"title": None}, (4, 422)),
    ("a required field empty", {"title": ""}, (4, 422)),
    ("an unknown status", {"title": "x", "status": "nope"}, (12, 422)),
    ("text that does not match", {"title": "x", "mail": "nobody"}, (4, 422)),
    ("a text that is too long", {"title": "x" * 201}, (12, 422)),
    ("a text that is a list", {"title": ["x"]}, (213, 422)),
    ("a number that is none", {"title": "x", "views": "many"}, (12, 422)),
    ("a number that is an object", {"title": "x", "views": {"a": 1}}, (213, 422)),
    ("half a letter", b'{"title": "\\ud800"}', (13, 400)),
    ("NUL", {"title": "a\0b"}, (4, 422)),
    ("nothing", b"", (13, 400)),
    ("no JSON", b"{", (13, 400)),
    ("a text", b'"x"', (13, 400)),
    ("a number", b"5", (13, 400)),
    ("null", b"null", (13, 400)),
    ("an empty list", [], (13, 400)),
    ("a list of texts", ["x"], (13, 400)),
    ("a list in a list", [[{"title": "x"}]], (13, 400)),
    ("no UTF-8", b'{"title": "\xff"}', (13, 400)),
    ("NaN", b'{"views": NaN}', (13, 400)),
    ("a number beyond all", b'{"title": "x", "views": 1e400}', (13, 400)),
]


@pytest.mark.parametrize(
    "path", ["/items/articles", "/auth/authenticate", "/users/1/tracking/page"]
)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", ""])
async def test_no_body_is_none_whatever_it_is_called(newsroom: Live, path: str, kind: str) -> None:
    method = "PATCH" if "tracking" in path else "POST"
    answer = await newsroom.ask(method, path, headers={"content-type": kind} if kind else {})
    assert (answer.json()["error"]["code"], answer.status_code) == (13, 400), answer.text


@pytest.mark.parametrize(("says", "body", "error"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_a_create_that_is_refused_leaves_no_trace(
    workshop: Workshop, articles: str, says: str, body: Any, error: tuple[int, int]
) -> None:
    before = await traces(workshop, articles)
    options = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await workshop.world.ask("POST", f"/items/{articles}", **options)
    code = answer.json()["error"]["code"]
    allowed = (
        {error, (12, 422), (4, 422)}
        if says in ("half a letter", "a number beyond all")
        else {error}
    )
    assert (code, answer.status_code) in allowed, answer.text
    if isinstance(body, dict):
        batch = [{"title": "fine"}, body, {"title": "fine too"}]
        told = await workshop.refused(error, "POST", f"/items/{articles}", batch)
        assert told["details"]["index"] == 1
    assert await traces(workshop, articles) == before


async def test_messages_name_every_field(workshop: Workshop, articles: str) -> None:
    body = {"mail": "nobody", "title": None}
    told = await workshop.refused((4, 422), "POST", f"/items/{articles}", body)
    assert set(told["details"]["fields"]) == {"mail", "title"}
    assert "title: This value is required" in told["message"]


async def test_a_new_item_gets_defaults_stamps_and_slugs(workshop: Workshop, articles: str) -> None:
    sent = {
        "title": "Élan Vital & more",
        "owner": 99,
        "editor": 99,
        "made_on": "1999-01-01 00:00:00",
        "changed_on": "1999-01-01 00:00:00",
        "pin": "1234",
        "note": "ignored",
        "$control": "ignored",
    }
    item = await workshop.ok("POST", f"/items/{articles}", sent)
    assert (item["status"], item["views"], item["owner"], item["editor"]) == ("published", 7, 1, 1)
    assert item["slug"] == "elan-vital-more"
    assert item["loud"].lower() == item["slug"]
    assert item["loud"] != item["slug"]
    assert item["made_on"] == item["changed_on"]
    assert item["made_on"] > "2020"
    assert item["made_on"].endswith("+00:00")
    assert item["pin"] == "**********"
    assert "note" not in item
    path = f"/items/{articles}/{item['id']}"
    assert await workshop.get(path) == item
    later = {"title": "Other", "owner": 5, "made_on": "2001-02-03 04:05:06", "editor": 9}
    changed = await workshop.ok("PATCH", path, later)
    assert changed["slug"] == "other"
    assert (changed["owner"], changed["editor"]) == (5, 1)
    assert changed["made_on"] == "2001-02-03T04:05:06+00:00"
    assert changed["changed_on"] >= item["changed_on"]
    kept = await workshop.ok("PATCH", path, {"title": "Third", "slug": "own"})
    assert (kept["slug"], kept["loud"].lower()) == ("own", "third")
    assert (await workshop.ok("PATCH", path, {"pin": "**********"}))["pin"] == "**********"
    assert (await workshop.ok("PATCH", path, {"pin": None}))["pin"] is None


async def test_drafts_may_be_incomplete(workshop: Workshop, articles: str) -> None:
    made = await workshop.ok("POST", f"/items/{articles}", {"status": "draft"})
    assert made["title"] in (None, "")
    path = f"/items/{articles}/{made['id']}"
    await workshop.refused((4, 422), "PATCH", path, {"status": "published", "title": None})
    done = await workshop.ok("PATCH", path, {"status": "published", "title": "x"})
    assert done["title"] == "x"


async def test_status_hides_what_is_written(workshop: Workshop, articles: str) -> None:
    made = await workshop.ok("POST", f"/items/{articles}", [{"title": "a"}, {"title": "b"}])
    one, two = (item["id"] for item in made)
    path = f"/items/{articles}"
    assert await workshop.ok("PATCH", f"{path}/{one}", {"status": "deleted"}) is None
    await workshop.refused((203, 404), "GET", f"{path}/{one}")
    assert (await workshop.get(f"{path}/{one}?status=*"))["status"] == "deleted"
    batch = [{"id": one, "status": "draft"}, {"id": two, "status": "deleted"}]
    assert [item["id"] for item in await workshop.ok("PATCH", path, batch)] == [one]
    deeds = [deed for deed in await workshop.deeds(articles) if deed[1] in (str(one), str(two))]
    assert deeds == [
        ("create", str(one)),
        ("create", str(two)),
        ("soft-delete", str(one)),
        ("update", str(one)),
        ("soft-delete", str(two)),
    ]
    # What is made in a status that hides it is made, and not in the list.
    new = [{"title": "c", "status": "deleted"}, {"title": "d"}]
    assert [item["title"] for item in await workshop.ok("POST", path, new)] == ["d"]
    found = await workshop.get(f"{path}?filter[title]=c&status=deleted")
    assert [item["status"] for item in found] == ["deleted"]
    # Deleting is for good, status or not.
    await workshop.ok("DELETE", f"{path}/{one}")
    await workshop.refused((203, 404), "GET", f"{path}/{one}?status=*")


async def test_unique_values(workshop: Workshop, articles: str) -> None:
    path = f"/items/{articles}"
    code = workshop.name("code")
    made = await workshop.ok("POST", path, {"title": "x", "code": code})
    before = await traces(workshop, articles)
    body = {"title": "x", "code": code}
    told = await workshop.refused((204, 409), "POST", path, body)
    assert told["details"]["fields"] == ["code"]
    told = await workshop.refused((204, 409), "POST", path, [{"title": "fine"}, body])
    assert told["details"]["index"] == 1
    twice = [{"title": "x", "code": "new"}, {"title": "y", "code": "new"}]
    await workshop.refused((204, 409), "POST", path, twice)
    await workshop.refused((204, 409), "POST", path, {"title": "x", "id": made["id"]})
    assert await traces(workshop, articles) == before
    await workshop.ok("PATCH", f"{path}/{made['id']}", {"code": code})


async def test_updates_of_one_several_and_a_list(workshop: Workshop) -> None:
    name = await workshop.make(text("a"), whole("n"))
    path = f"/items/{name}"
    await workshop.ok("POST", path, [{"a": str(n)} for n in range(4)])
    assert await workshop.ok("PATCH", f"{path}/1", {"n": 1}) == {"id": 1, "a": "0", "n": 1}
    several = await workshop.ok("PATCH", f"{path}/3,2", {"n": 5})
    assert {item["id"]: item["n"] for item in several} == {2: 5, 3: 5}
    listed = [{"id": 4, "a": "d"}, {"id": "1", "n": None}]
    assert await workshop.ok("PATCH", path, listed) == [
        {"id": 4, "a": "d", "n": None},
        {"id": 1, "a": "0", "n": None},
    ]
    before = await traces(workshop, name)
    assert (await workshop.ok("PATCH", f"{path}/1", {}))["id"] == 1
    assert await traces(workshop, name) == before
    for keys, body, error in (
        ("/99", {"n": 1}, (203, 404)),
        ("/99", {}, (203, 404)),
        ("/abc", {"n": 1}, (203, 404)),
        ("/1,99", {"n": 1}, (203, 404)),
        ("/1", {"id": 2}, (12, 422)),
        ("/1", [{"n": 1}], (12, 422)),
        ("", {"n": 1}, (4, 422)),
        ("", [{"n": 1}], (12, 422)),
        ("", [{"id": 1, "n": 2}, {"n": 1}], (12, 422)),
        ("", [{"id": 1, "n": 2}, {"id": 99, "n": 1}], (203, 404)),
        ("", [{"id": 1, "n": 2}, {"id": 2, "n": "x"}], (12, 422)),
    ):
        told = await workshop.refused(error, "PATCH", f"{path}{keys}", body)
        if isinstance(body, list) and len(body) == 2:
            assert told["details"]["index"] == 1
    assert await traces(workshop, name) == before


async def test_deletes(workshop: Workshop) -> None:
    name = await workshop.make(text("a"))
    path = f"/items/{name}"
    await workshop.ok("POST", path, [{"a": str(n)} for n in range(5)])
    before = await traces(workshop, name)
    told = await workshop.refused((203, 404), "DELETE", f"{path}/1,99,2")
    assert told["details"]["index"] == 1
    await workshop.refused((203, 404), "DELETE", f"{path}/abc")
    assert await traces(workshop, name) == before
    assert await workshop.ok("DELETE", f"{path}/2") is None
    assert await workshop.ok("DELETE", f"{path}/5,1,5") is None
    await workshop.refused((203, 404), "DELETE", f"{path}/2")
    assert [item["id"] for item in await workshop.items(name)] == [3, 4]
    deeds = (await workshop.deeds(name))[5:]
    assert sorted(deeds) == [("delete", "1"), ("delete", "2"), ("delete", "5")]
    # Ids are not given again, and deletes leave no revision.
    assert (await workshop.ok("POST", path, {}))["id"] == 6
    assert len(await workshop.revisions(name)) == 6


async def test_fields_and_meta_shape_the_answer(workshop: Workshop, articles: str) -> None:
    path = f"/items/{articles}?fields=title&meta=*"
    answer = await workshop.world.ask("POST", path, json={"title": "x"})
    assert answer.json()["data"] == {"title": "x"}
    assert answer.json()["meta"] == {"collection": articles, "type": "item"}
    answer = await workshop.world.ask("POST", path, json=[{"title": "x"}, {"title": "y"}])
    assert answer.json()["data"] == [{"title": "x"}, {"title": "y"}]
    assert answer.json()["meta"]["result_count"] == 2
    before = await traces(workshop, articles)
    nope = f"/items/{articles}?fields=nope"
    await workshop.refused((202, 422), "POST", nope, {"title": "x"})
    assert await traces(workshop, articles) == before


async def test_the_public_and_system_collections(workshop: Workshop, articles: str) -> None:
    before = await traces(workshop, articles)
    for method, path, body in (
        ("POST", f"/items/{articles}", {"nope": 1}),
        ("PATCH", f"/items/{articles}/1", {"title": "x"}),
        ("DELETE", f"/items/{articles}/1", None),
    ):
        answer = await workshop.world.client.request(method, f"/main{path}", json=body)
        assert (answer.json()["error"]["code"], answer.status_code) == (3, 401), answer.text
    assert await traces(workshop, articles) == before
    for method in ("POST", "PATCH"):
        await workshop.refused((201, 401), method, "/items/directus_roles", {"name": "x"})
        await workshop.refused((200, 404), method, "/items/nope", {"name": "x"})
    await workshop.refused((201, 401), "DELETE", "/items/directus_users/1")
    await workshop.refused((200, 404), "DELETE", "/items/nope/1")
    await workshop.refused((6, 405), "PUT", f"/items/{articles}", {"title": "x"})


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "t": TEXTS,
        "n": st.integers(-(2**63), 2**63 - 1),
        "f": st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, width=32),
        "b": st.booleans(),
        "d": st.dates().map(str),
        "m": st.datetimes()
        .map(lambda at: f"{at.replace(microsecond=0):%H:%M:%S}")
        .map(lambda clock: f"2031-02-03 {clock}"),
        "j": st.recursive(
            st.none() | st.booleans() | TEXTS | st.integers(-(2**53), 2**53),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
            max_leaves=5,
        ),
    },
)


@pytest.fixture(scope="module")
async def anything(workshop: Workshop) -> str:
    """A field of each kind that random values are written to."""
    return await workshop.make(
        field("t", "string", "VARCHAR", 200),
        field("n", "integer", "BIGINT"),
        field("f", "decimal", "DOUBLE"),
        field("b", "boolean"),
        field("d", "date"),
        field("m", "datetime"),
        field("j", "json"),
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=VALUES, second=VALUES)
async def test_what_is_written_is_what_is_read(
    workshop: Workshop, anything: str, first: Item, second: Item
) -> None:
    path = f"/items/{anything}"
    made = await workshop.ok("POST", path, first)
    assert {name: made[name] for name in first} == first
    both = {**first, **second}
    changed = await workshop.ok("PATCH", f"{path}/{made['id']}", second)
    assert {name: changed[name] for name in both} == both
    assert await workshop.get(f"{path}/{made['id']}") == changed
    oldest = await workshop.get(f"{path}/{made['id']}/revisions/0")
    back = await workshop.ok("PATCH", f"{path}/{made['id']}/revert/{oldest['id']}")
    assert back == made
    await workshop.ok("DELETE", f"{path}/{made['id']}")
