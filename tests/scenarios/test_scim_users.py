"""Users that an identity provider keeps. Reference: SCIM page §1 to §3, §5, §7, §8."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from tests.scenarios.provisioning import ENTERPRISE, PATCH, USER, Provider
from tests.scenarios.shop import HOST, KEY, PASSWORD

LARGE = "x" * 300


async def test_a_user_is_shown_as_directus_8_shows_it(scim: Provider) -> None:
    name = scim.name("ada")
    body = {
        "schemas": [USER],
        "userName": f"{name}@example.org",
        "externalId": name,
        "name": {"givenName": "Ada", "familyName": "Quill"},
        "locale": "nb-NO",
        "timezone": "Europe/Oslo",
        "active": True,
    }
    answer = await scim.ask("POST", "/Users", body)
    made = answer.json()
    base = made["meta"]["location"].removesuffix(f"/Users/{name}")
    assert answer.status_code == 201
    assert base.endswith(f"/{KEY}/scim/v2")
    assert answer.headers["location"] == made["meta"]["location"]
    assert answer.headers["etag"] == made["meta"]["version"]
    assert made["meta"]["version"].startswith('W/"')
    assert made == {
        "schemas": [USER],
        "id": name,
        "externalId": made["externalId"],
        "meta": {
            "resourceType": "User",
            "location": f"{base}/Users/{name}",
            "version": made["meta"]["version"],
        },
        "name": {"familyName": "Quill", "givenName": "Ada"},
        "userName": f"{name}@example.org",
        "displayName": "Ada Quill",
        "emails": [{"value": f"{name}@example.org", "type": "work", "primary": True}],
        "locale": "nb-NO",
        "preferredLanguage": "nb-NO",
        "timezone": "Europe/Oslo",
        "active": True,
    }
    assert await scim.get(f"/Users/{name}") == made
    (row,) = await scim.rest(f"/users?filter[external_id]={name}")
    assert (row["id"], row["status"], row["role"]) == (made["externalId"], "active", None)


async def test_a_user_without_much_is_made_all_the_same(scim: Provider) -> None:
    name = f"{scim.name()}@example.org"
    made = await scim.ok(201, "POST", "/Users", {"emails": [{"value": name}]})
    assert (made["userName"], made["active"], made["timezone"]) == (name, False, "UTC")
    assert (made["locale"], made["name"]) == (None, {"familyName": None, "givenName": None})
    assert str(uuid.UUID(made["id"])) == made["id"]
    (row,) = await scim.rest(f"/users?filter[email]={name}&status=*")
    assert row["status"] == "draft"


async def test_everybody_can_be_named(scim: Provider) -> None:
    """Also those of the installation, which have no id in Directus 8."""
    for kind in ("Users", "Groups"):
        listed = await scim.get(f"/{kind}?count=200")
        assert all(each["id"] for each in listed["Resources"])
    (administrator,) = await scim.found("Users", 'userName eq "admin@example.com"')
    found = await scim.get(f"/Users/{administrator}")
    assert found["externalId"] == 1
    assert found["groups"][0]["display"] == "Administrator"
    group = await scim.get(f"/Groups/{found['groups'][0]['value']}")
    assert "admin@example.com" in [each["value"] for each in group["members"]]


async def test_attributes_beside_those_of_directus_8(scim: Provider) -> None:
    user = await scim.user(
        title="Engineer",
        preferredLanguage="de-DE",
        nickName="ignored",
        phoneNumbers=[{"value": "1", "type": "mobile"}],
        **{ENTERPRISE: {"organization": "Acme", "costCenter": "ignored"}},
    )
    assert (user["title"], user["locale"]) == ("Engineer", "de-DE")
    assert user[ENTERPRISE] == {"organization": "Acme"}
    assert user["schemas"] == [USER, ENTERPRISE]
    assert not {"nickName", "phoneNumbers"} & user.keys()
    shouting = {"USERNAME": f"{scim.name()}@example.org", "Name": {"GIVENNAME": "Ida"}}
    assert (await scim.ok(201, "POST", "/Users", shouting))["name"]["givenName"] == "Ida"


async def test_put_and_patch_merge(scim: Provider) -> None:
    user = await scim.user(name={"givenName": "Ada", "familyName": "Quill"}, title="Boss")
    path = f"/Users/{user['id']}"
    put = await scim.ok(200, "PUT", path, {"id": "other", "externalId": "x", "locale": "en-US"})
    assert (put["id"], put["title"], put["locale"]) == (user["id"], "Boss", "en-US")
    put = await scim.ok(200, "PUT", path, {"name": {"givenName": "Ida"}})
    assert put["name"] == {"givenName": "Ida", "familyName": None}
    patched = await scim.ok(200, "PATCH", path, {"name": {"familyName": "Nib"}})
    assert patched["name"] == {"givenName": "Ida", "familyName": "Nib"}
    assert (await scim.ok(200, "PATCH", path, {"nickName": "x"}))["meta"] == patched["meta"]
    address = f"{scim.name()}@example.org"
    emails = [{"value": "other@example.org"}, {"value": address, "primary": True}]
    both = {"userName": f"{scim.name()}@example.org", "emails": emails}
    assert (await scim.ok(200, "PATCH", path, both))["userName"] == address


async def test_whoever_is_shut_out_is_out_at_once(scim: Provider) -> None:
    user = await scim.user(password=PASSWORD)
    path, email = f"/Users/{user['id']}", user["userName"]
    token = (await scim.signed_in(email)).json()["data"]["token"]
    me = f"/{KEY}/users/me"
    asked = {"authorization": f"Bearer {token}"}
    assert (await scim.world.client.get(me, headers=asked)).status_code in (200, 403, 404)
    before = await scim.world.client.get(f"/{KEY}/auth/check", headers=asked)
    assert before.json()["data"]["authenticated"]
    assert (await scim.ok(200, "PATCH", path, {"active": False}))["active"] is False
    after = await scim.world.client.get(f"/{KEY}/auth/check", headers=asked)
    assert not after.json()["data"]["authenticated"]
    assert (await scim.signed_in(email)).status_code == 404
    (row,) = await scim.rest(f"/users?filter[email]={email}&status=*")
    assert row["status"] == "suspended"
    assert (await scim.ok(200, "PATCH", path, {"active": "True"}))["active"] is True
    assert (await scim.signed_in(email)).status_code == 200


async def test_nobody_active_is_not_suspended(scim: Provider) -> None:
    user = await scim.ok(201, "POST", "/Users", {"userName": f"{scim.name()}@example.org"})
    await scim.ok(200, "PATCH", f"/Users/{user['id']}", {"active": False})
    (row,) = await scim.rest(f"/users?filter[email]={user['userName']}&status=*")
    assert row["status"] == "draft"


async def test_a_deleted_user_is_gone_and_kept(scim: Provider) -> None:
    user = await scim.user(password=PASSWORD)
    path = f"/Users/{user['id']}"
    await scim.ok(204, "DELETE", path)
    for method, body in (("GET", None), ("PATCH", {"active": True}), ("DELETE", None)):
        await scim.refused(404, None, method, path, body)
    assert await scim.found("Users", f'id eq "{user["id"]}"') == []
    (row,) = await scim.rest(f"/users?filter[email]={user['userName']}&status=*")
    assert row["status"] == "deleted"
    query = f"filter[collection]=directus_users&filter[item]={row['id']}&sort=id"
    deeds = [each["action"] for each in await scim.rest(f"/activity?{query}")]
    assert "soft-delete" in deeds
    taken = {"userName": user["userName"].upper()}
    await scim.refused(409, "uniqueness", "POST", "/Users", taken)


async def test_what_others_have_is_taken(scim: Provider) -> None:
    one, other = await scim.user(), await scim.user()
    for method, path, body in (
        ("POST", "/Users", {"userName": one["userName"].upper()}),
        ("POST", "/Users", {"userName": "new@example.org", "externalId": one["id"]}),
        ("PATCH", f"/Users/{other['id']}", {"userName": one["userName"]}),
    ):
        await scim.refused(409, "uniqueness", method, path, body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"userName": "no address"},
        {"userName": None},
        {"userName": {"value": "x"}},
        {"emails": "x"},
        {"emails": [1]},
        {"emails": []},
        {"active": "perhaps"},
        {"active": 1},
        {"name": "Ada"},
        {"locale": "far-too-long"},
        {"userName": "a\0b@example.org"},
        {"title": LARGE},
    ],
    ids=str,
)
async def test_values_that_make_no_sense(scim: Provider, body: dict[str, Any]) -> None:
    whole = body if "userName" in body or not body else {"userName": "fine@example.org", **body}
    if body.get("emails") == []:
        whole = body
    await scim.refused(400, "invalidValue", "POST", "/Users", whole)
    assert await scim.found("Users", 'userName eq "fine@example.org"') == []


async def test_bodies_that_are_none(scim: Provider) -> None:
    path = f"/{KEY}/scim/v2/Users"
    headers = {"authorization": f"Bearer {scim.world.token}"}
    for content in (b"", b"{", b"[]", b'"x"'):
        answer = await scim.world.client.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidSyntax")
    form = await scim.world.client.post(path, data={"userName": "a@example.org"}, headers=headers)
    assert (form.status_code, form.json()["scimType"]) == (400, "invalidSyntax")
    wrong = {"schemas": [PATCH], "userName": "a@example.org"}
    await scim.refused(400, "invalidSyntax", "POST", "/Users", wrong)


async def test_versions(scim: Provider) -> None:
    user = await scim.user()
    path, version = f"/Users/{user['id']}", user["meta"]["version"]
    known = await scim.ask("GET", path, if_none_match=version)
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["etag"] == version
    assert (await scim.ask("GET", path, if_none_match='W/"other"')).status_code == 200
    changed = await scim.ok(200, "PATCH", path, {"title": "Boss"}, if_match=version)
    newer = changed["meta"]["version"]
    assert newer != version
    for method, body in (("PUT", {"title": "x"}), ("PATCH", {"title": "x"}), ("DELETE", None)):
        await scim.refused(412, None, method, path, body, if_match=version)
    assert (await scim.get(path))["title"] == "Boss"
    await scim.ok(200, "PATCH", path, {"title": "x"}, if_match="*")
    latest = (await scim.get(path))["meta"]["version"]
    await scim.ok(204, "DELETE", path, if_match=f'W/"other", {latest}')
    await scim.refused(404, None, "DELETE", path, if_match="*")


async def test_of_several_changes_of_one_version_one_is_done(scim: Provider) -> None:
    user = await scim.user()
    path, version = f"/Users/{user['id']}", user["meta"]["version"]

    async def retitled(number: int) -> int:
        body = {"title": f"Title {number}"}
        return (await scim.ask("PATCH", path, body, if_match=version)).status_code

    answers = await asyncio.gather(*(retitled(number) for number in range(5)))
    assert sorted(answers) == [200, 412, 412, 412, 412]


async def test_who_may_provision(scim: Provider) -> None:
    role = (await scim.made("/roles", {"name": scim.name("role")}))["id"]
    everyday = await scim.token_of(role)
    for path in ("/Users", "/Groups"):
        answer = await scim.ask("GET", path, token="")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        await scim.refused(401, None, "GET", path, token="")
        await scim.refused(401, None, "GET", path, token="no-token-of-anybody")
        await scim.refused(403, None, "GET", path, token=everyday)
    await scim.refused(403, None, "POST", "/Users", {"userName": "x@example.org"}, token=everyday)
    bulk = {"Operations": [{"method": "DELETE", "path": "/Users/x"}]}
    await scim.refused(403, None, "POST", "/Bulk", bulk, token=everyday)
    await scim.refused(403, None, "POST", "/.search", {}, token=everyday)


async def test_who_may_provision_users_alone_is_no_administrator(scim: Provider) -> None:
    role = (await scim.made("/roles", {"name": scim.name("helpers")}))["id"]
    rows = await scim.rest(
        f"/permissions?filter[role]={role}&filter[collection]=directus_users&limit=-1"
    )
    for row in rows:
        change = {"read": "full", "update": "full", "create": "full"}
        done = await scim.world.ask("PATCH", f"/permissions/{row['id']}", json=change)
        assert done.status_code == 200
    token = await scim.token_of(role)
    made = await scim.ok(
        201, "POST", "/Users", {"userName": f"{scim.name()}@example.org"}, token=token
    )
    path = f"/Users/{made['id']}"
    assert (await scim.ok(200, "PATCH", path, {"active": True}, token=token))["active"] is True
    (administrator,) = await scim.found("Users", 'userName eq "admin@example.com"')
    await scim.refused(403, None, "PATCH", f"/Users/{administrator}", {"title": "x"}, token=token)
    await scim.refused(403, None, "DELETE", f"/Users/{administrator}", token=token)
    stated = {"userName": f"{scim.name()}@example.org", "externalId": scim.name()}
    await scim.refused(403, None, "POST", "/Users", stated, token=token)
    await scim.refused(403, None, "GET", "/Groups", token=token)
    hidden = await scim.ok(200, "GET", "/Users?count=200", token=token)
    assert all(each["active"] is not None for each in hidden["Resources"])


async def test_what_is_wrong_with_the_answer_is_said_before_anything_is_written(
    scim: Provider,
) -> None:
    name = f"{scim.name()}@example.org"
    asked = "?attributes[x]=1"
    await scim.refused(400, "invalidValue", "POST", f"/Users{asked}", {"userName": name})
    assert await scim.found("Users", f'userName eq "{name}"') == []
    made = await scim.ok(201, "POST", "/Users", {"userName": name})
    for method in ("PATCH", "PUT"):
        body = {"userName": name, "title": "x"}
        path = f"/Users/{made['id']}{asked}"
        await scim.refused(400, "invalidValue", method, path, body)
    assert await scim.ok(200, "GET", f"/Users/{made['id']}") == made


async def test_keys_that_are_kept_back_tell_resources_apart(scim: Provider) -> None:
    role = (await scim.made("/roles", {"name": scim.name("helpers")}))["id"]
    change = {"read": "full", "update": "full", "create": "full", "read_field_blacklist": ["id"]}
    for name in ("directus_users", "directus_roles"):
        query = f"filter[role]={role}&filter[collection]={name}&limit=-1"
        for row in await scim.rest(f"/permissions?{query}"):
            done = await scim.world.ask("PATCH", f"/permissions/{row['id']}", json=change)
            assert done.status_code == 200
    token = await scim.token_of(role)
    for path in ("/Users", "/Groups"):
        listed = await scim.ok(200, "GET", f"{path}?count=200", token=token)
        ids = [each["id"] for each in listed["Resources"]]
        assert len(set(ids)) == len(ids) == listed["totalResults"]
        one = await scim.ok(200, "GET", f"{path}/{ids[-1]}", token=token)
        assert one == listed["Resources"][-1]
    body = {"userName": f"{scim.name()}@example.org", "active": True}
    made = await scim.ok(201, "POST", "/Users", body, token=token)
    group = await scim.ok(201, "POST", "/Groups", {"displayName": scim.name()}, token=token)
    members = {"members": [{"value": made["id"]}]}
    joined = await scim.ok(200, "PATCH", f"/Groups/{group['id']}", members, token=token)
    assert len(joined["members"]) == 1


async def test_attributes_that_are_nobodys_business(scim: Provider) -> None:
    """Mass assignment: what SCIM does not name cannot be written by it."""
    for name, value in (
        *(("role", 1), ("roles", [{"value": "1"}]), ("token", "stolen" * 4)),
        *(("groups", [{"value": "1"}]), ("2fa_secret", "A" * 32), ("status", "active")),
    ):
        user = await scim.ok(
            201, "POST", "/Users", {"userName": f"{scim.name()}@example.org", name: value}
        )
        (row,) = await scim.rest(f"/users?filter[email]={user['userName']}&status=*")
        assert (row["role"], row["token"], row["2fa_secret"]) == (None, None, None)
        assert row["status"] == "draft"


async def test_the_last_administrator_stays(scim: Provider) -> None:
    (administrator,) = await scim.found("Users", 'userName eq "admin@example.com"')
    path = f"/Users/{administrator}"
    group = (await scim.get(path))["groups"][0]["value"]
    await scim.refused(403, None, "PATCH", path, {"active": False})
    await scim.refused(403, None, "DELETE", path)
    leave = {"op": "remove", "path": "members"}
    await scim.refused_patch(403, None, f"/Groups/{group}", leave)
    await scim.refused(403, None, "PUT", f"/Groups/{group}", {"members": []})
    assert (await scim.get(path))["active"] is True


async def test_a_cookie_reads_and_writes_nothing(scim: Provider) -> None:
    answer = await scim.world.client.post(
        f"/{KEY}/auth/authenticate",
        json={"email": "admin@example.com", "password": PASSWORD, "mode": "cookie"},
    )
    cookie = answer.headers["set-cookie"].partition(";")[0]
    scim.world.client.cookies.clear()
    assert (await scim.ask("GET", "/Users", token="", cookie=cookie)).status_code == 200
    for method, path, body in (
        ("POST", "/Users", {"userName": "cookie@example.org"}),
        ("POST", "/Users/.search", {}),
        ("DELETE", "/Users/x", None),
    ):
        await scim.refused(403, None, method, path, body, token="", cookie=cookie)
        own = {"cookie": cookie, "origin": HOST}
        await scim.refused(401, None, method, path, body, token="", **own)
    scim.world.client.cookies.clear()


async def test_ids_of_clients_are_only_text_in_a_bulk(scim: Provider) -> None:
    """As Directus 8 has it, a client chooses ids: they are put where they are referred to."""
    id = f'{scim.name()}"}}/../%2F\\'
    name = scim.name("Group ")
    told = await scim.ok(
        200,
        "POST",
        "/Bulk",
        {
            "Operations": [
                {
                    "method": "POST", "path": "/Groups", "bulkId": "g",
                    "data": {"displayName": name, "members": [{"value": "bulkId:u"}]},
                },
                {
                    "method": "POST", "path": "/Users", "bulkId": "u",
                    "data": {"userName": f"{scim.name()}@example.org", "externalId": id},
                },
                {"method": "PATCH", "path": "/Users/bulkId:u", "data": {"title": "Boss"}},
            ]
        },
    )  # fmt: skip
    assert [each["status"] for each in told["Operations"]] == ["201", "201", "200"]
    (group,) = await scim.found("Groups", f'displayName eq "{name}"')
    assert len((await scim.get(f"/Groups/{group}"))["members"]) == 1
    (found,) = await scim.found("Users", f'title eq "Boss" and groups.value eq "{group}"')
    assert found == id


async def test_paths_and_methods_that_there_are_not(scim: Provider) -> None:
    await scim.refused(404, None, "GET", "/Nothing")
    await scim.refused(404, None, "GET", "")
    await scim.refused(404, None, "GET", "/Users/none/more")
    for method, path in (("PUT", "/Users"), ("POST", "/Schemas"), ("DELETE", "/ResourceTypes")):
        answer = await scim.ask(method, path, {})
        assert answer.status_code == 405
        assert answer.headers["allow"]
        await scim.refused(405, None, method, path, {})
    await scim.refused(501, None, "PATCH", "/Me", {})
    assert (await scim.get("/Me"))["userName"] == "admin@example.com"


async def test_one_project_does_not_know_the_ids_of_what_cannot_be(scim: Provider) -> None:
    for id in ("none", "1", "../Users", "%27%20or%201=1", "x" * 300):
        await scim.refused(404, None, "GET", f"/Users/{id.replace('/', '%2F')}")
    await scim.refused(400, "invalidValue", "GET", "/Users/%00")
