"""Rows of permissions over HTTP. Source: permissions page §2 and §10."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.scenarios.shop import KEY, Live
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import text

Item = dict[str, Any]
LEVELS = ("create", "read", "update", "delete")


@pytest.fixture
async def role(workshop: Workshop) -> int:
    """A role of the test's own."""
    made = await workshop.ok("POST", "/roles", {"name": f"role {secrets.token_hex(4)}"})
    id: int = made["id"]
    return id


@pytest.fixture
async def place(workshop: Workshop) -> str:
    """A collection of the test's own."""
    return await workshop.make(text("title"))


async def test_what_is_left_out_is_none(workshop: Workshop, role: int, place: str) -> None:
    (row,) = await workshop.ok("POST", "/permissions", [{"collection": place, "role": role}])
    assert row == {
        **dict.fromkeys((*LEVELS, "comment", "explain"), "none"),
        "read_field_blacklist": [],
        "write_field_blacklist": [],
        "id": row["id"],
        "collection": place,
        "role": role,
        "status": None,
        "status_blacklist": [],
    }
    changed = await workshop.ok(
        "PATCH",
        "/permissions",
        [{"id": row["id"], "read": None, "read_field_blacklist": ["title", "secret"]}],
    )
    assert [changed[0][name] for name in ("read", "read_field_blacklist")] == [
        None,
        ["title", "secret"],
    ]
    assert (await workshop.get(f"/permissions/{row['id']}")) == changed[0]
    await workshop.refused((12, 422), "PATCH", "/permissions", [{"read": "full"}])


async def test_values_are_those_that_there_are(workshop: Workshop, role: int, place: str) -> None:
    right = {"collection": place, "role": role}
    wrong: list[tuple[Item, tuple[int, int]]] = [
        ({"collection": place}, (4, 422)),
        ({"role": role}, (4, 422)),
        ({**right, "role": 98_765}, (12, 422)),
        ({**right, "collection": "nowhere"}, (12, 422)),
        ({**right, "nothing": 1}, (12, 422)),
        *(({**right, level: "most"}, (12, 422)) for level in (*LEVELS, "comment", "explain")),
        *(({**right, level: ["full"]}, (12, 422)) for level in LEVELS),
        ({**right, "comment": "mine"}, (12, 422)),
        ({**right, "explain": "delete"}, (12, 422)),
    ]
    for body, error in wrong:
        await workshop.refused(error, "POST", "/permissions", body)
    fine = {"create": "full", "read": "role", "update": "mine", "delete": "none"}
    fine |= {"comment": "update", "explain": "always"}
    row = await workshop.ok("POST", "/permissions", {**right, **fine})
    assert {name: row[name] for name in fine} == fine
    await workshop.refused((12, 422), "PATCH", f"/permissions/{row['id']}", {"read": "everything"})


async def test_a_collection_has_one_row_for_each_role_and_status(
    workshop: Workshop, role: int, place: str
) -> None:
    row = {"collection": place, "role": role}
    twice = (204, 409)
    whole = await workshop.ok("POST", "/permissions", row)
    draft = await workshop.ok("POST", "/permissions", {**row, "status": "draft"})
    await workshop.ok("POST", "/permissions", {**row, "status": "$create"})
    for body in (row, {**row, "status": "draft"}, {**row, "status": "$create"}):
        await workshop.refused(twice, "POST", "/permissions", body)
    new = {**row, "status": "new"}
    await workshop.refused(twice, "POST", "/permissions", [new, new])
    await workshop.refused(twice, "PATCH", f"/permissions/{draft['id']}", {"status": None})
    # Swapped within one request, they do not meet.
    swap = [{"id": draft["id"], "status": None}, {"id": whole["id"], "status": "draft"}]
    assert len(await workshop.ok("PATCH", "/permissions", swap)) == 2
    await workshop.ok("PATCH", f"/permissions/{draft['id']}", {"read": "full"})
    assert await workshop.ok("DELETE", f"/permissions/{draft['id']},{whole['id']}") is None
    left = await workshop.get(f"/permissions?filter[role]={role}&filter[collection]={place}")
    assert [one["status"] for one in left] == ["$create"]


async def test_administrators_need_no_rows(workshop: Workshop, place: str) -> None:
    assert await workshop.get("/permissions/me") == []
    assert await workshop.get(f"/permissions/me/{place}") == []


async def test_what_is_in_effect_for_the_public(empty: Live) -> None:
    async def asked(path: str) -> Any:
        answer = await empty.client.get(f"/{KEY}{path}")
        assert (answer.status_code, answer.json()["public"]) == (200, True)
        return answer.json()["data"]

    assert await asked("/permissions/me") == []
    assert await asked("/permissions/me/directus_files") == []
    body = [
        {"collection": "directus_files", "role": 2, "read": "full", "delete": None},
        {"collection": "directus_users", "role": 2, "status": None, "read": "full"},
        {"collection": "directus_users", "role": 2, "status": "active", "read": "mine"},
        {"collection": "directus_users", "role": 2, "status": "$create", "create": "full"},
        {"collection": "directus_folders", "role": 2, "status": "draft", "read": "full"},
    ]
    made = (await empty.ask("POST", "/permissions", json=body)).json()["data"]
    files, _, active, created, _ = made
    # Rows of a status take the place of the whole; those that mean nothing are left out.
    assert await asked("/permissions/me") == [files, active, created]
    assert await asked("/permissions/me/directus_files") == files
    assert await asked("/permissions/me/directus_users") == [active]
    assert await asked("/permissions/me/directus_folders") == []
    assert await asked("/permissions/me/nowhere") == []


async def test_administrators_are_told_what_decides(workshop: Workshop, place: str) -> None:
    asked = f"/permissions/explain?method=GET&path=/items/{place}"
    row = {"collection": place, "role": 2, "read": "full", "read_field_blacklist": ["title"]}
    none = await workshop.get(f"{asked}&user=public")
    assert none["because"] == [f"Role 2 has no row for {place}, and so no access."]
    id = (await workshop.ok("POST", "/permissions", row))["id"]
    assert await workshop.get(f"{asked}&user=public") == {
        "role": 2,
        "action": "read",
        "collection": place,
        "because": [
            f"Row {id}, for the whole collection, has read: full, which means all items.",
            "These fields may not be read: title.",
        ],
    }
    assert "Role 1" in (await workshop.get(f"{asked}&user=1"))["because"][0]
    body = {"email": "left@example.org", "status": "suspended", "role": 1}
    gone = (await workshop.ok("POST", "/users?status=*", body))["id"]
    assert await workshop.get(f"{asked}&user={gone}") == {
        "role": 2,
        "action": "read",
        "collection": place,
        "because": [
            "The user is suspended, and so asks as the public.",
            f"Row {id}, for the whole collection, has read: full, which means all items.",
            "These fields may not be read: title.",
        ],
    }
    auth = "/permissions/explain?user=public&method=GET&path=/auth/check"
    await workshop.refused((1, 404), "GET", auth)
    await workshop.refused((203, 404), "GET", f"{asked}&user=98765")
    await workshop.refused((4, 422), "GET", asked)
    await workshop.refused((1, 404), "GET", "/permissions/explain?user=1&method=GET&path=/")
    answer = await workshop.world.client.get(f"/{KEY}{asked}&user=1")
    assert (answer.json()["error"]["code"], answer.status_code) == (3, 401)
