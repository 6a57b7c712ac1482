"""Users written by people who are no administrators, on every way in.

Everybody has the rows that a new role has, unless a test grants more. Rows of the security
page: mass assignment, nested writes reaching forbidden collections. Source: authentication
page §10.1 and §10.3, permissions page §4.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import Struct

from conductus.schema.types import MASK
from tests.databases import DRIVERS
from tests.scenarios.office import PUBLIC, Office, staff
from tests.scenarios.shop import PASSWORD
from tests.scenarios.worlds import KEY, done, text, whole

Item = dict[str, Any]
COLUMNS = "fields=*.*&status=*&limit=-1&sort=id"
FIELD = (305, 403)
SAFE: dict[str, Any] = {
    "first_name": "Anna",
    "last_name": "Quill",
    "email": "anna@example.org",
    "password": PASSWORD,
    "timezone": "Europe/Oslo",
    "locale": "nb-NO",
    "locale_options": {"week": "monday"},
    "avatar": None,
    "company": "Quill and sons",
    "title": "Editor",
    "email_notifications": False,
    "theme": "dark",
    "2fa_secret": None,
}
REFUSED: dict[str, Any] = {
    "role": 1,
    "status": "suspended",
    "token": "A-token-of-my-own-choice",
    "external_id": "somebody-else",
    "last_access_on": "2031-02-03T04:05:06+00:00",
    "last_page": "/nowhere",
    "password_reset_token": "x",
}


@pytest.fixture(scope="module", params=DRIVERS)
async def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with staff(request.param, tmp_path_factory.mktemp("staff")) as found:
        fields = [KEY, text("name"), whole("author", "user"), whole("maker", "owner")]
        await done(found.world, "/collections", {"collection": "notes", "fields": fields})
        rows = [{"collection": "notes", "role": role, "create": "full", "read": "full",
                 "update": "full"} for role in found.roles.values()]  # fmt: skip
        await done(found.world, "/permissions", rows)
        yield found


@pytest.fixture
async def withdrawn(place: Office) -> AsyncIterator[Office]:
    """The place, where what the test grants is withdrawn afterwards."""
    yield place
    await place.withdraw()


async def refused(
    place: Office, person: str | None, method: str, path: str, body: Any, *errors: tuple[int, int]
) -> None:
    """The request fails with one of these, and every user is as before."""
    before = await place.data("admin", f"/users?{COLUMNS}")
    answer = await place.ask(person, method, path, body)
    assert answer.status_code >= 400, (method, path, body, answer.text)
    error = answer.json()["error"]
    assert (error["code"], answer.status_code) in errors, (method, path, body, error)
    assert await place.data("admin", f"/users?{COLUMNS}") == before


async def test_the_columns_are_all_told(place: Office) -> None:
    """No column is forgotten in the tables above."""
    fields = await place.data("admin", "/fields/directus_users")
    columns = {field["field"] for field in fields if field["type"] != "alias"}
    assert columns - {"id"} == SAFE.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", SAFE)
async def test_what_one_may_write_of_oneself(place: Office, name: str) -> None:
    own = place.people["cid"]
    path = "/users/me?fields=*"
    was = (await place.data("cid", "/users/me"))[name] if name != "password" else None
    for method, where, body in (
        ("PATCH", path, {name: SAFE[name]}),
        ("PATCH", f"/users/{own}?fields=*", {name: SAFE[name]}),
        ("PATCH", "/users?fields=*", [{"id": own, name: SAFE[name]}]),
    ):
        answer = await place.ask("cid", method, where, body)
        assert answer.status_code == 200, (where, answer.text)
        data = answer.json()["data"]
        (shown,) = data if isinstance(data, list) else [data]
        assert "password" not in shown
        if name != "password":
            assert shown[name] == SAFE[name]
    nested = {"author": {"id": own, name: SAFE[name]}}
    answer = await place.ask("cid", "POST", "/items/notes", nested)
    assert (answer.status_code, answer.json()["data"]["author"]) == (200, own), answer.text
    if name != "password":
        await place.ask("admin", "PATCH", f"/users/{own}", {name: was})


@pytest.mark.parametrize("name", REFUSED)
async def test_what_one_may_not_write_of_oneself(place: Office, name: str) -> None:
    own = place.people["ann"]
    for value in (REFUSED[name], (await place.data("admin", f"/users/{own}"))[name]):
        if name == "password_reset_token" and value is None:
            continue
        for body in ({name: value}, {"title": "x", name: value}):
            await refused(place, "ann", "PATCH", "/users/me", body, FIELD)
            await refused(place, "ann", "PATCH", f"/users/{own}", body, FIELD)
            await refused(place, "ann", "PATCH", "/users", [{"id": own, **body}], FIELD)
            nested = {"author": {"id": own, **body}}
            await refused(place, "ann", "POST", "/items/notes", nested, FIELD)
            await refused(place, "ann", "POST", "/items/notes", [{"name": "x"}, nested], FIELD)
            preset = {"collection": "notes", "user": {"id": own, **body}}
            await refused(place, "ann", "POST", "/collection_presets", preset, FIELD)


async def test_nobody_deletes_oneself(place: Office) -> None:
    own = place.people["ann"]
    for body in ({"status": "deleted"}, {"status": "deleted", "title": "x"}):
        await refused(place, "ann", "PATCH", "/users/me", body, (303, 403), FIELD)
        nested = {"author": {"id": own, **body}}
        await refused(place, "ann", "POST", "/items/notes", nested, (303, 403), FIELD)
    await refused(place, "ann", "DELETE", "/users/me", None, (303, 403))
    await refused(place, "ann", "DELETE", f"/users/{own}", None, (303, 403))


async def test_an_own_id_stays(place: Office) -> None:
    own, other = place.people["ann"], place.people["ben"]
    for id in (other, 999):
        errors = (FIELD, (12, 422), (4, 422), (302, 403))
        await refused(place, "ann", "PATCH", "/users/me", {"id": id, "title": "x"}, *errors)
        await refused(place, "ann", "PATCH", f"/users/{own}", {"id": id, "title": "x"}, *errors)


async def test_a_mask_that_is_sent_back_is_none(place: Office) -> None:
    body = {"password": MASK, "2fa_secret": MASK, "password_reset_token": None, "title": "Back"}
    answer = await place.ask("ben", "PATCH", "/users/me", body)
    assert (answer.status_code, answer.json()["data"]["title"]) == (200, "Back")


async def test_roles_within_oneself(place: Office) -> None:
    """What hangs on a user is judged by the rules of its own collection."""
    own = place.roles["editors"]
    for role in (
        {"id": own, "name": "x"},
        {"id": own, "enforce_2fa": True},
        {"id": 1, "name": "x"},
        {"name": "new"},
        {"id": own, "users": [{"id": place.people["ann"], "status": "suspended"}]},
    ):
        errors = (FIELD, (301, 403), (302, 403), (10, 403))
        await refused(place, "ann", "PATCH", "/users/me", {"role": role}, *errors)


WRITES: tuple[Item, ...] = (
    {"title": "x"},
    {"password": "another one"},
    {"email": "taken@example.org"},
    {"status": "suspended"},
    {"status": "deleted"},
    {"role": None},
    {"2fa_secret": None},
    {"token": None},
)


@pytest.mark.parametrize("body", WRITES, ids=str)
@pytest.mark.parametrize("other", ["ben", "cid", "admin"])
async def test_others_are_not_ones_own(place: Office, other: str, body: Item) -> None:
    id = place.people.get(other, 1)
    own = place.people["ann"]
    errors = ((302, 403), (303, 403), FIELD)
    await refused(place, "ann", "PATCH", f"/users/{id}", body, *errors)
    await refused(place, "ann", "PATCH", f"/users/me,{id}", body, *errors)
    both = [{"id": own, "title": "x"}, {"id": id, **body}]
    await refused(place, "ann", "PATCH", "/users", both, *errors)
    await refused(place, "ann", "POST", "/items/notes", {"author": {"id": id, **body}}, *errors)
    preset = {"collection": "notes", "user": {"id": id, **body}}
    await refused(place, "ann", "POST", "/collection_presets", preset, *errors)


async def test_people_are_not_made_or_removed_by_others(place: Office) -> None:
    new = {"email": "new@example.org", "first_name": "New"}
    for body in (new, [new], {**new, "status": "active"}, {**new, "role": 1}):
        await refused(place, "ann", "POST", "/users", body, (301, 403))
    for path in ("ben", "cid", "admin"):
        id = place.people.get(path, 1)
        await refused(place, "ann", "DELETE", f"/users/{id}", None, (303, 403))
        await refused(place, "ann", "DELETE", f"/users/me,{id}", None, (303, 403))
    await refused(place, "ann", "POST", "/items/notes", {"author": new}, (301, 403))
    await refused(place, "ann", "POST", "/users/invite", {"email": "x@example.org"}, (10, 403))
    path = f"/users/{place.people['ben']}"
    tracked = {"last_page": "/x"}
    await refused(place, "ann", "PATCH", f"{path}/tracking/page", tracked, (10, 403))
    setup = {"2fa_secret": "K5QWY3DPEHPK3PXP", "otp": "123456"}
    await refused(place, "ann", "POST", f"{path}/activate_2fa", setup, FIELD)


async def test_the_public_writes_no_user(place: Office) -> None:
    for method, path, body, error in (
        ("POST", "/users", {"email": "x@example.org"}, (3, 401)),
        ("PATCH", "/users/me", {"title": "x"}, (3, 401)),
        ("PATCH", "/users", [{"id": 1, "title": "x"}], (3, 401)),
        ("DELETE", "/users/me", None, (3, 401)),
        ("POST", "/users/invite", {"email": "x@example.org"}, (10, 403)),
    ):
        await refused(place, None, method, path, body, error, (3, 401))
    await refused(place, None, "PATCH", "/users/1", {"title": "x"}, (203, 404), (3, 401))
    await refused(place, None, "DELETE", "/users/1", None, (303, 403), (3, 401))


class Manager(Struct, frozen=True):
    """What a role does that is granted `update: full` on users."""

    target: str
    body: Item
    error: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"{self.target} {self.body}"


MANAGER = (
    Manager("ben", {"title": "Chief"}),
    Manager("ben", {"status": "suspended"}),
    Manager("ben", {"role": None}),
    Manager("ben", {"role": 1}, FIELD),
    Manager("ben", {"role": 2}, (12, 422)),
    Manager("ben", {"role": {"id": 1}}, FIELD),
    Manager("ben", {"token": "A-token-of-my-own-choice"}, FIELD),
    Manager("ben", {"external_id": "x"}, FIELD),
    Manager("ben", {"2fa_secret": "K5QWY3DPEHPK3PXP"}, FIELD),
    Manager("ben", {"2fa_secret": None}, FIELD),
    Manager("ben", {"last_page": "/x"}, FIELD),
    Manager("admin", {"title": "x"}, (302, 403)),
    Manager("admin", {"status": "suspended"}, (302, 403)),
    Manager("admin", {"password": "x"}, (302, 403)),
    Manager("ann", {"title": "x"}),
    Manager("ann", {"status": "suspended"}, FIELD),
    Manager("ann", {"status": "active"}, FIELD),
    Manager("ann", {"role": None}, FIELD),
    Manager("ann", {"role": 1}, FIELD),
)


@pytest.mark.parametrize("case", MANAGER, ids=str)
async def test_who_may_change_users_makes_no_administrator(place: Office, case: Manager) -> None:
    editors = place.roles["editors"]
    query = f"/permissions?filter[role]={editors}&filter[collection]=directus_users&limit=-1"
    rows = await place.data("admin", query)
    levels = ("create", "read", "update", "delete")
    full = [{"id": row["id"], **dict.fromkeys(levels, "full")} for row in rows]
    assert (await place.ask("admin", "PATCH", "/permissions", full)).status_code == 200
    id = place.people.get(case.target, 1)
    before = await place.data("admin", f"/users/{id}")
    ways: tuple[tuple[str, str, Any], ...] = (
        ("PATCH", f"/users/{id}", case.body),
        ("PATCH", "/users", [{"id": id, **case.body}]),
        ("POST", "/items/notes", {"author": {"id": id, **case.body}}),
    )
    for method, path, body in ways:
        if case.error is not None:
            await refused(place, "ann", method, path, body, case.error)
            continue
        answer = await place.ask("ann", method, path, body)
        assert answer.status_code in (200, 204), (path, answer.text)
        changed = await place.data("admin", f"/users/{id}")
        assert {name: changed[name] for name in case.body} == case.body
        back = {name: before[name] for name in case.body}
        assert (await place.ask("admin", "PATCH", f"/users/{id}", back)).status_code == 200
    if case.target == "admin":
        await refused(place, "ann", "DELETE", "/users/1", None, (303, 403))
        await refused(
            place, "ann", "PATCH", "/users/1", {"status": "deleted"}, (303, 403), (302, 403)
        )
    new = {"email": "new@example.org", "role": 1}
    await refused(place, "ann", "POST", "/users", new, FIELD)
    await refused(place, "ann", "POST", "/items/notes", {"author": new}, FIELD)
    was = [{"id": row["id"], **{level: row[level] for level in levels}} for row in rows]
    assert (await place.ask("admin", "PATCH", "/permissions", was)).status_code == 200


async def test_of_users_the_level_role_writes_nobody_but_oneself(place: Office) -> None:
    """Rows of Directus 8 that say so gave no more, and give no more now."""
    editors = place.roles["editors"]
    query = f"/permissions?filter[role]={editors}&filter[collection]=directus_users&limit=-1"
    rows = await place.data("admin", query)
    changed = [{"id": row["id"], "update": "role", "delete": "role"} for row in rows]
    was = [{"id": row["id"], "update": row["update"], "delete": row["delete"]} for row in rows]
    assert (await place.ask("admin", "PATCH", "/permissions", changed)).status_code == 200
    try:
        for other in ("ben", "cid"):
            id = place.people[other]
            for body in ({"title": "x"}, {"status": "suspended"}, {"role": None}):
                await refused(place, "ann", "PATCH", f"/users/{id}", body, (302, 403))
            await refused(place, "ann", "DELETE", f"/users/{id}", None, (303, 403))
        answer = await place.ask("ann", "PATCH", "/users/me", {"title": "Myself"})
        assert (answer.status_code, answer.json()["data"]["title"]) == (200, "Myself")
    finally:
        assert (await place.ask("admin", "PATCH", "/permissions", was)).status_code == 200


async def test_a_public_that_may_write_users_makes_no_administrator(withdrawn: Office) -> None:
    place = withdrawn
    levels = dict.fromkeys(("create", "read", "update", "delete"), "full")
    await place.grant({"collection": "directus_users", **levels}, roles=[PUBLIC])
    id = place.people["ben"]
    new = {"email": "new@example.org"}
    for method, path, body, error in (
        ("PATCH", f"/users/{id}", {"role": 1}, FIELD),
        ("PATCH", f"/users/{id}", {"token": "A-token-of-my-own-choice"}, FIELD),
        ("PATCH", f"/users/{id}", {"external_id": "x"}, FIELD),
        ("PATCH", f"/users/{id}", {"2fa_secret": None}, FIELD),
        ("PATCH", f"/users/{id}", {"2fa_secret": "K5QWY3DPEHPK3PXP"}, FIELD),
        ("PATCH", "/users", [{"id": id, "title": "x"}, {"id": id, "role": 1}], FIELD),
        ("PATCH", "/users/1", {"title": "x"}, (302, 403)),
        ("DELETE", "/users/1", None, (303, 403)),
        ("POST", "/users", {**new, "role": 1}, FIELD),
        ("POST", "/users", {**new, "role": {"id": 1}}, FIELD),
        ("POST", "/users", {**new, "role": {"name": "mighty"}}, (3, 401)),
        ("POST", "/users", {**new, "token": "A-token-of-my-own-choice"}, FIELD),
        ("POST", "/users", {**new, "2fa_secret": "K5QWY3DPEHPK3PXP"}, FIELD),
        ("POST", f"/users/{id}/recovery_codes", None, (3, 401)),
        ("PATCH", f"/users/{id}/tracking/page", {"last_page": "/x"}, (3, 401)),
    ):
        await refused(place, None, method, path, body, error)
    answer = await place.ask(None, "POST", "/users", new)
    made = answer.json()["data"]
    assert (made["status"], made["role"]) == ("draft", None)
    assert (await place.ask("admin", "DELETE", f"/users/{made['id']}")).status_code == 204


async def test_a_user_without_a_role_may_nothing(place: Office) -> None:
    """Not even what the public may."""
    id, role = place.people["cid"], place.roles["writers"]
    assert (await place.ask("admin", "PATCH", f"/users/{id}", {"role": None})).status_code == 200
    try:
        assert await place.data("cid", "/permissions/me") == []
        assert await place.error("cid", "/users/me") == (203, 404)
        for section in ("users", "roles", "settings", "collections", "fields", "activity"):
            assert await place.error("cid", f"/{section}") == (300, 403), section
        await refused(place, "cid", "PATCH", "/users/me", {"title": "x"}, (302, 403))
        await refused(place, "cid", "PATCH", "/users/me", {"role": role}, (302, 403))
    finally:
        await place.ask("admin", "PATCH", f"/users/{id}", {"role": role})


async def test_what_one_sees_of_others(place: Office) -> None:
    """Only who is active is there; what is private and what is secret is not."""
    listed = await place.data("ann", "/users?limit=-1")
    assert {user["id"] for user in listed} == {1, *place.people.values()}
    private = {"token", "email_notifications", "last_access_on", "last_page", "2fa_secret"}
    for user in listed:
        assert "password" not in user
        assert user["password_reset_token"] is None
        own = user["id"] == place.people["ann"]
        assert private & user.keys() == (private if own else set())
    (role,) = await place.data("ann", "/roles?limit=-1")
    shown = await place.data("ann", "/users?fields=id,role.id,role.name&limit=-1&sort=id")
    assert role["id"] == place.roles["editors"]
    named = {user["id"]: user["role"] for user in shown if user["role"] is not None}
    own_role = {"id": role["id"], "name": "editors"}
    assert named == {place.people["ann"]: own_role, place.people["ben"]: own_role}
    me = await place.data("cid", "/users/me?fields=*.*")
    assert me["role"]["id"] == place.roles["writers"]
    for name in ("password", "token", "2fa_secret", "password_reset_token"):
        for query in (f"filter[{name}][nnull]=1", f"sort={name}", f"groups={name}"):
            assert await place.error("ann", f"/users?{query}") == (215, 403), query
