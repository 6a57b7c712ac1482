"""Commands one after another, without the second that each takes to import the same modules.

A command is a process of its own here too, with its own arguments, environment and output;
it is forked from one that has imported what commands import, and not started anew. What
the interpreter itself takes from the environment (PYTHONPATH) does not reach it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from conductus.cli import main
from tests.scenarios.binary import (
    AT_WORK,
    READY,
    Done,
    Running,
    environment_of,
    until_stopped,
)

_STEM = multiprocessing.get_context("forkserver")
_STEM.set_forkserver_preload(
    [
        "granian",
        "conductus.app",
        *(
            f"conductus.cli.{name}"
            for name in ("doctor", "files", "people", "project", "schema", "start", "transfer")
        ),
        *(f"conductus.database.{name}" for name in ("mysql", "postgresql", "sqlite")),
        "tests.scenarios.forked",
    ]
)


class Forked:
    """A command in a process that was forked; it is killed where it is left running."""

    def __init__(self, *arguments: str | Path, **environment: str) -> None:
        out, told_out = _STEM.Pipe(duplex=False)
        err, told_err = _STEM.Pipe(duplex=False)
        self.stdout = os.fdopen(os.dup(out.fileno()))
        self.stderr = os.fdopen(os.dup(err.fileno()))
        words = [str(argument) for argument in arguments]
        given = (
            words,
            environment_of(environment),
            os.getcwd(),
            multiprocessing.get_start_method(),
            told_out,
            told_err,
        )
        self._process = _STEM.Process(target=_run, args=given)
        self._process.start()
        for end in (out, told_out, err, told_err):
            end.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The code that it has ended with."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The code that it ends with."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("conductus", timeout or 0)
        return code

    def send_signal(self, sig: int, /) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.poll() is None:
            self._process.kill()
            self._process.join()
        self._process.close()
        self.stdout.close()
        self.stderr.close()


def conductus(*arguments: str | Path, **environment: str) -> Done:
    """Runs a command to its end, of a kind that a test runs as its users do."""
    with Forked(*arguments, **environment) as process:
        command = Running(process)
        code = command.end()
        return Done(code, command.printed, "".join(command.err))


@contextmanager
def serving(*arguments: str | Path, **environment: str) -> Iterator[Running]:
    """`conductus start` on a free port, ready to answer; stopped afterwards."""
    command = Forked("start", "--port", "0", *arguments, **environment)
    with command as process, until_stopped(process, READY) as server:
        yield server


@contextmanager
def attending(*arguments: str | Path, **environment: str) -> Iterator[Running]:
    """`conductus worker`, at work; stopped afterwards."""
    command = Forked("worker", *arguments, **environment)
    with command as process, until_stopped(process, AT_WORK) as worker:
        yield worker


def _run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: str,
    method: str,
    out: Connection,
    err: Connection,
) -> None:
    # To look for garbage in what it was forked with would copy every page of it.
    gc.freeze()
    for end, number in ((out, 1), (err, 2)):
        os.dup2(end.fileno(), number)
        end.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    # A server has its workers the way it has them otherwise.
    multiprocessing.set_start_method(method, force=True)
    sys.argv = ["conductus", *arguments]
    main()
