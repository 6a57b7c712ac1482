"""What the rows of a table have to say before its columns change.

Asked before the first statement of DDL, so that a refusal leaves everything as it was on
every database.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from conductus.database.ddl import ColumnChange
from conductus.database.ddl.conversion import fits, widening
from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.errors import DuplicateValue, RequiredImpossible, Unprocessable
from conductus.projects.schema_changes.plans import FieldPlan
from conductus.schema.model import Column

BATCH = 1000


class RowChecks:
    """Looks at the rows of one table."""

    def __init__(self, transaction: Transaction, dialect: Dialect, table: str) -> None:
        self._transaction = transaction
        self._dialect = dialect
        self._table = table

    async def plan(self, plan: FieldPlan, *, force: bool) -> None:
        """Raises as the others do. By `force` a column goes whatever it holds."""
        if plan.changed is not None:
            await self.change(plan.changed)
        if plan.added is not None:
            await self.addition(plan.added)
        if plan.dropped is not None and not force and await self.holds_data(plan.dropped):
            raise Unprocessable(
                f"{plan.row.field}: the column holds data, which an alias cannot; use force=1",
                details={"field": plan.row.field},
            )

    async def change(self, change: ColumnChange) -> None:
        """Raises 404/422, 204/409 or 12/422 where the rows do not allow a change."""
        before, after = change.before, change.after
        if before.nullable and not after.nullable and await self._any(before, null=True):
            raise RequiredImpossible(before.name)
        if after.unique and not before.unique and await self._any_twice(before):
            raise DuplicateValue((before.name,))
        if (change.retyped or before.signed != after.signed) and not widening(
            self._dialect.name, before, after
        ):
            await self._refuse_misfits(change)

    async def addition(self, column: Column) -> None:
        """Raises 404/422 or 204/409 where the rows do not allow a new column."""
        bare = not column.nullable and column.default is None
        repeated = column.unique and column.default is not None
        if not bare and not repeated:
            return
        rows = await self._rows(2)
        if bare and rows:
            raise RequiredImpossible(column.name)
        if repeated and rows > 1:
            raise DuplicateValue((column.name,))

    async def holds_data(self, column: Column) -> bool:
        """Whether some row has a value in the column."""
        return await self._any(column, null=False)

    async def _refuse_misfits(self, change: ColumnChange) -> None:
        misfits = 0
        before, after = change.before, change.after
        source = self._source(before)
        column = source.c[before.name]
        statement = self._dialect.compile(
            sa.select(self._dialect.readable(column, before.kind))
            .select_from(source)
            .where(column.is_not(None))
        )
        load = self._dialect.loader(before.kind)
        async with self._transaction.stream(statement.sql, statement.values({}), BATCH) as batches:
            async for batch in batches:
                plain = (load(row[0]) if load else row[0] for row in batch)
                misfits += sum(not fits(value, before, after) for value in plain)
        if misfits:
            raise Unprocessable(
                f"{before.name}: {misfits} rows hold a value that does not fit the new datatype",
                details={"field": before.name, "rows": misfits},
            )

    async def _any(self, column: Column, *, null: bool) -> bool:
        source = self._source(column)
        found = source.c[column.name]
        condition = found.is_(None) if null else found.is_not(None)
        return await self._exists(sa.select(sa.literal(1)).select_from(source).where(condition))

    async def _any_twice(self, column: Column) -> bool:
        source = self._source(column)
        found = source.c[column.name]
        return await self._exists(
            sa.select(sa.literal(1))
            .select_from(source)
            .where(found.is_not(None))
            .group_by(found)
            .having(sa.func.count() > 1)
        )

    async def _rows(self, most: int) -> int:
        source = sa.table(sa.quoted_name(self._table, quote=True))
        some = sa.select(sa.literal(1)).select_from(source).limit(most)
        return len(await self._fetch(some))

    async def _exists(self, select: sa.Select[Any]) -> bool:
        return bool(await self._fetch(select.limit(1)))

    async def _fetch(self, select: sa.Select[Any]) -> Any:
        statement = self._dialect.compile(select)
        return await self._transaction.fetch(statement.sql, statement.values({}))

    def _source(self, column: Column) -> sa.TableClause:
        return sa.table(
            sa.quoted_name(self._table, quote=True),
            sa.column(sa.quoted_name(column.name, quote=True), self._dialect.type(column.kind)),
        )
