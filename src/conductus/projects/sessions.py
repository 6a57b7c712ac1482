"""Sessions that end because of a change of their user, in the transaction of that change.

Whoever changes a user in another way than by writing items calls `end_sessions` and counts
a change of access. Source: authentication page §5 to §7 and §10.3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.items.changes import Delete
from conductus.items.context import Context
from conductus.items.steps import Step
from conductus.permissions.actor import Actor
from conductus.projects import rows
from conductus.schema.model import Kind

SESSIONS: Final = "directus_user_sessions"
USERS: Final = "directus_users"
_KINDS: Final = {"id": Kind.INTEGER, "user": Kind.INTEGER}
_BATCH: Final = 500


async def end_sessions(
    transaction: Transaction,
    dialect: Dialect,
    users: Collection[int],
    *,
    but: int | None = None,
    only: int | None = None,
) -> int:
    """Ends sessions of users: all, all `but` the one with that id, or that one `only`.

    Answers how many.
    """
    table = rows.clause(dialect, SESSIONS, _KINDS)
    ended, known = 0, sorted(users)
    for start in range(0, len(known), _BATCH):
        chosen = table.c.user.in_([sa.literal(user) for user in known[start : start + _BATCH]])
        conditions: list[ColumnElement[bool]] = [chosen]
        if but is not None:
            conditions.append(table.c.id != sa.literal(but))
        if only is not None:
            conditions.append(table.c.id == sa.literal(only))
        statement = dialect.compile(sa.delete(table).where(*conditions))
        ended += await transaction.execute(statement.sql, statement.values({}))
    return ended


async def end_sessions_of_changed(
    transaction: Transaction, dialect: Dialect, steps: Iterable[Step], context: Context
) -> None:
    """Ends what must not outlive a write: of who was removed, got another status, role or
    password. Who sets a new password keeps the session that it is set in.
    """
    everywhere: set[int] = set()
    elsewhere: set[int] = set()
    for step in steps:
        if step.collection.name != USERS or step.before is None:
            continue
        user = int(step.before["id"])
        if isinstance(step.change, Delete) or _differs(step, "status") or _differs(step, "role"):
            everywhere.add(user)
        elif "password" in step.written:
            elsewhere.add(user)
    own = _session_of(context.actor, elsewhere)
    if everywhere:
        await end_sessions(transaction, dialect, everywhere)
    if elsewhere:
        await end_sessions(transaction, dialect, elsewhere, but=own)


def _differs(step: Step, name: str) -> bool:
    return (
        step.before is not None and name in step.written and step.written[name] != step.before[name]
    )


def _session_of(actor: Actor, users: Collection[int]) -> int | None:
    """The session that the actor asks in, if it is of one of the users."""
    return actor.session if actor.user in users else None
