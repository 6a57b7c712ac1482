"""Bounds on what one request may ask for: at each limit, and one over it.

Source: security page, "Input"; items page §3.1 and §3.2.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.scenarios.cases import Case, answers, raw, reads, refuses
from tests.scenarios.shop import KEY, Live, live

A = "/items/articles"
ONE = f"{A}/1?fields=id"
BODY_BYTES = 16 * 1024 * 1024
OPEN = quote('{"a":')


def path_of(length: int) -> str:
    """A path over relations of so many segments, the last a name."""
    return ".".join(["boss"] * (length - 1) + ["name"])


def nested(levels: int) -> str:
    """A filter of so many groups in each other."""
    condition: object = {"id": 1}
    for _ in range(levels):
        condition = {"_and": [condition]}
    return quote(json.dumps(condition))


def numbers(count: int) -> str:
    """So many numbers, separated by commas."""
    return ",".join(map(str, range(1, count + 1)))


def conditions(count: int) -> str:
    """So many conditions on one field."""
    return "&".join(f"filter[id][{place}][gt]=0" for place in range(count))


QUERIES = [
    answers("ten levels of fields", f"/items/authors/1?fields={path_of(10)}", {"boss": None}),
    refuses("eleven levels of fields", f"/items/authors/1?fields={path_of(11)}", 12, 422),
    refuses("eleven asterisks", f"{A}?fields={'.'.join('*' * 11)}", 12, 422),
    refuses("asterisks without end", f"{A}?fields={'.'.join('*' * 5000)}", 12, 422),
    reads("ten levels in a filter", f"/items/authors?filter[{path_of(10)}]=x", []),
    refuses("eleven levels in a filter", f"/items/authors?filter[{path_of(11)}]=x", 12, 422),
    reads("ten groups of conditions", f"{A}?fields=id&filter={nested(10)}", [1]),
    refuses("eleven groups of conditions", f"{A}?filter={nested(11)}", 12, 422),
    refuses("JSON deeper than any parser", f"{A}?filter={'[' * 20_000}", 4, 422),
    refuses("objects deeper than any parser", f"{A}?filter={OPEN * 5000}", 4, 422),
    refuses("eleven levels to narrow", f"{A}?deep[{path_of(11)}][limit]=1", 12, 422),
    reads("200 conditions", f"{A}?fields=id&limit=1&{conditions(200)}", [1]),
    refuses("201 conditions", f"{A}?fields=id&{conditions(201)}", 12, 422),
    refuses("201 conditions in JSON", f"{A}?filter={quote(json.dumps({'_or': [{'id': 1}] * 201}))}",
            12, 422),
    refuses("201 conditions, those of relations among them",
            f"{A}?{conditions(200)}&deep[comments][filter][id]=1", 12, 422),
    reads("10,000 values of one condition", f"{A}?fields=id&filter[id][in]={numbers(10_000)}",
          [1, 2, 3, 4, 6, 7, 8]),
    refuses("10,001 values", f"{A}?fields=id&filter[id][in]={numbers(10_001)}", 12, 422),
    reads("1000 ids", f"{A}/{numbers(1000)}?fields=id", [1, 2, 3, 4, 6, 7, 8]),
    refuses("1001 ids", f"{A}/{numbers(1001)}?fields=id", 12, 422),
    answers("1000 entries in fields", f"{A}/1?fields={','.join(['id'] * 1000)}", {"id": 1}),
    refuses("1001 entries in fields", f"{A}/1?fields={','.join(['id'] * 1001)}", 12, 422),
    refuses("1001 entries in groups",
            f"{A}?groups={','.join(f'{number}' for number in range(1001))}", 12, 422),
    reads("1000 parameters", f"{A}?fields=id&limit=1{'&a=b' * 998}", [1]),
    refuses("1001 parameters", f"{A}?fields=id&limit=1{'&a=b' * 999}", 12, 413),
    refuses("a name of 1001 characters", f"{A}?{'a' * 1001}=1", 12, 413),
    refuses("33 levels of brackets", f"{A}?a{'[b]' * 33}=1", 12, 422),
    refuses("levels of operators", f"{A}?filter[id]{'[0]' * 12}[gt]=1", 12, 422),
    reads("a search of 5000 characters", f"{A}?q={'a' * 5000}", []),
    reads("… that are not ASCII, and wildcards", f"{A}?q={'%F0%9F%98%80%25' * 2500}", []),
    refuses("a search of 5001 characters", f"{A}?q={'a' * 5001}", 12, 422),
    refuses("a text of 5001 characters", f"{A}?filter[title][contains]={'a' * 5001}", 12, 422),
    refuses("a pattern of 5001 characters", f"{A}?filter[title][rlike]={'a' * 5001}", 12, 422),
    reads("a value of 5001 characters", f"{A}?filter[title]={'a' * 5001}", []),
]  # fmt: skip


@pytest.mark.parametrize("case", QUERIES, ids=str)
async def test_queries(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


async def test_a_value_of_100_001_characters(newsroom: Live) -> None:
    path = f"/{KEY}{A}".encode()
    status, body = await raw(newsroom, path, b"limit=1&x=" + b"a" * 100_001)
    assert (status, body["error"]["code"]) == (413, 12)
    assert body["error"]["details"] == {"limit": 100_000}
    assert (await raw(newsroom, path, b"limit=1&x=" + b"a" * 100_000))[0] == 200


async def test_relations_that_fields_follow(newsroom: Live) -> None:
    deep = ",".join(f"{'.'.join('*' * levels)}" for levels in range(1, 11))
    answer = await newsroom.ask("GET", f"{A}?fields={deep}")
    assert answer.status_code == 422, answer.text[:500]
    assert answer.json()["error"]["code"] == 12


@pytest.mark.parametrize("path", [A, "/items/nope", "/collections"])
async def test_a_body_of_one_byte_too_many(newsroom: Live, path: str) -> None:
    answer = await newsroom.ask("POST", path, content=b" " * (BODY_BYTES + 1))
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == 12


async def test_a_body_that_does_not_state_its_length(newsroom: Live) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * (1024 * 1024)

    answer = await newsroom.ask("POST", A, content=parts())
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == 12
    assert answer.json()["error"]["details"] == {"limit": BODY_BYTES}


async def test_the_size_is_judged_before_the_text(newsroom: Live) -> None:
    answer = await newsroom.ask("POST", A, content=b"{" * (BODY_BYTES + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize("text", ['{"extra":' * 65 + "1" + "}" * 65, "[" * 100_000, '{"a":' * 9999])
async def test_a_body_that_nests_too_deep(newsroom: Live, text: str) -> None:
    answer = await newsroom.ask("POST", A, content=text)
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["code"] in (12, 13)


@pytest.fixture
async def narrow(project_url: str, tmp_path: Path) -> AsyncIterator[Live]:
    """A project whose operator allows little."""
    prefix = f"CONDUCTUS_PROJECTS__{KEY.upper()}__LIMITS__"
    little = {"MAX_LIMIT": "5", "FIELDS_DEPTH": "2", "FILTERS": "2", "IDS": "2"}
    environment = {prefix + name: value for name, value in little.items()}
    async with live(project_url, tmp_path / "data", environment=environment) as world:
        yield world


async def test_what_the_operator_allows(narrow: Live) -> None:
    for case in (
        refuses("a page of six", "/activity?limit=6", 12, 422),
        refuses("three levels", "/users?fields=role.users.id", 12, 422),
        refuses("three conditions", "/users?filter[id][gt]=0&filter[id][lt]=9&filter[role]=1",
                12, 422),
        refuses("three ids", "/users/1,2,3", 12, 422),
        reads("a page of five", "/users?limit=5", [1]),
        reads("two levels", "/users?fields=id,role.name", [1]),
        reads("two ids", "/users/1,2?fields=id", [1]),
    ):  # fmt: skip
        await case.check(narrow)


async def test_no_limit_means_the_operators(narrow: Live) -> None:
    for number in range(7):
        answer = await narrow.ask("POST", "/folders", json={"name": f"x{number}"})
        assert answer.status_code == 200, answer.text
    assert len(await narrow.data("/folders?limit=-1")) == 5
    assert len(await narrow.data("/folders")) == 5
    answer = await narrow.ask("GET", "/folders?limit=-1&meta=page")
    assert answer.json()["meta"]["page_count"] == 2
