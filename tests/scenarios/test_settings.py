"""Settings over HTTP. Source: system collections page, `directus_settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from conductus.app import running
from conductus.config import ServerConfig
from conductus.telemetry import silent
from tests.passwords import QUICK
from tests.scenarios.shop import HOST, KEY, Live

Item = dict[str, Any]


async def told(world: Live, method: str, path: str, body: Any = None) -> Any:
    """The `data` of a request that must succeed."""
    answer = await world.ask(method, path, **({} if body is None else {"json": body}))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def setting(world: Live, key: str) -> Item:
    (found,) = await world.data(f"/settings?filter[key][eq]={key}")
    return dict(found)


async def write(world: Live, key: str, value: Any) -> Any:
    id = (await setting(world, key))["id"]
    return (await told(world, "PATCH", f"/settings/{id}", {"value": value}))["value"]


async def test_values_come_in_their_types(empty: Live) -> None:
    values = {row["key"]: row["value"] for row in await empty.data("/settings?limit=-1")}
    assert values["default_limit"] == 200
    assert values["telemetry"] is True
    assert values["project_logo"] is None
    assert values["project_name"] == KEY
    assert values["asset_whitelist"].startswith("[{")
    assert await empty.data("/settings?filter[key][eq]=auto_sign_out&fields=value") == [
        {"value": 10080}
    ]
    one = await setting(empty, "telemetry")
    assert await empty.data(f"/settings/{one['id']}") == one
    assert await empty.data(f"/settings/{one['id']}?fields=id,value") == {
        "id": one["id"],
        "value": True,
    }


WRITTEN: list[tuple[str, Any, Any, Any]] = [
    # Key, value sent, value echoed, value read afterwards.
    ("default_limit", 7, 7, 7),
    ("default_limit", "8", "8", 8),
    ("login_attempts_allowed", "", "", None),
    ("telemetry", False, False, False),
    ("telemetry", "1", "1", True),
    ("telemetry", 0, 0, False),
    ("project_name", "Café 💡", "Café 💡", "Café 💡"),
    ("default_locale", None, None, None),
    ("file_mimetype_whitelist", ["image/png", "image/gif"], ["image/png", "image/gif"], None),
    ("asset_whitelist", [{"key": "a"}], [{"key": "a"}], '[{"key":"a"}]'),
    ("asset_whitelist", '[{"key": "b"}]', '[{"key": "b"}]', '[{"key": "b"}]'),
    ("project_logo", 99, 99, None),
    ("project_logo", {"id": 98, "title": "x"}, {"id": 98, "title": "x"}, None),
    ("password_policy", "/^.{8,}$/", "/^.{8,}$/", "/^.{8,}$/"),
]


async def test_a_value_is_echoed_and_then_read_in_its_type(empty: Live) -> None:
    for key, sent, echoed, read in WRITTEN:
        assert await write(empty, key, sent) == echoed, key
        shown = (await setting(empty, key))["value"]
        assert shown == ("image/png,image/gif" if isinstance(sent, list) and read is None else read)


REFUSED: list[tuple[str, Any]] = [
    ("default_limit", "many"),
    ("default_limit", 1.5),
    ("default_limit", True),
    ("default_limit", 10**12),
    ("default_limit", [1]),
    ("telemetry", "perhaps"),
    ("telemetry", 2),
    ("telemetry", {}),
    ("project_logo", "logo.png"),
    ("project_logo", {"title": "x"}),
    ("asset_whitelist", "{no json"),
    ("file_mimetype_whitelist", ["a,b"]),
    ("file_mimetype_whitelist", [{}]),
]


async def test_a_value_that_its_key_does_not_take_is_refused(empty: Live) -> None:
    before = await empty.data("/settings?limit=-1")
    for key, value in REFUSED:
        id = (await setting(empty, key))["id"]
        for method, path, body in (
            ("PATCH", f"/settings/{id}", {"value": value}),
            ("PATCH", "/settings", [{"id": id, "value": value}]),
        ):
            answer = await empty.ask(method, path, json=body)
            error = answer.json()["error"]
            assert (error["code"], answer.status_code) == (4, 422), (key, value, answer.text)
            assert error["message"].startswith(f"{key}: ")
    policy = (await setting(empty, "password_policy"))["id"]
    answer = await empty.ask("PATCH", f"/settings/{policy}", json={"value": "/(/"})
    assert (answer.json()["error"]["code"], answer.status_code) == (12, 422)
    assert await empty.data("/settings?limit=-1") == before


async def test_many_change_at_once_and_are_answered_as_texts(empty: Live) -> None:
    one, two = await setting(empty, "default_limit"), await setting(empty, "telemetry")
    body = [{"id": two["id"], "value": False}, {"id": one["id"], "value": 5}]
    assert await told(empty, "PATCH", "/settings", body) == [
        {"id": two["id"], "key": "telemetry", "value": "0"},
        {"id": one["id"], "key": "default_limit", "value": "5"},
    ]
    both = f"/settings/{one['id']},{two['id']}"
    assert [row["value"] for row in await told(empty, "PATCH", both, {"value": 1})] == [1, 1]
    assert [row["value"] for row in await empty.data(both)] in ([1, True], [True, 1])
    for refused, error in (
        ([{"value": 5}], (12, 422)),
        ({"value": 5}, (12, 422)),
        ([{"id": 9999, "value": 5}], (203, 404)),
    ):
        answer = await empty.ask("PATCH", "/settings", json=refused)
        assert (answer.json()["error"]["code"], answer.status_code) == error


async def test_an_id_is_judged_however_it_is_spelled(empty: Live) -> None:
    id = (await setting(empty, "default_limit"))["id"]
    answer = await empty.ask("PATCH", f"/settings/0{id}", json={"value": 7})
    assert (answer.json()["error"]["code"], answer.status_code) == (203, 404)
    answer = await empty.ask("PATCH", "/settings", json=[{"id": f"0{id}", "value": "many"}])
    assert answer.status_code == 422
    assert (await setting(empty, "default_limit"))["value"] == 200
    (row,) = await told(empty, "PATCH", "/settings", [{"id": f"0{id}", "value": 7}])
    assert (row["id"], row["value"]) == (id, "7")


async def test_who_may_write_and_not_read_is_answered_nothing(empty: Live) -> None:
    role = (await told(empty, "POST", "/roles", {"name": "setters"}))["id"]
    rows = f"/permissions?filter[role]={role}&filter[collection]=directus_settings"
    (row,) = await empty.data(rows)
    levels = {"create": "full", "update": "full", "read": "none"}
    await told(empty, "PATCH", f"/permissions/{row['id']}", levels)
    body = {"email": "ada@example.org", "status": "active", "role": role, "token": "Token-of-Ada"}
    await told(empty, "POST", "/users", body)
    id = (await setting(empty, "default_limit"))["id"]
    for method, path, sent in (
        ("PATCH", f"/settings/{id}", {"value": 7}),
        ("PATCH", "/settings", [{"id": id, "value": 8}]),
        ("POST", "/settings", {"key": "one", "value": "1"}),
        ("POST", "/settings", [{"key": "two", "value": "2"}]),
    ):
        headers = {"authorization": "Bearer Token-of-Ada"}
        answer = await empty.client.request(method, f"/{KEY}{path}", json=sent, headers=headers)
        assert (answer.status_code, answer.content) == (204, b""), (method, path)
    values = {row["key"]: row["value"] for row in await empty.data("/settings?limit=-1")}
    assert (values["default_limit"], values["one"], values["two"]) == (8, "1", "2")
    logo = {"filename_download": "a.txt", "data": "YQ=="}
    file = (await told(empty, "POST", "/files", logo))["id"]
    await write(empty, "project_logo", file)
    (files,) = await empty.data(rows.replace("settings", "files"))
    hiding = {"read": "full", "read_field_blacklist": ["id"]}
    for each in (row, files):
        await told(empty, "PATCH", f"/permissions/{each['id']}", hiding)
    answer = await empty.client.get(f"/{KEY}/settings?limit=-1", headers=headers)
    shown = {each["key"]: each["value"] for each in answer.json()["data"]}
    assert shown["project_logo"] is None
    # Nor is a value judged less by what may be read of it.
    for hidden in ({"read": "none"}, {"read": "full", "read_field_blacklist": ["id", "key"]}):
        await told(empty, "PATCH", f"/permissions/{row['id']}", hidden)
        for path, sent in (
            (f"/settings/{id}", {"value": "many"}),
            ("/settings", [{"id": id, "value": "many"}]),
        ):
            answer = await empty.client.patch(f"/{KEY}{path}", json=sent, headers=headers)
            assert answer.status_code == 422, answer.text


async def test_keys_are_added_once(empty: Live) -> None:
    made = await told(empty, "POST", "/settings", {"key": "mine", "value": {"a": [1]}})
    assert made["value"] == '{"a":[1]}'
    assert await empty.data(f"/settings/{made['id']}") == made
    several = [{"key": "x", "value": 1}, {"key": "y", "value": "z"}]
    assert [row["value"] for row in await told(empty, "POST", "/settings", several)] == ["1", "z"]
    for body, error in (
        ({"key": "mine", "value": "again"}, (204, 409)),
        ({"key": "default_limit", "value": 3}, (204, 409)),
        ({"value": 3}, (4, 422)),
        ({"key": "", "value": 3}, (4, 422)),
    ):
        answer = await empty.ask("POST", "/settings", json=body)
        assert (answer.json()["error"]["code"], answer.status_code) == error, answer.text
    answer = await empty.ask("DELETE", f"/settings/{made['id']}")
    assert answer.status_code == 204
    history = await empty.data(f"/settings/{made['id']}/revisions")
    assert [revision["collection"] for revision in history] == ["directus_settings"]


async def test_the_catalogue_of_keys(empty: Live) -> None:
    fields = await empty.data("/settings/fields")
    types = {field["field"]: field["type"] for field in fields}
    assert (types["default_limit"], types["telemetry"]) == ("integer", "boolean")
    assert {field["collection"] for field in fields} == {"directus_settings"}
    for path in ("/settings", "/settings/fields", "/settings/1"):
        answer = await empty.client.get(f"/{KEY}{path}")
        assert answer.status_code in (401, 404)


@pytest.fixture
async def numbers(empty: Live) -> Live:
    """Items of which some have no number."""
    key = {"field": "id", "type": "integer", "datatype": "INT", "primary_key": True}
    number = {"field": "n", "type": "integer", "datatype": "INT"}
    fields = [{**key, "auto_increment": True, "length": 11}, number]
    body = {"collection": "numbers", "fields": fields}
    await told(empty, "POST", "/collections", body)
    await told(empty, "POST", "/items/numbers", [{"n": n} for n in (2, None, 1)])
    return empty


async def test_a_change_counts_at_once_in_every_worker(numbers: Live, tmp_path: Path) -> None:
    # The same data folder: another worker of the same server.
    async with running(tmp_path / "data", {}, ServerConfig(passwords=QUICK), silent) as other:
        transport = httpx2.ASGITransport(app=other)
        async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:

            async def there(query: str) -> list[Any]:
                headers = {"authorization": f"Bearer {numbers.token}"}
                answer = await client.get(f"/{KEY}/items/numbers{query}", headers=headers)
                return [item["n"] for item in answer.json()["data"]]

            async def everywhere(query: str) -> list[Any]:
                here = [item["n"] for item in await numbers.data(f"/items/numbers{query}")]
                assert await there(query) == here
                return here

            for limit in (1, 2, 3, 200):
                await write(numbers, "default_limit", limit)
                assert len(await everywhere("")) == min(limit, 3)
            assert await everywhere("?sort=n") == [1, 2, None]
            assert await everywhere("?sort=-n") == [2, 1, None]
            await write(numbers, "sort_null_last", False)
            assert await everywhere("?sort=n") == [None, 1, 2]
            assert await everywhere("?sort=-n") == [None, 2, 1]
            await write(numbers, "sort_null_last", True)
            assert await everywhere("?sort=n") == [1, 2, None]
