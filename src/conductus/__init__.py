"""Conductus: point it at a SQL database, get its API."""

__version__ = "0.1.0"
