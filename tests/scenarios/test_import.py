"""Imports over HTTP: judged whole, then written in one transaction. Source: projects page §2."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conductus.errors import Unprocessable
from conductus.extensions import BeforeWrite
from tests.databases import DRIVERS
from tests.scenarios.hooked import Board, hooked
from tests.scenarios.office import Office
from tests.scenarios.office import token as token_of
from tests.scenarios.shop import KEY as PROJECT
from tests.scenarios.shop import live
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import KEY, done, field, text, whole

Item = dict[str, Any]


async def taken(shop: Workshop, content: str | bytes, file: str = "x.csv", **stated: str) -> Item:
    """What an import did that must succeed."""
    result: Item = await shop.ok(
        "POST", "/utils/import", data=stated, files={"file": (file, content)}
    )
    return result


async def problems(shop: Workshop, content: str | bytes, file: str = "x.csv", **stated: str) -> Any:
    """What is wrong with the lines of a file: line, field, code."""
    told = await shop.refused(
        (4, 422), "POST", "/utils/import", data=stated, files={"file": (file, content)}
    )
    return [(one["line"], one.get("field"), one["code"]) for one in told["details"]["errors"]]


@pytest.fixture(scope="module", params=DRIVERS)
async def oven(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Workshop, Board]]:
    async with hooked(request.param, tmp_path_factory.mktemp("hooked")) as found:
        yield found


async def books(workshop: Workshop, **more: Any) -> str:
    """A collection with a title that is needed, a unique number and a few more."""
    return await workshop.make(
        text("title", required=True), whole("pages"), text("isbn", unique=True),
        field("day", "date", "DATE"), field("facts", "json", "JSON"), text("words", "array"),
        field("lent", "boolean", "TINYINT", 1),
        word="books", **more,
    )  # fmt: skip


async def test_csv_as_people_write_it(workshop: Workshop) -> None:
    name = await books(workshop)
    content = (
        "\ufefftitle;pages;words;facts;lent;day\r\n"
        'One;5;"a,b";{"k": [1]};TRUE;2031-02-03\r\n'
        '"Two\r\nlines";;;;false;\r\n'
        "\r\n"
        '\'=1+1;007;["x"];text;1;\r\n'
    )
    assert await taken(workshop, content, collection=name) == {"created": 3, "updated": 0}
    first, second, third = await workshop.items(name)
    assert first == {
        "id": 1, "title": "One", "pages": 5, "isbn": None, "day": "2031-02-03",
        "facts": {"k": [1]}, "words": ["a", "b"], "lent": True,
    }  # fmt: skip
    assert (second["title"], second["pages"], second["lent"]) == ("Two\r\nlines", None, False)
    assert (third["title"], third["pages"], third["facts"]) == ("=1+1", 7, "text")
    assert third["words"] == ["x"]
    # As every write: activity and revisions.
    assert await workshop.deeds(name) == [("create", "1"), ("create", "2"), ("create", "3")]
    assert [row["data"]["title"] for row in await workshop.revisions(name)] == [
        *("One", "Two\r\nlines", "=1+1")
    ]


@pytest.mark.parametrize(
    ("content", "type"),
    [
        ("title\nA\nB\n", "text/csv"),
        ("title\tpages\nA\t1\nB\t2\n", "text/tab-separated-values"),
        ('[{"title": "A"}, {"title": "B"}]', "application/json"),
        ('{"title": "A"}\n{"title": "B"}\n', "application/x-ndjson"),
    ],
)
async def test_a_body_that_is_the_file(workshop: Workshop, content: str, type: str) -> None:
    name = await books(workshop)
    done = await workshop.ok(
        "POST",
        f"/utils/import?collection={name}&comment=from%20the%20archive",
        content=content.encode(),
        headers={"content-type": type},
    )
    assert done == {"created": 2, "updated": 0}
    assert [item["title"] for item in await workshop.items(name)] == ["A", "B"]
    rows = await workshop.get(f"/activity?filter[collection]={name}&fields=comment")
    assert [row["comment"] for row in rows] == ["from the archive"] * 2


async def test_every_problem_is_told_and_nothing_is_written(workshop: Workshop) -> None:
    name = await books(workshop)
    content = (
        "title,pages,day\n"
        "Good,1,2031-02-03\n"
        ",many,2031-02-30\n"
        '"two\nlines",1,soon\n'
        "Also good,99999999999,\n"
    )
    assert await problems(workshop, content, collection=name) == [
        *((3, "pages", 12), (3, "title", 4), (3, "day", 4)),
        *((4, "day", 4), (6, "pages", 12)),
    ]
    assert await workshop.items(name) == []
    assert await workshop.deeds(name) == []


async def test_no_more_problems_are_told_than_anybody_reads(workshop: Workshop) -> None:
    name = await books(workshop)
    content = "title,pages\n" + "x,many\n" * 2000
    told = await workshop.refused(
        (4, 422), "POST", "/utils/import", data={"collection": name},
        files={"file": ("x.csv", content)},
    )  # fmt: skip
    assert len(told["details"]["errors"]) == 100
    assert told["details"]["complete"] is False
    assert told["message"].startswith("Line 2: pages: ")


async def test_what_only_the_database_knows_names_the_line(workshop: Workshop) -> None:
    name = await books(workshop)
    await workshop.ok("POST", f"/items/{name}", {"title": "There", "isbn": "n700"})
    lines = "".join(f"t{number},n{number}\n" for number in range(1200))
    assert await problems(workshop, "title,isbn\n" + lines, collection=name) == [(702, "isbn", 204)]
    assert len(await workshop.items(name)) == 1
    assert len(await workshop.deeds(name)) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("title,nope,author.name\nx,1,2\n", "'nope', 'author.name'"),
        ("title,title\nx,y\n", "title is there twice"),
        ("title,pages\nx\n", "Line 2: 1 cells"),
        ('title\n"x\n', "Line 2: a quote"),
        ("title\n", "no items"),
        ("", "no items"),
        ("title\n\xff", None),
    ],
)
async def test_a_file_that_cannot_be_read(
    workshop: Workshop, content: str, said: str | None
) -> None:
    name = await books(workshop)
    answer = await workshop.world.ask(
        "POST", "/utils/import", data={"collection": name},
        files={"file": ("x.csv", content.encode("latin-1"))},
    )  # fmt: skip
    assert answer.status_code == 422, answer.text
    assert (said or "not UTF-8") in answer.json()["error"]["message"]
    assert await workshop.items(name) == []


async def test_json_is_judged_object_by_object(workshop: Workshop) -> None:
    name = await books(workshop)
    content = '[\n{"title": "x"},\n{"title": "y", "nope": 1},\n{"pages": "z"}\n]'
    assert await problems(workshop, content, "x.json", collection=name) == [
        *((3, None, 12), (4, "pages", 12), (4, "title", 4))
    ]


async def test_parquet_made_elsewhere(workshop: Workshop) -> None:
    name = await books(workshop)
    made = pa.table(
        {
            "title": ["=1", None],
            "pages": pa.array([5, None], pa.int16()),
            "day": pa.array([86_400_000_000_000, None], pa.timestamp("ns")),
            "facts": ['{"a": 1}', None],
            "words": [["a", "b"], None],
            "lent": [True, None],
        }
    )
    file = io.BytesIO()
    pq.write_table(made, file)
    assert await problems(workshop, file.getvalue(), "x.parquet", collection=name) == [
        (2, "title", 4)
    ]
    file = io.BytesIO()
    pq.write_table(made.slice(0, 1), file)
    assert (await taken(workshop, file.getvalue(), "x.parquet", collection=name))["created"] == 1
    (item,) = await workshop.items(name)
    assert item == {
        "id": item["id"], "title": "=1", "pages": 5, "isbn": None, "day": "1970-01-02",
        "facts": {"a": 1}, "words": ["a", "b"], "lent": True,
    }  # fmt: skip
    told = await workshop.refused(
        (4, 422), "POST", "/utils/import", data={"collection": name},
        files={"file": ("x.parquet", file.getvalue()[:-9])},
    )  # fmt: skip
    assert told["message"] == "The file is not Parquet"


async def test_parquet_is_refused_without_its_library(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await books(workshop)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    told = await workshop.refused(
        (12, 422), "POST", "/utils/import", data={"collection": name},
        files={"file": ("x.parquet", b"PAR1")},
    )  # fmt: skip
    assert "pip install conductus[parquet]" in told["message"]


async def test_update_changes_what_the_file_has_columns_for(workshop: Workshop) -> None:
    name = await books(workshop)
    await taken(workshop, "title,pages,isbn\nA,1,a\nB,2,b\nC,3,c\n", collection=name)
    done = await taken(workshop, "id,pages\n3,30\n1,\n", collection=name, mode="update")
    assert done == {"created": 0, "updated": 2}
    done = await taken(workshop, "isbn,title\nb,Bee\n", collection=name, mode="update", key="isbn")
    assert done == {"created": 0, "updated": 1}
    shown = await workshop.items(name, "fields=title,pages,isbn")
    assert [tuple(item.values()) for item in shown] == [
        *(("A", None, "a"), ("Bee", 2, "b"), ("C", 30, "c"))
    ]
    assert await problems(
        workshop, "id,title\n9,x\n,y\n1,z\n1,w\n7,\n", collection=name, mode="update"
    ) == [(2, None, 203), (3, "id", 4), (5, "id", 12), (6, None, 203)]
    assert await workshop.items(name, "fields=title,pages,isbn") == shown


@pytest.mark.parametrize("key", ["id", "isbn"])
async def test_upsert_creates_what_is_not_there(workshop: Workshop, key: str) -> None:
    name = await books(workshop)
    await taken(workshop, "id,title,isbn\n1,A,a\n2,B,b\n", collection=name)
    content = "id,title,isbn\n2,Bee,b\n3,Cee,c\n" + (",Dee,d\n" if key == "id" else "")
    done = await taken(workshop, content, collection=name, mode="upsert", key=key)
    assert done == {"created": 2 if key == "id" else 1, "updated": 1}
    titles = [item["title"] for item in await workshop.items(name)]
    assert titles == ["A", "Bee", "Cee", *(["Dee"] if key == "id" else [])]
    # Once more changes nothing, makes nothing.
    again = "isbn,title\n" + "".join(f"{one[0].lower()},{one}\n" for one in titles)
    done = await taken(workshop, again, collection=name, mode="upsert", key="isbn")
    assert done == {"created": 0, "updated": len(titles)}
    assert [item["title"] for item in await workshop.items(name)] == titles


async def test_a_key_that_is_not_unique_or_not_there(workshop: Workshop) -> None:
    name = await books(workshop)
    await taken(workshop, "title,isbn\nA,a\nA,b\n", collection=name)
    stated = {"collection": name, "mode": "upsert", "key": "title"}
    content = "title,pages\nA,1\nB,1\nB,2\n"
    assert await problems(workshop, content, **stated) == [(2, "title", 12), (4, "title", 12)]
    assert await problems(workshop, "isbn,title\n,x\n", **stated | {"key": "isbn"}) == [
        (2, "isbn", 4)
    ]
    for key, error in (("nope", (202, 422)), ("", None)):
        data = {**stated, "key": key}
        answer = await workshop.world.ask(
            "POST", "/utils/import", data=data, files={"file": ("x.csv", "isbn,title\nz,x\n")}
        )
        told = (answer.json().get("error", {}).get("code"), answer.status_code)
        assert told == (error or (None, 200)), answer.text


async def test_relations_by_dotted_columns_and_lists(workshop: Workshop) -> None:
    authors = await workshop.make(
        text("name", required=True), field("books", "o2m"), word="authors"
    )
    name = await workshop.make(text("title"), whole("author", "m2o"), word="books")
    await workshop.relate(name, "author", authors, "books")
    await workshop.ok("POST", f"/items/{authors}", [{"name": "Ann"}, {"name": "Bob"}])
    content = "title,author.id,author.name\nx,1,Anne\ny,,New\nz,,\n"
    assert (await taken(workshop, content, collection=name))["created"] == 3
    shown = await workshop.items(name, "fields=title,author.name")
    assert [item["author"] and item["author"]["name"] for item in shown] == ["Anne", "New", None]
    told = await workshop.refused(
        (12, 422), "POST", "/utils/import", data={"collection": name},
        files={"file": ("x.csv", "title,author.name\nx,Ann\n")},
    )  # fmt: skip
    assert "need the column author.id" in told["message"]
    content = 'name,books\nCid,"[{""title"": ""new""}, {""id"": 3}]"\n'
    assert (await taken(workshop, content, collection=authors))["created"] == 1
    (cid,) = await workshop.items(authors, "filter[name]=Cid&fields=books.title")
    assert [book["title"] for book in cid["books"]] == ["z", "new"]


async def test_masks_and_computed_columns_of_an_export_are_left_out(workshop: Workshop) -> None:
    name = await workshop.make(text("v"), text("pin", "hash"))
    await workshop.ok("POST", f"/items/{name}", {"v": "x", "pin": "1234"})
    asked = {"collection": name, "format": "csv"}
    file = (await workshop.world.ask("POST", "/utils/export", json=asked)).text
    assert "**********" in file
    await taken(workshop, file.replace("x", "y"), collection=name, mode="update")
    await taken(workshop, "v,pin\nz,**********\n", collection=name)
    assert await workshop.items(name) == [
        {"id": 1, "v": "y", "pin": "**********"}, {"id": 2, "v": "z", "pin": None},
    ]  # fmt: skip


async def test_a_dry_run_writes_nothing(workshop: Workshop) -> None:
    name = await books(workshop)
    done = await taken(workshop, "title\nx\ny\n", collection=name, dry_run="1")
    assert done == {"created": 2, "updated": 0}
    assert await problems(
        workshop, "title\nx\n,\n".replace(",", '""'), collection=name, dry_run="1"
    )
    assert await workshop.items(name) == []


@pytest.mark.parametrize(
    ("stated", "file", "error"),
    [
        ({}, "x.csv", (4, 422)),
        ({"collection": "nowhere"}, "x.csv", (200, 404)),
        ({"collection": "directus_users"}, "x.csv", (201, 401)),
        ({"collection": "directus_fields"}, "x.csv", (201, 401)),
        ({"mode": "replace"}, "x.csv", (4, 422)),
        ({"key": "title"}, "x.csv", (4, 422)),
        ({"mode": "update", "key": "nope"}, "x.csv", (202, 422)),
        ({"colour": "red"}, "x.csv", (4, 422)),
        ({}, "x.xls", (4, 422)),
        ({"format": "xls"}, "x.csv", (4, 422)),
    ],
)
async def test_what_is_refused(
    workshop: Workshop, stated: Item, file: str, error: tuple[int, int]
) -> None:
    name = await books(workshop)
    data = stated if stated == {} and file == "x.csv" else {"collection": name, **stated}
    files = {"file": (file, "title\nx\n")}
    await workshop.refused(error, "POST", "/utils/import", data=data, files=files)
    assert await workshop.items(name) == []


async def test_limits(project_url: str, tmp_path: Path) -> None:
    prefix = f"CONDUCTUS_PROJECTS__{PROJECT.upper()}__"
    few = {f"{prefix}LIMITS__IMPORT_ROWS": "2", f"{prefix}STORAGE__MAX_UPLOAD_SIZE": "99"}
    async with live(project_url, tmp_path / "data", environment=few) as world:
        await done(world, "/collections", {"collection": "notes", "fields": [KEY, text("v")]})
        for content, error in (("v\nx\ny\nz\n", (12, 422)), ("v\n" + "x" * 99, (601, 413))):
            answer = await world.ask(
                "POST", "/utils/import?collection=notes", files={"file": ("x.csv", content)}
            )
            assert (answer.json()["error"]["code"], answer.status_code) == error, answer.text
        assert await world.data("/items/notes") == []


async def _imported(place: Office, person: str | None, content: str, **stated: str) -> Any:
    headers = {} if person is None else {"authorization": f"Bearer {token_of(person)}"}
    answer = await place.world.client.post(
        f"/{PROJECT}/utils/import", data=stated, files={"file": ("x.csv", content)}, headers=headers
    )
    told = answer.json()
    return answer.status_code, told["data"] if "data" in told else told["error"]


async def test_who_imports_may_what_who_writes_may(place: Office) -> None:
    before = await place.data("admin", "/items/cases?status=*&limit=-1")
    for person, error in (("ann", (301, 403)), (None, (3, 401))):
        status, told = await _imported(place, person, "name\nx\n", collection="cases")
        assert (told["code"], status) == error
    row = {"collection": "cases", "create": "full", "read": "mine", "update": "mine"}
    await place.grant({**row, "write_field_blacklist": ["secret"], "status": "draft"},
                      {**row, "create": "none", "status": "published"})  # fmt: skip
    # A field that may not be written, a status in which nothing may be made.
    status, told = await _imported(
        place, "ann", "name,secret,status\nx,y,draft\nx,y,published\n", collection="cases"
    )
    assert status == 422
    assert [(one["line"], one["code"]) for one in told["details"]["errors"]] == [(2, 305), (3, 301)]
    # Somebody else's: as if it were not there.
    theirs = next(one for one in place.items["cases"] if one["owner"] == "ben")
    mine = next(
        one for one in place.items["cases"] if one["owner"] == "ann" and one["status"] == "draft"
    )
    for id, code in ((theirs["id"], 203), (mine["id"], None)):
        status, told = await _imported(
            place, "ann", f"id,name\n{id},changed\n", collection="cases", mode="update", dry_run="1"
        )
        assert (told.get("details", {}).get("errors") or [{"code": None}])[0]["code"] == code
    # What may not be read finds nothing.
    stated = {"collection": "cases", "mode": "update", "key": "secret"}
    status, told = await _imported(place, "ann", "secret,name\nx,y\n", **stated)
    assert status == 422
    assert await place.data("admin", "/items/cases?status=*&limit=-1") == before


async def test_hooks_see_every_item(oven: tuple[Workshop, Board]) -> None:
    shop, board = oven
    name = await shop.make(text("title"))

    async def shout(intended: BeforeWrite) -> Any:
        if intended.payload["title"] == "bad":
            raise Unprocessable("Not this one")
        return {**intended.payload, "title": intended.payload["title"].upper()}

    board.before["item.create", name] = shout
    lines = "".join(f"t{number}\n" for number in range(600))
    assert await taken(shop, f"title\n{lines}", collection=name) == {"created": 600, "updated": 0}
    assert {item["title"] for item in await shop.items(name)} == {f"T{n}" for n in range(600)}
    assert len(await board.heard(name, 600)) == 600
    assert await problems(shop, f"title\n{lines}bad\n", collection=name) == [(602, None, 12)]
    assert len(await shop.items(name)) == 600
    assert len([event for event in board.told if event.collection == name]) == 600


async def test_more_imports_than_two_wait_for_their_turn(oven: tuple[Workshop, Board]) -> None:
    shop, board = oven
    name = await shop.make(text("title"))
    within, most, go_on = 0, 0, asyncio.Event()

    async def hold(intended: BeforeWrite) -> None:
        nonlocal within, most
        within += 1
        most = max(most, within)
        await go_on.wait()
        within -= 1

    board.before["item.create", name] = hold
    imports = [
        asyncio.create_task(taken(shop, f"title\n{number}\n", collection=name))
        for number in range(5)
    ]
    # What would not wait has begun long before so many others were answered.
    for _ in range(60):
        await shop.items(name)
    go_on.set()
    assert await asyncio.gather(*imports) == [{"created": 1, "updated": 0}] * 5
    assert most == (1 if shop.driver == "sqlite" else 2)


def shallow_of_depth() -> bytes:
    """One row: a list of twenty million numbers, in some hundred bytes."""
    numbers = pa.repeat(pa.scalar(0, pa.int8()), 20_000_000)
    lists = pa.ListArray.from_arrays(pa.array([0, len(numbers)], pa.int32()), numbers)
    return parquet(pa.table({"title": lists}))


def one_text_again_and_again() -> bytes:
    """Two thousand rows that hold the same text of 20 MB."""
    column = pa.DictionaryArray.from_arrays(
        pa.repeat(pa.scalar(0, pa.int32()), 2000), pa.array(["x" * 20_000_000])
    )
    return parquet(pa.table({"title": column}), dictionary_pagesize_limit=100_000_000)


def parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", store_schema=False, **options)
    return file.getvalue()


@pytest.mark.parametrize("bomb", [shallow_of_depth, one_text_again_and_again])
async def test_parquet_that_unpacks_to_gigabytes(workshop: Workshop, bomb: Any) -> None:
    name = await books(workshop)
    content = bomb()
    assert len(content) < 10_000
    told = await workshop.refused(
        (12, 422), "POST", "/utils/import", data={"collection": name},
        files={"file": ("x.parquet", content)},
    )  # fmt: skip
    assert re.search(r"takes too much|is larger than", told["message"])
    assert await workshop.items(name) == []
