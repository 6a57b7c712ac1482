"""What a contract is made of: rules that whoever keeps it can be held to, one by one.

A rule is an async function that raises `AssertionError`, which says what it found. No runner
of tests is needed to call one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def expect(holds: bool, found: object = "") -> None:
    """Raises `AssertionError` unless it holds: unlike `assert`, whatever Python is told."""
    if not holds:
        raise AssertionError(found)


@contextmanager
def refused(kind: type[BaseException], found: object = "") -> Iterator[None]:
    """Raises `AssertionError` where what is tried does not raise that."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}: {found}")
