"""Rows of recovery codes, which stand in for one-time passwords: one hash for each.

They go with the second factor that they stand in for, in the transaction of that change.
Source: authentication page §11.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.projects import rows
from conductus.schema.model import Kind

_TABLE: Final = "conductus_recovery_codes"
_KINDS: Final = {"hash": Kind.TEXT, "user": Kind.INTEGER}


async def keep_codes(
    transaction: Transaction, dialect: Dialect, user: int, hashes: Iterable[str]
) -> None:
    """From now on these are the user's codes. The user's row must be locked."""
    await forget_codes(transaction, dialect, user)
    codes = [{"hash": each, "user": user} for each in hashes]
    await rows.add(transaction, dialect, _TABLE, _KINDS, codes)


async def use_code(transaction: Transaction, dialect: Dialect, user: int, hash: str) -> bool:
    """Uses a code up; False when the user has no such code."""
    table = rows.clause(dialect, _TABLE, _KINDS)
    chosen = (table.c.user == sa.literal(user), table.c.hash == sa.literal(hash))
    statement = dialect.compile(sa.delete(table).where(*chosen))
    return await transaction.execute(statement.sql, statement.values({})) == 1


async def forget_codes(transaction: Transaction, dialect: Dialect, user: int) -> None:
    """Removes all codes of a user."""
    table = rows.clause(dialect, _TABLE, _KINDS)
    statement = dialect.compile(sa.delete(table).where(table.c.user == sa.literal(user)))
    await transaction.execute(statement.sql, statement.values({}))
