"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable


def say(line: str = "") -> None:
    """One line of the result."""
    Console(highlight=False, soft_wrap=True, markup=False).print(line)


def say_json(result: object) -> None:
    """A result for programs, on a line of its own."""
    print(msgspec.json.encode(result).decode())


def say_secret(what: str, made: str) -> None:
    """A secret that was made up: nobody can look at it later."""
    say(f"  {what}: {made}   (shown only now)")


def complain(line: str) -> None:
    """One line that says why a command failed."""
    from conductus.telemetry import redacted

    text = " ".join(redacted(line).split())
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"conductus: {text}")


@contextmanager
def working() -> Iterator[Callable[[str], None]]:
    """Shows what a long command is doing, where somebody is watching."""
    console = Console(stderr=True, highlight=False)
    if not sys.stderr.isatty():
        yield lambda step: console.print(step, markup=False)
        return
    with console.status("") as status:
        yield status.update
