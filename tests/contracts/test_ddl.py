"""Tables are made, changed and dropped alike on every database, and nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import structs

from conductus.database.column_types import ColumnRequest, planned_column
from conductus.database.datatypes import DATATYPES, DEFAULT_SHAPES, LengthRule, shape
from conductus.database.ddl import (
    ColumnChange,
    Reference,
    TableChange,
    schema_editor,
)
from conductus.database.executor import Database
from conductus.database.introspection import Table, introspect, introspect_within
from conductus.errors import DuplicateValue, Unprocessable, ValidationFailed
from conductus.schema.model import Column
from tests.opening import opened

NAMES = ("plain", "With Blank", 'quo"te', "tick`s", "Größe 你", "per%cent", "select", "a.b", "it's")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as one:
        yield one


def request(name: str, type: str, **facts: Any) -> ColumnRequest:
    return ColumnRequest(name=name, type=type, shape=DEFAULT_SHAPES[type], **facts)


def column(database: Database, name: str, type: str, **facts: Any) -> Column:
    return planned_column(database.dialect.name, request(name, type, **facts))


def spelled(
    database: Database, name: str, datatype: str, length: Any = None, **facts: Any
) -> Column:
    wanted = ColumnRequest(name=name, type="string", shape=shape(datatype, length), **facts)
    return planned_column(database.dialect.name, wanted)


def key(database: Database, name: str = "id") -> Column:
    return column(database, name, "integer", primary_key=True, auto_increment=True)


async def make(database: Database, name: str, *columns: Column) -> None:
    async with database.schema_transaction() as transaction:
        await schema_editor(database.dialect).create_table(transaction, name, columns)


async def found(database: Database, name: str) -> Table:
    (table,) = [table for table in await introspect(database) if table.name == name]
    return table


async def change(database: Database, name: str, **changes: Any) -> None:
    async with database.schema_transaction() as transaction:
        every = await introspect_within(transaction, database.dialect)
        (table,) = [table for table in every if table.name == name]
        await schema_editor(database.dialect).change_table(
            transaction, table, TableChange(**changes)
        )


async def put(database: Database, table: Table, *rows: dict[str, Any]) -> None:
    dialect = database.dialect
    async with database.transaction() as transaction:
        for row in rows:
            clause = clause_of(database, table)
            statement = dialect.compile(
                sa.insert(clause).values(
                    {
                        clause.c[name]: sa.bindparam(
                            f"p{place}", type_=clause.c[name].type, unique=False
                        )
                        for place, name in enumerate(row)
                    }
                )
            )
            values = {
                f"p{place}": bound(database, table, *pair) for place, pair in enumerate(row.items())
            }
            await transaction.execute(statement.sql, statement.values(values))


def bound(database: Database, table: Table, name: str, value: Any) -> Any:
    facts = table.column(name)
    assert facts is not None
    bind = database.dialect.binder(facts.kind)
    return bind(value) if bind and value is not None else value


def clause_of(database: Database, table: Table) -> sa.TableClause:
    return sa.table(
        sa.quoted_name(table.name, quote=True),
        *(
            sa.column(sa.quoted_name(one.name, quote=True), database.dialect.type(one.kind))
            for one in table.columns
        ),
    )


async def values(database: Database, table: Table, name: str) -> list[Any]:
    facts = table.column(name)
    assert facts is not None
    clause = clause_of(database, table)
    statement = database.dialect.compile(
        sa.select(database.dialect.readable(clause.c[name], facts.kind)).order_by(
            clause.c[table.primary_key[0]]
        )
    )
    load = database.dialect.loader(facts.kind)
    rows = await database.fetch(statement.sql, statement.values({}))
    return [load(row[0]) if load else row[0] for row in rows]


async def count(database: Database, sql: str) -> Any:
    return (await database.fetch(sql))[0][0]


# -- creating -------------------------------------------------------------------------------


@pytest.mark.parametrize("type", sorted(DEFAULT_SHAPES))
async def test_what_is_planned_is_what_is_found(database: Database, type: str) -> None:
    planned = column(database, "value", type)
    await make(database, "t", key(database), planned)
    table = await found(database, "t")
    assert alike(table.column("value")) == alike(planned)
    assert alike(table.column("id")) == alike(key(database))
    assert table.primary_key == ("id",)


async def test_every_datatype_is_found_as_it_was_planned(database: Database) -> None:
    lengths = {"DECIMAL": "12,3", "ENUM": "'a','it''s'", "SET": "'a','b'"}
    columns = [
        spelled(
            database,
            f"c_{datatype}",
            datatype,
            lengths.get(datatype, "20") if rule is LengthRule.NEEDED else None,
        )
        for datatype, rule in DATATYPES.items()
    ]
    await make(database, "t", key(database), *columns)
    table = await found(database, "t")
    assert [alike(table.column(one.name)) for one in columns] == [alike(one) for one in columns]


@pytest.mark.parametrize("datatype", ["TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"])
async def test_unsigned_refuses_what_is_below_zero(database: Database, datatype: str) -> None:
    planned = spelled(database, "n", datatype, signed=False)
    await make(database, "t", key(database), planned)
    table = await found(database, "t")
    assert alike(table.column("n")) == alike(planned)
    assert not planned.signed
    await put(database, table, {"n": 1})
    with pytest.raises(Unprocessable):
        await put(database, table, {"n": -1})


def alike(one: Column | None) -> Column | None:
    """The column without the spelling, which the catalogue may put otherwise."""
    return one and structs.replace(one, native="")


DEFAULTS: list[tuple[str, Any]] = [
    ("string", "draft"),
    ("string", 'it\'s 100% \\ "so"'),
    ("string", ""),
    ("integer", 7),
    ("integer", -7),
    ("decimal", Decimal("1.50")),
    ("boolean", True),
    ("boolean", False),
    ("date", "2031-02-03"),
    ("time", "04:05:06"),
    ("datetime", "2031-02-03 04:05:06"),
]


@pytest.mark.parametrize(("type", "default"), DEFAULTS)
async def test_defaults_are_kept_and_found(database: Database, type: str, default: Any) -> None:
    await make(database, "t", key(database), column(database, "v", type, default=default))
    table = await found(database, "t")
    facts = table.column("v")
    assert facts is not None
    assert (facts.default, facts.has_default) == (default, True)
    await put(database, table, {"id": 1})
    assert await values(database, table, "v") == [default]


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_is_quoted(database: Database, name: str) -> None:
    await make(
        database,
        name,
        key(database, name),
        column(database, f"{name}2", "string", unique=True, default=name),
        spelled(database, f"{name}3", "INT", signed=False),
    )
    await change(
        database,
        name,
        renamed=((f"{name}2", f"{name} two"),),
        added=(column(database, f"{name}4", "date"),),
    )
    table = await found(database, name)
    assert [one.name for one in table.columns] == [name, f"{name} two", f"{name}3", f"{name}4"]
    assert table.unique_keys == ((f"{name} two",),)
    await change(database, name, dropped=(f"{name} two", f"{name}3"))
    table = await found(database, name)
    assert [one.name for one in table.columns] == [name, f"{name}4"]
    async with database.schema_transaction() as transaction:
        await schema_editor(database.dialect).drop_table(transaction, name)
    assert await introspect(database) == ()


# -- changing -------------------------------------------------------------------------------


async def test_a_change_keeps_every_row(database: Database) -> None:
    await make(
        database,
        "t",
        key(database),
        column(database, "a", "string"),
        column(database, "b", "string", unique=True),
    )
    table = await found(database, "t")
    await put(database, table, {"a": "12", "b": "x"}, {"a": None, "b": "y"})
    before = table.column("a")
    assert before is not None
    after = structs.replace(
        column(database, "a", "integer"), nullable=True, default=3, has_default=True
    )
    await change(
        database,
        "t",
        changed=(ColumnChange(before, after),),
        added=(column(database, "c", "string", default="new", nullable=False),),
    )
    table = await found(database, "t")
    assert alike(table.column("a")) == alike(after)
    assert await values(database, table, "a") == [12, None]
    assert await values(database, table, "b") == ["x", "y"]
    assert await values(database, table, "c") == ["new", "new"]
    assert table.unique_keys == (("b",),)
    await put(database, table, {"b": "z"})
    assert await values(database, table, "id") == [1, 2, 3]
    assert await values(database, table, "a") == [12, None, 3]


CONVERSIONS: list[tuple[str, list[Any], str, list[Any]]] = [
    ("string", ["1", "-20", None], "integer", [1, -20, None]),
    ("integer", [1, -20], "string", ["1", "-20"]),
    ("string", ["1.50", "20"], "decimal", [Decimal("1.50"), Decimal("20")]),
    ("decimal", [Decimal("1.50"), Decimal("2.00")], "string", ["1.50", "2.00"]),
    ("decimal", [Decimal("3.00")], "integer", [3]),
    ("integer", [3], "decimal", [Decimal(3)]),
    ("boolean", [True, False], "string", ["1", "0"]),
    ("boolean", [True, False], "integer", [1, 0]),
    ("integer", [1, 0], "boolean", [True, False]),
    ("string", ["1", "0"], "boolean", [True, False]),
    ("date", ["2031-02-03"], "datetime", ["2031-02-03 00:00:00"]),
    ("datetime", ["2031-02-03 00:00:00"], "date", ["2031-02-03"]),
    ("string", ["2031-02-03"], "date", ["2031-02-03"]),
    ("date", ["2031-02-03"], "string", ["2031-02-03"]),
    ("string", ["04:05:06"], "time", ["04:05:06"]),
    ("time", ["04:05:06"], "string", ["04:05:06"]),
    ("string", ["2031-02-03 04:05:06"], "datetime", ["2031-02-03 04:05:06"]),
    ("datetime", ["2031-02-03 04:05:06"], "string", ["2031-02-03 04:05:06"]),
    ("string", ['{"a":1}'], "json", ['{"a":1}']),
    (
        "string",
        ["0f8fad5b-d9cb-469f-a165-70867728950e"],
        "uuid",
        ["0f8fad5b-d9cb-469f-a165-70867728950e"],
    ),
]


@pytest.mark.parametrize(("old", "stored", "new", "expected"), CONVERSIONS)
async def test_values_are_converted(
    database: Database, old: str, stored: list[Any], new: str, expected: list[Any]
) -> None:
    await make(database, "t", key(database), column(database, "v", old))
    table = await found(database, "t")
    await put(database, table, *({"v": value} for value in stored))
    before, after = table.column("v"), column(database, "v", new)
    assert before is not None
    await change(database, "t", changed=(ColumnChange(before, after),))
    table = await found(database, "t")
    assert alike(table.column("v")) == alike(after)
    got = await values(database, table, "v")
    assert [one.replace(" ", "") if new == "json" else one for one in got] == expected


async def test_unique_comes_and_goes(database: Database) -> None:
    await make(database, "t", key(database), column(database, "v", "string"))
    table = await found(database, "t")
    await put(database, table, {"v": "x"}, {"v": "y"})
    plain = table.column("v")
    assert plain is not None
    unique = structs.replace(plain, unique=True)
    await change(database, "t", changed=(ColumnChange(plain, unique),))
    table = await found(database, "t")
    assert table.unique_keys == (("v",),)
    with pytest.raises(DuplicateValue):
        await put(database, table, {"v": "x"})
    await change(database, "t", changed=(ColumnChange(unique, plain),))
    table = await found(database, "t")
    assert table.unique_keys == ()
    await put(database, table, {"v": "x"})


async def test_not_null_and_sign_come_and_go(database: Database) -> None:
    await make(database, "t", key(database), column(database, "v", "integer"))
    table = await found(database, "t")
    before = table.column("v")
    assert before is not None
    strict = structs.replace(column(database, "v", "integer", signed=False), nullable=False)
    await change(database, "t", changed=(ColumnChange(before, strict),))
    table = await found(database, "t")
    assert alike(table.column("v")) == alike(strict)
    with pytest.raises(ValidationFailed):
        await put(database, table, {"v": None})
    with pytest.raises(Unprocessable):
        await put(database, table, {"v": -1})
    found_strict = table.column("v")
    assert found_strict is not None
    await change(
        database, "t", changed=(ColumnChange(found_strict, column(database, "v", "integer")),)
    )
    table = await found(database, "t")
    assert alike(table.column("v")) == alike(before)
    await put(database, table, {"v": -1}, {"v": None})


async def test_a_failing_change_changes_nothing(database: Database) -> None:
    await make(database, "t", key(database), column(database, "v", "string"))
    table = await found(database, "t")
    await put(database, table, {"v": "x"}, {"v": "x"})
    before = table.column("v")
    assert before is not None
    with pytest.raises(DuplicateValue):
        await change(
            database,
            "t",
            added=(column(database, "w", "string"),),
            changed=(ColumnChange(before, structs.replace(before, unique=True)),),
        )
    assert await found(database, "t") == table
    assert await values(database, table, "v") == ["x", "x"]


async def test_a_reference_is_kept_by_the_database(database: Database) -> None:
    await make(database, "one", key(database))
    await make(database, "many", key(database), column(database, "one", "m2o"))
    async with database.schema_transaction() as transaction:
        await schema_editor(database.dialect).add_reference(
            transaction,
            Reference(
                table="many",
                column="one",
                referred_table="one",
                referred_column="id",
                on_delete="cascade",
            ),
        )
    many = await found(database, "many")
    (made,) = many.foreign_keys
    assert (made.columns, made.table, made.referred_columns) == (("one",), "one", ("id",))
    with pytest.raises(Unprocessable):
        await put(database, many, {"one": 5})
    await change(database, "many", dropped=("one",))
    assert (await found(database, "many")).foreign_keys == ()


async def test_keys_are_not_given_out_twice_after_a_change(database: Database) -> None:
    await make(database, "t", key(database), column(database, "v", "string"))
    table = await found(database, "t")
    await put(database, table, {"v": "a"}, {"v": "b"})
    async with database.transaction() as transaction:
        await transaction.execute("DELETE FROM t WHERE id = 2")
    await change(database, "t", dropped=("v",), added=(column(database, "w", "string"),))
    table = await found(database, "t")
    await put(database, table, {"w": "c"})
    assert await values(database, table, "id") == [1, 3]


# -- what a change must not touch -----------------------------------------------------------


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_sqlite_keeps_what_a_change_does_not_touch(database: Database) -> None:
    async with database.schema_transaction() as transaction:
        for statement in (
            "CREATE TABLE one (id INTEGER PRIMARY KEY)",
            "CREATE TABLE log (what TEXT)",
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key, (of course)\n"
            " a TEXT COLLATE NOCASE CHECK (a <> 'bad'), b TEXT, c TEXT DEFAULT (lower('C')),"
            " one INTEGER REFERENCES one (id) ON DELETE CASCADE, d INT AS (id * 2),"
            " CONSTRAINT both UNIQUE (a, c))",
            "CREATE INDEX of_c ON t (c) WHERE c IS NOT NULL",
            "CREATE TRIGGER logs AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END",
            "CREATE VIEW seen AS SELECT a FROM t",
            "INSERT INTO t (a, b) VALUES ('x', '1')",
        ):
            await transaction.execute(statement)
    table = await found(database, "t")
    before = table.column("b")
    assert before is not None
    after = structs.replace(column(database, "b", "integer"), nullable=False)
    await change(database, "t", changed=(ColumnChange(before, after),))
    (sql,) = await database.fetch("SELECT sql FROM sqlite_master WHERE name = 't'")
    for kept in ("COLLATE NOCASE", "CHECK (a <> 'bad')", "ON DELETE CASCADE", "AS (id * 2)"):
        assert kept in sql[0]
    changed = await found(database, "t")
    assert alike(changed.column("b")) == alike(after)
    assert changed.foreign_keys == table.foreign_keys
    assert changed.unique_keys == (("a", "c"),)
    assert await values(database, changed, "c") == ["c"]
    await put(database, changed, {"a": "Y", "b": 2})
    assert await database.fetch("SELECT what FROM log") == [("x",), ("Y",)]
    assert len(await database.fetch("SELECT a FROM seen WHERE a = 'x'")) == 1
    assert await database.fetch("SELECT 1 FROM t WHERE a = 'y'") == [(1,)]
    names = await database.fetch("SELECT name FROM sqlite_master WHERE name LIKE 'of_c'")
    assert names == [("of_c",)]
    with pytest.raises(Unprocessable):
        await put(database, changed, {"a": "bad", "b": 3})


@pytest.mark.parametrize("driver", ["mysql"])
async def test_mysql_keeps_what_a_change_does_not_touch(database: Database) -> None:
    async with database.schema_transaction() as transaction:
        await transaction.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20) CHARACTER SET latin1"
            " COLLATE latin1_bin DEFAULT 'x' COMMENT 'it''s 100% so', m TIMESTAMP NOT NULL"
            " DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)".replace("%", "%%")
        )
    table = await found(database, "t")
    a, m = table.column("a"), table.column("m")
    assert a is not None
    assert m is not None
    await change(
        database,
        "t",
        changed=(
            ColumnChange(a, structs.replace(a, native="varchar(30)", length="30")),
            ColumnChange(m, structs.replace(m, nullable=True)),
        ),
    )
    ((_, sql),) = await database.fetch("SHOW CREATE TABLE t")
    for kept in ("latin1_bin", "'it''s 100% so'", "DEFAULT 'x'", "varchar(30)"):
        assert kept in sql
    assert "NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()" in sql


async def test_a_name_of_a_column_moves_with_its_index(database: Database) -> None:
    await make(database, "t", key(database), column(database, "a", "string", unique=True))
    before = (await found(database, "t")).column("a")
    assert before is not None
    await change(
        database,
        "t",
        changed=(ColumnChange(before, structs.replace(before, nullable=False)),),
        renamed=(("a", "b"),),
    )
    table = await found(database, "t")
    assert table.unique_keys == (("b",),)
    renamed = table.column("b")
    assert renamed is not None
    assert not renamed.nullable
