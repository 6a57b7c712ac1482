"""The built-in tables, made and dropped."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from conductus.database.column_types import ColumnRequest, planned_column
from conductus.database.datatypes import Shape
from conductus.database.ddl import NewIndex, schema_editor
from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.schema.system import SystemColumn, SystemTable, SystemType

_DATATYPES: Mapping[SystemType, str] = {
    "string": "VARCHAR",
    "text": "TEXT",
    "longtext": "LONGTEXT",
    "integer": "INT",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "datetime": "DATETIME",
}


async def create(transaction: Transaction, dialect: Dialect, name: str, table: SystemTable) -> None:
    """A built-in table with its indexes."""
    columns = [planned_column(dialect.name, _request(column)) for column in table.columns]
    # Not every database keeps the names of indexes apart by table.
    indexes = [
        NewIndex(name=f"{name}_{index.name}", columns=index.columns, unique=index.unique)
        for index in table.indexes
    ]
    await schema_editor(dialect).create_table(transaction, name, columns, indexes)


async def index(transaction: Transaction, dialect: Dialect) -> None:
    """The indexes that no column alone has: users are found by e-mail address in any case."""
    await schema_editor(dialect).index_folded(transaction, "directus_users", "email")


async def drop(transaction: Transaction, dialect: Dialect, name: str) -> None:
    """Drops a built-in table with all its rows."""
    await schema_editor(dialect).drop_table(transaction, name)


def _request(column: SystemColumn) -> ColumnRequest:
    length = str(column.length) if column.length is not None else None
    return ColumnRequest(
        name=column.name,
        type=column.type,
        shape=Shape(_DATATYPES[column.type], length),
        signed=not column.unsigned,
        nullable=column.nullable,
        default=None if column.default is UNSET else column.default,
        primary_key=column.primary_key,
        auto_increment=column.auto_increment,
    )
