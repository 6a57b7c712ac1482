"""What a command takes for itself: the data folder, the lock on it, the port."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from conductus.cli.application import CommandFailed
from conductus.config import data_folder

DataFolder = Annotated[
    Path | None,
    Parameter(name="--data", help="The data folder; else CONDUCTUS_DATA, else ./conductus-data."),
]


def own_folder(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The data folder, made if need be and fit to be written. Raises `CommandFailed`."""
    folder = data_folder(given, environment)
    try:
        for part in (folder, folder / "projects", folder / "run"):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / "run" / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CommandFailed(
            f"The data folder {folder} cannot be written: {error.strerror}"
        ) from error
    return folder


@contextmanager
def sole_server(folder: Path) -> Iterator[None]:
    """Keeps other servers off the data folder. Raises `CommandFailed` when one is there."""
    handle = os.open(folder / "run" / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 20, 0).decode().strip() or "unknown"
            raise CommandFailed(
                f"Another server runs on the data folder {folder} (process {holder})"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def free_port(host: str, port: int) -> int:
    """The port itself, or a free one for 0. Raises `CommandFailed` when it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise CommandFailed(f"The host {host!r} is not known here") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CommandFailed(_why_not(error, host, port)) from error
        bound: int = probe.getsockname()[1]
        return bound


def _why_not(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} of {host} is taken: stop what listens there or use --port"
        case errno.EACCES:
            return f"Port {port} is for privileged users: use --port with a number above 1023"
        case _:
            return f"{host}:{port} cannot be listened on: {error.strerror}"
