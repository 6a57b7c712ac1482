"""Every example of the page about GraphQL, run in order, on each database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from conductus.config import GraphQLConfig
from conductus.graphql.bounds import MOST_FIELDS
from conductus.graphql.reading import MOST_ROWS
from tests.scenarios.shop import Live
from tests.scenarios.worlds import KEY, done, field, relation, text, whole

PAGE = Path(__file__).parents[2] / "docs" / "graphql.md"
BLOCK = re.compile(r"^```(graphql|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(Struct, frozen=True):
    """A document, its variables, and what it is answered."""

    document: str
    variables: Any
    answer: Any


def examples() -> Iterator[Example]:
    """The examples of the page."""
    blocks: list[tuple[str, str]] = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    while blocks:
        language, document = blocks.pop(0)
        assert language == "graphql", document
        shown = []
        while blocks and blocks[0][0] == "json":
            shown.append(json.loads(blocks.pop(0)[1]))
        *variables, answer = shown
        yield Example(document, variables[0] if variables else None, answer)


async def test_every_example_answers_what_the_page_says(empty: Live) -> None:
    for name, fields in {
        "authors": [text("name"), field("articles", "o2m")],
        "articles": [
            *(text("title"), whole("views"), whole("author", "m2o"), field("comments", "o2m")),
        ],
        "comments": [text("text"), whole("article", "m2o")],
    }.items():
        await done(empty, "/collections", {"collection": name, "fields": [KEY, *fields]})
    await done(empty, "/relations", relation("articles", "author", "authors", "articles"))
    await done(empty, "/relations", relation("comments", "article", "articles", "comments"))
    hot = [{"text": "Hot"}, {"text": "Too hot"}]
    await done(
        empty,
        "/items/articles",
        [
            {"title": "Sun", "views": 10, "author": {"name": "Ann"}, "comments": hot},
            {"title": "Rain", "views": 20, "author": {"name": "Joan"}},
            {"title": "Fog", "views": 5, "author": {"name": "Bob"}},
        ],
    )
    found = list(examples())
    assert len(found) >= 5
    for example in found:
        body = {"query": example.document, "variables": example.variables}
        answer = await empty.ask("POST", "/gql", json=body)
        assert answer.json() == example.answer, example.document


@pytest.mark.parametrize(
    "said",
    [
        f"may have {GraphQLConfig().document_bytes} bytes, {GraphQLConfig().depth} levels, "
        f"{GraphQLConfig().aliases} other names",
        f"{MOST_FIELDS} fields",
        f"ask for {GraphQLConfig().cost} items",
        f"gives {MOST_ROWS} items at most",
    ],
)
def test_the_bounds_that_are_stated_hold(said: str) -> None:
    assert said in " ".join(PAGE.read_text(encoding="utf-8").split())
