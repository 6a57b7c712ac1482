"""Worlds that scenarios run in: real projects on each database, behind real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import DRIVERS
from tests.scenarios import worlds
from tests.scenarios.gallery import Gallery, gallery
from tests.scenarios.office import Office, office
from tests.scenarios.provisioning import Provider, provider
from tests.scenarios.shop import Live, live
from tests.scenarios.workshop import Workshop, workshop


@pytest.fixture
async def empty(project_url: str, tmp_path: Path) -> AsyncIterator[Live]:
    """A project without any collection of its own."""
    async with live(project_url, tmp_path / "data") as world:
        yield world


@pytest.fixture(scope="session", params=DRIVERS)
async def newsroom(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    """The newsroom on each database in turn, for tests that only read."""
    async with worlds.newsroom(request.param, tmp_path_factory.mktemp("newsroom")) as world:
        yield world


@pytest.fixture(scope="session", params=DRIVERS)
async def archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    """The archive on each database in turn, for tests that only read."""
    async with worlds.archive(request.param, tmp_path_factory.mktemp("archive")) as world:
        yield world


@pytest.fixture(scope="session", params=DRIVERS, name="workshop")
async def make_workshop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Workshop]:
    """The workshop on each database in turn, for tests that make collections of their own."""
    async with workshop(request.param, tmp_path_factory.mktemp("workshop")) as shop:
        yield shop


@pytest.fixture(scope="session", params=DRIVERS)
async def furnished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """The office on each database in turn."""
    async with office(request.param, tmp_path_factory.mktemp("office")) as found:
        yield found


@pytest.fixture
async def place(furnished: Office) -> AsyncIterator[Office]:
    """The office, where what a test grants is withdrawn afterwards."""
    yield furnished
    await furnished.withdraw()


@pytest.fixture(scope="session", params=DRIVERS, name="gallery")
async def make_gallery(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gallery]:
    """The gallery on each database in turn, where each test hangs pictures of its own."""
    async with gallery(request.param, tmp_path_factory.mktemp("gallery")) as found:
        yield found


@pytest.fixture(scope="session", params=DRIVERS)
async def scim(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Provider]:
    """A provider of a project on each database, where each test makes users of its own."""
    async with provider(request.param, tmp_path_factory.mktemp("scim")) as found:
        yield found


@pytest.fixture(scope="session", params=DRIVERS)
async def strict(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Provider]:
    """The same in strict mode; whoever was deleted comes back, groups let their members go."""
    folder = tmp_path_factory.mktemp("strict")
    settings = {"mode": "strict", "revive_deleted": "true", "detach_on_delete": "true"}
    async with provider(request.param, folder, **settings) as found:
        yield found
