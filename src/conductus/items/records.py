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
from conductus.database.executor import Executor, Transaction
from conductus.errors import Unprocessable
from conductus.items.keys import Key, key_of_row
from conductus.items.statements import StatementCache
from conductus.schema.model import Collection, Column, Field, Kind, Schema
from conductus.schema.types.field_type import Plain

Record = dict[str, Plain]
"""A row by names of fields, in plain form."""

_MOST_KEYS: Final = 1000
"""Keys in one list."""
_MOST_PAIRS: Final = 64
"""Composite keys in one statement."""
_UNLISTED: Final = frozenset({Kind.BINARY, Kind.OPAQUE})
"""Kinds that cannot be looked up by a list bound as one value."""

_NOTHING: Final = Statement("", (), {})


class Records:
    """Reads and writes rows for one schema."""

    def __init__(
        self, schema: Schema, dialect: Dialect, statements: StatementCache[Statement]
    ) -> None:
        self._schema = schema
        self._dialect = dialect
        self._statements = statements

    async def read(
        self, executor: Executor, collection: Collection, keys: Iterable[Key]
    ) -> dict[Key, Record]:
        """The rows of those keys that exist, with every column."""
        found: dict[Key, Record] = {}
        for batch in self._batches(collection, keys):
            statement = self._statement(
                ("read", collection.name, _padded(collection, len(batch))),
                partial(self._build_read, collection, len(batch)),
            )
            bound = self._bound_keys(collection, batch)
            rows = await executor.fetch(statement.sql, statement.values(bound))
            for record in self._loaded(collection, rows):
                found[key_of_row(record, collection)] = record
        return found

    async def insert(
        self,
        transaction: Transaction,
        collection: Collection,
        records: Sequence[Record],
    ) -> list[Key]:
        """Inserts rows that all give the same fields; answers their keys in the same order."""
        generated = _generated(collection, records[0])
        answered = () if generated is None else (generated,)
        keys: list[Key] = []
        for batch, sql, values in self._inserts(collection, records, answered):
            made = await transaction.insert(sql, values, len(batch))
            keys.extend(self._made_keys(collection, batch, generated, made))
        if generated is None:
            await self._count_past(transaction, collection, keys)
        return keys

    async def insert_seen(
        self,
        transaction: Transaction,
        collection: Collection,
        records: Sequence[Record],
    ) -> list[tuple[Key, Record | None]]:
        """`insert` that also answers the new rows as they are stored, where the server can."""
        if not self._dialect.returning:
            return [(key, None) for key in await self.insert(transaction, collection, records)]
        generated = _generated(collection, records[0])
        names = [column.name for column in _columns(collection)]
        seen: list[tuple[Key, Record | None]] = []
        for batch, sql, values in self._inserts(collection, records, names):
            rows = self._loaded(collection, await transaction.fetch_written(sql, values))
            made = (row[generated] for row in rows) if generated else ()
            seen.extend(zip(_keys(collection, batch, generated, made), rows, strict=True))
        if generated is None:
            await self._count_past(transaction, collection, [key for key, _ in seen])
        return seen

    async def add(
        self, transaction: Transaction, collection: Collection, records: Sequence[Record]
    ) -> None:
        """`insert` of rows whose keys nobody needs."""
        for _, sql, values in self._inserts(collection, records, ()):
            await transaction.execute(sql, values)

    def _inserts(
        self, collection: Collection, records: Sequence[Record], answered: Sequence[str]
    ) -> Iterator[tuple[Sequence[Record], str, list[Any]]]:
        """Rows that go together, with their statement and its values."""
        names = tuple(records[0])
        start = 0
        while start < len(records):
            size = self._dialect.insert_size(collection, names, len(records) - start)
            batch = records[start : start + size]
            shape = self._dialect.insert_shape(size)
            statement = self._statement(
                ("insert", collection.name, names, shape, tuple(answered)),
                partial(self._dialect.insert, collection, shape, names, answered),
            )
            rows = self._bound_rows(collection, names, batch)
            yield batch, statement.sql, self._dialect.insert_values(rows)
            start += size

    async def _count_past(
        self, transaction: Transaction, collection: Collection, keys: Sequence[Key]
    ) -> None:
        """Keeps keys that clients gave from being generated later."""
        (column, *others) = _key_columns(collection)
        if others or not column.auto_increment:
            return
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
        for sql, bound in self._updates(collection, keys, values, answering=False):
            await transaction.execute(sql, bound)

    async def update_seen(
        self,
        transaction: Transaction,
        collection: Collection,
        keys: Sequence[Key],
        values: Record,
    ) -> dict[Key, Record]:
        """`update` that also answers the rows as they are stored, where the server can."""
        if not self._dialect.update_returning:
            await self.update(transaction, collection, keys, values)
            return {}
        seen: list[Record] = []
        for sql, bound in self._updates(collection, keys, values, answering=True):
            seen += self._loaded(collection, await transaction.fetch_written(sql, bound))
        return {key_of_row(row, collection): row for row in seen}

    def _updates(
        self, collection: Collection, keys: Sequence[Key], values: Record, *, answering: bool
    ) -> Iterator[tuple[str, list[Any]]]:
        names = tuple(values)
        new = {
            f"v{place}": self._bind(collection.fields[name], values[name])
            for place, name in enumerate(names)
        }
        for batch in self._batches(collection, keys):
            size = _padded(collection, len(batch))
            statement = self._statement(
                ("update", collection.name, names, size, answering),
                partial(self._build_update, collection, names, len(batch), answering=answering),
            )
            bound = {**new, **self._bound_keys(collection, batch)}
            yield statement.sql, statement.values(bound)

    async def delete(
        self, transaction: Transaction, collection: Collection, keys: Sequence[Key]
    ) -> int:
        """Removes the rows of those keys; answers how many there were."""
        gone = 0
        for batch in self._batches(collection, keys):
            statement = self._statement(
                ("delete", collection.name, _padded(collection, len(batch))),
                partial(self._build_delete, collection, len(batch)),
            )
            bound = self._bound_keys(collection, batch)
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
        bound = {"keys": listed([self._bind(field, value) for value in values])}
        rows = await executor.fetch(statement.sql, statement.values(bound))
        return {load(row[0]) if load else row[0] for row in rows}

    # -- statements -----------------------------------------------------------------

    def _statement(self, shape: tuple[Any, ...], build: Callable[[], Statement]) -> Statement:
        return self._statements.get((self._schema.version, *shape), build)

    def _counting(self, collection: Collection, column: Column) -> Statement:
        return self._dialect.count_past(collection, column) or _NOTHING

    def _build_read(self, collection: Collection, size: int) -> Statement:
        table = self._dialect.table(collection)
        columns = self._every_column(table, collection)
        where = self._keyed(table, collection, size)
        return self._dialect.compile(sa.select(*columns).select_from(table).where(where))

    def _every_column(
        self, table: sa.TableClause, collection: Collection
    ) -> list[ColumnElement[Any]]:
        names = [column.name for column in _columns(collection)]
        return self._dialect.columns(table, collection, names)

    def _build_update(
        self, collection: Collection, names: Sequence[str], size: int, *, answering: bool
    ) -> Statement:
        table = self._dialect.table(collection)
        columns = [_column(collection.fields[name]) for name in names]
        values = {
            column.name: self._parameter(f"v{place}", column)
            for place, column in enumerate(columns)
        }
        where = self._keyed(table, collection, size)
        update = sa.update(table).where(where).values(values)
        if answering:
            update = update.returning(*self._every_column(table, collection))
        return self._dialect.compile(update)

    def _build_delete(self, collection: Collection, size: int) -> Statement:
        table = self._dialect.table(collection)
        where = self._keyed(table, collection, size)
        return self._dialect.compile(sa.delete(table).where(where))

    def _build_used(self, collection: Collection, field: Field) -> Statement:
        table = self._dialect.table(collection)
        column = table.c[_column(field).name]
        where = self._dialect.among(column, "keys", field.kind)
        return self._dialect.compile(sa.select(column).distinct().where(where))

    def _keyed(
        self, table: sa.TableClause, collection: Collection, size: int
    ) -> ColumnElement[bool]:
        columns = _key_columns(collection)
        if _listed(collection):
            return self._dialect.among(table.c[columns[0].name], "keys", columns[0].kind)
        return sa.or_(
            *(
                sa.and_(
                    *(
                        table.c[column.name] == self._parameter(f"k{row}_{place}", column)
                        for place, column in enumerate(columns)
                    )
                )
                for row in range(_padded(collection, size))
            )
        )

    def _parameter(self, name: str, column: Column) -> ColumnElement[Any]:
        bound: ColumnElement[Any] = sa.bindparam(name, type_=self._dialect.type(column.kind))
        return self._dialect.assignable(bound, column)

    # -- values ---------------------------------------------------------------------

    def _bind(self, field: Field, value: Plain) -> Any:
        convert = self._dialect.binder(field.kind)
        if value is None or convert is None:
            return value
        try:
            return convert(value)
        except (ValueError, OverflowError) as error:
            raise Unprocessable(f"{field.name}: this value cannot be stored") from error

    def _bound_keys(self, collection: Collection, keys: Sequence[Key]) -> dict[str, Any]:
        fields = [collection.fields[name] for name in collection.primary_key]
        if _listed(collection):
            listed = self._dialect.list_binder(fields[0].kind)
            return {"keys": listed([self._bind(fields[0], key[0]) for key in keys])}
        size = _padded(collection, len(keys))
        # The last key again, as often as the shape of the statement asks.
        padded = [*keys, *[keys[-1]] * (size - len(keys))]
        return {
            f"k{row}_{place}": self._bind(field, part)
            for row, key in enumerate(padded)
            for place, (field, part) in enumerate(zip(fields, key, strict=True))
        }

    def _batches(self, collection: Collection, keys: Iterable[Key]) -> Iterator[list[Key]]:
        size = _MOST_KEYS if _listed(collection) else _MOST_PAIRS
        rest = iter(dict.fromkeys(keys))
        while batch := list(islice(rest, size)):
            yield batch

    def _bound_rows(
        self, collection: Collection, names: Sequence[str], records: Sequence[Record]
    ) -> list[list[Any]]:
        """The driver values of rows, in the order of the names."""
        rows = [[record[name] for name in names] for record in records]
        for place, name in enumerate(names):
            field = collection.fields[name]
            if self._dialect.binder(field.kind) is not None:
                for row in rows:
                    row[place] = self._bind(field, row[place])
        return rows

    def _loaded(self, collection: Collection, rows: Iterable[Sequence[Any]]) -> list[Record]:
        """Rows of all columns in plain form."""
        columns = _columns(collection)
        names = [column.name for column in columns]
        loaders = [
            (column.name, load)
            for column in columns
            if (load := self._dialect.loader(column.kind)) is not None
        ]
        records: list[Record] = [dict(zip(names, row, strict=True)) for row in rows]
        for record in records:
            for name, load in loaders:
                record[name] = load(record[name])
        return records

    def _made_keys(
        self,
        collection: Collection,
        batch: Sequence[Record],
        generated: str | None,
        made: Sequence[Any],
    ) -> list[Key]:
        load = (
            None if generated is None else self._dialect.loader(collection.fields[generated].kind)
        )
        plain = made if load is None else [load(value) for value in made]
        return _keys(collection, batch, generated, plain)


def _generated(collection: Collection, record: Record) -> str | None:
    """The key column that a new row leaves to the database, if there is one."""
    missing = [name for name in collection.primary_key if name not in record]
    if len(missing) > 1:
        raise Unprocessable(f"{', '.join(missing)}: the key must be given")
    return missing[0] if missing else None


def _keys(
    collection: Collection,
    batch: Sequence[Record],
    generated: str | None,
    made: Iterable[Plain],
) -> list[Key]:
    """The keys of new rows, from what was given and what the database made."""
    if generated is None:
        return [key_of_row(record, collection) for record in batch]
    return [
        key_of_row({**record, generated: value}, collection)
        for record, value in zip(batch, made, strict=True)
    ]


def _columns(collection: Collection) -> list[Column]:
    return [field.column for field in collection.fields.values() if field.column is not None]


def _column(field: Field) -> Column:
    if field.column is None:
        raise Unprocessable(f"{field.name}: holds no value of its own")
    return field.column


def _key_columns(collection: Collection) -> list[Column]:
    return [_column(collection.fields[name]) for name in collection.primary_key]


def _listed(collection: Collection) -> bool:
    columns = _key_columns(collection)
    return len(columns) == 1 and columns[0].kind not in _UNLISTED


def _padded(collection: Collection, size: int) -> int:
    """The number of keys that a statement for `size` of them has room for."""
    return 1 if _listed(collection) else 1 << (size - 1).bit_length()
