"""The driver of SQLite: short reads in the event loop, long ones in threads, one writer."""

from conductus.database.sqlite.database import SQLiteDatabase

__all__ = ["SQLiteDatabase"]
