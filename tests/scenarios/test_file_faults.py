"""Faults of files: a full disk, a bucket that fails, clients that hang up, killed servers.

What was acknowledged is there, what was not leaves nothing behind, and however large a file
is, the server holds little of it. Reference: files page §2, "Atomicity"; style §5.7.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import resource
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.bucket import Bucket, Door, door, new_bucket, s3_server
from tests.databases import fresh_database
from tests.scenarios.binary import PATIENCE_SECONDS, Running
from tests.scenarios.forked import conductus
from tests.scenarios.shop import KEY, Live, live
from tests.scenarios.test_faults import LOST, kill, until, workers
from tests.scenarios.wire import Answer, Wire, install, served

MIB = 1 << 20
LARGE = 96 * MIB
GROWTH_MIB = 64
PIECE = bytes(range(256)) * 1024
GROUP = f"CONDUCTUS_PROJECTS__{KEY.upper()}__STORAGE__"
ROOMY = {f"{GROUP}MAX_UPLOAD_SIZE": str(2 * LARGE)}
HEAD = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)
TAIL = b"\r\n--x--\r\n"


def in_bucket(bucket: Bucket, **changes: str) -> dict[str, str]:
    """The settings of a project that keeps its files there."""
    stated = {"driver": "s3", "bucket": bucket.name, "endpoint": bucket.endpoint}
    stated |= {"access_key": "anybody", "secret_key": "a-key-that-nobody-tells", **changes}
    return {f"{GROUP}{name.upper()}": value for name, value in stated.items()}


def form(size: int) -> Iterator[bytes]:
    """The body of an upload, which is never in memory whole."""
    yield HEAD
    for _ in range(size // len(PIECE)):
        yield PIECE
    yield TAIL


def upload(wire: Wire, size: int) -> Answer:
    """Sends a large file."""
    headers = {
        "authorization": f"Bearer {wire.token}",
        "content-type": "multipart/form-data; boundary=x",
        "content-length": str(len(HEAD) + size + len(TAIL)),
    }
    with closing(http.client.HTTPConnection("127.0.0.1", wire.port, PATIENCE_SECONDS)) as line:
        # A server that refuses does not wait for the rest; what it said is there.
        with suppress(BrokenPipeError, ConnectionResetError):
            line.request("POST", f"/{KEY}/files", form(size), headers)
        found = line.getresponse()
        return Answer(found.status, {}, found.read())


def digest_of(wire: Wire, name: str) -> str:
    """Reads an original to its end."""
    digest = hashlib.md5()
    with closing(http.client.HTTPConnection("127.0.0.1", wire.port, PATIENCE_SECONDS)) as line:
        line.request("GET", f"/uploads/{KEY}/originals/{name}")
        found = line.getresponse()
        assert found.status == 200
        while part := found.read(MIB):
            digest.update(part)
    return digest.hexdigest()


def on_disk(folder: Path) -> list[str]:
    """What is in the storage, unfinished files too."""
    place = folder / "files" / KEY
    return sorted(path.name for path in place.rglob("*") if path.is_file())


def number_of_files(wire: Wire) -> int:
    return len(wire.ask("GET", "/files?limit=-1&fields=id").data)


def checked(folder: Path, **settings: str) -> list[dict[str, Any]]:
    """Sweeps up after a fault, and looks whether all is well then; what was swept."""
    options = ("files", "check", "--json", "--grace-hours", "0", "--data", folder)
    done = conductus(*options, "--fix", **settings)
    assert done.code == 0, done.out + done.err
    again = conductus(*options, **settings)
    assert (again.code, again.out) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


# -- how much of a file is held -----------------------------------------------------------


class Memory:
    """What the one worker of a server takes, in MiB."""

    def __init__(self, server: Running) -> None:
        (self._pid,) = workers(server)
        # From here on the peak is that of what follows.
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")
        self._before = self._read("VmRSS")

    def growth(self) -> float:
        """The most since then."""
        return self._read("VmHWM") - self._before

    def _read(self, name: str) -> float:
        status = Path(f"/proc/{self._pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith(name))
        return int(line.split()[1]) / 1024


@pytest.mark.parametrize("place", ["local", "s3"])
def test_a_large_file_passes_through(
    place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = dict(ROOMY)
    if place == "s3":
        settings |= in_bucket(new_bucket(request.getfixturevalue("endpoint")))
    install(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    with served(tmp_path, **settings) as (server, wire):
        # What the first upload makes the server load is not of interest.
        assert upload(wire, MIB).status == 200
        memory = Memory(server)
        made = upload(wire, LARGE).data
        assert made["filesize"] == LARGE
        assert memory.growth() < GROWTH_MIB
        memory = Memory(server)
        assert digest_of(wire, made["filename_disk"]) == made["checksum"]
        assert memory.growth() < GROWTH_MIB


def test_an_upload_that_is_cut_leaves_nothing(tmp_path: Path) -> None:
    install(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    with served(tmp_path, **ROOMY) as (server, wire):
        head = f"POST /{KEY}/files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {wire.token}\r\n"
        head += "Content-Type: multipart/form-data; boundary=x\r\n"
        head += f"Content-Length: {LARGE}\r\n\r\n"
        for pieces in (0, 1, 64):
            with socket.create_connection(("127.0.0.1", wire.port), PATIENCE_SECONDS) as line:
                line.sendall(head.encode() + HEAD + PIECE * pieces)
        with ExitStack() as stack:
            # By the hundred they stand there half sent, and nobody waits for them.
            for _ in range(150):
                line = socket.create_connection(("127.0.0.1", wire.port), PATIENCE_SECONDS)
                stack.enter_context(line)
                line.sendall(head.encode() + HEAD + PIECE[:1000])
            made = upload(wire, MIB).data
            assert digest_of(wire, made["filename_disk"]) == made["checksum"]
            (pid,) = workers(server)
            # The nameless files of those that were cut are gone, those of the others not yet.
            until(lambda: 0 < spooled(pid) <= 150, spooled(pid))
        until(lambda: spooled(pid) == 0)
        assert (number_of_files(wire), on_disk(tmp_path)) == (1, [made["filename_disk"]])
        assert not [line for line in server.err if "exception" in line]


def spooled(pid: int) -> int:
    """How many files without a name a process holds."""
    found = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found += "(deleted)" in os.readlink(each) and "/run/" in os.readlink(each)
    return found


# -- no room ------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """No file of the server may become larger than so much: to it, the disk is full there."""
    install(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    with served(tmp_path) as (server, wire):
        before = upload(wire, MIB).data
        (pid,) = workers(server)
        unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE, (6 * MIB, resource.RLIM_INFINITY))
        for _ in range(3):
            assert upload(wire, 16 * MIB).error == (607, 500)
            assert on_disk(tmp_path) == [before["filename_disk"]]
            assert spooled(pid) == 0
        # What still fits goes on.
        assert digest_of(wire, before["filename_disk"]) == before["checksum"]
        assert upload(wire, MIB).status == 200
        assert wire.ask("PATCH", f"/files/{before['id']}", {"title": "Still"}).status == 200
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        assert upload(wire, 16 * MIB).status == 200
        assert number_of_files(wire) == len(on_disk(tmp_path)) == 3
        assert not [line for line in server.err if "exception" in line]


# -- the bucket fails ---------------------------------------------------------------------


@pytest.fixture
def gate(endpoint: str) -> Iterator[Door]:
    with door(endpoint) as found:
        yield found


@pytest.fixture
async def shop(gate: Door, endpoint: str, tmp_path: Path) -> AsyncIterator[tuple[Live, Bucket]]:
    bucket = new_bucket(endpoint)
    through = Bucket(gate.url, bucket.name)
    settings = in_bucket(through, timeout_seconds="1.5")
    async with (
        fresh_database("sqlite", "bucket", tmp_path) as url,
        live(url, tmp_path / "data", environment=settings) as world,
    ):
        yield world, bucket


async def sent(world: Live, content: bytes) -> httpx2.Response:
    files = {"file": ("some.bin", content, "application/octet-stream")}
    return await world.ask("POST", "/files", files=files)


PARTS = 12 * MIB
"""More than one part of an upload in parts."""


@pytest.mark.parametrize("manner", ["failing", "silent", "cutting"])
@pytest.mark.parametrize("what", ["reserve", "begin", "part", "end"])
async def test_a_bucket_that_fails_in_an_upload(
    shop: tuple[Live, Bucket], gate: Door, manner: str, what: str
) -> None:
    """Whatever step it is that fails, the others do not; so all can be taken back."""
    world, bucket = shop
    steps = {
        "reserve": lambda asked: asked.startswith("PUT ") and "?" not in asked,
        "begin": lambda asked: asked.startswith("POST ") and "?uploads" in asked,
        "part": lambda asked: "partNumber=2" in asked,
        "end": lambda asked: asked.startswith("POST ") and "uploadId=" in asked,
    }
    gate.behave(manner, steps[what])
    answer = await sent(world, bytes(PARTS))
    assert (answer.json()["error"]["code"], answer.status_code) == (20, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert gate.refused > 0
    assert (bucket.keys(), bucket.unfinished()) == ([], [])
    assert await world.data("/files?limit=-1") == []
    gate.behave("well")
    made = (await sent(world, bytes(PARTS))).json()["data"]
    assert (await world.client.get(made["data"]["url"])).content == bytes(PARTS)


async def test_a_bucket_that_is_away_holds_nothing_else_up(
    shop: tuple[Live, Bucket], gate: Door
) -> None:
    world, bucket = shop
    made = (await sent(world, b"before")).json()["data"]
    for manner in ("failing", "silent", "cutting"):
        gate.behave(manner)
        for answer in (
            await sent(world, b"not now"),
            await world.client.get(made["data"]["url"]),
            await world.ask("PATCH", f"/files/{made['id']}", json={"filename_disk": "b.txt"}),
        ):
            assert (answer.json()["error"]["code"], answer.status_code) == (20, 503)
            assert "127.0.0.1" not in answer.text
        # What needs no content is answered.
        assert (await world.ask("GET", f"/files/{made['id']}")).status_code == 200
        changed = await world.ask("PATCH", f"/files/{made['id']}", json={"title": manner})
        assert changed.status_code == 200
    gate.behave("well")
    assert (await world.client.get(made["data"]["url"])).content == b"before"
    assert bucket.keys() == [f"{KEY}/originals/{made['filename_disk']}"]


async def test_a_bucket_that_is_slow_is_waited_for(shop: tuple[Live, Bucket], gate: Door) -> None:
    world, _ = shop
    gate.behave("slow")
    made = (await sent(world, bytes(PARTS))).json()["data"]
    assert (await world.client.get(made["data"]["url"])).content == bytes(PARTS)


# -- the server is killed -----------------------------------------------------------------


@pytest.mark.timeout(240)
def test_a_server_that_is_killed_while_it_stores_leaves_what_a_check_removes(
    tmp_path: Path,
) -> None:
    install(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    kept: dict[str, str] = {}
    with served(tmp_path, **ROOMY) as (server, wire):
        uploading = threading.Thread(target=_upload_on, args=(wire, kept))
        uploading.start()
        until(lambda: kept and any("#" in name for name in on_disk(tmp_path)))
        kill(server)
        uploading.join(PATIENCE_SECONDS)
    assert any("#" in name for name in on_disk(tmp_path))
    swept = checked(tmp_path)
    assert {each["kind"] for each in swept} == {"content", "unfinished"}
    assert {each["state"] for each in swept} == {"removed"}
    with served(tmp_path, **ROOMY) as (_, wire):
        rows = wire.ask("GET", "/files?limit=-1&fields=filename_disk,checksum").data
        there = {row["filename_disk"]: row["checksum"] for row in rows}
        assert kept.items() <= there.items()
        assert sorted(there) == on_disk(tmp_path)
        for name, checksum in kept.items():
            assert digest_of(wire, name) == checksum


def _upload_on(wire: Wire, kept: dict[str, str]) -> None:
    """One file after the other, until nobody answers any more."""
    with suppress(*LOST):
        while True:
            made = upload(wire, LARGE).data
            kept[made["filename_disk"]] = made["checksum"]
