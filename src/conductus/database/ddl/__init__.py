"""Changes of the schema: from what a table shall be to DDL, run inside a transaction.

SQLAlchemy and Alembic write the statements, our executor runs them. PostgreSQL and SQLite
keep DDL and metadata together or not at all; MySQL commits at every step.
"""

from __future__ import annotations

from conductus.database.ddl.changes import (
    ColumnChange,
    NewIndex,
    Reference,
    TableChange,
)
from conductus.database.ddl.editor import SchemaEditor
from conductus.database.ddl.mysql import MySQLEditor
from conductus.database.ddl.postgresql import PostgreSQLEditor
from conductus.database.ddl.sqlite import SQLiteEditor
from conductus.database.dialect import Dialect
from conductus.database.introspection.tables import OnDelete

__all__ = [
    "ColumnChange",
    "NewIndex",
    "OnDelete",
    "Reference",
    "SchemaEditor",
    "TableChange",
    "schema_editor",
]


def schema_editor(dialect: Dialect) -> SchemaEditor:
    """Who changes the tables of that database."""
    match dialect.name:
        case "sqlite":
            return SQLiteEditor(dialect)
        case "postgresql":
            return PostgreSQLEditor(dialect)
        case "mysql":
            return MySQLEditor(dialect)
