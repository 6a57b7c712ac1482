"""What one process tells the others about a project: that there is something to look at.

A bell and nothing more: whoever hears it looks into the database, and whoever does not
looks by itself now and then. Processes of one server see a number in a mapped file grow
(`coherence.Counters`); those of other servers are told by `jobs.doorbell`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction

CHANNEL: Final = "conductus"
"""Of a project's own database, where that passes on what is said."""


class Topic(Enum):
    """What there is to look at; the value is the word that is said."""

    CHANGES = "changes"
    """Metadata, settings, users or roles, as `conductus_state` counts them."""
    ERRANDS = "errands"
    """The outbox."""
    EVENTS = "events"
    """The journal."""


async def tell(transaction: Transaction, dialect: Dialect, topic: Topic) -> None:
    """Tells other servers when the transaction commits, where the database passes it on."""
    notice = dialect.notice()
    if notice is not None:
        said = {"channel": CHANNEL, "word": topic.value}
        await transaction.fetch(notice.sql, notice.values(said))
