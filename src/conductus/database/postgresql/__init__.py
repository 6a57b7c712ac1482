"""The driver of PostgreSQL and of what speaks its protocol."""

from conductus.database.postgresql.database import PostgreSQLDatabase

__all__ = ["PostgreSQLDatabase"]
