"""What others make: tables with odd names, views, strange types, changes behind our back.

Source: schema page §1, §3.2 and §3.3.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.scenarios.shop import live
from tests.scenarios.tables import CAPITALS, KEYLESS, ODD, ODD_COLUMN, VIEW, put_odd_tables
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text, whole

Item = dict[str, Any]
SECONDS = 30


@pytest.fixture(scope="session")
async def odd(workshop: Workshop) -> Workshop:
    """The workshop with tables of odd names, managed."""
    await put_odd_tables(workshop.url)
    await workshop.ok("POST", "/utils/cache/clear")
    for name in (ODD, CAPITALS, KEYLESS, "pairs"):
        await workshop.ok("PATCH", f"/collections/{segment(name)}", {"managed": True})
    return workshop


def segment(name: Any) -> str:
    """A name or key as one segment of a path."""
    return quote(str(name), safe="")


async def test_odd_names_over_the_whole_path(odd: Workshop) -> None:
    path = f"/items/{segment(ODD)}"
    names = await odd.fields(segment(ODD))
    assert {"Id", ODD_COLUMN, "select", "dotted.name", "-minus", "naïve ünïcode 列"} <= set(names)
    found = await odd.get(f"/collections/{segment(ODD)}")
    assert found["managed"] is True
    listed = await odd.get(f"{path}?sort=-select")
    assert [item["Id"] for item in listed] == [3, 2, 1]
    for value in ("it's", '"; --'):
        asked = json.dumps({ODD_COLUMN: {"_eq": value}})
        found = await odd.get(f"{path}?filter={quote(asked, safe='')}")
        assert [item[ODD_COLUMN] for item in found] == [value], value
    body = {"Id": 9, ODD_COLUMN: "new", "select": 9, "naïve ünïcode 列": "列"}
    made = await odd.ok("POST", path, body)
    assert {name: made[name] for name in body} == body
    changed = await odd.ok("PATCH", f"{path}/9", {ODD_COLUMN: None, "-minus": 4})
    assert (changed[ODD_COLUMN], changed["-minus"], changed["select"]) == (None, 4, 9)
    revision = await odd.get(f"{path}/9/revisions/0")
    assert revision["collection"] == ODD
    assert await odd.ok("PATCH", f"{path}/9/revert/{revision['id']}") == made
    await odd.ok("PATCH", f"/fields/{segment(ODD)}/{segment(ODD_COLUMN)}", {"note": "odd"})
    assert (await odd.field(segment(ODD), segment(ODD_COLUMN)))["note"] == "odd"
    await odd.ok("DELETE", f"{path}/9")
    assert len(await odd.get(path)) == 3


async def test_keys_that_need_quoting(odd: Workshop) -> None:
    path = f"/items/{segment(CAPITALS)}"
    for key in ("a/b?c#d", "ключ", "50%"):
        assert (await odd.get(f"{path}/{segment(key)}"))["Key"] == key
        changed = await odd.ok("PATCH", f"{path}/{segment(key)}", {"VALUE": 7})
        assert (changed["VALUE"], changed["Key"]) == (7, key)
    nested = await odd.ok("PATCH", f"{path}/{segment('ключ')}", {"Odd": {"Id": 1, "select": 11}})
    assert nested["Odd"] == 1
    assert (await odd.get(f"/items/{segment(ODD)}/1"))["select"] == 11
    await odd.ok("PATCH", f"/items/{segment(ODD)}/1", {"select": 1})


async def test_composite_keys_over_the_whole_path(odd: Workshop) -> None:
    path = "/items/pairs"
    made = await odd.ok("POST", path, {"left": "x,y/z ü", "right": 5, "note": "n"})
    assert made == {"left": "x,y/z ü", "right": 5, "note": "n"}
    revision = next(row for row in await odd.revisions("pairs") if row["data"]["right"] == 5)
    one = f"{path}/{segment(revision['item'])}"
    assert await odd.get(one) == made
    assert (await odd.ok("PATCH", one, {"note": "changed"}))["note"] == "changed"
    listed = [{"left": "x,y/z ü", "right": 5, "note": "by list"}]
    assert await odd.ok("PATCH", path, listed) == listed
    await odd.refused((12, 422), "PATCH", path, [{"left": "x,y/z ü", "note": "half a key"}])
    await odd.refused((12, 422), "PATCH", one, {"right": 6})
    await odd.refused((204, 409), "POST", path, made)
    await odd.refused((4, 422), "POST", path, {"left": "alone"})
    assert len(await odd.get(f"{one}/revisions")) == 3
    assert await odd.ok("PATCH", f"{one}/revert/{revision['id']}") == made
    assert (await odd.get(f"{path}/{segment('a,1')}"))["note"] == "plain"
    both = await odd.get(f"{path}/{segment('a,1')},{segment(revision['item'])}")
    assert {item["note"] for item in both} == {"plain", "n"}
    for wrong in ("a", "a%2C1%2C2", "a%2Cx", "b%2C1"):
        await odd.refused((203, 404), "GET", f"{path}/{wrong}")
        await odd.refused((203, 404), "DELETE", f"{path}/{wrong}")
    await odd.ok("DELETE", one)
    await odd.refused((203, 404), "GET", one)
    assert len(await odd.get(path)) == 3


async def test_tables_without_keys_are_listed_only(odd: Workshop) -> None:
    path = f"/items/{segment(KEYLESS)}"
    assert sorted(item["line"] for item in await odd.get(path)) == ["a", "a", "b"]
    for method, at, body in (
        ("GET", f"{path}/1", None),
        ("POST", path, {"line": "c"}),
        ("PATCH", f"{path}/1", {"line": "c"}),
        ("DELETE", f"{path}/1", None),
    ):
        answer = await odd.world.ask(method, at, json=body)
        assert answer.status_code in (404, 422), answer.text
    assert len(await odd.get(path)) == 3


async def test_views_are_read_only(odd: Workshop) -> None:
    path = f"/items/{segment(VIEW)}"
    assert sorted(item["select"] for item in await odd.get(path)) == [2, 3]
    await odd.ok("PATCH", f"/collections/{segment(VIEW)}", {"managed": True})
    for method, at, body in (
        ("POST", path, {"Id": 9, "select": 9}),
        ("PATCH", f"{path}/2", {"select": 9}),
        ("DELETE", f"{path}/2", None),
        ("POST", f"/fields/{segment(VIEW)}", text("more")),
        ("DELETE", f"/fields/{segment(VIEW)}/select", None),
        ("DELETE", f"/collections/{segment(VIEW)}", None),
    ):
        answer = await odd.world.ask(method, at, json=body)
        told = answer.json()["error"]
        assert (told["code"], answer.status_code) in ((12, 422), (203, 404)), (method, at, told)
    assert sorted(item["select"] for item in await odd.get(path)) == [2, 3]


async def test_columns_that_the_database_computes(workshop: Workshop) -> None:
    name = workshop.name("made")
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, a INTEGER,"
        " twice INTEGER GENERATED ALWAYS AS (a * 2) STORED)"
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    made = await workshop.ok("POST", f"/items/{name}", {"id": 1, "a": 4})
    assert made == {"id": 1, "a": 4, "twice": 8}
    assert (await workshop.ok("PATCH", f"/items/{name}/1", {"a": 5}))["twice"] == 10
    revision = await workshop.get(f"/items/{name}/1/revisions/0")
    assert (await workshop.ok("PATCH", f"/items/{name}/1/revert/{revision['id']}"))["twice"] == 8
    await workshop.ok("PATCH", f"/fields/{name}/twice", {"note": "computed"})


STRANGE: dict[str, tuple[list[str], list[tuple[str, str, str, Any, Any]]]] = {
    "postgresql": (
        ["CREATE TYPE mood AS ENUM ('sad', 'it''s ok')"],
        [
            ("mood", "ENUM", "string", "it's ok", "angry"),
            ("inet", "TEXT", "string", "10.0.0.1", "x"),
            ("inet", "TEXT", "string", "10.0.0.1/8", "x"),
            ("interval", "TEXT", "string", "3 days", "x"),
            ("int4range", "TEXT", "string", "[1,5)", "x"),
            ("text[]", "TEXT", "array", ["a", "b,c", ""], None),
            ("uuid", "CHAR", "uuid", "11111111-1111-4111-8111-111111111111", "x"),
            ("timestamptz", "TIMESTAMP", "datetime", "2031-02-03 04:05:06", "x"),
            ("timestamp", "DATETIME", "datetime", "2031-02-03 04:05:06.123456", "x"),
            ("real", "FLOAT", "decimal", 1.5, "x"),
            ("money", "TEXT", "string", "$1.00", "x"),
            ("point", "TEXT", "string", "(1,2)", "x"),
            ("xml", "TEXT", "string", "<a/>", "<a"),
            ("bigint", "BIGINT", "integer", 2**62 + 1, 2**63),
        ],
    ),
    "mysql": (
        [],
        [
            ("enum('sad','it''s ok')", "ENUM", "string", "it's ok", "angry"),
            ("set('a','b')", "SET", "string", "a,b", "c"),
            ("bigint unsigned", "BIGINT", "integer", 2**64 - 1, -1),
            ("tinyint unsigned", "TINYINT", "integer", 255, 256),
            ("mediumint", "MEDIUMINT", "integer", -8388608, 8388608),
            ("year", "YEAR", "integer", 2031, 99999),
            ("datetime(6)", "DATETIME", "datetime", "2031-02-03 04:05:06.123456", "x"),
            ("float", "FLOAT", "decimal", 1.5, "x"),
            ("binary(3)", "BINARY", "binary", "AAEC", "AAECAw=="),
            ("inet6", "TEXT", "string", "::1", "x"),
        ],
    ),
    "sqlite": (
        [],
        [
            ("INTEGER", "INT", "integer", 2**62 + 1, 2**63),
            ("BIGINT", "BIGINT", "integer", -(2**63), 2**63),
            ("REAL", "FLOAT", "decimal", 0.1, "x"),
            ("CLOB", "TEXT", "string", "💡", None),
            ("GEOMETRY", "TEXT", "string", "POINT(1 2)", None),
            ("", "TEXT", "string", "untyped", None),
            ("BLOB", "BLOB", "binary", "AAEC", "x"),
        ],
    ),
}


async def test_types_of_their_own(workshop: Workshop) -> None:
    before, columns = STRANGE[workshop.driver]
    name = workshop.name("strange")
    spelled = ", ".join(f"c{place} {column[0]}" for place, column in enumerate(columns))
    await workshop.behind_our_back(
        *before, f"CREATE TABLE {name} (id INTEGER NOT NULL PRIMARY KEY, {spelled})"
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    path = f"/items/{name}"
    await workshop.ok("POST", path, {"id": 1})
    for place, (native, datatype, type, value, wrong) in enumerate(columns):
        column = f"c{place}"
        told = await workshop.field(name, column)
        assert (told["datatype"], told["type"]) == (datatype, type), native
        assert await workshop.ok("PATCH", f"{path}/1?fields={column}", {column: value}) == {
            column: value
        }, native
        if wrong is not None:
            answer = await workshop.world.ask("PATCH", f"{path}/1", json={column: wrong})
            assert answer.status_code == 422, (native, answer.text)
            assert answer.json()["error"]["code"] in (4, 12), (native, answer.text)
        listed = await workshop.get(f"{path}?sort={column}&fields={column}")
        assert listed == [{column: value}], native
        if type == "string":
            for operator in ("eq", "contains", "rlike"):
                query = {f"filter[{column}][{operator}]": value, "fields": column}
                assert await workshop.ok("GET", path, params=query) == listed, (native, operator)
        if type == "array":
            await workshop.ok("PATCH", f"{path}/1", {column: ["x"]})
            for condition, found in (("[in]=x,y", 1), ("[in]=y", 0), ("[nin]=y", 1)):
                some = await workshop.get(f"{path}?filter[{column}]{condition}&fields=id")
                assert len(some) == found, condition
            await workshop.ok("PATCH", f"{path}/1", {column: value})
    made = await workshop.get(f"{path}/1")
    await workshop.ok("PATCH", f"{path}/1", {f"c{place}": None for place in range(len(columns))})
    count = len(await workshop.get(f"{path}/1/revisions"))
    last = await workshop.get(f"{path}/1/revisions/{count - 2}")
    assert await workshop.ok("PATCH", f"{path}/1/revert/{last['id']}") == made


async def test_shapes_are_read_as_texts(workshop: Workshop) -> None:
    name = workshop.name("shapes")
    # SQLite has texts of them, PostgreSQL without extensions only points and boxes.
    kind, made, shown = {
        "sqlite": ("GEOMETRY", "'POINT(1 2)'", "POINT(1 2)"),
        "postgresql": ("point", "'(1,2)'", "(1,2)"),
        "mysql": ("point", "ST_GeomFromText('POINT(1 2)')", "POINT(1 2)"),
    }[workshop.driver]
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER NOT NULL PRIMARY KEY, place {kind}, n INTEGER)",
        f"INSERT INTO {name} (id, place) VALUES (1, {made}), (2, NULL)",
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    path = f"/items/{name}"
    shapes: list[Item] = [{"id": 1, "place": shown, "n": None}, {"id": 2, "place": None, "n": None}]
    assert await workshop.get(path) == shapes
    for operator, asked in (("[eq]", shown), ("[contains]", "1"), ("[in][]", shown)):
        query = {f"filter[place]{operator}": asked}
        assert await workshop.ok("GET", path, params=query) == shapes[:1], operator
    assert await workshop.ok("PATCH", f"{path}/1", {"n": 3}) == {**shapes[0], "n": 3}
    if workshop.driver != "sqlite":
        await workshop.refused((12, 422), "PATCH", f"{path}/1", {"place": "nowhere"})


@pytest.mark.parametrize("workshop", ["mysql"], indirect=True)
async def test_bits_are_found_by_their_bytes(workshop: Workshop) -> None:
    name = workshop.name("bits")
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER NOT NULL PRIMARY KEY, one BIT(1), many BIT(12))",
        f"INSERT INTO {name} VALUES (1, b'1', b'100000001'), (2, b'0', b'0'), (3, NULL, NULL)",
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    path = f"/items/{name}"
    assert await workshop.get(path) == [
        {"id": 1, "one": "AQ==", "many": "AQE="},
        {"id": 2, "one": "AA==", "many": "AAA="},
        {"id": 3, "one": None, "many": None},
    ]
    for bits, value in (("one", "AQ=="), ("many", "AQE=")):
        for operator, found in (("eq", [1]), ("in", [1]), ("neq", [2]), ("nin", [2])):
            query = {f"filter[{bits}][{operator}]": value, "fields": "id"}
            items = await workshop.ok("GET", path, params=query)
            assert [item["id"] for item in items] == found, (bits, operator)
    changed = {"one": "AA==", "many": "AQE="}
    assert await workshop.ok("PATCH", f"{path}/1", changed) == {"id": 1, **changed}
    assert [item["id"] for item in await workshop.get(f"{path}?filter[one]=AA==")] == [1, 2]


SINGLES = [0.1, 1234567.0, 3.14159, 16777216.0, -3.4e38, 1.5e-7, 0.0, None]


@pytest.mark.parametrize("workshop", ["postgresql", "mysql"], indirect=True)
async def test_numbers_of_single_precision(workshop: Workshop) -> None:
    name = workshop.name("singles")
    native = "real" if workshop.driver == "postgresql" else "float"
    rows = ", ".join(
        f"({place}, {'NULL' if number is None else repr(number)})"
        for place, number in enumerate(SINGLES)
    )
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER NOT NULL PRIMARY KEY, v {native})",
        f"INSERT INTO {name} VALUES {rows}",
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    path = f"/items/{name}"
    shown = [number or 0 for number in SINGLES]
    assert [item["v"] for item in await workshop.get(path)] == shown
    for place, number in enumerate(SINGLES[:-1]):
        for condition in ("[eq]", "[in]", "[lte]", "[gte]"):
            query = {f"filter[v]{condition}": repr(number), "fields": "id"}
            found = await workshop.ok("GET", path, params=query)
            assert {"id": place} in found, (number, condition)
        query = {"filter[v][lt]": repr(number), "fields": "id"}
        assert {"id": place} not in await workshop.ok("GET", path, params=query), number
    assert await workshop.get(f"{path}?filter[v][in]=0.1,3.14159&fields=v") == [
        {"v": 0.1}, {"v": 3.14159},
    ]  # fmt: skip
    assert await workshop.get(f"{path}?filter[v]=1e39") == []
    assert await workshop.get(f"{path}?groups=v&filter[id]=1") == [{"v": 1234567.0, "count": 1}]
    (figures,) = await workshop.get(
        f"{path}?filter[id][in]=0,1&aggregate[max]=v&aggregate[min]=v&aggregate[sum]=v"
    )
    assert (figures["max"], figures["min"]) == ({"v": 1234567.0}, {"v": 0.1})
    assert figures["sum"]["v"] == pytest.approx(1234567.1, abs=1e-8)
    made = await workshop.ok("POST", path, {"id": 20, "v": "0.123456789"})
    assert made == {"id": 20, "v": 0.12345679}
    assert await workshop.ok("PATCH", f"{path}/20", {"v": 0.7}) == {"id": 20, "v": 0.7}
    assert await workshop.get(f"{path}?filter[v]=0.7") == [{"id": 20, "v": 0.7}]
    kept = [row["data"]["v"] for row in await workshop.revisions(name)]
    assert kept == ["0.12345679", "0.7"]
    for beyond in (1e39, -1e39, 1e-50):
        told = await workshop.refused((12, 422), "PATCH", f"{path}/20", {"v": beyond})
        assert told["message"] == "v: the number is beyond single precision"


FAR_DAYS: list[Item] = [
    {"id": 1, "d": "infinity", "m": "-infinity", "z": "infinity", "c": "24:00:00"},
    {"id": 2, "d": "0044-03-15 BC", "m": "0044-03-15 12:00:00 BC", "z": "10000-01-01 00:00:00",
     "c": "23:59:59.5"},
    {"id": 3, "d": "10000-01-01", "m": "10000-01-01 00:00:00.5", "z": "2031-02-03 04:05:06.789",
     "c": "00:00:00"},
    {"id": 4, "d": "9999-12-31", "m": "9999-12-31 23:59:59.999999", "z": "0001-01-01 00:00:00",
     "c": None},
]  # fmt: skip


@pytest.mark.parametrize("workshop", ["postgresql"], indirect=True)
async def test_days_and_times_of_every_age_are_read(workshop: Workshop) -> None:
    name = workshop.name("ages")
    # With an offset, so that it is seen that moments are told in UTC.
    rows = (
        f"({row['id']}, '{row['d']}', '{row['m']}', '{row['z']}+00',"
        f" {repr(row['c']) if row['c'] else 'NULL'}, 0)".replace("infinity+00", "infinity")
        for row in FAR_DAYS
    )
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, d DATE, m TIMESTAMP, z TIMESTAMPTZ,"
        " c TIME, n INTEGER)",
        f"INSERT INTO {name} VALUES {', '.join(rows)}",
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    path = f"/items/{name}"
    assert await workshop.get(f"{path}?fields=id,d,m,z,c") == FAR_DAYS
    assert await workshop.get(f"{path}?fields=id,d,m,z,c&limit=-1") == FAR_DAYS
    for each in "dmzc":
        order = [item["id"] for item in await workshop.get(f"{path}?sort={each}&fields=id")]
        groups = await workshop.get(f"{path}?groups={each}&sort={each}")
        assert [group[each] for group in groups] == [FAR_DAYS[place - 1][each] for place in order]
    assert await workshop.get(f"{path}?aggregate[max]=d,z&aggregate[min]=m") == [
        {"max": {"d": "infinity", "z": "infinity"}, "min": {"m": "-infinity"}}
    ]
    changed = await workshop.ok("PATCH", f"{path}/1,2,3,4?fields=id,d,m,z,c", {"n": 1})
    assert changed == FAR_DAYS
    kept = [{**row["data"], "n": None} for row in await workshop.revisions(name)]
    assert kept == [{**row, "n": None} for row in FAR_DAYS]


@pytest.mark.parametrize("workshop", ["postgresql"], indirect=True)
async def test_lists_and_ranges_of_days_are_read_and_written_as_texts(workshop: Workshop) -> None:
    name = workshop.name("spans")
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, days DATE[], at TIMESTAMPTZ[],"
        " span DATERANGE, clock TIMETZ)"
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    row = {
        "id": 1,
        "days": '{2031-02-03,infinity,"0044-03-15 BC",NULL}',
        "at": '{"10000-01-01 00:00:00+00"}',
        "span": "[2031-02-03,infinity)",
        "clock": "24:00:00+02",
    }
    path = f"/items/{name}"
    assert await workshop.ok("POST", path, [row, {**row, "id": 2}]) == [row, {**row, "id": 2}]
    assert await workshop.ok("PATCH", f"{path}/1", row) == row
    assert await workshop.get(f"{path}/1") == row
    assert await workshop.get(f"{path}?filter[span]={row['span']}&fields=id&sort=id") == [
        {"id": 1},
        {"id": 2},
    ]


@pytest.mark.parametrize("workshop", ["postgresql"], indirect=True)
async def test_items_whose_keys_are_moments_come_in_the_order_asked_for(workshop: Workshop) -> None:
    name = workshop.name("moments")
    moments = [f"203{year}-02-03 04:05:06.5" for year in (2, 3, 1)]
    rows = ", ".join(f"('{moment}+00', 0)" for moment in moments)
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (at TIMESTAMPTZ PRIMARY KEY, n INTEGER)",
        f"INSERT INTO {name} VALUES {rows}",
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    await workshop.ok("PATCH", f"/fields/{name}/n", {"type": "m2o"})
    await workshop.relate(name, "n", await workshop.make())
    # With what is related, so that they are read anew.
    path = f"/items/{name}/{','.join(moments)}?fields=at,n.id"
    changed = await workshop.ok("PATCH", path, {"n": 1})
    assert changed == [{"at": moment, "n": None} for moment in moments]


@pytest.mark.parametrize("workshop", ["sqlite"], indirect=True)
async def test_values_that_are_not_of_their_columns_types(workshop: Workshop) -> None:
    name = workshop.name("loose")
    columns = "num NUMERIC, price DECIMAL(10,2), ratio REAL, bytes BLOB, n INTEGER, flag BOOLEAN"
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, {columns}, day DATE, extra JSON)",
        f"INSERT INTO {name} VALUES (1, 'abc', 'x', 'y', 'text', 'z', 'maybe', 'never', '{{bad')",
        f"INSERT INTO {name} VALUES (2, '', '', '', '', '', '', '', '')",
        f"INSERT INTO {name} VALUES (3, 1.5, 2.5, 0.5, x'00ff', 4, 1, '2031-02-03', '[1]')",
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    path = f"/items/{name}"
    loose, empty, fine = await workshop.get(path)
    assert (loose["num"], loose["price"], loose["ratio"]) == ("abc", "x", "y")
    assert (loose["bytes"], loose["day"], loose["extra"]) == ("dGV4dA==", "never", "{bad")
    assert (empty["num"], empty["price"], empty["ratio"], empty["bytes"]) == (0, 0, 0, "")
    assert (fine["num"], fine["price"], fine["ratio"], fine["bytes"]) == (1.5, 2.5, 0.5, "AP8=")
    for each in ("num", "price", "ratio", "bytes"):
        assert len(await workshop.get(f"{path}?groups={each}")) == 3
    assert await workshop.get(f"{path}?aggregate[sum]=num,price") == [
        {"sum": {"num": 1.5, "price": 2.5}}
    ]
    changed = await workshop.ok("PATCH", f"{path}/1", {"n": 7})
    assert (changed["n"], changed["num"]) == (7, "abc")


LETTERS: list[tuple[str, list[int]]] = [
    ("[contains]=ü", [2, 3]), ("[ncontains]=ü", [1, 4]), ("[rlike]=gr_ß%25", [2]),
    ("[nrlike]=%25ü%25", [1, 4]), ("[contains]=grüSSE", [2]), ("[contains]=ÜB", [3]),
]  # fmt: skip


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
async def test_letters_are_found_whatever_stands_in_a_column(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    # The first one was written in an encoding of old and taken for text all the same.
    texts = [b"\xffA\xdc\xdc", "Grüße", "ÜBER", "a", None]
    with closing(sqlite3.connect(path)) as old:
        old.execute(f"PRAGMA encoding='{encoding}'")
        old.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT)")
        old.executemany("INSERT INTO notes VALUES (NULL, ?)", [(text,) for text in texts])
        old.execute("UPDATE notes SET said = CAST(said AS TEXT) WHERE id = 1")
        old.commit()
    async with live(f"sqlite:///{path}", tmp_path / "data", manage=True) as world:
        for condition, found in LETTERS:
            asked = f"/items/notes?fields=id&filter[said]{condition}"
            assert [item["id"] for item in await world.data(asked)] == found, condition
        assert [item["id"] for item in await world.data("/items/notes?q=ü&fields=id")] == [2, 3]


@pytest.mark.parametrize("workshop", ["sqlite"], indirect=True)
async def test_a_text_that_is_none_is_told_of(workshop: Workshop) -> None:
    name = workshop.name("broken")
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, said TEXT, n INTEGER)",
        f"INSERT INTO {name} VALUES (1, CAST(x'ff41' AS TEXT), 1), (2, 'fine', 2)",
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    path = f"/items/{name}"
    for method, asked, body in (
        ("GET", path, None), ("GET", f"{path}?limit=-1", None), ("GET", f"{path}/1", None),
        ("GET", f"{path}?groups=said", None), ("PATCH", f"{path}/1", {"n": 5}),
        ("DELETE", f"{path}/1", None),
    ):  # fmt: skip
        told = await workshop.refused((12, 422), method, asked, body)
        assert "encoding" in told["message"], (method, asked)
    assert await workshop.get(f"{path}?fields=n&sort=id") == [{"n": 1}, {"n": 2}]
    mended = await workshop.ok("PATCH", f"{path}/2", {"said": "better"})
    assert mended == {"id": 2, "said": "better", "n": 2}


async def test_numbers_of_postgresql_s_own_are_added(workshop: Workshop) -> None:
    name = workshop.name("sums")
    kind = "oid" if workshop.driver == "postgresql" else "bigint"
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, n {kind})",
        f"INSERT INTO {name} VALUES (1, 4294967295), (2, 1), (3, 1), (4, NULL)",
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    functions = ("sum", "avg", "min", "max", "count", "countDistinct")
    query = "&".join(f"aggregate[{function}]=n" for function in functions)
    assert await workshop.get(f"/items/{name}?{query}") == [
        {"sum": {"n": 4294967297}, "avg": {"n": 4294967297 / 3}, "min": {"n": 1},
         "max": {"n": 4294967295}, "count": {"n": 3}, "countDistinct": {"n": 2}}
    ]  # fmt: skip
    assert await workshop.ok("PATCH", f"/items/{name}/4", {"n": 7}) == {"id": 4, "n": 7}
    found = await workshop.get(f"/items/{name}?filter[n][gt]=1&fields=id&sort=-n")
    assert [item["id"] for item in found] == [1, 4]
    await workshop.refused((12, 422), "PATCH", f"/items/{name}/4", {"n": 2**64})


async def test_a_change_by_plain_ddl_is_seen_at_once_when_told(workshop: Workshop) -> None:
    name = await workshop.make(text("a"), text("b"), field("list", "o2m"))
    await workshop.ok("POST", f"/items/{name}", {"a": "x", "b": "y"})
    await workshop.behind_our_back(
        f"ALTER TABLE {name} ADD COLUMN extra INTEGER",
        f"ALTER TABLE {name} DROP COLUMN b",
    )
    # The row of metadata whose column is gone is passed over.
    assert await workshop.fields(name) == ["id", "a", "list", "extra"]
    assert await workshop.items(name) == [{"id": 1, "a": "x", "extra": None}]
    await workshop.refused((12, 422), "PATCH", f"/items/{name}/1", {"b": "z"})
    assert (await workshop.ok("PATCH", f"/items/{name}/1", {"extra": 5}))["extra"] == 5
    # The name can be taken again, over the row that was left.
    await workshop.ok("POST", f"/fields/{name}", whole("b"))
    assert (await workshop.field(name, "b"))["type"] == "integer"
    await workshop.behind_our_back(f"DROP TABLE {name}")
    await workshop.refused((200, 404), "GET", f"/items/{name}")
    await workshop.refused((203, 404), "GET", f"/collections/{name}")
    await workshop.ok("POST", "/collections", {"collection": name, "fields": [
        field("id", "integer", "INT", primary_key=True, auto_increment=True)]})  # fmt: skip
    assert await workshop.fields(name) == ["id"]


async def test_a_change_by_plain_ddl_is_seen_by_itself(workshop: Workshop) -> None:
    name = await workshop.make(text("a"))
    await workshop.items(name)
    await workshop.foreign(f"ALTER TABLE {name} ADD COLUMN extra INTEGER")
    deadline = time.monotonic() + SECONDS
    while "extra" not in await workshop.fields(name):
        assert time.monotonic() < deadline, "it is never seen"
        await asyncio.sleep(0.1)


async def test_broken_rows_of_metadata_are_passed_over(workshop: Workshop) -> None:
    name = await workshop.make(text("a"), text("b"))
    await workshop.ok("POST", f"/items/{name}", {"a": "x"})
    await workshop.behind_our_back(
        f"UPDATE directus_fields SET options = '{{broken', translation = 'x', width = 'odd'"
        f" WHERE collection = '{name}' AND field = 'a'",
        f"UPDATE directus_fields SET type = 'of_an_extension'"
        f" WHERE collection = '{name}' AND field = 'b'",
        "INSERT INTO directus_fields (collection, field, type)"
        f" VALUES ('{name}', 'ghost', 'string'), ('no_table', 'x', 'string'), ('', '', '')",
        "INSERT INTO directus_relations (collection_many, field_many, collection_one, field_one)"
        f" VALUES ('{name}', 'ghost', 'no_table', 'x'), ('', '', '', ''),"
        f" ('{name}', 'a', 'no_table', NULL)",
        "INSERT INTO directus_collections (collection, managed) VALUES ('no_table', '1')",
    )
    assert set(await workshop.fields(name)) == {"id", "a", "b"}
    told = await workshop.field(name, "a")
    assert (told["options"], told["translation"]) == (None, None)
    assert (await workshop.field(name, "b"))["type"] == "string"
    assert (await workshop.items(name, "fields=*.*"))[0]["b"] is None
    assert not await workshop.exists("no_table")
    await workshop.ok("PATCH", f"/items/{name}/1", {"a": "y"})
    for path in ("/fields?limit=-1", "/collections", "/relations?limit=-1"):
        await workshop.get(path)
    await workshop.ok("DELETE", f"/collections/{name}")


CHARSETS = ("latin1", "ascii", "latin2", "utf8mb3")
UNHELD: list[tuple[str, list[int]]] = [
    ("[eq]=💡", []), ("[neq]=💡", [1, 2]), ("[in]=💡", []), ("[in]=x,💡", [2]),
    ("[nin]=💡", [1, 2]), ("[nin]=💡,x", [1]), ("[contains]=💡", []),
    ("[ncontains]=💡", [1, 2]), ("[rlike]=%25💡%25", []), ("[nrlike]=%25💡%25", [1, 2]),
    ("[lt]=💡", []), ("[gte]=💡", []), ("[between]=a,💡", []), ("[nbetween]=a,💡", [1, 2]),
    ("[eq]=x", [2]), ("[contains]=X", [2]), ("[ncontains]=X", [1]),
]  # fmt: skip


@pytest.mark.parametrize("charset", CHARSETS)
async def test_letters_that_a_column_lacks_are_found_nowhere(
    workshop: Workshop, charset: str
) -> None:
    name, other = workshop.name("few"), workshop.name("links")
    kind = "VARCHAR(20)"
    if workshop.driver == "mysql":
        kind += f" CHARACTER SET {charset}"
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, t {kind})",
        f"INSERT INTO {name} VALUES (1, 'a'), (2, 'x'), (3, NULL)",
        f"CREATE TABLE {other} (word {kind} NOT NULL PRIMARY KEY, near INTEGER)",
        f"INSERT INTO {other} VALUES ('a', 1), ('b', 2), ('c', NULL)",
    )
    for table in (name, other):
        await workshop.ok("PATCH", f"/collections/{table}", {"managed": True})
    await workshop.ok("POST", f"/fields/{name}", field("words", "o2m"))
    await workshop.relate(other, "near", name, "words")

    async def found(table: str, query: str, key: str) -> list[Any]:
        items = await workshop.get(f"/items/{table}?{query}&fields={key}&sort={key}")
        return [item[key] for item in items]

    for condition, ids in UNHELD:
        if not (condition.startswith(("[lt]", "[gte]", "[between]", "[nbetween]"))
                and workshop.driver != "mysql"):  # fmt: skip
            assert await found(name, f"filter[t]{condition}", "id") == ids, condition
    assert await found(name, "q=💡", "id") == []
    for condition, words in (
        ("near.t][contains]=💡", []), ("near.t][neq]=💡", ["a", "b"]), ("near][contains]=💡", []),
        ("near][ncontains]=💡", ["a", "b"]), ("near][ncontains]=x", ["a"]),
        ("near][rlike]=💡", []), ("word][in]=a,💡", ["a"]),
    ):  # fmt: skip
        assert await found(other, f"filter[{condition}", "word") == words, condition
    for condition, ids in (("contains", []), ("ncontains", [1, 2, 3])):
        assert await found(name, f"filter[words][{condition}]=💡", "id") == ids, condition
    path = f"/items/{other}"
    for method, body in (("GET", None), ("PATCH", {"near": 1}), ("DELETE", None)):
        await workshop.refused((203, 404), method, f"{path}/💡", body)
    assert await workshop.get(f"{path}/a,💡") == [{"word": "a", "near": 1}]
    if workshop.driver == "mysql":
        await workshop.refused((12, 422), "PATCH", f"/items/{name}/1", {"t": "💡"})
        await workshop.refused((12, 422), "POST", path, {"word": "💡"})
        await workshop.refused((12, 422), "PATCH", f"/items/{name}/1", {"words": [{"word": "💡"}]})
    assert await found(name, "filter[t]=a", "id") == [1]


LATIN_1: list[tuple[str, list[int]]] = [
    ("[eq]=grün", [1]), ("[eq]=€", [2]), ("[contains]=%C2%81", [3]), ("[contains]=Ü", [1]),
    ("[eq]=ключ", []), ("[neq]=ключ", [1, 2, 3]), ("[in]=ключ,grün,€", [1, 2]),
]  # fmt: skip


@pytest.mark.parametrize("workshop", ["mysql"], indirect=True)
async def test_letters_of_western_europe(workshop: Workshop) -> None:
    name = workshop.name("west")
    await workshop.behind_our_back(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, t VARCHAR(20) CHARACTER SET latin1, KEY (t))"
    )
    await workshop.ok("PATCH", f"/collections/{name}", {"managed": True})
    texts = ["grün", "€", "\x81"]
    await workshop.ok(
        "POST", f"/items/{name}", [{"id": id, "t": t} for id, t in enumerate(texts, 1)]
    )
    for condition, ids in LATIN_1:
        found = await workshop.get(f"/items/{name}?filter[t]{condition}&fields=id&sort=id")
        assert [item["id"] for item in found] == ids, condition
    # Another character set is another schema.
    await workshop.foreign(f"ALTER TABLE {name} MODIFY t VARCHAR(20) CHARACTER SET utf8mb4")
    await workshop.ok("POST", "/utils/cache/clear")
    assert (await workshop.ok("PATCH", f"/items/{name}/2", {"t": "ключ"}))["t"] == "ключ"
    assert [item["id"] for item in await workshop.get(f"/items/{name}?filter[t]=ключ")] == [2]
