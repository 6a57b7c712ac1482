"""One connection of sqlite3, set up as every part of Conductus expects it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from time import perf_counter, thread_time
from typing import Any, Literal, TypeVar

from conductus.database.dialects.sqlite import AGGREGATES, functions
from conductus.database.executor import Row

T = TypeVar("T")
Purpose = Literal["read", "read inline", "stream", "write", "alter"]

_STEPS = 1000
"""Virtual machine steps between two looks at the clock: some tens of microseconds."""
_STEPS_IN_THREAD = 20_000
"""In a thread a look waits for the event loop to let go of the interpreter."""
BRIEF_LOOKS = 100
"""Looks that a statement in the event loop may take: about two milliseconds of work.

Work is counted, not time: on a busy machine the clock runs on while others have the core.
"""
_BRIEF_SECONDS = 0.02
_GRACE_SECONDS = 0.01
"""How long it may work on when it looks late by the clock, others having had the core."""
_STATEMENTS_KEPT = 512
_READING_KIB = 8192
"""Pages that are kept where the same tables are read again and again; SQLite's own number
is 2000."""
_NEVER = float("inf")


class Link:
    """A connection, used by one thread at a time, whose statements have a deadline."""

    __slots__ = ("_deadline", "_looks", "_worked", "raw")

    def __init__(self, raw: sqlite3.Connection, *, threaded: bool = False) -> None:
        """`threaded`: never used in the event loop."""
        self.raw = raw
        self._deadline = _NEVER
        """When, by `perf_counter`, the running statement is stopped."""
        self._looks = _NEVER
        """How often it may still be looked at before it is stopped."""
        self._worked = _NEVER
        """The time of the core when a brief statement is stopped; none before it looks late."""
        raw.set_progress_handler(self._is_late, _STEPS_IN_THREAD if threaded else _STEPS)

    def briefly(self) -> None:
        """The next statement is stopped when it would keep the event loop."""
        self._looks = BRIEF_LOOKS
        self._worked = _NEVER
        self._deadline = perf_counter() + _BRIEF_SECONDS

    def until(self, deadline: float) -> None:
        """The next statement is stopped then, by `perf_counter`."""
        self._looks = _NEVER
        self._deadline = deadline

    def within(self, seconds: float) -> None:
        """The next statement is stopped after so many seconds."""
        self._looks = _NEVER
        self._deadline = perf_counter() + seconds

    def _is_late(self) -> bool:
        self._looks -= 1
        if self._looks < 0:
            return True
        if perf_counter() < self._deadline:
            return False
        return self._looks == _NEVER or self._has_worked()

    def _has_worked(self) -> bool:
        """Whether a brief statement had the core since it looked late first."""
        now = thread_time()
        if self._worked == _NEVER:
            self._worked = now + _GRACE_SECONDS
        return now >= self._worked

    def rows(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """All rows of a statement."""
        return self.raw.execute(sql, values).fetchall()

    def touched(self, sql: str, values: Sequence[Any]) -> int:
        """How many rows a statement changed."""
        count = self.raw.execute(sql, values).rowcount
        if count < 0 and sql.lstrip()[:4].upper() == "WITH":
            # sqlite3 counts what begins with INSERT, UPDATE or DELETE alone.
            (count,) = self.raw.execute("SELECT changes()").fetchone()
        return max(count, 0)

    def timed(
        self, work: Callable[[str, Sequence[Any]], T], sql: str, values: Sequence[Any]
    ) -> tuple[T, float]:
        """`rows` or `touched`, and the seconds that it took."""
        began = perf_counter()
        return work(sql, values), perf_counter() - began

    def stop(self) -> None:
        """Ends the statement that another thread runs here, or is about to."""
        self._deadline = 0
        self.raw.interrupt()

    def close(self) -> None:
        """Closes the connection; an open transaction is lost."""
        self.raw.close()


def connect(
    path: str, purpose: Purpose, *, synchronous: str, busy_seconds: float
) -> sqlite3.Connection:
    """A connection to the file for one purpose. Blocks; run it in a thread."""
    raw = sqlite3.connect(
        path,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS_KEPT,
    )
    try:
        _set_up(raw, purpose, synchronous)
    except BaseException:
        raw.close()
        raise
    return raw


def _set_up(raw: sqlite3.Connection, purpose: Purpose, synchronous: str) -> None:
    (encoding,) = raw.execute("PRAGMA encoding").fetchone()
    for name, arguments, function in functions(encoding):
        raw.create_function(name, arguments, function, deterministic=True)
    for name, arguments, aggregate in AGGREGATES:
        raw.create_aggregate(name, arguments, aggregate)
    raw.execute("PRAGMA journal_mode=WAL").fetchall()
    raw.execute("PRAGMA synchronous=FULL" if synchronous == "full" else "PRAGMA synchronous=NORMAL")
    if purpose in ("read", "read inline", "stream"):
        raw.execute("PRAGMA query_only=ON")
    if purpose == "alter":
        # SQLite alters many things by copying the table; with foreign keys on, dropping
        # the old one would delete or refuse what refers to it.
        raw.execute("PRAGMA foreign_keys=OFF")
    else:
        raw.execute("PRAGMA foreign_keys=ON")
    if purpose in ("read", "read inline"):
        raw.execute(f"PRAGMA cache_size=-{_READING_KIB}").fetchall()
    if purpose in ("read inline", "write"):
        # Used in the event loop, which a wait inside SQLite would block.
        raw.execute("PRAGMA busy_timeout=0").fetchall()
        # `Checkpoints` empties the log; this moves the last pages when writes never pause.
        raw.execute("PRAGMA wal_autocheckpoint=8000").fetchall()
