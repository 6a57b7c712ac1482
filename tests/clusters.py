"""Database servers of one's own, which a test may stop, kill and start again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from conductus.database.dialect import Name as Driver
from tests.databases import SkipReason, in_ci

PATIENCE_SECONDS = 90.0
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/sbin", "/usr/bin", "/usr/local/bin")
_OWNERS = ("postgres", "mysql", "nobody")


class Cluster:
    """A server with a database `own`, at the same port as ever."""

    def __init__(
        self, folder: Path, url: str, command: Sequence[str], knock: Sequence[str]
    ) -> None:
        """`knock` is a command that succeeds once the server lets clients in."""
        self.url = url
        self._folder = folder
        self._command = command
        self._knock = knock
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it lets clients in."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdout=log, stderr=log, user=_owner()
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        # Who listens may yet say that it is starting up.
        while subprocess.run(self._knock, capture_output=True, check=False).returncode:
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self, sign: signal.Signals) -> None:
        """Ends it by this signal."""
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None


@contextmanager
def cluster(driver: Driver) -> Iterator[Cluster]:
    """A server of this kind, running."""
    # Not pytest's folder, which nobody but its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="conductus-cluster-"))
    if (owner := _owner()) is not None:
        shutil.chown(folder, owner)
    try:
        found = _postgresql(folder) if driver == "postgresql" else _mariadb(folder)
        found.start()
        try:
            yield found
        finally:
            found.stop(signal.SIGKILL)
    finally:
        shutil.rmtree(folder)


def _postgresql(folder: Path) -> Cluster:
    data, port = folder / "data", free_port()
    made = ("--auth", "trust", "--username", "own", "--encoding", "UTF8", "--no-sync")
    _run(folder, _program("initdb"), "--pgdata", data, *made)
    options = ("-h", "127.0.0.1", "-p", str(port), "-k", str(folder))
    command = (_program("postgres"), "-D", str(data), *options)
    knock = (_program("pg_isready"), "-h", "127.0.0.1", "-p", str(port))
    return Cluster(folder, f"postgresql://own@127.0.0.1:{port}/postgres", command, knock)


def _mariadb(folder: Path) -> Cluster:
    data, port = folder / "data", free_port()
    own = folder / "own.sql"
    own.write_text(
        "CREATE DATABASE IF NOT EXISTS own CHARACTER SET utf8mb4;\n"
        "CREATE USER IF NOT EXISTS own@'127.0.0.1';\n"
        "GRANT ALL ON *.* TO own@'127.0.0.1';\n"
    )
    made = ("--auth-root-authentication-method=normal", "--skip-test-db")
    _run(folder, _program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", *made)
    command = (
        *(_program("mariadbd"), "--no-defaults", f"--datadir={data}", f"--init-file={own}"),
        *("--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder / 'socket'}"),
        *(f"--pid-file={folder / 'pid'}", "--skip-name-resolve"),
    )
    where = ("--protocol=tcp", "--host=127.0.0.1", f"--port={port}", "--user=own")
    knock = (_program("mariadb-admin"), "--no-defaults", *where, "ping")
    return Cluster(folder, f"mysql://own@127.0.0.1:{port}/own", command, knock)


def _run(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(
        command, cwd=folder, user=_owner(), capture_output=True, timeout=PATIENCE_SECONDS,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _owner() -> str | None:
    """Who may run a database server: not root."""
    if os.getuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in _OWNERS if name in known)


def _program(name: str) -> str:
    """Where a program of a database server is; without it, the test is left here."""
    for place in _PLACES:
        found = sorted(Path("/").glob(f"{place.lstrip('/')}/{name}"))
        if found:
            return str(found[-1])
    reason = SkipReason.DATABASE_PROGRAMS_NOT_FOUND
    if in_ci():
        pytest.fail(f"{reason} ({name})", pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """A port of loopback at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
