"""`python -m bench files`: what a large file costs the server, on a disk and in a bucket.

One client uploads it and reads it again. However large it is, it must not fill the server's
memory. The bucket is moto's, a process on loopback that holds it in memory: its speed says
nothing of a real one.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import Struct

from bench.conductus import PROJECT, adopt, sign_in, started
from bench.processes import Failed, Server, cores, free_port
from bench.report import tell
from bench.run import Servers, existing
from bench.targets import Headers, Refused

PLACES = ("disk", "bucket")
PIECE = bytes(range(256)) * 1024
MIB = 1 << 20
MOST_GROWTH_MIB = 64
PATIENCE_SECONDS = 60.0
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
TAIL = b"\r\n--x--\r\n"


class Passed(Struct, frozen=True):
    """One way of a file: how long it took, and how much larger the worker was meanwhile."""

    seconds: float
    growth_mib: float


async def measure(servers: Servers, mebibytes: int) -> int:
    """Print the figures of each place; 1 when the server held too much of the file."""
    status = 0
    for place in PLACES:
        with tempfile.TemporaryDirectory(prefix="conductus-bench-") as path:
            folder = Path(path)
            database = servers.database("sqlite", "files", folder)
            async with existing(database):
                adopt(database, folder / "data")
                with _storage(place, folder, mebibytes) as settings:
                    with (folder / "data" / "projects" / f"{PROJECT}.toml").open("a") as file:
                        file.write(f"\n[storage]\n{settings}")
                    with started(database, folder / "data", cores(), folder) as server:
                        found = await asyncio.to_thread(_measured, place, server, mebibytes)
        status = status or found
    return status


@contextmanager
def _storage(place: str, folder: Path, mebibytes: int) -> Iterator[str]:
    """The settings of a storage."""
    largest = f"max_upload_size = {2 * mebibytes * MIB}\n"
    if place == "disk":
        yield largest
        return
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--port", str(port)]
    with (
        (folder / "moto.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as moto,
    ):
        try:
            _make_bucket(port)
            stated = {"driver": "s3", "bucket": "bench", "endpoint": f"http://127.0.0.1:{port}"}
            stated |= {"access_key": "anybody", "secret_key": secrets.token_hex(8)}
            written = "".join(f'{name} = "{value}"\n' for name, value in stated.items())
            # Putting the parts together takes moto as long as sending them.
            yield f"{largest}{written}timeout_seconds = 300\n"
        finally:
            moto.terminate()


def _make_bucket(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as line:
                line.request("PUT", "/bench")
                if line.getresponse().status == 200:
                    return
        except ConnectionRefusedError:
            pass
        if time.monotonic() > deadline:
            raise Failed("moto does not answer")
        time.sleep(0.1)


def _measured(place: str, server: Server, mebibytes: int) -> int:
    headers = sign_in(server.port)
    # What the first upload makes the server load is not of interest.
    _uploaded(server, headers, 1)
    tell(f"{place}: uploading {mebibytes} MiB")
    name, checksum, up = _uploaded(server, headers, mebibytes)
    tell(f"{place}: reading it")
    read, down = _read(server, name)
    for way, passed in (("up", up), ("down", down)):
        print(
            f"{place}: {mebibytes} MiB {way} in {passed.seconds:.1f} s"
            f" ({mebibytes / passed.seconds:.0f} MiB/s), worker {passed.growth_mib:.0f} MiB larger",
            flush=True,
        )
    if read != checksum:
        raise Refused(f"{place}: another content came back")
    return 0 if max(up.growth_mib, down.growth_mib) < MOST_GROWTH_MIB else 1


def _uploaded(server: Server, headers: Headers, mebibytes: int) -> tuple[str, str, Passed]:
    """Sends a file; its name in the storage, its checksum, and what it cost."""
    size = len(HEAD) + mebibytes * MIB + len(TAIL)
    stated = dict(headers) | {"content-type": "multipart/form-data; boundary=x"}
    stated["content-length"] = str(size)
    before, began = _settled_mib(server), time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)) as line:
        line.request("POST", f"/{PROJECT}/files", _form(mebibytes), stated)
        response = line.getresponse()
        answer = response.read()
    if response.status != 200:
        raise Refused(f"upload: {response.status} {answer[:500]!r}")
    passed = Passed(time.perf_counter() - began, server.peak_mib() - before)
    made = json.loads(answer)["data"]
    return made["filename_disk"], made["checksum"], passed


def _read(server: Server, name: str) -> tuple[str, Passed]:
    # MD5 is what the server states, and no secret hangs on it.
    digest = hashlib.md5(usedforsecurity=False)
    before, began = _settled_mib(server), time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)) as line:
        line.request("GET", f"/uploads/{PROJECT}/originals/{name}")
        response = line.getresponse()
        while part := response.read(MIB):
            digest.update(part)
    passed = Passed(time.perf_counter() - began, server.peak_mib() - before)
    return digest.hexdigest(), passed


def _settled_mib(server: Server) -> float:
    """What the worker takes now; from here on its peak is that of what follows."""
    for process in server.tree():
        Path(f"/proc/{process}/clear_refs").write_text("5")
    return server.largest_mib()


def _form(mebibytes: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(mebibytes * MIB // len(PIECE)):
        yield PIECE
    yield TAIL
