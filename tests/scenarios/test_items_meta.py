"""What `meta` tells of a list, and its links. Source: items page §3.7."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.scenarios import worlds
from tests.scenarios.cases import Case
from tests.scenarios.shop import HOST, KEY, Live
from tests.scenarios.signing_in import change

A = "/items/articles"
URL = f"{HOST}/{KEY}{A}"


def tells(query: str, meta: Any, path: str = A) -> Case:
    """The `meta` of a query."""
    return Case(says=f"{path}?{query}", get=f"{path}?{query}", meta=meta)


def links(
    current: str,
    *,
    next: str | None = None,
    previous: str | None = None,
    first: str | None = None,
    last: str | None = None,
) -> dict[str, str | None]:
    """The links of a page, given by their queries."""
    asked = {
        "current": current,
        "next": next,
        "previous": previous,
        "first": first,
        "last": last,
    }
    urls = {name: None if query is None else f"{URL}?{query}" for name, query in asked.items()}
    return {"self": URL, **urls}


COUNTS = [
    tells("meta=collection", {"collection": "articles"}),
    tells("meta=type", {"type": "collection"}),
    tells("meta=result_count&limit=2", {"result_count": 2}),
    tells("meta=total_count&limit=2", {"total_count": 7}),
    tells("meta=total_count&limit=0", {"total_count": 7}),
    tells("fields=-&limit=0&meta=total_count", {"total_count": 7}),
    tells("meta=total_count&filter[views]=20", {"total_count": 7}),
    tells("meta=filter_count", {"filter_count": 7}),
    tells("meta=filter_count&filter[views]=20&limit=1", {"filter_count": 2}),
    tells("meta=filter_count&q=lan&limit=1", {"filter_count": 2}),
    tells("meta=filter_count&q=second&filter[id][lt]=9", {"filter_count": 1}),
    tells("meta=filter_count&filter[comments.author.name]=Bob&limit=1", {"filter_count": 2}),
    tells("meta=total_count,filter_count&filter[id]=0", {"total_count": 7, "filter_count": 0}),
    tells(
        "meta=total_count%2Cresult_count%2Cfilter_count&limit=3",
        {"result_count": 3, "total_count": 7, "filter_count": 7},
    ),
    tells("meta[]=result_count&meta[]=type", {"type": "collection", "result_count": 7}),
    tells("meta=total_count,filter_count&status=draft", {"total_count": 2, "filter_count": 2}),
    tells("meta=filter_count&status=*&filter[views]=5", {"filter_count": 1}),
    tells("meta=status", {"status_count": {"published": 5, "draft": 2, "deleted": 1}}),
    tells("meta=status_count", {"status_count": {"published": 5, "draft": 2, "deleted": 1}}),
    tells("meta=status", {}, "/items/tags"),
    tells("meta=nope", {}),
    tells("meta=nope,type", {"type": "collection"}),
    tells("meta=collection,type", {"collection": "articles", "type": "item"}, f"{A}/1"),
    tells("meta=*", {"collection": "articles", "type": "item"}, f"{A}/1"),
    tells("meta=total_count,page", {}, f"{A}/1"),
    tells("meta=*&single=1", {"collection": "articles", "type": "item"}),
    tells("meta=type,result_count", {"type": "collection", "result_count": 2}, f"{A}/1,2,99"),
]
PAGES = [
    tells(
        "meta=page&limit=3",
        {
            "limit": 3,
            "offset": 0,
            "page": 1,
            "page_count": 3,
            "links": links(
                "meta=page&limit=3&page=1",
                next="meta=page&limit=3&offset=3&page=2",
                first="meta=page&limit=3&offset=0&page=1",
                last="meta=page&limit=3&offset=6&page=3",
            ),
        },
    ),
    tells(
        "meta=page&limit=3&page=2",
        {
            "limit": 3,
            "offset": 3,
            "page": 2,
            "page_count": 3,
            "links": links(
                "meta=page&limit=3&page=2",
                next="meta=page&limit=3&page=3&offset=6",
                previous="meta=page&limit=3&page=1&offset=0",
                first="meta=page&limit=3&page=1&offset=0",
                last="meta=page&limit=3&page=3&offset=6",
            ),
        },
    ),
    tells(
        "meta=page&limit=3&page=3",
        {
            "limit": 3,
            "offset": 6,
            "page": 3,
            "page_count": 3,
            "links": links(
                "meta=page&limit=3&page=3",
                previous="meta=page&limit=3&page=2&offset=3",
                first="meta=page&limit=3&page=1&offset=0",
                last="meta=page&limit=3&page=3&offset=6",
            ),
        },
    ),
    tells(
        "meta=page&limit=10",
        {
            "limit": 10,
            "offset": 0,
            "page": 1,
            "page_count": 1,
            "links": links("meta=page&limit=10&page=1"),
        },
    ),
    tells(
        "meta=page&limit=-1",
        {
            "limit": 7,
            "offset": 0,
            "page": 1,
            "page_count": 1,
            "links": links("meta=page&limit=-1&page=1"),
        },
    ),
    tells(
        "meta=page&limit=2&filter[views]=20&sort=-title&access_token=",
        {
            "limit": 2,
            "offset": 0,
            "page": 1,
            "page_count": 1,
            "links": links("meta=page&limit=2&filter[views]=20&sort=-title&page=1"),
        },
    ),
]


@pytest.mark.parametrize("case", COUNTS, ids=str)
async def test_counts(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", PAGES, ids=str)
async def test_pages(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


async def test_everything_that_meta_tells(newsroom: Live) -> None:
    answer = await newsroom.ask("GET", f"{A}?meta=*&fields=id&limit=3&filter[views][gt]=0")
    meta = answer.json()["meta"]
    assert list(meta) == [
        *("collection", "type", "result_count", "total_count", "filter_count", "status_count"),
        *("limit", "offset", "page", "page_count", "links"),
    ]
    assert meta["result_count"] == 3
    assert meta["total_count"] == 7
    assert meta["filter_count"] == 4
    assert meta["page_count"] == 2


async def test_statuses_that_nobody_declared_are_counted(empty: Live, project_url: str) -> None:
    mapping = {name: {"name": name, "soft_delete": name == "Gone"} for name in ("in-work", "Gone")}
    fields = [worlds.KEY, worlds.status(mapping)]
    await worlds.done(empty, "/collections", {"collection": "notes", "fields": fields})
    made = ["in-work", "in-work", "Gone", "in-work"]
    await worlds.done(empty, "/items/notes", [{"status": status} for status in made])
    notes = sa.table("notes", sa.column("id"), sa.column("status"))

    async def counts(query: str = "") -> tuple[Any, ...]:
        meta = (await empty.ask("GET", f"/items/notes?meta=*&limit=1{query}")).json()["meta"]
        return meta["status_count"], meta["total_count"], meta["filter_count"]

    for _ in range(2):
        assert await counts() == ({"in-work": 3, "Gone": 1}, 3, 3)
        assert await counts("&status=Gone") == ({"in-work": 3, "Gone": 1}, 1, 1)
        assert await counts("&status=*") == ({"in-work": 3, "Gone": 1}, 3, 3)
        await change(project_url, sa.update(notes).values(status="odd").where(notes.c.id == 1))
        assert await counts() == ({"in-work": 2, "Gone": 1, "odd": 1}, 2, 2)
        assert await counts("&status=odd,Gone") == ({"in-work": 2, "Gone": 1, "odd": 1}, 2, 2)
        await change(project_url, sa.update(notes).values(status=None).where(notes.c.id == 1))
        assert await counts() == ({"in-work": 2, "Gone": 1}, 2, 2)
        await change(project_url, sa.update(notes).values(status="in-work").where(notes.c.id == 1))


async def test_no_meta_unless_asked_for(newsroom: Live) -> None:
    for query in ("", "?meta=", "?meta"):
        answer = await newsroom.ask("GET", f"{A}{query}")
        assert answer.json().keys() == {"data"}


async def test_links_lead_through_the_whole_list(newsroom: Live) -> None:
    found: list[int] = []
    url: str | None = f"{A}?meta=page&fields=id&limit=2&sort=-id"
    while url is not None:
        body = (await newsroom.ask("GET", url)).json()
        found += [item["id"] for item in body["data"]]
        following = body["meta"]["links"]["next"]
        url = None if following is None else following.removeprefix(f"{HOST}/{KEY}")
    assert found == [8, 7, 6, 4, 3, 2, 1]


async def test_links_hold_no_credentials(newsroom: Live) -> None:
    path = f"{A}?meta=page&limit=1&access_token={newsroom.token}"
    answer = await newsroom.ask("GET", path)
    assert answer.status_code == 200, answer.text
    assert "access_token" not in answer.text
