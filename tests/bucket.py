"""A real server that speaks S3, on loopback, and one that speaks badly."""

from __future__ import annotations

import asyncio
import logging
import secrets
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal
from urllib.error import HTTPError

from moto.server import ThreadedMotoServer
from msgspec import Struct

from conductus.config import StorageConfig

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


def _asked(method: str, url: str) -> str:
    request = urllib.request.Request(url, method=method)
    # Which owner a bucket has, moto takes from the head of a request.
    request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=a/20310203/us-east-1/s3/x")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read()!r}") from error


def _between(text: str, tag: str) -> list[str]:
    return [part.partition(f"</{tag}>")[0] for part in text.split(f"<{tag}>")[1:]]
