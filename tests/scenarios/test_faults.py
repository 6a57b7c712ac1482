"""Faults on purpose: killed servers, broken lines, databases that are away.

What was acknowledged is there, nothing is half, and all is well again without help.
Reference: errors, code 11; items, nested writes and history; security, "Lost update".
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from conductus.database.dialect import Name as Driver
from tests.scenarios.binary import PATIENCE_SECONDS, Running
from tests.scenarios.forked import conductus, serving
from tests.scenarios.gate import gate
from tests.scenarios.test_cli import wait_until_refused
from tests.scenarios.test_workers import ID, children, text
from tests.scenarios.wire import KEY, Answer, Wire, heard, install, served

LOST = (OSError, http.client.HTTPException)
"""What a client meets whose server went while it waited."""
BATCH = 20
WRITERS = 4


def prepare(wire: Wire) -> None:
    """Orders with lines."""
    whole = {"field": "order", "type": "m2o", "datatype": "INT", "interface": "many-to-one"}
    lines = {"field": "lines", "type": "o2m", "interface": "one-to-many"}
    many = {"collection": "lines", "fields": [ID, text("what"), whole]}
    one = {"collection": "orders", "fields": [ID, text("name"), lines]}
    relation = {
        **{"collection_many": "lines", "field_many": "order"},
        **{"collection_one": "orders", "field_one": "lines"},
    }
    for path, body in (("collections", many), ("collections", one), ("relations", relation)):
        answer = wire.ask("POST", f"/{path}", body)
        assert answer.status == 200, answer.body


def orders(name: str, batch: int = BATCH) -> list[dict[str, Any]]:
    """A batch, each of whose members has two lines."""
    lines = [{"what": "first"}, {"what": "second"}]
    return [{"name": f"{name}-{place}", "lines": lines} for place in range(batch)]


class Writers:
    """Clients that write batches until they are told to stop."""

    def __init__(self, wire: Wire, batch: int = BATCH) -> None:
        self._wire = wire
        self._batch = batch
        self._name = secrets.token_hex(8)
        self._over = threading.Event()
        self.kept: set[str] = set()
        """Batches that were acknowledged."""
        self.refused: list[Answer] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Writes while the block runs; what went wrong in a writer is raised at its end."""
        with ThreadPoolExecutor(WRITERS) as pool:
            writers = [pool.submit(self._write, number) for number in range(WRITERS)]
            try:
                yield
            finally:
                self._over.set()
        for writer in writers:
            writer.result()

    def wait_for(self, more: int) -> None:
        """Returns when so many more batches were kept."""
        wanted = len(self.kept) + more
        until(lambda: len(self.kept) >= wanted, self.refused[-1:])

    def _write(self, writer: int) -> None:
        with closing(self._wire.another()) as wire:
            number = 0
            while not self._over.is_set():
                number += 1
                name = f"{self._name}-{writer}-{number}"
                try:
                    answer = wire.ask("POST", "/items/orders?fields=id", orders(name, self._batch))
                except LOST:
                    # Nobody knows whether it was kept.
                    continue
                if answer.status == 200:
                    self.kept.add(name)
                else:
                    self.refused.append(answer)


def until(holds: Any, *told: Any) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, told
        time.sleep(0.01)


def assert_whole(wire: Wire, acknowledged: set[str], batch: int = BATCH) -> None:
    """Each batch is there with all that belongs to it, or not at all."""
    found = wire.ask("GET", "/items/orders?limit=-1&fields=id,name,lines.what").data
    batches: dict[str, list[Any]] = {}
    for order in found:
        batches.setdefault(order["name"].rpartition("-")[0], []).append(order)
        assert sorted(line["what"] for line in order["lines"]) == ["first", "second"]
    assert {len(members) for members in batches.values()} <= {batch}
    assert acknowledged <= batches.keys()
    for name in ("orders", "lines"):
        there = {
            str(item["id"]) for item in wire.ask("GET", f"/items/{name}?limit=-1&fields=id").data
        }
        for history in ("activity", "revisions"):
            path = f"/{history}?limit=-1&fields=item&filter[collection]={name}"
            if history == "activity":
                path += "&filter[action]=create"
            noted = [row["item"] for row in wire.ask("GET", path).data]
            # Each once, and none of what is not there.
            assert len(noted) == len(set(noted))
            assert set(noted) == there, (name, history)


# -- the server is killed ---------------------------------------------------------------


@pytest.mark.timeout(300)
async def test_a_server_that_is_killed_leaves_whole_requests(
    database_url: str, tmp_path: Path
) -> None:
    install(database_url, tmp_path)
    with served(tmp_path) as (_, wire):
        prepare(wire)
    kept: set[str] = set()
    for batches in (1, 3):
        with served(tmp_path) as (server, wire):
            writers = Writers(wire)
            with writers.at_work():
                # The place is left to chance: the writers never pause.
                writers.wait_for(batches)
                kill(server)
            kept |= writers.kept
            assert {answer.status for answer in writers.refused} <= {503}
    with served(tmp_path) as (_, wire):
        assert_whole(wire, kept)
        assert wire.ask("POST", "/items/orders?fields=id", orders("after")).status == 200


@pytest.mark.timeout(240)
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    install(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    with served(tmp_path, "--workers", "2") as (server, wire):
        prepare(wire)
        writers = Writers(wire)
        with writers.at_work():
            for _ in range(2):
                writers.wait_for(3)
                before = workers(server)
                os.kill(before[0], signal.SIGKILL)
                until(lambda before=before: len(set(workers(server)) - {before[0]}) == 2)
            writers.wait_for(10)
        with closing(wire.another()) as another:
            assert_whole(another, writers.kept)


@pytest.mark.timeout(240)
def test_workers_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    install(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    options = ("--data", str(tmp_path), "--workers", "2")
    begun = f"POST /{KEY}/items/orders HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\n".encode()
    with (
        serving(*options, CONDUCTUS_DRAIN_SECONDS="2", CONDUCTUS_CLIENT_SECONDS="600") as server,
        closing(Wire(server.url)) as wire,
    ):
        wire.sign_in()
        orphans = workers(server)
        # Requests that will not end by themselves before the test gives up.
        lines = [socket.create_connection(("127.0.0.1", wire.port)) for _ in range(8)]
        for line in lines:
            line.sendall(begun)
        os.kill(server.process.pid, signal.SIGKILL)
        try:
            until(lambda: not any(map(command_line, orphans)))
        finally:
            for orphan in filter(command_line, orphans):
                os.kill(orphan, signal.SIGKILL)
        for line in lines:
            line.close()
    # Both the port and the data folder are for the next one to take.
    socket.create_server(("127.0.0.1", wire.port)).close()
    with serving(*options) as again, closing(Wire(again.url)) as wire:
        wire.sign_in()


def kill(server: Running) -> None:
    """Ends the server's processes at once."""
    # It goes first: it would begin another worker in the place of one that is gone.
    doomed = [server.process.pid, *workers(server)]
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)
    server.process.wait(PATIENCE_SECONDS)


def workers(server: Running) -> list[int]:
    """The processes that serve."""
    return [
        pid
        for pid in children(server.process.pid)
        if (told := command_line(pid)) and b"resource_tracker" not in told
    ]


def command_line(pid: int) -> bytes:
    """Empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


# -- the database goes --------------------------------------------------------------------

SERVERS: Sequence[Driver] = ("postgresql", "mysql")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("driver", SERVERS)
async def test_broken_lines_cost_single_requests_at_most(database_url: str, tmp_path: Path) -> None:
    with gate(database_url) as (door, through):
        install(through, tmp_path)
        with served(tmp_path) as (server, wire):
            prepare(wire)
            writers = Writers(wire)
            with writers.at_work():
                for _ in range(6):
                    writers.wait_for(2)
                    door.cut()
                writers.wait_for(5)
            for answer in writers.refused:
                assert_clean(answer)
            assert_whole(wire, writers.kept)
            assert not [line for line in server.err if "exception" in line]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("driver", SERVERS)
async def test_a_database_that_is_away_is_told_cleanly_and_found_again(
    database_url: str, tmp_path: Path
) -> None:
    with gate(database_url) as (door, through):
        install(through, tmp_path)
        with served(tmp_path) as (server, wire):
            prepare(wire)
            for _ in range(3):
                assert wire.ask("POST", "/items/orders?fields=id", orders("kept")).status == 200
                door.shut()
                for method, path, body in (
                    ("GET", "/items/orders", None),
                    ("GET", "/items/orders?limit=-1", None),
                    ("POST", "/items/orders", orders("lost")),
                    ("POST", "/collections", {"collection": "c", "fields": [ID]}),
                    ("POST", "/auth/authenticate", {"email": "a@b.c", "password": "d"}),
                ):
                    assert_clean(wire.ask(method, path, body))
                # What needs no database is answered.
                assert wire.request("GET", "/server/ping").status == 200
                health = wire.request("GET", "/server/health")
                assert (health.status, health.json["data"]["status"]) == (503, "failing")
                door.open()
                until(lambda: wire.ask("GET", "/items/orders").status == 200)
                assert wire.request("GET", "/server/health").status == 200
            found = wire.ask("GET", "/items/orders?limit=-1&fields=name").data
            assert {order["name"].partition("-")[0] for order in found} == {"kept"}
            assert not [line for line in server.err if "exception" in line]


@pytest.mark.parametrize("driver", SERVERS)
async def test_a_database_that_is_away_at_the_start_is_told_in_a_line(
    database_url: str, tmp_path: Path
) -> None:
    with gate(database_url) as (door, through):
        install(through, tmp_path)
        door.shut()
        done = conductus("start", "--port", "0", "--data", tmp_path)
        assert done.code == 1
        assert done.complaint.startswith("conductus: project main: ")
        door.open()
        with served(tmp_path) as (_, wire):
            assert wire.ask("GET", "/users").status == 200


def test_one_project_without_its_database_harms_no_other(tmp_path: Path) -> None:
    install(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    with served(tmp_path) as (_, wire):
        # Joined while the server runs: at the start it would be refused.
        install(f"sqlite:///{tmp_path / 'b.db'}", tmp_path, "other")
        (tmp_path / "b.db").rename(tmp_path / "c.db")
        (tmp_path / "b.db").mkdir()
        for _ in range(2):
            assert_clean(wire.request("GET", "/other/"))
            assert wire.ask("GET", "/users").status == 200
        (tmp_path / "b.db").rmdir()
        (tmp_path / "c.db").rename(tmp_path / "b.db")
        assert wire.request("GET", "/other/").status == 200


def assert_clean(answer: Answer) -> None:
    """503/11, when to come again, and nothing of the database's own words."""
    assert answer.error == (11, 503), answer.body
    assert int(answer.headers["retry-after"]) > 0
    said = answer.json["error"]["message"]
    assert not any(word in said.lower() for word in ("127.0.0.1", "errno", "asyncpg", "mysql"))


# -- too few connections, and the end -----------------------------------------------------


@pytest.mark.parametrize("driver", SERVERS)
async def test_requests_wait_their_turn_for_a_connection(database_url: str, tmp_path: Path) -> None:
    install(database_url, tmp_path)
    small = {f"CONDUCTUS_PROJECTS__{KEY.upper()}__DATABASE__POOL": "1"}
    with served(tmp_path, **small) as (_, wire):
        prepare(wire)

        def one(number: int) -> int:
            if number % 2:
                path, body = "/main/items/orders?fields=id", orders(str(number))
                return wire.afresh("POST", path, body).status
            return wire.afresh("GET", "/main/items/orders?fields=*.*").status

        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(one, range(60))) == {200}


async def test_a_request_in_progress_is_answered_before_the_end(
    database_url: str, tmp_path: Path
) -> None:
    install(database_url, tmp_path)
    with served(tmp_path) as (server, wire):
        prepare(wire)
        body = json.dumps(orders("last")).encode()
        head = b"POST /main/items/orders?fields=id HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        head += b"Content-Type: application/json\r\nAuthorization: Bearer "
        head += wire.token.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.create_connection(("127.0.0.1", wire.port), PATIENCE_SECONDS) as line:
            line.sendall(head + body[:50])
            # Answered: what was sent before it was read.
            assert wire.request("GET", "/server/ping").status == 200
            server.process.send_signal(signal.SIGTERM)
            wait_until_refused(wire.url)
            line.sendall(body[50:])
            assert heard(line).startswith(b"HTTP/1.1 200 ")
        assert server.end() == 0
    with served(tmp_path) as (_, wire):
        assert len(wire.ask("GET", "/items/orders?limit=-1&fields=id").data) == BATCH
        assert_whole(wire, set())
