"""`SEARCH`: a list asked for by a JSON body answers as it does by a query string.

Source: items page §1 and §3, errors page, "Order of checks".
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from conductus.query import brackets
from conductus.query.limits import Limits
from tests.scenarios import (
    test_items_filters,
    test_items_meta,
    test_items_reading,
    test_items_relations,
)
from tests.scenarios.office import Office
from tests.scenarios.shop import HOST, KEY, Live
from tests.scenarios.signing_in import COOKIE, cookie_of

A = "/items/articles"
TABLES = {
    f"{module.__name__.rpartition('.')[2]} {name}": getattr(module, name)
    for module, names in (
        (test_items_filters, "NUMBERS TEXTS OTHERS UNCONVERTIBLE JOINED RELATED JSON"),
        (test_items_filters, "SEARCHES SECRETS"),
        (test_items_reading, "FIELDS ORDER PAGES STATUSES GROUPS"),
        (test_items_meta, "COUNTS"),
        (test_items_relations, "EXPANDED DEEP"),
    )
    for name in names.split()
}
"""What other scenarios ask of lists, and of single items, by query strings."""
LISTS = (
    *("/activity", "/collections", "/collection_presets", "/fields", "/fields/articles", "/files"),
    *("/folders", "/permissions", "/relations", "/revisions", "/roles", "/settings", "/users"),
    *("/webhooks", "/users/1/revisions", f"{A}/1/revisions", A),
)
LANGUAGES = ("lang=nl", "lang=nl,en", "lang=*", "lang=fr")
EXACT: list[tuple[dict[str, Any], list[int]]] = [
    ({"filter": {"views": {"in": [10, 0]}}}, [1, 3]),
    ({"filter": {"views": 10}}, [1]),
    ({"filter": {"views": {"in": []}}}, []),
    ({"filter": {"views": {"between": [10, 20]}}, "sort": ["-id"], "limit": 1}, [6]),
    ({"filter": {"_or": [{"id": 1}, {"comments.author.name": "Bob"}]}, "limit": 1}, [1]),
    ({"filter": {"featured": True}, "sort": "-id", "single": False, "limit": 1}, [6]),
    ({"limit": 2, "offset": 1, "nobody": {"knows": ["this"]}}, [2, 3]),
    ({"limit": 2, "page": 2, "q": None, "status": ["published", "draft"]}, [3, 4]),
    ({"limit": 0}, []),
    ({}, [1, 2, 3, 4, 6, 7, 8]),
]
REFUSED: list[tuple[Any, tuple[int, int]]] = [
    ([], (13, 400)),
    ([{"limit": 1}], (13, 400)),
    ("limit=1", (13, 400)),
    (1, (13, 400)),
    (None, (13, 400)),
    ({"limit": "x"}, (4, 422)),
    ({"limit": 1.5}, (4, 422)),
    ({"limit": True}, (4, 422)),
    ({"limit": [1]}, (4, 422)),
    ({"offset": -1}, (4, 422)),
    ({"filter": 1}, (4, 422)),
    ({"filter": {"nope": 1}}, (202, 422)),
    ({"filter": {"views": {"nope": 1}}}, (214, 422)),
    ({"filter": {"views": {"gt": {"a": 1}}}}, (213, 422)),
    ({"filter": {"title": "a\0b"}}, (4, 422)),
    ({"filter": {"views": 1e400}}, (13, 400)),
    ({"fields": {"a": 1}}, (4, 422)),
    ({"fields": [["id"]]}, (4, 422)),
    ({"sort": "nope"}, (202, 422)),
    ({"q": ["a"]}, (4, 422)),
    ({"deep": []}, (4, 422)),
    ({"filter": {"_or": [{"id": 1}] * 201}}, (12, 422)),
    ({"filter": {"id": {"in": list(range(10_001))}}}, (12, 422)),
]


async def search(world: Live, path: str, body: Any, **options: Any) -> Any:
    return await world.ask("SEARCH", path, json=body, **options)


def without_request(body: dict[str, Any]) -> dict[str, Any]:
    """An answer but for what names the request, or leads to it."""
    body.get("error", {}).pop("request_id", None)
    if "links" in body.get("meta", {}):
        body["meta"] = {**body["meta"], "links": None}
    return body


@pytest.mark.parametrize("table", TABLES)
async def test_answers_are_those_to_the_query_string(table: str, newsroom: Live) -> None:
    asked = 0
    for case in TABLES[table]:
        path, _, query = case.get.partition("?")
        if path.count("/") > 2:
            continue
        asked += 1
        by_query = await newsroom.ask("GET", case.get)
        by_body = await search(newsroom, path, brackets.parse(query, Limits()))
        assert by_body.status_code == by_query.status_code, (case, by_body.text)
        if "sort=%3F" not in query and "sort=?" not in query:
            told = without_request(by_body.json())
            assert told == without_request(by_query.json()), case
    assert asked


@pytest.mark.parametrize("query", LANGUAGES)
async def test_languages_are_asked_for_so(query: str, newsroom: Live) -> None:
    by_query = await newsroom.ask("GET", f"{A}?fields=id,translations.*&{query}")
    body = {"fields": "id,translations.*", **brackets.parse(query, Limits())}
    by_body = await search(newsroom, A, body)
    assert by_body.json() == by_query.json()


@pytest.mark.parametrize("path", LISTS)
async def test_every_list_is_asked_so(path: str, newsroom: Live) -> None:
    for asked, query in (({}, ""), ({"limit": 1, "meta": "*"}, "?limit=1&meta=*")):
        by_query = await newsroom.ask("GET", f"{path}{query}")
        by_body = await search(newsroom, path, asked)
        assert by_body.status_code == by_query.status_code == 200, by_body.text
        assert without_request(by_body.json()) == without_request(by_query.json())


@pytest.mark.parametrize(("body", "ids"), EXACT, ids=lambda each: str(each)[:60])
async def test_json_says_what_it_means(
    body: dict[str, Any], ids: list[int], newsroom: Live
) -> None:
    answer = await search(newsroom, A, body)
    assert answer.status_code == 200, answer.text
    assert [item["id"] for item in answer.json()["data"]] == ids


@pytest.mark.parametrize(("body", "error"), REFUSED, ids=lambda each: str(each)[:60])
async def test_what_makes_no_sense_is_refused(
    body: Any, error: tuple[int, int], newsroom: Live
) -> None:
    text = json.dumps(body).replace("Infinity", "1e400")
    answer = await newsroom.ask("SEARCH", A, content=text)
    assert (answer.json()["error"]["code"], answer.status_code) == error, answer.text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "application/json"),
        ("{", "application/json"),
        ("limit=1", "application/x-www-form-urlencoded"),
        ("{}", "multipart/form-data; boundary=x"),
    ],
)
async def test_a_body_that_is_no_json_is_refused(newsroom: Live, text: str, kind: str) -> None:
    # Also of a collection that is not there: bodies are judged first.
    for path in (A, "/items/nope"):
        headers = {"content-type": kind}
        answer = await newsroom.ask("SEARCH", path, content=text, headers=headers)
        assert (answer.json()["error"]["code"], answer.status_code) == (13, 400), answer.text


async def test_a_body_has_the_limits_of_every_body(newsroom: Live) -> None:
    answer = await newsroom.ask("SEARCH", A, content=b" " * (16 * 1024 * 1024 + 1))
    assert (answer.json()["error"]["code"], answer.status_code) == (12, 413)
    deep = '{"filter":' + '{"_and":[' * 65 + "]}" * 65 + "}"
    answer = await newsroom.ask("SEARCH", A, content=deep)
    assert (answer.json()["error"]["code"], answer.status_code) == (12, 413)


async def test_a_name_of_any_length_is_not_told_back_whole(newsroom: Live) -> None:
    long = "x" * 100_000
    bodies: tuple[dict[str, Any], ...] = (
        *({"filter": {long: 1}}, {"filter": {"views": {long: 1}}}, {"sort": long}),
        *({"fields": f"author.{long}"}, {"aggregate": {long: "id"}}, {"deep": {long: {}}}),
    )
    for body in bodies:
        answer = await search(newsroom, A, body)
        assert answer.status_code in (404, 422)
        assert len(answer.content) < 3000, answer.text[:200]


async def test_more_is_asked_than_an_address_holds(newsroom: Live) -> None:
    titles = ["x" * 5000 for _ in range(100)]
    answer = await search(newsroom, A, {"filter": {"title": {"in": [*titles, "100% wool"]}}})
    assert [item["id"] for item in answer.json()["data"]] == [2]


async def test_links_of_pages_are_good_with_the_same_body(newsroom: Live) -> None:
    body = {"fields": ["id"], "limit": 3, "offset": 0, "meta": "page,type", "sort": "-id"}
    url, found = A, []
    while url:
        answer = (await search(newsroom, url, body)).json()
        found.append([item["id"] for item in answer["data"]])
        assert answer["meta"]["limit"] == 3
        assert answer["meta"]["page_count"] == 3
        url = (answer["meta"]["links"]["next"] or "").removeprefix(f"{HOST}/{KEY}")
    assert found == [[8, 7, 6], [4, 3, 2], [1]]


async def test_what_has_a_query_string_wins(newsroom: Live) -> None:
    body = {"fields": "id,title", "limit": 1, "filter": {"id": 2}}
    answer = await search(newsroom, f"{A}?fields=id&filter[id][gt]=2", body)
    assert answer.json() == {"data": [{"id": 3}]}


async def test_the_same_rows_and_refusals_for_everybody(place: Office) -> None:
    await place.grant({"collection": "cases", "read": "mine", "read_field_blacklist": ["secret"]})
    asked: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, ""),
        ({"meta": "*", "limit": 2}, "?meta=*&limit=2"),
        ({"filter": {"secret": "x"}}, "?filter[secret]=x"),
        ({"sort": "-secret"}, "?sort=-secret"),
        ({"fields": ["secret", "name"]}, "?fields=secret,name"),
        ({"q": "ann"}, "?q=ann"),
        ({"status": "*"}, "?status=*"),
    )
    for person in (None, "ann", "cid", "admin"):
        for path in ("/items/cases", "/items/plain", "/users", "/activity"):
            for body, query in asked:
                by_query = await place.ask(person, "GET", f"{path}{query}")
                by_body = await place.ask(person, "SEARCH", path, body)
                assert by_body.status_code == by_query.status_code, (person, path, body)
                told = without_request(by_body.json())
                assert told == without_request(by_query.json()), (person, path, body)


async def test_who_asks_is_told_as_in_any_body_or_header(newsroom: Live) -> None:
    client = newsroom.client
    by_body = await client.request(
        "SEARCH", f"/{KEY}{A}", json={"access_token": newsroom.token, "limit": 1}
    )
    assert by_body.status_code == 200, by_body.text
    assert (await client.request("SEARCH", f"/{KEY}{A}", json={})).status_code == 401
    # It changes nothing: a cookie is as good as with GET.
    cookie = {"cookie": f"{COOKIE}={await cookie_of(client)}"}
    by_cookie = await client.request("SEARCH", f"/{KEY}{A}", json={"limit": 1}, headers=cookie)
    # It came again with the answer, and others ask here without one.
    client.cookies.clear()
    assert by_cookie.status_code == 200, by_cookie.text
    assert by_cookie.headers["cache-control"] == "private, no-store"


async def test_only_lists_are_asked_so(newsroom: Live) -> None:
    for path in (f"{A}/1", "/users/me", "/settings/fields", "/permissions/me", "/server/ping"):
        answer = await search(newsroom, path, {})
        assert answer.status_code in (404, 405), path
    answer = await newsroom.ask("PUT", A, json={})
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PATCH, POST, SEARCH"
