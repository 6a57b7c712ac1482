"""The log of deliveries: one row for each message and receiver, the latest of them.

Moments are milliseconds since 1970, as in the outbox.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Executor, Transaction
from conductus.database.insisting import insist
from conductus.projects import rows
from conductus.projects.events import Event
from conductus.projects.outbox import milliseconds
from conductus.projects.project import Project
from conductus.schema.model import Kind

MOST: Final = 1000
"""Rows of one webhook."""
_TABLE: Final = "conductus_webhook_deliveries"
_NUMBERS: Final = ("webhook", "status", "attempts", "milliseconds", "created", "tried")
_SHOWN: Final = (
    *("delivery", "webhook", "message", "event", "collection", "item", "state", "status"),
    *("problem", "attempts", "milliseconds", "created", "tried"),
)
_KINDS: Final = {
    name: Kind.INTEGER if name in _NUMBERS else Kind.TEXT for name in (*_SHOWN, "body")
}
_LONGEST: Final = 255
_SWEPT_AT_ONCE: Final = 500
State = Literal["pending", "delivered", "failing", "failed"]
"""`failing` is tried again, `failed` is not."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one try."""

    state: State
    status: int | None
    """What the receiver answered; None when it did not."""
    problem: str | None
    milliseconds: int


class Deliveries:
    """The log in databases of one kind."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._table = rows.clause(dialect, _TABLE, _KINDS)

    async def note(
        self,
        transaction: Transaction,
        delivery: str,
        webhook: int,
        happened: Event,
        outcome: Outcome,
        now: datetime,
    ) -> bool:
        """Keeps what came of a try; answers whether it was the first."""
        facts = {
            "delivery": delivery,
            "state": outcome.state,
            "status": outcome.status,
            "problem": None if outcome.problem is None else outcome.problem[:_LONGEST],
            "milliseconds": outcome.milliseconds,
            "tried": milliseconds(now),
        }
        again = self._again
        if await transaction.execute(again.sql, again.values(facts)):
            return False
        row = facts | {
            "webhook": webhook,
            "message": happened.id,
            "event": happened.event,
            "collection": happened.collection,
            "item": str(happened.item)[:_LONGEST],
            "body": msgspec.json.encode(happened).decode(),
            "attempts": 1,
            "created": milliseconds(now),
        }
        await transaction.execute(self._first.sql, self._first.values(row))
        return True

    async def pending(self, transaction: Transaction, delivery: str) -> bool:
        """A delivery is to be made again; False when there is none."""
        bound = {"delivery": delivery, "state": "pending"}
        return await transaction.execute(self._wanted.sql, self._wanted.values(bound)) == 1

    async def listed(
        self, executor: Executor, webhook: int, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """The latest of a webhook, the newest first."""
        bound = {"webhook": webhook, "most": limit, "skipped": offset}
        found = await executor.fetch(self._latest.sql, self._latest.values(bound))
        return [_shown(row) for row in found]

    async def find(
        self, executor: Executor, webhook: int, delivery: str
    ) -> tuple[dict[str, Any], Event] | None:
        """One of a webhook, with what happened."""
        bound = {"webhook": webhook, "delivery": delivery}
        found = await executor.fetch(self._one.sql, self._one.values(bound))
        if not found:
            return None
        (*row, body) = found[0]
        return _shown(row), msgspec.json.decode(body, type=Event)

    async def purge(self, transaction: Transaction, webhook: int) -> None:
        """Removes what is too many of a webhook."""
        bound = {"webhook": webhook, "most": 1, "skipped": MOST}
        found = await transaction.fetch(self._latest.sql, self._latest.values(bound))
        if found:
            created = found[0][_SHOWN.index("created")]
            many = {"webhook": webhook, "before": int(created) + 1}
            await transaction.execute(self._surplus.sql, self._surplus.values(many))

    async def sweep(self, transaction: Transaction, before: datetime) -> int:
        """Removes some of what is older; answers how much."""
        bound = {"before": milliseconds(before), "most": _SWEPT_AT_ONCE}
        found = await transaction.fetch(self._aged.sql, self._aged.values(bound))
        if not found:
            return 0
        old = self._dialect.list_binder(Kind.TEXT)([str(row[0]) for row in found])
        return await transaction.execute(self._removed.sql, self._removed.values({"old": old}))

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _first(self) -> Statement:
        return self._dialect.compile(
            sa.insert(self._table).values({name: self._slot(name) for name in _KINDS})
        )

    @cached_property
    def _again(self) -> Statement:
        changed = ("state", "status", "problem", "milliseconds", "tried")
        values: dict[str, Any] = {name: self._slot(name) for name in changed}
        values["attempts"] = self._table.c.attempts + sa.literal_column("1")
        return self._dialect.compile(
            sa.update(self._table).where(self._is("delivery")).values(values)
        )

    @cached_property
    def _wanted(self) -> Statement:
        update = sa.update(self._table).where(self._is("delivery"))
        return self._dialect.compile(update.values(state=self._slot("state")))

    @cached_property
    def _latest(self) -> Statement:
        t = self._table
        return self._dialect.compile(
            sa.select(*(t.c[name] for name in _SHOWN))
            .where(self._is("webhook"))
            .order_by(t.c.created.desc(), t.c.delivery)
            .limit(sa.bindparam("most", type_=sa.Integer()))
            .offset(sa.bindparam("skipped", type_=sa.Integer()))
        )

    @cached_property
    def _one(self) -> Statement:
        columns = [self._table.c[name] for name in (*_SHOWN, "body")]
        where = (self._is("webhook"), self._is("delivery"))
        return self._dialect.compile(sa.select(*columns).where(*where))

    @cached_property
    def _aged(self) -> Statement:
        old = sa.select(self._table.c.delivery).where(self._before)
        return self._dialect.compile(old.limit(sa.bindparam("most", type_=sa.Integer())))

    @cached_property
    def _removed(self) -> Statement:
        among = self._dialect.among(self._table.c.delivery, "old", Kind.TEXT)
        return self._dialect.compile(sa.delete(self._table).where(among))

    @cached_property
    def _surplus(self) -> Statement:
        where = (self._is("webhook"), self._before)
        return self._dialect.compile(sa.delete(self._table).where(*where))

    def _slot(self, name: str) -> sa.BindParameter[Any]:
        kind = sa.BigInteger() if name in _NUMBERS else self._dialect.type(_KINDS[name])
        return sa.bindparam(name, type_=kind)

    def _is(self, name: str) -> sa.ColumnElement[bool]:
        return self._table.c[name] == self._slot(name)

    @property
    def _before(self) -> sa.ColumnElement[bool]:
        return self._table.c.created < sa.bindparam("before", type_=sa.BigInteger())


async def swept_deliveries(project: Project, now: datetime) -> AsyncGenerator[int, None]:
    """Removes the log of what was delivered long ago."""
    days = project.config.retention.deliveries_days
    log = Deliveries(project.database.dialect)

    async def batch() -> int:
        async with project.database.transaction() as transaction:
            return await log.sweep(transaction, now - timedelta(days=days or 0))

    while days is not None and (removed := await insist(batch, "deliveries")):
        yield removed


def _shown(row: Any) -> dict[str, Any]:
    """A row as it is answered."""
    facts = dict(zip(_SHOWN, row, strict=True))
    created, tried = (facts.pop(name) for name in ("created", "tried"))
    return {
        "id": facts.pop("delivery"),
        **facts,
        "created_on": _moment(created),
        "tried_on": None if tried is None else _moment(tried),
    }


def _moment(stored: int) -> str:
    return datetime.fromtimestamp(stored / 1000, UTC).isoformat(timespec="seconds")
