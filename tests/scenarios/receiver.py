"""A server on loopback that is told of things, and answers as each test wants."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from msgspec import Struct

from tests.postbox import eventually

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def status(code: int, *headers: str) -> bytes:
    """An answer of that status."""
    lines = (f"HTTP/1.1 {code} So", "Content-Length: 0", *headers, "", "")
    return "\r\n".join(lines).encode()


class Heard(Struct, frozen=True):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        """The body as it was meant."""
        return json.loads(self.body)


Behaviour = Callable[[Heard], Awaitable[bytes]]


class Receiver:
    """What came, by path; `behave` says what a path answers."""

    def __init__(self) -> None:
        self.heard: dict[str, list[Heard]] = defaultdict(list)
        self.behave: dict[str, Behaviour] = {}
        self.port = 0

    def url(self, path: str) -> str:
        """Where a path is."""
        return f"http://127.0.0.1:{self.port}{path}"

    def answers(self, path: str, *answers: bytes) -> None:
        """What a path answers, one after the other; the last of them again and again.

        With nothing it hangs up.
        """
        left = list(answers)

        async def behave(_: Heard) -> bytes:
            return left.pop(0) if len(left) > 1 else left[0]

        self.behave[path] = behave

    async def requests(self, path: str, number: int = 1) -> list[Heard]:
        """What a path has heard, once it is that many."""
        await eventually(lambda: len(self.heard[path]) >= number)
        return self.heard[path]

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        try:
            while True:
                heard = await _read(reader)
                self.heard[heard.path].append(heard)
                behave = self.behave.get(heard.path)
                answer = OK if behave is None else await behave(heard)
                if not answer:
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {
        name.lower(): value for line in head[1:-2] for name, _, value in [line.partition(": ")]
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Heard(method, path, headers, body.decode())


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.meet, "127.0.0.1", 0)
    try:
        receiver.port = server.sockets[0].getsockname()[1]
        yield receiver
    finally:
        server.close()


@contextmanager
def receiving_beside() -> Iterator[Receiver]:
    """A receiver in a thread of its own, for tests that wait for processes."""
    found: Future[tuple[Receiver, Callable[[], Any]]] = Future()

    async def serve() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        async with receiving() as receiver:
            found.set_result((receiver, partial(loop.call_soon_threadsafe, over.set)))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    receiver, end = found.result(20)
    try:
        yield receiver
    finally:
        end()
        thread.join(20)
