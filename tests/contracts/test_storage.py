"""What every storage does, on a disk and over S3."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from conductus.config import StorageConfig, new_project_config
from conductus.errors import ContentMissing, StorageFull, StorageUnreachable
from conductus.extensions import Registry
from conductus.extensions.loading import in_folder
from conductus.files.storage import Content, ProjectStorage, Storage
from conductus.files.storages import Opener, Storages
from conductus.projects.project import Project
from conductus.telemetry import Observation, StorageFailed
from tests.bucket import Bucket, Manner, bad_server, new_bucket, s3_server

KEYS = [
    "9d7c.png",
    "w64,h64,fcrop,q80/9d7c.png",
    "with blanks and (brackets).png",
    "größe-日本.png",
    "per%20cent.png",
    "a+b&c=d;e'f.png",
    "x" * 200,
]
NO_KEYS = ["../up", "a/../../up", "/abs", "a//b", "a/", "nul\0.png", ".", "..", "", "unfinished#1"]
PART = 5 * 1024 * 1024


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

    def left(self) -> list[str]:
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


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def whole(content: Content) -> bytes:
    return b"".join([chunk async for chunk in content.chunks])


async def put(storage: Storage, key: str, *parts: bytes) -> None:
    await storage.put(key, chunks(*parts), "text/plain")


@pytest.mark.parametrize("key", KEYS)
async def test_what_was_put_is_there_by_its_key(place: Place, key: str) -> None:
    await put(place.originals, key, b"one ", b"two")
    found = await place.originals.get(key)
    assert await whole(found) == b"one two"
    assert (found.stored.key, found.stored.size) == (key, 7)
    assert await place.originals.head(key) == found.stored
    assert datetime.now(UTC) - found.stored.modified < timedelta(minutes=5)
    assert found.stored.etag.startswith('"')


async def test_an_empty_object_is_one(place: Place) -> None:
    await put(place.originals, "empty")
    found = await place.originals.get("empty")
    assert (found.stored.size, await whole(found)) == (0, b"")


async def test_a_large_object_goes_in_parts_and_comes_in_chunks(place: Place) -> None:
    parts = [bytes([number]) * (PART // 2) for number in range(5)]
    await put(place.originals, "large", *parts)
    found = await place.originals.get("large")
    sizes, digest = [], []
    async for chunk in found.chunks:
        sizes.append(len(chunk))
        digest.append(chunk)
    assert b"".join(digest) == b"".join(parts)
    assert max(sizes) <= PART


@pytest.mark.parametrize(
    ("span", "expected"),
    [((0, 1), b"0"), ((3, 7), b"3456"), ((8, 10), b"89"), ((0, 10), b"0123456789")],
)
async def test_a_span_is_read_alone(place: Place, span: tuple[int, int], expected: bytes) -> None:
    await put(place.originals, "digits", b"0123456789")
    found = await place.originals.get("digits", span)
    assert await whole(found) == expected
    assert found.stored.size == 10


async def test_what_is_put_again_is_replaced_and_has_another_tag(place: Place) -> None:
    await put(place.originals, "same", b"before")
    before = await place.originals.head("same")
    await put(place.originals, "same", b"after this")
    assert await whole(await place.originals.get("same")) == b"after this"
    assert (await place.originals.head("same")).etag != before.etag


async def test_a_renamed_object_is_there_under_the_other_key_alone(place: Place) -> None:
    await put(place.originals, "old", b"x")
    await place.originals.rename("old", "new")
    assert await whole(await place.originals.get("new")) == b"x"
    with pytest.raises(ContentMissing):
        await place.originals.head("old")


async def test_a_copied_object_is_there_under_both_keys(place: Place) -> None:
    await put(place.originals, "one", b"x")
    await put(place.originals, "other", b"before")
    await place.originals.copy("one", "other")
    for key in ("one", "other"):
        assert await whole(await place.originals.get(key)) == b"x"
    await put(place.originals, "one", b"changed")
    assert await whole(await place.originals.get("other")) == b"x"


async def test_a_key_is_reserved_by_one(place: Place) -> None:
    got = await asyncio.gather(*(place.originals.reserve("name") for _ in range(5)))
    assert sorted(got) == [False] * 4 + [True]
    await put(place.originals, "name", b"content")
    assert not await place.originals.reserve("name")
    assert await whole(await place.originals.get("name")) == b"content"


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(place: Place) -> None:
    await put(place.originals, "going", b"x")
    await place.originals.delete("going")
    await place.originals.delete("going")
    assert place.left() == []


@pytest.mark.parametrize("key", ["nothing", *NO_KEYS])
async def test_there_is_nothing_under_a_key_that_was_not_put(place: Place, key: str) -> None:
    for asked in (place.originals.head, place.originals.get):
        with pytest.raises(ContentMissing):
            await asked(key)
    with pytest.raises(ContentMissing):
        await place.originals.rename(key, "new")
    assert place.seen == []


@pytest.mark.parametrize("key", NO_KEYS)
async def test_nothing_is_put_outside_or_under_no_name(place: Place, key: str) -> None:
    with pytest.raises(ContentMissing):
        await put(place.originals, key, b"x")
    assert place.left() == []


async def test_a_list_has_what_is_below_and_nothing_else(place: Place) -> None:
    for key in ("a/1", "a/2", "ab/3", "4"):
        await put(place.originals, key, b"x")
    await put(place.both.generated, "a/5", b"x")
    assert {found.key async for found in place.originals.listed()} == {"a/1", "a/2", "ab/3", "4"}
    assert {found.key async for found in place.originals.listed("a")} == {"a/1", "a/2"}
    assert {found.key async for found in place.originals.listed("none")} == set()


async def test_what_was_never_finished_is_found_and_removed(tmp_path: Path) -> None:
    place = of_plugin(tmp_path)
    begun = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"one"
        begun.set()
        await asyncio.Event().wait()

    await put(place.originals, "whole", b"x")
    task = asyncio.ensure_future(place.originals.put("slow", slow(), "text/plain"))
    await begun.wait()
    (left,) = [found async for found in place.originals.unfinished()]
    with pytest.raises(ContentMissing):
        await place.originals.head(left.key)
    await place.originals.discard(left)
    assert [found async for found in place.originals.unfinished()] == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {found.key async for found in place.originals.listed()} == {"whole"}


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


async def test_chunks_that_end_in_an_error_leave_nothing(place: Place) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield bytes(PART)
        yield bytes(PART)
        raise LookupError("the client is gone")

    with pytest.raises(LookupError):
        await place.originals.put("cut", cut(), "text/plain")
    assert place.left() == []


async def test_chunks_that_end_in_an_error_leave_what_was_there(place: Place) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield bytes(2 * PART)
        raise LookupError("the client is gone")

    await put(place.originals, "kept", b"before")
    with pytest.raises(LookupError):
        await place.originals.put("kept", cut(), "text/plain")
    assert await whole(await place.originals.get("kept")) == b"before"


async def test_a_sending_that_is_cancelled_leaves_nothing(place: Place) -> None:
    half = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes(PART)
        half.set()
        for _ in range(200):
            await asyncio.sleep(0.01)
            yield bytes(1000)

    task = asyncio.ensure_future(place.originals.put("slow", slow(), "text/plain"))
    await half.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert place.left() == []


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
    assert place.left() == []
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
