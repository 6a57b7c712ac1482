"""Rows of the tables that Conductus keeps for itself: read, added, marked.

For the work below the items: metadata is read before there is a schema to read it by, and
written when a project is made. Values are plain, as everywhere outside `database`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor, Transaction
from conductus.schema.model import Kind

Row = Mapping[str, Any]
BATCH = 50
"""Rows of one INSERT."""


async def read(
    executor: Executor,
    dialect: Dialect,
    table: str,
    kinds: Mapping[str, Kind],
    order: Sequence[str],
) -> tuple[Row, ...]:
    """Every row, with the columns of `kinds`, in the order of the columns `order`."""
    statement = dialect.compiled(
        ("read", table, *kinds.items(), tuple(order)),
        lambda: _select(dialect, table, kinds, order),
    )
    names = tuple(kinds)
    loaders = [
        (at, load) for at, kind in enumerate(kinds.values()) if (load := dialect.loader(kind))
    ]
    found = []
    for values in await executor.fetch(statement.sql, statement.values({})):
        row = dict(zip(names, values, strict=True))
        for at, load in loaders:
            row[names[at]] = load(values[at])
        found.append(row)
    return tuple(found)


async def add(
    transaction: Transaction,
    dialect: Dialect,
    table: str,
    kinds: Mapping[str, Kind],
    rows: Iterable[Row],
) -> None:
    """Inserts rows; a column that a row does not have gets its default."""
    shapes: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        shapes.setdefault(tuple(name for name in kinds if name in row), []).append(row)
    for names, alike in shapes.items():
        shape = {name: kinds[name] for name in names}
        batches = [alike[start : start + BATCH] for start in range(0, len(alike), BATCH)]
        for batch in batches:
            statement = dialect.compiled(
                ("add", table, *shape.items(), len(batch)),
                partial(_insert, dialect, table, shape, len(batch)),
            )
            values = statement.values(_bound(dialect, shape, batch))
            await transaction.execute(statement.sql, values)


async def change(
    transaction: Transaction,
    dialect: Dialect,
    table: str,
    kinds: Mapping[str, Kind],
    key: Row,
    values: Row,
) -> None:
    """Sets `values` in the rows that have the values of `key`."""
    bound = {f"k_{name}": value for name, value in key.items()}
    bound |= {f"v_{name}": value for name, value in values.items()}
    statement = dialect.compiled(
        ("change", table, *kinds.items(), tuple(key), tuple(values)),
        lambda: _update(dialect, table, kinds, tuple(key), tuple(values)),
    )
    await transaction.execute(statement.sql, statement.values(bound))


async def remove(
    transaction: Transaction,
    dialect: Dialect,
    table: str,
    kinds: Mapping[str, Kind],
    key: Row,
) -> None:
    """Deletes the rows that have the values of `key`."""
    statement = dialect.compiled(
        ("remove", table, *kinds.items(), tuple(key)),
        lambda: _delete(dialect, table, kinds, tuple(key)),
    )
    bound = {f"k_{name}": value for name, value in key.items()}
    await transaction.execute(statement.sql, statement.values(bound))


def _select(
    dialect: Dialect, table: str, kinds: Mapping[str, Kind], order: Sequence[str]
) -> sa.ClauseElement:
    source = clause(dialect, table, kinds)
    return (
        sa.select(*(dialect.readable(source.c[name], kind) for name, kind in kinds.items()))
        .select_from(source)
        .order_by(*(source.c[name] for name in order))
    )


def _update(
    dialect: Dialect,
    table: str,
    kinds: Mapping[str, Kind],
    key: Iterable[str],
    names: Iterable[str],
) -> sa.ClauseElement:
    source = clause(dialect, table, kinds)
    values = {name: sa.bindparam(f"v_{name}", type_=dialect.type(kinds[name])) for name in names}
    return sa.update(source).where(*_alike(dialect, source, kinds, key)).values(values)


def _delete(
    dialect: Dialect, table: str, kinds: Mapping[str, Kind], key: Iterable[str]
) -> sa.ClauseElement:
    source = clause(dialect, table, kinds)
    return sa.delete(source).where(*_alike(dialect, source, kinds, key))


def _alike(
    dialect: Dialect, source: sa.TableClause, kinds: Mapping[str, Kind], key: Iterable[str]
) -> Iterable[sa.ColumnElement[bool]]:
    return (
        source.c[name] == sa.bindparam(f"k_{name}", type_=dialect.type(kinds[name])) for name in key
    )


def _insert(dialect: Dialect, table: str, kinds: Mapping[str, Kind], rows: int) -> sa.ClauseElement:
    values = [
        {
            name: sa.bindparam(f"v{row}_{place}", type_=dialect.type(kind))
            for place, (name, kind) in enumerate(kinds.items())
        }
        for row in range(rows)
    ]
    return sa.insert(clause(dialect, table, kinds)).values(values)


def _bound(dialect: Dialect, kinds: Mapping[str, Kind], rows: Sequence[Row]) -> dict[str, Any]:
    bound: dict[str, Any] = {}
    for place, (name, kind) in enumerate(kinds.items()):
        bind = dialect.binder(kind)
        for at, row in enumerate(rows):
            value = row[name]
            bound[f"v{at}_{place}"] = bind(value) if bind and value is not None else value
    return bound


def clause(dialect: Dialect, table: str, kinds: Mapping[str, Kind]) -> sa.TableClause:
    """A table of which the columns of `kinds` are wanted."""
    return sa.table(
        sa.quoted_name(table, quote=True),
        *(
            sa.column(sa.quoted_name(name, quote=True), dialect.type(kind))
            for name, kind in kinds.items()
        ),
    )
