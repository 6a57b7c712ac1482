"""Pages that many items come before, with what their links lead to. Source: items page §3.2."""

from __future__ import annotations

import pytest

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text, whole

BOOKS = 270
SHOWN = ["id,title,author.*", "title,author.agent.name", "*.*.*", "author.name,author.books.id"]
ASKED = [
    "",
    "sort=-id",
    "sort=-rank,title",
    "sort=rank",
    "filter[author.name][in]=Ann,Bea&sort=title,-id",
    "filter[rank][nnull]=1&sort=-rank",
    "q=novel&sort=-title",
]
PAGES = [(20, 200), (7, 210), (50, 201), (100, 200), (3, 268), (10, 300)]


@pytest.fixture(scope="module")
async def shelf(workshop: Workshop) -> str:
    agents = await workshop.make(text("name"), word="agents")
    authors = await workshop.make(
        text("name"), whole("agent", "m2o"), field("books", "o2m"), word="authors"
    )
    books = await workshop.make(text("title"), whole("rank"), whole("author", "m2o"), word="books")
    await workshop.relate(authors, "agent", agents)
    await workshop.relate(books, "author", authors, "books")
    await workshop.ok("POST", f"/items/{agents}", [{"name": "Zoe"}, {"name": "Yan"}])
    people = [{"name": "Ann", "agent": 2}, {"name": "Bea", "agent": None}, {"name": "Cy"}]
    await workshop.ok("POST", f"/items/{authors}", people)
    items = [
        {
            "title": f"novel {number * 7 % 40}",
            "rank": None if number % 11 == 0 else number % 13,
            "author": None if number % 40 == 0 else 3 if number % 50 == 0 else 1 + number % 2,
        }
        for number in range(1, BOOKS + 1)
    ]
    await workshop.ok("POST", f"/items/{books}", items)
    return books


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("asked", ASKED)
async def test_a_far_page_is_a_part_of_the_list(
    workshop: Workshop, shelf: str, asked: str, shown: str
) -> None:
    whole_list = await workshop.get(f"/items/{shelf}?fields={shown}&limit=-1&{asked}")
    assert len(whole_list) > 230
    for limit, offset in PAGES:
        path = f"/items/{shelf}?fields={shown}&limit={limit}&offset={offset}&{asked}"
        assert await workshop.get(path) == whole_list[offset : offset + limit], path
