"""Every field type over HTTP, made with its default column: alike on the three databases.

Source: schema page §3, items page §4.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from msgspec import UNSET, Struct

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text

Item = dict[str, Any]
UUID = "5b1f3a52-9a0e-4c60-8f0e-2d1c3b4a5f6e"
MAPPING = {"draft": {"name": "Draft"}, "live": {"name": "Live", "published": True}}
NUMBERED = {"1": {"name": "One", "value": 1}, "2": {"name": "Two", "value": 2}}
FAMILY = "👩‍👩‍👧 é e\u0301 \\ ' \" ` % _ \u2028 \u202e\t\n"
LONG = "ü💡" * 20_000
DEEP: Any = {"a": [1, -2.5, 1.5e-7, True, None, "💡", {"": {}}, []], "ü": "\\u0000", "z": 0}


class Kind(Struct, frozen=True, kw_only=True):
    """A field as it is asked for, how it is told, and what it takes."""

    made: Item
    told: tuple[str | None, str | None]
    """Datatype and length."""
    takes: tuple[Any, ...] = ()
    """Values that come back as they went in."""
    turns: tuple[tuple[Any, Any], ...] = ()
    """Values that come back otherwise."""
    refuses: tuple[tuple[Any, tuple[int, int]], ...] = ()
    null: Any = None
    """What null comes back as."""
    signed: bool = True

    def __str__(self) -> str:
        return " ".join(str(self.made.get(key, "")) for key in ("type", "datatype", "length"))


NOT_NUMBERS = tuple(
    (value, (12, 422)) for value in ("abc", "", " ", True, "NaN", "Infinity", "1e999")
)
SCALAR = (([1], (213, 422)), ({"a": 1}, (213, 422)))
TEXTS = (("nul \0", (4, 422)), *SCALAR)
KINDS = [
    Kind(made=field("v", "string"), told=("VARCHAR", "255"),
         takes=("", "x" * 255, "💡" * 255, FAMILY, " blanks ", "NULL", "'; DROP TABLE x; --"),
         turns=((5, "5"), (2.5, "2.5")),
         refuses=(("x" * 256, (12, 422)), ("💡" * 256, (12, 422)), *TEXTS)),
    Kind(made=field("v", "string", "CHAR", 3), told=("CHAR", "3"), takes=("abc", "ü💡x"),
         refuses=(("abcd", (12, 422)),)),
    Kind(made=field("v", "string", "TEXT"), told=("TEXT", None), takes=("", FAMILY, LONG[:15_000])),
    Kind(made=field("v", "string", "LONGTEXT"), told=("LONGTEXT", None), takes=(LONG,)),
    Kind(made=field("v", "slug"), told=("VARCHAR", "255"), takes=("a-b",)),
    Kind(made=field("v", "lang"), told=("VARCHAR", "16"), takes=("en", "zh-Hant-TW")),
    Kind(made=field("v", "status", options={"status_mapping": MAPPING}), told=("VARCHAR", "20"),
         takes=("draft", "live"), refuses=(("nope", (12, 422)), ("Draft", (12, 422)))),
    Kind(made=field("v", "status", options={"status_mapping": NUMBERED}), told=("INT", "11"),
         takes=(1, 2), turns=(("1", 1),), refuses=((3, (12, 422)), ("x", (12, 422)))),
    Kind(made=field("v", "uuid"), told=("CHAR", "36"), takes=(UUID,),
         turns=((UUID.upper(), UUID), (UUID.replace("-", ""), UUID)),
         refuses=(("nope", (12, 422)), (UUID[:-1], (12, 422)), (f"{{{UUID}}}", (12, 422)))),
    Kind(made=field("v", "integer"), told=("INT", "11"),
         takes=(0, -1, 2**31 - 1, -(2**31)), turns=(("7", 7), (7.0, 7), (" 7 ", 7), ("-0", 0)),
         refuses=((2**31, (12, 422)), (-(2**31) - 1, (12, 422)), (1.5, (12, 422)),
                  (10**40, (12, 422)), ("٣", (12, 422)), *NOT_NUMBERS, *SCALAR)),
    Kind(made=field("v", "integer", "BIGINT"), told=("BIGINT", "20"),
         takes=(2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)),
         turns=(("9223372036854775807", 2**63 - 1),),
         refuses=((2**63, (12, 422)), (-(2**63) - 1, (12, 422)), (1e300, (12, 422)))),
    Kind(made=field("v", "integer", "SMALLINT"), told=("SMALLINT", "6"),
         takes=(32767, -32768), refuses=((32768, (12, 422)),)),
    Kind(made=field("v", "integer", "INT", signed=False), told=("INT", "10"), signed=False,
         takes=(0, 2**31 - 1), refuses=((-1, (12, 422)), (2**32, (12, 422)))),
    Kind(made=field("v", "integer", "BIGINT", signed=False), told=("BIGINT", "20"), signed=False,
         takes=(0, 2**63 - 1), refuses=((-1, (12, 422)), (2**64, (12, 422)))),
    Kind(made=field("v", "sort"), told=("INT", "11"), takes=(0, 5)),
    Kind(made=field("v", "decimal"), told=("DECIMAL", "10,2"), null=0,
         takes=(0, 1.5, -99999999.99, 99999999.99), turns=(("1.50", 1.5), ("1e2", 100), (3, 3)),
         refuses=(("100000000", (12, 422)), ("1.234", (12, 422)), *NOT_NUMBERS, *SCALAR)),
    Kind(made=field("v", "decimal", "DECIMAL", "38,18"), told=("DECIMAL", "38,18"), null=0,
         takes=(0.1, "12345678901234567890.123456789012345678"),
         turns=(("0.30", 0.3), ("0.000000000000000001", 1e-18),
                ("-12345678901234567890.5", "-12345678901234567890.500000000000000000"))),
    Kind(made=field("v", "decimal", "DECIMAL", "65,0"), told=("DECIMAL", "65,0"), null=0,
         takes=("9" * 65, 7)),
    Kind(made=field("v", "decimal", "DOUBLE"), told=("DOUBLE", None), null=0,
         takes=(0.1, 1e300, -1.5e-300, 1 / 3, 123456789.123456789), turns=(("2.5", 2.5),),
         refuses=(("1e400", (12, 422)), *NOT_NUMBERS)),
    Kind(made=field("v", "boolean"), told=("TINYINT", "1"), takes=(True, False), null=False,
         turns=((1, True), (0, False), ("1", True), ("0", False), ("true", True),
                ("false", False)),
         refuses=((2, (12, 422)), ("yes", (12, 422)), *SCALAR)),
    Kind(made=field("v", "date"), told=("DATE", None),
         takes=("2031-02-03", "2032-02-29", "9999-12-31", "1000-01-01"),
         turns=(("2031-02-03T23:00:00+02:00", "2031-02-03"),),
         refuses=(("2031-02-30", (4, 422)), ("31-02-03", (4, 422)), ("0000-00-00", (4, 422)),
                  ("10000-01-01", (4, 422)), ("soon", (4, 422)), (20310203, (4, 422)), *SCALAR)),
    Kind(made=field("v", "time"), told=("TIME", None),
         takes=("00:00:00", "23:59:59"),
         turns=(("04:05", "04:05:00"), ("04:05:06.789", "04:05:06")),
         refuses=(("24:00:00", (4, 422)), ("12:60", (4, 422)), ("noon", (4, 422)))),
    Kind(made=field("v", "datetime"), told=("DATETIME", None),
         takes=("2031-02-03 04:05:06", "9999-12-31 23:59:59", "1000-01-01 00:00:00"),
         turns=(("2031-02-03T04:05:06Z", "2031-02-03 04:05:06"),
                ("2031-02-03T04:05:06+02:00", "2031-02-03 02:05:06"),
                ("2031-12-31T23:59:59.999999", "2031-12-31 23:59:59"),
                ("2031-02-03", "2031-02-03 00:00:00")),
         refuses=(("2031-02-30 00:00:00", (4, 422)), ("now", (4, 422)), ("x", (4, 422)),
                  ("9999-12-31T23:59:59-10:00", (4, 422)), (0, (4, 422)), *SCALAR)),
    Kind(made=field("v", "json"), told=("JSON", None),
         takes=(DEEP, [], {}, 0, False, True, "", "text", '{"not": "parsed"}', "null", 1.5,
                2**53 + 1, {"b": 1, "a": 2, "": 3}, [None], "💡"),
         refuses=(({"a": "nul \0"}, (4, 422)), ({"nul \0": 1}, (4, 422)))),
    Kind(made=field("v", "json", "TEXT"), told=("TEXT", None), takes=(DEEP, [], "x", 5)),
    Kind(made=field("v", "array"), told=("TEXT", None), null=[],
         takes=(["a", "b"], [], ["💡", "ü"]), turns=(("a,b", ["a", "b"]), ("", []), ([1], ["1"])),
         refuses=(([["a"]], (4, 422)), ({"a": 1}, (4, 422)), (["a,b"], (4, 422)))),
    Kind(made=field("v", "binary"), told=("BLOB", None),
         takes=("", "AAEC/w==", base64.b64encode(bytes(range(256)) * 200).decode()),
         refuses=(("not base64!", (4, 422)), ("AAE", (4, 422)), *SCALAR)),
    Kind(made=field("v", "m2o"), told=("INT", "11"), takes=(0, 7), turns=(("7", 7),),
         refuses=(("x", (12, 422)), *SCALAR)),
    Kind(made=field("v", "file"), told=("INT", "10"), takes=(7,), signed=False,
         turns=(({"id": 7}, 7),),
         refuses=(("x", (12, 422)), ([1], (213, 422)))),
    Kind(made=field("v", "user"), told=("INT", "10"), takes=(1,), signed=False),
    Kind(made=field("v", "hash"), told=("VARCHAR", "255"), turns=(("secret", "**********"),),
         refuses=SCALAR),
    Kind(made=field("v", "alias"), told=(None, None)),
    Kind(made=field("v", "group"), told=(None, None)),
    Kind(made=field("v", "o2m"), told=(None, None)),
    Kind(made=field("v", "translation"), told=(None, None)),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_a_type_is_told_takes_and_refuses(workshop: Workshop, kind: Kind) -> None:
    name = await workshop.make(kind.made)
    told = await workshop.field(name, "v")
    datatype, length = kind.told
    if workshop.driver == "postgresql" and datatype == "LONGTEXT":
        # There is one type of long texts.
        datatype = "TEXT"
    stated = (kind.made["type"], datatype, length)
    assert (told["type"], told["datatype"], told["length"]) == stated
    assert told["signed"] is kind.signed
    if kind.told[0] is None:
        assert await workshop.ok("POST", f"/items/{name}", {"v": None}) == {"id": 1}
        return
    pairs = [*((value, value) for value in kind.takes), *kind.turns, (None, kind.null)]
    expected = [shown for _, shown in pairs]
    made = await workshop.ok(
        "POST", f"/items/{name}?status=*", [{"v": given} for given, _ in pairs]
    )
    assert [item["v"] for item in made] == expected
    every = await workshop.items(name, "limit=-1&status=*")
    assert [item["v"] for item in every] == expected
    for place, (given, shown) in enumerate(pairs):
        # What was created is the same when it is written over something else.
        path = f"/items/{name}/{len(pairs) - place}?fields=v&status=*"
        assert await workshop.ok("PATCH", path, {"v": given}) == {"v": shown}
    for given, error in kind.refuses:
        told = await workshop.refused(error, "POST", f"/items/{name}", {"v": given})
        assert "v" in told["message"]
        assert "SQL" not in told["message"]
    assert len(await workshop.items(name, "status=*")) == len(pairs)


async def test_an_unsigned_number_is_judged_by_what_its_column_holds(workshop: Workshop) -> None:
    name = await workshop.make(field("v", "integer", "INT", signed=False))
    # PostgreSQL has no type without a sign: a check keeps half of it away.
    beyond = {"sqlite": 2**32, "postgresql": 2**31, "mysql": 2**32}[workshop.driver]
    made = await workshop.ok("POST", f"/items/{name}", {"v": beyond - 1})
    assert made["v"] == beyond - 1
    told = await workshop.refused((12, 422), "POST", f"/items/{name}", {"v": beyond})
    assert told["message"] == f"v: must be between 0 and {beyond - 1}"


@pytest.mark.parametrize("datatype", ["FLOAT", "DOUBLE"])
async def test_a_number_is_found_as_it_was_written(workshop: Workshop, datatype: str) -> None:
    name = await workshop.make(field("v", "decimal", datatype))
    path = f"/items/{name}"
    numbers = [0.1, 3.14159, 1234567.0, -2.5]
    made = await workshop.ok("POST", path, [{"v": number} for number in numbers])
    assert [item["v"] for item in made] == numbers
    assert [item["v"] for item in await workshop.get(path)] == numbers
    for number in numbers:
        for condition in ("[eq]", "[in]", "[between]"):
            asked = f"{number},{number}" if condition == "[between]" else str(number)
            found = await workshop.get(f"{path}?filter[v]{condition}={asked}&fields=v")
            assert found == [{"v": number}], condition
        assert {"v": number} not in await workshop.get(f"{path}?filter[v][gt]={number}&fields=v")


async def test_what_single_precision_would_round_stays_double(workshop: Workshop) -> None:
    name = await workshop.make(field("v", "decimal", "DOUBLE"))
    path, fields = f"/items/{name}", f"/fields/{name}/v"
    await workshop.ok("POST", path, {"v": 0.123456789})
    if workshop.driver == "mysql":
        # The others keep a double whichever of the two it is called.
        await workshop.refused((12, 422), "PATCH", fields, {"datatype": "FLOAT"})
        assert await workshop.items(name) == [{"id": 1, "v": 0.123456789}]
        await workshop.ok("PATCH", f"{path}/1", {"v": 0.1})
    before = await workshop.items(name)
    for datatype in ("FLOAT", "DOUBLE"):
        await workshop.ok("PATCH", fields, {"datatype": datatype})
    assert (await workshop.items(name))[0]["v"] == pytest.approx(before[0]["v"], rel=1e-7)


ENDS = [
    ("date", "9999-12-31", "2031-02-03"),
    ("date", "0001-01-01", "2031-02-03"),
    ("datetime", "0001-01-01 00:00:00", "2031-02-03 04:05:06"),
]


@pytest.mark.parametrize(("type", "end", "other"), ENDS)
async def test_the_first_and_the_last_day_are_days_like_others(
    workshop: Workshop, type: str, end: str, other: str
) -> None:
    name = await workshop.make(field("v", type))
    path = f"/items/{name}"
    await workshop.ok("POST", path, {"v": end})
    await workshop.ok("POST", path, [{"v": end}, {"v": other}])
    # As another program writes them.
    await workshop.behind_our_back(f"INSERT INTO {name} (v) VALUES ('{end}'), ('{other}')")
    for condition, found in (
        ("", [1, 2, 4]), ("[in]=", [1, 2, 4]), ("[neq]=", [3, 5]), ("[gte]=", [1, 2, 3, 4, 5]),
        ("[contains]=", [1, 2, 4]),
    ):  # fmt: skip
        asked = f"{path}?fields=id&filter[v]{condition or '='}{end}"
        if condition != "[gte]=" or end < other:
            assert [item["id"] for item in await workshop.get(asked)] == found, condition
    groups = [{"v": end, "count": 3}, {"v": other, "count": 2}]
    found = await workshop.get(f"{path}?groups=v&aggregate[count]=*")
    assert sorted(found, key=lambda group: -group["count"]) == groups
    outermost = "max" if end > other else "min"
    assert await workshop.get(f"{path}?aggregate[{outermost}]=v") == [{outermost: {"v": end}}]


async def test_bytes_are_found_in_a_list(workshop: Workshop) -> None:
    name = await workshop.make(field("v", "binary"))
    values = ["AAEC/w==", "", "AAE=", None]
    await workshop.ok("POST", f"/items/{name}", [{"v": value} for value in values])
    for condition, expected in (
        ("in]=AAEC/w%3D%3D,AAE%3D", [1, 3]),
        ("in]=AAE%3D", [3]),
        ("in]=qqqq", []),
        ("nin]=AAEC/w%3D%3D", [2, 3]),
    ):
        found = await workshop.get(f"/items/{name}?filter[v][{condition}&sort=id&fields=id")
        assert [item["id"] for item in found] == expected, condition


@pytest.mark.parametrize("operator", ["contains", "ncontains", "rlike", "nrlike", "like", "nlike"])
@pytest.mark.parametrize("asked", ["A", "ü"])
async def test_no_text_is_looked_for_in_bytes(
    workshop: Workshop, operator: str, asked: str
) -> None:
    name = await workshop.make(field("v", "binary"), field("link", "m2o", "INT"))
    await workshop.relate(name, "link", name)
    # "Ü" in an encoding of old: no text to some databases, and to others not that one.
    await workshop.ok("POST", f"/items/{name}", {"v": "3A==", "link": 1})
    for path in ("v", "link.v"):
        query = {f"filter[{path}][{operator}]": asked}
        told = await workshop.refused((12, 422), "GET", f"/items/{name}", params=query)
        assert told["message"] == f"{path}: this field holds bytes, and no text"
    assert await workshop.get(f"/items/{name}?q={asked}") == []


@pytest.mark.parametrize("link", ["VARCHAR", "CHAR"])
async def test_a_text_of_fixed_length_has_no_blanks_at_its_end(
    workshop: Workshop, link: str
) -> None:
    key = field("code", "string", "CHAR", 5, primary_key=True)
    countries = await workshop.make(text("name"), field("towns", "o2m"), key=key)
    towns = await workshop.make(text("name"), field("country", "m2o", link, 5))
    await workshop.relate(towns, "country", countries, "towns")
    path = f"/items/{countries}"
    body = {"code": "ab", "name": "x", "towns": [{"name": "t"}]}
    shown = {"code": "ab", "name": "x", "towns": [{"id": 1, "name": "t", "country": "ab"}]}
    assert await workshop.ok("POST", f"{path}?fields=*,towns.*", body) == shown
    assert await workshop.get(f"{path}/ab?fields=*,towns.*") == shown
    assert await workshop.get(f"/items/{towns}/1?fields=country.code") == {
        "country": {"code": "ab"}
    }
    for query in ("filter[code]=ab", "filter[code][in]=ab,x", "filter[code][rlike]=%25b", "q=ab"):
        assert [item["code"] for item in await workshop.get(f"{path}?{query}")] == ["ab"], query
    assert await workshop.get(f"{path}?groups=code") == [{"code": "ab", "count": 1}]
    assert await workshop.get(f"{path}?aggregate[max]=code") == [{"max": {"code": "ab"}}]
    changed = {"name": "y", "towns": [{"id": 1, "name": "u"}]}
    assert (await workshop.ok("PATCH", f"{path}/ab", changed))["code"] == "ab"
    assert [(r["item"], r["data"]["code"]) for r in await workshop.revisions(countries)] == [
        ("ab", "ab"), ("ab", "ab"),
    ]  # fmt: skip
    assert len(await workshop.get(f"{path}/ab/revisions")) == 2
    await workshop.ok("DELETE", f"{path}/ab")
    assert [item for _, item in await workshop.deeds(countries)] == ["ab"] * 3


async def test_blanks_at_the_end_of_a_fixed_length_are_not_kept(workshop: Workshop) -> None:
    name = await workshop.make(field("v", "string", "CHAR", 5), field("n", "integer"))
    path = f"/items/{name}"
    assert await workshop.ok("POST", path, {"v": "ab  "}) == {"id": 1, "v": "ab", "n": None}
    batch = [{"v": " c "}, {"v": "     "}]
    assert [item["v"] for item in await workshop.ok("POST", path, batch)] == [" c", ""]
    assert (await workshop.ok("PATCH", f"{path}/1", {"v": "d ", "n": 1}))["v"] == "d"
    assert [item["v"] for item in await workshop.items(name)] == ["d", " c", ""]
    assert [item["id"] for item in await workshop.items(name, "filter[v]=d")] == [1]
    await workshop.refused((12, 422), "POST", path, {"v": "abcde "})


@pytest.mark.parametrize("workshop", ["mysql"], indirect=True)
async def test_no_number_is_taken_for_another_value(workshop: Workshop) -> None:
    name = await workshop.make(
        field("kind", "string", "ENUM", "'a','b','7'"),
        field("kinds", "string", "SET", "'a','b'"),
        field("several", "array", "SET", "'a','b'"),
        field("year", "integer", "YEAR"),
    )
    path = f"/items/{name}"
    fine = {"kind": "7", "kinds": "a,b", "several": ["b"], "year": 2031}
    assert await workshop.ok("POST", path, fine) == {"id": 1, **fine}
    assert (await workshop.ok("POST", path, {"year": 0}))["year"] == 0
    for wrong in (
        {"kind": "1"}, {"kind": 2}, {"kind": "0"}, {"kinds": "1"}, {"kinds": "0"},
        {"several": ["1"]}, {"several": "3"}, {"year": 1}, {"year": 69}, {"year": "12"},
        {"year": 1900}, {"year": 2156},
    ):  # fmt: skip
        told = await workshop.refused((12, 422), "POST", path, wrong)
        assert told["message"].startswith(f"{next(iter(wrong))}: must be"), wrong
        await workshop.refused((12, 422), "POST", path, [wrong, fine])
    assert len(await workshop.items(name)) == 2


WHAT_IS_BACK = [kind for kind in KINDS if kind.takes and kind.made["type"] not in ("file", "user")]


@pytest.mark.parametrize("kind", WHAT_IS_BACK, ids=str)
async def test_a_revision_brings_every_value_back(workshop: Workshop, kind: Kind) -> None:
    name = await workshop.make(kind.made)
    first = kind.takes[-1]
    await workshop.ok("POST", f"/items/{name}", {"v": first})
    await workshop.ok("PATCH", f"/items/{name}/1", {"v": None})
    assert (await workshop.get(f"/items/{name}/1?status=*"))["v"] == kind.null
    revision, _ = await workshop.revisions(name)
    await workshop.ok("PATCH", f"/items/{name}/1/revert/{revision['id']}")
    assert (await workshop.get(f"/items/{name}/1"))["v"] == first


DEFAULTS: list[tuple[Item, Any]] = [
    (field("v", "string"), "x' \"💡\\"),
    (field("v", "string"), ""),
    (field("v", "integer"), 0),
    (field("v", "integer", "BIGINT"), 2**53 + 1),
    (field("v", "decimal"), 1.5),
    (field("v", "decimal", "DOUBLE"), 0.1),
    (field("v", "boolean"), True),
    (field("v", "boolean"), False),
    (field("v", "date"), "2031-02-03"),
    (field("v", "time"), "04:05:06"),
    (field("v", "datetime"), "2031-02-03 04:05:06"),
    (field("v", "status", options={"status_mapping": MAPPING}), "draft"),
    (field("v", "uuid"), UUID),
]


@pytest.mark.parametrize(
    ("made", "default"), DEFAULTS, ids=[f"{made['type']} {value!r}" for made, value in DEFAULTS]
)
async def test_a_default_is_told_and_taken(workshop: Workshop, made: Item, default: Any) -> None:
    name = await workshop.make({**made, "default_value": default})
    assert (await workshop.field(name, "v"))["default_value"] == default
    assert await workshop.ok("POST", f"/items/{name}", {}) == {"id": 1, "v": default}
    await workshop.ok("PATCH", f"/fields/{name}/v", {"default_value": None})
    assert (await workshop.field(name, "v"))["default_value"] is None
    item = await workshop.ok("POST", f"/items/{name}?status=*", {})
    assert item["v"] == {"boolean": False, "decimal": 0}.get(made["type"])


KEYS: list[tuple[Item, list[Any], Any]] = [
    (field("id", "uuid", primary_key=True), [UUID], UNSET),
    (field("id", "string", "VARCHAR", 60, primary_key=True),
     ["a", "a b/c?d#e&f", "ключ 💡", "50%25", "+"], None),
    (field("id", "slug", primary_key=True), ["a-b"], None),
    (field("id", "integer", "INT", primary_key=True), [0, -5, 2**31 - 1], None),
    (field("id", "integer", "BIGINT", primary_key=True), [2**53 + 1, 2**63 - 1], None),
    (field("id", "integer", "BIGINT", primary_key=True, auto_increment=True), [2**53 + 1], UNSET),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "values", "missing"),
    KEYS,
    ids=[f"{key['type']} {key.get('datatype')}" for key, *_ in KEYS],
)
async def test_keys_of_every_kind(
    workshop: Workshop, key: Item, values: list[Any], missing: Any
) -> None:
    name = await workshop.make(field("v", "string"), key=key)
    for value in values:
        item = await workshop.ok("POST", f"/items/{name}", {"id": value, "v": "x"})
        assert item == {"id": value, "v": "x"}
        path = f"/items/{name}/{quoted(value)}"
        assert await workshop.get(path) == item
        assert (await workshop.ok("PATCH", path, {"v": "y"}))["v"] == "y"
        body = {"id": value, "v": "z"}
        await workshop.refused((204, 409), "POST", f"/items/{name}", body)
        assert await workshop.ok("PATCH", f"/items/{name}", [body]) == [body]
        assert [one["item"] for one in await workshop.get(f"{path}/revisions")] == [str(value)] * 3
    assert sorted(item["id"] for item in await workshop.items(name)) == sorted(values)
    if missing is UNSET:
        made = (await workshop.ok("POST", f"/items/{name}", {}))["id"]
        assert made not in values
    else:
        await workshop.refused((4, 422), "POST", f"/items/{name}", {"v": "x"})
    await workshop.refused((203, 404), "PATCH", f"/items/{name}/nope", {"v": "x"})
    for value in values:
        await workshop.ok("DELETE", f"/items/{name}/{quoted(value)}")
        await workshop.refused((203, 404), "GET", f"/items/{name}/{quoted(value)}")


def quoted(value: Any) -> str:
    """A key as it stands in a path."""
    return "".join(f"%{byte:02X}" for byte in str(value).encode())


async def test_forms_hold_texts(workshop: Workshop) -> None:
    name = await workshop.make(
        field("j", "json"), field("s", "string"), field("n", "integer"), field("b", "boolean"),
        field("a", "array"),
    )  # fmt: skip
    form = {"j": '{"a": [1, null]}', "s": '{"a": 1}', "n": "7", "b": "true", "a": "x,y"}
    expected = {"j": {"a": [1, None]}, "s": '{"a": 1}', "n": 7, "b": True, "a": ["x", "y"]}
    made = await workshop.ok("POST", f"/items/{name}", data=form)
    assert made == {"id": 1, **expected}
    parts = {name: (None, value) for name, value in form.items()}
    assert await workshop.ok("POST", f"/items/{name}", files=parts) == {"id": 2, **expected}
    for sent, kept in (("5", 5), ('"x"', "x"), ("plain", "plain"), ("[", "["), ("", None)):
        made = await workshop.ok("PATCH", f"/items/{name}/1?fields=j", data={"j": sent})
        assert made == {"j": kept}, sent
    assert await workshop.ok("PATCH", f"/items/{name}/1?fields=j", {"j": "5"}) == {"j": "5"}
