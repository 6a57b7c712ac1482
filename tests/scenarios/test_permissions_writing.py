"""Writing by the rows of one's role. Source: permissions page §3.3 to §8, security page
("Writing what one may not").

The matrix is told by owner, level and asker; what is not in a table is a sentence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.databases import DRIVERS
from tests.scenarios.office import COLLECTIONS, Office, office
from tests.scenarios.worlds import KEY, Item, done, field, relation, whole

ASKERS = (None, "ann", "ben", "cid", "admin")
"""Nobody; the owner; one of the same role; one of another; the administrator."""
OK = 0
REACHED: dict[str, tuple[bool, ...]] = {
    "none": (False, False, False, False, True),
    "mine": (False, True, False, False, True),
    "role": (False, True, True, False, True),
    "full": (True, True, True, True, True),
}
"""Level → which askers it lets at the owner's item, where items have owners."""
FULL = dict.fromkeys(("create", "read", "update", "delete"), "full")
COMMENT = "/activity/comment"


@pytest.fixture(scope="module", params=DRIVERS)
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """One office on each database."""
    async with office(request.param, tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture
async def here(shared: Office) -> AsyncIterator[Office]:
    """The office, where no role has any row yet."""
    yield shared
    await shared.withdraw()


async def thing(here: Office, collection: str, stage: str = "draft", owner: str = "ann") -> int:
    """A new item of somebody."""
    with_owner, with_status = COLLECTIONS[collection]
    body: Item = {"name": "thing", "secret": "s"} | ({"status": stage} if with_status else {})
    id: int = (await done(here.world, f"/items/{collection}?status=*", [body]))[0]["id"]
    if with_owner:
        path = f"/items/{collection}/{id}?status=*"
        owned = await here.world.ask("PATCH", path, json={"owner": here.people[owner]})
        assert owned.status_code == 200, owned.text
    return id


async def told(here: Office, asker: str | None, method: str, path: str, body: Any = None) -> int:
    """The code of the error, or OK."""
    answer = await here.ask(asker, method, path, body)
    if answer.status_code < 300:
        return OK
    error: int = answer.json()["error"]["code"]
    assert answer.status_code == {3: 401, 203: 404, 4: 422, 12: 422, 207: 404}.get(error, 403)
    return error


async def found(here: Office, collection: str, id: int) -> Item | None:
    """The item as it is."""
    answer = await here.world.ask("GET", f"/items/{collection}/{id}?status=*")
    return answer.json()["data"] if answer.status_code == 200 else None


def rows(kind: str, collection: str, **levels: Any) -> list[Item]:
    """One row for the whole collection, or one for each of two statuses."""
    if kind == "global":
        return [{"collection": collection, **levels}]
    return [
        {"collection": collection, "status": "draft", **levels},
        {"collection": collection, "status": "published", **FULL},
    ]


KINDS = [
    ("global", "plain"), ("global", "owned"), ("global", "staged"), ("global", "cases"),
    ("workflow", "staged"), ("workflow", "cases"),
]  # fmt: skip


# -- the matrix -------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "collection"), KINDS, ids="-".join)
@pytest.mark.parametrize("action", ["update", "soft-delete", "delete"])
async def test_whose_items_a_level_reaches(
    here: Office, action: str, kind: str, collection: str
) -> None:
    with_owner, with_status = COLLECTIONS[collection]
    if action == "soft-delete" and not with_status:
        action = "delete"
    for level, reaches in REACHED.items():
        await here.grant(*rows(kind, collection, **{action.removeprefix("soft-"): level}))
        for asker, let in zip(ASKERS, reaches, strict=True):
            refusal = 3 if asker is None else 302 if action == "update" else 303
            reached = let and (with_owner or level == "full" or asker == "admin")
            id = await thing(here, collection)
            path, before = f"/items/{collection}/{id}", await found(here, collection, id)
            match action:
                case "update":
                    answer = await told(here, asker, "PATCH", path, {"name": "new"})
                case "soft-delete":
                    answer = await told(here, asker, "PATCH", path, {"status": "deleted"})
                case _:
                    answer = await told(here, asker, "DELETE", path)
            assert answer == (OK if reached else refusal), (level, asker)
            assert (await found(here, collection, id) == before) is not reached
        await here.withdraw()


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_creating_needs_a_row_that_says_so(here: Office, collection: str) -> None:
    _, with_status = COLLECTIONS[collection]
    body = {"name": "x"} | ({"status": "draft"} if with_status else {})
    for level, answers in {
        None: (3, 301, OK), "none": (3, 301, OK), "full": (OK, OK, OK)
    }.items():  # fmt: skip
        if level is not None:
            await here.grant({"collection": collection, "create": level})
        for asker, expected in zip((None, "ann", "admin"), answers, strict=True):
            count = len(await here.data("admin", f"/items/{collection}?status=*&limit=-1"))
            assert await told(here, asker, "POST", f"/items/{collection}", body) == expected
            after = await here.data("admin", f"/items/{collection}?status=*&limit=-1")
            assert len(after) == count + (expected == OK), (level, asker)
        await here.withdraw()


async def test_a_user_without_a_role_may_nothing(here: Office) -> None:
    user = {"email": "lone@example.org", "password": "correct horse", "status": "active"}
    await done(here.world, "/users", {**user, "role": None, "token": "Token-of-lone"})
    await here.grant({"collection": "plain", **FULL}, roles=[2])
    id = await thing(here, "plain")
    assert await told(here, "lone", "PATCH", f"/items/plain/{id}", {"name": "x"}) == 302
    assert await told(here, "lone", "POST", "/items/plain", {"name": "x"}) == 301
    assert await told(here, "lone", "DELETE", f"/items/plain/{id}") == 303


# -- statuses ---------------------------------------------------------------------------


async def test_the_status_of_a_new_item_decides(here: Office) -> None:
    await here.grant(
        {"collection": "cases", "status": "draft", "create": "full", "read": "full"},
        {"collection": "cases", "status": "published", "create": "none"},
        {"collection": "cases", "status": "$create", "create": "none",
         "write_field_blacklist": ["secret"]},
    )  # fmt: skip
    for body, expected in (
        ({"status": "draft"}, OK),
        ({"status": "published"}, 301),
        ({"status": "deleted"}, 301),
        ({"status": "nonsense"}, 301),
        ({}, 301),
        ({"status": None}, 301),
        ({"status": "draft", "secret": "x"}, 305),
    ):
        assert await told(here, "ann", "POST", "/items/cases", body) == expected, body


async def test_statuses_that_may_not_be_given(here: Office) -> None:
    await here.grant(
        {"collection": "cases", **FULL, "status_blacklist": ["published"]},
        {"collection": "cases", "status": "$create", "status_blacklist": ["draft"]},
    )
    assert await told(here, "ann", "POST", "/items/cases", {"status": "draft"}) == 301
    assert await told(here, "ann", "POST", "/items/cases", {"status": "published"}) == OK
    draft, published = await thing(here, "cases"), await thing(here, "cases", "published")
    body = {"status": "published"}
    assert await told(here, "ann", "PATCH", f"/items/cases/{draft}", body) == 302
    assert await told(here, "ann", "PATCH", f"/items/cases/{published}", body) == OK


async def test_what_is_deleted_is_not_changed(here: Office) -> None:
    await here.grant({"collection": "cases", **FULL})
    id = await thing(here, "cases", "deleted")
    for body in ({"name": "x"}, {"status": "draft"}, {"status": "deleted"}):
        assert await told(here, "ann", "PATCH", f"/items/cases/{id}", body) == 302
    assert await told(here, "admin", "PATCH", f"/items/cases/{id}", {"status": "draft"}) == OK


async def test_what_may_not_be_read_is_not_answered(here: Office) -> None:
    await here.grant({"collection": "owned", **FULL, "read": "none"})
    for body in ({"name": "x"}, [{"name": "x"}]):
        answer = await here.ask("ann", "POST", "/items/owned", body)
        assert (answer.status_code, answer.content) == (204, b"")
    id = await thing(here, "owned")
    assert (await here.ask("ann", "PATCH", f"/items/owned/{id}", {"name": "y"})).status_code == 204
    item = await found(here, "owned", id)
    assert item is not None
    assert item["name"] == "y"


# -- fields -----------------------------------------------------------------------------


async def test_what_is_wrong_with_the_answer_is_said_before_anything_is_written(
    here: Office,
) -> None:
    await here.grant(
        {"collection": "hubs", **FULL},
        {"collection": "plain", **FULL, "comment": "full", "read_field_blacklist": ["secret"]},
    )
    id = await thing(here, "plain")
    note = {"collection": "plain", "item": str(id), "comment": "a"}
    made = await done(here.world, "/activity/comment", note)
    hidden = "fields=plain.*&deep[plain][filter][secret]=x"
    unknown = "fields=nope"
    before = await everything(here, "hubs")
    for method, path, body, expected in (
        ("POST", f"/items/hubs?{hidden}", {"name": "x"}, 215),
        ("POST", f"/items/hubs?{hidden}", [{"name": "x"}], 215),
        ("PATCH", f"/items/hubs/1?{hidden}", {"name": "x"}, 215),
        ("PATCH", f"/items/hubs?{hidden}", [{"id": 1, "name": "x"}], 215),
        ("POST", f"/activity/comment?{unknown}", note, 202),
        ("PATCH", f"/users/me/tracking/page?{unknown}", {"last_page": "/x"}, 202),
    ):
        answer = await here.ask("ann", method, path, body)
        assert answer.json()["error"]["code"] == expected, (path, answer.text)
    path = f"/activity/comment/{made['id']}?{unknown}"
    answer = await here.ask("admin", "PATCH", path, {"comment": "b"})
    assert answer.json()["error"]["code"] == 202
    assert await everything(here, "hubs") == before
    (page,) = await here.data("admin", f"/users?filter[id]={here.people['ann']}&fields=last_page")
    assert page == {"last_page": None}
    kept: tuple[tuple[str, str, Any], ...] = (
        ("PATCH", "/settings/1", {"value": "http://x.example"}),
        ("PATCH", "/settings", [{"id": 1, "value": "http://x.example"}]),
        ("POST", "/settings", {"key": "x", "value": "1"}),
        ("POST", "/relations", relation("hubs", "name", "plain", None)),
    )
    for method, path, changed in kept:
        answer = await here.ask("admin", method, f"{path}?{unknown}", changed)
        assert answer.json()["error"]["code"] == 202, (path, answer.text)
    assert await everything(here, "hubs") == before


async def test_fields_that_may_not_be_written(here: Office) -> None:
    await here.grant({"collection": "owned", **FULL, "write_field_blacklist": ["secret", "id"]})
    await here.grant({"collection": "hubs", **FULL})
    id = await thing(here, "owned")
    for method, path, body in (
        ("POST", "/items/owned", {"secret": "x"}),
        ("POST", "/items/owned", [{"name": "a"}, {"secret": "x"}]),
        ("PATCH", f"/items/owned/{id}", {"secret": "s"}),
        ("PATCH", f"/items/owned/{id},{id}", {"secret": "x"}),
        ("PATCH", "/items/owned", [{"id": id, "secret": "x"}]),
        ("POST", "/items/hubs", {"name": "h", "owned": [{"secret": "x"}]}),
        ("PATCH", "/items/hubs/1", {"owned": [{"id": id, "secret": "x"}]}),
    ):
        before = await here.data("admin", "/items/owned?limit=-1"), await hubs(here)
        assert await told(here, "ann", method, path, body) == 305, body
        assert (await here.data("admin", "/items/owned?limit=-1"), await hubs(here)) == before
    # The key may be named, or nobody could say which item is meant.
    assert await told(here, "ann", "PATCH", "/items/owned", [{"id": id, "name": "x"}]) == OK


async def hubs(here: Office) -> list[Item]:
    found: list[Item] = await here.data("admin", "/items/hubs?limit=-1")
    return found


async def test_a_field_of_the_status_that_an_item_has_or_gets(here: Office) -> None:
    await here.grant(
        {"collection": "cases", "status": "draft", **FULL, "write_field_blacklist": ["name"]},
        {"collection": "cases", "status": "published", **FULL,
         "write_field_blacklist": ["secret"]},
    )  # fmt: skip
    for stage, body, expected in (
        ("draft", {"name": "x"}, 305),
        ("draft", {"secret": "x"}, OK),
        ("published", {"name": "x"}, OK),
        ("published", {"secret": "x"}, 305),
        ("draft", {"secret": "x", "status": "published"}, 305),
        ("published", {"name": "x", "status": "draft"}, 305),
        ("draft", {"status": "published"}, OK),
        ("draft", {"status": "deleted", "name": "x"}, 305),
        ("draft", {"status": "deleted", "secret": "x"}, OK),
    ):
        id = await thing(here, "cases", stage)
        assert await told(here, "ann", "PATCH", f"/items/cases/{id}", body) == expected, body


async def test_mass_assignment_of_the_owner(here: Office) -> None:
    cid = here.people["cid"]
    for level, expected in (("mine", 305), ("role", 305), ("full", OK)):
        await here.grant({"collection": "owned", **FULL, "update": level})
        id = await thing(here, "owned")
        path = f"/items/owned/{id}"
        same = {"owner": here.people["ann"], "name": "x"}
        assert await told(here, "ann", "PATCH", path, same) == OK
        assert await told(here, "ann", "PATCH", path, {"owner": cid}) == expected
        item = await found(here, "owned", id)
        assert item is not None
        assert (item["owner"] == cid) is (expected == OK)
        created = await here.ask("ann", "POST", "/items/owned", {"owner": cid})
        assert created.json()["data"]["owner"] == here.people["ann"]
        await here.withdraw()


async def users_in_draft(here: Office, **levels: str) -> None:
    """What editors may do to users who are drafts."""
    role = here.roles["editors"]
    query = f"filter[role]={role}&filter[collection]=directus_users&filter[status]=draft"
    (row,) = await here.data("admin", f"/permissions?{query}")
    answer = await here.ask("admin", "PATCH", f"/permissions/{row['id']}", levels)
    assert answer.status_code == 200


async def test_an_owner_is_not_changed_by_a_list_of_what_somebody_owns(here: Office) -> None:
    """`things` of a user lists what the user owns, so to hang an item there is to give it."""
    await done(here.world, "/fields/directus_users", field("things", "o2m"))
    made = await done(
        here.world, "/relations", relation("owned", "owner", "directus_users", "things")
    )
    try:
        for level, expected in (("mine", 302), ("role", 305), ("full", OK)):
            await here.grant({"collection": "owned", **FULL, "update": level})
            id = await thing(here, "owned")
            assert await told(here, "ben", "PATCH", "/users/me", {"things": [id]}) == expected
            item = await found(here, "owned", id)
            assert item is not None
            assert (item["owner"] == here.people["ben"]) is (expected == OK)
            own = {"things": [await thing(here, "owned", owner="ben"), {"name": "new"}]}
            assert await told(here, "ben", "PATCH", "/users/me", own) == OK
            await here.withdraw()
        await here.grant({"collection": "owned", **FULL})
        await users_in_draft(here, create="full")
        body = {"email": "eve@example.org", "things": [{"name": "forged"}]}
        assert await told(here, "ben", "POST", "/users", body) == 305
        assert await here.data("admin", "/items/owned?filter[name]=forged") == []
    finally:
        await users_in_draft(here, create="none")
        for path in (f"/relations/{made['id']}", "/fields/directus_users/things"):
            assert (await here.ask("admin", "DELETE", path)).status_code == 204


# -- explanations and history -------------------------------------------------------------


async def test_changes_that_have_to_be_explained(here: Office) -> None:
    for explain, asked in (
        ("none", ()), ("create", ("create",)), ("update", ("update",)),
        ("always", ("create", "update", "delete")),
    ):  # fmt: skip
        await here.grant({"collection": "owned", **FULL, "explain": explain})
        await here.grant({"collection": "hubs", **FULL})
        for action, method in (("create", "POST"), ("update", "PATCH"), ("delete", "DELETE")):
            path = "/items/owned"
            if action != "create":
                path += f"/{await thing(here, 'owned')}"
            body = None if action == "delete" else {"name": "x"}
            if action in asked:
                assert await told(here, "ann", method, path, body) == 10
                assert await told(here, "ann", method, f"{path}?comment=", body) == 10
            path += "?comment=because"
            assert await told(here, "ann", method, path, body) == OK
            (last,) = await here.data("admin", "/activity?sort=-id&limit=1&fields=action,comment")
            assert last == {"action": action, "comment": "because"}
        nested = {"name": "h", "owned": [{"name": "x"}]}
        expected = 10 if "create" in asked else OK
        assert await told(here, "ann", "POST", "/items/hubs", nested) == expected
        await here.withdraw()


async def test_only_administrators_leave_no_trace(here: Office) -> None:
    await here.grant({"collection": "owned", **FULL})
    for asker, traces in (("ann", 1), ("admin", 0)):
        query = "/activity?fields=id&limit=-1"
        before = await here.data("admin", query)
        await told(here, asker, "POST", "/items/owned?activity_skip=1", {"name": "x"})
        assert len(await here.data("admin", query)) == len(before) + traces


# -- batches and what is nested -----------------------------------------------------------


async def test_a_batch_is_written_whole_or_not(here: Office) -> None:
    await here.grant({"collection": "owned", **FULL, "update": "mine", "delete": "mine"})
    mine, other = await thing(here, "owned"), await thing(here, "owned", owner="cid")
    before = await here.data("admin", "/items/owned?limit=-1")
    for method, path, body, expected in (
        ("PATCH", "/items/owned", [{"id": mine, "name": "x"}, {"id": other, "name": "x"}], 302),
        ("PATCH", "/items/owned", [{"id": mine, "name": "x"}, {"id": 9999, "name": "x"}], 203),
        ("PATCH", f"/items/owned/{mine},{other}", {"name": "x"}, 302),
        ("DELETE", f"/items/owned/{mine},{other}", None, 303),
    ):
        answer = await here.ask("ann", method, path, body)
        error = answer.json()["error"]
        assert (error["code"], error["details"]["index"]) == (expected, 1)
        assert await here.data("admin", "/items/owned?limit=-1") == before


async def test_nested_writes_reach_no_forbidden_collection(here: Office) -> None:
    await here.grant({"collection": "links", **FULL}, {"collection": "hubs", **FULL})
    id = await thing(here, "owned")
    link = (await done(here.world, "/items/links", {"owned": id}))["id"]
    for path, body, expected in (
        (f"links/{link}", {"owned": {"name": "new"}}, 301),
        (f"links/{link}", {"owned": {"id": id, "name": "new"}}, 302),
        (f"links/{link}", {"owned": {"id": 777, "name": "new"}}, 302),
        (f"links/{link}", {"owned": {"id": id, "$delete": True}}, 303),
        ("hubs/1", {"owned": [{"name": "new"}]}, 301),
        ("hubs/1", {"owned": [{"id": id, "name": "new"}]}, 302),
        ("hubs/1", {"owned": [id]}, 302),
        ("hubs/1", {"owned": [{"id": id, "hub": None}]}, 302),
        ("hubs/1", {"owned": [{"id": id, "$delete": True}]}, 303),
        (f"links/{link}", {"owned": {"id": id}}, OK),
        (f"links/{link}", {"owned": id}, OK),
    ):
        before = await here.data("admin", "/items/owned?limit=-1")
        assert await told(here, "ann", "PATCH", f"/items/{path}", body) == expected, body
        assert await here.data("admin", "/items/owned?limit=-1") == before


@pytest.mark.parametrize("person", ["ann", "admin"])
async def test_nested_writes_reach_nothing_that_is_no_item(here: Office, person: str) -> None:
    """History, sessions and what describes the project: they can be linked, and no more."""
    kept = ("activity", "revisions", "user_sessions", "fields", "relations", "settings")
    name = f"incidents_{person}"
    fields = [KEY, *(whole(one, "m2o") for one in kept)]
    await done(here.world, "/collections", {"collection": name, "fields": fields})
    for one in kept:
        await done(here.world, "/relations", relation(name, one, f"directus_{one}", None))
    deeds = {"collection_many": "directus_activity", "field_many": "action_by"}
    (row,) = await here.data("admin", f"/relations?{filtered(deeds)}")
    await here.grant({"collection": name, **FULL}, roles=[here.roles["editors"]])
    await done(here.world, "/fields/directus_users", field("deeds", "o2m"))
    answer = await here.ask("admin", "PATCH", f"/relations/{row['id']}", {"field_one": "deeds"})
    assert answer.status_code == 200
    try:
        for one in kept:
            for body in (
                {one: {"collection": "plain", "item": "1", "action": "update", "action_by": 1}},
                {one: {"id": 1, "collection": "forged"}},
                {one: {"id": 1, "$delete": True}},
            ):
                before = await everything(here, name)
                assert await told(here, person, "POST", f"/items/{name}", body) == 12, body
                assert await everything(here, name) == before
            body = {one: {"id": 1}}
            assert await told(here, person, "POST", f"/items/{name}", body) == OK, body
        for deed in ({"action": "update", "collection": "plain", "item": "1"}, 1):
            assert await told(here, person, "PATCH", "/users/me", {"deeds": [deed]}) == 12, deed
        told_of = await here.ask("admin", "GET", f"/items/{name}?fields=user_sessions.*")
        assert "token_type" in told_of.text
        assert '"token"' not in told_of.text
    finally:
        await here.withdraw()
        await here.ask("admin", "PATCH", f"/relations/{row['id']}", {"field_one": None})
        for path in ("/fields/directus_users/deeds", f"/collections/{name}"):
            assert (await here.ask("admin", "DELETE", path)).status_code == 204


def filtered(wanted: Item) -> str:
    """A filter by the values of several fields."""
    return "&".join(f"filter[{name}]={value}" for name, value in wanted.items())


async def everything(here: Office, name: str) -> Any:
    """Items, history and what describes the project."""
    paths = (f"/items/{name}", "/activity", "/revisions", "/fields", "/relations", "/settings")
    return [await here.data("admin", f"{path}?limit=-1") for path in paths]


async def test_a_child_gets_another_parent_by_who_may_change_it(here: Office) -> None:
    await here.grant({"collection": "hubs", **FULL})
    mine, other = await thing(here, "owned"), await thing(here, "owned", owner="cid")
    await here.grant({"collection": "owned", **FULL, "update": "mine"})
    for child, expected in ((mine, OK), (other, 302)):
        assert await told(here, "ann", "PATCH", "/items/hubs/1", {"owned": [child]}) == expected
        item = await found(here, "owned", child)
        assert item is not None
        assert (item["hub"] == 1) is (expected == OK)
    await here.withdraw()
    await here.grant({"collection": "hubs", **FULL})
    await here.grant({"collection": "owned", **FULL, "write_field_blacklist": ["hub"]})
    third = await thing(here, "owned")
    for body, expected in (
        ([third], 305), ([{"name": "new"}], 305), ([{"id": mine, "name": "still here"}], OK)
    ):  # fmt: skip
        assert await told(here, "ann", "PATCH", "/items/hubs/1", {"owned": body}) == expected


# -- reverts and comments -----------------------------------------------------------------


async def test_a_revert_writes_what_may_be_written(here: Office) -> None:
    await here.grant(
        {"collection": "owned", **FULL, "update": "mine", "write_field_blacklist": ["secret"]}
    )
    mine, other = await thing(here, "owned"), await thing(here, "owned", owner="cid")
    first: dict[int, int] = {}
    for id in (mine, other):
        changed = {"name": "changed", "secret": "changed"}
        await told(here, "admin", "PATCH", f"/items/owned/{id}", changed)
        revisions = await here.data("admin", f"/items/owned/{id}/revisions?sort=id&fields=id")
        first[id] = revisions[0]["id"]
    assert await told(here, None, "PATCH", f"/items/owned/{mine}/revert/{first[mine]}") == 3
    assert await told(here, "ann", "PATCH", f"/items/owned/{mine}/revert/{first[other]}") == 207
    assert await told(here, "ann", "PATCH", f"/items/owned/{other}/revert/{first[other]}") == 302
    assert await told(here, "ann", "PATCH", f"/items/owned/{mine}/revert/{first[mine]}") == OK
    item = await found(here, "owned", mine)
    assert item is not None
    assert (item["name"], item["secret"], item["owner"]) == (
        "thing", "changed", here.people["ann"],
    )  # fmt: skip


async def test_who_may_comment(here: Office) -> None:
    for level, create, own, others in (
        (None, OK, OK, 211),
        ("none", 210, 211, 211),
        ("read", 210, 211, 211),
        ("create", OK, 211, 211),
        ("update", OK, OK, 211),
        ("full", OK, OK, OK),
    ):
        id = await thing(here, "owned")
        body = {"collection": "owned", "item": id, "comment": "well"}
        await here.grant({"collection": "owned", "read": "full", "comment": "full"})
        made = [(await here.ask(who, "POST", COMMENT, body)).json() for who in ("ann", "cid")]
        await here.withdraw()
        await here.grant({"collection": "owned", "read": "full", "comment": level})
        assert await told(here, "ann", "POST", COMMENT, body) == create, level
        for comment, expected in zip(made, (own, others), strict=True):
            path = f"{COMMENT}/{comment['data']['id']}"
            assert await told(here, "ann", "PATCH", path, {"comment": "x"}) == expected, level
            gone = expected + 1 if expected else OK
            assert await told(here, "ann", "DELETE", path) == gone, level
        await here.withdraw()


async def test_what_may_not_be_read_is_not_commented_on(here: Office) -> None:
    await here.grant({"collection": "owned", "read": "mine", "comment": "full"})
    mine, other = await thing(here, "owned"), await thing(here, "owned", owner="cid")
    for item, expected in ((mine, OK), (other, 203), (9999, 203)):
        body = {"collection": "owned", "item": item, "comment": "well"}
        assert await told(here, "ann", "POST", COMMENT, body) == expected
    made = await done(here.world, COMMENT, {"collection": "owned", "item": other, "comment": "a"})
    path = f"{COMMENT}/{made['id']}"
    assert await told(here, "ann", "PATCH", path, {"comment": "x"}) == 203
    assert await told(here, "ann", "DELETE", path) == 203
    assert await told(here, None, "DELETE", path) == 203
    await here.withdraw()
    assert await told(here, None, "DELETE", path) == 3
