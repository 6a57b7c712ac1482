"""Roles over HTTP. Source: permissions page §1 and §5."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from tests.scenarios.shop import live
from tests.scenarios.workshop import Workshop

Item = dict[str, Any]
DEFAULTS = {
    ("directus_activity", None): "full mine none none update",
    ("directus_collection_presets", None): "full full mine mine none",
    ("directus_collections", None): "none full none none none",
    ("directus_fields", None): "none full none none none",
    ("directus_files", None): "full full full full none",
    ("directus_folders", None): "full full full full none",
    ("directus_permissions", None): "none mine none none none",
    ("directus_relations", None): "none full none none none",
    ("directus_revisions", None): "full full none none none",
    ("directus_roles", None): "none mine none none none",
    ("directus_settings", None): "none full none none none",
    ("directus_users", "active"): "none full mine mine none",
    ("directus_users", "deleted"): "none none none none none",
    ("directus_users", "draft"): "none none none none none",
    ("directus_users", "invited"): "none none none none none",
    ("directus_users", "suspended"): "none none none none none",
}


def name() -> str:
    return f"role {secrets.token_hex(4)}"


async def new_role(workshop: Workshop, **facts: Any) -> Item:
    made: Item = await workshop.ok("POST", "/roles", {"name": name(), **facts})
    return made


async def granted(workshop: Workshop, role: int) -> list[Item]:
    found: list[Item] = await workshop.get(f"/permissions?filter[role]={role}&limit=-1&sort=id")
    return found


async def test_a_new_role_has_its_default_rows(workshop: Workshop) -> None:
    role = await new_role(workshop)
    assert (role["ip_whitelist"], role["enforce_2fa"], role["module_listing"]) == ([], False, None)
    assert len(role["external_id"]) == 36
    rows = await granted(workshop, role["id"])
    levels = ("create", "read", "update", "delete", "comment")
    assert {
        (row["collection"], row["status"]): " ".join(row[level] for level in levels) for row in rows
    } == DEFAULTS
    assert {row["explain"] for row in rows} == {"none"}
    assert {tuple(row["status_blacklist"]) for row in rows} == {()}
    # They come with the role: no history of their own.
    ids = ",".join(str(row["id"]) for row in rows)
    query = f"filter[collection]=directus_permissions&filter[item][in]={ids}"
    assert await workshop.get(f"/activity?{query}") == []


async def test_a_written_role_is_answered_in_full(workshop: Workshop) -> None:
    stored = (await new_role(workshop)).keys()
    for asked in (
        "fields=id",
        "fields=users.id",
        "fields[]=id&fields[]=name",
        "%66ields%5B0%5D=id",
    ):
        made = await workshop.ok("POST", f"/roles?{asked}", {"name": name()})
        (other,) = await workshop.ok("POST", f"/roles?{asked}", [{"name": name()}])
        changed = await workshop.ok("PATCH", f"/roles/{made['id']}?{asked}", {"description": "x"})
        both = f"{made['id']},{other['id']}"
        alike = await workshop.ok("PATCH", f"/roles/{both}?{asked}", {"description": "y"})
        each = [{"id": made["id"], "description": "z"}]
        listed = await workshop.ok("PATCH", f"/roles?{asked}", each)
        for role in (made, other, changed, *alike, *listed):
            assert role.keys() == stored, asked
    path = f"/roles/{made['id']}?fields=id"
    assert await workshop.get(path) == {"id": made["id"]}
    answer = await workshop.world.ask("PATCH", f"{path}&meta=collection", json={"description": "x"})
    assert answer.json()["meta"] == {"collection": "directus_roles"}


async def test_a_new_project_grants_nobody_anything(project_url: str, tmp_path: Path) -> None:
    async with live(project_url, tmp_path) as shop:
        assert [role["id"] for role in await shop.data("/roles")] == [1, 2]
        assert await shop.data("/permissions?limit=-1") == []


async def test_the_seeded_roles_stay(workshop: Workshop) -> None:
    for role in (1, 2):
        await workshop.refused((3, 401), "DELETE", f"/roles/{role}")
    other = await new_role(workshop)
    await workshop.refused((3, 401), "DELETE", f"/roles/{other['id']},1")
    assert (await workshop.get(f"/roles/{other['id']}"))["id"] == other["id"]
    changed = await workshop.ok("PATCH", "/roles/1", {"description": "All of it"})
    assert changed["description"] == "All of it"


async def test_a_nested_role_is_a_role(workshop: Workshop) -> None:
    email = f"{secrets.token_hex(4)}@example.org"
    body = {"email": email, "role": {"name": name()}}
    user = await workshop.ok("POST", "/users?fields=id,role.id", body)
    assert len(await granted(workshop, user["role"]["id"])) == len(DEFAULTS)


async def test_a_role_goes_with_its_rows_once_nobody_has_it(workshop: Workshop) -> None:
    role = await new_role(workshop, users=[{"email": f"{secrets.token_hex(4)}@example.org"}])
    query = f"filter[role]={role['id']}&status=*"
    (user,) = await workshop.get(f"/users?{query}")
    await workshop.refused((10, 403), "DELETE", f"/roles/{role['id']}")
    assert len(await granted(workshop, role["id"])) == len(DEFAULTS)
    await workshop.ok("PATCH", f"/users/{user['id']}", {"role": None})
    assert await workshop.ok("DELETE", f"/roles/{role['id']}") is None
    assert await granted(workshop, role["id"]) == []
    await workshop.refused((203, 404), "GET", f"/roles/{role['id']}")
    await workshop.refused((203, 404), "DELETE", f"/roles/{role['id']}")


async def test_ids_are_never_bent_into_others(workshop: Workshop) -> None:
    one, two = await new_role(workshop), await new_role(workshop)
    both = f"{one['id']},{two['id']}"
    assert [role["id"] for role in await workshop.get(f"/roles/{both}")] == [one["id"], two["id"]]
    changed = await workshop.ok("PATCH", f"/roles/{both}", {"description": "same"})
    assert [role["description"] for role in changed] == ["same", "same"]
    for id in (f"{one['id']}x", f"0{one['id']}", f"{one['id']}.0", f" {one['id']}"):
        await workshop.refused((203, 404), "GET", f"/roles/{id}")
        await workshop.refused((203, 404), "DELETE", f"/roles/{id}")
    assert await workshop.ok("DELETE", f"/roles/{both}") is None


async def test_what_is_refused(workshop: Workshop) -> None:
    role = await new_role(workshop, ip_whitelist=["10.0.0.1", "10.1.0.0/16", "::1"])
    assert role["ip_whitelist"] == ["10.0.0.1", "10.1.0.0/16", "::1"]
    for body, error in (
        ({}, (4, 422)),
        ({"name": ""}, (4, 422)),
        ({"name": role["name"]}, (204, 409)),
        ({"name": name(), "external_id": role["external_id"]}, (204, 409)),
        ({"name": name(), "ip_whitelist": ["office"]}, (4, 422)),
        ({"name": name(), "nothing": 1}, (12, 422)),
    ):
        await workshop.refused(error, "POST", "/roles", body)
    lists = [{"name": "A", "link": "/x", "icon": "home"}]
    changed = await workshop.ok("PATCH", f"/roles/{role['id']}", {"module_listing": lists})
    assert changed["module_listing"] == lists
