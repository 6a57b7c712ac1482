"""What files of items are made of: cells, records, objects, types of columns."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductus.errors import ValidationFailed
from conductus.schema.model import Collection, Field, Kind, Schema
from conductus.schema.types import type_of
from conductus.transfer.columns import TableColumn
from conductus.transfer.csv_reading import CSVReader, Record
from conductus.transfer.csv_writing import CSVLines
from conductus.transfer.formats import Format
from conductus.transfer.guarding import guarded, unguarded
from conductus.transfer.headings import reader_of
from conductus.transfer.json_reading import JSONReader
from conductus.transfer.rows import rows_of
from tests.field_samples import SAMPLES, Sample, field_of

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NASTY = st.sampled_from(["=1+1", "'", "''", "'=", "+", "-5", "@", "\t", "\r", "\n", '"', ",;", ""])
CELL = st.one_of(st.none(), NASTY, TEXT)


def column(field: Field, name: str = "it") -> TableColumn:
    return TableColumn((name,), field)


def pieces(content: bytes, size: int) -> list[bytes]:
    return [*(content[place : place + size] for place in range(0, len(content), size)), b""]


def records(content: bytes, size: int = 1 << 16) -> list[Record]:
    reader = CSVReader()
    return [
        record for piece in pieces(content, size) for record in reader.feed(piece, ended=not piece)
    ]


def objects(content: bytes, size: int = 1 << 16) -> list[Any]:
    reader = JSONReader()
    return [
        (found.line, found.item)
        for piece in pieces(content, size)
        for found in reader.feed(piece, ended=not piece)
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"), ("\uff1d1", "'\uff1d1"), ("'=1", "''=1"), ("'", "''"), ("'a", "''a"),
        ("a=1", "a=1"), ("", ""), (" =1", " =1"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_guarded(text: str, cell: str) -> None:
    assert guarded(text) == cell
    assert unguarded(cell) == text


@given(TEXT)
def test_guarding_is_undone_exactly(text: str) -> None:
    assert unguarded(guarded(text)) == text


def test_an_apostrophe_that_guards_nothing_stays() -> None:
    assert unguarded("'tis") == "'tis"
    assert unguarded("'") == "'"


@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=5),
    st.sampled_from([",", ";", "\t"]),
    st.integers(1, 40),
)
def test_cells_come_back(rows: list[list[str | None]], delimiter: str, size: int) -> None:
    field = field_of("string", Kind.TEXT)
    lines = CSVLines([column(field, name) for name in ("a", "b", "c")], delimiter)
    items = [dict(zip("abc", row, strict=True)) for row in rows]
    text = lines.header() + lines.lines(items)
    read = reader_of(field)
    first, *found = [
        [None if cell is None else read(cell) for cell in record.cells]
        for record in records(text.encode(), size)
    ]
    assert first == ["a", "b", "c"]
    assert found == rows
    # Others understand it too; they do not know null.
    plain = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert [[read(cell) for cell in row] for row in plain[1:]] == [
        [cell or "" for cell in row] for row in rows
    ]


def test_lines_are_counted_as_editors_do() -> None:
    content = b'\xef\xbb\xbfa,b\r\n1,"x\ny"\n\n3,4\r5,"6\r\n7"\r\n8,9'
    assert [(record.line, record.cells) for record in records(content, 1)] == [
        (1, ["a", "b"]), (2, ["1", "x\ny"]), (4, [None]), (5, ["3", "4"]), (6, ["5", "6\r\n7"]),
        (8, ["8", "9"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'a,b\n1,"x', "Line 2: a quote is not closed"),
        (b'a,b\n1,2\n"x"y,2\n', "Line 3: a quote is not closed"),
        (b"a,b\n1,\xff\n", "UTF-8"),
    ],
)
def test_what_is_no_csv(content: bytes, problem: str) -> None:
    for size in (1, 1000):
        with pytest.raises(ValidationFailed, match=problem):
            records(content, size)


VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-100, 100), TEXT),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXT, inner)),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(TEXT, VALUE), max_size=4),
    st.integers(1, 30),
    st.sampled_from([None, 2]),
)
def test_objects_come_back(items: list[dict[str, Any]], size: int, indent: int | None) -> None:
    listed = json.dumps(items, indent=indent, ensure_ascii=False).encode()
    assert [item for _, item in objects(listed, size)] == items
    lines = "\n".join(json.dumps(item) for item in items).encode()
    assert objects(lines, size) == [(place, item) for place, item in enumerate(items, 1)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'[{"a": 1}', "ends too early"), (b'[{"a": "x]', "ends too early"),
        (b'[{"a": 1} {"b": 2}]', "Line 1: an object is expected"),
        (b'[{"a": 1}]\n[]', "Line 2: an object is expected"),
        (b'[{"a": 1},\n5]', "Line 2: an object is expected"), (b"7", "an object is expected"),
        (b'{"a": 1},{"b": 2}', "an object is expected"), (b'[\n{"a": nope}]', "Line 2: not valid"),
        (b"[" + b'{"a":' * 65, "deeper"), (b'[{"a": 1]]', "Line 1: not valid"),
        (b'{"a": "\xff"}', "not valid"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_objects(content: bytes, problem: str) -> None:
    for size in (1, 1000):
        with pytest.raises(ValidationFailed, match=problem):
            objects(content, size)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_value_of_every_type_stands_in_a_cell_and_comes_back(sample: Sample) -> None:
    field = sample.field()
    lines = CSVLines([column(field), column(field, "other")])
    (record,) = records(lines.lines([{"it": sample.shown, "other": None}]).encode())
    cell, nothing = record.cells
    assert nothing is None
    assert cell is not None
    # What is read may be a text where a number was: it means the same to the field.
    kind = type_of(field)
    if field.type == "hash" or sample.shown is None:
        return
    assert kind.parse(reader_of(field)(cell), field) == kind.parse(sample.shown, field)


async def test_great_objects_are_not_gathered() -> None:
    collection = Collection(name="boxes", managed=True, fields={})
    schema = Schema({"boxes": collection}, (), {}, {})
    line = json.dumps({"a": "x" * 5_000_000}).encode() + b"\n"
    file = io.BytesIO(line * 5)
    parts = [len(part) async for part in rows_of(file, Format.JSON, collection, schema)]
    assert parts == [2, 2, 1]
