"""What the rows of a new role let through, and what they never do.

Rows of the security page: privilege by creating roles, permissions, presets, webhooks.
Source: permissions page §5, §9 and §10.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.databases import DRIVERS
from tests.scenarios.office import PUBLIC, Office, staff
from tests.scenarios.test_roles import DEFAULTS
from tests.scenarios.worlds import KEY, done, text

Item = dict[str, Any]
ANNS, EVERYBODYS = "ann's", "everybody's"
LEVELS = ("create", "read", "update", "delete", "comment")
SECTIONS = (
    "activity",
    "collection_presets",
    "collections",
    "fields",
    "folders",
    "permissions",
    "relations",
    "revisions",
    "roles",
    "settings",
    "users",
    "webhooks",
)


@pytest.fixture(scope="module", params=DRIVERS)
async def furnished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with staff(request.param, tmp_path_factory.mktemp("staff")) as found:
        fields = [KEY, text("name")]
        await done(found.world, "/collections", {"collection": "notes", "fields": fields})
        hook = {"status": "active", "http_action": "post", "url": "http://hooks.example.org/",
                "collection": "notes", "directus_action": "create"}  # fmt: skip
        await done(found.world, "/webhooks", hook)
        yield found


@pytest.fixture
async def place(furnished: Office) -> AsyncIterator[Office]:
    """The project, where what the test grants is withdrawn afterwards."""
    yield furnished
    await furnished.withdraw()


async def everything(place: Office) -> list[Any]:
    """What an administrator sees of all that decides about power."""
    return [
        await place.data("admin", f"/{section}?limit=-1&fields=*&status=*")
        for section in SECTIONS
        if section not in ("activity", "revisions")
    ]


async def told(place: Office, person: str | None, method: str, path: str, body: Any = None) -> Any:
    """Code and status of a request that must fail, or its `data`."""
    answer = await place.ask(person, method, path, body)
    if answer.status_code == 204:
        return None
    if answer.status_code >= 400:
        return answer.json()["error"]["code"], answer.status_code
    return answer.json().get("data")


async def test_what_the_default_rows_show(place: Office) -> None:
    ann, editors = place.people["ann"], place.roles["editors"]
    await place.ask("ann", "PATCH", "/users/me", {"title": "Seen in the history"})
    await place.ask("ben", "PATCH", "/users/me", {"title": "Not seen by others"})
    assert {role["id"] for role in await place.data("ann", "/roles")} == {editors}
    assert await place.data("ann", f"/roles/{editors}?fields=*.*.*")
    for role in (1, PUBLIC, place.roles["writers"]):
        assert await place.error("ann", f"/roles/{role}") == (203, 404)
    rows = await place.data("ann", "/permissions?limit=-1")
    assert {row["role"] for row in rows} == {editors}
    assert len(rows) == len(DEFAULTS)
    for role in (PUBLIC, place.roles["writers"]):
        assert await place.data("ann", f"/permissions?filter[role]={role}") == []
    for section in ("settings", "collections", "relations"):
        mine = await place.data("ann", f"/{section}?limit=-1&fields=*")
        theirs = await place.data("admin", f"/{section}?limit=-1&fields=*")
        if section == "collections":
            assert [one["collection"] for one in mine] == [one["collection"] for one in theirs]
        else:
            assert mine == theirs, section
    activity = await place.data("ann", "/activity?limit=-1")
    assert {row["action_by"] for row in activity} == {ann}
    revisions = await place.data("ann", "/revisions?limit=-1")
    for collection in {row["collection"] for row in revisions}:
        section = collection.removeprefix("directus_")
        readable = await place.data("ann", f"/{section}?limit=-1&fields=id")
        items = {row["item"] for row in revisions if row["collection"] == collection}
        assert items <= {str(item["id"]) for item in readable}, collection
    canaries = ("Token-of-ann", "Token-of-ben", "Token-of-cid", "$argon2")
    for path in ("/revisions?limit=-1", "/activity?limit=-1", "/users?limit=-1&fields=*.*"):
        answer = await place.ask("cid", "GET", path)
        assert [one for one in canaries if one in answer.text and one != "Token-of-cid"] == [], path
    assert await place.data("ann", "/folders") == []
    assert await place.error("ann", "/webhooks") == (300, 403)
    assert await place.error("ann", "/webhooks/1") == (203, 404)
    assert await place.error("ann", "/items/notes") == (300, 403)
    assert await place.error("ann", "/items/notes/1") == (203, 404)
    assert await place.error("ann", "/items/directus_users") == (201, 401)


async def test_fields_of_what_one_may_read(place: Office) -> None:
    shown = {field["collection"] for field in await place.data("ann", "/fields?limit=-1")}
    granted = {collection for (collection, _), row in DEFAULTS.items() if row.split()[1] != "none"}
    assert shown == granted
    assert "password" in {
        field["field"] for field in await place.data("ann", "/fields/directus_users")
    }
    for hidden in ("notes", "directus_webhooks"):
        assert await place.error("ann", f"/fields/{hidden}") == (300, 403)
        assert await place.error(None, f"/fields/{hidden}") == (3, 401)
    row = {"collection": "notes", "read": "full", "read_field_blacklist": ["name"]}
    await place.grant(row, roles=[place.roles["editors"]])
    assert [field["field"] for field in await place.data("ann", "/fields/notes")] == ["id"]
    assert await place.error("ann", "/fields/notes/name") == (215, 403)


async def test_what_is_in_effect_for_oneself(place: Office) -> None:
    for person, role in (("ann", "editors"), ("cid", "writers")):
        rows = await place.data(person, "/permissions/me")
        assert {row["role"] for row in rows} == {place.roles[role]}
        assert {
            (row["collection"], row["status"]): " ".join(row[level] for level in LEVELS)
            for row in rows
        } == DEFAULTS
        stored = await place.data(person, "/permissions?limit=-1&fields=*&sort=id")
        assert sorted(rows, key=lambda row: row["id"]) == stored
        collections = {one["collection"] for one in await place.data(person, "/collections")}
        assert {row["collection"] for row in rows} <= collections
    one = await place.data("ann", "/permissions/me/directus_files")
    assert (one["collection"], one["create"]) == ("directus_files", "full")
    statuses = await place.data("ann", "/permissions/me/directus_users")
    assert [row["status"] for row in statuses] == [
        "active", "deleted", "draft", "invited", "suspended",
    ]  # fmt: skip
    assert await place.data("ann", "/permissions/me/notes") == []
    await place.grant({"collection": "notes", "read": "mine"}, roles=[place.roles["editors"]])
    assert (await place.data("ann", "/permissions/me/notes"))["read"] == "mine"
    assert await place.data("cid", "/permissions/me/notes") == []


def attempts(place: Office) -> list[tuple[str, str, Any]]:
    """Every way to more power."""
    own, other = place.roles["editors"], place.roles["writers"]
    row = {"collection": "notes", "role": own, "read": "full"}
    field = {"field": "more", "type": "string", "datatype": "VARCHAR", "length": 20,
             "interface": "text-input"}  # fmt: skip
    hook = {"status": "active", "http_action": "post", "url": "http://hooks.example.org/",
            "collection": "notes", "directus_action": "create"}  # fmt: skip
    relation = {"collection_many": "notes", "field_many": "name", "collection_one": "notes"}
    return [
        ("POST", "/roles", {"name": "mighty"}),
        ("POST", "/roles", [{"name": "mighty"}]),
        ("POST", "/roles", {"name": "mighty", "users": [place.people["ann"]]}),
        ("PATCH", f"/roles/{own}", {"name": "mighty"}),
        ("PATCH", f"/roles/{own}", {"enforce_2fa": True}),
        ("PATCH", f"/roles/{own}", {"ip_whitelist": []}),
        ("PATCH", f"/roles/{other}", {"name": "mighty"}),
        ("PATCH", "/roles/1", {"users": [place.people["ann"]]}),
        ("PATCH", "/roles/1", {"users": [{"id": place.people["ann"]}]}),
        ("PATCH", "/roles", [{"id": own, "name": "mighty"}]),
        ("DELETE", f"/roles/{other}", None),
        ("DELETE", "/roles/1", None),
        ("POST", "/permissions", row),
        ("POST", "/permissions", [row]),
        ("POST", "/permissions", {**row, "role": PUBLIC}),
        ("POST", "/permissions", {**row, "role": {"name": "mighty"}}),
        ("PATCH", "/permissions/1", {"create": "full"}),
        ("PATCH", "/permissions", [{"id": 1, "create": "full"}]),
        ("DELETE", "/permissions/1", None),
        ("POST", "/settings", {"key": "more", "value": "x"}),
        ("PATCH", "/settings/1", {"value": "x"}),
        ("PATCH", "/settings", [{"id": 1, "value": "x"}]),
        ("DELETE", "/settings/1", None),
        ("POST", "/collections", {"collection": "more", "fields": [KEY]}),
        ("PATCH", "/collections/notes", {"note": "x"}),
        ("DELETE", "/collections/notes", None),
        ("POST", "/fields/notes", field),
        ("PATCH", "/fields/notes/name", {"note": "x"}),
        ("PATCH", "/fields/notes", [{"field": "name", "note": "x"}]),
        ("PATCH", "/fields/directus_users/role", {"readonly": True}),
        ("DELETE", "/fields/notes/name", None),
        ("POST", "/relations", relation),
        ("PATCH", "/relations/1", {"field_one": "x"}),
        ("DELETE", "/relations/1", None),
        ("POST", "/webhooks", hook),
        ("PATCH", "/webhooks/1", {"status": "inactive"}),
        ("PATCH", "/webhooks", [{"id": 1, "status": "inactive"}]),
        ("DELETE", "/webhooks/1", None),
        ("POST", "/items/notes", {"name": "x"}),
        ("POST", "/utils/cache/clear", {}),
    ]


async def test_no_way_to_more_power(place: Office) -> None:
    before = await everything(place)
    for person in ("ann", None):
        for method, path, body in attempts(place):
            found = await told(place, person, method, path, body)
            assert found in REFUSALS[person is None], (person, method, path, body, found)
    assert await everything(place) == before


REFUSALS: dict[bool, set[Any]] = {
    False: {(301, 403), (302, 403), (303, 403), (306, 403), (3, 401), (10, 403), (203, 404)},
    True: {(3, 401), (203, 404), (303, 403), (302, 403)},
}
"""Of somebody, and of the public."""


async def test_rows_on_what_gives_power_do_not_raise_oneself(place: Office) -> None:
    """Whoever may write roles and rows writes those of others."""
    own, other = place.roles["editors"], place.roles["writers"]
    rows = await place.data(
        "admin", f"/permissions?limit=-1&filter[role]={own}"
        "&filter[collection][in]=directus_roles,directus_permissions"
    )  # fmt: skip
    levels = dict.fromkeys(("create", "read", "update", "delete"), "full")
    granted = [{"id": row["id"], **levels} for row in rows]
    assert (await place.ask("admin", "PATCH", "/permissions", granted)).status_code == 200
    try:
        before = await everything(place)
        row = {"collection": "notes", "read": "full"}
        (any_row, *_) = await place.data("admin", f"/permissions?filter[role]={own}")
        for method, path, body in (
            ("POST", "/permissions", {**row, "role": own}),
            ("POST", "/permissions", [{**row, "role": other}, {**row, "role": own}]),
            ("PATCH", f"/permissions/{any_row['id']}", {"delete": "full"}),
            ("DELETE", f"/permissions/{any_row['id']}", None),
            ("PATCH", f"/roles/{own}", {"name": "mighty"}),
            ("PATCH", "/roles/1", {"name": "mighty"}),
            ("PATCH", "/roles/1", {"users": [place.people["ann"]]}),
            ("PATCH", f"/roles/{other}", {"users": [{"id": 1}]}),
            ("PATCH", f"/roles/{other}", {"users": [place.people["ann"]]}),
            ("POST", "/roles", {"name": "mighty", "users": [place.people["ann"]]}),
        ):
            found = await told(place, "ann", method, path, body)
            assert found in {(10, 403), (302, 403), (305, 403)}, (method, path, body, found)
        assert await everything(place) == before
        made = await told(place, "ann", "POST", "/permissions", {**row, "role": other})
        assert made["role"] == other
        assert await told(place, "ann", "DELETE", f"/permissions/{made['id']}") is None
    finally:
        back = [{"id": row["id"], **{level: row[level] for level in levels}} for row in rows]
        assert (await place.ask("admin", "PATCH", "/permissions", back)).status_code == 200


async def test_presets_of_oneself_of_ones_role_and_of_everybody(place: Office) -> None:
    people, roles = place.people, place.roles
    places: dict[str, Item] = {
        ANNS: {"user": people["ann"]},
        "ben's": {"user": people["ben"]},
        "cid's": {"user": people["cid"]},
        "editors'": {"role": roles["editors"]},
        "writers'": {"role": roles["writers"]},
        EVERYBODYS: {},
    }
    ids: dict[str, int] = {}
    for title, whose in places.items():
        body = {"collection": "notes", "title": title, **whose}
        ids[title] = (await done(place.world, "/collection_presets", body))["id"]
    seen = {
        "ann": ["ann's", "editors'", "everybody's"],
        "ben": ["ben's", "editors'", "everybody's"],
        "cid": ["cid's", "writers'", "everybody's"],
    }
    for person, titles in seen.items():
        listed = await place.data(
            person, "/collection_presets?fields=title&filter[collection]=notes&sort=id"
        )
        assert [preset["title"] for preset in listed] == titles
        for title, id in ids.items():
            answer = await place.ask(person, "GET", f"/collection_presets/{id}")
            assert answer.status_code == (200 if title in titles else 404), (person, title)
    assert await place.error(None, "/collection_presets") == (3, 401)
    change = {"view_type": "cards"}
    for person in ("ann", "cid"):
        for title, id in ids.items():
            path = f"/collection_presets/{id}"
            changed = await told(place, person, "PATCH", path, change)
            if title == f"{person}'s":
                assert changed["view_type"] == "cards"
                continue
            assert changed in {(302, 403), (10, 403)}, (person, title, changed)
            assert await told(place, person, "DELETE", path) in {(303, 403), (10, 403)}
    own = f"/collection_presets/{ids[ANNS]}"
    for taken in (
        {"user": people["ben"]},
        {"user": None},
        {"role": roles["editors"]},
        {"role": 1},
        {"user": None, "role": roles["editors"]},
    ):
        found = await told(place, "ann", "PATCH", own, taken)
        assert found in {(10, 403), (305, 403), (302, 403)}, (taken, found)
        found = await told(place, "ann", "POST", "/collection_presets",
                           {"collection": "notes", **taken})  # fmt: skip
        assert found == (10, 403), (taken, found)
    made = await told(place, "ann", "POST", "/collection_presets",
                      {"collection": "notes", "user": people["ann"]})  # fmt: skip
    assert made["user"] == people["ann"]
    assert await told(place, "ann", "DELETE", f"/collection_presets/{made['id']}") is None
    both = f"{own},{ids[EVERYBODYS]}"
    assert await told(place, "ann", "DELETE", both) in {(10, 403), (303, 403)}
    assert await told(place, "ann", "DELETE", own) is None
    rest = ",".join(str(id) for title, id in ids.items() if title != ANNS)
    assert await told(place, "admin", "DELETE", f"/collection_presets/{rest}") is None


async def test_the_public_with_and_without_rows(place: Office) -> None:
    assert await place.data(None, "/permissions/me") == []
    for section in SECTIONS:
        assert await place.error(None, f"/{section}") == (3, 401), section
    for section in set(SECTIONS) - {"users", "activity", "revisions"}:
        name = "notes" if section in ("collections", "fields") else "1"
        assert await place.error(None, f"/{section}/{name}") == (3, 401), section
    assert await place.error(None, "/users/1") == (203, 404)
    assert await place.error(None, "/users/me") == (3, 401)
    assert await place.error(None, "/users/1,2") in {(3, 401)}
    rows = [
        {"collection": "directus_users", "status": "active", "read": "full"},
        {"collection": "directus_settings", "read": "full"},
        {"collection": "directus_roles", "read": "mine"},
        {"collection": "directus_collection_presets", "read": "full", "create": "full",
         "update": "mine", "delete": "mine"},
        {"collection": "directus_activity", "read": "mine", "create": "full"},
        {"collection": "notes", "create": "full"},
    ]  # fmt: skip
    await place.grant(*rows, roles=[PUBLIC])
    mine = await place.data(None, "/permissions/me")
    assert len(mine) == len(rows)
    users = await place.get(None, "/users?limit=-1")
    assert users["public"] is True
    assert {user["id"] for user in users["data"]} == {1, *place.people.values()}
    private = {"password", "token", "email_notifications", "last_access_on", "last_page",
               "2fa_secret"}  # fmt: skip
    assert [user.keys() & private for user in users["data"]] == [set()] * len(users["data"])
    assert await place.error(None, "/users/me") == (3, 401)
    assert await place.data(None, "/settings?limit=-1")
    # Nothing is the public's own.
    for section in ("roles", "activity"):
        answer = await place.ask(None, "GET", f"/{section}")
        assert (answer.status_code, answer.json().get("data", [])) == (200, []), section
    made = await place.ask(None, "POST", "/items/notes", {"name": "by nobody"})
    assert (made.status_code, made.json()) == (200, {"public": True})
    for whose in ({}, {"user": place.people["ann"]}, {"user": 0}, {"role": PUBLIC}):
        body = {"collection": "notes", **whose}
        found = await told(place, None, "POST", "/collection_presets", body)
        assert found == (3, 401), (body, found)
    # Whoever signs in has the rows of the own role alone.
    assert await place.error("ann", "/items/notes") == (300, 403)
    assert await told(place, "ann", "POST", "/items/notes", {"name": "x"}) == (301, 403)


async def test_a_comment_is_one_s_own(place: Office) -> None:
    """The default row lets people comment where a collection does, and change their own."""
    note = await done(place.world, "/items/notes", {"name": "commented"})
    body = {"collection": "notes", "item": str(note["id"]), "comment": "Well"}
    assert await told(place, "ann", "POST", "/activity/comment", body) in {(203, 404), (210, 403)}
    await place.grant({"collection": "notes", "read": "full", "comment": "update"})
    made = await told(place, "ann", "POST", "/activity/comment", body)
    assert made["action_by"] == place.people["ann"]
    path = f"/activity/comment/{made['id']}"
    assert await told(place, "ben", "PATCH", path, {"comment": "x"}) in {(203, 404), (211, 403)}
    assert await told(place, "ben", "DELETE", path) in {(203, 404), (212, 403)}
    changed = await told(place, "ann", "PATCH", path, {"comment": "Better"})
    assert changed["comment"] == "Better"
