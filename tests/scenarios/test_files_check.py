"""`conductus files check`: contents and rows of files, held against each other.

Reference: files page §2, "Atomicity"; projects and server page §5.
"""

from __future__ import annotations

import asyncio
import json
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from conductus.cli.application import run
from conductus.cli.opened import opened
from conductus.config import project_config
from conductus.database.dialect import Name as Driver
from conductus.files import checking
from conductus.files.checking import FileCheck, Mending
from conductus.files.storage import ProjectStorage, Storage
from conductus.files.storages import Storages
from conductus.projects.project import Project
from conductus.telemetry import silent
from tests.bucket import new_bucket, s3_server
from tests.databases import fresh_database
from tests.files.pictures import encoded, quarters
from tests.scenarios.binary import conductus
from tests.scenarios.shop import KEY, Live, live

Item = dict[str, Any]
PLACES: tuple[tuple[Driver, str], ...] = (
    ("sqlite", "local"),
    ("postgresql", "local"),
    ("mysql", "local"),
    ("sqlite", "s3"),
)
AT_ONCE = ("--grace-hours", "0")


class Report(Struct, frozen=True):
    """What a check said."""

    code: int
    findings: list[Item]

    def of(self, kind: str) -> dict[str, str]:
        """State by name, of one kind."""
        return {each["name"]: each["state"] for each in self.findings if each["kind"] == kind}


class Depot(Struct, frozen=True):
    """A project with files, and what is behind it."""

    world: Live
    folder: Path
    environment: Mapping[str, str]
    storage: ProjectStorage
    capture: pytest.CaptureFixture[str]

    async def upload(self, content: bytes, name: str = "some.txt") -> Item:
        answer = await self.world.ask("POST", "/files", files={"file": (name, content, "a/b")})
        made: Item = answer.json()["data"]
        return made

    async def check(self, *options: str) -> Report:
        """Runs the command on the folder of the running server."""
        arguments = ["files", "check", "--json", "--data", str(self.folder), *options]
        self.capture.readouterr()
        with environment(self.environment):
            code = await asyncio.to_thread(run, arguments)
        out = self.capture.readouterr().out
        return Report(code, [json.loads(line) for line in out.splitlines()])


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=PLACES, ids="-".join)
async def depot(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Depot]:
    driver, place = request.param
    variables = {}
    if place == "s3":
        bucket = new_bucket(request.getfixturevalue("endpoint"))
        stated = {"driver": "s3", "bucket": bucket.name, "endpoint": bucket.endpoint}
        stated |= {"access_key": "anybody", "secret_key": "a-key-of-the-depot"}
        group = f"CONDUCTUS_PROJECTS__{KEY.upper()}__STORAGE__"
        variables = {f"{group}{name.upper()}": value for name, value in stated.items()}
    folder = tmp_path / "data"
    async with (
        fresh_database(driver, "depot", tmp_path) as url,
        live(url, folder, environment=variables) as world,
    ):
        config = project_config(folder, KEY, variables).storage
        storage = Storages(folder, silent).opened(KEY, config)
        yield Depot(world, folder, variables, storage, capsys)


async def put(storage: Storage, key: str, content: bytes = b"x") -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    await storage.put(key, chunks(), "text/plain")


async def keys(storage: Storage) -> set[str]:
    return {each.key async for each in storage.listed()}


async def test_what_is_whole_is_left_alone(depot: Depot) -> None:
    picture = await depot.upload(encoded(quarters(40, 30), "PNG"), "a.png")
    await depot.upload(b"", "empty.txt")
    await depot.upload(b"text", "größe 日本%20+.txt")
    embed = {"data": "https://youtu.be/dQw4w9WgXcQ"}
    assert (await depot.world.ask("POST", "/files", json=embed)).status_code == 200
    address = f"{picture['data']['asset_url']}?key=directus-small-crop"
    assert (await depot.world.client.get(address)).status_code == 200
    before = await keys(depot.storage.originals), await keys(depot.storage.generated)
    assert [len(each) for each in before] == [2, 1]
    report = await depot.check("--fix", *AT_ONCE)
    assert (report.code, report.findings) == (0, [])
    assert before == (await keys(depot.storage.originals), await keys(depot.storage.generated))


async def test_what_stands_alone_is_found_and_removed_when_asked(depot: Depot) -> None:
    kept = await depot.upload(b"kept", "kept.png")
    bare = await depot.upload(b"bare")
    await depot.storage.originals.delete(bare["filename_disk"])
    contents = {"forgotten.txt", ".parts/1234", "per%20cent größe-日本.txt"}
    for name in contents:
        await put(depot.storage.originals, name)
    pictures = {f"w1,h1,fcrop,q80/{name}" for name in ("gone.png", kept["filename_disk"])}
    for name in pictures:
        await put(depot.storage.generated, name)

    def states(of: str, row: str = "found") -> list[dict[str, str]]:
        found = [dict.fromkeys(names, of) for names in (contents, pictures)]
        return [*found, {bare["filename_disk"]: row}]

    kinds = ("content", "picture", "row")
    for options, code, expected in (
        ((), 1, states("young")),
        (("--fix",), 1, states("young")),
        (AT_ONCE, 1, states("found")),
        ((*AT_ONCE, "--fix"), 1, states("removed")),
        ((*AT_ONCE, "--fix"), 1, [{}, {}, {bare["filename_disk"]: "found"}]),
        (("--remove-row", str(bare["id"])), 0, [{}, {}, {bare["filename_disk"]: "removed"}]),
        ((), 0, [{}, {}, {}]),
    ):
        report = await depot.check(*options)
        assert [report.of(kind) for kind in kinds] == expected, options
        assert report.code == code, options
    assert await keys(depot.storage.originals) == {kept["filename_disk"]}
    assert await keys(depot.storage.generated) == set()
    assert (await depot.world.ask("GET", f"/files/{bare['id']}")).status_code == 404
    query = f"filter[collection]=directus_files&filter[item]={bare['id']}&fields=action"
    deeds = await depot.world.data(f"/activity?{query}&sort=id")
    assert [each["action"] for each in deeds] == ["upload", "delete"]


async def test_a_row_that_has_its_content_is_never_removed(depot: Depot) -> None:
    made = await depot.upload(b"kept")
    report = await depot.check("--remove-row", str(made["id"]), "--remove-row", "4711")
    assert (report.code, report.findings) == (1, [])
    assert (await depot.world.ask("GET", f"/files/{made['id']}")).status_code == 200
    assert await keys(depot.storage.originals) == {made["filename_disk"]}


async def test_batches_do_not_lose_what_is_between_them(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OBJECTS_AT_ONCE", "ROWS_AT_ONCE", "HEADS_AT_ONCE"):
        monkeypatch.setattr(checking, name, 2)
    made = [await depot.upload(str(number).encode()) for number in range(7)]
    for each in made[::2]:
        await depot.storage.originals.delete(each["filename_disk"])
    forgotten = {f"{number}.txt" for number in range(5)}
    for name in forgotten:
        await put(depot.storage.originals, name)
    report = await depot.check(*AT_ONCE)
    assert set(report.of("content")) == forgotten
    assert set(report.of("row")) == {each["filename_disk"] for each in made[::2]}


@pytest.fixture
async def disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Depot]:
    """A depot on a disk, with SQLite."""
    folder = tmp_path / "data"
    async with (
        fresh_database("sqlite", "depot", tmp_path) as url,
        live(url, folder) as world,
    ):
        storage = Storages(folder, silent).opened(KEY, project_config(folder, KEY, {}).storage)
        yield Depot(world, folder, {}, storage, capsys)


async def test_age_decides_about_what_may_be_on_its_way(disk: Depot) -> None:
    originals = disk.folder / "files" / KEY / "originals"
    old = (datetime.now(UTC) - timedelta(hours=25)).timestamp()
    for name in ("old.txt", "young.txt", "old.txt#1", "young.txt#2", "deep/old.txt#3"):
        path = originals / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        if "old" in name:
            os.utime(path, (old, old))
    report = await disk.check("--fix")
    assert report.code == 0
    assert report.of("content") == {"old.txt": "removed", "young.txt": "young"}
    expected = {"old.txt#1": "removed", "deep/old.txt#3": "removed", "young.txt#2": "young"}
    assert report.of("unfinished") == expected
    left = {str(path.relative_to(originals)) for path in originals.rglob("*") if path.is_file()}
    assert left == {"young.txt", "young.txt#2"}


async def test_a_content_that_is_given_another_name_is_young(disk: Depot) -> None:
    """A copy on a disk would be as old as its source, and have no row for a moment."""
    await put(disk.storage.originals, "before.txt")
    path = disk.folder / "files" / KEY / "originals" / "before.txt"
    os.utime(path, (0, 0))
    await disk.storage.originals.copy("before.txt", "after.txt")
    assert (await disk.check("--fix")).of("content") == {
        "before.txt": "young",
        "after.txt": "young",
    }


async def test_a_million_files_need_no_more_memory_than_a_batch(
    disk: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "OBJECTS_AT_ONCE", 500)
    originals = disk.folder / "files" / KEY / "originals"
    mending = Mending(before=datetime.now(UTC))

    async def look(project: Project) -> int:
        snapshot = await project.current()
        looked = FileCheck(project, snapshot, disk.storage, mending, datetime.now(UTC))
        tracemalloc.start()
        try:
            found = 0
            async for _ in looked.findings():
                found += 1
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert found == len(os.listdir(originals))
        return most

    async def peak(number: int) -> int:
        for each in range(number):
            (originals / f"{each}.txt").touch()
        return await asyncio.to_thread(opened, KEY, disk.folder, look)

    await put(disk.storage.originals, "first")
    few = await peak(2000)
    assert await peak(12_000) < 1.5 * few


async def test_the_command_says_what_it_found(disk: Depot, tmp_path: Path) -> None:
    await put(disk.storage.originals, "forgotten.txt")
    here = ("--data", disk.folder)
    done = await asyncio.to_thread(conductus, "files", "check", *AT_ONCE, *here)
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        "content that no row speaks of: forgotten.txt  1 bytes",
        "1 found",
    ]
    done = await asyncio.to_thread(conductus, "files", "check", "--grace-hours", "-1", *here)
    assert done.code == 2
    away = {
        f"CONDUCTUS_PROJECTS__{KEY.upper()}__STORAGE__{name}": value
        for name, value in (
            ("DRIVER", "s3"),
            ("BUCKET", "none"),
            ("ENDPOINT", "http://127.0.0.1:9"),
            ("TIMEOUT_SECONDS", "1"),
        )
    }
    done = await asyncio.to_thread(lambda: conductus("files", "check", *here, **away))
    assert done.code == 1
    assert "conductus: " in done.err
