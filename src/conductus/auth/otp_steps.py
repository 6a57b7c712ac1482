"""Which time step of one-time passwords a user has used last. Source: authentication page §3."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor, Transaction
from conductus.projects.rows import clause
from conductus.schema.model import Kind

_TABLE: Final = "conductus_otp_steps"
_KINDS: Final = {"user": Kind.INTEGER, "step": Kind.INTEGER}


async def find_last_step(executor: Executor, dialect: Dialect, user: int) -> int | None:
    """The step that was accepted last; None for none."""
    table = clause(dialect, _TABLE, _KINDS)
    select = dialect.compile(sa.select(table.c.step).where(table.c.user == sa.literal(user)))
    rows = await executor.fetch(select.sql, select.values({}))
    return int(rows[0][0]) if rows else None


async def keep_step(transaction: Transaction, dialect: Dialect, user: int, step: int) -> None:
    """The step cannot be used again. The user's row must be locked by the transaction."""
    table = clause(dialect, _TABLE, _KINDS)
    update = dialect.compile(
        sa.update(table).where(table.c.user == sa.literal(user)).values(step=sa.literal(step))
    )
    if await find_last_step(transaction, dialect, user) is not None:
        await transaction.execute(update.sql, update.values({}))
        return
    values = {"user": sa.literal(user), "step": sa.literal(step)}
    insert = dialect.compile(sa.insert(table).values(values))
    await transaction.execute(insert.sql, insert.values({}))
