"""A real server that speaks S3, on loopback, and one that speaks badly."""

from __future__ import annotations

import asyncio
import http.client
import logging
import secrets
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit

from moto.server import ThreadedMotoServer
from msgspec import Struct

from conductus.config import StorageConfig

ANYBODY = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20310203/us-east-1/s3/x"}
Manner = Literal["failing", "silent"]


class Bucket(Struct, frozen=True):
    """A bucket of one's own."""

    endpoint: str
    name: str

    def config(self, **changes: object) -> StorageConfig:
        """The configuration of a project that keeps its files here."""
        stated = {
            "driver": "s3",
            "bucket": self.name,
            "endpoint": self.endpoint,
            "access_key": "anybody",
            "secret_key": "anything",
        }
        return StorageConfig(**(stated | changes))  # type: ignore[arg-type]  # as a file states it

    def text(self, question: str = "") -> str:
        """What the server says of the bucket."""
        return _asked("GET", f"{self.endpoint}/{self.name}{question}")

    def keys(self) -> list[str]:
        """The keys of every object."""
        return _between(self.text("?list-type=2"), "Key")

    def unfinished(self) -> list[str]:
        """The keys of uploads that were begun and not ended."""
        return _between(self.text("?uploads"), "Key")


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> Bucket:
    """An empty bucket."""
    name = f"files-{secrets.token_hex(6)}"
    _asked("PUT", f"{endpoint}/{name}")
    return Bucket(endpoint, name)


@asynccontextmanager
async def bad_server(manner: Manner) -> AsyncIterator[str]:
    """The address of a server that answers every request with an error, or not at all."""
    held: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        while await reader.readline() not in (b"\r\n", b""):
            pass
        if manner == "failing":
            writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in held:
            writer.close()


class Door:
    """A server in front of one that speaks S3: passes requests on, or does so badly."""

    def __init__(self, beyond: str) -> None:
        self.beyond = urlsplit(beyond).netloc
        self.url = ""
        self.refused = 0
        """Requests that were not passed on."""
        self._manner = "well"
        self._which: Callable[[str], bool] = lambda _: True

    def behave(self, manner: str, which: Callable[[str], bool] = lambda _: True) -> None:
        """`well`, `slow`, `failing`, `silent` or `cutting`, at requests `METHOD /path?query`."""
        self.refused, self._manner, self._which = 0, manner, which

    def manner(self, asked: str) -> str:
        """How a request is met."""
        return self._manner if self._which(asked) else "well"


@contextmanager
def door(beyond: str) -> Iterator[Door]:
    """A door before the server at `beyond`."""
    found = Door(beyond)
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            manner = found.manner(f"{self.command} {self.path}")
            if manner in ("well", "slow"):
                over.wait(0.3 if manner == "slow" else 0)
                self._pass_on(body)
                return
            found.refused += 1
            if manner == "failing":
                self._answer(500, {"content-length": "0"}, b"")
                return
            # Longer than anybody waits; or not at all.
            over.wait(30 if manner == "silent" else 0)
            self.close_connection = True

        def _pass_on(self, body: bytes) -> None:
            with closing(http.client.HTTPConnection(found.beyond, timeout=20)) as line:
                line.request(self.command, self.path, body, dict(self.headers))
                answer = line.getresponse()
                content = answer.read()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            headers.pop("transfer-encoding", None)
            headers.pop("connection", None)
            if self.command != "HEAD":
                headers["content-length"] = str(len(content))
            self._answer(answer.status, headers, content)

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

    with Listener(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield found
        finally:
            over.set()
            server.shutdown()
            serving.join()


def _asked(method: str, url: str) -> str:
    request = urllib.request.Request(url, method=method)
    # Which owner a bucket has, moto takes from the head of a request.
    for name, value in ANYBODY.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read()!r}") from error


def _between(text: str, tag: str) -> list[str]:
    return [part.partition(f"</{tag}>")[0] for part in text.split(f"<{tag}>")[1:]]
