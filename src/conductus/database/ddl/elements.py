"""The pieces that DDL is made of, as SQLAlchemy sees them: types, columns, names.

Every name is quoted, every literal is written by SQLAlchemy. The dialects here write text
for no particular driver, so that a `%` stays a single one.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa
from alembic.ddl.base import AlterTable, alter_table, format_column_name
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.sql.elements import quoted_name

from conductus.database.dialect import Name
from conductus.errors import ValidationFailed
from conductus.schema.model import Column, Kind

_DIALECTS: Final[Mapping[Name, sa.Dialect]] = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    # SQLAlchemy's own are without types.
    "postgresql": postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
    "mysql": mysql.dialect(paramstyle="named"),
}
_LONGEST: Final[Mapping[Name, int]] = {"sqlite": 64, "postgresql": 63, "mysql": 64}
_NAME_BYTES: Final = 60
"""Short enough for an index on every database, whatever it is named after."""


class Spelled(sa.types.UserDefinedType[Any]):
    """A type by the spelling of the database's own catalogue."""

    cache_ok = True

    def __init__(self, native: str) -> None:
        self.native = native

    def get_col_spec(self, **_: Any) -> str:
        """The spelling."""
        return self.native


class SpelledInteger(sa.Integer):
    """The same for a column that counts by itself, which must be known to hold integers."""

    __visit_name__ = "user_defined"

    def __init__(self, native: str) -> None:
        self.native = native

    def get_col_spec(self, **_: Any) -> str:
        """The spelling."""
        return self.native


class RenameColumn(AlterTable):
    """RENAME COLUMN, which all three databases know; Alembic writes it for two."""

    def __init__(self, table: quoted_name, old: quoted_name, new: quoted_name) -> None:
        super().__init__(table)
        self.old = old
        self.new = new


@compiles(RenameColumn)
def _rename_column(element: RenameColumn, compiler: DDLCompiler, **_: Any) -> str:
    table = alter_table(compiler, element.table_name, None)
    old = format_column_name(compiler, element.old)
    return f"{table} RENAME COLUMN {old} TO {format_column_name(compiler, element.new)}"


def text_of(database: Name, element: sa.ClauseElement) -> str:
    """The statement as text, its literals written out."""
    if isinstance(element, sa.schema.ExecutableDDLElement):
        return str(element.compile(dialect=_DIALECTS[database])).strip()
    compiled = element.compile(dialect=_DIALECTS[database], compile_kwargs={"literal_binds": True})
    return str(compiled).strip()


def quoted(name: str) -> quoted_name:
    """The name, quoted whatever it is."""
    return quoted_name(name, quote=True)


def spelled_type(column: Column) -> sa.types.TypeEngine[Any]:
    """The type of a column as its database spells it."""
    return SpelledInteger(column.native) if column.auto_increment else Spelled(column.native)


def server_default(database: Name, column: Column) -> Any:
    """What to hand to SQLAlchemy as the column's default; None when there is none to state."""
    value = column.default
    if value is None or column.auto_increment:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return sa.literal(value) if database == "postgresql" else sa.literal(int(value))
    if isinstance(value, list):
        return "{" + ",".join(value) + "}"
    # Decimals that SQLite keeps as text are text in its defaults too.
    return format(value, "f") if column.kind is Kind.DECIMAL_TEXT else sa.literal(value)


def new_column(database: Name, column: Column) -> sa.Column[Any]:
    """A column for CREATE TABLE and ADD COLUMN."""
    counting = [sa.Identity(always=False)] if column.auto_increment else []
    return sa.Column(
        quoted(column.name),
        spelled_type(column),
        *(counting if database == "postgresql" else []),
        primary_key=column.primary_key,
        nullable=column.nullable and not column.primary_key,
        autoincrement=column.auto_increment,
        server_default=server_default(database, column),
    )


def unsigned_check(table: str, column: Column) -> sa.CheckConstraint:
    """What keeps a column from going below zero where there are no unsigned types."""
    test = sa.column(quoted(column.name)) >= sa.literal_column("0")
    return sa.CheckConstraint(test, name=quoted(made_name(table, column.name, "unsigned")))


def needs_check(database: Name, column: Column) -> bool:
    """Whether the column's sign is kept by a CHECK."""
    return database != "mysql" and not column.signed


def made_name(table: str, *parts: str) -> str:
    """A name for an index or a constraint, unique in the schema and never too long."""
    whole = "_".join((table, *parts))
    if len(whole.encode()) <= _NAME_BYTES:
        return whole
    digest = sha256("\0".join((table, *parts)).encode()).hexdigest()[:12]
    return f"{whole.encode()[: _NAME_BYTES - 13].decode(errors='ignore')}_{digest}"


def check_identifier(database: Name, what: str, name: str) -> None:
    """Raises `ValidationFailed` for a name that the database would cut off."""
    if len(name.encode()) > _LONGEST[database]:
        raise ValidationFailed({what: f"Takes {_LONGEST[database]} characters at most here"})
