"""What node runs for the tests: packages fetched once from their registry, and scripts."""

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


def fetch() -> None:
    """Leave the test here if there is no node; fetch the packages where they are missing."""
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
            _do_without(SkipReason.PACKAGES_NOT_FETCHED, done.stderr[-500:])
        stamp.touch()


def lines(script: str, *arguments: str) -> list[dict[str, Any]]:
    """Runs a script of this folder to its end; the objects it wrote, one a line."""
    done = _run("node", script, *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


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
