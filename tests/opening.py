"""A database of a test, open for as long as it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from conductus.database.executor import Database
from conductus.database.opening import open_database


@asynccontextmanager
async def opened(url: str, **limits: Any) -> AsyncIterator[Database]:
    """The database at the address, as it is."""
    database = await open_database(url, **limits)
    try:
        yield database
    finally:
        await database.close()
