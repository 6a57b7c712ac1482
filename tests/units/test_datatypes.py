"""Datatypes by every spelling, their lengths, and what native types mean on each database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from conductus.database.column_types import ColumnRequest, planned_column
from conductus.database.datatypes import (
    DATATYPES,
    DEFAULT_SHAPES,
    LengthRule,
    Shape,
    listed_values,
    precision_scale,
    shape,
)
from conductus.database.ddl.conversion import fits, widening
from conductus.database.ddl.elements import check_identifier, made_name
from conductus.database.ddl.sqlite_definition import parse, unquoted, words
from conductus.database.dialect import Name
from conductus.database.introspection.defaults import (
    Default,
    mariadb_default,
    mysql_default,
    postgresql_default,
    sqlite_default,
)
from conductus.database.native_types import (
    NativeType,
    mysql_type,
    postgresql_type,
    sqlite_type,
    without_sign,
)
from conductus.errors import ApiError
from conductus.schema.model import Column, Kind
from conductus.schema.types import FIELD_TYPES

# -- spellings ------------------------------------------------------------------------------

SPELLINGS: list[tuple[str, Any, Shape]] = [
    ("VARCHAR", 100, Shape("VARCHAR", "100")),
    ("varchar", "100", Shape("VARCHAR", "100")),
    ("character varying", 100, Shape("VARCHAR", "100")),
    ("Character  Varying(20)", None, Shape("VARCHAR", "20")),
    ("varchar(20)", "30", Shape("VARCHAR", "30")),
    ("INT", 11, Shape("INT", "11")),
    ("INT", None, Shape("INT")),
    ("INT", "x", Shape("INT")),
    ("integer", "", Shape("INT")),
    ("int8", None, Shape("BIGINT")),
    ("numeric", "10,2", Shape("DECIMAL", "10,2")),
    ("DECIMAL", "10, 2", Shape("DECIMAL", "10,2")),
    ("DECIMAL", 10, Shape("DECIMAL", "10,0")),
    ("double precision", None, Shape("DOUBLE")),
    ("bool", 1, Shape("BOOLEAN", "1")),
    ("timestamptz", None, Shape("TIMESTAMP")),
    ("timestamp without time zone", None, Shape("DATETIME")),
    ("jsonb", None, Shape("JSON")),
    ("bytea", None, Shape("BLOB")),
    ("enum", "'a','it''s'", Shape("ENUM", "'a','it''s'")),
]


@pytest.mark.parametrize(("datatype", "length", "expected"), SPELLINGS)
def test_both_spellings_are_taken(datatype: str, length: Any, expected: Shape) -> None:
    assert shape(datatype, length) == expected


@pytest.mark.parametrize("datatype", sorted(DATATYPES))
def test_a_length_is_needed_refused_or_ignored(datatype: str) -> None:
    match DATATYPES[datatype]:
        case LengthRule.NEEDED:
            assert refusal(datatype, None) == (402, 422)
        case LengthRule.REFUSED:
            assert refusal(datatype, "5") == (403, 422)
            assert shape(datatype, "") == Shape(datatype)
        case LengthRule.IGNORED:
            assert shape(datatype, "5").datatype == shape(datatype, None).datatype


@pytest.mark.parametrize(
    ("datatype", "length", "code"),
    [
        ("X", None, 12),
        ("", None, 12),
        ("INT; DROP TABLE x", None, 12),
        ("VARCHAR", "0", 4),
        ("VARCHAR", "-1", 4),
        ("VARCHAR", "10,2", 4),
        ("VARCHAR", "9999999999", 4),
        ("DECIMAL", "2,10", 4),
        ("DECIMAL", "66", 4),
        ("DECIMAL", "x", 4),
        ("ENUM", "a,b", 4),
        ("ENUM", "'a');--", 4),
    ],
)
def test_nonsense_is_refused(datatype: str, length: str | None, code: int) -> None:
    assert refusal(datatype, length) == (code, 422)


def refusal(datatype: str, length: Any) -> tuple[int, int]:
    with pytest.raises(ApiError) as caught:
        shape(datatype, length)
    return caught.value.code, caught.value.status


def test_every_type_with_a_column_has_a_default() -> None:
    assert set(DEFAULT_SHAPES) == {name for name, type in FIELD_TYPES.items() if not type.alias}


def test_parts_of_a_length() -> None:
    assert precision_scale("10,2") == (10, 2)
    assert precision_scale("10") == (10, 0)
    assert precision_scale(None) is None
    assert listed_values("'a','it''s',''") == ("a", "it's", "")


# -- native types ---------------------------------------------------------------------------

SQLITE = [
    ("INTEGER", NativeType(Kind.INTEGER, "INT", "11", wide=True)),
    ("INT", NativeType(Kind.INTEGER, "INT", "11")),
    ("INT(5) UNSIGNED", NativeType(Kind.INTEGER, "INT", "5", signed=False)),
    ("tinyint(1)", NativeType(Kind.BOOLEAN, "TINYINT", "1")),
    ("bool", NativeType(Kind.BOOLEAN, "TINYINT", "1")),
    ("DECIMAL_TEXT(10,2)", NativeType(Kind.DECIMAL_TEXT, "DECIMAL", "10,2")),
    ("NUMERIC(10, 2)", NativeType(Kind.DECIMAL, "DECIMAL", "10,2")),
    ("NVARCHAR(160)", NativeType(Kind.TEXT, "VARCHAR", "160")),
    ("character varying (20)", NativeType(Kind.TEXT, "VARCHAR", "20")),
    ("clob", NativeType(Kind.TEXT, "TEXT")),
    ("double precision", NativeType(Kind.FLOAT, "DOUBLE")),
    ("JSON_TEXT", NativeType(Kind.JSON, "JSON")),
    ("DATETIME", NativeType(Kind.DATETIME, "DATETIME")),
    ("VARBINARY(16)", NativeType(Kind.BINARY, "BLOB")),
    ("UNSIGNED BIG INT", NativeType(Kind.INTEGER, "BIGINT", "20")),
    ("", NativeType(Kind.OPAQUE, "TEXT")),
    ("geometry", NativeType(Kind.OPAQUE, "TEXT")),
]
MYSQL = [
    ("int(11)", NativeType(Kind.INTEGER, "INT", "11")),
    ("int", NativeType(Kind.INTEGER, "INT", "11")),
    ("int(10) unsigned", NativeType(Kind.INTEGER, "INT", "10", signed=False)),
    ("bigint(20) unsigned zerofill", NativeType(Kind.INTEGER, "BIGINT", "20", signed=False)),
    ("tinyint(1)", NativeType(Kind.BOOLEAN, "TINYINT", "1")),
    ("tinyint(4)", NativeType(Kind.INTEGER, "TINYINT", "4")),
    ("float unsigned", NativeType(Kind.SINGLE, "FLOAT", signed=False)),
    ("float(7,2)", NativeType(Kind.SINGLE, "FLOAT", "7,2")),
    ("double", NativeType(Kind.FLOAT, "DOUBLE")),
    ("year(4)", NativeType(Kind.INTEGER, "YEAR")),
    ("decimal(10,2) unsigned", NativeType(Kind.DECIMAL, "DECIMAL", "10,2", signed=False)),
    ("enum('a','b (c)')", NativeType(Kind.TEXT, "ENUM", "'a','b (c)'")),
    ("datetime(6)", NativeType(Kind.DATETIME, "DATETIME")),
    ("timestamp", NativeType(Kind.DATETIME, "TIMESTAMP")),
    ("longtext", NativeType(Kind.TEXT, "LONGTEXT")),
    ("json", NativeType(Kind.JSON, "JSON")),
    ("bit(8)", NativeType(Kind.BINARY, "BIT", "8")),
    ("inet6", NativeType(Kind.OPAQUE, "TEXT")),
    ("point", NativeType(Kind.OPAQUE, "TEXT")),
]
POSTGRESQL = [
    ("integer", NativeType(Kind.INTEGER, "INT", "11")),
    ("smallint", NativeType(Kind.INTEGER, "SMALLINT", "6")),
    ("boolean", NativeType(Kind.BOOLEAN, "TINYINT", "1")),
    ("character varying(100)", NativeType(Kind.TEXT, "VARCHAR", "100")),
    ("character varying", NativeType(Kind.TEXT, "TEXT")),
    ("character(3)", NativeType(Kind.TEXT, "CHAR", "3")),
    ("numeric(10,2)", NativeType(Kind.DECIMAL, "DECIMAL", "10,2")),
    ("numeric", NativeType(Kind.DECIMAL, "DECIMAL")),
    ("real", NativeType(Kind.SINGLE, "FLOAT")),
    ("timestamp(3) without time zone", NativeType(Kind.DATETIME, "DATETIME")),
    ("timestamp with time zone", NativeType(Kind.DATETIME_ZONE, "TIMESTAMP")),
    ("time with time zone", NativeType(Kind.OPAQUE, "TEXT")),
    ("text[]", NativeType(Kind.TEXT_ARRAY, "TEXT")),
    ("character varying(9)[]", NativeType(Kind.TEXT_ARRAY, "TEXT")),
    ("integer[]", NativeType(Kind.OPAQUE, "TEXT")),
    ("uuid", NativeType(Kind.UUID, "CHAR", "36")),
    ("bytea", NativeType(Kind.BINARY, "BLOB")),
    ("inet", NativeType(Kind.OPAQUE, "TEXT")),
    ("interval day to second(2)", NativeType(Kind.OPAQUE, "TEXT")),
    ('public."My Type"', NativeType(Kind.OPAQUE, "TEXT")),
]


@pytest.mark.parametrize(("native", "expected"), SQLITE)
def test_types_of_sqlite(native: str, expected: NativeType) -> None:
    assert sqlite_type(native) == expected


@pytest.mark.parametrize(("native", "expected"), MYSQL)
def test_types_of_mysql(native: str, expected: NativeType) -> None:
    assert mysql_type(native) == expected


@pytest.mark.parametrize(("native", "expected"), POSTGRESQL)
def test_types_of_postgresql(native: str, expected: NativeType) -> None:
    assert postgresql_type(native) == expected


def test_an_enumeration_of_postgresql_names_its_values() -> None:
    found = postgresql_type("mood", ("sad", "it's"))
    assert found == NativeType(Kind.OPAQUE, "ENUM", "'sad','it''s'")


def test_an_integer_without_sign_is_as_wide_as_one_of_mysql() -> None:
    assert without_sign(sqlite_type("INT")) == mysql_type("int(10) unsigned")


# -- new columns ----------------------------------------------------------------------------

PLANNED: list[tuple[Name, str, Shape, dict[str, Any], str]] = [
    ("mysql", "boolean", Shape("TINYINT", "1"), {}, "TINYINT(1)"),
    ("postgresql", "boolean", Shape("TINYINT", "1"), {}, "BOOLEAN"),
    ("sqlite", "boolean", Shape("TINYINT", "1"), {}, "BOOLEAN"),
    ("mysql", "integer", Shape("TINYINT", "1"), {}, "TINYINT(4)"),
    ("mysql", "uuid", Shape("UUID"), {}, "CHAR(36)"),
    ("postgresql", "uuid", Shape("CHAR", "36"), {}, "UUID"),
    ("postgresql", "string", Shape("CHAR", "36"), {}, "CHAR(36)"),
    ("sqlite", "decimal", Shape("DECIMAL", "10,2"), {}, "DECIMAL_TEXT(10,2)"),
    ("mysql", "integer", Shape("INT", "11"), {"signed": False}, "INTEGER(11) UNSIGNED"),
    ("postgresql", "integer", Shape("INT", "11"), {"signed": False}, "INTEGER"),
    ("sqlite", "json", Shape("JSON"), {}, "JSON_TEXT"),
    (
        "sqlite",
        "integer",
        Shape("BIGINT"),
        {"primary_key": True, "auto_increment": True},
        "INTEGER",
    ),
    ("postgresql", "string", Shape("ENUM", "'a','long'"), {}, "VARCHAR(4)"),
]


@pytest.mark.parametrize(("database", "type", "wanted", "facts", "native"), PLANNED)
def test_a_new_column_is_spelled(
    database: Name, type: str, wanted: Shape, facts: dict[str, Any], native: str
) -> None:
    assert planned(database, type, wanted, **facts).native == native


@pytest.mark.parametrize(("database", "length"), [("mysql", 16_384), ("postgresql", 20_000_000)])
def test_a_length_over_the_limit_is_refused(database: Name, length: int) -> None:
    with pytest.raises(ApiError) as caught:
        planned(database, "string", Shape("VARCHAR", str(length)))
    assert (caught.value.code, caught.value.status) == (4, 422)


def planned(database: Name, type: str, wanted: Shape, **facts: Any) -> Column:
    return planned_column(database, ColumnRequest(name="c", type=type, shape=wanted, **facts))


# -- defaults -------------------------------------------------------------------------------

NO_DEFAULT, EXPRESSION = Default(), Default(present=True)


def literal(value: Any) -> Default:
    return Default(present=True, value=value)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        (None, Kind.TEXT, NO_DEFAULT),
        ("NULL", Kind.TEXT, NO_DEFAULT),
        ("'it''s'", Kind.TEXT, literal("it's")),
        ('"draft"', Kind.TEXT, literal("draft")),
        ("0", Kind.INTEGER, literal(0)),
        ("(-1)", Kind.INTEGER, literal(-1)),
        ("TRUE", Kind.BOOLEAN, literal(True)),
        ("0", Kind.BOOLEAN, literal(False)),
        ("'1.50'", Kind.DECIMAL_TEXT, literal(Decimal("1.50"))),
        ("x'00ff'", Kind.BINARY, literal(b"\x00\xff")),
        ("CURRENT_TIMESTAMP", Kind.DATETIME, EXPRESSION),
        ("(abs(-1) + (2))", Kind.INTEGER, EXPRESSION),
        ("'x'", Kind.INTEGER, EXPRESSION),
    ],
)
def test_defaults_of_sqlite(text: str | None, kind: Kind, expected: Default) -> None:
    assert sqlite_default(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("'draft'::character varying", Kind.TEXT, literal("draft")),
        ("'a::b'::text", Kind.TEXT, literal("a::b")),
        ("NULL::character varying", Kind.TEXT, NO_DEFAULT),
        ("0", Kind.INTEGER, literal(0)),
        ("'-7'::integer", Kind.INTEGER, literal(-7)),
        ("1.50", Kind.DECIMAL, literal(Decimal("1.50"))),
        ("true", Kind.BOOLEAN, literal(True)),
        ("'{}'::text[]", Kind.TEXT_ARRAY, literal([])),
        ("'\\x00ff'::bytea", Kind.BINARY, literal(b"\x00\xff")),
        ("now()", Kind.DATETIME, EXPRESSION),
        ("nextval('c_id_seq'::regclass)", Kind.INTEGER, EXPRESSION),
        ("('a'::text || 'b'::text)", Kind.TEXT, EXPRESSION),
    ],
)
def test_defaults_of_postgresql(text: str, kind: Kind, expected: Default) -> None:
    assert postgresql_default(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("NULL", Kind.TEXT, NO_DEFAULT),
        ("'NULL'", Kind.TEXT, literal("NULL")),
        (r"'it\'s \\ so'", Kind.TEXT, literal("it's \\ so")),
        ("0", Kind.BOOLEAN, literal(False)),
        ("current_timestamp()", Kind.DATETIME, EXPRESSION),
        ("'2031-02-03'", Kind.DATE, literal("2031-02-03")),
    ],
)
def test_defaults_of_mariadb(text: str, kind: Kind, expected: Default) -> None:
    assert mariadb_default(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "expression", "expected"),
    [
        (None, False, NO_DEFAULT),
        ("draft", False, literal("draft")),
        ("CURRENT_TIMESTAMP", False, EXPRESSION),
        (r"_utf8mb4\'x\'", True, literal("x")),
        ("uuid()", True, EXPRESSION),
    ],
)
def test_defaults_of_mysql(text: str | None, expression: bool, expected: Default) -> None:
    assert mysql_default(text, Kind.TEXT, expression=expression) == expected


# -- what fits ------------------------------------------------------------------------------

FITTING: list[tuple[str, Any, str, Shape, bool]] = [
    ("string", "12", "integer", Shape("INT"), True),
    ("string", "2147483647", "integer", Shape("INT"), True),
    ("string", "2147483648", "integer", Shape("INT"), False),
    ("string", " 12", "integer", Shape("INT"), False),
    ("string", "1e3", "integer", Shape("INT"), False),
    ("string", "12.0", "integer", Shape("INT"), True),
    ("string", "12.5", "integer", Shape("INT"), False),
    ("string", "99.99", "decimal", Shape("DECIMAL", "4,2"), True),
    ("string", "100.00", "decimal", Shape("DECIMAL", "4,2"), False),
    ("string", "1.005", "decimal", Shape("DECIMAL", "4,2"), False),
    ("string", "2", "boolean", Shape("BOOLEAN"), False),
    ("string", "Größe", "string", Shape("VARCHAR", "5"), True),
    ("string", "Größen", "string", Shape("VARCHAR", "5"), False),
    ("string", "2031-02-30", "date", Shape("DATE"), False),
    ("string", "2031-02-28", "date", Shape("DATE"), True),
    ("datetime", "2031-02-28 00:00:01", "date", Shape("DATE"), False),
    ("string", "2031-02-28T04:05:06+02:00", "datetime", Shape("DATETIME"), False),
    ("string", "{", "json", Shape("JSON"), False),
    ("string", "not-a-uuid", "uuid", Shape("UUID"), False),
    ("binary", b"x", "string", Shape("TEXT"), False),
    ("string", "x", "binary", Shape("BLOB"), False),
    ("datetime", "2031-02-28 00:00:01", "time", Shape("TIME"), False),
    ("string", "b", "string", Shape("ENUM", "'a'"), False),
]


@pytest.mark.parametrize(("old", "value", "new", "wanted", "expected"), FITTING)
def test_what_fits_a_new_type(
    old: str, value: Any, new: str, wanted: Shape, expected: bool
) -> None:
    after = planned("mysql", new, wanted)
    # UUIDs are kept in CHAR(36) there, which takes any text of that length.
    after = planned("postgresql", new, wanted) if new == "uuid" else after
    assert fits(value, planned("mysql", old, DEFAULT_SHAPES[old]), after) is expected


WIDENINGS: list[tuple[Name, Shape, bool, Shape, bool, bool]] = [
    ("mysql", Shape("INT"), True, Shape("BIGINT"), True, True),
    ("mysql", Shape("BIGINT"), True, Shape("INT"), True, False),
    ("mysql", Shape("INT"), True, Shape("INT"), False, False),
    ("mysql", Shape("INT"), False, Shape("BIGINT"), True, True),
    ("mysql", Shape("INT"), False, Shape("INT"), True, False),
    ("mysql", Shape("VARCHAR", "10"), True, Shape("VARCHAR", "20"), True, True),
    ("mysql", Shape("VARCHAR", "20"), True, Shape("VARCHAR", "10"), True, False),
    ("mysql", Shape("VARCHAR", "20"), True, Shape("TEXT"), True, True),
    ("mysql", Shape("LONGTEXT"), True, Shape("TEXT"), True, False),
    ("sqlite", Shape("VARCHAR", "10"), True, Shape("VARCHAR", "20"), True, False),
    ("postgresql", Shape("DECIMAL", "4,2"), True, Shape("DECIMAL", "6,3"), True, True),
    ("postgresql", Shape("DECIMAL", "4,2"), True, Shape("DECIMAL", "5,4"), True, False),
    ("postgresql", Shape("DATE"), True, Shape("DATETIME"), True, False),
]


@pytest.mark.parametrize(("database", "old", "s1", "new", "s2", "expected"), WIDENINGS)
def test_which_changes_look_at_no_row(
    database: Name, old: Shape, s1: bool, new: Shape, s2: bool, expected: bool
) -> None:
    before = planned(database, "string", old, signed=s1)
    after = planned(database, "string", new, signed=s2)
    assert widening(database, before, after) is expected


# -- names and definitions ------------------------------------------------------------------


def test_made_names_are_short_and_differ() -> None:
    long = made_name("t" * 64, "c" * 64, "unique")
    assert made_name("t", "c", "unique") == "t_c_unique"
    assert len(long.encode()) <= 60
    assert long != made_name("t" * 64, "c" * 63 + "d", "unique")


def test_a_name_that_would_be_cut_off_is_refused() -> None:
    check_identifier("mysql", "field", "x" * 64)
    with pytest.raises(ApiError) as caught:
        check_identifier("postgresql", "field", "x" * 64)
    assert caught.value.code == 4


def test_a_definition_is_read_clause_by_clause() -> None:
    found = parse(
        """CREATE TABLE "a (b" ( -- a ( comment
        id INTEGER PRIMARY KEY AUTOINCREMENT, [odd, name] VARCHAR(20) COLLATE NOCASE DEFAULT 'x,)'
          NOT NULL, n NUMERIC(4, 2) CONSTRAINT pos CHECK (n > 0) DEFAULT (1 + 2), /* , */
        o REFERENCES x(y) ON DELETE SET NULL NOT DEFERRABLE UNIQUE,
        g INT GENERATED ALWAYS AS (n * 2) STORED,
        UNIQUE (n, o), CONSTRAINT c FOREIGN KEY (o) REFERENCES x (y)) WITHOUT ROWID"""
    )
    columns = {column.name: column for column in found.columns}
    assert list(columns) == ["id", "odd, name", "n", "o", "g"]
    assert columns["odd, name"].type == "VARCHAR(20)"
    assert [clause.keyword for clause in columns["odd, name"].clauses] == [
        "COLLATE",
        "DEFAULT",
        "NOT",
    ]
    assert [clause.text for clause in columns["n"].clauses] == [
        "CONSTRAINT pos CHECK (n > 0)",
        "DEFAULT (1 + 2)",
    ]
    assert [clause.text for clause in columns["o"].clauses] == [
        "REFERENCES x(y) ON DELETE SET NULL NOT DEFERRABLE",
        "UNIQUE",
    ]
    assert columns["g"].clauses[0].text == "GENERATED ALWAYS AS (n * 2) STORED"
    assert found.constraints == (
        "UNIQUE (n, o)",
        "CONSTRAINT c FOREIGN KEY (o) REFERENCES x (y)",
    )
    assert found.options == "WITHOUT ROWID"


def test_words_of_a_clause() -> None:
    assert words("CHECK (\"A\" <> 'b' AND [c d] > `e`)") == (
        "check", "(", "a", "<", ">", "and", "c d", ">", "e", ")",
    )  # fmt: skip
    assert unquoted('"a""b"') == 'a"b'
