"""What is measured: a running server, how it is asked, and by whom."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bench.databases import Database
from bench.processes import Cores, Server, free_port, serving
from bench.workloads import LIMIT, Adapter, Ask, Workload

Headers = Mapping[str, str]

GRANIAN_FLAGS = ("--interface", "asgi", "--workers", "1", "--log-level", "warning")
"""How the limit is served: as `conductus start --workers 1` serves, granian's own defaults."""


class Target(Struct, frozen=True):
    """A server under test. `server` is none for one that we did not start."""

    name: str
    port: int
    adapter: Adapter
    server: Server | None = None
    prefix: str = ""
    sign_in: Callable[[], Headers] = dict
    """Gives the headers of a round: tokens are short-lived."""

    def serves(self, workload: Workload) -> bool:
        """Whether it can do a workload at all."""
        return workload.name in self.adapter.paths

    def requests(self, workload: Workload, asks: list[Ask], headers: Headers) -> list[bytes]:
        """Whole requests for the load generator."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return [self.adapter.request(workload, ask, self.prefix, lines) for ask in asks]


class Refused(Exception):
    """A server answered something else than success, or nothing."""


def ask(port: int, method: str, path: str, body: Any = None, headers: Headers | None = None) -> Any:
    """One request outside the timed part, decoded; raises `Refused` when it fails."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        sent = {"Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, msgspec.json.encode(body) if body else None, sent)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Refused(f"{method} {path}: {error!r}") from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise Refused(f"{method} {path}: {response.status} {answer[:500]!r}")
    return msgspec.json.decode(answer) if answer else None


@contextmanager
def limit(database: Database, cores: Cores, folder: Path) -> Iterator[Target]:
    """The hand-written application, serving."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", *GRANIAN_FLAGS, "--port", str(port),
        "--factory", "bench.limit:create",
    ]  # fmt: skip
    log = folder / f"limit-{database.name}.log"
    environment = {"BENCH_DATABASE_URL": database.url}
    with serving(command, port, cores.server, log, environment) as server:
        yield Target("limit", port, LIMIT, server)
