"""Groups that an identity provider keeps, and operations on both. Reference: SCIM page §3.2, §6."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.scenarios.provisioning import GROUP, PATCH, Provider
from tests.scenarios.shop import KEY


async def test_a_group_is_shown_as_directus_8_shows_it(scim: Provider) -> None:
    user = await scim.user(name={"givenName": "Ada", "familyName": "Quill"})
    name = scim.name("Editors ")
    made = await scim.group(user["id"], displayName=name, externalId=name)
    assert made == {
        "schemas": [GROUP],
        "id": name,
        "externalId": made["externalId"],
        "meta": made["meta"],
        "displayName": name,
        "members": [
            {
                "value": user["userName"],
                "$ref": user["meta"]["location"],
                "display": "Ada Quill",
            }
        ],
    }
    assert made["meta"]["location"].endswith(f"/{KEY}/scim/v2/Groups/{name.replace(' ', '%20')}")
    role = await scim.rest(f"/roles/{made['externalId']}")
    assert (role["name"], role["external_id"]) == (name, name)
    rows = await scim.rest(f"/permissions?filter[role]={role['id']}&limit=-1")
    assert "directus_users" in {row["collection"] for row in rows}
    groups = (await scim.get(f"/Users/{user['id']}"))["groups"]
    assert groups == [
        {
            "value": name,
            "$ref": made["meta"]["location"],
            "display": name,
            "type": "direct",
        }
    ]


async def test_the_id_of_a_new_group(scim: Provider) -> None:
    """Directus 8 reads `id`, and its documentation says `externalId`: the latter counts first."""
    one, other = scim.name("id"), scim.name("id")
    assert (await scim.group(id=one))["id"] == one
    assert (await scim.group(id=one, externalId=other))["id"] == other
    await scim.refused(409, "uniqueness", "POST", "/Groups", {"displayName": "x", "id": one})
    name = (await scim.group())["displayName"]
    await scim.refused(409, "uniqueness", "POST", "/Groups", {"displayName": name})
    await scim.refused(400, "invalidValue", "POST", "/Groups", {"externalId": "x"})
    unknown = {"displayName": scim.name(), "members": [{"value": "nobody"}]}
    await scim.refused(400, "invalidValue", "POST", "/Groups", unknown)
    assert await scim.found("Groups", f'displayName eq "{unknown["displayName"]}"') == []


async def test_members_come_and_go(scim: Provider) -> None:
    ada, ben, cal = [await scim.user() for _ in range(3)]
    one, other = await scim.group(ada["id"]), await scim.group()
    path = f"/Groups/{one['id']}"

    async def members(group: Any = one) -> set[str]:
        found = await scim.get(f"/Groups/{group['id']}")
        return {each["value"] for each in found["members"]}

    # By id, by number, by e-mail address in any case.
    named = [
        {"value": ben["id"]},
        {"value": str(cal["externalId"])},
        {"value": ada["userName"].upper()},
    ]
    await scim.patch(path, {"op": "add", "path": "members", "value": named})
    assert await members() == {ada["userName"], ben["userName"], cal["userName"]}
    gone = {"op": "remove", "path": f'members[value eq "{ben["id"]}"]'}
    await scim.patch(path, gone)
    await scim.patch(path, gone)
    assert await members() == {ada["userName"], cal["userName"]}
    assert "groups" not in await scim.get(f"/Users/{ben['id']}")
    listed = {"op": "Remove", "path": "members", "value": [{"value": cal["id"]}]}
    await scim.patch(path, listed)
    assert await members() == {ada["userName"]}
    # Whoever joins a group leaves the one before.
    moved = {"op": "add", "path": "members", "value": [{"value": ada["id"]}]}
    await scim.patch(f"/Groups/{other['id']}", moved)
    assert (await members(), await members(other)) == (set(), {ada["userName"]})
    both = [{"value": ada["id"]}, {"value": ben["id"]}]
    await scim.patch(path, {"op": "replace", "path": "members", "value": both})
    await scim.patch(path, {"op": "replace", "value": {"members": [{"value": cal["id"]}]}})
    assert await members() == {cal["userName"]}
    await scim.ok(200, "PUT", path, {"displayName": one["displayName"]})
    assert await members() == {cal["userName"]}
    await scim.patch(path, {"op": "remove", "path": "members"})
    assert await members() == set()


async def test_operations_on_members_are_done_in_order(scim: Provider) -> None:
    ada, ben = await scim.user(), await scim.user()
    path = f"/Groups/{(await scim.group())['id']}"
    add = {"op": "add", "path": "members", "value": [{"value": ada["id"]}, {"value": ben["id"]}]}
    remove = {"op": "remove", "path": f'members[value eq "{ada["id"]}"]'}
    after = await scim.patch(path, add, remove)
    assert [each["value"] for each in after["members"]] == [ben["userName"]]
    after = await scim.patch(path, remove, add)
    assert len(after["members"]) == 2
    every = {"op": "remove", "path": 'members[type eq "User"]'}
    assert (await scim.patch(path, every))["members"] == []


async def test_a_deleted_user_is_no_member(scim: Provider) -> None:
    user = await scim.user()
    group = await scim.group(user["id"])
    path = f"/Groups/{group['id']}"
    await scim.refused(403, None, "DELETE", path)
    await scim.ok(204, "DELETE", f"/Users/{user['id']}")
    assert (await scim.get(path))["members"] == []
    assert await scim.found("Groups", f'members.value eq "{user["id"]}"') == []
    await scim.ok(204, "DELETE", path)
    await scim.refused(404, None, "GET", path)
    rows = await scim.rest(f"/permissions?filter[role]={group['externalId']}")
    assert rows == []


async def test_roles_that_stay(scim: Provider) -> None:
    user = await scim.user()
    for name in ("Administrator", "Public"):
        (id,) = await scim.found("Groups", f'displayName eq "{name}"')
        await scim.refused(403, None, "DELETE", f"/Groups/{id}")
    join = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    await scim.refused_patch(400, "invalidValue", f"/Groups/{id}", join)
    assert "groups" not in await scim.get(f"/Users/{user['id']}")


async def test_only_administrators_make_administrators(scim: Provider) -> None:
    role = (await scim.made("/roles", {"name": scim.name("helpers")}))["id"]
    for collection in ("directus_roles", "directus_users"):
        query = f"filter[role]={role}&filter[collection]={collection}&limit=-1"
        for row in await scim.rest(f"/permissions?{query}"):
            change = {"read": "full", "update": "full", "create": "full"}
            await scim.world.ask("PATCH", f"/permissions/{row['id']}", json=change)
    token = await scim.token_of(role)
    user, group = await scim.user(), await scim.group()
    (administrators,) = await scim.found("Groups", 'displayName eq "Administrator"')
    join = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    body = {"schemas": [PATCH], "Operations": [join]}
    path = f"/Groups/{administrators}"
    await scim.refused(403, None, "PATCH", path, body, token=token)
    mine = {"members": [{"value": user["id"]}]}
    await scim.refused(403, None, "PUT", path, mine, token=token)
    assert "groups" not in await scim.get(f"/Users/{user['id']}")
    path = f"/Groups/{group['id']}"
    after = await scim.ok(200, "PATCH", path, body, token=token)
    assert [each["value"] for each in after["members"]] == [user["userName"]]


async def test_a_group_is_renamed_and_its_version_tells(scim: Provider) -> None:
    user, group = await scim.user(), await scim.group()
    path, version = f"/Groups/{group['id']}", group["meta"]["version"]
    renamed = await scim.patch(
        path, {"op": "replace", "value": {"id": group["id"], "displayName": scim.name("New ")}}
    )
    assert renamed["meta"]["version"] != version
    join = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    joined = await scim.patch(path, join, if_match=renamed["meta"]["version"])
    assert joined["meta"]["version"] != renamed["meta"]["version"]
    await scim.refused(412, None, "PUT", path, {"displayName": "x"}, if_match=version)
    slim = await scim.get(f"{path}?excludedAttributes=members")
    assert "members" not in slim
    assert "version" not in slim["meta"]


async def test_of_several_changes_of_one_version_one_is_done(strict: Provider) -> None:
    """A version stands for more than a row: for members, and for what the provider says."""
    users = [await strict.user() for _ in range(4)]
    group = await strict.group()

    async def asked(path: str, version: str, attribute: str, value: Any) -> int:
        operation = {"op": "add", "path": attribute, "value": value}
        body = {"schemas": [PATCH], "Operations": [operation]}
        return (await strict.ask("PATCH", path, body, if_match=version)).status_code

    async def all_but_one_are_refused(path: str, attribute: str, values: list[Any]) -> None:
        version = (await strict.get(path))["meta"]["version"]
        deeds = (asked(path, version, attribute, value) for value in values)
        assert sorted(await asyncio.gather(*deeds)) == [200, 412, 412, 412]

    joining = [[{"value": user["id"]}] for user in users]
    await all_but_one_are_refused(f"/Groups/{group['id']}", "members", joining)
    called = [strict.name() for _ in users]
    for path in (f"/Groups/{group['id']}", f"/Users/{users[0]['id']}"):
        await all_but_one_are_refused(path, "externalId", called)


async def test_operations_that_are_a_lot_to_read(scim: Provider) -> None:
    group = f"/Groups/{(await scim.group())['id']}"
    user = f"/Users/{(await scim.user())['id']}"
    bomb = f"emails[{' or '.join(['type pr'] * 300)}].value"
    many = {f"attribute{number}": 1 for number in range(4000)}
    for path, operation in (
        (user, {"op": "replace", "path": bomb, "value": "x@example.org"}),
        (user, {"op": "replace", "value": many}),
        (group, {"op": "remove", "path": f"members[{' or '.join(['value pr'] * 300)}]"}),
    ):
        times = 1 if "path" not in operation else 60
        await scim.refused_patch(413, "tooMany", path, *[operation] * times)
    nobody = {"op": "remove", "path": f'members[value eq "{"0" * 36}"]'}
    await scim.patch(group, *[nobody] * 1000)


async def test_operations_on_users(scim: Provider) -> None:
    user = await scim.user(name={"givenName": "Ada", "familyName": "Quill"}, title="Boss")
    path, address = f"/Users/{user['id']}", f"{scim.name()}@example.org"
    urn = "urn:ietf:params:scim:schemas:core:2.0:User"
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    after = await scim.patch(
        path,
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "add", "value": {"name.givenName": "Ida", "nonsense": 1}},
        {"op": "replace", "path": f"{urn}:locale", "value": "en-US"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": address},
        {"op": "add", "path": f"{enterprise}:organization", "value": "Acme"},
        {"op": "remove", "path": "TITLE"},
        {"op": "add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "1"},
    )
    assert (after["active"], after["locale"], after["userName"]) == (False, "en-US", address)
    assert after["name"] == {"givenName": "Ida", "familyName": "Quill"}
    assert after[enterprise] == {"organization": "Acme"}
    assert "title" not in after
    after = await scim.patch(
        path,
        {"op": "remove", "path": "name"},
        {"op": "remove", "path": enterprise},
        {"op": "remove", "path": 'emails[type eq "home"]'},
    )
    assert after["name"] == {"givenName": None, "familyName": None}
    assert enterprise not in after


@pytest.mark.parametrize(
    ("scim_type", "operation"),
    [
        ("noTarget", {"op": "remove"}),
        ("noTarget", {"op": "replace", "path": 'emails[type eq "home"].value', "value": "a@b.c"}),
        ("invalidPath", {"op": "replace", "path": "nonsense", "value": 1}),
        ("invalidPath", {"op": "replace", "path": "name.nonsense", "value": 1}),
        ("invalidPath", {"op": "replace", "path": "emails[", "value": 1}),
        ("invalidPath", {"op": "replace", "path": 'title[value eq "x"]', "value": 1}),
        ("invalidPath", {"op": "replace", "path": "urn:other:locale", "value": "x"}),
        ("invalidFilter", {"op": "remove", "path": "emails[nonsense pr]"}),
        ("mutability", {"op": "replace", "path": "id", "value": "x"}),
        ("mutability", {"op": "add", "path": "meta.version", "value": "x"}),
        ("mutability", {"op": "add", "path": "groups", "value": [{"value": "x"}]}),
        ("mutability", {"op": "replace", "value": {"id": "other"}}),
        ("invalidValue", {"op": "remove", "path": "userName"}),
        ("invalidValue", {"op": "remove", "path": "emails"}),
        ("invalidValue", {"op": "remove", "path": "active"}),
        ("invalidValue", {"op": "replace", "path": "userName", "value": "no address"}),
        ("invalidValue", {"op": "replace", "path": "active", "value": "perhaps"}),
        ("invalidValue", {"op": "replace", "path": "title"}),
        ("invalidValue", {"op": "add", "value": "x"}),
        ("invalidSyntax", {"op": "move", "path": "title", "value": "x"}),
        ("invalidSyntax", {"path": "title", "value": "x"}),
    ],
    ids=str,
)
async def test_operations_that_make_no_sense_change_nothing(
    scim: Provider, scim_type: str, operation: Any
) -> None:
    user = await scim.user()
    path = f"/Users/{user['id']}"
    fine = {"op": "replace", "path": "title", "value": "Boss"}
    await scim.refused_patch(400, scim_type, path, fine, operation)
    assert await scim.get(path) == user


async def test_bodies_of_operations_that_are_none(scim: Provider) -> None:
    user = await scim.user()
    path = f"/Users/{user['id']}"
    wrong: list[Any] = [[], "x", {"op": "add"}]
    for operations in wrong:
        body = {"schemas": [PATCH], "Operations": operations}
        await scim.refused(400, "invalidSyntax", "PATCH", path, body)
    many = [{"op": "replace", "path": "title", "value": "x"}] * 1001
    await scim.refused(413, "tooMany", "PATCH", path, {"Operations": many})
    group = await scim.group()
    for scim_type, operation in (
        ("mutability", {"op": "add", "path": 'members[value eq "x"]', "value": "x"}),
        ("invalidPath", {"op": "remove", "path": "members.value"}),
        ("invalidValue", {"op": "add", "path": "members", "value": [{"display": "x"}]}),
        ("invalidValue", {"op": "remove", "path": "displayName"}),
        ("invalidPath", {"op": "replace", "path": "userName", "value": "x"}),
    ):
        await scim.refused_patch(400, scim_type, f"/Groups/{group['id']}", operation)
