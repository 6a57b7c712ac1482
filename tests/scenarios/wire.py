"""A project behind the real server, asked over connections of one's own."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from tests.scenarios import shop
from tests.scenarios.binary import PATIENCE_SECONDS, Running
from tests.scenarios.forked import serving
from tests.scenarios.neighbours import settle

EMAIL, KEY, PASSWORD = shop.EMAIL, shop.KEY, shop.PASSWORD


class Answer(Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    """By lower-case name; several of one name are joined by commas."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body as it was meant."""
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        """The `data` of a success."""
        assert self.status == 200, self.body
        return self.json["data"]

    @property
    def error(self) -> tuple[int, int]:
        """Code and status."""
        return self.json["error"]["code"], self.status


class Wire:
    """One connection, kept open; the server may be asked again after it went."""

    def __init__(self, url: str, token: str = "") -> None:
        address = urlsplit(url)
        assert address.port is not None
        self.url = url
        self.port = address.port
        self.token = token
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE_SECONDS)

    def another(self) -> Wire:
        """A connection of its own, as the same user."""
        return Wire(self.url, self.token)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request below the project; raises `OSError` or `HTTPException` when cut off."""
        return self.request(method, f"/{KEY}{path}", body, **headers)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request anywhere."""
        sent = {"authorization": f"Bearer {self.token}"} if self.token else {}
        text = None if body is None else json.dumps(body)
        if text is not None:
            sent["content-type"] = "application/json"
        try:
            self.connection.request(method, path, text, sent | headers)
            found = self.connection.getresponse()
            answer = found.read()
        except BaseException:
            self.connection.close()
            raise
        return Answer(found.status, _by_name(found.getheaders()), answer)

    def afresh(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request on a connection of its own."""
        with closing(self.another()) as wire:
            return wire.request(method, path, body, **headers)

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        """Keeps the token for what is asked next."""
        body = {"email": email, "password": password}
        self.token = self.ask("POST", "/auth/authenticate", body).data["token"]

    def close(self) -> None:
        """Hangs up."""
        self.connection.close()


def install(url: str, folder: Path, key: str = KEY) -> None:
    """A project in the data folder."""
    # Not by the command, which takes a second, and in a thread: the caller may have a loop.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, settle(folder, key, url)).result()


@contextmanager
def served(folder: Path, *arguments: str, **environment: str) -> Iterator[tuple[Running, Wire]]:
    """The server of a data folder, and a client that is signed in."""
    options = ("--data", str(folder), "--log-format", "json", *arguments)
    with serving(*options, **environment) as server, closing(Wire(server.url)) as wire:
        wire.sign_in()
        yield server, wire


def dialogue(port: int, sent: bytes, *, ends: bool = False) -> bytes:
    """What the server says to these bytes until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as line:
        line.sendall(sent)
        if ends:
            line.shutdown(socket.SHUT_WR)
        return heard(line)


def heard(line: socket.socket) -> bytes:
    """Everything that comes before the other side hangs up."""
    said = b""
    try:
        while part := line.recv(1 << 16):
            said += part
    except ConnectionResetError:
        pass
    return said


def _by_name(headers: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        low = name.lower()
        found[low] = f"{found[low]}, {value}" if low in found else value
    return found
