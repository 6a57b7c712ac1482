"""Changes tables of PostgreSQL, where every step of DDL is part of the transaction."""

from __future__ import annotations

from typing import ClassVar

import sqlalchemy as sa
from alembic.ddl.base import ColumnDefault, ColumnNullable
from alembic.ddl.postgresql import PostgresqlColumnType

from conductus.database.ddl.changes import ColumnChange, TableChange
from conductus.database.ddl.conversion import converted
from conductus.database.ddl.editor import SchemaEditor
from conductus.database.ddl.elements import (
    quoted,
    server_default,
    spelled_type,
    text_of,
    unsigned_check,
)
from conductus.database.dialect import Name
from conductus.database.executor import Transaction
from conductus.database.introspection.tables import Table


class PostgreSQLEditor(SchemaEditor):
    """Alters one fact of a column at a time."""

    name: ClassVar[Name] = "postgresql"

    async def change_table(
        self, transaction: Transaction, table: Table, change: TableChange
    ) -> None:
        """Drops, changes and adds columns, then renames."""
        for name in change.dropped:
            await self.drop_column(transaction, table.name, name)
        for one in change.changed:
            await self._change_column(transaction, table, one)
        for column in change.added:
            await self.add_column(transaction, table.name, column)
        for old, new in change.renamed:
            await self.rename_column(transaction, table.name, old, new)

    async def _change_column(
        self, transaction: Transaction, table: Table, change: ColumnChange
    ) -> None:
        if change.before.signed != change.after.signed and not change.before.signed:
            await self._drop_unsigned(transaction, table, change)
        if change.retyped:
            await self._retype(transaction, table, change)
        elif change.defaulted:
            await self._set_default(transaction, table, change)
        if change.before.nullable != change.after.nullable:
            await self.run(
                transaction,
                ColumnNullable(
                    quoted(table.name), quoted(change.after.name), change.after.nullable
                ),
            )
        if change.before.signed and not change.after.signed:
            check = unsigned_check(table.name, change.after)
            sa.Table(quoted(table.name), sa.MetaData(), check)
            await self.run(transaction, sa.schema.AddConstraint(check))
        await self.change_unique(transaction, table, change)

    async def _retype(self, transaction: Transaction, table: Table, change: ColumnChange) -> None:
        # The default is converted by itself and might not convert: it is stated anew.
        kept = change.after.has_default and change.after.default is None
        if change.before.has_default and not kept:
            drop = ColumnDefault(quoted(table.name), quoted(change.before.name), None)
            await self.run(transaction, drop)
        using = text_of(self.name, converted(self.name, change.before, change.after))
        await self.run(
            transaction,
            PostgresqlColumnType(
                quoted(table.name),
                quoted(change.after.name),
                spelled_type(change.after),
                using=using,
            ),
        )
        if not kept:
            await self._set_default(transaction, table, change)

    async def _set_default(
        self, transaction: Transaction, table: Table, change: ColumnChange
    ) -> None:
        default = server_default(self.name, change.after)
        await self.run(
            transaction, ColumnDefault(quoted(table.name), quoted(change.after.name), default)
        )

    async def _drop_unsigned(
        self, transaction: Transaction, table: Table, change: ColumnChange
    ) -> None:
        for column, name in table.checks:
            if column == change.before.name:
                check = sa.CheckConstraint("", name=quoted(name))
                sa.Table(quoted(table.name), sa.MetaData(), check)
                await self.run(transaction, sa.schema.DropConstraint(check))
