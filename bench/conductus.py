"""Conductus under test: a fresh data folder adopts the database, then one worker serves it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import structs

from bench.databases import Database
from bench.processes import Cores, Failed, Server, free_port, serving, tail
from bench.targets import Headers, Refused, Target, ask
from bench.workloads import CONDUCTUS, GRAPHQL

PROJECT = "bench"
EMAIL = "bench@example.com"
PASSWORD = "Bench-pass-1234"
ADOPTION_SECONDS = 600.0
COMMAND = (sys.executable, "-c", "import conductus.cli; conductus.cli.main()")


def adopt(database: Database, data: Path) -> None:
    """Create the project on a database that already has tables."""
    command = [
        *COMMAND, "project", "create", PROJECT, "--database-url", database.url, "--manage",
        "--admin-email", EMAIL, "--admin-password", PASSWORD, "--data", str(data),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=ADOPTION_SECONDS, check=False
    )
    if done.returncode:
        raise Failed(f"adoption failed with {done.returncode}:\n{done.stdout}{done.stderr}"[-4000:])


@contextmanager
def started(database: Database, data: Path, cores: Cores, folder: Path) -> Iterator[Server]:
    """A server on an adopted data folder, one worker on the server's core."""
    port = free_port()
    command = [
        *COMMAND, "start", "--port", str(port), "--workers", "1", "--data", str(data),
    ]  # fmt: skip
    environment = {"CONDUCTUS_ADMIN_EMAIL": EMAIL, "CONDUCTUS_ADMIN_PASSWORD": PASSWORD}
    log = folder / f"conductus-{database.name}.log"
    with serving(command, port, cores.server, log, environment) as server:
        try:
            ask(port, "GET", "/server/projects")
        except Refused as refusal:
            # The port is open before a worker is there to answer.
            raise Failed(f"{refusal}\n{tail(log)}") from refusal
        yield server


@contextmanager
def conductus(database: Database, data: Path, cores: Cores, folder: Path) -> Iterator[Target]:
    """Conductus, serving a database that it has adopted."""
    adopt(database, data)
    with started(database, data, cores, folder) as server:
        yield target("conductus", server.port, server)


def target(name: str, port: int, server: Server | None, project: str = PROJECT) -> Target:
    """A running Conductus as a target."""
    return Target(name, port, CONDUCTUS, server, f"/{project}", lambda: sign_in(port, project))


def graphql(rest: Target) -> Target:
    """The same server, asked by GraphQL."""
    return structs.replace(rest, name="graphql", adapter=GRAPHQL)


def sign_in(port: int, project: str = PROJECT, email: str = EMAIL) -> Headers:
    """The headers of a user, by default of the administrator."""
    credentials = {"email": email, "password": PASSWORD}
    answer = ask(port, "POST", f"/{project}/auth/authenticate", credentials)
    return {"Authorization": f"Bearer {answer['data']['token']}"}
