"""Worlds that scenarios run in: real projects on each database, behind real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenarios.shop import Live, live


@pytest.fixture
async def empty(database_url: str, tmp_path: Path) -> AsyncIterator[Live]:
    """A project without any collection of its own."""
    async with live(database_url, tmp_path / "data") as world:
        yield world
