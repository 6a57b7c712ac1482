"""Identifiers as the RFC has them, and bulk. Reference: SCIM page §3.4, §5, §9."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.scenarios.provisioning import GROUP, USER, Provider
from tests.scenarios.shop import PASSWORD

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


async def test_ids_are_ours_and_theirs_is_kept(strict: Provider) -> None:
    external = strict.name("Ext/")
    user = await strict.user(externalId=external)
    assert str(uuid.UUID(user["id"])) == user["id"]
    assert user["externalId"] == external
    assert user.keys() == {
        *("schemas", "id", "externalId", "meta", "userName", "emails", "timezone", "active")
    }
    assert user["emails"] == [{"value": user["userName"], "type": "work"}]
    assert user["meta"]["created"] == user["meta"]["lastModified"]
    path = f"/Users/{user['id']}"
    assert await strict.found("Users", f'externalId eq "{external}"') == [user["id"]]
    assert await strict.found("Users", f'externalId eq "{external.upper()}"') == []
    assert await strict.found("Users", f'externalId sw "{external[:4]}" and id eq "{user["id"]}"')
    (row,) = await strict.rest(f"/users?filter[email]={user['userName']}")
    assert row["external_id"] == user["id"]
    assert await strict.found("Users", f'id eq "{row["id"]}"') == []
    other = {"userName": f"{strict.name()}@example.org", "externalId": external}
    await strict.refused(409, "uniqueness", "POST", "/Users", other)
    await strict.refused(400, "invalidValue", "POST", "/Users", {**other, "externalId": {}})
    changed = await strict.patch(path, {"op": "replace", "path": "externalId", "value": "new"})
    assert changed["externalId"] == "new"
    assert changed["meta"]["version"] != user["meta"]["version"]
    removed = await strict.patch(path, {"op": "remove", "path": "externalId"})
    assert "externalId" not in removed
    group = await strict.group(user["id"], externalId=external)
    assert group["externalId"] == external
    assert group["members"] == [
        {"value": user["id"], "$ref": user["meta"]["location"], "type": "User"}
    ]
    for wrong in (user["userName"], str(row["id"])):
        body = {"displayName": strict.name(), "members": [{"value": wrong}]}
        await strict.refused(400, "invalidValue", "POST", "/Groups", body)
    await strict.refused(
        409, "uniqueness", "POST", "/Groups", {"displayName": "x", "externalId": external}
    )
    assert await strict.found("Groups", f'externalId eq "{external}"') == [group["id"]]


async def test_put_replaces(strict: Provider) -> None:
    user = await strict.user(
        externalId=strict.name(), title="Boss", locale="en-US", name={"givenName": "Ada"}
    )
    path = f"/Users/{user['id']}"
    after = await strict.ok(200, "PUT", path, {"userName": user["userName"], "title": "Chief"})
    assert after["title"] == "Chief"
    assert after["active"] is True
    assert not {"locale", "preferredLanguage", "name", "externalId"} & after.keys()
    await strict.refused(400, "invalidValue", "PUT", path, {"title": "x"})
    group = await strict.group(user["id"])
    place = f"/Groups/{group['id']}"
    assert "members" not in await strict.ok(200, "PUT", place, {"displayName": strict.name()})


async def test_names_and_addresses(strict: Provider) -> None:
    name = strict.name("Plain Name ")
    body = {"schemas": [USER], "userName": name}
    await strict.refused(400, "invalidValue", "POST", "/Users", body)
    address = f"{strict.name()}@example.org"
    user = await strict.ok(201, "POST", "/Users", {**body, "emails": [{"value": address}]})
    assert (user["userName"], user["emails"][0]["value"]) == (name, address)
    path = f"/Users/{user['id']}"
    assert await strict.found("Users", f'userName eq "{name.upper()}"') == [user["id"]]
    assert await strict.found("Users", f'userName co "{name[2:-2]}"') == [user["id"]]
    assert await strict.found("Users", f'userName ne "{name}" and id eq "{user["id"]}"') == []
    assert await strict.found("Users", f'userName eq "{address}"') == []
    # Nobody else may be called so, by either.
    for taken in (name.lower(), f"{name}"):
        again = {"userName": taken, "emails": [{"value": f"{strict.name()}@example.org"}]}
        await strict.refused(409, "uniqueness", "POST", "/Users", again)
    plain = await strict.user()
    again = {"userName": plain["userName"], "emails": [{"value": f"{strict.name()}@example.org"}]}
    await strict.refused(409, "uniqueness", "POST", "/Users", again)
    # The address follows the name that it was, and stays where it was another.
    moved = f"{strict.name()}@example.org"
    rename = {"op": "replace", "path": "userName", "value": moved}
    assert (await strict.patch(path, rename))["emails"][0]["value"] == address
    followed = await strict.patch(f"/Users/{plain['id']}", {**rename, "value": f"b.{moved}"})
    assert followed["emails"][0]["value"] == f"b.{moved}"
    longest = {**body, "userName": "x" * 256, "emails": [{"value": f"c.{moved}"}]}
    await strict.refused(400, "invalidValue", "POST", "/Users", longest)


async def test_whoever_was_deleted_comes_back(strict: Provider) -> None:
    user = await strict.user(externalId=strict.name(), title="Boss")
    await strict.ok(204, "DELETE", f"/Users/{user['id']}")
    await strict.refused(404, None, "PATCH", f"/Users/{user['id']}", {"active": True})
    back = {"userName": user["userName"], "externalId": user["externalId"], "active": True}
    again = await strict.ok(201, "POST", "/Users", back)
    assert (again["id"], again["active"]) == (user["id"], True)
    assert again["externalId"] == user["externalId"]


async def test_a_group_lets_its_members_go(strict: Provider) -> None:
    user = await strict.user()
    group = await strict.group(user["id"], externalId=strict.name())
    await strict.ok(204, "DELETE", f"/Groups/{group['id']}")
    assert "groups" not in await strict.get(f"/Users/{user['id']}")
    # Its id at the provider is free again.
    assert (await strict.group(externalId=group["externalId"]))["id"] != group["id"]


async def test_what_is_removed_elsewhere_leaves_nothing_here(strict: Provider) -> None:
    external = strict.name()
    user = await strict.user(externalId=external)
    (row,) = await strict.rest(f"/users?filter[email]={user['userName']}")
    gone = await strict.world.ask("DELETE", f"/users/{row['id']}")
    assert gone.status_code == 204
    await strict.refused(404, None, "GET", f"/Users/{user['id']}")
    assert (await strict.user(externalId=external))["externalId"] == external


async def test_bulk(strict: Provider) -> None:
    name, title = strict.name(), strict.name("Group ")
    user = {"schemas": [USER], "userName": f"{name}@example.org"}
    members = [{"value": "bulkId:someone"}]
    answer = await strict.ok(
        200,
        "POST",
        "/Bulk",
        {
            "schemas": [BULK],
            "Operations": [
                {
                    "method": "POST", "path": "/Groups", "bulkId": "group",
                    "data": {"schemas": [GROUP], "displayName": title, "members": members},
                },
                {
                    "method": "POST", "path": "/Users", "bulkId": "someone",
                    # For reading alone, so that both can be had.
                    "data": {**user, "groups": [{"value": "bulkId:group"}]},
                },
                {"method": "PATCH", "path": "/Users/bulkId:someone", "data": {"title": "Boss"}},
                {"method": "post", "path": "/Users", "bulkId": "again", "data": user},
                {"method": "PUT", "path": "/Users/none", "data": user},
                {"method": "DELETE", "path": "/Nothing/1"},
                {"method": "POST", "path": "/Users", "data": user},
            ],
        },
    )  # fmt: skip
    told = answer["Operations"]
    assert [each["status"] for each in told] == ["201", "201", "200", "409", "404", "400", "400"]
    group, someone, changed, again = told[:4]
    assert (group["bulkId"], someone["bulkId"], again["bulkId"]) == ("group", "someone", "again")
    assert changed["location"] == someone["location"]
    assert changed["version"] != someone["version"]
    assert again["response"]["scimType"] == "uniqueness"
    id = someone["location"].rpartition("/")[2]
    found = await strict.get(f"/Users/{id}")
    assert (found["title"], found["groups"][0]["display"]) == ("Boss", title)
    version = {"method": "DELETE", "path": f"/Users/{id}", "version": someone["version"]}
    stale = await strict.ok(200, "POST", "/Bulk", {"Operations": [version]})
    assert stale["Operations"][0]["status"] == "412"
    current = {**version, "version": changed["version"]}
    gone = await strict.ok(200, "POST", "/Bulk", {"Operations": [current]})
    assert gone["Operations"] == [
        {"method": "DELETE", "location": someone["location"], "status": "204"}
    ]


async def test_bulk_stops_after_so_many_errors(strict: Provider) -> None:
    bad = {"method": "DELETE", "path": "/Users/none"}
    name = f"{strict.name()}@example.org"
    fine = {"method": "POST", "path": "/Users", "bulkId": "x", "data": {"userName": name}}
    body: dict[str, Any] = {"failOnErrors": 2, "Operations": [bad, bad, fine]}
    answer = await strict.ok(200, "POST", "/Bulk", body)
    assert [each["status"] for each in answer["Operations"]] == ["404", "404"]
    assert await strict.found("Users", f'userName eq "{name}"') == []
    answer = await strict.ok(200, "POST", "/Bulk", {**body, "failOnErrors": 3})
    assert answer["Operations"][2]["status"] == "201"


@pytest.mark.parametrize(
    ("status", "scim_type", "body"),
    [
        (400, "invalidSyntax", {"schemas": [USER], "Operations": []}),
        (400, "invalidSyntax", {"Operations": "x"}),
        (400, "invalidSyntax", {"Operations": [{"path": "/Users"}]}),
        (400, "invalidValue", {"Operations": [], "failOnErrors": 0}),
        (413, "tooMany", {"Operations": [{"method": "DELETE", "path": "/Users/x"}] * 1001}),
        (413, "tooMany", {"Operations": [], "padding": "x" * 1_048_576}),
    ],
    ids=["schema", "list", "method", "errors", "operations", "bytes"],
)
async def test_bulks_that_are_none(
    strict: Provider, status: int, scim_type: str, body: dict[str, Any]
) -> None:
    await strict.refused(status, scim_type, "POST", "/Bulk", body)


async def test_groups_that_need_each_other_are_told_so(strict: Provider) -> None:
    def group(name: str, other: str) -> dict[str, Any]:
        data = {"displayName": strict.name(), "members": [{"value": f"bulkId:{other}"}]}
        return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}

    body = {"Operations": [group("a", "b"), group("b", "a")]}
    answer = await strict.ok(200, "POST", "/Bulk", body)
    assert [each["status"] for each in answer["Operations"]] == ["400", "400"]


async def test_a_password_is_taken_and_never_shown(strict: Provider) -> None:
    user = await strict.user(password=PASSWORD)
    assert "password" not in user
    asked = await strict.get(f"/Users/{user['id']}?attributes=password,userName")
    assert "password" not in asked
    assert (await strict.signed_in(user["userName"])).status_code == 200
