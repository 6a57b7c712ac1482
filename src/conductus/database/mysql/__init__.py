"""The driver of MySQL and MariaDB."""

from conductus.database.mysql.database import MySQLDatabase

__all__ = ["MySQLDatabase"]
