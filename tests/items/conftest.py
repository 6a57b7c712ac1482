"""The writer's own world, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.items.desk import Desk, desk


@pytest.fixture
async def shop(project_url: str) -> AsyncIterator[Desk]:
    """The world of the recorded answers, empty."""
    async with desk(project_url) as world:
        yield world
