"""Which fields are read by whom, and what may not even decide about an answer.

Source: permissions page §6 and §9, authentication page §10.1; the rows of the security page
under "Reading what one may not", each named by a test.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.opening import opened
from tests.scenarios.office import STATUSES, Office, token
from tests.scenarios.worlds import KEY, done, field, relation, status, text, whole

SECRETS = ("password", "token", "2fa_secret", "password_reset_token")
PRIVATE = {"token", "email_notifications", "last_access_on", "last_page", "2fa_secret"}
UNREADABLE = (215, 403)
FULL = {"read": "full"}
HIDING = {"read": "full", "read_field_blacklist": ["secret"]}

# -- hidden fields, §6.1 and §6.3 --------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["fields=*", "fields=id,secret", "fields=secret,-id", "fields=*.*", "single=1",
     "fields=secret.x"],
)  # fmt: skip
async def test_a_hidden_field_is_in_no_answer(place: Office, query: str) -> None:
    """Hidden field named in `fields`, path or alias."""
    await place.grant({"collection": "owned", **HIDING})
    answer = await place.ask("ann", "GET", f"/items/owned?{query}")
    assert answer.status_code == 200, answer.text
    assert '"secret"' not in answer.text
    assert "secret of" not in answer.text
    assert "secret of" in (await place.ask("admin", "GET", f"/items/owned?{query}")).text


async def test_a_hidden_field_is_in_no_expansion(place: Office) -> None:
    await place.grant({"collection": "owned", **HIDING}, {"collection": "links", **FULL})
    await place.grant({"collection": "hubs", **FULL})
    for path in ("links?fields=owned.*", "hubs?fields=owned.*", "hubs?fields=owned.secret",
                 "links?fields=owned.secret,owned.name"):  # fmt: skip
        answer = await place.ask("ann", "GET", f"/items/{path}&limit=-1")
        assert answer.status_code == 200, answer.text
        assert "secret" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "owned?filter[secret]=x",
        "owned?filter[secret][null]=1",
        "owned?filter[name]=x&filter[secret][logical]=or&filter[secret][contains]=s",
        'owned?filter={"_or":[{"name":"x"},{"_and":[{"secret":"x"}]}]}',
        "owned?sort=secret",
        "owned?sort=name,-secret",
        "owned?groups=secret",
        "owned?aggregate[max]=secret",
        "owned?aggregate[countDistinct]=secret",
        "links?filter[owned.secret]=x",
        "hubs?filter[owned.secret][contains]=s",
        "hubs?filter[owned.links.owned.secret][contains]=s",
        "hubs?fields=id&deep[owned][filter][secret]=x",
        "hubs?fields=id&deep[owned][sort]=secret",
    ],
)
async def test_a_hidden_field_decides_about_nothing(place: Office, path: str) -> None:
    """Filter, sort, q, groups or aggregate on a hidden field as an oracle."""
    for name in ("links", "hubs"):
        await place.grant({"collection": name, **FULL})
    await place.grant({"collection": "owned", **HIDING})
    assert await place.error("ann", f"/items/{path}") == UNREADABLE
    assert (await place.ask("admin", "GET", f"/items/{path}")).status_code == 200


async def test_a_search_looks_into_no_hidden_field(place: Office) -> None:
    for name in ("links", "hubs"):
        await place.grant({"collection": name, **FULL})
    await place.grant({"collection": "owned", **HIDING})
    for path in ("owned?q=secret", "links?q=secret", "hubs?q=secret",
                 "links?filter[owned][contains]=secret"):  # fmt: skip
        assert await place.data("ann", f"/items/{path}") == [], path
        assert await place.data("admin", f"/items/{path}") != [], path
    assert await place.data("ann", "/items/links?filter[owned][contains]=item") != []


async def test_a_relation_that_is_hidden_cannot_be_followed(place: Office) -> None:
    await place.grant({"collection": "owned", **FULL})
    await place.grant({"collection": "links", "read": "full", "read_field_blacklist": ["owned"]})
    assert "owned" not in (await place.ask("ann", "GET", "/items/links?fields=*,owned.*")).text
    assert await place.error("ann", "/items/links?filter[owned.name]=x") == UNREADABLE
    assert await place.data("ann", "/items/links?q=item") == []


async def test_fields_that_hang_on_the_status(place: Office) -> None:
    """In each item what its own status says; a filter leaves out where it may not look."""
    await place.grant(
        {"collection": "staged", "status": "draft", **HIDING},
        {"collection": "staged", "status": "published", **FULL},
    )
    found = await place.data("ann", "/items/staged")
    assert {item["status"]: "secret" in item for item in found} == {
        "draft": False,
        "published": True,
    }
    # What has nothing left is not listed.
    assert await place.data("ann", "/items/staged?fields=secret") == [
        {"secret": "secret of nobody"}
    ]
    for query in ("filter[secret][contains]=secret", "sort=secret", "filter[secret][nnull]=1"):
        found = await place.data("ann", f"/items/staged?{query}&fields=status")
        assert found == [{"status": "published"}], query
    groups = await place.data("ann", "/items/staged?groups=secret&aggregate[count]=*")
    assert groups == [{"secret": "secret of nobody", "count": 1}]
    found = await place.data("ann", "/items/staged?q=secret&fields=status")
    assert found == [{"status": "published"}]


async def test_a_status_that_is_spelled_otherwise_shows_no_more(place: Office) -> None:
    """MariaDB and MySQL take `DRAFT` for `draft`: so do their rules, on what they hide, too."""
    await place.grant(
        {"collection": "staged", "status": "draft", **HIDING},
        {"collection": "staged", "status": "published", **FULL},
    )
    await _respell(place, "staged", "status", "draft", "DRAFT")
    try:
        found = await place.data("ann", "/items/staged")
        shown = {item["status"]: "secret" in item for item in found}
        assert shown.pop("DRAFT", False) is False
        assert shown == {"published": True}
    finally:
        await _respell(place, "staged", "status", "DRAFT", "draft")


async def _respell(place: Office, table: str, column: str, old: str, new: str) -> None:
    """Writes what the API refuses."""
    statement = f"UPDATE {table} SET {column} = '{new}' WHERE {column} = '{old}'"
    async with opened(place.url) as database, database.transaction() as transaction:
        await transaction.execute(statement)


async def test_a_relation_that_hangs_on_the_status(place: Office) -> None:
    """It is followed in the items that show it; what is behind it has hidden fields too."""
    await place.grant(
        {
            "collection": "cases",
            "status": "draft",
            "read": "full",
            "read_field_blacklist": ["owner"],
        },
        {"collection": "cases", "status": "published", **FULL},
        {"collection": "links", **FULL},
    )
    for query in ("fields=status,owner.*", "fields=*.*.*", "fields=*.*&limit=-1"):
        found = await place.data("ann", f"/items/cases?filter[owner][nnull]=1&{query}")
        assert {item["status"] for item in found} == {"published"}
        assert all("token" not in item["owner"] for item in found[1:])
        found = await place.data("ann", f"/items/cases?{query}")
        assert {item["status"]: "owner" in item for item in found} == {
            "draft": False,
            "published": True,
        }
    found = await place.data("ann", "/items/links?fields=cases.status,cases.owner.*")
    assert all(
        ("owner" in item["cases"]) is (item["cases"]["status"] == "published")
        for item in found
        if item["cases"] is not None
    )


async def test_a_hidden_language_chooses_no_translations(place: Office) -> None:
    texts = [KEY, status(STATUSES), text("lang", "lang"), text("title"), whole("poster", "m2o")]
    for name, fields in (
        ("posters", [KEY, field("texts", "translation")]),
        ("poster_texts", texts),
    ):
        await done(place.world, "/collections", {"collection": name, "fields": fields})
    await done(place.world, "/relations", relation("poster_texts", "poster", "posters", "texts"))
    written = [
        {"lang": lang, "status": stage, "title": f"{lang} {stage}"}
        for lang in ("de", "nl")
        for stage in ("draft", "published")
    ]
    await done(place.world, "/items/posters", {"texts": written})
    try:
        hiding = {"collection": "poster_texts", "read": "full", "read_field_blacklist": ["lang"]}
        await place.grant({"collection": "posters", **FULL}, hiding)
        for query in ("fields=texts.title&lang=de", "fields=texts&lang=de"):
            assert await place.error("ann", f"/items/posters?{query}") == UNREADABLE
        (poster,) = await place.data("ann", "/items/posters?fields=texts.title&lang=*")
        assert len(poster["texts"]) == 4
        await place.withdraw()
        await place.grant(
            {"collection": "posters", **FULL},
            {**hiding, "status": "draft"},
            {"collection": "poster_texts", "status": "published", **FULL},
        )
        (poster,) = await place.data("ann", "/items/posters?fields=texts.title&lang=de")
        assert poster["texts"] == [{"title": "de published"}]
    finally:
        await place.withdraw()
        for name in ("poster_texts", "posters"):
            assert (await place.ask("admin", "DELETE", f"/collections/{name}")).status_code == 204


async def test_a_hidden_status_cannot_be_asked_for(place: Office) -> None:
    row = {"collection": "staged", "read": "full", "read_field_blacklist": ["status"]}
    await place.grant(row)
    assert await place.error("ann", "/items/staged?status=draft") == UNREADABLE
    body = await place.get("ann", "/items/staged?status=*&meta=*")
    assert "status_count" not in body["meta"]
    assert len(body["data"]) == 2


async def test_a_hidden_key_still_finds_items(place: Office) -> None:
    await place.grant({"collection": "plain", "read": "full", "read_field_blacklist": ["id"]})
    (item,) = place.items["plain"]
    found = await place.data("ann", f"/items/plain/{item['id']}")
    assert found["name"] == item["name"]
    assert "id" not in found


# -- users ----------------------------------------------------------------------------------


async def test_what_users_see_of_each_other(place: Office) -> None:
    """Secrets in output: one's own token, and a mask for what is one's own secret."""
    found = await place.data("ann", "/users?fields=*")
    for user in found:
        own = user["id"] == place.people["ann"]
        assert PRIVATE & user.keys() == (PRIVATE if own else set())
        assert "password" not in user
        assert user["password_reset_token"] is None
    (mine,) = [user for user in found if user["id"] == place.people["ann"]]
    assert mine["token"] == token("ann")
    one = await place.data("ann", f"/users/{place.people['ben']}?fields=*")
    assert not PRIVATE & one.keys()
    for user in await place.data("admin", "/users?fields=*"):
        assert user.keys() >= PRIVATE


async def test_users_in_expansions_show_no_more(place: Office) -> None:
    await place.grant({"collection": "cases", **FULL})
    found = await place.data("ann", "/items/cases?fields=owner.*&limit=-1")
    owners = [item["owner"] for item in found if item["owner"] is not None]
    assert {owner["id"] == place.people["ann"] for owner in owners} == {True, False}
    for owner in owners:
        own = owner["id"] == place.people["ann"]
        assert PRIVATE & owner.keys() == (PRIVATE if own else set())
        assert "password" not in owner
    roles = await place.data("ann", "/roles?fields=users.*")
    for user in roles[0]["users"]:
        assert PRIVATE & user.keys() == (PRIVATE if user["id"] == place.people["ann"] else set())


@pytest.mark.parametrize("name", [*SECRETS, "email_notifications"])
@pytest.mark.parametrize("person", ["ann", "admin"])
async def test_no_secret_of_users_can_be_guessed(place: Office, name: str, person: str) -> None:
    await place.grant({"collection": "cases", **FULL})
    if person == "admin" and name not in SECRETS:
        return
    for path in (f"/users?filter[{name}][contains]=T", f"/users?sort={name}",
                 f"/users?aggregate[max]={name}", f"/users?groups={name}",
                 f"/items/cases?filter[owner.{name}][contains]=T"):  # fmt: skip
        answer = await place.ask(person, "GET", path)
        assert answer.status_code in (403, 422), path
        assert answer.json()["error"]["code"] in (215, 12), path


@pytest.mark.parametrize("person", ["ann", "admin"])
async def test_a_search_finds_no_token(place: Office, person: str) -> None:
    await place.grant({"collection": "cases", **FULL})
    assert await place.data(person, "/users?q=Token-of") == []
    assert await place.data(person, "/items/cases?filter[owner][contains]=Token-of") == []
    assert len(await place.data(person, "/users?q=cid@example")) == 1


async def test_who_is_where_can_be_asked(place: Office) -> None:
    """Clients watch for others on the same page."""
    query = (
        "filter[last_access_on][gte]=2031-01-01 00:00:00&filter[last_page][eq]=/x"
        f"&filter[id][neq]={place.people['ann']}&fields=first_name,last_name"
    )
    assert await place.data("ann", f"/users?{query}") == []
    assert await place.error("ann", "/users?sort=last_page") == UNREADABLE


async def test_users_that_others_see(place: Office) -> None:
    """Default rows: active users alone, one's own role, no other one's name."""
    made = await place.world.ask(
        "POST", "/users", json={"email": "gone@example.org", "status": "suspended", "role": None}
    )
    gone = made.json()["data"]["id"]
    try:
        found = [user["id"] for user in await place.data("ann", "/users?fields=id")]
        assert gone not in found
        assert set(place.people.values()) <= set(found)
        assert await place.error("ann", f"/users/{gone}") == (203, 404)
        assert gone not in [user["id"] for user in await place.data("ann", "/users?status=*")]
        found = await place.data("ann", "/users?fields=id,role.*")
        roles = {user["id"]: user["role"] for user in found}
        assert roles[place.people["ben"]]["name"] == "editors"
        assert roles[place.people["cid"]] is None
        raw = {
            user["id"]: user["role"] for user in await place.data("ann", "/users?fields=id,role")
        }
        assert raw[place.people["cid"]] == place.roles["writers"]
    finally:
        assert (await place.world.ask("DELETE", f"/users/{gone}")).status_code == 204


# -- what tells of the system, §4.1.1 and §9 ----------------------------------------------


async def test_roles_and_permissions_of_ones_own(place: Office) -> None:
    own = place.roles["editors"]
    assert [role["id"] for role in await place.data("ann", "/roles")] == [own]
    assert (await place.data("ann", f"/roles/{own}"))["name"] == "editors"
    assert await place.error("ann", f"/roles/{place.roles['writers']}") == (203, 404)
    rows = await place.data("ann", "/permissions?limit=-1")
    assert {row["role"] for row in rows} == {own}
    assert await place.error(None, "/roles") == (3, 401)
    assert await place.error(None, f"/roles/{own}") == (3, 401)
    assert await place.error(None, "/permissions/1") == (3, 401)
    assert await place.error(None, f"/users/{place.people['ann']}") == (203, 404)


async def test_collections_and_fields(place: Office) -> None:
    await place.grant({"collection": "owned", **HIDING})
    collections = {one["collection"]: one for one in await place.data("ann", "/collections")}
    assert {"owned", "plain", "directus_users"} <= collections.keys()
    assert "secret" not in collections["owned"]["fields"]
    assert "secret" not in (await place.data("ann", "/collections/owned"))["fields"]
    fields = await place.data("ann", "/fields?limit=-1")
    assert {one["collection"] for one in fields} & {"owned", "plain", "cases"} == {"owned"}
    assert "secret" not in {one["field"] for one in fields if one["collection"] == "owned"}
    names = {one["field"] for one in await place.data("ann", "/fields/owned")}
    assert "name" in names
    assert "secret" not in names
    assert (await place.data("ann", "/fields/owned/name"))["field"] == "name"
    assert await place.error("ann", "/fields/owned/secret") == UNREADABLE
    assert await place.error("ann", "/fields/owned/name,secret") == UNREADABLE
    assert await place.error("ann", "/fields/plain") == (300, 403)
    for path in ("/collections", "/collections/owned", "/fields", "/fields/owned", "/relations"):
        assert await place.error(None, path) == (3, 401)
    assert len(await place.data("ann", "/relations")) > 0


async def test_presets_of_ones_own_of_the_role_and_of_all(place: Office) -> None:
    people = [("ann", None), ("ben", None), (None, "editors"), (None, "writers"), (None, None)]
    made = []
    for user, role in people:
        body = {
            "collection": "plain",
            "title": f"{user} {role}",
            "user": None if user is None else place.people[user],
            "role": None if role is None else place.roles[role],
        }
        answer = await place.world.ask("POST", "/collection_presets", json=body)
        made.append(answer.json()["data"]["id"])
    try:
        found = await place.data("ann", "/collection_presets?filter[collection]=plain")
        assert [row["title"] for row in found] == ["ann None", "None editors", "None None"]
        assert await place.error("ann", f"/collection_presets/{made[1]}") == (203, 404)
        total = await place.get("ann", "/collection_presets?filter[collection]=plain&meta=*")
        assert total["meta"]["filter_count"] == 3
    finally:
        await place.world.ask("DELETE", f"/collection_presets/{','.join(map(str, made))}")


async def test_files_and_folders_by_their_rows(place: Office) -> None:
    assert await place.data("ann", "/folders") == []
    assert await place.error(None, "/folders") == (3, 401)
    assert await place.error(None, "/folders/1") == (3, 401)


# -- history ----------------------------------------------------------------------------------


async def test_activity_is_ones_own(place: Office) -> None:
    await place.grant({"collection": "owned", **FULL})
    found = await place.data("ann", "/activity?limit=-1")
    assert {row["action_by"] for row in found} <= {place.people["ann"]}
    total = await place.get("ann", "/activity?meta=total_count&limit=0")
    assert total["meta"]["total_count"] == len(found)
    first = (await place.data("admin", "/activity?filter[action_by]=1&limit=1"))[0]
    assert await place.error("ann", f"/activity/{first['id']}") == (203, 404)
    assert await place.error(None, f"/activity/{first['id']}") == (3, 401)


async def test_revisions_of_what_may_be_read(place: Office) -> None:
    """Hidden rows via revisions: the item's own rule, in lists, by id and by counts."""
    everything = await place.data("admin", "/revisions?filter[collection]=cases&limit=-1")
    assert {row["collection"] for row in everything} == {"cases"}
    assert await place.data("ann", "/revisions?filter[collection]=cases") == []
    await place.grant({"collection": "cases", "read": "mine"})
    mine = {
        str(item["id"])
        for item in place.items["cases"]
        if item["owner"] == "ann" and item["status"] != "deleted"
    }
    for query in ("filter[collection]=cases", "filter[item][nnull]=1"):
        body = await place.get("ann", f"/revisions?{query}&limit=-1&meta=*")
        found = [row for row in body["data"] if row["collection"] == "cases"]
        assert {row["item"] for row in found} == mine
        assert body["meta"]["filter_count"] == len(body["data"])
    for item in place.items["cases"]:
        found = await place.data("ann", f"/items/cases/{item['id']}/revisions")
        assert bool(found) == (str(item["id"]) in mine)
        status = 200 if found else 404
        answer = await place.ask("ann", "GET", f"/items/cases/{item['id']}/revisions/0")
        assert answer.status_code == status
    hidden = next(row for row in everything if row["item"] not in mine)
    assert await place.error("ann", f"/revisions/{hidden['id']}") == (203, 404)
    assert await place.error(None, f"/revisions/{hidden['id']}") == (3, 401)


async def test_revisions_without_hidden_fields(place: Office) -> None:
    await place.grant({"collection": "owned", **HIDING})
    item = place.items["owned"][0]
    path = f"/items/owned/{item['id']}/revisions?fields=*,activity.*,activity.action_by.*"
    answer = await place.ask("ann", "GET", path)
    (first, *_) = answer.json()["data"]
    assert first["data"]["name"] == item["name"]
    assert "secret" not in answer.text.replace("2fa_secret", "")
    assert "secret" in (await place.ask("admin", "GET", path)).text
    for query in ("filter[data][contains]=secret", "filter[delta][contains]=s", "sort=data"):
        assert await place.error("ann", f"/revisions?{query}") == UNREADABLE


async def test_revisions_of_a_collection_that_is_spelled_otherwise(place: Office) -> None:
    """MariaDB and MySQL take `OWNED` for `owned`: what its items keep back is in none of them."""
    await place.grant({"collection": "owned", **HIDING})
    path = "/revisions?limit=-1&fields=collection,data,delta"
    await _respell(place, "directus_revisions", "collection", "owned", "OWNED")
    try:
        answer = await place.ask("ann", "GET", path)
        assert answer.status_code == 200, answer.text
        assert "secret of" not in answer.text
        assert "secret of" in (await place.ask("admin", "GET", path)).text
    finally:
        await _respell(place, "directus_revisions", "collection", "OWNED", "owned")


async def test_revisions_without_items_that_may_not_be_read(place: Office) -> None:
    """Items that were written along with another are in its `delta`: for those alone who may
    read every such item, whichever of them others may read."""
    written = {"name": "of the administrator"}
    shown = "fields=id,owned.id"
    hub = await done(place.world, f"/items/hubs?{shown}", {"name": "full", "owned": [written]})
    link = await done(place.world, f"/items/links?{shown}", {"owned": written})
    try:
        for level in ("none", "mine", "role", "full"):
            readable = [{"collection": name, "read": "full"} for name in ("hubs", "links")]
            await place.grant(*readable, {"collection": "owned", "read": level})
            for path in (f"hubs/{hub['id']}", f"links/{link['id']}"):
                answer = await place.ask("ann", "GET", f"/items/{path}/revisions")
                (revision,) = answer.json()["data"]
                assert "owned" in revision["delta"]
                assert ("of the administrator" in answer.text) is (level == "full"), level
            await place.withdraw()
    finally:
        # Others count what is in the office.
        keys = ",".join(str(owned["id"]) for owned in (*hub["owned"], link["owned"]))
        for path in (f"links/{link['id']}", f"owned/{keys}", f"hubs/{hub['id']}"):
            assert (await place.ask("admin", "DELETE", f"/items/{path}")).status_code == 204


async def test_revisions_of_users_hold_no_secrets(place: Office) -> None:
    ben = place.people["ben"]
    answer = await place.ask("ann", "GET", f"/users/{ben}/revisions?fields=*")
    for row in answer.json()["data"]:
        for held in (row["data"], row["delta"]):
            assert not held.keys() & (PRIVATE | set(SECRETS))
    assert token("ben") not in answer.text
    assert token("ben") not in (await place.ask("admin", "GET", f"/users/{ben}/revisions")).text


async def test_comments_are_listed_to_whom_may_read_the_item(place: Office) -> None:
    (item,) = place.items["plain"]
    row = {"collection": "plain", "read": "full", "comment": "full"}
    await place.grant(row)
    body = {"collection": "plain", "item": str(item["id"]), "comment": "well done"}
    made = await place.ask("ann", "POST", "/activity/comment", body)
    assert made.status_code == 200, made.text
    listed = f"/activity?filter[collection]=plain&filter[item]={item['id']}&filter[action]=comment"
    assert [row["comment"] for row in await place.data("ann", listed)] == ["well done"]
    await place.withdraw()
    assert await place.data("ann", listed) == []
    await place.grant({**row, "comment": "none"})
    assert await place.data("ann", listed) == []
    await place.withdraw()
    await place.grant(row)
    id = made.json()["data"]["id"]
    assert (await place.ask("ann", "DELETE", f"/activity/comment/{id}")).status_code == 204
    (gone,) = await place.data("ann", listed)
    assert gone["comment"] is None
    assert gone["comment_deleted_on"] is not None
    assert await place.data("ann", f"{listed}&filter[comment][contains]=well") == []
    assert await place.data("ann", f"{listed}&q=well") == []
    assert (await place.data("admin", listed))[0]["comment"] == "well done"


# -- the rest of the security page's rows ----------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["filter[id][in]=", "filter[id][in][]=", 'filter={"id":{"_in":[]}}',
     'filter={"_or":[{"id":{"_in":[]}},{"name":{"_in":[]}}]}'],
)  # fmt: skip
async def test_an_empty_list_widens_nothing(place: Office, query: str) -> None:
    """Empty `in` list or dropped condition widening a query."""
    await place.grant({"collection": "owned", "read": "mine"})
    assert await place.data("ann", f"/items/owned?{query}") == []


async def test_an_or_does_not_widen_the_rule(place: Office) -> None:
    await place.grant({"collection": "owned", "read": "mine"})
    own = [item["id"] for item in place.items["owned"] if item["owner"] == "ann"]
    for query in (
        "filter[id][gt]=0&filter[name][logical]=or&filter[name][nnull]=1",
        'filter={"_or":[{"id":{"_gt":0}},{"owner":{"_null":true}}]}',
        f"filter[owner]={place.people['ben']}&filter[id][logical]=or&filter[id][gt]=0",
    ):
        found = await place.data("ann", f"/items/owned?{query}")
        assert [item["id"] for item in found] == own


async def test_duplicate_rows_do_not_add_up(place: Office) -> None:
    """Overlapping rows: the row of the status wins over that of the whole collection."""
    await place.grant(
        {"collection": "staged", "read": "full"},
        {"collection": "staged", "status": "draft", "read": "full"},
    )
    found = await place.data("ann", "/items/staged?status=*")
    assert [item["status"] for item in found] == ["draft"]


async def test_who_has_no_role_may_nothing(place: Office) -> None:
    """Not even what the public may."""
    await place.grant({"collection": "plain", **FULL})
    body = {"email": "lone@example.org", "status": "active", "role": None, "token": token("lone")}
    made = await place.world.ask("POST", "/users", json=body)
    try:
        assert len(await place.data(None, "/items/plain")) == 1
        assert await place.error("lone", "/items/plain") == (300, 403)
        assert await place.error("lone", "/users") == (300, 403)
    finally:
        await place.world.ask("DELETE", f"/users/{made.json()['data']['id']}")


async def test_a_change_of_rows_is_seen_by_the_next_request(place: Office) -> None:
    for _ in range(3):
        assert await place.error("ann", "/items/plain") == (300, 403)
        await place.grant({"collection": "plain", **FULL})
        assert len(await place.data("ann", "/items/plain")) == 1
        await place.withdraw()


async def test_answers_are_kept_by_nobody_else(place: Office) -> None:
    """Response caches mixing actors: the same address, two people, two answers."""
    await place.grant({"collection": "owned", "read": "mine"})
    seen: list[Any] = []
    for person in ("ann", "ben", "cid", "ann"):
        answer = await place.ask(person, "GET", "/items/owned?fields=id")
        assert b"private" in answer.headers["cache-control"].encode()
        seen.append(answer.json()["data"])
    assert seen[0] == seen[3]
    assert len({str(one) for one in seen}) == 3
