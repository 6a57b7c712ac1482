"""Makes, changes and drops tables; what is alike on the three databases.

An editor works inside a `Database.schema_transaction`. A statement that the database
refuses is `Unprocessable` (12), never the database's own message.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import sqlalchemy as sa
from alembic.ddl.base import AddColumn, DropColumn

from conductus.database.ddl.changes import ColumnChange, NewIndex, Reference, TableChange
from conductus.database.ddl.elements import (
    RenameColumn,
    made_name,
    needs_check,
    new_column,
    quoted,
    text_of,
    unsigned_check,
)
from conductus.database.dialect import Dialect, Name
from conductus.database.executor import Transaction
from conductus.database.introspection.tables import Index, Table
from conductus.errors import QueryFailed, Unprocessable
from conductus.schema.model import Column


class SchemaEditor(ABC):
    """Changes the tables of one kind of database; `ddl.schema_editor` chooses which."""

    name: ClassVar[Name]

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    async def create_table(
        self,
        transaction: Transaction,
        name: str,
        columns: Sequence[Column],
        indexes: Iterable[NewIndex] = (),
    ) -> None:
        """A new table; columns that are `unique` get their index."""
        table = self.new_table(name, columns)
        await self.run(transaction, sa.schema.CreateTable(table))
        for column in columns:
            if column.unique:
                await self.add_unique(transaction, name, column.name)
        for index in indexes:
            await self._create_index(transaction, table, index)

    async def index_folded(self, transaction: Transaction, table: str, column: str) -> None:
        """An index by which texts are found whatever their case, where it takes one of its own."""
        clause = sa.Table(quoted(table), sa.MetaData(), sa.Column(quoted(column), sa.String()))
        folded = self.dialect.folded(clause.c[column])
        if folded is not None:
            index = sa.Index(quoted(made_name(table, column, "folded")), folded)
            await self.run(transaction, sa.schema.CreateIndex(index, if_not_exists=True))

    async def drop_table(self, transaction: Transaction, name: str) -> None:
        """The table and its indexes, gone."""
        await self.run(transaction, sa.schema.DropTable(sa.Table(quoted(name), sa.MetaData())))

    @abstractmethod
    async def change_table(
        self, transaction: Transaction, table: Table, change: TableChange
    ) -> None:
        """Drops, changes and adds columns, then renames; a change is of the old name."""

    async def add_reference(self, transaction: Transaction, reference: Reference) -> None:
        """A foreign key, kept by the database."""
        await self.run(transaction, sa.schema.AddConstraint(foreign_key(reference)))

    # B027: nothing is to be done where a transaction takes DDL back.
    async def take_back_reference(  # noqa: B027
        self, transaction: Transaction, reference: Reference
    ) -> None:
        """Undoes `add_reference` where the transaction that fails will not do it."""

    async def add_unique(self, transaction: Transaction, table: str, column: str) -> None:
        """An index that keeps a column unique."""
        index = NewIndex(name=made_name(table, column, "unique"), columns=(column,), unique=True)
        clause = sa.Table(
            quoted(table), sa.MetaData(), sa.Column(quoted(column), sa.types.NullType())
        )
        await self._create_index(transaction, clause, index)

    async def drop_index(self, transaction: Transaction, table: str, index: Index) -> None:
        """An index, and the UNIQUE constraint that it belongs to."""
        columns = [sa.Column(quoted(name), sa.types.NullType()) for name in index.columns]
        sa.Table(quoted(table), sa.MetaData(), *columns)
        if index.constraint:
            constraint = sa.UniqueConstraint(*columns, name=quoted(index.name))
            await self.run(transaction, sa.schema.DropConstraint(constraint))
        else:
            gone = sa.Index(quoted(index.name), *columns)
            await self.run(transaction, sa.schema.DropIndex(gone))

    async def run(self, transaction: Transaction, *statements: sa.ClauseElement) -> None:
        """Runs DDL. Raises `Unprocessable` where the database refuses it."""
        for statement in statements:
            await self.run_text(transaction, text_of(self.name, statement))

    async def run_text(self, transaction: Transaction, text: str) -> None:
        """The same for a statement that is text already."""
        try:
            await transaction.execute(text)
        except QueryFailed as error:
            raise Unprocessable("The database refuses this change of the schema") from error

    def new_table(self, name: str, columns: Sequence[Column]) -> sa.Table:
        """The table with what it must have to be made here."""
        checks = [
            unsigned_check(name, column) for column in columns if needs_check(self.name, column)
        ]
        return sa.Table(
            quoted(name),
            sa.MetaData(),
            *(new_column(self.name, column) for column in columns),
            *checks,
            sqlite_autoincrement=True,
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
        )

    async def drop_column(self, transaction: Transaction, table: str, column: str) -> None:
        """A column and what depends on it alone."""
        gone = sa.Column(quoted(column), sa.types.NullType())
        await self.run(transaction, DropColumn(quoted(table), gone))

    async def rename_column(self, transaction: Transaction, table: str, old: str, new: str) -> None:
        """Another name for a column; what the database keeps about it follows."""
        await self.run(transaction, RenameColumn(quoted(table), quoted(old), quoted(new)))

    async def add_column(self, transaction: Transaction, table: str, column: Column) -> None:
        """A column with its sign and its index."""
        added = new_column(self.name, column)
        holder = sa.Table(quoted(table), sa.MetaData(), added)
        await self.run(transaction, AddColumn(quoted(table), added))
        if needs_check(self.name, column):
            check = unsigned_check(table, column)
            holder.append_constraint(check)
            await self.run(transaction, sa.schema.AddConstraint(check))
        if column.unique:
            await self.add_unique(transaction, table, column.name)

    async def change_unique(
        self, transaction: Transaction, table: Table, change: ColumnChange
    ) -> None:
        """Makes the index that keeps the column unique, or drops it."""
        if change.before.unique == change.after.unique:
            return
        if change.after.unique:
            await self.add_unique(transaction, table.name, change.after.name)
            return
        for index in table.indexes:
            if index.unique and index.columns == (change.before.name,):
                await self.drop_index(transaction, table.name, index)

    async def _create_index(
        self, transaction: Transaction, table: sa.Table, index: NewIndex
    ) -> None:
        columns = [table.c[name] for name in index.columns]
        made = sa.Index(quoted(index.name), *columns, unique=index.unique)
        await self.run(transaction, sa.schema.CreateIndex(made))


def foreign_key(reference: Reference) -> sa.ForeignKeyConstraint:
    """The constraint on a table that has the column, to be added to it."""
    constraint = sa.ForeignKeyConstraint(
        [quoted(reference.column)],
        [sa.Column(quoted(reference.referred_column), sa.types.NullType())],
        name=quoted(made_name(reference.table, reference.column, "foreign")),
        ondelete=reference.on_delete.replace("_", " ").upper(),
    )
    (element,) = constraint.elements
    # Two pictures: a table may refer to itself.
    sa.Table(quoted(reference.referred_table), sa.MetaData(), element.column)
    sa.Table(
        quoted(reference.table),
        sa.MetaData(),
        sa.Column(quoted(reference.column), sa.types.NullType()),
        constraint,
    )
    return constraint
