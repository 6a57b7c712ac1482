"""A change is seen by every worker before the first request that starts after it.

Two places count the changes of a project. The table `conductus_state` counts them in the
transaction that makes them, so the count cannot differ from what is stored. A small file in
the data folder, mapped into every worker of this server, is moved after the commit and
before the answer; reading it costs nanoseconds, so each request does. A task moves the file
for what other servers changed, and for a change whose server died between commit and answer:
it looks at the table when it is told to (`bells`), and every second or so besides.
"""

from __future__ import annotations

import asyncio
import fcntl
import mmap
import os
from collections.abc import Awaitable, Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Executor, Transaction
from conductus.projects.bells import Topic, tell
from conductus.schema.model import Kind

T = TypeVar("T")
STATE_TABLE = "conductus_state"


_RUNG = (Topic.ERRANDS, Topic.EVENTS)


class Change(Enum):
    """What is counted apart. The value names the row of the table."""

    SCHEMA = "schema", 0
    """Collections, fields, relations, settings and webhooks."""
    ACCESS = "access", 2
    """Roles, permissions and users."""

    slot: int
    """Its place in the file of counters: an attribute is found faster than a key of a dict."""

    def __new__(cls, value: str, slot: int) -> Change:
        """A member that is known by its value alone."""
        member = object.__new__(cls)
        member._value_ = value
        member.slot = slot
        return member


_WORD = 8
_BELLS = {topic: 2 * len(Change) + place for place, topic in enumerate(_RUNG)}
"""Places behind those of the changes."""


class Stored(Struct, frozen=True):
    """The counts in the database."""

    schema: int
    access: int

    def of(self, change: Change) -> int:
        """The count of one kind of change."""
        return self.schema if change is Change.SCHEMA else self.access


class Bell(Struct, frozen=True):
    """A number that other processes see grow."""

    ring: Callable[[], None]
    """Makes it grow."""
    rings: Callable[[], int]
    """The number. Costs nanoseconds."""


class Counters:
    """The file of counters: for each kind its generation and the last known stored count.

    The generation only grows, whatever happens to the database (a restored backup counts
    from an older number).
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = _WORD * (2 * len(Change) + len(_BELLS))
        if os.fstat(self._file).st_size < size:
            os.ftruncate(self._file, size)
        self._map = mmap.mmap(self._file, size)
        # Aligned words are read and written whole, so readers need no lock.
        self._words = memoryview(self._map).cast("Q")

    def generation(self, change: Change) -> int:
        """Grows with every change. Costs no system call."""
        return self._words[change.slot]

    def stored(self) -> Stored:
        """The counts in the database that the generations are known to include."""
        schema, access = (self._words[change.slot + 1] for change in Change)
        return Stored(schema, access)

    def announce(self, change: Change, stored: int | None = None) -> None:
        """Moves the generation; `stored` is the count that the change left in the database."""
        slot = change.slot
        self._lock()
        try:
            self._words[slot] += 1
            if stored is not None:
                self._words[slot + 1] = stored
        finally:
            self._unlock()

    def ring(self, topic: Topic) -> None:
        """Tells other processes that there is something to look at."""
        self._lock()
        try:
            self._words[_BELLS[topic]] += 1
        finally:
            self._unlock()

    def rings(self, topic: Topic) -> int:
        """How often that was told."""
        if topic is Topic.CHANGES:
            return sum(self.generation(change) for change in Change)
        return self._words[_BELLS[topic]]

    def bell(self, topic: Topic) -> Bell:
        """One of the bells alone."""
        return Bell(partial(self.ring, topic), partial(self.rings, topic))

    def reconcile(self, before: Stored, found: Stored) -> None:
        """Moves the generations whose stored count is not the known one.

        `before` was read here before `found` was read in the database: a count that moved
        here in between is left alone, since `found` may be the older of the two.
        """
        for change in Change:
            slot = change.slot
            if found.of(change) == before.of(change):
                continue
            self._lock()
            try:
                if self._words[slot + 1] == before.of(change):
                    self._words[slot] += 1
                    self._words[slot + 1] = found.of(change)
            finally:
                self._unlock()

    def close(self) -> None:
        """Lets the file go; it stays for the other workers."""
        self._words.release()
        self._map.close()
        os.close(self._file)

    def _lock(self) -> None:
        # Held for some memory writes: nobody waits long enough to notice.
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def _unlock(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)


class Fresh(Generic[T]):
    """A value that is loaded again when a generation has moved; one load serves all who wait.

    `load` is handed a number that grows from load to load.
    """

    def __init__(self, generation: Callable[[], int], load: Callable[[int], Awaitable[T]]) -> None:
        self._generation = generation
        self._load = load
        self._lock = asyncio.Lock()
        self._held: tuple[int, T] | None = None
        self._expired = 0

    async def current(self) -> T:
        """The value, not older than this call. Raises what loading raises."""
        wanted = self._generation() + self._expired
        held = self._held
        if held is not None and held[0] >= wanted:
            return held[1]
        async with self._lock:
            return await self._loaded(wanted)

    def latest(self) -> T | None:
        """The value as it was last loaded, however old."""
        return self._held[1] if self._held else None

    def expire(self) -> None:
        """Makes the next call load again, in this worker only."""
        self._expired += 1

    async def _loaded(self, wanted: int) -> T:
        held = self._held
        if held is not None and held[0] >= wanted:
            return held[1]
        # Read before loading: what changes meanwhile makes the next request load again.
        generation = self._generation() + self._expired
        value = await self._load(generation)
        self._held = (generation, value)
        return value


async def bump(transaction: Transaction, dialect: Dialect, change: Change) -> int:
    """Counts a change in its own transaction; answers the new count."""
    count = dialect.compiled("bump", _one_more)
    await transaction.execute(count.sql, count.values({"which": change.value}))
    await tell(transaction, dialect, Topic.CHANGES)
    return (await stored(transaction, dialect)).of(change)


async def stored(executor: Executor, dialect: Dialect) -> Stored:
    """The counts in the database."""
    return await read_stored(executor, counts_of(dialect))


def counts_of(dialect: Dialect) -> Statement:
    """What `read_stored` asks, for who asks it again and again."""
    return dialect.compiled("counts", _every_count)


async def read_stored(executor: Executor, counts: Statement) -> Stored:
    """The counts in the database."""
    rows = await executor.fetch(counts.sql, counts.values({}))
    known = {str(name): int(count) for name, count in rows}
    return Stored(known.get(Change.SCHEMA.value, 0), known.get(Change.ACCESS.value, 0))


def _one_more() -> sa.ClauseElement:
    table, name, value = _state()
    return sa.update(table).where(name == sa.bindparam("which")).values(value=value + 1)


def _every_count() -> sa.ClauseElement:
    table, name, value = _state()
    return sa.select(name, value).select_from(table)


def _state() -> tuple[sa.TableClause, sa.ColumnClause[str], sa.ColumnClause[int]]:
    name: sa.ColumnClause[str] = sa.column("name", sa.String())
    value: sa.ColumnClause[int] = sa.column("value", sa.BigInteger())
    return sa.table(STATE_TABLE, name, value), name, value


STATE_KINDS = {"name": Kind.TEXT, "value": Kind.INTEGER}
