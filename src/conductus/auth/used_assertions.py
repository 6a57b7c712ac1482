"""Assertions that have signed somebody in: each does so once, whichever worker it comes to.

Source: SAML 2.0 profiles §4.1.4.5.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from conductus.auth.session_rows import hashed
from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.projects import rows
from conductus.schema.model import Kind

_TABLE: Final = "conductus_saml_assertions"
_KINDS: Final = {"hash": Kind.TEXT, "expires": Kind.INTEGER}


async def use_assertion(
    transaction: Transaction, dialect: Dialect, assertion: str, until: int, now: datetime
) -> None:
    """Uses an assertion up, which nobody would take after the second `until`.

    Raises `DuplicateValue` for one that was used before.
    """
    table = rows.clause(dialect, _TABLE, _KINDS)
    past = dialect.compile(
        sa.delete(table).where(table.c.expires < sa.literal(int(now.timestamp())))
    )
    await transaction.execute(past.sql, past.values({}))
    row = {"hash": hashed(assertion), "expires": until}
    await rows.add(transaction, dialect, _TABLE, _KINDS, [row])
