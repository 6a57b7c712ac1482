"""What is in the database: tables, views, columns and keys, read from its own catalogue.

Each database is asked with a handful of statements for all its tables at once, whatever
their number, and by plain statements, so that a transaction sees its own changes. The
catalogues are asked directly and not through SQLAlchemy's Inspector, which asks two of the
three databases table by table, and cannot name types that it does not know.
"""

from __future__ import annotations

from conductus.database.dialect import Dialect
from conductus.database.executor import Database, Executor
from conductus.database.introspection import mysql, postgresql, sqlite
from conductus.database.introspection.catalogue import Catalogue
from conductus.database.introspection.tables import ForeignKey, Index, Table

__all__ = ["ForeignKey", "Index", "Table", "introspect", "introspect_within"]


async def introspect(database: Database) -> tuple[Table, ...]:
    """Every table and view of the database (PostgreSQL: of the current schema), by name."""
    return await introspect_within(database, database.dialect)


async def introspect_within(executor: Executor, dialect: Dialect) -> tuple[Table, ...]:
    """The same as seen by a transaction, its own uncommitted changes included."""
    catalogue = Catalogue(dialect)
    match dialect.name:
        case "sqlite":
            return await sqlite.tables(executor, catalogue)
        case "postgresql":
            return await postgresql.tables(executor, catalogue)
        case "mysql":
            return await mysql.tables(executor, catalogue)
