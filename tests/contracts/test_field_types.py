"""Every field type on every database: what is written comes back as it was shown.

Each type stands in the columns it is made with by default and in those that clients ask
for by name; the column is then read back from the database, as it is in a project.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import Struct

from conductus.database.column_types import ColumnRequest, planned_column
from conductus.database.datatypes import DEFAULT_SHAPES, Shape
from conductus.database.ddl import schema_editor
from conductus.database.executor import Database
from conductus.database.introspection import introspect
from conductus.items.records import Kept, Records
from conductus.schema.model import Collection, Field, Kind, assemble
from conductus.schema.types import MASK, type_of
from conductus.schema.types.fitting import column_of
from tests.opening import opened

TABLE = "samples"
UUID = "5b1f3a52-9a0e-4c60-8f0e-2d1c3b4a5f6e"
NOW = datetime(2031, 3, 31, tzinfo=UTC)
ISO = "2031-02-03T04:05:06+00:00"


class Sample(Struct, frozen=True):
    """A type in a column, what is written into it, and what is to come back each time."""

    type: str
    values: Sequence[tuple[Any, Any]]
    shape: Shape | None = None
    signed: bool = True


def same(*values: Any) -> list[tuple[Any, Any]]:
    return [(value, value) for value in values]


SAMPLES = [
    Sample("string", same("", "a", "é🎈", "'; --", "a" * 255, None)),
    Sample("string", same("x" * 70_000), Shape("LONGTEXT")),
    Sample("string", same("ab"), Shape("CHAR", "2")),
    Sample("slug", same("first-one")),
    Sample("lang", same("nl-NL")),
    Sample("uuid", [(UUID, UUID), (UUID.upper(), UUID), (None, None)]),
    Sample("uuid", same(UUID), Shape("CHAR", "36")),
    Sample("hash", [("secret", MASK), (None, None)]),
    Sample("status", [("draft", "draft"), (1, "1")]),
    Sample("status", same(1, 2), Shape("INT")),
    Sample("integer", same(0, 2**31 - 1, -(2**31), None)),
    Sample("integer", same(2**63 - 1, -(2**63)), Shape("BIGINT")),
    Sample("integer", same(2**15 - 1, -(2**15)), Shape("SMALLINT")),
    Sample("integer", same(2**32 - 1), Shape("BIGINT"), signed=False),
    Sample("sort", same(3)),
    Sample("decimal", [("12.50", 12.5), (3.14, 3.14), (-99999999.99, -99999999.99), (None, 0)]),
    Sample(
        "decimal",
        [("12345678901234567.89", "12345678901234567.89"), ("0.1", 0.1)],
        Shape("DECIMAL", "19,2"),
    ),
    Sample("decimal", same(2.5, -1e-9, 1e200), Shape("DOUBLE")),
    Sample("boolean", [(True, True), (False, False), ("1", True), (None, False)]),
    Sample("boolean", [(True, True), (0, False)], Shape("TINYINT", "1")),
    Sample("date", same("2031-02-03", "1000-01-01", "9999-12-31", None)),
    Sample("time", [("04:05", "04:05:00"), ("23:59:59", "23:59:59"), (None, None)]),
    Sample(
        "datetime",
        [
            ("2031-02-03 04:05:06", "2031-02-03 04:05:06"),
            ("2031-02-03T04:05:06+02:00", "2031-02-03 02:05:06"),
            (None, None),
        ],
    ),
    Sample("datetime_created", [("2031-02-03 04:05:06", ISO), (None, None)]),
    Sample("datetime_updated", [("2031-02-03T05:05:06+01:00", ISO)]),
    Sample("datetime_updated", [("2031-02-03T05:05:06+01:00", ISO)], Shape("TIMESTAMP")),
    Sample("json", same({"k": [1, None, "é🎈\\"]}, [], {}, "text", 0, False, 1.5, None)),
    Sample("json", same({"b": 1, "a": [{}]}, '{"k":1}'), Shape("TEXT")),
    Sample("array", [(["a", "é"], ["a", "é"]), ("a,b", ["a", "b"]), ([], []), (None, [])]),
    Sample("binary", same("AP8=", "", None)),
    Sample("m2o", same(4, None)),
    Sample("user", same(1)),
    Sample("owner", same(1)),
    Sample("user_updated", same(1)),
    Sample("file", same(12)),
]


class World(Struct, frozen=True):
    """A database with a table of all samples: a column for each, named by its place."""

    database: Database
    collection: Collection


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as database:
        async with database.schema_transaction() as transaction:
            editor = schema_editor(database.dialect)
            await editor.create_table(transaction, TABLE, _planned(database))
        (table,) = await introspect(database)
        fields = {
            column.name: Field(
                collection=TABLE,
                name=column.name,
                type=SAMPLES[int(column.name[1:])].type if column.name != "id" else "integer",
                column=column,
            )
            for column in table.columns
        }
        yield World(database, Collection(name=TABLE, fields=fields, primary_key=("id",)))


def _planned(database: Database) -> list[Any]:
    key = ColumnRequest(
        name="id", type="integer", shape=Shape("INT"), primary_key=True, auto_increment=True
    )
    requests = [
        ColumnRequest(
            name=f"s{place}",
            type=sample.type,
            shape=sample.shape or DEFAULT_SHAPES[sample.type],
            signed=sample.signed,
        )
        for place, sample in enumerate(SAMPLES)
    ]
    return [planned_column(database.dialect.name, request) for request in (key, *requests)]


async def _write(world: World, field: Field, plain: Any) -> Any:
    """Writes one value, answers the key of its row."""
    dialect = world.database.dialect
    bind = dialect.binder(field.kind)
    statement = dialect.insert(world.collection, 1, (field.name,), ("id",))
    values = dialect.insert_values([plain if plain is None or bind is None else bind(plain)], 1)
    async with world.database.transaction() as transaction:
        (key,) = await transaction.insert(statement.sql, values, 1)
    return key


async def _read(world: World, field: Field, by: Field, wanted: Any) -> list[Any]:
    """The values shown of the rows that hold `wanted` (plain) in another field."""
    dialect = world.database.dialect
    table = dialect.table(world.collection)
    bind = dialect.binder(by.kind)
    driver_value = wanted if bind is None else bind(wanted)
    # Lists are compared as they are bound, so that equal values must be bound alike.
    if by.kind is Kind.BINARY:
        holds = table.c[by.name] == sa.bindparam("wanted", type_=dialect.type(by.kind))
        bound = {"wanted": driver_value}
    else:
        holds = dialect.among(table.c[by.name], "wanted", by.kind)
        bound = {"wanted": dialect.list_binder(by.kind)([driver_value])}
    query = sa.select(dialect.readable(table.c[field.name], field.kind)).where(holds)
    statement = dialect.compile(query)
    load, show = dialect.loader(field.kind), type_of(field).presenter(field.kind)
    rows = await world.database.fetch(statement.sql, statement.values(bound))
    loaded = [load(row[0]) if load else row[0] for row in rows]
    return [show(value) if show else value for value in loaded]


async def test_what_is_written_comes_back(world: World) -> None:
    for place, sample in enumerate(SAMPLES):
        field = world.collection.fields[f"s{place}"]
        for given, expected in sample.values:
            plain = type_of(field).parse(given, field)
            key = await _write(world, field, plain)
            found = await _read(world, field, world.collection.fields["id"], key)
            assert found == [expected], (sample, given)
            assert type(found[0]) is type(expected), (sample, given)


async def test_what_is_written_is_found_by_the_same_value(world: World) -> None:
    # JSON columns have no order or equality worth asking for on three databases alike.
    for place, sample in enumerate(SAMPLES):
        field = world.collection.fields[f"s{place}"]
        if sample.type in ("json", "hash"):
            continue
        for given, expected in sample.values:
            if given is None:
                continue
            await _write(world, field, type_of(field).parse(given, field))
            # As a client writes it in an address.
            text = given if isinstance(given, bool | list) else str(given)
            operand = type_of(field).operand(text, field, NOW)
            assert expected in await _read(world, field, field, operand), (sample, given)


@pytest.mark.parametrize("times", [1, 3, 40])
async def test_what_an_insert_answers_is_what_is_read(world: World, times: int) -> None:
    database = world.database
    records = Records(assemble([world.collection], []), Kept(database.dialect))
    for place, sample in enumerate(SAMPLES):
        field = world.collection.fields[f"s{place}"]
        plain = [type_of(field).parse(given, field) for given, _ in sample.values]
        rows = [{field.name: value} for value in plain * times]
        async with database.transaction() as transaction:
            seen = await records.insert_seen(transaction, world.collection, rows)
            read = await records.read(transaction, world.collection, [key for key, _ in seen])
        keys = [key for key, _ in seen]
        assert keys == sorted(keys)
        stored = [read[key].row if database.dialect.returning else None for key in keys]
        assert [after for _, after in seen] == stored, sample
        show = type_of(field).presenter(field.kind) or (lambda value: value)
        shown = [show(read[key].record[field.name]) for key in keys]
        assert shown == [expected for _, expected in sample.values] * times, sample


async def test_what_an_update_answers_is_what_is_read(world: World) -> None:
    database = world.database
    records = Records(assemble([world.collection], []), Kept(database.dialect))
    async with database.transaction() as transaction:
        keys = await records.insert(transaction, world.collection, [{"s0": None}] * 2)
    for place, sample in enumerate(SAMPLES):
        field = world.collection.fields[f"s{place}"]
        for given, _ in sample.values:
            values = {field.name: type_of(field).parse(given, field)}
            async with database.transaction() as transaction:
                known = await records.read_to_change(transaction, world.collection, keys)
                seen = await records.update_seen(transaction, world.collection, keys, values, known)
                read = await records.read(transaction, world.collection, keys)
            stored = {key: one.row for key, one in read.items()}
            kept = column_of(field).datatype in database.dialect.kept_as_given
            told = database.dialect.update_returning or kept
            assert seen == (stored if told else {}), sample
