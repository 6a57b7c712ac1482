"""Filters, order, pages, projections, `.search`, discovery. Reference: SCIM page §3, §4, §8."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.scenarios.provisioning import LIST, Provider

MARK = "filtered"


class People(Struct, frozen=True):
    """Six users that the filters of this page are about, and three groups."""

    scim: Provider
    ids: dict[str, str]
    names: dict[str, str]

    async def who(self, filter: str, more: str = "") -> list[str]:
        """The short names of those that a filter finds, in the order of the answer."""
        asked = f'timezone eq "{self.ids["zone"]}" and ({filter})'
        return [self.names[id] for id in await self.scim.found("Users", asked, more)]


_made: dict[int, People] = {}


@pytest.fixture
async def people(scim: Provider) -> People:
    found = _made.get(id(scim))
    if found is None:
        found = _made[id(scim)] = await make(scim)
    return found


async def make(scim: Provider) -> People:
    zone = scim.name("Zone/")
    common = {"timezone": zone}
    ids, names = {"zone": zone}, {}
    for short, attributes in (
        ("ada", {"name": {"givenName": "Ada", "familyName": "O'Quill"}, "title": "Boss"}),
        ("ben", {"name": {"givenName": "ben"}, "active": False, "locale": "de-DE"}),
        ("cal", {"name": {"givenName": "Cal", "familyName": "100%_sure"}, "title": "boss"}),
        ("dée", {"name": {"givenName": "Dée \\ Ünal"}, "locale": "en-US"}),
        ("eve", {}),
    ):
        address = f"{short.replace('é', 'e')}.{scim.name()}@Example.org"
        user = await scim.user(**{**common, **attributes, "userName": address})
        ids[short], names[user["id"]] = user["id"], short
    group = await scim.group(ids["ada"], ids["eve"], displayName=scim.name("Filtered "))
    other = await scim.group(ids["ben"], displayName=scim.name("filtered "))
    ids |= {"group": group["id"], "other": other["id"]}
    return People(scim, ids, names)


FILTERS = [
    ("every user", "userName pr", "ada ben cal dée eve"),
    ("case does not count", 'name.givenName eq "ADA"', "ada"),
    ("nor beyond ASCII", 'name.givenName eq "DÉE \\\\ ünal"', "dée"),
    ("not where it is missing", 'title eq "boss"', "ada cal"),
    ("what is missing differs", 'title ne "BOSS"', "ben dée eve"),
    ("negated as a whole", 'not (title eq "boss")', "ben dée eve"),
    ("twice", 'not (not (title eq "boss"))', "ada cal"),
    ("contains", 'name.givenName co "E"', "ben dée"),
    ("wildcards are letters", 'name.familyName co "%_"', "cal"),
    ("begins", 'name.givenName sw "b"', "ben"),
    ("ends", 'name.familyName ew "QUILL"', "ada"),
    ("quotes are letters", "name.familyName eq \"O'Quill\"", "ada"),
    ("backslashes too", 'name.givenName sw "dée \\\\"', "dée"),
    ("order", 'name.givenName gt "Ca" and name.givenName lt "Cz"', "cal"),
    ("order with ends", 'locale ge "de-DE" and locale le "de-DE"', "ben"),
    ("active", "active eq true", "ada cal dée eve"),
    ("inactive", "active eq false", "ben"),
    ("other than active", "active ne true", "ben"),
    ("as Entra writes it", 'active eq "False"', "ben"),
    ("always a value", "active pr", "ada ben cal dée eve"),
    ("presence", "locale pr", "ben dée"),
    ("null", "title eq null", "ben dée eve"),
    ("not null", "title ne null", "ada cal"),
    ("parts", "name pr", "ada ben cal dée"),
    ("no parts", "not (name pr)", "eve"),
    ("and before or", 'title pr or locale pr and active eq false', "ada ben cal"),
    ("brackets", '(title pr or locale pr) and active eq false', "ben"),
    ("not before and", 'not (title pr) and locale pr', "ben dée"),
    ("names in any case", 'ACTIVE EQ TRUE AND NAME.GIVENNAME SW "c"', "cal"),
    ("with its schema", 'urn:ietf:params:scim:schemas:core:2.0:User:title pr', "ada cal"),
    ("the address", 'emails co "BEN."', "ben"),
    ("its value", 'emails.value sw "ada."', "ada"),
    ("its type", 'emails.type eq "WORK"', "ada ben cal dée eve"),
    ("another type", 'emails.type eq "home"', ""),
    ("primary", "emails.primary eq true", "ada ben cal dée eve"),
    ("all of one address", 'emails[type eq "work" and value sw "cal."]', "cal"),
    ("none of one address", 'emails[type eq "home" or not (value co "@")]', ""),
    ("as Entra writes it too", 'emails[type eq "work"].value sw "cal."', "cal"),
    ("nothing to look for", 'name.familyName co ""', "ada cal"),
    ("escapes", 'name.givenName eq "\\u0041da"', "ada"),
]  # fmt: skip


@pytest.mark.parametrize(("says", "filter", "who"), FILTERS, ids=[row[0] for row in FILTERS])
async def test_filters(people: People, says: str, filter: str, who: str) -> None:
    assert await people.who(filter) == who.split()


async def test_filters_by_ids_and_groups(people: People) -> None:
    scim, ids = people.scim, people.ids
    ada = await scim.get(f"/Users/{ids['ada']}")
    assert await people.who(f'id eq "{ids["ada"]}"') == ["ada"]
    assert await people.who(f'id eq "{ids["ada"].upper()}"') == []
    assert await people.who(f'externalId eq "{ids["ada"]}"') == ["ada"]
    assert await people.who(f'id eq "{ada["externalId"]}"') == ["ada"]
    assert await people.who(f'externalId eq "{ada["externalId"]}"') == []
    for filter in (f'groups eq "{ids["group"]}"', f'groups[value eq "{ids["group"]}"]'):
        assert await people.who(filter) == ["ada", "eve"]
        assert await people.who(f"not ({filter})") == ["ben", "cal", "dée"]
    assert await people.who("groups pr") == ["ada", "ben", "eve"]

    async def groups(filter: str) -> list[str]:
        known = (ids["group"], ids["other"])
        return [id for id in await scim.found("Groups", filter, "&count=200") if id in known]

    ben = await scim.get(f"/Users/{ids['ben']}")
    assert await groups(f'members eq "{ids["ada"]}"') == [ids["group"]]
    assert await groups(f'members.value eq "{ben["userName"].upper()}"') == [ids["other"]]
    one = f'members[value eq "{ids["ada"]}" and value eq "{ids["eve"]}"]'
    assert await groups(one) == []
    both = f'members.value eq "{ids["ada"]}" and members.value eq "{ids["eve"]}"'
    assert await groups(both) == [ids["group"]]
    assert await groups(f'not (members[value eq "{ids["ada"]}"])') == [ids["other"]]
    assert await groups(f'members.value ne "{ids["ada"]}" and members pr') == [ids["other"]]
    assert await groups('displayName sw "FILTERED"') == [ids["group"], ids["other"]]


REFUSED = [
    "", "userName", "userName eq", 'userName like "x"', 'userName eq "x', "userName eq x",
    'nonsense eq "x"', 'name.nonsense eq "x"', 'password eq "x"', 'token eq "x"', "role eq 1",
    'password sw "$argon"', '2fa_secret pr', 'directus_users.email eq "x"', 'userName eq true',
    'active gt true', 'active co "t"', 'active eq "perhaps"', "title gt null", 'name eq "x"',
    'emails[nonsense eq "x"]', 'emails[emails[value pr]]', 'title[value eq "x"]',
    'userName eq "a\\u0000b"', 'meta.lastModified gt "2011-05-13T04:42:34Z"',
    '(' * 40 + 'title pr' + ')' * 40 + ' and', "x" * 4097, 'title eq "x"; DROP TABLE x',
]  # fmt: skip


@pytest.mark.parametrize("filter", REFUSED, ids=lambda text: text[:40])
async def test_filters_that_make_no_sense(scim: Provider, filter: str) -> None:
    if not filter:
        assert (await scim.get("/Users?filter="))["totalResults"] > 0
        return
    await scim.refused(400, "invalidFilter", "GET", f"/Users?filter={quote(filter)}")


async def test_filters_that_ask_too_much(scim: Provider) -> None:
    deep = "title pr"
    for _ in range(17):
        deep = f"not ({deep})"
    await scim.refused(400, "invalidFilter", "GET", f"/Users?filter={quote(deep)}")
    many = " or ".join(["title pr"] * 201)
    await scim.refused(400, "tooMany", "GET", f"/Users?filter={quote(many)}")
    await scim.refused(400, "invalidFilter", "GET", '/Groups?filter=userName%20eq%20"x"')


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=20).filter(lambda text: "\0" not in text))
async def test_any_text_is_only_text(people: People, text: str) -> None:
    """However it is spelt, it finds whoever has it and nobody else."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    asked = json.dumps(text)
    for operator in ("eq", "sw", "co"):
        found = await people.who(f"name.familyName {operator} {asked}")
        assert set(found) <= {"ada", "cal"}
    assert await people.who(f"name.familyName eq {asked} or title pr") == ["ada", "cal"]


async def test_pages(people: People) -> None:
    scim = people.scim
    base = f"/Users?filter=timezone%20eq%20%22{quote(people.ids['zone'], safe='')}%22"

    async def page(more: str) -> tuple[int, int, int, list[str]]:
        answer = await scim.get(base + more)
        assert answer["schemas"] == [LIST]
        who = [people.names[each["id"]] for each in answer["Resources"]]
        assert answer["itemsPerPage"] == len(who)
        return answer["totalResults"], answer["startIndex"], answer["itemsPerPage"], who

    everybody = ["ada", "ben", "cal", "dée", "eve"]
    assert await page("") == (5, 1, 5, everybody)
    assert await page("&startIndex=2&count=2") == (5, 2, 2, ["ben", "cal"])
    assert await page("&startIndex=0") == (5, 1, 5, everybody)
    assert await page("&startIndex=-5&count=1") == (5, 1, 1, ["ada"])
    assert await page("&startIndex=9") == (5, 9, 0, [])
    assert await page("&count=0") == (5, 1, 0, [])
    assert await page("&count=-1") == (5, 1, 0, [])
    assert await page("&count=100000") == (5, 1, 5, everybody)
    for wrong in ("count=x", "startIndex=1.5", "sortOrder=sideways"):
        await scim.refused(400, "invalidValue", "GET", f"/Users?{wrong}")


@pytest.mark.parametrize(
    "more", ["", "&sortBy=name.familyName", "&sortBy=title&sortOrder=descending"]
)
async def test_pages_that_follow_each_other(people: People, more: str) -> None:
    base = f"/Users?filter=timezone%20eq%20%22{quote(people.ids['zone'], safe='')}%22{more}"
    whole = [each["id"] for each in (await people.scim.get(base))["Resources"]]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await people.scim.get(f"{base}&count=2&cursor={cursor}")
        assert answer["totalResults"] == 5
        assert "startIndex" not in answer
        found += [each["id"] for each in answer["Resources"]]
        cursor = answer.get("nextCursor")
    assert found == whole
    first = (await people.scim.get(f"{base}&count=2&cursor="))["nextCursor"]
    for wrong in (f"/Users?cursor={first}", "/Users?cursor=xyz", "/Users?cursor=%C3%A9"):
        await people.scim.refused(400, "invalidCursor", "GET", wrong)


async def test_order(people: People) -> None:
    assert await people.who("name pr", "&sortBy=name.givenName")
    by_name = await people.who("title pr", "&sortBy=emails.value&sortOrder=descending")
    assert by_name == ["cal", "ada"]
    by_flag = await people.who("locale pr", "&sortBy=externalId")
    assert sorted(by_flag) == ["ben", "dée"]
    for wrong in ("nonsense", "password", "meta.created", "groups"):
        await people.scim.refused(400, "invalidPath", "GET", f"/Users?sortBy={wrong}")


async def test_what_is_shown(people: People) -> None:
    scim, path = people.scim, f"/Users/{people.ids['ada']}"

    async def keys(more: str) -> set[str]:
        one = await scim.get(f"{path}?{more}")
        many = await scim.get(f"/Users?filter=id%20eq%20%22{people.ids['ada']}%22&{more}")
        assert many["Resources"] == [one]
        return set(one)

    whole = set(await scim.get(path))
    assert await keys("attributes=userName,NAME.givenname,password") == {
        *("schemas", "id", "userName", "name")
    }
    assert (await scim.get(f"{path}?attributes=name.givenName"))["name"] == {"givenName": "Ada"}
    assert await keys("excludedAttributes=emails,id,schemas,groups") == whole - {"emails", "groups"}
    less = await scim.get(f"{path}?excludedAttributes=emails.primary")
    assert set(less["emails"][0]) == {"value", "type"}
    both = "/Users?attributes=userName&excludedAttributes=emails"
    await scim.refused(400, "invalidValue", "GET", both)
    made = await scim.ok(
        201, "POST", "/Users?attributes=userName", {"userName": f"{scim.name()}@example.org"}
    )
    assert set(made) == {"schemas", "id", "userName"}


async def test_search(people: People) -> None:
    scim, ids = people.scim, people.ids
    message = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
    zone = f'timezone eq "{ids["zone"]}"'
    body = {
        "schemas": [message], "filter": zone, "startIndex": 2, "count": 2,
        "attributes": ["userName"], "sortBy": "name.givenName",
    }  # fmt: skip
    found = await scim.ok(200, "POST", "/Users/.search", body)
    assert (found["totalResults"], found["startIndex"], found["itemsPerPage"]) == (5, 2, 2)
    assert set(found["Resources"][0]) == {"schemas", "id", "userName"}
    groups = await scim.ok(200, "POST", "/Groups/.search", {"filter": 'displayName sw "filtered"'})
    assert groups["totalResults"] == 2
    # Users and groups at once: what one kind lacks does not hold for it.
    every = f'{zone} or displayName sw "filtered"'
    both = await scim.ok(200, "POST", "/.search", {"filter": every, "startIndex": 5, "count": 2})
    assert both["totalResults"] == 7
    assert [each["meta"]["resourceType"] for each in both["Resources"]] == ["User", "Group"]
    rest = await scim.ok(200, "POST", "/.search", {"filter": every, "startIndex": 7, "count": 9})
    assert [each["id"] for each in rest["Resources"]] == [ids["other"]]
    await scim.refused(400, "invalidFilter", "POST", "/.search", {"filter": "nonsense pr"})
    await scim.refused(400, "invalidSyntax", "POST", "/Users/.search", {"schemas": ["x"]})
    await scim.refused(400, "invalidValue", "POST", "/Users/.search", {"attributes": [1]})


async def test_discovery_is_open_to_everybody(scim: Provider) -> None:
    said: Any = await scim.ok(200, "GET", "/ServiceProviderConfig", token="")
    assert said["patch"] == said["sort"] == said["etag"] == {"supported": True}
    assert said["bulk"] == {
        "supported": True, "maxOperations": 1000, "maxPayloadSize": 1048576
    }  # fmt: skip
    assert said["filter"] == {"supported": True, "maxResults": 200}
    assert said["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    types = await scim.ok(200, "GET", "/ResourceTypes", token="")
    assert [each["endpoint"] for each in types["Resources"]] == ["/Users", "/Groups"]
    assert await scim.get("/ResourceTypes/User") == types["Resources"][0]
    schemas = await scim.ok(200, "GET", "/Schemas", token="")
    for schema in schemas["Resources"]:
        assert await scim.get(f"/Schemas/{schema['id']}") == schema
    (password,) = [
        each for each in schemas["Resources"][0]["attributes"] if each["name"] == "password"
    ]
    assert (password["mutability"], password["returned"]) == ("writeOnly", "never")
    for path in ("ServiceProviderConfig", "Schemas", "ResourceTypes"):
        await scim.refused(403, None, "GET", f"/{path}?filter=id%20pr")
    await scim.refused(404, None, "GET", "/Schemas/urn:none")
    await scim.refused(404, None, "GET", "/ResourceTypes/Device")
