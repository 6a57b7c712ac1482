"""What happened to the items of watched collections, in the order in which it became true.

A line is written in the transaction of the write, and only for collections that somebody
watches, which the snapshot knows without a query. Ids are given before a commit and show in
another order than they were given; so a line gets its place after the commit, from whoever
comes first, under the lock of one row: who reads on from a place misses nothing.

A line holds no content: what is told of an item is read when it is told. It holds what
decided who could see the item before: its status and its owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from conductus.database.dialect import Statement
from conductus.database.executor import Database, Transaction, TransactionConflict
from conductus.database.insisting import insist
from conductus.errors import DuplicateValue
from conductus.items.changes import Create, Delete
from conductus.items.context import Context
from conductus.items.steps import Step
from conductus.items.witnesses import Afterwards, Events
from conductus.projects import rows as tables
from conductus.projects.coherence import Bell
from conductus.projects.journal_statements import JOURNAL, JOURNAL_KINDS, JournalStatements
from conductus.projects.outbox import milliseconds
from conductus.projects.snapshot import Snapshot
from conductus.schema.types.field_type import Plain

Deed = Literal["create", "update", "delete"]
_SOON: Final = timedelta(minutes=1)
MOST_READ: Final = 500
"""Lines of one look."""


class Facts(Struct, frozen=True, omit_defaults=True):
    """What decided who could see an item before it was changed."""

    status: Plain = None
    owner: Plain = None


class Line(Struct, frozen=True):
    """One change of one item."""

    place: int
    collection: str
    item: str
    """The text of its key."""
    deed: Deed
    before: Facts | None
    """None for an item that is new."""


class Bounds(Struct, frozen=True):
    """Of the places that are kept."""

    gone: int
    """The last one that is no longer there."""
    newest: int
    """No place is greater."""

    def keep(self, place: int) -> bool:
        """Whether everything after a place is still there."""
        return self.gone <= place <= self.newest


class Journal:
    """The journal of one project."""

    def __init__(
        self, database: Database, others: Bell, snapshot: Callable[[], Snapshot | None]
    ) -> None:
        """`others` tells processes that there is something new; `snapshot` gives the latest."""
        self._database = database
        self._others = others
        self._snapshot = snapshot
        self._statements = JournalStatements(database.dialect)
        self.bell = asyncio.Event()
        """Rung when there is something to look at."""

    # -- writing --------------------------------------------------------------------

    async def record(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Afterwards:
        """Adds a line for each step in a watched collection; rings for them."""
        watched = self._watched()
        if not watched:
            return ()
        now = milliseconds(context.now)
        lines = [_line(step, now) for step in steps if _is_told(step, watched)]
        if not lines:
            return ()
        await tables.add(transaction, self._database.dialect, JOURNAL, JOURNAL_KINDS, lines)
        return (self._ring,)

    def _ring(self) -> None:
        self.bell.set()
        self._others.ring()

    def _watched(self) -> frozenset[str]:
        snapshot = self._snapshot()
        return frozenset() if snapshot is None else snapshot.watched

    async def watch(
        self, transaction: Transaction, collection: str, now: datetime, until: datetime
    ) -> bool:
        """Has lines written of a collection, until then at least.

        Answers whether they are already; if not, a change of the schema is to be counted.
        """
        given = {
            "collection": collection,
            "until": milliseconds(until),
            # What is about to end may have ended for somebody who looks at this moment.
            "now": milliseconds(now + _SOON),
        }
        longer, again = self._statements.watch_longer, self._statements.watch_again
        if await transaction.execute(longer.sql, longer.values(given)):
            return True
        if not await transaction.execute(again.sql, again.values(given)):
            await _add(transaction, self._statements.watch, given)
        return False

    # -- reading --------------------------------------------------------------------

    async def number(self) -> bool:
        """Gives a place to every line that has none yet; answers whether there was one."""
        untold = self._statements.unnumbered
        ((first, _),) = await self._database.fetch(untold.sql, untold.values({}))
        if first is not None:
            await insist(self._numbered, "lines of the journal")
        return first is not None

    async def bounds(self) -> Bounds:
        """Which places are there now."""
        asked = self._statements.bounds
        found = {
            name: int(value)
            for name, value in await self._database.fetch(asked.sql, asked.values({}))
        }
        names = self._statements
        return Bounds(found.get(names.GONE, 0), found.get(names.NEWEST, 0))

    async def after(self, place: int) -> list[Line]:
        """The first lines after a place, in order."""
        asked = self._statements.after
        found = await self._database.fetch(
            asked.sql, asked.values({"place": place, "most": MOST_READ})
        )
        return [
            Line(
                int(at),
                str(collection),
                str(item),
                deed,
                None if before is None else msgspec.json.decode(before, type=Facts),
            )
            for at, collection, item, deed, before in found
        ]

    async def purge(self, now: datetime, age: timedelta, most: int) -> None:
        """Removes lines that are old, and of the others those that are too many."""
        bounds = await self.bounds()
        aged = self._statements.aged
        bound = {"before": milliseconds(now - age)}
        ((last,),) = await self._database.fetch(aged.sql, aged.values(bound))
        gone = max(int(last or 0), bounds.newest - most)
        if gone > bounds.gone:
            await insist(lambda: self._removed(gone), "lines of the journal")

    async def _removed(self, gone: int) -> None:
        statements = self._statements
        async with self._database.transaction() as transaction:
            await self._keep(transaction, statements.GONE, gone)
            remove = statements.remove
            await transaction.execute(remove.sql, remove.values({"place": gone}))

    async def _numbered(self) -> None:
        statements = self._statements
        async with self._database.transaction() as transaction:
            # The lock: whoever numbers waits here, and then sees what was committed meanwhile.
            newest = await self._next(transaction)
            untold = statements.unnumbered
            ((first, last),) = await transaction.fetch(untold.sql, untold.values({}))
            if first is None:
                return
            # In the order of their ids, which of one item is that of its changes.
            placed = {"first": first, "last": last, "shift": newest - int(first)}
            await transaction.execute(statements.number.sql, statements.number.values(placed))
            await self._keep(transaction, statements.NEWEST, newest + int(last) - int(first))

    async def _next(self, transaction: Transaction) -> int:
        """The first place that is free; nobody else is told it until the commit."""
        statements = self._statements
        named = {"name": statements.NEWEST}
        if not await transaction.execute(statements.count.sql, statements.count.values(named)):
            await self._keep(transaction, statements.NEWEST, 1)
        found = await transaction.fetch(statements.value.sql, statements.value.values(named))
        return int(found[0][0])

    async def _keep(self, transaction: Transaction, name: str, value: int) -> None:
        statements, kept = self._statements, {"name": name, "value": value}
        if not await transaction.execute(statements.keep.sql, statements.keep.values(kept)):
            await _add(transaction, statements.begin, kept)


class Everyone:
    """Several who keep what is to be told of a write."""

    def __init__(self, *each: Events) -> None:
        self._each = each

    async def record(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Afterwards:
        """Has each of them record it."""
        return [
            then for one in self._each for then in await one.record(transaction, steps, context)
        ]


async def _add(transaction: Transaction, statement: Statement, values: dict[str, Any]) -> None:
    """Inserts a row. Raises `TransactionConflict` when somebody else was quicker."""
    try:
        await transaction.execute(statement.sql, statement.values(values))
    except DuplicateValue as error:
        raise TransactionConflict from error


def _is_told(step: Step, watched: frozenset[str]) -> bool:
    return not step.idle and step.collection.name in watched


def _line(step: Step, now: int) -> dict[str, Any]:
    facts = None if isinstance(step.change, Create) else _before(step)
    return {
        "collection": step.collection.name,
        "item": step.text,
        "deed": _deed(step),
        "facts": None if facts is None else msgspec.json.encode(facts).decode(),
        "created": now,
    }


def _deed(step: Step) -> Deed:
    match step.change:
        case Create():
            return "create"
        case Delete():
            return "delete"
        case _:
            return "update"


def _before(step: Step) -> Facts | None:
    if step.before is None:
        return None
    names = step.collection.status_field, step.collection.owner_field
    status, owner = (None if name is None else step.before[name] for name in names)
    return Facts(status, owner)
