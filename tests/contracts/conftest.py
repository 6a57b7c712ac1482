"""The library and the pitch, in a database of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from conductus.database.executor import Database
from tests.contracts.library import BOOKS, author, build, change
from tests.contracts.pitch import Field, playing
from tests.databases import DRIVERS
from tests.opening import opened


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url, pool_size=4, busy_seconds=5) as database:
        await build(database)
        yield database


@pytest.fixture
async def inhabited(database: Database) -> Database:
    await change(
        database,
        author("taken"),
        author("other"),
        sa.insert(BOOKS).values({"author": 1, "Shelf": "A", "place": 1}),
    )
    return database


@pytest.fixture(scope="module", params=DRIVERS)
async def pitch(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Field]:
    """The pitch on each database in turn, for a module."""
    async with playing(request.param, tmp_path_factory.mktemp("statements")) as found:
        yield found
