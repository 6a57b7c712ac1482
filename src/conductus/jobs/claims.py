"""Errands of one project: taken for a while, then done, tried again later, or parked.

Whoever takes an errand moves the moment at which it is due to the end of the time that it
may need. Two who see the same errand write over the same moment, so one of them alone
succeeds; and an errand whose worker died is due again by itself. No lock is held meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Statement
from conductus.database.executor import Database, TransactionConflict
from conductus.jobs.lanes import AT_ONCE, Lanes
from conductus.projects.outbox import OUTBOX, OUTBOX_KINDS, Payload, milliseconds
from conductus.projects.project import Project
from conductus.projects.rows import clause
from conductus.schema.model import Kind

LEASE: Final = timedelta(seconds=120)
SWEPT_AT_ONCE: Final = 500
_LONGEST_PROBLEM: Final = 255


class Claim(Struct, frozen=True, kw_only=True):
    """An errand that is one's own until `until`."""

    id: str
    kind: str
    payload: Payload
    attempt: int
    """1 for the first."""
    until: int
    """Milliseconds; says whose claim it is."""


class Claims:
    """The errands in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = clause(database.dialect, OUTBOX, OUTBOX_KINDS)

    async def take(self, now: datetime, lanes: Lanes) -> list[Claim]:
        """Errands that are due, as many as there is room for; nobody else gets them meanwhile.

        Each of them has begun, as far as `lanes` knows.
        """
        bound = {"now": milliseconds(now), "most": lanes.room, **_slots(lanes.full)}
        rows = await self._database.fetch(self._due.sql, self._due.values(bound))
        claims = []
        for errand, kind, due, attempts in rows:
            if not lanes.takes(str(kind)):
                continue
            until = milliseconds(now + LEASE)
            payload = await self._claimed(str(errand), int(due), until)
            if payload is not None:
                claim = Claim(
                    id=str(errand),
                    kind=str(kind),
                    payload=payload,
                    attempt=int(attempts) + 1,
                    until=until,
                )
                lanes.begin(claim.kind)
                claims.append(claim)
        return claims

    async def done(self, claim: Claim) -> None:
        """The errand is over."""
        await self._change(self._remove, claim.id, claim.until)

    async def later(self, claim: Claim, due: datetime, problem: str) -> None:
        """The errand failed and is to be tried again."""
        await self._end(claim, milliseconds(due), problem)

    async def park(self, claim: Claim, problem: str) -> None:
        """The errand failed for good; it is kept for somebody to look at."""
        await self._end(claim, None, problem)

    async def purge(self, before: datetime) -> int:
        """Removes some of what was left before then and parked; answers how much."""
        bound = {"before": milliseconds(before)}
        found = await self._database.fetch(self._old.sql, self._old.values(bound))
        if not found:
            return 0
        parked = self._database.dialect.list_binder(Kind.TEXT)([str(row[0]) for row in found])
        async with self._database.transaction() as transaction:
            remove = self._remove_parked
            return await transaction.execute(remove.sql, remove.values({"parked": parked}))

    async def _end(self, claim: Claim, due: int | None, problem: str) -> None:
        cut = problem.replace("\0", "")[:_LONGEST_PROBLEM]
        await self._change(self._failed, claim.id, claim.until, due=due, problem=cut)

    async def _claimed(self, errand: str, due: int, until: int) -> Payload | None:
        """What an errand is about, which is one's own from now on; None when it is not."""
        bound = {"id": errand, "seen": due, "due": until}
        claim, content = self._claim, self._content
        try:
            async with self._database.transaction() as transaction:
                if await transaction.execute(claim.sql, claim.values(bound)) != 1:
                    return None
                found = await transaction.fetch(content.sql, content.values({"id": errand}))
        except TransactionConflict:
            # Somebody else changed it: it is theirs.
            return None
        payload: Payload = msgspec.json.decode(found[0][0])
        return payload

    async def _change(self, statement: Statement, id: str, seen: int, **values: Any) -> bool:
        """Whether the errand was still as it was seen, and is changed."""
        bound = {"id": id, "seen": seen, **values}
        try:
            async with self._database.transaction() as transaction:
                return await transaction.execute(statement.sql, statement.values(bound)) == 1
        except TransactionConflict:
            # Somebody else changed it: it is theirs.
            return False

    async def waiting(self) -> bool:
        """Whether anything is left to be done, now or later; what failed for good is not."""
        return bool(await self._database.fetch(self._any.sql, self._any.values({})))

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _due(self) -> Statement:
        t = self._table
        return self._database.dialect.compile(
            sa.select(t.c.errand, t.c.kind, t.c.due, t.c.attempts)
            .where(
                t.c.due <= sa.bindparam("now", type_=sa.BigInteger()),
                t.c.kind.not_in([sa.bindparam(slot, type_=sa.String()) for slot in _slots(())]),
            )
            .order_by(t.c.due, t.c.errand)
            .limit(sa.bindparam("most", type_=sa.Integer()))
        )

    @cached_property
    def _any(self) -> Statement:
        t = self._table
        left = sa.select(t.c.errand).where(t.c.due.is_not(None)).limit(sa.literal_column("1"))
        return self._database.dialect.compile(left)

    @cached_property
    def _content(self) -> Statement:
        t = self._table
        one = t.c.errand == sa.bindparam("id", type_=sa.String())
        return self._database.dialect.compile(sa.select(t.c.payload).where(one))

    @cached_property
    def _claim(self) -> Statement:
        t = self._table
        due = sa.bindparam("due", type_=sa.BigInteger())
        values = {"due": due, "attempts": t.c.attempts + sa.literal_column("1")}
        return self._database.dialect.compile(sa.update(t).where(*self._as_seen).values(values))

    @cached_property
    def _failed(self) -> Statement:
        due = sa.bindparam("due", type_=sa.BigInteger())
        problem = sa.bindparam("problem", type_=sa.String())
        update = sa.update(self._table).where(*self._as_seen)
        return self._database.dialect.compile(update.values(due=due, problem=problem))

    @cached_property
    def _remove(self) -> Statement:
        return self._database.dialect.compile(sa.delete(self._table).where(*self._as_seen))

    @cached_property
    def _old(self) -> Statement:
        t = self._table
        before = sa.bindparam("before", type_=sa.BigInteger())
        parked = sa.select(t.c.errand).where(t.c.due.is_(None), t.c.created < before)
        return self._database.dialect.compile(parked.limit(SWEPT_AT_ONCE))

    @cached_property
    def _remove_parked(self) -> Statement:
        t = self._table
        among = self._database.dialect.among(t.c.errand, "parked", Kind.TEXT)
        # Unless somebody has it tried again meanwhile.
        return self._database.dialect.compile(sa.delete(t).where(among, t.c.due.is_(None)))

    @property
    def _as_seen(self) -> tuple[sa.ColumnElement[bool], ...]:
        t = self._table
        return (
            t.c.errand == sa.bindparam("id", type_=sa.String()),
            t.c.due == sa.bindparam("seen", type_=sa.BigInteger()),
        )


async def swept_errands(project: Project, now: datetime) -> AsyncGenerator[int, None]:
    """Removes errands that were parked long ago."""
    days = project.config.retention.parked_days
    claims = Claims(project.database)
    while days is not None and (removed := await claims.purge(now - timedelta(days=days))):
        yield removed


def _slots(kinds: Sequence[str]) -> dict[str, str]:
    """The kinds as values of a statement that takes up to `AT_ONCE` of them."""
    padded = (*kinds, *("",) * (AT_ONCE - len(kinds)))
    return {f"full_{at}": kind for at, kind in enumerate(padded)}
