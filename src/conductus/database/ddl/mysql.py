"""Changes tables of MySQL and MariaDB, which commit at every step of DDL.

Steps that can fail for the data's sake come first; what was added before a failure is
taken back, as far as the server lets us.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from alembic.ddl.mysql import MySQLModifyColumn
from msgspec import Struct

from conductus.database.ddl.changes import ColumnChange, Reference, TableChange
from conductus.database.ddl.editor import SchemaEditor, foreign_key
from conductus.database.ddl.elements import Spelled, quoted, server_default
from conductus.database.dialect import Name
from conductus.database.executor import Row, Transaction
from conductus.database.introspection.tables import ForeignKey, Index, Table
from conductus.errors import ApiError
from conductus.schema.model import Column, Kind

_DETAILS = sa.text(
    "SELECT CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_COMMENT, COLUMN_DEFAULT, EXTRA"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
    " AND TABLE_NAME = :table_name AND COLUMN_NAME = :column_name"
)
_INDEX = sa.text(
    "SELECT 1 FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()"
    " AND TABLE_NAME = :table_name AND INDEX_NAME = :index_name"
)
_CHARACTERS = frozenset({Kind.TEXT, Kind.JSON})


class _Details(Struct, frozen=True):
    """What MODIFY forgets about a column unless it is told again."""

    character_set: str | None
    collation: str | None
    comment: str
    default_text: str | None
    extra: str


class MySQLEditor(SchemaEditor):
    """States a whole column anew for each change of it."""

    name: ClassVar[Name] = "mysql"

    async def change_table(
        self, transaction: Transaction, table: Table, change: TableChange
    ) -> None:
        """Changes and additions first, as data can make those fail."""
        added: list[Column] = []
        try:
            for one in change.changed:
                await self._change_column(transaction, table, one)
            for column in change.added:
                await self.add_column(transaction, table.name, column)
                added.append(column)
            for old, new in change.renamed:
                await self.rename_column(transaction, table.name, old, new)
            for name in change.dropped:
                await self._drop(transaction, table, name)
        except ApiError:
            for column in added:
                await self.drop_column(transaction, table.name, column.name)
            raise

    async def take_back_reference(self, transaction: Transaction, reference: Reference) -> None:
        """Drops the constraint, which DDL has committed, and the index made for it."""
        # Or dropping would commit what else was done since.
        await transaction.execute("ROLLBACK")
        constraint = foreign_key(reference)
        await self.run(transaction, sa.schema.DropConstraint(constraint))
        name = str(constraint.name)
        if await self._fetch(transaction, _INDEX, table_name=reference.table, index_name=name):
            index = Index(name=name, columns=(reference.column,), unique=False)
            await self.drop_index(transaction, reference.table, index)

    async def run_text(self, transaction: Transaction, text: str) -> None:
        """Runs DDL; the driver takes `%` for the beginning of a parameter."""
        await super().run_text(transaction, text.replace("%", "%%"))

    async def _drop(self, transaction: Transaction, table: Table, column: str) -> None:
        # The server refuses to drop a column that a foreign key is made of.
        for key in table.foreign_keys:
            if column in key.columns:
                await self._drop_foreign_key(transaction, table, key)
        await self.drop_column(transaction, table.name, column)

    async def _drop_foreign_key(
        self, transaction: Transaction, table: Table, key: ForeignKey
    ) -> None:
        every = sa.MetaData()
        referred = [sa.Column(quoted(name), sa.types.NullType()) for name in key.referred_columns]
        constraint = sa.ForeignKeyConstraint(
            [quoted(name) for name in key.columns], referred, name=quoted(key.name or "")
        )
        sa.Table(quoted(key.table), every, *referred)
        columns = [sa.Column(quoted(name), sa.types.NullType()) for name in key.columns]
        sa.Table(quoted(table.name), sa.MetaData(), *columns, constraint)
        await self.run(transaction, sa.schema.DropConstraint(constraint))

    async def _change_column(
        self, transaction: Transaction, table: Table, change: ColumnChange
    ) -> None:
        before, after = change.before, change.after
        facts = (before.nullable, before.signed) != (after.nullable, after.signed)
        if change.retyped or change.defaulted or facts:
            details = await self._details(transaction, table.name, before.name)
            await self.run(
                transaction,
                MySQLModifyColumn(
                    quoted(table.name),
                    quoted(after.name),
                    type_=_type(change, details),
                    nullable=after.nullable,
                    default=_default(self.name, change, details),
                    autoincrement=after.auto_increment,
                    comment=details.comment or None,
                ),
            )
        await self.change_unique(transaction, table, change)

    async def _details(self, transaction: Transaction, table: str, column: str) -> _Details:
        (row,) = await self._fetch(transaction, _DETAILS, table_name=table, column_name=column)
        return _Details(row[0], row[1], row[2] or "", row[3], row[4] or "")

    async def _fetch(
        self, transaction: Transaction, select: sa.TextClause, **values: str
    ) -> list[Row]:
        statement = self.dialect.compile(select)
        return await transaction.fetch(statement.sql, statement.values(values))


def _type(change: ColumnChange, details: _Details) -> Spelled:
    """The type with its letters, and with what the server does at each update."""
    spelled = change.after.native
    text = change.before.kind is Kind.TEXT and change.after.kind is Kind.TEXT
    if text and details.character_set and details.collation:
        spelled = f"{spelled} CHARACTER SET {details.character_set} COLLATE {details.collation}"
    return Spelled(spelled)


def _default(name: Name, change: ColumnChange, details: _Details) -> Any:
    expression = change.after.has_default and change.after.default is None
    if not expression or change.after.auto_increment:
        return server_default(name, change.after)
    kept = details.default_text or "NULL"
    on_update = details.extra.lower().partition("on update ")[2]
    return sa.text(f"{kept} ON UPDATE {on_update}" if on_update else kept)
