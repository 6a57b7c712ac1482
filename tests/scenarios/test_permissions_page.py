"""Every request of the page of examples for permissions, answered as it is shown."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.databases import DRIVERS, fresh_database
from tests.scenarios.shop import PASSWORD, Live, live
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import done, status, text, whole

ROW = re.compile(r"\bRow \d+\b")
"""Which number a row has depends on how many new roles bring with them."""
PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STATUSES = {
    name: {"name": name.title(), "soft_delete": name == "deleted", "published": name == "published"}
    for name in ("draft", "review", "published", "deleted")
}
ROLES = ("authors", "editors", "clients")
PEOPLE = {"ada": "authors", "eva": "editors", "carl": "clients", "dora": "clients"}
ASKING = {
    "An author": "ada",
    "An editor": "eva",
    "A client portal": "carl",
    "What everybody reads": None,
    "Which rows decided": "admin",
}


class Line(Struct, frozen=True):
    """A request of the page and its answer."""

    method: str
    path: str
    sent: Any
    status: int
    answer: Any


class Example(Struct, frozen=True):
    """A section of the page."""

    name: str
    rows: list[dict[str, Any]]
    lines: list[Line]


def sections() -> Iterator[tuple[str, str]]:
    """Headings of the page and what is below them; the first has none."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    yield "", parts[0]
    yield from zip(parts[1::2], parts[2::2], strict=True)


def examples() -> Iterator[Example]:
    for name, below in sections():
        blocks: list[tuple[str, str]] = BLOCK.findall(below)
        if name:
            rows = [row for kind, code in blocks if kind == "json" for row in json.loads(code)]
            lines = [line for kind, code in blocks if kind == "text" for line in exchanged(code)]
            yield Example(name, rows, lines)


def exchanged(code: str) -> Iterator[Line]:
    asked = code.splitlines()
    for request, answer in zip(asked[::2], asked[1::2], strict=True):
        method, path, *sent = request.split(" ", 2)
        status, *told = answer.split(" ", 1)
        yield Line(
            method,
            path.removeprefix("/P"),
            json.loads(sent[0]) if sent else None,
            int(status),
            json.loads(told[0]) if told else None,
        )


@pytest.fixture(scope="module", params=DRIVERS)
async def publisher(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    """The publisher of the page, with its people and what they have."""
    folder = tmp_path_factory.mktemp("publisher")
    async with (
        fresh_database(request.param, "publisher", folder) as url,
        live(url, folder / "data") as world,
    ):
        roles = {name: (await done(world, "/roles", {"name": name}))["id"] for name in ROLES}
        people = {
            name: (await done(world, "/users", person(name, roles[role])))["id"]
            for name, role in PEOPLE.items()
        }
        # What the page says of ids.
        assert (roles, people) == (
            {"authors": 3, "editors": 4, "clients": 5},
            {"ada": 2, "eva": 3, "carl": 4, "dora": 5},
        )
        await make(world)
        (shown,) = [code for kind, code in BLOCK.findall(dict(sections())[""]) if kind == "json"]
        for collection, items in json.loads(shown).items():
            await done(world, f"/items/{collection}", items)
            owner = "author" if collection == "articles" else "client"
            owned = [{"id": item["id"], owner: people[item[owner]]} for item in items]
            answer = await world.ask("PATCH", f"/items/{collection}", json=owned)
            assert answer.status_code == 200, answer.text
        yield world


def person(name: str, role: int) -> dict[str, Any]:
    return {
        **{"email": f"{name}@example.org", "password": PASSWORD, "status": "active"},
        **{"role": role, "token": f"Static-token-of-{name}"},
    }


async def make(world: Live) -> None:
    staged = status(STATUSES, default_value="draft")
    articles = [ID, staged, whole("author", "owner"), text("title"), text("notes")]
    orders = [ID, whole("client", "owner"), whole("total"), whole("margin")]
    for name, fields in {"articles": articles, "orders": orders}.items():
        await done(world, "/collections", {"collection": name, "fields": fields})


def test_each_section_has_somebody_who_asks() -> None:
    assert [example.name for example in examples()] == list(ASKING)
    assert sum(len(example.lines) for example in examples()) > 30


async def test_the_page_is_answered_as_it_shows(publisher: Live) -> None:
    for example in examples():
        if example.rows:
            await done(publisher, "/permissions", example.rows)
        for line in example.lines:
            await check(publisher, ASKING[example.name], line)


async def check(world: Live, asker: str | None, line: Line) -> None:
    """Asks, and holds the answer against the one that is shown."""
    token = world.token if asker == "admin" else f"Static-token-of-{asker}"
    headers = {"authorization": f"Bearer {token}"} if asker else {}
    options = {} if line.sent is None else {"json": line.sent}
    answer = await world.client.request(
        line.method, f"/main{line.path}", headers=headers, **options
    )
    said = (asker, line.method, line.path, answer.text)
    assert answer.status_code == line.status, said
    found = answer.json() if answer.content else None
    if found is not None and "error" in found:
        found = {"error": {"code": found["error"]["code"]}}
    assert json.loads(ROW.sub("Row", json.dumps(found))) == json.loads(
        ROW.sub("Row", json.dumps(line.answer))
    ), said
