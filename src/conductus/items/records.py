"""Rows of a collection by key: read, inserted, updated, deleted, many at a time.

Values go in and come out in plain form. Statements are compiled once per shape: the
numbers of rows are powers of two, lists of keys are one bound value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, ParamSpec

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Executor, Row, Transaction
from conductus.database.statements import StatementCache
from conductus.errors import Unprocessable
from conductus.items.changes import Item
from conductus.items.columns import Columns, Record, Stored, columns_of
from conductus.items.insertion import Chain, Insertion
from conductus.items.keyed import KeyedStatement
from conductus.items.keys import Key
from conductus.items.per_collection import PerCollection
from conductus.items.row_statements import RowStatements, Way, room
from conductus.schema.model import Collection, Column, Field, Schema
from conductus.schema.types.field_type import Plain

P = ParamSpec("P")

__all__ = ["Kept", "Record", "Records", "Stored"]

_MOST_KEYS: Final = 1000
"""Keys in one list."""
_MOST_PAIRS: Final = 64
"""Composite keys in one statement."""
_FEW: Final = 16
"""Up to so many rows, how many are left tells how many are inserted at once."""

_NOTHING: Final = Statement("", (), {})
_NOTHING_NEW: Final[Record] = {}


class Kept:
    """What is worked out for one database and kept between requests."""

    def __init__(self, dialect: Dialect, statements: int = 1024) -> None:
        self.dialect = dialect
        self.columns = PerCollection(partial(columns_of, dialect=dialect))
        self.build = RowStatements(dialect)
        self.statements: StatementCache[Statement] = StatementCache(statements)
        self.keyed: StatementCache[KeyedStatement] = StatementCache(statements)
        self.insertions: StatementCache[Insertion] = StatementCache(statements)
        self.chains: StatementCache[Chain] = StatementCache(statements)


class Records:
    """Reads and writes rows for one schema."""

    def __init__(self, schema: Schema, kept: Kept) -> None:
        self._schema = schema
        self._dialect = kept.dialect
        self._kept = kept
        self._build = kept.build

    def recorded(self, collection: Collection, rows: Sequence[Row]) -> list[Item]:
        """Stored rows as history keeps them: datetimes as stored, decimals as text."""
        return self._kept.columns(collection).recorded(rows)

    async def read(
        self, executor: Executor, collection: Collection, keys: Sequence[Key]
    ) -> dict[Key, Stored]:
        """The rows of those keys that exist."""
        return await self._read(executor, collection, keys, "read")

    async def read_to_change(
        self, transaction: Transaction, collection: Collection, keys: Sequence[Key]
    ) -> dict[Key, Stored]:
        """`read` of rows that are then changed.

        Where an UPDATE does not answer them, nobody else changes them until then: what was
        read and what is written make the rows as they will be.
        """
        way: Way = "read" if self._dialect.update_returning else "read and lock"
        return await self._read(transaction, collection, keys, way)

    async def _read(
        self, executor: Executor, collection: Collection, keys: Sequence[Key], way: Way
    ) -> dict[Key, Stored]:
        found: dict[Key, Stored] = {}
        columns = self._kept.columns(collection)
        for batch in _batches(columns, keys):
            keyed = self._keyed(way, columns, batch)
            rows = await executor.fetch(keyed.sql, keyed.values(batch, _NOTHING_NEW))
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
    ) -> list[tuple[Key, Row | None]]:
        """`insert` that also answers the new rows, every column, where the server can."""
        if not self._dialect.returning:
            return [(key, None) for key in await self.insert(transaction, collection, records)]
        columns = self._kept.columns(collection)
        generated = _generated(collection, records[0])
        seen: list[tuple[Key, Row | None]] = []
        for batch, sql, values in self._inserts(columns, records, columns.names):
            rows = await transaction.fetch_written(sql, values)
            # A key that was given is the one that was asked for, however it is kept.
            keys = map(columns.key, batch) if generated is None else map(columns.row_key, rows)
            seen.extend(zip(keys, rows, strict=True))
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
        (one, made), (other, linked) = first, second
        shape = (self._schema.version, link, one.name, tuple(made), other.name, tuple(linked))
        chain = self._kept.chains.find(shape)
        if chain is None:
            columns = self._kept.columns(one), self._kept.columns(other)
            chain = self._build.chain(columns, tuple(made), tuple(linked), link)
            self._kept.chains.put(shape, chain)
        for sql, values in chain.statements(made, linked):
            await transaction.execute(sql, values)

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
        given = tuple(records[0])
        start = 0
        while start < len(records):
            rows = len(records) - start
            if rows <= _FEW:
                insertion = self._insertion(columns, given, rows, answered)
                size = insertion.rows
            else:
                size = self._dialect.insert_size(columns.collection, given, rows)
                shape = self._dialect.insert_shape(size)
                insertion = self._insertion(columns, given, shape, answered)
            batch = records[start : start + size]
            yield batch, insertion.sql, insertion.values(batch)
            start += size

    def _insertion(
        self, columns: Columns, given: tuple[str, ...], rows: int, answered: Sequence[str]
    ) -> Insertion:
        """That of so many rows, or of fewer where a statement does not take as many."""
        collection = columns.collection
        key = (self._schema.version, collection.name, given, rows, len(answered))
        found = self._kept.insertions.find(key)
        if found is None:
            # In the order of the schema: what clients send comes in any.
            names = tuple([name for name in columns.names if name in given])
            size = self._dialect.insert_size(collection, given, rows)
            shape = self._dialect.insert_shape(size)
            statement = self._statement(
                ("insert", collection.name, names, shape, tuple(answered)),
                self._dialect.insert,
                *(collection, shape, names, answered),
            )
            found = Insertion(columns, names, statement.sql, size, self._dialect.insert_values)
            self._kept.insertions.put(key, found)
        return found

    async def _count_past(
        self, transaction: Transaction, columns: Columns, keys: Sequence[Key]
    ) -> None:
        """Keeps keys that clients gave from being generated later."""
        (column, *others) = columns.keys
        if others or not column.auto_increment:
            return
        collection = columns.collection
        statement = self._statement(
            ("count past", collection.name), self._counting, collection, column
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
        known: Mapping[Key, Stored | None],
    ) -> dict[Key, Row]:
        """`update` that also answers the rows, every column, where that can be known.

        `known`: rows by `read_to_change`.
        """
        columns = self._kept.columns(collection)
        if not self._dialect.update_returning:
            await self.update(transaction, collection, keys, values)
            if not self._dialect.kept_as_given.issuperset(columns.datatypes(values)):
                return {}
            rows = {key: stored.row for key in keys if (stored := known.get(key)) is not None}
            return {key: columns.changed(row, values) for key, row in rows.items()}
        seen: list[Row] = []
        for sql, bound in self._updates(columns, keys, values, answering=True):
            seen += await transaction.fetch_written(sql, bound)
        return {columns.row_key(row): row for row in seen}

    def _updates(
        self, columns: Columns, keys: Sequence[Key], values: Record, *, answering: bool
    ) -> Iterator[tuple[str, list[Any]]]:
        way: Way = "update and answer" if answering else "update"
        for batch in _batches(columns, keys):
            keyed = self._keyed(way, columns, batch, tuple(values))
            yield keyed.sql, keyed.values(batch, values)

    async def delete(
        self, transaction: Transaction, collection: Collection, keys: Sequence[Key]
    ) -> int:
        """Removes the rows of those keys; answers how many there were."""
        gone = 0
        columns = self._kept.columns(collection)
        for batch in _batches(columns, keys):
            keyed = self._keyed("delete", columns, batch)
            gone += await transaction.execute(keyed.sql, keyed.values(batch, _NOTHING_NEW))
        return gone

    async def used(
        self, executor: Executor, field: Field, collection: Collection, values: Sequence[Plain]
    ) -> set[Plain]:
        """Which of the values some row has in that field."""
        statement = self._statement(
            ("used", collection.name, field.name), self._build.used, collection, field
        )
        load = self._dialect.loader(field.kind)
        together = self._dialect.list_binder(field.kind)
        columns = self._kept.columns(collection)
        bound = {"keys": together([columns.bind(field.name, value) for value in values])}
        rows = await executor.fetch(statement.sql, statement.values(bound))
        return {load(row[0]) if load else row[0] for row in rows}

    # -- statements -----------------------------------------------------------------

    def _statement(
        self,
        shape: tuple[Any, ...],
        build: Callable[P, Statement],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Statement:
        key = (self._schema.version, *shape)
        found = self._kept.statements.find(key)
        if found is None:
            found = build(*args, **kwargs)
            self._kept.statements.put(key, found)
        return found

    def _keyed(
        self, way: Way, columns: Columns, keys: Sequence[Key], names: tuple[str, ...] = ()
    ) -> KeyedStatement:
        """The statement on the rows of as many keys, with new values for fields."""
        size = 1 if len(keys) == 1 else room(columns, len(keys))
        shape = (self._schema.version, way, columns.collection.name, size, names)
        found = self._kept.keyed.find(shape)
        if found is None:
            statement = self._build.keyed(way, columns, len(keys), names)
            found = KeyedStatement(self._dialect, columns, statement, names, len(keys))
            self._kept.keyed.put(shape, found)
        return found

    def _counting(self, collection: Collection, column: Column) -> Statement:
        return self._dialect.count_past(collection, column) or _NOTHING

    # -- values ---------------------------------------------------------------------

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


def _batches(columns: Columns, keys: Sequence[Key]) -> Iterable[Sequence[Key]]:
    if len(keys) == 1:
        return (keys,)
    size = _MOST_KEYS if columns.listed else _MOST_PAIRS
    distinct = list(dict.fromkeys(keys))
    return [distinct[start : start + size] for start in range(0, len(distinct), size)]
