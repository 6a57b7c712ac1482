"""Lists without bounds are streamed: little memory, others served, stopped when nobody listens.

On a real server process, because it is about sockets and memory.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database
from conductus.database.opening import open_database
from tests.databases import DRIVERS, fresh_database
from tests.scenarios.binary import Running, serving
from tests.scenarios.shop import EMAIL, KEY, PASSWORD, live
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import done, text

WRITTEN = 10_000
DOUBLED = 5
LINES = WRITTEN * 2**DOUBLED
WORDS = "all work and no play " * 9
BODY_BYTES = LINES * (len(WORDS) + 20)
GROWTH_BYTES = BODY_BYTES // 2
"""Half of what is sent: as objects, all of it together would take several times as much."""
PATIENCE_SECONDS = 30.0
WATCHED = "library_lines"


class Library(Struct, frozen=True):
    """A server with one long collection."""

    driver: Driver
    database: Database
    server: Running
    token: str

    def get(self, path: str) -> httpx2.Response:
        """A whole answer."""
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx2.get(f"{self.server.url}/{KEY}{path}", headers=headers, timeout=60)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        """A whole answer."""
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx2.post(f"{self.server.url}/{KEY}{path}", headers=headers, timeout=60, **options)

    @contextmanager
    def listening(self, path: str, method: str = "GET") -> Iterator[socket.socket]:
        """A connection over which the request was sent, and nothing is read unasked."""
        address = urlsplit(self.server.url)
        head = (
            f"{method} /{KEY}{path} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n"
        )
        place = (address.hostname, address.port or 0)
        with socket.create_connection(place, PATIENCE_SECONDS) as connection:
            connection.sendall(head.encode())
            yield connection

    async def reading(self) -> int:
        """How many statements over the lines the database is at."""
        if self.driver == "sqlite":
            return 0
        table, shown, about = (
            (sa.table("pg_stat_activity"), "query", sa.column("state") != "idle")
            if self.driver == "postgresql"
            else (
                sa.table("processlist", schema="information_schema"),
                "info",
                sa.column("command") != "Sleep",
            )
        )
        statement = self.database.dialect.compile(
            sa.select(sa.column(shown)).select_from(table).where(about)
        )
        rows = await self.database.fetch(statement.sql, statement.values({}))
        return sum(WATCHED in (row[0] or "") for row in rows)

    async def until_reading(self, count: int) -> None:
        """Returns when so many statements run."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while await self.reading() != count:
            assert asyncio.get_running_loop().time() < deadline, await self.reading()
            await asyncio.sleep(0.05)

    def peak_bytes(self) -> int:
        """The most memory that any of the server's processes has held so far."""
        return max(_peak(process) for process in _family(self.server.process.pid))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture(scope="module", params=DRIVERS)
async def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Library]:
    folder = tmp_path_factory.mktemp("library")
    async with fresh_database(request.param, "library", folder) as url:
        async with live(url, folder / "data") as world:
            fields = [ID, text("words")]
            await done(world, "/collections", {"collection": WATCHED, "fields": fields})
            lines = [{"words": WORDS}] * WRITTEN
            await done(world, f"/items/{WATCHED}?activity_skip=1&fields=-", lines)
        database = await open_database(url)
        try:
            await _double(database)
            with serving("--data", folder / "data", "--workers", "1") as server:
                credentials = {"email": EMAIL, "password": PASSWORD}
                answer = httpx2.post(f"{server.url}/{KEY}/auth/authenticate", json=credentials)
                token = answer.json()["data"]["token"]
                yield Library(request.param, database, server, token)
        finally:
            await database.close()


async def _double(database: Database) -> None:
    lines = sa.table(WATCHED, sa.column("words"))
    statement = database.dialect.compile(
        sa.insert(lines).from_select(["words"], sa.select(lines.c.words))
    )
    for _ in range(DOUBLED):
        async with database.transaction() as transaction:
            await transaction.execute(statement.sql, statement.values({}))


ALL = f"/items/{WATCHED}?limit=-1"


async def test_everything_arrives_and_little_is_held(library: Library) -> None:
    library.get(f"/items/{WATCHED}?limit=1")
    before = library.peak_bytes()
    answer = library.get(f"{ALL}&meta=result_count,total_count")
    assert answer.status_code == 200
    assert "content-length" not in answer.headers
    assert len(answer.content) > BODY_BYTES
    body = answer.json()
    assert body["meta"] == {"result_count": LINES, "total_count": LINES}
    assert len({item["id"] for item in body["data"]}) == LINES
    assert all(item["words"] == WORDS for item in body["data"])
    assert library.peak_bytes() - before < GROWTH_BYTES


async def test_others_are_answered_meanwhile(library: Library) -> None:
    before = library.peak_bytes()
    with library.listening(ALL) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        for _ in range(20):
            assert library.get(f"/items/{WATCHED}/1?fields=id").json() == {"data": {"id": 1}}
        assert len(library.get(f"/items/{WATCHED}?limit=100").json()["data"]) == 100
        # Nothing more is read: the rest stays in the database, not in the server.
        assert library.peak_bytes() - before < GROWTH_BYTES


async def test_who_hangs_up_stops_the_statement(library: Library) -> None:
    await library.until_reading(0)
    with library.listening(ALL) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        if library.driver != "sqlite":
            await library.until_reading(1)
    await library.until_reading(0)


async def test_many_who_hang_up_leave_room_for_others(library: Library) -> None:
    before = library.peak_bytes()
    for _ in range(30):
        with library.listening(ALL) as connection:
            assert connection.recv(100)
    assert library.peak_bytes() - before < GROWTH_BYTES
    ids = library.get(f"{ALL}&fields=id").json()["data"]
    assert len(ids) == LINES
    await library.until_reading(0)


@pytest.mark.parametrize("limit", ["-1", "20000"])
async def test_a_head_is_answered_without_a_body(library: Library, limit: str) -> None:
    with library.listening(f"/items/{WATCHED}?limit={limit}", "HEAD") as connection:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(10_000)
        assert head.startswith(b"HTTP/1.1 200")
        # The connection goes on to the next request.
        connection.sendall(b"GET /server/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        rest = connection.recv(10_000)
        assert rest.startswith(b"HTTP/1.1 200")
    await library.until_reading(0)


async def test_a_stream_with_children(library: Library) -> None:
    answer: Any = json.loads(library.get(f"{ALL}&fields=id&sort=-id&offset={LINES - 3}").content)
    assert [item["id"] for item in answer["data"]] == [3, 2, 1]


async def test_an_export_holds_little(library: Library) -> None:
    library.get(f"/items/{WATCHED}?limit=1")
    before = library.peak_bytes()
    answer = library.post("/utils/export", json={"collection": WATCHED, "format": "csv"})
    assert answer.status_code == 200
    assert answer.content.count(b"\r\n") == LINES + 1
    assert library.peak_bytes() - before < GROWTH_BYTES


async def test_an_import_holds_little_and_writes_nothing_before_all_is_well(
    library: Library,
) -> None:
    count = LINES // 4
    content = b"id,words\n" + f",{WORDS}\n".encode() * count + b"nonsense,x\n"
    before = library.peak_bytes()
    answer = library.post(
        "/utils/import", data={"collection": WATCHED}, files={"file": ("x.csv", content)}
    )
    assert answer.status_code == 422
    (problem,) = answer.json()["error"]["details"]["errors"]
    assert (problem["line"], problem["field"]) == (count + 2, "id")
    assert library.peak_bytes() - before < len(content)
    listed = library.get(f"/items/{WATCHED}?limit=0&meta=total_count").json()
    assert listed["meta"]["total_count"] == LINES
