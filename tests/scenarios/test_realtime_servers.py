"""Changes are told across workers and servers, and streams end when a server stops.

On real servers, because it is about processes, sockets and signals.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_servers import NEVER, QUICK, TABLE, two
from tests.scenarios.test_workers import crew
from tests.scenarios.wire import KEY, Wire, install

PATH = f"/{KEY}/items/notes/events"


class Stream:
    """A stream over a connection that is used for nothing else from here on."""

    def __init__(self, wire: Wire, last: str = "") -> None:
        headers = {"authorization": f"Bearer {wire.token}", "accept": "text/event-stream"}
        if last:
            headers["last-event-id"] = last
        wire.connection.request("GET", PATH, None, headers)
        self.response: HTTPResponse = wire.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self._blocks = self._read()
        self.last = ""
        assert self.next()[0] == "open"

    def next(self) -> tuple[str, Any]:
        """The next event and its data."""
        for fields in self._blocks:
            self.last = fields.get("id", self.last)
            if "data" in fields:
                return fields["event"], json.loads(fields["data"])
        raise AssertionError("the stream was cut off")

    def ends(self) -> bool:
        """Whether it is over, in the way that HTTP has it."""
        return next(self._blocks, None) is None

    def _read(self) -> Iterator[dict[str, str]]:
        fields: dict[str, str] = {}
        for line in self.response:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name or value:
                fields[name] = value
            elif fields:
                yield fields
                fields = {}


def hears(stream: Stream, wire: Wire) -> None:
    """What is written by way of one server or worker is told by another one."""
    for _ in range(3):
        key = wire.ask("POST", "/items/notes", {}).data["id"]
        event, data = stream.next()
        assert (event, data["key"]) == ("create", key)


@pytest.mark.timeout(240)
async def test_workers_tell_what_the_others_wrote_and_end_well(
    database_url: str, tmp_path: Path
) -> None:
    install(database_url, tmp_path)
    with crew(tmp_path) as both:
        both.do("POST", "/collections", TABLE)
        own = both.first.another()
        stream, beside = Stream(both.last), Stream(own)
        hears(stream, both.first)
        for _ in range(3):
            assert beside.next()[0] == "create"
        both.server.process.send_signal(signal.SIGTERM)
        for each in (stream, beside):
            assert each.next() == ("end", {})
            assert each.ends()
        assert both.server.end() == 0
        own.close()


@pytest.mark.parametrize(
    ("driver", "settings"),
    [
        ("postgresql", {**NEVER, "CONDUCTUS_JOBS__POLL_SECONDS": "3600"}),
        ("mysql", QUICK),
    ],
)
async def test_servers_tell_what_the_others_wrote(
    driver: str, settings: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    install(database_url, tmp_path)
    with two(tmp_path, settings) as (one, other):
        assert one.ask("POST", "/collections", TABLE).status == 200
        listener = one.another()
        stream = Stream(listener)
        hears(stream, one)
        hears(stream, other)
        listener.close()
        # The place of one server is understood by the other one.
        missed = one.ask("POST", "/items/notes", {}).data["id"]
        listener = other.another()
        stream = Stream(listener, stream.last)
        assert stream.next()[1]["key"] == missed
        hears(stream, one)
        listener.close()
