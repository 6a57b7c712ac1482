"""GraphQL shows each what REST shows them, and its schema tells of nothing else.

Source: GraphQL page §1, permissions page §4 and §6, security page.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.scenarios.office import PUBLIC, Office
from tests.scenarios.test_permissions_reading import GRANTED, PEOPLE, Granted

SCHEMA = """{ __schema { types { name fields { name } inputFields { name } }
  queryType { fields { name } } mutationType { fields { name } } } }"""


async def asked(place: Office, person: str | None, text: str, **variables: Any) -> Any:
    """The whole answer to a document."""
    answer = await place.ask(person, "POST", "/gql", {"query": text, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def shown(place: Office, person: str | None) -> dict[str, set[str]]:
    """What the schema of somebody names: by type, its fields."""
    schema = (await asked(place, person, SCHEMA))["data"]["__schema"]
    return {
        each["name"]: {field["name"] for field in each["fields"] or each["inputFields"] or ()}
        for each in schema["types"]
    }


@pytest.mark.parametrize("collection", ["plain", "cases"])
@pytest.mark.parametrize("granted", GRANTED, ids=str)
async def test_everybody_sees_what_rest_shows(
    place: Office, collection: str, granted: Granted
) -> None:
    hub = {"collection": "hubs", "read": "full"}
    await place.grant(*granted.rows(collection), hub)
    for person, status in itertools.product(PEOPLE, (None, "*")):
        plain = await place.ask(
            person, "GET", f"/items/{collection}?fields=id,name&limit=-1"
            + (f"&status={status}" if status else "")
        )  # fmt: skip
        text = f"""query($s: String) {{ {collection}(status: $s, limit: -1) {{
          data {{ id name }} meta {{ total_count }} }}
          hubs {{ data {{ {collection} {{ id }}
            a: {collection}(sort: "-id", limit: 1) {{ id }} }} }} }}"""
        answer = await asked(place, person, text, s=status)
        if plain.status_code != 200:
            assert answer["errors"][0]["extensions"] == {"code": 2, "http": 400}
            assert "data" not in answer
            continue
        items = plain.json()["data"]
        found = answer["data"][collection]
        assert [int(each["id"]) for each in found["data"]] == [each["id"] for each in items]
        assert [each["name"] for each in found["data"]] == [each["name"] for each in items]
        if status is None:
            path = f"/items/hubs?fields={collection}.id"
            (below,) = await place.data(person, path)
            (hub_shown,) = answer["data"]["hubs"]["data"]
            ids = [int(each["id"]) for each in hub_shown[collection]]
            assert ids == [each["id"] for each in below[collection]]
            assert [int(each["id"]) for each in hub_shown["a"]] == ids[-1:]


async def test_what_may_not_be_read_is_not_in_the_schema(place: Office) -> None:
    await place.grant(
        {"collection": "plain", "read": "full", "read_field_blacklist": ["secret"]},
        {"collection": "links", "read": "full"},
    )
    types = await shown(place, "ann")
    assert {"plain", "links", "plain_by_id", "plain_aggregated"} <= types["Query"]
    assert not {"owned", "staged", "cases", "hubs"} & types["Query"]
    assert "secret" not in types["PlainItem"]
    assert not [name for name in types["PlainFilter"] if name.startswith("secret")]
    assert "secret" not in types["PlainCounted"]
    assert not [name for name in types if name.startswith(("Owned", "Hubs", "Cases", "Staged"))]
    for hidden in (
        *("{ plain { data { secret } } }", "{ plain { data { x: secret } } }"),
        '{ plain(filter: {secret_contains: "a"}) { data { id } } }',
        "{ plain_aggregated { max { secret } } }",
        "{ plain { data { hub { name } } } }",
        "{ directus_settings { data { value } } }",
        "{ directus_user_sessions { data { token } } }",
        "mutation { create_plain_item(data: {}) { id } }",
    ):
        answer = await asked(place, "ann", hidden)
        assert answer["errors"][0]["extensions"]["code"] == 2
        assert "data" not in answer
    for sorted_by, code in (("secret", 215), ("nothing", 202)):
        answer = await asked(place, "ann", f'{{ plain(sort: "{sorted_by}") {{ data {{ id }} }} }}')
        assert answer["errors"][0]["extensions"]["code"] == code
    grouped = '{ plain_aggregated(groupBy: ["secret"]) { group countAll } }'
    assert (await asked(place, "ann", grouped))["errors"][0]["extensions"]["code"] == 215


async def test_a_relation_that_may_not_be_read_is_its_key(place: Office) -> None:
    await place.grant({"collection": "plain", "read": "full"})
    answer = await asked(place, "ann", "{ plain { data { id hub } } }")
    assert [each["hub"] for each in answer["data"]["plain"]["data"]] == ["1"]


async def test_fields_that_hang_on_the_status_are_null(place: Office) -> None:
    await place.grant(
        {"collection": "staged", "status": "draft", "read": "full",
         "read_field_blacklist": ["name", "links"]},
        {"collection": "staged", "status": "published", "read": "full"},
        {"collection": "links", "read": "full"},
    )  # fmt: skip
    text = """{ staged { data { status name links { id } again: links(limit: 1) { id } } } }"""
    by_status = {
        each["status"]: each for each in (await asked(place, "ann", text))["data"]["staged"]["data"]
    }
    assert by_status["draft"] == {"status": "draft", "name": None, "links": None, "again": None}
    assert by_status["published"]["name"] == "nobody published"
    assert len(by_status["published"]["links"]) == len(by_status["published"]["again"]) == 1
    # What is kept back in some rows decides about no answer: those rows are left out.
    for filter in ('{name_contains: "draft"}', "{links_has: 1}"):
        listed = f"{{ staged(filter: {filter}) {{ data {{ status }} }} }}"
        found = (await asked(place, "ann", listed))["data"]["staged"]["data"]
        assert all(each["status"] == "published" for each in found)


async def test_rights_take_effect_at_once(place: Office) -> None:
    text = "{ plain { data { id } } }"
    assert "errors" in await asked(place, "ann", text)
    await place.grant({"collection": "plain", "read": "full"})
    assert "errors" not in await asked(place, "ann", text)
    await place.withdraw()
    assert "errors" in await asked(place, "ann", text)


async def test_the_public_reads_what_it_may(place: Office) -> None:
    types = await shown(place, None)
    assert "plain" not in types["Query"]
    await place.grant({"collection": "plain", "read": "full"}, roles=[PUBLIC])
    answer = await asked(place, None, "{ plain { data { name } } }")
    assert answer == {"data": {"plain": {"data": [{"name": "nobody item"}]}}}
    answer = await asked(place, "ann", "{ plain { data { name } } }")
    assert "errors" in answer


async def test_a_token_that_does_not_hold_is_told(place: Office) -> None:
    headers = {"authorization": "Bearer Token-of-nobody"}
    answer = await place.world.client.post(
        "/main/gql", json={"query": "{ plain { data { id } } }"}, headers=headers
    )
    assert answer.status_code == 401
    (told,) = answer.json()["errors"]
    assert told["extensions"] == {"code": 101, "http": 401}


async def test_changes_are_offered_to_who_may_make_them(place: Office) -> None:
    await place.grant(
        {"collection": "owned", "read": "mine", "create": "full", "update": "mine",
         "write_field_blacklist": ["secret"]},
        {"collection": "cases", "create": "full"},
    )  # fmt: skip
    types = await shown(place, "ann")
    ours = {name for name in types["Mutation"] if "directus" not in name}
    assert ours == {
        *("create_owned_item", "create_owned_items", "update_owned_item", "update_owned_items"),
        *("create_cases_item", "create_cases_items"),
    }
    assert "secret" not in types["OwnedInput"]
    assert "owner" not in types["OwnedInput"]
    # Who may not read what was written is told that it was.
    text = 'mutation { create_cases_item(data: {name: "new", status: "draft"}) }'
    assert await asked(place, "ann", text) == {"data": {"create_cases_item": True}}
    made = (await place.data("admin", "/items/cases?filter[name]=new&status=*"))[0]["id"]
    assert (await place.ask("admin", "DELETE", f"/items/cases/{made}")).status_code == 204
    text = "mutation { create_cases_items(data: [{id: 1}]) }"
    answer = await asked(place, "ann", text)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == 204


async def test_a_change_that_is_not_allowed_leaves_all_as_it_was(place: Office) -> None:
    await place.grant({"collection": "owned", "read": "full", "create": "full", "update": "mine"})
    items = place.items["owned"]
    mine = next(each["id"] for each in items if each["owner"] == "ann")
    others = next(each["id"] for each in items if each["owner"] == "ben")
    before = await place.data("admin", "/items/owned?limit=-1")
    text = f"""mutation {{ made: create_owned_item(data: {{name: "new"}}) {{ id }}
      update_owned_items(ids: [{mine}, {others}], data: {{name: "changed"}}) {{ id }} }}"""
    answer = await asked(place, "ann", text)
    assert answer["data"] == {"made": None, "update_owned_items": None}
    (told,) = answer["errors"]
    assert told["path"] == ["update_owned_items"]
    assert told["extensions"] == {"code": 302, "http": 403, "details": {"index": 1}}
    assert await place.data("admin", "/items/owned?limit=-1") == before
