"""The published JavaScript client, fetched once from its registry and run by node."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.databases import SkipReason, in_ci

FOLDER = Path(__file__).parent
PATIENCE_SECONDS = 100
Steps = dict[str, Any]
"""Name of a step → what the client's call returned, or `Failed`."""


class Failed(tuple[int, str]):
    """Code and message of an error, as the client tells them."""


def fetched() -> None:
    """Leave the test here if there is no client to run; fetch it where it is missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        _do_without(SkipReason.NODE_NOT_FOUND, "they are not on the PATH")
    locked = zlib.crc32((FOLDER / "package-lock.json").read_bytes())
    stamp = FOLDER / "node_modules" / f".installed-{locked:08x}"
    # Several processes may run tests: the first fetches, the others wait for it.
    with (FOLDER / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists():
            return
        # Given up well before our own patience ends, so that npm is who says why.
        limits = ("--fetch-retries=1", "--fetch-timeout=20000", "--loglevel=error")
        done = _run("npm", "ci", "--ignore-scripts", *limits)
        if done.returncode != 0:
            _do_without(SkipReason.SDK_NOT_FETCHED, done.stderr[-500:])
        stamp.touch()


def session(*arguments: str) -> Steps:
    """Runs the session to its end; what each step gave."""
    done = _run("node", "session.cjs", *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    steps = {line["step"]: _outcome(line) for line in lines}
    assert len(steps) == len(lines), "two steps have the same name"
    return steps


def _outcome(line: dict[str, Any]) -> Any:
    if "gave" in line:
        return line["gave"]
    return Failed((int(line["failed"]["code"]), line["failed"]["message"]))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def _do_without(reason: SkipReason, trouble: str) -> None:
    if in_ci():
        pytest.fail(f"{reason} ({trouble})", pytrace=False)
    pytest.skip(reason)
