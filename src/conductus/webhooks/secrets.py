"""Salts of the webhooks' secrets: a new one is a new secret, the former lives on for a day.

What is stored is no secret: that is made of it and of the project's own.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor, Transaction
from conductus.projects import rows
from conductus.projects.outbox import milliseconds
from conductus.schema.model import Kind

OVERLAP: Final = timedelta(days=1)
"""How long a former secret signs beside the new one."""
_TABLE: Final = "conductus_webhook_secrets"
_KINDS: Final = {
    "webhook": Kind.INTEGER,
    "salt": Kind.TEXT,
    "former": Kind.TEXT,
    "changed": Kind.INTEGER,
}


async def salts(
    executor: Executor, dialect: Dialect, webhook: int, now: datetime
) -> tuple[str, ...]:
    """The salts that count, the newest first. Before one is made, there is an empty one."""
    table = rows.clause(dialect, _TABLE, _KINDS)
    statement = dialect.compile(
        sa.select(table.c.salt, table.c.former, table.c.changed).where(
            table.c.webhook == sa.literal(webhook)
        )
    )
    found = await executor.fetch(statement.sql, statement.values({}))
    if not found:
        return ("",)
    salt, former, changed = found[0]
    if former is None or int(changed) < milliseconds(now - OVERLAP):
        return (str(salt),)
    return str(salt), str(former)


async def renewed(transaction: Transaction, dialect: Dialect, webhook: int, now: datetime) -> str:
    """A new salt for a webhook, whose row must be locked or the caller alone."""
    salt = secrets.token_hex(16)
    (former, *_) = await salts(transaction, dialect, webhook, now)
    facts = {"salt": salt, "former": former or None, "changed": milliseconds(now)}
    if former:
        await rows.change(transaction, dialect, _TABLE, _KINDS, {"webhook": webhook}, facts)
    else:
        row = {"webhook": webhook, **facts}
        await rows.add(transaction, dialect, _TABLE, _KINDS, [row])
    return salt
