"""Changes tables of SQLite: in place where it can, else by a copy that takes its place.

The copy keeps what the change does not touch word for word, and gets the table's indexes
and triggers again. Foreign keys are off inside a schema transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from alembic.ddl.base import RenameTable
from msgspec import Struct
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler

from conductus.database.ddl.changes import ColumnChange, Reference, TableChange
from conductus.database.ddl.conversion import converted
from conductus.database.ddl.editor import SchemaEditor, foreign_key
from conductus.database.ddl.elements import (
    Spelled,
    needs_check,
    new_column,
    quoted,
    text_of,
    unsigned_check,
)
from conductus.database.ddl.sqlite_definition import (
    ColumnDefinition,
    TableDefinition,
    parse,
    words,
)
from conductus.database.dialect import Name
from conductus.database.executor import Row, Transaction
from conductus.database.introspection.sqlite import unsigned_check as is_unsigned_check
from conductus.database.introspection.tables import Table
from conductus.errors import Unprocessable
from conductus.schema.model import Column

_TABLE_SQL = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
_ATTACHED = sa.text(
    "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')"
    " AND tbl_name = :name AND sql IS NOT NULL ORDER BY rowid"
)
_COUNTED = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_COUNT_ON = sa.text("UPDATE sqlite_sequence SET seq = :seq WHERE name = :name")
_INDEX_COLUMNS = sa.text("SELECT name FROM pragma_index_info(:name)")
_COPY = "conductus_copy"
_RESTATED = frozenset(("NOT", "NULL", "DEFAULT"))


class _Verbatim(sa.schema.Constraint):
    """A constraint of the table as it was written."""

    __visit_name__ = "conductus_verbatim"
    inherit_cache = False

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


@compiles(_Verbatim)
def _compile_verbatim(element: _Verbatim, _: DDLCompiler, **__: Any) -> str:
    return element.text


class _Source(Struct, frozen=True):
    """The table as it was declared, and what hangs on it."""

    definition: TableDefinition
    attached: tuple[str, ...]
    """Statements that make its indexes and triggers again."""
    counted: int | None
    """The last key that was given out; None where the table does not count them."""


class SQLiteEditor(SchemaEditor):
    """Adds and renames in place; all else by a copy."""

    name: ClassVar[Name] = "sqlite"

    async def change_table(
        self, transaction: Transaction, table: Table, change: TableChange
    ) -> None:
        """One copy for all that needs one, then adds and renames columns."""
        awkward = tuple(column for column in change.added if _needs_copy(self.name, column))
        if change.dropped or change.changed or awkward:
            await self._drop_uniques(transaction, table, change)
            await self._copy(transaction, table, change, awkward, None)
        for column in change.added:
            if column not in awkward:
                await self.add_column(transaction, table.name, column)
            elif column.unique:
                await self.add_unique(transaction, table.name, column.name)
        for one in change.changed:
            if one.after.unique and not one.before.unique:
                await self.add_unique(transaction, table.name, one.after.name)
        for old, new in change.renamed:
            await self.rename_column(transaction, table.name, old, new)

    async def add_reference(self, transaction: Transaction, reference: Reference) -> None:
        """A foreign key, by a copy of the table."""
        table = Table(name=reference.table, columns=())
        await self._copy(transaction, table, TableChange(), (), reference)

    async def _drop_uniques(
        self, transaction: Transaction, table: Table, change: TableChange
    ) -> None:
        """Unique indexes that stand by themselves; those of constraints go in the copy."""
        for one in change.changed:
            if one.before.unique and not one.after.unique:
                for index in table.indexes:
                    own = index.unique and index.columns == (one.before.name,)
                    if own and not index.constraint:
                        await self.drop_index(transaction, table.name, index)

    async def _copy(
        self,
        transaction: Transaction,
        table: Table,
        change: TableChange,
        added: Sequence[Column],
        reference: Reference | None,
    ) -> None:
        source = await self._source(transaction, table.name, change.dropped)
        copy = self._new_table(table.name, source.definition, change, added, reference)
        await self.run(transaction, sa.schema.CreateTable(copy))
        await self.run(transaction, self._filling(table.name, source.definition, change))
        await self.drop_table(transaction, table.name)
        await self._rename_copy(transaction, table.name)
        for statement in source.attached:
            await self.run_text(transaction, statement)
        if source.counted is not None:
            await self._execute(transaction, _COUNT_ON, name=table.name, seq=source.counted)

    async def _rename_copy(self, transaction: Transaction, name: str) -> None:
        # Or views that speak of the table would make the renaming fail.
        await transaction.execute("PRAGMA legacy_alter_table = ON")
        try:
            await self.run(transaction, RenameTable(quoted(_COPY), quoted(name)))
        finally:
            await transaction.execute("PRAGMA legacy_alter_table = OFF")

    def _new_table(
        self,
        name: str,
        definition: TableDefinition,
        change: TableChange,
        added: Sequence[Column],
        reference: Reference | None,
    ) -> sa.Table:
        changes = {one.before.name: one for one in change.changed}
        kept = _kept(definition, change.dropped)
        columns = [self._column(column, changes.get(column.name)) for column in kept]
        constraints = [_Verbatim(text) for text in definition.constraints if _stays(text, change)]
        checked = [*added, *(one.after for one in change.changed if _newly_unsigned(one))]
        options = words(definition.options)
        table = sa.Table(
            quoted(_COPY),
            sa.MetaData(),
            *columns,
            *(new_column(self.name, column) for column in added),
            *constraints,
            *(unsigned_check(name, column) for column in checked if needs_check(self.name, column)),
            sqlite_with_rowid="rowid" not in options,
            sqlite_strict="strict" in options,
        )
        if reference is not None:
            table.append_constraint(_Verbatim(_constraint_text(reference)))
        return table

    def _column(self, column: ColumnDefinition, change: ColumnChange | None) -> sa.Column[Any]:
        if change is None:
            return sa.Column(quoted(column.name), Spelled(column.text), nullable=True)
        after = change.after
        clauses = [
            clause.text
            for clause in column.clauses
            if _clause_stays(clause.text, clause.keyword, change)
        ]
        made = new_column(self.name, after)
        return sa.Column(
            quoted(after.name),
            Spelled(" ".join([after.native, *clauses])),
            nullable=after.nullable or change.before.primary_key,
            server_default=made.server_default,
        )

    def _filling(self, name: str, definition: TableDefinition, change: TableChange) -> sa.Insert:
        changes = {one.before.name: one for one in change.changed if one.retyped}
        written = [
            column for column in _kept(definition, change.dropped) if not _is_generated(column)
        ]
        source = sa.table(quoted(name), *(sa.column(quoted(column.name)) for column in written))
        copy = sa.table(quoted(_COPY), *(sa.column(quoted(column.name)) for column in written))
        values = [
            converted(self.name, changes[column.name].before, changes[column.name].after)
            if column.name in changes
            else source.c[column.name]
            for column in written
        ]
        names = [column.name for column in written]
        return sa.insert(copy).from_select(names, sa.select(*values).select_from(source))

    async def _source(self, transaction: Transaction, name: str, dropped: Iterable[str]) -> _Source:
        (row,) = await self._fetch(transaction, _TABLE_SQL, name=name)
        try:
            definition = parse(row[0])
        except ValueError as error:
            raise Unprocessable(
                f"The table {name!r} is declared in a way that is not known"
            ) from error
        attached = await self._attached(transaction, name, frozenset(dropped))
        counts = any("autoincrement" in words(column.text) for column in definition.columns)
        counted = await self._fetch(transaction, _COUNTED, name=name) if counts else []
        return _Source(definition, attached, counted[0][0] if counted else None)

    async def _attached(
        self, transaction: Transaction, name: str, dropped: frozenset[str]
    ) -> tuple[str, ...]:
        kept = []
        for kind, own_name, sql in await self._fetch(transaction, _ATTACHED, name=name):
            columns: Iterable[Row] = []
            if kind == "index":
                columns = await self._fetch(transaction, _INDEX_COLUMNS, name=own_name)
            if not any(column[0] in dropped for column in columns):
                kept.append(sql)
        return tuple(kept)

    async def _fetch(
        self, transaction: Transaction, statement: sa.TextClause, **bound: Any
    ) -> list[Row]:
        compiled = self.dialect.compile(statement)
        return await transaction.fetch(compiled.sql, compiled.values(bound))

    async def _execute(
        self, transaction: Transaction, statement: sa.TextClause, **bound: Any
    ) -> None:
        compiled = self.dialect.compile(statement)
        await transaction.execute(compiled.sql, compiled.values(bound))


def _needs_copy(name: Name, column: Column) -> bool:
    # ADD COLUMN takes no NOT NULL without a default, and no CHECK of the table.
    return (not column.nullable and column.default is None) or needs_check(name, column)


def _kept(definition: TableDefinition, dropped: Iterable[str]) -> list[ColumnDefinition]:
    return [column for column in definition.columns if column.name not in set(dropped)]


def _is_generated(column: ColumnDefinition) -> bool:
    return any(clause.keyword in ("GENERATED", "AS") for clause in column.clauses)


def _stays(constraint: str, change: TableChange) -> bool:
    """Whether a constraint of the table outlives the change."""
    mentioned = words(constraint)
    if any(name.casefold() in mentioned for name in change.dropped):
        return False
    for one in change.changed:
        name = one.before.name
        if one.after.signed and not one.before.signed and is_unsigned_check(constraint, name):
            return False
        if one.before.unique and not one.after.unique and _only_unique(mentioned, name):
            return False
    return True


def _only_unique(mentioned: Sequence[str], column: str) -> bool:
    return mentioned[-4:] == ("unique", "(", column.casefold(), ")")


def _clause_stays(text: str, keyword: str, change: ColumnChange) -> bool:
    """Whether a clause of a changed column is kept as it was written."""
    if keyword == "DEFAULT":
        # An expression is kept; a value is stated anew.
        return change.after.has_default and change.after.default is None
    if keyword in _RESTATED:
        return change.before.primary_key
    if keyword == "UNIQUE":
        return change.after.unique
    if keyword == "CHECK" and change.after.signed and not change.before.signed:
        return not is_unsigned_check(text, change.before.name)
    return True


def _newly_unsigned(change: ColumnChange) -> bool:
    return change.before.signed and not change.after.signed


def _constraint_text(reference: Reference) -> str:
    constraint = foreign_key(reference)
    added = text_of("postgresql", sa.schema.AddConstraint(constraint))
    return added[added.index("CONSTRAINT") :]
