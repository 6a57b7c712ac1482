"""The built-in tables as DDL text of each database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from msgspec import UNSET
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable
from sqlalchemy.types import TypeEngine

from conductus.database.dialect import Dialect
from conductus.schema.system import SystemColumn, SystemTable


def created(dialect: Dialect, name: str, table: SystemTable) -> Iterable[str]:
    """The statements that make a built-in table and its indexes."""
    made = sa.Table(
        sa.quoted_name(name, quote=True),
        sa.MetaData(),
        *map(_column, table.columns),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
    )
    yield str(CreateTable(made).compile(dialect=dialect.sqlalchemy))
    for index in table.indexes:
        # PostgreSQL and SQLite keep the names of indexes apart by schema, not by table.
        named = index.name if dialect.name == "mysql" else f"{name}_{index.name}"
        columns = [made.c[column] for column in index.columns]
        statement = CreateIndex(sa.Index(named, *columns, unique=index.unique))
        yield str(statement.compile(dialect=dialect.sqlalchemy))


def dropped(dialect: Dialect, name: str) -> str:
    """The statement that drops a built-in table."""
    table = sa.Table(sa.quoted_name(name, quote=True), sa.MetaData())
    return str(DropTable(table).compile(dialect=dialect.sqlalchemy))


def _column(column: SystemColumn) -> sa.Column[Any]:
    default = None if column.default is UNSET else _default(column)
    return sa.Column(
        sa.quoted_name(column.name, quote=True),
        _type(column),
        primary_key=column.primary_key,
        autoincrement=column.auto_increment,
        nullable=column.nullable,
        server_default=default,
    )


def _default(column: SystemColumn) -> sa.ColumnElement[Any] | str | None:
    value = column.default
    if value is None or column.type in ("text", "longtext"):
        return None
    if column.type == "boolean":
        return sa.true() if value else sa.false()
    return str(value)


def _type(column: SystemColumn) -> TypeEngine[Any]:
    integer = mysql.INTEGER(unsigned=column.unsigned)
    types: dict[str, TypeEngine[Any]] = {
        "string": sa.String(column.length),
        "text": sa.Text(),
        "longtext": sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"),
        "integer": sa.Integer().with_variant(integer, "mysql", "mariadb"),
        "bigint": sa.BigInteger(),
        "boolean": sa.Boolean(),
        "datetime": sa.DateTime(),
    }
    return types[column.type]
