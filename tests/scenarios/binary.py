"""The command as its users run it: a process of its own, a real port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from msgspec import Struct

from tests.passwords import VARIABLES
from tests.scenarios.canaries import look

BINARY = Path(sys.executable).with_name("conductus")
PATIENCE_SECONDS = 60.0


class Done(Struct, frozen=True):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that says why it failed."""
        lines = [line for line in self.err.splitlines() if line.startswith("conductus: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


def conductus(*arguments: str | Path, **environment: str) -> Done:
    """Runs a command to its end."""
    done = subprocess.run(
        [BINARY, *arguments],
        env=environment_of(environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    look(done.stdout + done.stderr, "the command")
    return Done(done.returncode, done.stdout, done.stderr)


class Process(Protocol):
    """A command that runs: what tests ask of `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...

    @property
    def stdout(self) -> IO[str] | None: ...

    @property
    def stderr(self) -> IO[str] | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...


class Running:
    """A server that answers."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self.out.extend, args=(process.stdout,)),
            threading.Thread(target=self.err.extend, args=(process.stderr,)),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def printed(self) -> str:
        """Everything on standard output so far."""
        return "".join(self.out)

    @property
    def url(self) -> str:
        """Where it can be reached, as it says itself."""
        found = re.search(r"serves (http://\S+)", self.printed)
        assert found is not None
        return found[1]

    def wait_for(self, text: str) -> None:
        """Returns when the text was printed on standard output."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.printed:
            assert self.process.poll() is None, "".join(self.err)
            assert time.monotonic() < deadline, "".join(self.err)
            time.sleep(0.02)

    def end(self) -> int:
        """Waits for its end; answers the exit code."""
        code = self.process.wait(PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join(PATIENCE_SECONDS)
        look("".join(self.out + self.err), "the log")
        return code

    def stop(self) -> int:
        """Asks it to stop, and waits."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()


READY = "documentation: "
"""What a server with a project prints once it answers."""
AT_WORK = "does the work"


@contextmanager
def serving(*arguments: str | Path, **environment: str) -> Iterator[Running]:
    """`conductus start` on a free port, ready to answer; stopped afterwards."""
    command = _process("start", "--port", "0", *arguments, **environment)
    with command as process, until_stopped(process, READY) as server:
        yield server


@contextmanager
def serving_nobody(*arguments: str | Path, **environment: str) -> Iterator[Running]:
    """The same, without a project."""
    command = _process("start", "--port", "0", *arguments, **environment)
    with command as process, until_stopped(process, "serves ") as server:
        yield server


@contextmanager
def attending(*arguments: str | Path, **environment: str) -> Iterator[Running]:
    """`conductus worker`, at work; stopped afterwards."""
    command = _process("worker", *arguments, **environment)
    with command as process, until_stopped(process, AT_WORK) as worker:
        yield worker


def _process(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BINARY, *arguments],
        env=environment_of(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def until_stopped(process: Process, ready: str) -> Iterator[Running]:
    """A command that runs until it is stopped, as soon as it has printed `ready`."""
    server = Running(process)
    try:
        server.wait_for(ready)
        yield server
    finally:
        if process.poll() is None:
            server.stop()
        server.end()


def environment_of(added: Mapping[str, str]) -> dict[str, str]:
    """What a command finds around it: nothing of Conductus but what is given."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CONDUCTUS_")}
    return ours | VARIABLES | dict(added) | {"COLUMNS": "200"}
