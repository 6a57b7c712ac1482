"""Processes beside the server, for what somebody else's bytes may do to whoever reads them.

Such a process holds no secret and is given little time and memory, so whatever becomes of it,
the server goes on: it can be killed, and it may crash. What is said between the two is
theirs to define.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Final

_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


async def started(
    module: str, *arguments: str, stdin: int = PIPE, environment: dict[str, str] | None = None
) -> Process:
    """A process that runs a module of ours, which calls `be_bounded` first.

    What it says on standard output is read from a pipe.
    """
    # What the server's environment holds is none of its business.
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", module),
        *arguments,
        stdin=stdin,
        stdout=PIPE,
        env={
            **passed_on,
            **(environment or {}),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        # A signal to the server's group is for the server.
        start_new_session=True,
    )


async def ended(process: Process) -> None:
    """Kills a process, whatever it does, and waits until it is gone."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def be_bounded(
    *, memory_bytes: int, niceness: int, seconds: int | None = None, files: int | None = None
) -> None:
    """Gives up, in such a process, what it does not need.

    `seconds` are of the processor; `files` may be open at once. It writes none.
    """
    os.nice(niceness)
    # Should memory run out nevertheless, it is this process that has to go.
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        if most is not None:
            _, hard = resource.getrlimit(kind)
            lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (lower, lower))
