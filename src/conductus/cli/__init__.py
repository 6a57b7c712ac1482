"""The command line."""

from __future__ import annotations


def main() -> None:
    """Runs the command that the arguments name, and exits: 0 fine, 1 failed, 2 usage."""
    import sys

    from conductus.cli.application import run

    sys.exit(run(sys.argv[1:]))
