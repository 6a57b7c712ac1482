"""Searches for each word, where the setting `q_words` says so. Source: items page §3.6."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text, whole

TITLES = ("red fish", "blue fish in a red bowl", "red", "fish, all of it", 'five " of wool')
SEARCHES = [
    # Text, found by words, found as a whole.
    ("red fish", [1, 2], [1]),
    ("  fish   red ", [1, 2], []),
    ('"red fish"', [1], []),
    ('"red bowl" blue', [2], []),
    ("RED", [1, 2, 3], [1, 2, 3]),
    ("fish ann", [2], []),
    ("ann 5", [], []),
    ('five "', [5], [5]),
    ('"', [5], [5]),
    ('""', [1, 2, 3, 4, 5], []),
    ("red % fish", [], []),
]


async def switch(workshop: Workshop, value: bool) -> None:
    (row,) = await workshop.get("/settings?filter[key][eq]=q_words")
    await workshop.ok("PATCH", f"/settings/{row['id']}", {"value": value})


Found = Callable[[str], Any]


@pytest.fixture
async def shelf(workshop: Workshop) -> AsyncIterator[Found]:
    authors = await workshop.make(text("name"), field("books", "o2m"), word="authors")
    books = await workshop.make(text("title"), whole("author", "m2o"), word="books")
    await workshop.relate(books, "author", authors, "books")
    await workshop.ok("POST", f"/items/{authors}", {"name": "Ann"})
    items = [{"title": title, "author": 1 if "blue" in title else None} for title in TITLES]
    await workshop.ok("POST", f"/items/{books}", items)

    async def found(search: str) -> tuple[list[int], int]:
        answer = await workshop.world.ask(
            "GET", f"/items/{books}", params={"q": search, "fields": "id", "meta": "filter_count"}
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        return [item["id"] for item in told["data"]], told["meta"]["filter_count"]

    yield found
    await switch(workshop, False)


async def test_words_or_the_whole(workshop: Workshop, shelf: Found) -> None:
    for search, _, whole_text in SEARCHES:
        assert await shelf(search) == (whole_text, len(whole_text)), search
    await switch(workshop, True)
    for search, words, _ in SEARCHES:
        assert await shelf(search) == (words, len(words)), search
    await switch(workshop, False)
    assert await shelf("fish red") == ([], 0)


async def test_too_many_words(workshop: Workshop, shelf: Found) -> None:
    await switch(workshop, True)
    assert await shelf("red " * 50) == ([1, 2, 3], 3)
    many = " ".join(f"w{number}" for number in range(21))
    told = await workshop.refused((12, 422), "GET", f"/users?q={many}")
    assert told["details"] == {"limit": 20}
