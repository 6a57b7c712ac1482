"""What every storage does, on a disk and over S3."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from msgspec import structs

from conductus.config import StorageConfig, new_project_config
from conductus.errors import StorageFull, StorageUnreachable
from conductus.extensions import Registry
from conductus.extensions.loading import in_folder
from conductus.files.storage import ProjectStorage, Storage
from conductus.files.storages import Opener, Storages
from conductus.projects.project import Project
from conductus.telemetry import Observation, StorageFailed
from conductus.testing.storages import PART, RULES, Rule, Tried
from tests.bucket import ANYBODY, Bucket, Manner, bad_server, new_bucket, s3_server

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
Openers = Mapping[str, Opener]


class Place:
    """One project's storage, with what it tells and a way to look behind it."""

    def __init__(
        self,
        config: StorageConfig,
        data: Path,
        bucket: Bucket | None,
        openers: Openers | None = None,
    ) -> None:
        self.seen: list[Observation] = []
        self.data = data
        self.bucket = bucket
        self.plugin = bool(config.plugin)
        find = (openers or {}).get
        storages = Storages(data, self.seen.append, lambda _, name: find(name))
        self.both: ProjectStorage = storages.of(project(config))

    @property
    def originals(self) -> Storage:
        return self.both.originals

    async def left(self) -> list[str]:
        """All that is there, unfinished uploads too."""
        if self.bucket is not None:
            return [*self.bucket.keys(), *self.bucket.unfinished()]
        if self.plugin:
            return [str(row) for path in self.data.rglob("*.db") for row in blobs_in(path)]
        return [str(path) for path in self.data.rglob("*") if path.is_file()]


def project(config: StorageConfig) -> Project:
    class Stand:
        key = "main"

    stand = Stand()
    stand.config = structs.replace(new_project_config("sqlite://"), storage=config)  # type: ignore[attr-defined]  # all that is asked of it
    # A storage knows of a project no more than its key and its configuration.
    return cast("Project", stand)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


def of_plugin(data: Path) -> Place:
    """The storage of the example, as a plugin registers it."""
    (found,) = [one for one in in_folder(EXAMPLES) if one.name == "cellar"]
    registry = Registry("cellar", {"folder": str(data)})
    found.load()(registry)
    config = StorageConfig(driver="plugin", plugin="cellar")
    return Place(config, data, None, registry.registered().storages)


def blobs_in(path: Path) -> list[Any]:
    """All that a cellar holds."""
    connection = sqlite3.connect(path)
    try:
        tables = ("objects", "blobs", "pieces")
        return [row for table in tables for row in connection.execute(f"SELECT blob FROM {table}")]
    finally:
        connection.close()


@pytest.fixture(params=["local", "s3", "plugin"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return Place(StorageConfig(), tmp_path, None)
    if request.param == "plugin":
        return of_plugin(tmp_path)
    bucket = new_bucket(request.getfixturevalue("endpoint"))
    return Place(bucket.config(), tmp_path, bucket)


async def put(storage: Storage, key: str, *parts: bytes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    await storage.put(key, chunks(), "text/plain")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_every_storage(place: Place, rule: Rule) -> None:
    await rule(Tried(place.originals, place.both.generated, place.left))
    # Nothing of it is a fault of the storage.
    assert place.seen == []


@pytest.mark.parametrize(
    ("type", "expected"),
    [("text/html", "attachment"), ("image/svg+xml", "attachment"), ("image/png", None)],
)
async def test_a_store_shows_by_itself_what_runs_nothing(
    endpoint: str, tmp_path: Path, type: str, expected: str | None
) -> None:
    bucket = new_bucket(endpoint)
    place = Place(bucket.config(), tmp_path, bucket)
    await place.originals.put("old", _drawing(), type)
    await place.originals.rename("old", "new")
    (key,) = bucket.keys()
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{endpoint}/{bucket.name}/{key}", headers=ANYBODY)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == type
    assert answer.headers.get("content-disposition") == expected


async def _drawing() -> AsyncIterator[bytes]:
    yield b"<svg>"


def test_a_storage_that_no_plugin_offers_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageUnreachable):
        Place(StorageConfig(driver="plugin", plugin="attic"), tmp_path, None)


@pytest.mark.parametrize(
    "stated", [{"driver": "plugin"}, {"plugin": "cellar"}, {"driver": "s3", "plugin": "cellar"}]
)
def test_a_plugin_is_named_with_its_driver_alone(stated: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="plugin"):
        StorageConfig(**stated)


# -- what goes wrong ------------------------------------------------------------------


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    place = Place(StorageConfig(), tmp_path, None)
    with largest_file(PART), pytest.raises(StorageFull):
        await put(place.originals, "large", bytes(PART), bytes(PART))
    assert await place.left() == []
    assert [type(seen) for seen in place.seen] == [StorageFailed]


def _unwritable(folder: Path) -> None:
    folder.write_text("no folder")


@pytest.mark.parametrize("spoil", [_unwritable])
def test_a_folder_that_cannot_be_is_told(tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    spoil(tmp_path / "files")
    with pytest.raises(StorageUnreachable):
        Place(StorageConfig(), tmp_path, None)


@pytest.mark.parametrize("manner", ["failing", "silent"])
async def test_a_server_that_does_not_do_its_work_is_unreachable_soon(
    tmp_path: Path, manner: Manner
) -> None:
    async with bad_server(manner) as endpoint:
        config = Bucket(endpoint, "any").config(timeout_seconds=0.5)
        place = Place(config, tmp_path, None)
        for asked in (
            place.originals.head("x"),
            place.originals.get("x"),
            place.originals.delete("x"),
            place.originals.rename("x", "y"),
            put(place.originals, "x", b"x"),
            anext(place.originals.listed()),
        ):
            with pytest.raises(StorageUnreachable):
                await asked
    assert {type(seen) for seen in place.seen} == {StorageFailed}


async def test_a_server_that_nobody_hears_is_unreachable(tmp_path: Path) -> None:
    config = Bucket("http://127.0.0.1:9", "any").config(timeout_seconds=1.0)
    with pytest.raises(StorageUnreachable):
        await Place(config, tmp_path, None).originals.head("x")


def test_the_error_that_means_full_is_that_of_the_system() -> None:
    assert (errno.ENOSPC, errno.EFBIG, errno.EDQUOT) == (28, 27, 122)
    assert os.strerror(28) == "No space left on device"
