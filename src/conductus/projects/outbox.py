"""What is to be done after a change: written in the transaction that makes the change.

Either both are there or neither. What stands here is done at least once by `jobs`, by any
worker of any server on the same database; moments are milliseconds since 1970, which every
database compares alike.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.projects import rows
from conductus.projects.coherence import Bell
from conductus.schema.model import Kind

OUTBOX: Final = "conductus_outbox"
OUTBOX_KINDS: Final[Mapping[str, Kind]] = {
    "errand": Kind.TEXT,
    "kind": Kind.TEXT,
    "payload": Kind.TEXT,
    "created": Kind.INTEGER,
    "due": Kind.INTEGER,
    "attempts": Kind.INTEGER,
    "problem": Kind.TEXT,
}
Payload = dict[str, Any]


class Errand(Struct, frozen=True):
    """Something to be done: `kind` names who can do it, `payload` is theirs."""

    kind: str
    payload: Payload
    """JSON. No secrets: it may be kept for weeks."""


class Outbox:
    """Where the errands of one project are left."""

    def __init__(self, dialect: Dialect, others: Bell) -> None:
        """`others` tells processes that do what is left here."""
        self._dialect = dialect
        self._others = others
        self.bell = asyncio.Event()
        """Rung when there is something to do."""
        self.attended = False
        """Whether this process does what is left here."""

    async def put(self, transaction: Transaction, errands: Sequence[Errand], now: datetime) -> None:
        """Leaves errands; they are there when the transaction is. Ring afterwards."""
        await leave(transaction, self._dialect, errands, now)

    def ring(self) -> None:
        """After the commit: the errands need not wait for the next look."""
        if self.attended:
            self.bell.set()
        else:
            self._others.ring()


async def leave(
    transaction: Transaction, dialect: Dialect, errands: Sequence[Errand], now: datetime
) -> None:
    """Leaves errands in a database of which no project need be open."""
    moment = milliseconds(now)
    added = [
        {
            "errand": str(uuid.uuid4()),
            "kind": errand.kind,
            "payload": msgspec.json.encode(errand.payload).decode(),
            "created": moment,
            "due": moment,
            "attempts": 0,
        }
        for errand in errands
    ]
    await rows.add(transaction, dialect, OUTBOX, OUTBOX_KINDS, added)


def milliseconds(moment: datetime) -> int:
    """A moment as the table keeps it."""
    return int(moment.timestamp() * 1000)
