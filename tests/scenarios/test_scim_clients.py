"""What Okta and Microsoft Entra ID send, in the order in which they send it.

As their documentation has it. Reference: SCIM page §11.
"""

from __future__ import annotations

import uuid
from typing import Any

from tests.scenarios.provisioning import ENTERPRISE, GROUP, LIST, PATCH, USER, Provider
from tests.scenarios.shop import PASSWORD

TYPE_SENT = "application/scim+json; charset=utf-8"


def listed(*resources: Any) -> dict[str, Any]:
    """An answer to a look-up, but for the resources' own details."""
    return {
        "schemas": [LIST],
        "totalResults": len(resources),
        "startIndex": 1,
        "itemsPerPage": len(resources),
    }


async def okta(project: Provider) -> None:
    """Test of the connection, user, group push, deactivation."""
    name = project.name("okta")
    address = f"{name}@example.org"
    headers = {"accept": "application/scim+json", "content_type": TYPE_SENT}
    probe = await project.ok(200, "GET", "/Users?startIndex=1&count=2", **headers)
    assert probe["itemsPerPage"] <= 2
    look = f"/Users?filter=userName%20eq%20%22{name}%40example.org%22&startIndex=1&count=100"
    found = await project.ok(200, "GET", look, **headers)
    assert {**found, "Resources": None} == {**listed(), "Resources": None}
    made = await project.ok(
        201,
        "POST",
        "/Users",
        {
            "schemas": [USER],
            "userName": address,
            "name": {"givenName": "Olga", "familyName": "Okta"},
            "emails": [{"primary": True, "value": address, "type": "work"}],
            "displayName": "Olga Okta",
            "locale": "en-US",
            "externalId": f"00u{name}",
            "groups": [],
            "password": PASSWORD,
            "active": True,
        },
        **headers,
    )
    assert (made["active"], made["userName"]) == (True, address)
    assert (await project.ok(200, "GET", look, **headers))["Resources"] == [made]
    path = f"/Users/{made['id']}"
    assert await project.get(path) == made
    assert (await project.signed_in(address)).status_code == 200
    # A profile that changed comes as the whole resource.
    update = {**made, "name": {"givenName": "Olga", "familyName": "Renamed"}}
    assert (await project.ok(200, "PUT", path, update))["name"]["familyName"] == "Renamed"
    # A group is pushed with its name, its members follow.
    title = project.name("Okta group ")
    quoted = title.replace(" ", "%20")
    query = f"/Groups?filter=displayName%20eq%20%22{quoted}%22&startIndex=1&count=100"
    assert (await project.get(query))["totalResults"] == 0
    body = {"schemas": [GROUP], "displayName": title, "members": []}
    group = await project.ok(201, "POST", "/Groups", body)
    place = f"/Groups/{group['id']}"
    member = {"value": made["id"], "display": address}
    joined = await project.patch(place, {"op": "add", "path": "members", "value": [member]})
    assert len(joined["members"]) == 1
    rename = {"id": group["id"], "displayName": f"{title} 2"}
    renamed = await project.patch(place, {"op": "replace", "value": rename})
    assert renamed["displayName"] == f"{title} 2"
    left = f'members[value eq "{made["id"]}"]'
    assert not (await project.patch(place, {"op": "remove", "path": left})).get("members")
    replaced = await project.patch(place, {"op": "replace", "path": "members", "value": [member]})
    assert len(replaced["members"]) == 1
    # Whoever is taken off the application is deactivated, with a body of one attribute.
    off = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    assert (await project.ok(200, "PATCH", path, off))["active"] is False
    assert (await project.signed_in(address)).status_code == 404
    on = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": True}}]}
    assert (await project.ok(200, "PATCH", path, on))["active"] is True


async def entra(project: Provider) -> None:
    """Test of the connection, matching, create, update, disable, groups, soft delete."""
    name = project.name("entra")
    address = f"{name}@example.org"
    nobody = uuid.uuid4()
    probe = await project.get(f"/Users?filter=userName+eq+%22{nobody}%22")
    assert {**probe, "Resources": None} == {**listed(), "Resources": None}
    assert probe["Resources"] == []
    external = str(uuid.uuid4())
    assert await project.found("Users", f'externalId eq "{external}"') == []
    made = await project.ok(
        201,
        "POST",
        "/Users",
        {
            "schemas": [USER, ENTERPRISE],
            "externalId": external,
            "userName": address,
            "active": True,
            "displayName": "Emil Entra",
            "emails": [{"primary": True, "type": "work", "value": address}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Emil Entra", "familyName": "Entra", "givenName": "Emil"},
            "roles": [],
            "title": "Manager",
            "preferredLanguage": "de-DE",
            "addresses": [{"type": "work", "formatted": "Here"}],
            ENTERPRISE: {"department": "Sales", "organization": "Contoso"},
        },
        content_type="application/scim+json; charset=utf-8",
    )
    path = f"/Users/{made['id']}"
    assert made[ENTERPRISE] == {"organization": "Contoso"}
    assert await project.found("Users", f'externalId eq "{external}"') == [made["id"]]
    assert await project.found("Users", f'userName eq "{address.upper()}"') == [made["id"]]
    assert await project.get(path) == made
    moved = f"{name}.new@example.org"
    changed = await project.patch(
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": moved},
        {"op": "Replace", "path": "name.familyName", "value": "Nova"},
        {"op": "Add", "path": "title", "value": "Boss"},
        {"op": "Replace", "path": "displayName", "value": "Emil Nova"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Ops"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+1 555"},
        {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "NO"},
        {"op": "Replace", "path": "userName", "value": moved},
        {"op": "Replace", "path": "externalId", "value": external},
    )
    assert (changed["userName"], changed["title"]) == (moved, "Boss")
    assert changed["emails"][0]["value"] == moved
    assert changed["name"] == {"familyName": "Nova", "givenName": "Emil"}
    disabled = await project.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    assert disabled["active"] is False
    enabled = await project.patch(path, {"op": "Replace", "path": "active", "value": "True"})
    assert enabled["active"] is True
    pathless = {"active": "False", "name.givenName": "Emilia", "title": "Away"}
    merged = await project.patch(path, {"op": "replace", "value": pathless})
    assert (merged["active"], merged["title"]) == (False, "Away")
    assert merged["name"]["givenName"] == "Emilia"
    # Groups are looked up without their members.
    title = project.name("Entra group ")
    query = (
        f"/Groups?excludedAttributes=members&filter=displayName+eq+%22{title.replace(' ', '+')}%22"
    )
    assert (await project.get(query))["totalResults"] == 0
    body = {
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/Group"],
        "externalId": str(uuid.uuid4()),
        "displayName": title,
        "meta": {"resourceType": "Group"},
    }
    group = await project.ok(201, "POST", "/Groups", body)
    found = await project.get(query)
    assert [each["id"] for each in found["Resources"]] == [group["id"]]
    assert "members" not in found["Resources"][0]
    place = f"/Groups/{group['id']}"
    slim = await project.get(f"{place}?excludedAttributes=members")
    assert "members" not in slim
    join = {"op": "Add", "path": "members", "value": [{"$ref": None, "value": made["id"]}]}
    assert len((await project.patch(place, join))["members"]) == 1
    member = f'id eq "{group["id"]}" and members eq "{made["id"]}"'
    assert await project.found("Groups", member) == [group["id"]]
    leave = {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": made["id"]}]}
    assert not (await project.patch(place, leave)).get("members")
    assert await project.found("Groups", member) == []
    rename = {"op": "Replace", "path": "displayName", "value": f"{title} 2"}
    assert (await project.patch(place, rename))["displayName"] == f"{title} 2"
    await project.ok(204, "DELETE", place)
    await project.ok(204, "DELETE", path)
    await project.refused(404, None, "GET", path)


async def test_okta(scim: Provider) -> None:
    await okta(scim)


async def test_okta_strictly(strict: Provider) -> None:
    await okta(strict)


async def test_entra(scim: Provider) -> None:
    await entra(scim)


async def test_entra_strictly(strict: Provider) -> None:
    await entra(strict)


async def test_entra_with_a_name_that_is_not_the_address(strict: Provider) -> None:
    """The principal name and the mail address of a user are two things there."""
    name = strict.name("upn")
    principal, address = f"{name}@corp.example.com", f"{name}@example.org"
    body = {
        "schemas": [USER],
        "userName": principal,
        "externalId": str(uuid.uuid4()),
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": address}],
    }
    made = await strict.ok(201, "POST", "/Users", body)
    assert (made["userName"], made["emails"][0]["value"]) == (principal, address)
    for again in (principal, principal.upper()):
        assert await strict.found("Users", f'userName eq "{again}"') == [made["id"]]
    assert await strict.found("Users", f'userName eq "{address}"') == []
    assert await strict.found("Users", f'emails eq "{address}"') == [made["id"]]
