"""Rows of a collection by key: read, inserted, updated, deleted, many at a time.

Values go in and come out in plain form. Statements are compiled once per shape: the
numbers of rows are powers of two, lists of keys are one bound value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Executor, Row, Transaction
from conductus.errors import Unprocessable
from conductus.items.changes import Item
from conductus.items.columns import Columns, ColumnsOf, Record, Stored, column_of
from conductus.items.keys import Key
from conductus.items.statements import StatementCache
from conductus.schema.model import Collection, Column, Field, Schema
from conductus.schema.types.field_type import Plain

__all__ = ["Kept", "Record", "Records", "Stored"]

_MOST_KEYS: Final = 1000
"""Keys in one list."""
_MOST_PAIRS: Final = 64
"""Composite keys in one statement."""

_NOTHING: Final = Statement("", (), {})


class Kept:
    """What is worked out for one database and kept between requests."""

    def __init__(self, dialect: Dialect, statements: int = 1024) -> None:
        self.dialect = dialect
        self.columns = ColumnsOf(dialect)
        self.statements: StatementCache[Statement] = StatementCache(statements)


class Records:
    """Reads and writes rows for one schema."""

    def __init__(self, schema: Schema, kept: Kept) -> None:
        self._schema = schema
        self._dialect = kept.dialect
        self._kept = kept

    def recorded(self, collection: Collection, rows: Sequence[Row]) -> list[Item]:
        """Stored rows as history keeps them: datetimes as stored, decimals as text."""
        return self._kept.columns(collection).recorded(rows)

    async def read(
        self, executor: Executor, collection: Collection, keys: Iterable[Key]
    ) -> dict[Key, Stored]:
        """The rows of those keys that exist."""
        found: dict[Key, Stored] = {}
        columns = self._kept.columns(collection)
        for batch in _batches(columns, keys):
            statement = self._statement(
                ("read", collection.name, _padded(columns, len(batch))),
                partial(self._build_read, columns, len(batch)),
            )
            bound = self._bound_keys(columns, batch)
            rows = await executor.fetch(statement.sql, statement.values(bound))
            for stored in columns.stored(rows):
                found[columns.key(stored.record)] = stored
        return found

    async def insert(
        self,
        transaction: Transaction,
        collection: Collection,
        records: Sequence[Record],
    ) -> list[Key]:
        """Inserts rows that all give the same fields; answers their keys in the same order."""
        columns = self._kept.columns(collection)
        generated = _generated(collection, records[0])
        answered = () if generated is None else (generated,)
        keys: list[Key] = []
        for batch, sql, values in self._inserts(columns, records, answered):
            made = await transaction.insert(sql, values, len(batch))
            keys.extend(self._made_keys(columns, batch, generated, made))
        if generated is None:
            await self._count_past(transaction, columns, keys)
        return keys

    async def insert_seen(
        self,
        transaction: Transaction,
        collection: Collection,
        records: Sequence[Record],
    ) -> list[tuple[Key, Stored | None]]:
        """`insert` that also answers the new rows as they are stored, where the server can."""
        if not self._dialect.returning:
            return [(key, None) for key in await self.insert(transaction, collection, records)]
        columns = self._kept.columns(collection)
        generated = _generated(collection, records[0])
        seen: list[tuple[Key, Stored | None]] = []
        for batch, sql, values in self._inserts(columns, records, columns.names):
            rows = columns.stored(await transaction.fetch_written(sql, values))
            made = [one.record[generated] for one in rows] if generated else ()
            seen.extend(zip(_keys(columns, batch, generated, made), rows, strict=True))
        if generated is None:
            await self._count_past(transaction, columns, [key for key, _ in seen])
        return seen

    async def add_chained(
        self,
        transaction: Transaction,
        first: tuple[Collection, Record],
        second: tuple[Collection, Record],
        link: str,
    ) -> None:
        """Inserts a row and one whose field `link` holds its generated key."""
        if not self._dialect.chains:
            (key,) = await self.insert(transaction, first[0], [first[1]])
            await self.add(transaction, second[0], [{**second[1], link: key[0]}])
            return
        given = [(self._kept.columns(collection), record) for collection, record in (first, second)]
        statement = self._statement(
            ("chained", link, *((columns.collection.name, *record) for columns, record in given)),
            partial(self._build_chained, first, second, link),
        )
        bound = {
            f"v{place}_{name}": columns.bind(name, record[name])
            for place, (columns, record) in enumerate(given)
            for name in record
        }
        await transaction.execute(statement.sql, statement.values(bound))

    async def add(
        self, transaction: Transaction, collection: Collection, records: Sequence[Record]
    ) -> None:
        """`insert` of rows whose keys nobody needs."""
        for _, sql, values in self._inserts(self._kept.columns(collection), records, ()):
            await transaction.execute(sql, values)

    def _inserts(
        self, columns: Columns, records: Sequence[Record], answered: Sequence[str]
    ) -> Iterator[tuple[Sequence[Record], str, list[Any]]]:
        """Rows that go together, with their statement and its values."""
        collection = columns.collection
        given = records[0]
        # In the order of the schema: what clients send comes in any.
        names = tuple([name for name in columns.names if name in given])
        start = 0
        while start < len(records):
            size = self._dialect.insert_size(collection, names, len(records) - start)
            batch = records[start : start + size]
            shape = self._dialect.insert_shape(size)
            statement = self._statement(
                ("insert", collection.name, names, shape, tuple(answered)),
                partial(self._dialect.insert, collection, shape, names, answered),
            )
            rows = _bound_rows(columns, names, batch)
            yield batch, statement.sql, self._dialect.insert_values(rows)
            start += size

    async def _count_past(
        self, transaction: Transaction, columns: Columns, keys: Sequence[Key]
    ) -> None:
        """Keeps keys that clients gave from being generated later."""
        (column, *others) = columns.keys
        if others or not column.auto_increment:
            return
        collection = columns.collection
        statement = self._statement(
            ("count past", collection.name), partial(self._counting, collection, column)
        )
        if statement.sql:
            given = max(key[0] for key in keys)
            await transaction.fetch(statement.sql, statement.values({"given": given}))

    async def update(
        self,
        transaction: Transaction,
        collection: Collection,
        keys: Sequence[Key],
        values: Record,
    ) -> None:
        """Writes the same values into the rows of those keys."""
        columns = self._kept.columns(collection)
        for sql, bound in self._updates(columns, keys, values, answering=False):
            await transaction.execute(sql, bound)

    async def update_seen(
        self,
        transaction: Transaction,
        collection: Collection,
        keys: Sequence[Key],
        values: Record,
    ) -> dict[Key, Stored]:
        """`update` that also answers the rows as they are stored, where the server can."""
        if not self._dialect.update_returning:
            await self.update(transaction, collection, keys, values)
            return {}
        columns = self._kept.columns(collection)
        seen: list[Stored] = []
        for sql, bound in self._updates(columns, keys, values, answering=True):
            seen += columns.stored(await transaction.fetch_written(sql, bound))
        return {columns.key(one.record): one for one in seen}

    def _updates(
        self, columns: Columns, keys: Sequence[Key], values: Record, *, answering: bool
    ) -> Iterator[tuple[str, list[Any]]]:
        names = tuple(values)
        new = {f"v{place}": columns.bind(name, values[name]) for place, name in enumerate(names)}
        for batch in _batches(columns, keys):
            size = _padded(columns, len(batch))
            statement = self._statement(
                ("update", columns.collection.name, names, size, answering),
                partial(self._build_update, columns, names, len(batch), answering=answering),
            )
            bound = {**new, **self._bound_keys(columns, batch)}
            yield statement.sql, statement.values(bound)

    async def delete(
        self, transaction: Transaction, collection: Collection, keys: Sequence[Key]
    ) -> int:
        """Removes the rows of those keys; answers how many there were."""
        gone = 0
        columns = self._kept.columns(collection)
        for batch in _batches(columns, keys):
            statement = self._statement(
                ("delete", collection.name, _padded(columns, len(batch))),
                partial(self._build_delete, columns, len(batch)),
            )
            bound = self._bound_keys(columns, batch)
            gone += await transaction.execute(statement.sql, statement.values(bound))
        return gone

    async def used(
        self, executor: Executor, field: Field, collection: Collection, values: Sequence[Plain]
    ) -> set[Plain]:
        """Which of the values some row has in that field."""
        statement = self._statement(
            ("used", collection.name, field.name), partial(self._build_used, collection, field)
        )
        load = self._dialect.loader(field.kind)
        listed = self._dialect.list_binder(field.kind)
        columns = self._kept.columns(collection)
        bound = {"keys": listed([columns.bind(field.name, value) for value in values])}
        rows = await executor.fetch(statement.sql, statement.values(bound))
        return {load(row[0]) if load else row[0] for row in rows}

    # -- statements -----------------------------------------------------------------

    def _statement(self, shape: tuple[Any, ...], build: Callable[[], Statement]) -> Statement:
        return self._kept.statements.get((self._schema.version, *shape), build)

    def _counting(self, collection: Collection, column: Column) -> Statement:
        return self._dialect.count_past(collection, column) or _NOTHING

    def _build_read(self, columns: Columns, size: int) -> Statement:
        table = self._dialect.table(columns.collection)
        every = self._dialect.columns(table, columns.collection, columns.names)
        where = self._keyed(table, columns, size)
        return self._dialect.compile(sa.select(*every).select_from(table).where(where))

    def _build_update(
        self, columns: Columns, names: Sequence[str], size: int, *, answering: bool
    ) -> Statement:
        collection = columns.collection
        table = self._dialect.table(collection)
        changed = [column_of(collection.fields[name]) for name in names]
        values = {
            column.name: self._parameter(f"v{place}", column)
            for place, column in enumerate(changed)
        }
        where = self._keyed(table, columns, size)
        update = sa.update(table).where(where).values(values)
        if answering:
            every = self._dialect.columns(table, collection, columns.names)
            update = update.returning(*every)
        return self._dialect.compile(update)

    def _build_chained(
        self, first: tuple[Collection, Record], second: tuple[Collection, Record], link: str
    ) -> Statement:
        values = [
            {
                name: self._parameter(f"v{place}_{name}", column_of(collection.fields[name]))
                for name in record
            }
            for place, (collection, record) in enumerate((first, second))
        ]
        key = first[0].primary_key[0]
        insert = sa.insert(self._dialect.table(first[0])).values(values[0])
        made = insert.returning(sa.column(key)).cte("made")
        table = self._dialect.table(second[0])
        rest = sa.select(made.c[key], *values[1].values())
        return self._dialect.compile(sa.insert(table).from_select([link, *values[1]], rest))

    def _build_delete(self, columns: Columns, size: int) -> Statement:
        table = self._dialect.table(columns.collection)
        where = self._keyed(table, columns, size)
        return self._dialect.compile(sa.delete(table).where(where))

    def _build_used(self, collection: Collection, field: Field) -> Statement:
        table = self._dialect.table(collection)
        column = table.c[column_of(field).name]
        where = self._dialect.among(column, "keys", field.kind)
        return self._dialect.compile(sa.select(column).distinct().where(where))

    def _keyed(self, table: sa.TableClause, columns: Columns, size: int) -> ColumnElement[bool]:
        if columns.listed:
            (key,) = columns.keys
            return self._dialect.among(table.c[key.name], "keys", key.kind)
        return sa.or_(
            *(
                sa.and_(
                    *(
                        table.c[column.name] == self._parameter(f"k{row}_{place}", column)
                        for place, column in enumerate(columns.keys)
                    )
                )
                for row in range(_padded(columns, size))
            )
        )

    def _parameter(self, name: str, column: Column) -> ColumnElement[Any]:
        bound: ColumnElement[Any] = sa.bindparam(name, type_=self._dialect.type(column.kind))
        return self._dialect.assignable(bound, column)

    # -- values ---------------------------------------------------------------------

    def _bound_keys(self, columns: Columns, keys: Sequence[Key]) -> dict[str, Any]:
        names = columns.collection.primary_key
        if columns.listed:
            (column,) = columns.keys
            listed = self._dialect.list_binder(column.kind)
            return {"keys": listed([columns.bind(column.name, key[0]) for key in keys])}
        size = _padded(columns, len(keys))
        # The last key again, as often as the shape of the statement asks.
        padded = [*keys, *[keys[-1]] * (size - len(keys))]
        return {
            f"k{row}_{place}": columns.bind(name, part)
            for row, key in enumerate(padded)
            for place, (name, part) in enumerate(zip(names, key, strict=True))
        }

    def _made_keys(
        self,
        columns: Columns,
        batch: Sequence[Record],
        generated: str | None,
        made: Sequence[Any],
    ) -> list[Key]:
        fields = columns.collection.fields
        load = None if generated is None else self._dialect.loader(fields[generated].kind)
        plain = made if load is None else [load(value) for value in made]
        return _keys(columns, batch, generated, plain)


def _generated(collection: Collection, record: Record) -> str | None:
    """The key column that a new row leaves to the database, if there is one."""
    missing = [name for name in collection.primary_key if name not in record]
    if len(missing) > 1:
        raise Unprocessable(f"{', '.join(missing)}: the key must be given")
    return missing[0] if missing else None


def _keys(
    columns: Columns, batch: Sequence[Record], generated: str | None, made: Iterable[Plain]
) -> list[Key]:
    """The keys of new rows, from what was given and what the database made."""
    if generated is None:
        return [columns.key(record) for record in batch]
    if len(columns.keys) == 1:
        return [(value,) for value in made]
    return [
        columns.key({**record, generated: value}) for record, value in zip(batch, made, strict=True)
    ]


def _bound_rows(
    columns: Columns, names: Sequence[str], records: Sequence[Record]
) -> list[list[Any]]:
    """The driver values of rows, in the order of the names."""
    rows = [[record[name] for name in names] for record in records]
    for place, name in enumerate(names):
        if name in columns.binders:
            for row in rows:
                row[place] = columns.bind(name, row[place])
    return rows


def _batches(columns: Columns, keys: Iterable[Key]) -> Iterator[list[Key]]:
    size = _MOST_KEYS if columns.listed else _MOST_PAIRS
    rest = iter(dict.fromkeys(keys))
    while batch := list(islice(rest, size)):
        yield batch


def _padded(columns: Columns, size: int) -> int:
    """The number of keys that a statement for `size` of them has room for."""
    return 1 if columns.listed else 1 << (size - 1).bit_length()
