"""Errors: envelope, order of checks, and input that is meant to break something.

Source: errors page; security page, "Input".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.scenarios.cases import KEYS_OF_AN_ERROR, Case, raw, refuses
from tests.scenarios.shop import KEY, Live

A = "/items/articles"
JSON = {"content-type": "application/json"}


async def ask(world: Live, method: str, path: str, **options: Any) -> httpx2.Response:
    """A request with the whole path, as the administrator."""
    headers = {"authorization": f"Bearer {world.token}", **options.pop("headers", {})}
    return await world.client.request(method, path, headers=headers, **options)


ORDER = [
    ("an unknown project, whatever follows", "GET", "/nope/nope", {}, 24, 404),
    ("an unknown project before its token", "GET", "/nope/items/a?access_token=x", {}, 24, 404),
    ("an unknown project before its body", "POST", "/nope/items/a", {"content": b"{"}, 24, 404),
    ("an empty name of a project", "GET", "//items/a", {}, 24, 404),
    ("a project whose name is no UTF-8", "GET", "/%ff/items/a", {}, 24, 404),
    ("a project that climbs", "GET", "/..%2f..%2fetc/passwd", {}, 24, 404),
    ("an unknown route", "GET", "/main/nope", {}, 1, 404),
    ("an unknown route of any method", "PURGE", "/main/nope", {}, 1, 404),
    ("an unknown route below a known one", "GET", "/main/items/articles/1/nope", {}, 1, 404),
    ("an unknown route before the token", "GET", "/main/nope",
     {"headers": {"authorization": "Bearer nonsense"}}, 1, 404),
    ("a method that is not there", "PUT", "/main/items/articles/1", {}, 6, 405),
    ("a method of no meaning", "FROB", "/main/items/articles", {}, 6, 405),
    ("a method before the token", "PUT", "/main/items/articles/1",
     {"headers": {"authorization": "Bearer nonsense"}}, 6, 405),
    ("the body before the collection", "POST", "/main/items/nope", {"content": b""}, 13, 400),
    ("the body before the kind of collection", "PATCH", "/main/items/directus_users",
     {"content": b"["}, 13, 400),
    ("the collection before its fields, writing", "POST", "/main/items/nope?fields=nope",
     {"json": {}}, 200, 404),
    ("a system collection before its existence", "GET", "/main/items/directus_nope", {}, 201, 401),
    ("a collection before its fields", "GET", "/main/items/nope?fields=nope", {}, 200, 404),
    ("fields before values", "POST", "/main/items/articles",
     {"json": {"nope": 1, "views": "abc"}}, 12, 422),
]  # fmt: skip


@pytest.mark.parametrize("case", ORDER, ids=lambda case: case[0])
async def test_order_of_checks(case: tuple[Any, ...], newsroom: Live) -> None:
    _, method, path, options, code, status = case
    answer = await ask(newsroom, method, path, **options)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert error.keys() <= KEYS_OF_AN_ERROR
    assert error["request_id"] == answer.headers["x-request-id"]


async def test_a_method_that_is_not_there_names_those_that_are(newsroom: Live) -> None:
    answer = await newsroom.ask("PUT", f"{A}/1")
    assert answer.headers["allow"].split(", ") == ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH"]
    answer = await newsroom.ask("DELETE", A)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PATCH, POST, SEARCH"


BODIES = [b"", b"null", b"5", b'"text"', b"[]", b"[1]", b"[{}, 5]", b"{", b'{"a": NaN}',
          b"\xff", b'{"title": "\xff"}', b"{'a': 1}", b'{"a": 1,}', b"\x00"]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
async def test_bodies_that_are_no_items(newsroom: Live, body: bytes) -> None:
    for method, path in (("POST", A), ("PATCH", A), ("PATCH", f"{A}/1")):
        answer = await newsroom.ask(method, path, content=body, headers=JSON)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["code"] == 13


NOBODY = [
    ("/items/articles", 3, 401),
    ("/items/articles?fields=nope", 3, 401),
    ("/items/articles?filter[nope]=1", 3, 401),
    ("/items/articles/1", 203, 404),
    ("/items/articles/99", 203, 404),
    ("/items/articles/1?fields=nope", 203, 404),
    ("/items/articles/1,2", 3, 401),
    ("/items/articles/1,2?fields=nope", 3, 401),
    ("/users", 3, 401),
    ("/activity", 3, 401),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"])
async def test_every_answer_has_an_id(newsroom: Live, method: str) -> None:
    ids = set()
    for path in ("/nope", "/main/nope", "/main/items/nope", f"/main{A}/1", "/server/nope", "/"):
        answer = await ask(newsroom, "HEAD" if method == "DELETE" else method, path)
        ids.add(answer.headers["x-request-id"])
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert len(ids) == 6


@pytest.mark.parametrize("path", ["/nope/x", "/main/nope", f"/main{A}/99", f"/main{A}?limit=x"])
async def test_head_of_an_error_is_its_status_alone(newsroom: Live, path: str) -> None:
    whole = await ask(newsroom, "GET", path)
    head = await ask(newsroom, "HEAD", path)
    assert head.status_code == whole.status_code
    assert head.content == b""
    assert head.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize("path", ["/nope", "/main/nope", f"/main{A}", "/server/ping", "/"])
async def test_options_are_answered_anywhere(newsroom: Live, path: str) -> None:
    origin = {"origin": "https://example.com", "access-control-request-method": "PATCH"}
    answer = await newsroom.client.request("OPTIONS", path, headers=origin)
    assert answer.status_code == 200
    assert answer.content == b""
    assert "PATCH" in answer.headers["access-control-allow-methods"]


PARAMETERS = (
    "fields", "fields[]", "fields[a]", "filter", "filter[id]", "filter[title]", "filter[id][in]",
    "filter[title][contains]", "filter[title][rlike]", "filter[title][nrlike]", "filter[views][gt]",
    "filter[price]", "filter[price][in]", "filter[price][between]", "filter[score][lt]",
    "filter[featured]", "filter[day]", "filter[day][between]", "filter[at]", "filter[moment][lt]",
    "filter[created][gt]", "filter[extra]", "filter[extra][contains]", "filter[words]",
    "filter[words][in]", "filter[code]", "filter[code][in]", "filter[data]", "filter[status][in]",
    "filter[author]", "filter[author][contains]", "filter[author.name]", "filter[comments]",
    "filter[comments][all]", "filter[comments][has]", "filter[comments][contains]",
    "filter[id][null]", "filter[id][logical]", "filter[x]", "filter[]", "sort", "sort[]", "limit",
    "offset", "page", "single", "status", "q", "meta", "lang", "groups", "aggregate",
    "aggregate[sum]", "aggregate[x]", "deep", "deep[comments]", "deep[comments][limit]",
    "deep[comments][filter][body][rlike]", "deep[x][limit]", "activity_skip", "access_tokens",
)  # fmt: skip
VALUES = (
    "", "\0", "a\0b", "\x01\x7f", "'", '"', "`", "\\", "%", "_", "\\'",
    "'; DROP TABLE articles; --",
    "') OR 1=1 --", '" OR ""="', "${7*7}", "{{7*7}}", "%(p0)s", ":p0", "?", "$1", "%s", "NaN",
    "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "9" * 400, "-" + "9" * 5000, "0x10",
    "1_000", "١٢٣", "½", "1,", ",", ",,,", "null", "true", "[]", "{}", "[[[]]]", '{"a":', "-0",
    "\u202e", "\ufffe", "😀", "é", "e\u0301", "ﬀ", "ß", "İ", "now", "now(", "now(+1e9 years)",
    "now(-99999999999999999999 days)", "0000-00-00", "9999-12-31", "10000-01-01", "-0001-01-01",
    "2031-01-01T00:00:00+99:99", "24:00:00", "a" * 3000, "." * 50, "*", "*.*", "-", "--id", "?,?",
    "((((", "a" * 50 + "\\",
)  # fmt: skip


@pytest.mark.parametrize("parameter", PARAMETERS)
async def test_no_value_of_a_parameter_breaks_a_read(newsroom: Live, parameter: str) -> None:
    broken = []
    shaping = parameter.partition("[")[0] in ("fields", "meta", "lang", "status", "deep")
    paths = (A, f"{A}/1", f"{A}/1,2") if shaping else (A,)
    for value in VALUES:
        query = f"{quote(parameter, safe='')}={quote(value, safe='')}"
        for path in paths:
            answer = await newsroom.ask("GET", f"{path}?{query}")
            if answer.status_code >= 500:
                broken.append((path, query, answer.text))
            assert "SELECT" not in answer.text
    assert not broken


@pytest.mark.parametrize("value", VALUES)
async def test_no_name_breaks_a_read(newsroom: Live, value: str) -> None:
    """The value in every place where the name of something stands."""
    text = quote(value, safe="")
    for path in (
        *(f"/items/{text}", f"/items/{text}/1", f"{A}/{text}", f"{A}/1,{text}", f"/{text}"),
        *(f"{A}/{text}/revisions", f"{A}/1/revisions/{text}", f"/activity/{text}"),
        *(f"/users/{text}", f"/collections/{text}", f"/fields/{text}/{text}"),
        *(f"{A}?{text}=1", f"{A}?filter[{text}]=1", f"{A}?filter[id][{text}]=1"),
        *(f"{A}?filter[author.{text}]=1", f"{A}?filter[comments.{text}.name][gt]=1"),
        *(f"{A}?deep[{text}][sort]=id", f"{A}?deep[comments][{text}]=1"),
        *(f"{A}?deep[comments][filter][{text}]=1", f"{A}?aggregate[{text}]=id"),
        *(f"{A}?fields=author.{text}", f"{A}?sort=-{text}", f"{A}?fields=-{text}"),
        *(f"{A}?aggregate[min]={text}", f"{A}?groups=status,{text}", f"{A}?{text}[{text}]={text}"),
    ):
        if len(path) > 60_000:
            continue
        answer = await newsroom.ask("GET", path)
        assert answer.status_code < 500, (path, answer.text)
        assert "SELECT" not in answer.text
        assert "Traceback" not in answer.text


async def test_all_is_there_afterwards(newsroom: Live) -> None:
    assert len(await newsroom.data(f"{A}?status=*&fields=id")) == 8


BYTES = (b"\xff", b"%ff", b"%c3%28", b"%ed%a0%80", b"%ed%b0%80", b"\xed\xa0\x80", b"%00", b"\x00",
         b"%f8%88%80%80%80", b"%c0%af", b"%", b"%4", b"%zz", b"%u0041")  # fmt: skip


@pytest.mark.parametrize("value", BYTES)
async def test_bytes_that_are_no_text(newsroom: Live, value: bytes) -> None:
    bad = value not in (b"%", b"%4", b"%zz", b"%u0041")
    for name in (b"q", b"fields", b"filter[title]", b"filter[title][contains]", b"sort", b"meta",
                 b"filter[" + value + b"]", value, b"limit", b"x"):  # fmt: skip
        status, body = await raw(newsroom, f"/{KEY}{A}".encode(), name + b"=" + value)
        assert status < 500
        if bad:
            assert (status, body["error"]["code"]) == (422, 4)
    for path in (b"/items/" + value, b"/items/articles/" + value, b"/items/articles/1," + value,
                 b"/users/" + value, b"/" + value):  # fmt: skip
        status, body = await raw(newsroom, f"/{KEY}".encode() + path, b"")
        assert status in (200, 404, 422)
        if bad and b"%" in value and path != b"/" + value:
            assert (status, body["error"]["code"]) == (422, 4)


CODES = [
    refuses("1 unknown route", "/nope", 1, 404),
    refuses("4 a number that is none", f"{A}?limit=x", 4, 422),
    refuses("12 a relation that cannot be sorted by", f"{A}?sort=comments", 12, 422),
    refuses("200 unknown collection", "/items/nope", 200, 404),
    refuses("201 system collection", "/items/directus_roles", 201, 401),
    refuses("202 unknown field", f"{A}?fields=nope", 202, 422),
    refuses("202 unknown path", f"{A}?filter[author.nope]=1", 202, 404),
    refuses("203 unknown item", f"{A}/99", 203, 404),
    refuses("203 unknown revision", f"{A}/1/revisions/99", 203, 404),
    refuses("203 a place of a revision that is none", f"{A}/1/revisions/x", 203, 404),
    refuses("213 more than one value", f"{A}?filter[id][gt][]=1&filter[id][gt][]=2", 213, 422),
    refuses("214 unknown operator", f"{A}?filter[id][nope]=1", 214, 422),
    refuses("215 a secret", "/users?filter[token]=x", 215, 403),
]


@pytest.mark.parametrize("case", CODES, ids=str)
async def test_codes(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize(("path", "code", "status"), NOBODY)
async def test_nobody_learns_what_there_is(
    newsroom: Live, path: str, code: int, status: int
) -> None:
    answer = await newsroom.client.get(f"/{KEY}{path}")
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
