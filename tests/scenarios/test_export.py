"""Exports over HTTP. Source: projects page §2, security page."""

from __future__ import annotations

import csv
import io
import sys
from typing import Any

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.scenarios.office import Office
from tests.scenarios.office import token as token_of
from tests.scenarios.shop import KEY, Live
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text

WIDE: dict[str, Any] = {"collection": "articles", "status": "*", "fields": ["*.*", "comments.*"]}
Answer = httpx2.Response


async def export(world: Live, query: str = "", **asked: Any) -> Answer:
    """The answer to an export that must succeed."""
    options = {"json": asked} if asked else {}
    answer = await world.ask("POST", f"/utils/export{query}", **options)
    assert answer.status_code == 200, answer.text
    return answer


def table(answer: Answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_json_is_what_a_list_answers(newsroom: Live) -> None:
    answer = await export(newsroom, **WIDE)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="articles.json"'
    query = "status=*&fields=*.*,comments.*&limit=-1"
    assert answer.json() == await newsroom.data(f"/items/articles?{query}")
    first, *lines, last = answer.text.splitlines()
    assert (first, last, len(lines)) == ("[", "]", 8)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("sort=-id&limit=2&offset=1", {"sort": "-id", "limit": 2, "offset": 1}),
        ("filter[views][gt]=5&fields=id,title",
         {"filter": {"views": {"gt": 5}}, "fields": ["id", "title"]}),
        ("q=wool", {"q": "wool"}),
        ("filter[author.name]=Ann&sort=title",
         {"filter": {"author.name": "Ann"}, "sort": ["title"]}),
        ("status=draft", {"status": ["draft"]}),
        ("limit=0", {"limit": 0}),
        ("fields=id,translations.*&lang=nl&deep[translations][limit]=1",
         {"fields": "id,translations.*", "lang": "nl", "deep": {"translations": {"limit": 1}}}),
    ],
)  # fmt: skip
async def test_the_whole_query_language(newsroom: Live, query: str, asked: dict[str, Any]) -> None:
    listed = await newsroom.data(f"/items/articles?{query}")
    assert (await export(newsroom, collection="articles", **asked)).json() == listed
    assert (await export(newsroom, f"?collection=articles&{query}")).json() == listed


async def test_without_a_limit_everything_comes(workshop: Workshop) -> None:
    name = await workshop.make(text("v"))
    items = [{"v": f"{number}"} for number in range(1201)]
    await workshop.ok("POST", f"/items/{name}?fields=-", items)
    for format, count in (("json", 1203), ("csv", 1202)):
        answer = await export(workshop.world, collection=name, format=format)
        assert len(answer.text.splitlines()) == count
    assert len((await export(workshop.world, collection=name)).json()) == 1201
    answer = await export(workshop.world, collection=name, format="parquet")
    read = pq.read_table(io.BytesIO(answer.content))
    assert read.column("v").to_pylist() == [item["v"] for item in items]


async def test_csv_is_flat(newsroom: Live) -> None:
    answer = await export(newsroom, format="csv", **WIDE)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="articles.csv"'
    rows = table(answer)
    assert len(rows) == 8
    first, bare = rows[0], rows[3]
    told = ("id", "title", "featured", "price", "day", "moment", "data", "author.id", "author.name")
    assert [first[name] for name in told] == [
        *("1", "Élan vital", "true", "1.5", "2031-01-01", "2031-01-01 08:00:00", "AAEC"),
        *("1", "Ann"),
    ]
    assert first["extra"] == '{"a":1,"b":[true,null,"x"]}'
    assert first["words"] == '["red","blue"]'
    assert first["comments"].startswith('[{"id":1,"status":"visible","body":"first"')
    assert (bare["author.id"], bare["author.name"], bare["words"]) == ("", "", "[]")
    assert "divider" not in first
    # Null is nothing, the empty text is quoted.
    lines = (await export(newsroom, collection="articles", format="csv", status="*",
                          fields="id,title,body")).text.split("\r\n")  # fmt: skip
    assert lines[4] == "4,,"
    assert lines[7] == '7,"",'


async def test_no_spreadsheet_runs_what_somebody_wrote(workshop: Workshop) -> None:
    name = await workshop.make(
        text("v"), field("n", "integer", "INT"), field("d", "decimal", "DECIMAL", "30,6")
    )
    given = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'quoted", "fine"]
    await workshop.ok(
        "POST",
        f"/items/{name}",
        [{"v": v, "n": -5, "d": "-12345678901234567890.5"} for v in given],
    )
    rows = table(await export(workshop.world, collection=name, format="csv"))
    assert [row["v"] for row in rows] == [
        "'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\r=1", "''quoted", "fine",
    ]  # fmt: skip
    # Numbers stay numbers, to the last digit.
    assert {(row["n"], row["d"]) for row in rows} == {("-5", "-12345678901234567890.500000")}


async def test_csv_for_spreadsheets_elsewhere(newsroom: Live) -> None:
    asked: dict[str, Any] = {"collection": "articles", "fields": "id,title", "limit": 1}
    answer = await export(
        newsroom, format="csv", delimiter=";", bom=True, filename="Zeit; ü", **asked
    )
    assert answer.content == "\ufeffid;title\r\n1;Élan vital\r\n".encode()
    stated = answer.headers["content-disposition"]
    assert stated.startswith('attachment; filename="Zeit; _.csv"; filename*=UTF-8')


async def test_parquet_has_types(newsroom: Live) -> None:
    answer = await export(newsroom, format="parquet", **WIDE)
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    read = pq.read_table(io.BytesIO(answer.content))
    kinds = {name: str(read.schema.field(name).type) for name in read.column_names}
    told = ("id", "title", "price", "featured", "day", "at", "moment", "created", "data", "words")
    assert [kinds[name] for name in told] == [
        *("int64", "string", "decimal128(14, 4)", "bool", "date32[day]", "time64[us]"),
        *("timestamp[us]", "timestamp[us, tz=UTC]", "binary", "list<element: string>"),
    ]
    rows = read.to_pylist()
    assert rows[0]["author"] == {
        "id": 1,
        "name": "Ann",
        "born": rows[0]["author"]["born"],
        "boss": None,
    }
    assert rows[3]["author"] is None
    assert [comment["body"] for comment in rows[0]["comments"]] == ["first", "second"]
    assert (rows[3]["title"], rows[6]["title"]) == (None, "")
    assert pa.types.is_struct(read.schema.field("author").type)


async def test_parquet_says_what_it_cannot_hold(workshop: Workshop) -> None:
    name = await workshop.make(field("v", "date", "VARCHAR", 20))
    await workshop.ok("POST", f"/items/{name}", {"v": "2031-02-03"})
    answer = await export(workshop.world, collection=name, format="parquet")
    # A date that is kept as text is text.
    assert pq.read_table(io.BytesIO(answer.content)).column("v").to_pylist() == ["2031-02-03"]


@pytest.mark.parametrize("format", ["json", "csv", "parquet"])
async def test_nothing_is_a_file_too(newsroom: Live, format: str) -> None:
    answer = await export(newsroom, collection="articles", fields="id,title", format=format, q="?!")
    match format:
        case "json":
            assert answer.content == b"[\n]\n"
        case "csv":
            assert answer.content == b"id,title\r\n"
        case _:
            assert pq.read_table(io.BytesIO(answer.content)).schema.names == ["id", "title"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, (4, 422)),
        ({"collection": "nowhere"}, (200, 404)),
        ({"collection": "directus_fields"}, (201, 401)),
        ({"collection": "directus_settings"}, (201, 401)),
        ({"collection": "directus_user_sessions"}, (201, 401)),
        ({"collection": "articles", "format": "xls"}, (4, 422)),
        ({"collection": "articles", "filters": {"views": 1}}, (4, 422)),
        ({"collection": "articles", "fields": "nope"}, (202, 422)),
        ({"collection": "articles", "filter": {"nope": 1}}, (202, 422)),
        ({"collection": "articles", "limit": "many"}, (4, 422)),
        ({"collection": "articles", "aggregate": {"count": "*"}}, (12, 422)),
        ({"collection": "articles", "single": 1}, (12, 422)),
        ({"collection": "articles", "format": "csv", "delimiter": "|"}, (4, 422)),
        ({"collection": "articles", "format": "csv", "fields": "-"}, (12, 422)),
    ],
)
async def test_what_is_refused(
    newsroom: Live, asked: dict[str, Any], error: tuple[int, int]
) -> None:
    answer = await newsroom.ask("POST", "/utils/export", json=asked)
    assert (answer.json()["error"]["code"], answer.status_code) == error, answer.text


async def test_a_form_is_no_way_to_ask(newsroom: Live) -> None:
    # What it filters by would be lost.
    answer = await newsroom.ask("POST", "/utils/export", data={"filter[views]": "1"})
    assert (answer.json()["error"]["code"], answer.status_code) == (13, 400)


async def test_without_the_library_parquet_is_refused(
    newsroom: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = await newsroom.ask(
        "POST", "/utils/export", json={"collection": "tags", "format": "parquet"}
    )
    assert (answer.json()["error"]["code"], answer.status_code) == (12, 422)
    assert "pip install conductus[parquet]" in answer.json()["error"]["message"]


async def _exported(place: Office, person: str | None, **asked: Any) -> Answer:
    headers = {} if person is None else {"authorization": f"Bearer {token_of(person)}"}
    return await place.world.client.post(f"/{KEY}/utils/export", json=asked, headers=headers)


async def test_who_exports_sees_what_who_lists_sees(place: Office) -> None:
    await place.grant({"collection": "cases", "read": "mine", "read_field_blacklist": ["secret"]})
    listed = await place.data("ann", "/items/cases?limit=-1")
    assert 0 < len(listed) < len(place.items["cases"])
    answer = await _exported(place, "ann", collection="cases")
    assert answer.json() == listed
    lines = (await _exported(place, "ann", collection="cases", format="csv")).text.splitlines()
    assert "secret" not in lines[0].split(",")
    assert len(lines) == len(listed) + 1
    answer = await _exported(place, "ann", collection="cases", format="parquet")
    read = pq.read_table(io.BytesIO(answer.content))
    assert "secret" not in read.column_names
    assert read.num_rows == len(listed)
    for listing, hidden in (
        ("sort=secret", {"sort": "secret"}),
        ("filter[secret]=x", {"filter": {"secret": "x"}}),
    ):
        listed = await place.error("ann", f"/items/cases?{listing}")
        answer = await _exported(place, "ann", collection="cases", format="csv", **hidden)
        assert (answer.json()["error"]["code"], answer.status_code) == listed == (215, 403)
    answer = await _exported(place, "ann", collection="cases", format="csv", fields="id,secret")
    assert answer.text.splitlines()[0] == "id"


async def test_who_may_not_read_exports_nothing(place: Office) -> None:
    answer = await _exported(place, "ann", collection="cases")
    assert (answer.json()["error"]["code"], answer.status_code) == (300, 403)
    answer = await _exported(place, None, collection="cases")
    assert (answer.json()["error"]["code"], answer.status_code) == (3, 401)


async def test_secrets_stay(newsroom: Live) -> None:
    answer = await export(newsroom, collection="safes", fields="id,label,pin", format="csv")
    assert table(answer)[0]["pin"] == "**********"
    users = table(await export(newsroom, collection="directus_users", format="csv"))
    assert "password" not in users[0]
    assert users[0]["password_reset_token"] == ""
