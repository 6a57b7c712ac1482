"""GraphQL over HTTP: media types, GET, persisted queries, bounds. Source: GraphQL page §2, §3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import Struct

from conductus.graphql.bounds import MOST_FIELDS
from tests.scenarios.conversing import conversing
from tests.scenarios.gql import data, problem
from tests.scenarios.shop import Live, live

MODERN = "application/graphql-response+json"
TAGS = "{ tags { data { id } } }"


async def sent(world: Live, body: Any, accept: str = "*/*", **headers: str) -> Any:
    return await world.ask("POST", "/gql", json=body, headers={"accept": accept, **headers})


async def test_the_result_is_as_it_is(newsroom: Live) -> None:
    answer = await sent(newsroom, {"query": TAGS})
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert "accept" in answer.headers["vary"]
    assert answer.json().keys() == {"data"}
    answer = await sent(newsroom, {"query": TAGS}, MODERN)
    assert answer.headers["content-type"] == f"{MODERN}; charset=utf-8"
    assert answer.json().keys() == {"data"}


WRONG = [
    ({"query": "{ nothing }"}, 2, 200, 400),
    ({"query": "{ tags {"}, 2, 200, 400),
    ({"query": TAGS, "operationName": "x"}, 2, 200, 400),
    ({"query": "query($a: Int!) { tags(limit: $a) { data { id } } }"}, 2, 200, 400),
    ({"query": "{" + "tags { data { id } } " * 60 + "}"}, 12, 200, 400),
    ({"query": "{ tags_by_id(id: 99) { id } }"}, 203, 200, 200),
    ({}, 13, 400, 400),
    ({"query": ""}, 13, 400, 400),
    ({"query": 1}, 13, 400, 400),
    ({"query": TAGS, "variables": []}, 13, 400, 400),
    ({"query": TAGS, "variables": "x"}, 13, 400, 400),
    ({"query": TAGS, "extensions": {"persistedQuery": {}}}, 13, 400, 400),
    ([{"query": TAGS}], 13, 400, 400),
    ("text", 13, 400, 400),
]


@pytest.mark.parametrize(("body", "code", "old", "modern"), WRONG)
async def test_statuses_go_by_what_the_client_takes(
    newsroom: Live, body: Any, code: int, old: int, modern: int
) -> None:
    for accept, status in (("application/json", old), (MODERN, modern)):
        answer = await sent(newsroom, body, accept)
        assert answer.status_code == status, answer.text
        assert answer.json()["errors"][0]["extensions"]["code"] == code


async def test_a_body_that_is_no_json(newsroom: Live) -> None:
    whole = b'{"query": "{ tags { data { id } } }"}'
    for content, kind in (
        (b"{", "application/json"),
        (b"", "application/json"),
        (b"query=%7Btags%7Bdata%7Bid%7D%7D%7D", "application/x-www-form-urlencoded"),
        # What a page of another origin may send without being asked whether it may.
        (whole, "text/plain"),
        (whole, "text/plain; charset=json"),
        (whole, "multipart/form-data; boundary=json"),
        (whole, None),
    ):
        headers = {} if kind is None else {"content-type": kind}
        answer = await newsroom.ask("POST", "/gql", content=content, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"] == {"code": 13, "http": 400}


async def test_queries_as_parameters(newsroom: Live) -> None:
    text = "query Some($n: Int) { tags(limit: $n) { data { id } } }"
    path = f"/gql?query={quote(text)}&variables={quote(json.dumps({'n': 1}))}&operationName=Some"
    answer = await newsroom.ask("GET", path)
    assert answer.json() == {"data": {"tags": {"data": [{"id": "1"}]}}}
    answer = await newsroom.ask("GET", f"/gql?query={quote(text)}&variables=%7B")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, 13)
    before = await newsroom.data("/items/tags")
    change = quote('mutation { create_tags_item(data: {name: "x"}) { id } }')
    for accept in ("application/json", MODERN):
        answer = await newsroom.ask("GET", f"/gql?query={change}", headers={"accept": accept})
        assert answer.status_code == 405
        assert answer.json()["errors"][0]["extensions"] == {"code": 6, "http": 405}
    assert await newsroom.data("/items/tags") == before


async def test_persisted_queries(newsroom: Live) -> None:
    text = "query($n: Int) { tags(limit: $n, offset: 1) { data { name } } }"
    checksum = hashlib.sha256(text.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": checksum}}
    body = {"extensions": extensions, "variables": {"n": 1}}
    answer = await sent(newsroom, body)
    assert answer.status_code == 200
    assert [each["message"] for each in answer.json()["errors"]] == ["PersistedQueryNotFound"]
    answer = await sent(newsroom, {**body, "query": f"{text} "})
    assert answer.json()["errors"][0]["extensions"] == {"code": 2, "http": 400}
    for kept in ({**body, "query": text}, body):
        answer = await sent(newsroom, kept)
        assert answer.json() == {"data": {"tags": {"data": [{"name": "sport"}]}}}
    stated = {"extensions": extensions, "variables": {"n": 1}}
    path = "/gql?" + "&".join(f"{name}={quote(json.dumps(it))}" for name, it in stated.items())
    assert (await newsroom.ask("GET", path)).json() == answer.json()


# -- bounds -----------------------------------------------------------------------------


class Bomb(Struct, frozen=True):
    """A document that costs its sender little, and what bound it goes off at."""

    name: str
    text: str
    bound: str
    variables: Any = None

    def __str__(self) -> str:
        return self.name


def doubling(levels: int) -> str:
    """Fragments that use the next one twice: as many fields as two to the power of levels."""
    fragments = "".join(
        f"fragment F{n} on AuthorsItem {{ a{n}: boss {{ ...F{n + 1} }} "
        f"b{n}: boss {{ ...F{n + 1} }} }} "
        for n in range(levels)
    )
    return (
        f"{{ authors {{ data {{ ...F0 }} }} }} {fragments}"
        f"fragment F{levels} on AuthorsItem {{ id }}"
    )


def widening(levels: int) -> str:
    """The same, without a level being deeper than the one before."""
    fragments = "".join(
        f"fragment F{n} on AuthorsItem {{ ...F{n + 1} ... on AuthorsItem {{ ...F{n + 1} }} }} "
        for n in range(levels)
    )
    return (
        f"{{ authors {{ data {{ ...F0 }} }} }} {fragments}"
        f"fragment F{levels} on AuthorsItem {{ id }}"
    )


def deep(levels: int, leaf: str = "id") -> str:
    return "{ authors { data { " + "boss { " * levels + leaf + " }" * levels + " } } }"


def chain(fragments: int, between: str = "") -> str:
    """Fragments of which each uses the next one, below something in `between`."""
    end = " }" * between.count("{")
    return (
        "{ tags { data { ...F0 } } } "
        + "".join(
            f"fragment F{n} on TagsItem {{ {between}...F{n + 1}{end} }} " for n in range(fragments)
        )
        + f"fragment F{fragments} on TagsItem {{ id }}"
    )


BOMBS = [
    Bomb("deeper than anybody needs", deep(10), "levels deep"),
    Bomb("a tower of brackets", "{" * 5000, "Syntax Error"),
    Bomb("a tower of lists", "{ tags(sort: " + "[" * 5000 + "]" * 5000, "Syntax Error"),
    Bomb(
        "a tower of filters",
        "{ articles(filter: " + "{and: [" * 1000 + "]}" * 1000 + ") { data { id } } }",
        "Syntax Error",
    ),
    Bomb(
        "a filter within filters",
        "{ articles(filter: " + "{and: [" * 20 + "{id_eq: 1}" + "]}" * 20 + ") { data { id } } }",
        "nests deeper",
    ),
    Bomb(
        "aliases of one list",
        "{" + " ".join(f"a{n}: tags {{ data {{ id }} }}" for n in range(51)) + "}",
        "aliases",
    ),
    Bomb(
        "aliases of one relation",
        "{ articles { data {" + " ".join(f"a{n}: comments {{ id }}" for n in range(51)) + "} } }",
        "aliases",
    ),
    Bomb("one field again and again", "{ tags { data {" + " id" * 3000 + "} } }", "aliases"),
    Bomb("fragments that double, deeper", doubling(40), "levels deep"),
    Bomb("fragments that double, wider", widening(40), "more than 2000 fields"),
    Bomb(
        "fragments that lead to themselves",
        "{ tags { data { ...A } } } fragment A on TagsItem { ...B } "
        "fragment B on TagsItem { ...A }",
        "Cannot spread fragment",
    ),
    Bomb(
        "fragments that lead to themselves by a field",
        "{ authors { data { ...A } } } fragment A on AuthorsItem { boss { ...A } team { ...A } }",
        "Cannot spread fragment",
    ),
    Bomb("a chain of fragments", chain(90, "... { "), "within each other"),
    Bomb("a crowd of fragments", chain(600), "fragments"),
    Bomb(
        "one list again and again, in fragments without a name",
        "{" + "... { tags { data { id } } } " * 500 + "}",
        "asked for again",
    ),
    Bomb(
        "one list again and again, in fragments with a name",
        "{" + " ".join(f"...F{n}" for n in range(99)) + "}"
        + " ".join(f"fragment F{n} on Query {{ tags {{ data {{ id }} }} }}" for n in range(99)),
        "asked for again",
    ),
    Bomb("unknown fragments", "{" + " ".join(f"...F{n}" for n in range(900)) + "}", "asked for"),
    Bomb("a document of megabytes", "{ tags { data { id } } } #" + "x" * 1_000_000, "bytes"),
    Bomb("words without end", "{ tags(sort: [" + '"a" ' * 7000 + "]) { data { id } } }", "tokens"),
    Bomb(
        "lists within lists",
        "{ authors { data { articles { comments { author { articles { comments { "
        "author { articles { id } } } } } } } } } }",
        "asks for",
    ),
    Bomb(
        "lists with great limits",
        "{ articles(limit: 5000) { data { comments(limit: 5000) { id } } } }",
        "asks for",
    ),
    Bomb(
        "many whole lists",
        "{" + " ".join(f"a{n}: articles(limit: -1) {{ data {{ author {{ id }} comments {{ id }} "
                       f"translations {{ id }} tags {{ id }} }} }}" for n in range(10)) + "}",
        "asks for",
    ),
    Bomb(
        "introspection of introspection",
        "{ __schema { types { fields { type { fields { type { fields { type { fields { "
        "name } } } } } } } } } }",
        "Maximum introspection depth",
    ),
    Bomb(
        "directives without end",
        "{ tags { data { id " + "@include(if: true) " * 700 + "} } }",
        "can only be used once",
    ),
    Bomb(
        "variables without end",
        "query(" + " ".join(f"$v{n}: Int" for n in range(1000)) + ") { tags { data { id } } }",
        "never used",
    ),
    Bomb(
        "a deep variable",
        "query($f: ArticlesFilter) { articles(filter: $f) { data { id } } }",
        "nests deeper",
        {"f": json.loads('{"and": [' * 20 + '{"id_eq": 1}' + "]}" * 20)},
    ),
    Bomb(
        "a wide variable",
        "query($f: ArticlesFilter) { articles(filter: $f) { data { id } } }",
        "conditions",
        {"f": {"or": [{"views_eq": n} for n in range(500)]}},
    ),
    Bomb(
        "a variable that is wrong in many places",
        "query($f: ArticlesFilter) { articles(filter: $f) { data { id } } }",
        "Too many errors",
        {"f": {"or": [{"views_eq": "x"} for _ in range(5000)]}},
    ),
]  # fmt: skip

COST: dict[str, float] = {
    "deeper than anybody needs": 1.4,
    "a tower of brackets": 1.5,
    "a tower of lists": 3.7,
    "a tower of filters": 3.1,
    "a filter within filters": 14.4,
    "aliases of one list": 3.6,
    "aliases of one relation": 2.7,
    "one field again and again": 119,
    "fragments that double, deeper": 5.1,
    "fragments that double, wider": 6.3,
    "fragments that lead to themselves": 3.0,
    "fragments that lead to themselves by a field": 0.8,
    "a chain of fragments": 4.4,
    "a crowd of fragments": 20,
    "one list again and again, in fragments without a name": 27,
    "one list again and again, in fragments with a name": 8.2,
    "unknown fragments": 9.5,
    "a document of megabytes": 10.9,
    "words without end": 28,
    "lists within lists": 3.9,
    "lists with great limits": 3.5,
    "many whole lists": 14,
    "introspection of introspection": 2.4,
    "directives without end": 36,
    "variables without end": 36,
    "a deep variable": 5.8,
    "a wide variable": 48,
    "a variable that is wrong in many places": 80,
}
"""Milliseconds of processor time that each cost where it was measured, client included.

Told, so that who changes a bound has something to compare with. What takes more than a few
is done in a thread: others are answered meanwhile.
"""


def test_every_bomb_has_been_weighed() -> None:
    assert COST.keys() == {bomb.name for bomb in BOMBS}


@pytest.mark.parametrize("bomb", BOMBS, ids=str)
async def test_bombs_are_refused_before_anything_is_read(newsroom: Live, bomb: Bomb) -> None:
    answer = await sent(newsroom, {"query": bomb.text, "variables": bomb.variables})
    assert answer.status_code == 200
    body = answer.json()
    assert not (body.get("data") or {}).get("articles")
    messages = " ".join(each["message"] for each in body["errors"])
    assert bomb.bound in messages
    assert len(body["errors"]) <= 11
    assert len(answer.content) < 16_000


SUBSCRIPTIONS = {
    "asks for": "item { comments(limit: 5000) { author { articles(limit: 5000) { id } } } }",
    "aliases": "item {" + " ".join(f"a{n}: comments {{ id }}" for n in range(51)) + "}",
}


async def test_bombs_are_no_subscriptions(newsroom: Live) -> None:
    """What would go off with each change is judged as if it were asked for once."""
    async with conversing(newsroom) as line:
        await line.begin(newsroom.token)
        for bound, below in SUBSCRIPTIONS.items():
            (problem,) = await line.answer(f"subscription {{ articles_mutated {{ {below} }} }}")
            assert bound in problem["message"]


async def test_documents_within_the_bounds_are_answered(newsroom: Live) -> None:
    for text in (
        deep(8),
        "{" + " ".join(f"a{n}: tags(limit: 1) {{ data {{ id }} }}" for n in range(50)) + "}",
        "{ tags { data {" + " id" * 51 + "} } }",
        widening(9),
        "{ articles { data { comments { author { articles { id } } } } } }",
    ):
        await data(newsroom, text)
    assert MOST_FIELDS == 2000


@pytest.fixture
async def closed(project_url: str, tmp_path: Path) -> AsyncIterator[Live]:
    """A project with narrow bounds, whose schema describes itself to nobody."""
    set_to = {"INTROSPECTION": "false", "DEPTH": "4", "ALIASES": "1", "COST": "500",
              "DOCUMENT_BYTES": "500"}  # fmt: skip
    environment = {f"CONDUCTUS_PROJECTS__MAIN__GRAPHQL__{name}": to for name, to in set_to.items()}
    async with live(project_url, tmp_path / "data", environment=environment) as world:
        yield world


async def test_bounds_are_set_by_configuration(closed: Live) -> None:
    text = "{ directus_users { data { id email __typename } } __typename }"
    assert (await data(closed, text))["__typename"] == "Query"
    for text, code in (
        ("{ __schema { queryType { name } } }", 2),
        ('{ __type(name: "Query") { name } }', 2),
        ("{ directus_users { data { role { role: id users: name x: id } } } }", 12),
        ("{ directus_users { data { avatar { folder { name } } } } }", 12),
        ("{ directus_users(limit: 501) { data { id } } }", 12),
        ("{ directus_users { data { id } } }" + " " * 500, 12),
    ):
        assert (await problem(closed, text))[0] == code, text
    answer = await closed.ask("POST", "/gql", json={"query": "{ directus_user { data { id } } }"})
    assert "Did you mean" not in answer.text
