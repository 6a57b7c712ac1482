"""Faults of what is done after the answer: killed servers and workers, Redis away.

Nothing is lost, nothing half, and who waits for an event is told at least once. Reference:
extensions §2 and §4; `CONDUCTUS_TEST_KILLS` says how often something is killed (`make nightly`).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from conductus.database.dialect import Name as Driver
from conductus.database.opening import open_database
from tests.clusters import free_port
from tests.databases import DRIVERS, fresh_database, require_redis
from tests.scenarios import binary
from tests.scenarios.binary import Running
from tests.scenarios.forked import attending
from tests.scenarios.receiver import OK, Heard, Receiver, receiving_beside
from tests.scenarios.test_faults import Writers, assert_whole, kill, prepare, until
from tests.scenarios.test_workers import ID, text
from tests.scenarios.wire import Wire, install, served

KILLS = int(os.environ.get("CONDUCTUS_TEST_KILLS", "3"))
SETTINGS = {"CONDUCTUS_OUTGOING__ALLOW": "127.0.0.1", "CONDUCTUS_JOBS__POLL_SECONDS": "0.2"}
PATIENT = {**SETTINGS, "CONDUCTUS_JOBS__POLL_SECONDS": "600"}
"""So it is the bell that tells."""
PATH = "/sink"
SMALL = 2
"""Items that are written at once: each of them is to be told of, and writing is faster."""


def listen(wire: Wire, receiver: Receiver, collection: str, path: str) -> None:
    """The receiver is told of new items."""
    hook = {
        **{"status": "active", "http_action": "post", "url": receiver.url(path)},
        **{"collection": collection, "directus_action": "item.create"},
    }
    assert wire.ask("POST", "/webhooks", hook).status == 200


async def slowly(_: Heard) -> bytes:
    """Answers after a while, so that chance finds deliveries under way."""
    await asyncio.sleep(random.uniform(0, 0.02))
    return OK


def told(receiver: Receiver, path: str) -> Counter[str]:
    """The items that the receiver was told of."""
    return Counter(str(heard.json["item"]) for heard in list(receiver.heard[path]))


async def due(url: str) -> None:
    """Time has passed: claims of those who died have run out."""
    database = await open_database(url)
    try:
        async with database.transaction() as transaction:
            await transaction.execute("UPDATE conductus_outbox SET due = 0 WHERE due IS NOT NULL")
    finally:
        await database.close()


async def left(url: str) -> int:
    """How many errands wait."""
    database = await open_database(url)
    try:
        ((found,),) = await database.fetch("SELECT COUNT(*) FROM conductus_outbox")
        return int(found)
    finally:
        await database.close()


async def drained(url: str) -> None:
    """Waits until nothing is left to be done, as long as something is being done."""
    deadline, fewest = time.monotonic() + 60, await left(url)
    while waiting := await left(url):
        if waiting < fewest:
            deadline, fewest = time.monotonic() + 60, waiting
        assert time.monotonic() < deadline, waiting
        await asyncio.sleep(0.1)


@pytest.mark.timeout(120 + 60 * KILLS)
async def test_who_is_killed_loses_nothing(database_url: str, tmp_path: Path) -> None:
    install(database_url, tmp_path)
    kept: set[str] = set()
    with receiving_beside() as receiver:
        receiver.behave[PATH] = slowly
        with served(tmp_path, "--no-worker") as (_, wire):
            prepare(wire)
            listen(wire, receiver, "orders", PATH)
        for number in range(KILLS):
            with ExitStack() as stack:
                apart = ("--no-worker",) if number % 2 else ()
                server, wire = stack.enter_context(served(tmp_path, *apart, **SETTINGS))
                doomed = [server]
                if apart:
                    options = ("--data", tmp_path, "--log-format", "json")
                    doomed.append(stack.enter_context(attending(*options, **SETTINGS)))
                heard = receiver.heard[PATH]
                wanted, writers = len(heard) + number, Writers(wire, SMALL)
                with writers.at_work():
                    writers.wait_for(1)
                    until(lambda heard=heard, wanted=wanted: len(heard) > wanted)
                    for process in reversed(doomed):
                        kill(process)
                kept |= writers.kept
            await due(database_url)
        with served(tmp_path, **SETTINGS) as (_, wire):
            await drained(database_url)
            # Connections that nobody used meanwhile are closed.
            with closing(wire.another()) as fresh:
                assert_whole(fresh, kept, SMALL)
                there = fresh.ask("GET", "/items/orders?limit=-1&fields=id").data
            assert told(receiver, PATH).keys() == {str(order["id"]) for order in there}


class Yard(Struct):
    """A server that leaves its work to others, which look for it once in ten minutes."""

    folder: Path
    url: str
    wire: Wire
    receiver: Receiver
    number: int = 0

    def path(self) -> str:
        """A new collection whose items the receiver is told of; where that is."""
        self.number += 1
        name = f"notes{self.number}"
        body = {"collection": name, "fields": [ID, text("title")]}
        assert self.wire.ask("POST", "/collections", body).status == 200
        listen(self.wire, self.receiver, name, f"/{name}")
        return f"/{name}"

    def write(self, path: str, number: int) -> set[str]:
        """New items; their keys."""
        body = [{"title": str(each)} for each in range(number)]
        return {str(note["id"]) for note in self.wire.ask("POST", f"/items{path}", body).data}

    def attending(self) -> AbstractContextManager[Running]:
        """A worker on the same data folder."""
        return attending("--data", self.folder, "--log-format", "json", **PATIENT)


@pytest.fixture(scope="module", params=DRIVERS)
async def yard(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Yard]:
    folder = tmp_path_factory.mktemp("yard")
    async with fresh_database(request.param, "yard", folder) as url:
        install(url, folder)
        with (
            receiving_beside() as receiver,
            served(folder, "--no-worker", **PATIENT) as (_, wire),
        ):
            yield Yard(folder, url, wire, receiver)


async def test_two_workers_share_the_work(yard: Yard) -> None:
    path = yard.path()
    yard.receiver.behave[path] = slowly
    with yard.attending() as one, yard.attending() as other:
        made = yard.write(path, 200)
        await drained(yard.url)
    assert told(yard.receiver, path) == Counter(made)
    assert delivered(one) + delivered(other) == len(made)


async def test_a_worker_hears_at_once_what_the_server_leaves(yard: Yard) -> None:
    path = yard.path()
    with yard.attending():
        for number in (1, 2, 3):
            yard.write(path, 1)
            until(lambda number=number: told(yard.receiver, path).total() == number)


async def test_a_worker_finishes_what_it_has_begun(yard: Yard) -> None:
    async def late(_: Heard) -> bytes:
        await asyncio.sleep(1)
        return OK

    path = yard.path()
    yard.receiver.behave[path] = late
    with yard.attending() as worker:
        yard.write(path, 1)
        until(lambda: yard.receiver.heard[path])
        assert worker.stop() == 0
    assert await left(yard.url) == 0


def delivered(worker: Running) -> int:
    """How many errands a worker tells to have done."""
    lines = [json.loads(line) for line in worker.err if line.startswith("{")]
    return sum(line["event"] == "delivered" for line in lines)


class Bell:
    """A Redis of one's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        """Starts it, at the same port as ever."""
        binary = shutil.which("redis-server")
        assert binary is not None
        self.port = self.port or free_port()
        self._process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(20)
            self._process = None


@contextmanager
def bell(folder: Path) -> Iterator[Bell]:
    found = Bell(folder)
    try:
        found.start()
        yield found
    finally:
        found.kill()


@pytest.mark.parametrize("driver", ["sqlite"])
async def test_without_redis_nothing_is_lost(
    driver: Driver, database_url: str, tmp_path: Path
) -> None:
    """The worker has a data folder of its own, as on another machine."""
    require_redis()
    install(database_url, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "projects", elsewhere / "projects")
    with receiving_beside() as receiver, bell(tmp_path) as redis:
        rung = {"CONDUCTUS_JOBS__REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
        patient, made = {**PATIENT, **rung}, set[str]()
        with served(tmp_path, "--no-worker", **patient) as (_, wire):
            yard = Yard(tmp_path, database_url, wire, receiver)
            path = yard.path()
            with binary.attending("--data", elsewhere, **patient):
                made |= yard.write(path, 1)
                until(lambda: told(receiver, path).keys() == made)
            with attending("--data", elsewhere, **SETTINGS, **rung):
                redis.kill()
                made |= yard.write(path, 5)
                until(lambda: told(receiver, path).keys() == made)
            redis.start()
            with attending("--data", elsewhere, **patient):
                made |= yard.write(path, 1)
                until(lambda: told(receiver, path).keys() == made)
    assert told(receiver, path) == Counter(made)
