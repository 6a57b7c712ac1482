"""What is in a database is read alike on every one, whoever made it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from conductus.database.dialect import Name
from conductus.database.executor import Database
from conductus.database.introspection import ForeignKey, Table, introspect, introspect_within
from conductus.database.opening import open_database
from conductus.schema.model import Column, Kind
from tests.chinook import put_chinook
from tests.databases import fresh_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    try:
        yield opened
    finally:
        await opened.close()


async def run(database: Database, *statements: str) -> None:
    async with database.schema_transaction() as transaction:
        for statement in statements:
            await transaction.execute(statement)


async def tables(database: Database) -> dict[str, Table]:
    return {table.name: table for table in await introspect(database)}


def column(table: Table, name: str) -> Column:
    found = table.column(name)
    assert found is not None
    return found


# -- Chinook --------------------------------------------------------------------------------


async def chinook(driver: Name) -> dict[str, Table]:
    async with fresh_database(driver, "chinook") as url:
        await put_chinook(driver, url)
        database = await open_database(url)
        try:
            return await tables(database)
        finally:
            await database.close()


def plain_name(name: str) -> str:
    """One spelling for `InvoiceLine`, `invoice_line` and `InvoiceLineId`."""
    return name.replace("_", "").lower()


def outline(table: Table) -> object:
    """What must be the same of a table on every database."""
    return (
        plain_name(table.name),
        tuple(map(plain_name, table.primary_key)),
        sorted(
            (
                tuple(map(plain_name, key.columns)),
                plain_name(key.table),
                tuple(map(plain_name, key.referred_columns)),
            )
            for key in table.foreign_keys
        ),
        [
            (
                plain_name(one.name),
                one.kind,
                one.datatype,
                one.length,
                one.nullable,
                one.auto_increment,
                one.primary_key,
            )
            for one in table.columns
        ],
    )


async def test_chinook_is_the_same_everywhere(driver: Name) -> None:
    found = await chinook(driver)
    assert len(found) == 11
    assert sum(len(table.foreign_keys) for table in found.values()) == 11
    junction = next(t for t in found.values() if plain_name(t.name) == "playlisttrack")
    assert tuple(map(plain_name, junction.primary_key)) == ("playlistid", "trackid")
    assert not any(one.auto_increment for one in junction.columns)
    outlines = sorted(map(str, map(outline, found.values())))
    assert outlines == sorted(map(str, map(outline, (await chinook("sqlite")).values())))


# -- tables that nobody would make ----------------------------------------------------------


async def test_an_empty_database_has_no_tables(database: Database) -> None:
    assert await introspect(database) == ()


async def test_odd_names_are_read_as_they_are(database: Database, driver: Name) -> None:
    quote = "`" if driver == "mysql" else '"'
    names = ["with blank", "UPPER", "Größe", "a.b", "sel''ect", "semi;colon"]
    for place, name in enumerate(names):
        await run(
            database,
            f"CREATE TABLE {quote}{name}{quote} ({quote}{name} id{quote} INTEGER PRIMARY KEY,"
            f" {quote}ref{place}{quote} VARCHAR(20) UNIQUE)",
        )
    found = await tables(database)
    assert set(found) == set(names)
    for place, name in enumerate(names):
        assert found[name].primary_key == (f"{name} id",)
        assert found[name].unique_keys == ((f"ref{place}",),)


async def test_keys_of_every_shape(database: Database) -> None:
    await run(
        database,
        "CREATE TABLE none_at_all (a INTEGER, b VARCHAR(9) NOT NULL)",
        "CREATE TABLE two (b INTEGER, a INTEGER, c INTEGER, d INTEGER, PRIMARY KEY (a, b),"
        " UNIQUE (c, d))",
        "CREATE TABLE points (x INTEGER, y INTEGER, t VARCHAR(9) PRIMARY KEY, up VARCHAR(9),"
        " FOREIGN KEY (x, y) REFERENCES two (a, b), FOREIGN KEY (up) REFERENCES points (t))",
    )
    found = await tables(database)
    assert found["none_at_all"].primary_key == ()
    assert [one.nullable for one in found["none_at_all"].columns] == [True, False]
    assert found["two"].primary_key == ("a", "b")
    assert found["two"].unique_keys == (("c", "d"),)
    assert not column(found["two"], "c").unique
    assert sorted((key.columns, key.table, key.referred_columns) for key in references(found)) == [
        (("up",), "points", ("t",)),
        (("x", "y"), "two", ("a", "b")),
    ]
    key = column(found["points"], "t")
    assert (key.primary_key, key.nullable, key.auto_increment) == (True, False, False)


def references(found: dict[str, Table]) -> tuple[ForeignKey, ...]:
    return found["points"].foreign_keys


async def test_views_are_told_from_tables(database: Database) -> None:
    await run(
        database,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, label VARCHAR(20))",
        "CREATE VIEW v AS SELECT id, label FROM t",
    )
    found = await tables(database)
    assert [(name, table.view) for name, table in sorted(found.items())] == [
        ("t", False),
        ("v", True),
    ]
    assert [one.name for one in found["v"].columns] == ["id", "label"]
    assert (found["v"].primary_key, found["v"].indexes) == ((), ())


async def test_what_the_database_fills_in_by_itself(database: Database) -> None:
    await run(
        database,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER DEFAULT 5,"
        " b VARCHAR(20) DEFAULT 'it''s', c TIMESTAMP DEFAULT CURRENT_TIMESTAMP, d INTEGER,"
        " e INTEGER GENERATED ALWAYS AS (d * 2) STORED)",
    )
    table = (await tables(database))["t"]
    facts = {one.name: (one.default, one.has_default, one.generated) for one in table.columns}
    assert facts["a"] == (5, True, False)
    assert facts["b"] == ("it's", True, False)
    assert facts["c"] == (None, True, False)
    assert facts["d"] == (None, False, False)
    assert facts["e"] == (None, True, True)


async def test_an_index_keeps_unique_only_whole_columns(database: Database, driver: Name) -> None:
    statements = [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20), b VARCHAR(20), c VARCHAR(20))",
        "CREATE UNIQUE INDEX one ON t (a)",
        "CREATE INDEX two ON t (b)",
    ]
    if driver != "mysql":
        statements.append("CREATE UNIQUE INDEX three ON t (c) WHERE b IS NULL")
        statements.append("CREATE UNIQUE INDEX four ON t (lower(b))")
    else:
        statements.append("CREATE UNIQUE INDEX three ON t (c(5))")
    await run(database, *statements)
    table = (await tables(database))["t"]
    assert table.unique_keys == (("a",),)
    assert [one.unique for one in table.columns] == [False, True, False, False]


async def test_a_transaction_sees_its_own_tables(database: Database) -> None:
    async with database.schema_transaction() as transaction:
        await transaction.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        (table,) = await introspect_within(transaction, database.dialect)
    assert (table,) == await introspect(database)


@pytest.mark.parametrize("driver", ["postgresql"])
async def test_postgresql_reads_its_own_types_and_one_schema(database: Database) -> None:
    await run(
        database,
        "CREATE SCHEMA other",
        "CREATE TABLE other.hidden (id INTEGER PRIMARY KEY)",
        "CREATE TYPE mood AS ENUM ('sad', 'it''s')",
        "CREATE DOMAIN short AS VARCHAR(5)",
        "CREATE TABLE t (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, s short,"
        " tags TEXT[], ip INET, z TIMESTAMPTZ, j JSON,"
        " outside INTEGER REFERENCES other.hidden (id))",
        "CREATE TABLE parted (id INTEGER, day DATE, PRIMARY KEY (id, day))"
        " PARTITION BY RANGE (day)",
        "CREATE TABLE part PARTITION OF parted FOR VALUES FROM ('2031-01-01') TO ('2032-01-01')",
        "CREATE MATERIALIZED VIEW mv AS SELECT id FROM t",
    )
    found = await tables(database)
    assert set(found) == {"t", "parted", "mv"}
    assert found["mv"].view
    assert found["parted"].primary_key == ("id", "day")
    table = found["t"]
    assert table.foreign_keys == ()
    identity = column(table, "id")
    assert (identity.auto_increment, identity.has_default) == (True, True)
    kinds = {one.name: (one.kind, one.datatype, one.length) for one in table.columns}
    assert kinds["m"] == (Kind.OPAQUE, "ENUM", "'sad','it''s'")
    assert kinds["s"] == (Kind.TEXT, "VARCHAR", "5")
    assert kinds["tags"] == (Kind.TEXT_ARRAY, "TEXT", None)
    assert kinds["ip"] == (Kind.OPAQUE, "TEXT", None)
    assert kinds["z"] == (Kind.DATETIME_ZONE, "TIMESTAMP", None)


@pytest.mark.parametrize("driver", ["mysql"])
async def test_mysql_reads_its_own_types(database: Database) -> None:
    await run(
        database,
        "CREATE TABLE t (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, b TINYINT(1) DEFAULT 1,"
        " n TINYINT(4), e ENUM('a','it''s') DEFAULT 'a', j JSON, y YEAR, bits BIT(8), g POINT,"
        " on_change TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,"
        " m DECIMAL(10,2) UNSIGNED NOT NULL DEFAULT 1.50)",
    )
    table = (await tables(database))["t"]
    kinds = {one.name: (one.kind, one.datatype, one.length, one.signed) for one in table.columns}
    assert kinds["id"] == (Kind.INTEGER, "BIGINT", "20", False)
    assert kinds["b"] == (Kind.BOOLEAN, "TINYINT", "1", True)
    assert kinds["n"] == (Kind.INTEGER, "TINYINT", "4", True)
    assert kinds["e"] == (Kind.TEXT, "ENUM", "'a','it''s'", True)
    assert kinds["j"] == (Kind.JSON, "JSON", None, True)
    assert kinds["g"] == (Kind.OPAQUE, "TEXT", None, True)
    assert kinds["m"] == (Kind.DECIMAL, "DECIMAL", "10,2", False)
    assert column(table, "b").default is True
    assert column(table, "e").default == "a"
    assert column(table, "on_change").has_default


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_sqlite_reads_what_only_its_statements_tell(database: Database) -> None:
    await run(
        database,
        "CREATE TABLE up (code TEXT PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT CHECK (n >= 0), code REFERENCES UP, any)",
        "CREATE VIEW whole AS SELECT count(*) AS c FROM t",
        "CREATE VIEW broken AS SELECT * FROM nowhere",
        "CREATE VIRTUAL TABLE words USING fts5 (body)",
    )
    found = await tables(database)
    assert "broken" not in found
    assert [one.name for one in found["words"].columns][:1] == ["body"]
    assert found["whole"].view
    table = found["t"]
    assert column(table, "id").auto_increment
    assert not column(found["up"], "code").auto_increment
    assert (column(table, "n").signed, column(table, "n").length) == (False, "10")
    assert column(table, "any").kind is Kind.OPAQUE
    (reference,) = table.foreign_keys
    assert (reference.table, reference.referred_columns) == ("up", ("code",))
