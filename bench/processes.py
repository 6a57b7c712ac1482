"""Servers under test as processes: started on one core, watched through `/proc`, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 10.0
START_SECONDS = 120.0


class Cores(Struct, frozen=True):
    """Which core the server under test has to itself, and where the load comes from."""

    server: int
    load: int

    @property
    def shared(self) -> bool:
        """Whether the machine is too small to keep the two apart."""
        return self.server == self.load


def cores() -> Cores:
    """The first core we may use serves, the last one asks."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(server=usable[0], load=usable[-1])


class Failed(Exception):
    """A server that was to be measured did not start, or ended on its own."""


class Server(Struct, frozen=True):
    """A started server: the process we began, and the port it answers on."""

    process: int
    port: int

    def tree(self) -> list[int]:
        """The process and all its descendants."""
        children: dict[int, list[int]] = {}
        for path in Path("/proc").iterdir():
            if path.name.isdigit() and (fields := _stat(Path(path, "stat"))):
                children.setdefault(int(fields[1]), []).append(int(path.name))
        found = [self.process]
        for process in found:
            found.extend(children.get(process, ()))
        return found

    def cpu_seconds(self) -> float:
        """CPU time that the tree has used so far, in user and kernel mode."""
        return sum(cpu_seconds(Path(f"/proc/{process}/stat")) for process in self.tree())

    def memory_mib(self) -> float:
        """Resident memory of the whole tree; what processes share is counted once (PSS)."""
        return sum(_resident_kib(process) for process in self.tree()) / 1024

    def largest_mib(self) -> float:
        """Resident memory of the largest process now: the worker's."""
        return max(_kib(Path(f"/proc/{p}/status"), "VmRSS:") for p in self.tree()) / 1024

    def peak_mib(self) -> float:
        """The most that any process of the tree has ever had resident."""
        return max(_kib(Path(f"/proc/{p}/status"), "VmHWM:") for p in self.tree()) / 1024


def cpu_seconds(stat: Path) -> float:
    """CPU time of one process or thread, 0 when it is gone."""
    fields = _stat(stat)
    return (int(fields[11]) + int(fields[12])) * TICK_SECONDS if fields else 0.0


def _stat(path: Path) -> list[str]:
    """The fields of a stat file from the state on (the third of proc(5)), or nothing."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _resident_kib(process: int) -> int:
    return _kib(Path(f"/proc/{process}/smaps_rollup"), "Pss:")


def _kib(path: Path, key: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], port: int, core: int, log: Path, environment: Mapping[str, str]
) -> Iterator[Server]:
    """The server while it runs, pinned to `core` with all its children and threads."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_port(process, port, log)
        yield Server(process.pid, port)
    finally:
        _stop(process)


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _listening(port):
        if process.poll() is not None:
            raise Failed(f"{process.args!r} ended with {process.returncode}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise Failed(f"{process.args!r} did not listen on {port}:\n{tail(log)}")
        time.sleep(0.005)


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path) -> str:
    """The end of a server's log, for the message that says why it failed."""
    return log.read_text(errors="replace")[-3000:] if log.exists() else "(no output)"
