"""The load generator: a bounded, keep-alive HTTP/1.1 client on raw sockets.

Runs as its own process (`python -m bench.load`, a `Job` as JSON in, an `Outcome` out), so that
it can be pinned away from the server. It counts the bytes of an answer without building it, and
reports its own CPU share: near 1 the generator was the limit, not the server.
"""

from __future__ import annotations

import math
import os
import re
import select
import socket
import sys
import time
from typing import Final

import msgspec
from msgspec import Struct

CHUNK: Final = 1 << 18
GRACE_SECONDS: Final = 120.0
"""How long an answer may take after the time for asking is over."""

MOST_ERRORS: Final = 1000
"""Lost connections after which a server is given up."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Job(Struct, frozen=True):
    """What to ask whom and for how long. `requests` are whole HTTP requests, asked in turn."""

    port: int
    requests: list[bytes]
    core: int
    connections: int = 8
    warm_seconds: float = 0.2
    seconds: float = 1.5
    most: int = 1_000_000


class Outcome(Struct, frozen=True):
    """What was answered with success. `total` and `errors` include the warm-up."""

    requests: int
    total: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    bytes: int
    errors: int
    first_error: str
    cpu_share: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds if self.seconds else 0.0


NOTHING = Outcome(0, 0, 0.0, 0.0, 0.0, 0.0, 0, 0, "", 0.0)


class Stalled(Exception):
    """A server left a request without an answer."""


class Connection:
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("_chunked", "_head", "_port", "_remaining", "_tail", "began", "sock", "start")

    def __init__(self, port: int) -> None:
        self._port = port
        self.connect()

    def connect(self) -> None:
        """Open the connection, also again after the server closed it."""
        self.sock = socket.create_connection(("127.0.0.1", self._port), timeout=GRACE_SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> None:
        """Send a request; its answer will arrive through `receive`."""
        self._head = b""
        self._tail = b""
        self._remaining = -1
        self._chunked = False
        self.start = b""
        self.began = time.perf_counter()
        self.sock.sendall(request)

    def receive(self) -> tuple[int, bool]:
        """Bytes that came now, and whether the answer is complete with them."""
        data = self.sock.recv(CHUNK)
        if not data:
            raise ConnectionError("the server closed the connection")
        if self._remaining < 0 and not self._chunked:
            return len(data), self._receive_head(data)
        return len(data), self._receive_body(data)

    def _receive_head(self, data: bytes) -> bool:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.start = self._head[: end + 1024]
        body = self._head[end + 4 :]
        if _CHUNKED.search(self._head, 0, end):
            self._chunked = True
            return self._receive_body(b"\r\n" + body)
        length = _LENGTH.search(self._head, 0, end + 2)
        self._remaining = int(length[1]) if length else 0
        return self._receive_body(body)

    def _receive_body(self, data: bytes) -> bool:
        if self._chunked:
            # JSON holds no bare CR, so these bytes can only be the last chunk.
            self._tail = (self._tail + data)[-len(_LAST_CHUNK) :]
            return self._tail == _LAST_CHUNK
        self._remaining -= len(data)
        return self._remaining <= 0

    @property
    def told(self) -> str:
        """The status and the start of the body, for a message."""
        head, _, body = self.start.partition(b"\r\n\r\n")
        return f"{head[9:12].decode()} {body[:200].decode(errors='replace')}"

    @property
    def succeeded(self) -> bool:
        """Whether the answer under way has a 2xx status."""
        return self.start[9:10] == b"2"


class Tally:
    """What the answers of one phase add up to."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.bytes = 0
        self.errors = 0
        self.first_error = ""

    def fail(self, reason: str) -> None:
        """Count an answer that is none, and keep the first reason."""
        self.errors += 1
        self.first_error = self.first_error or reason


class Generator:
    """Keeps every connection busy until a phase is over."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._next = 0
        self._connections = {
            c.sock.fileno(): c for c in map(Connection, [job.port] * job.connections)
        }
        self._epoll = select.epoll()
        for number in self._connections:
            self._epoll.register(number, select.EPOLLIN)

    def run(self, seconds: float, most: int) -> tuple[Tally, float]:
        """Ask for so many seconds or requests; wait for what is under way; the time it took."""
        tally = Tally()
        began = time.perf_counter()
        until = began + seconds
        asked = 0
        for connection in list(self._connections.values()):
            self._ask(connection, tally)
            asked += 1
        busy = len(self._connections)
        while busy:
            events = self._epoll.poll(GRACE_SECONDS)
            if not events:
                raise Stalled("no answer from the server")
            for number, _ in events:
                connection = self._connections[number]
                if not self._advance(connection, tally):
                    continue
                if asked < most and time.perf_counter() < until:
                    self._ask(connection, tally)
                    asked += 1
                else:
                    busy -= 1
        return tally, time.perf_counter() - began

    def _ask(self, connection: Connection, tally: Tally) -> None:
        requests = self._job.requests
        request = requests[self._next % len(requests)]
        self._next += 1
        try:
            connection.ask(request)
        except ConnectionError as error:
            self._reconnect(connection, tally, error)
            connection.ask(request)

    def _advance(self, connection: Connection, tally: Tally) -> bool:
        """Take what arrived; whether the connection is free for another request."""
        try:
            size, complete = connection.receive()
        except ConnectionError as error:
            self._reconnect(connection, tally, error)
            return True
        tally.bytes += size
        if complete and connection.succeeded:
            tally.latencies.append(time.perf_counter() - connection.began)
        elif complete:
            tally.fail(connection.told)
        return complete

    def _reconnect(self, connection: Connection, tally: Tally, error: ConnectionError) -> None:
        tally.fail(str(error))
        if tally.errors > MOST_ERRORS:
            raise Stalled("the server keeps closing connections") from error
        del self._connections[connection.sock.fileno()]
        connection.sock.close()
        connection.connect()
        self._connections[connection.sock.fileno()] = connection
        self._epoll.register(connection.sock.fileno(), select.EPOLLIN)


def run(job: Job) -> Outcome:
    """Do a job: warm up, then measure."""
    os.sched_setaffinity(0, {job.core})
    generator = Generator(job)
    warm, _ = generator.run(job.warm_seconds, job.most)
    cpu = time.process_time()
    tally, seconds = generator.run(job.seconds, job.most)
    share = (time.process_time() - cpu) / seconds
    latencies = sorted(tally.latencies)
    return Outcome(
        requests=len(latencies),
        total=len(latencies) + len(warm.latencies),
        seconds=seconds,
        p50_ms=quantile(latencies, 0.50) * 1000,
        p99_ms=quantile(latencies, 0.99) * 1000,
        max_ms=quantile(latencies, 1.0) * 1000,
        bytes=tally.bytes,
        errors=tally.errors + warm.errors,
        first_error=warm.first_error or tally.first_error,
        cpu_share=share,
    )


def quantile(ordered: list[float], share: float) -> float:
    """The smallest value that at least `share` of the ordered values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


if __name__ == "__main__":
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(run(job)))
