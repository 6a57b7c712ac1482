"""Whose turn it is to do what a schedule says: of all workers on a database, one.

Each schedule has a row with the moment at which it is due. Whoever moves that moment on, on
the condition that nobody has moved it since it was read, has the turn, and keeps it by
moving the moment again and again. No lock is held meanwhile, and a worker that dies is
followed by another. Source: as `jobs.claims`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from cronsim import CronSim
from msgspec import Struct

from conductus.database.dialect import Statement
from conductus.database.executor import Database, TransactionConflict
from conductus.errors import DuplicateValue
from conductus.projects import rows
from conductus.projects.outbox import milliseconds
from conductus.schema.model import Kind

LEASE: Final = timedelta(seconds=120)
_TABLE: Final = "conductus_schedules"
_KINDS: Final = {"name": Kind.TEXT, "cron": Kind.TEXT, "due": Kind.INTEGER}


class Turn(Struct, frozen=True):
    """The turn at a schedule, one's own until `until`."""

    name: str
    cron: str
    until: int
    """Milliseconds; says whose turn it is."""


class Turns:
    """The schedules in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = rows.clause(database.dialect, _TABLE, _KINDS)

    async def find(self, name: str, cron: str, now: datetime) -> Turn | None:
        """The turn, if the schedule is due and nobody else has it."""
        found = await self._database.fetch(self._one.sql, self._one.values({"name": name}))
        if not found:
            await self._begin(name, cron, now)
            return None
        known, due = str(found[0][0]), int(found[0][1])
        if known != cron:
            # The configuration changed.
            await self._move(name, due, cron, following(cron, now))
            return None
        if due > milliseconds(now):
            return None
        return await self._taken(name, cron, due, now)

    async def kept(self, turn: Turn, now: datetime) -> Turn | None:
        """The turn for another while; None when it is somebody else's by now."""
        return await self._taken(turn.name, turn.cron, turn.until, now)

    async def over(self, turn: Turn, now: datetime) -> None:
        """What was to be done is done, or was tried: it is due again as the schedule says."""
        await self._move(turn.name, turn.until, turn.cron, following(turn.cron, now))

    async def _taken(self, name: str, cron: str, due: int, now: datetime) -> Turn | None:
        until = milliseconds(now + LEASE)
        return Turn(name, cron, until) if await self._move(name, due, cron, until) else None

    async def _begin(self, name: str, cron: str, now: datetime) -> None:
        row = {"name": name, "cron": cron, "due": following(cron, now)}
        try:
            async with self._database.transaction() as transaction:
                await rows.add(transaction, self._database.dialect, _TABLE, _KINDS, [row])
        except (DuplicateValue, TransactionConflict):
            # Somebody else was faster.
            return

    async def _move(self, name: str, seen: int, cron: str, due: int) -> bool:
        """Whether the schedule was still as it was seen, and is moved."""
        bound: dict[str, Any] = {"name": name, "seen": seen, "cron": cron, "due": due}
        statement = self._moved
        try:
            async with self._database.transaction() as transaction:
                return await transaction.execute(statement.sql, statement.values(bound)) == 1
        except TransactionConflict:
            # Somebody else moved it: it is theirs.
            return False

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _one(self) -> Statement:
        t = self._table
        name = sa.bindparam("name", type_=sa.String())
        return self._database.dialect.compile(sa.select(t.c.cron, t.c.due).where(t.c.name == name))

    @cached_property
    def _moved(self) -> Statement:
        t = self._table
        as_seen = (
            t.c.name == sa.bindparam("name", type_=sa.String()),
            t.c.due == sa.bindparam("seen", type_=sa.BigInteger()),
        )
        cron = sa.bindparam("cron", type_=sa.String())
        due = sa.bindparam("due", type_=sa.BigInteger())
        return self._database.dialect.compile(
            sa.update(t).where(*as_seen).values(cron=cron, due=due)
        )


def following(cron: str, now: datetime) -> int:
    """The next moment that a schedule names, in milliseconds."""
    return milliseconds(next(CronSim(cron, now)))
