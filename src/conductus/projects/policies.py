"""The policies of one project, loaded when somebody of the role asks.

A policy is as fresh as `Change.ACCESS`: the generation is read before the rows are. Only
the roles that asked last are kept, so neither ten thousand roles nor a hundred collections
of each hold anybody back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import sqlalchemy as sa

from conductus.database.executor import Database
from conductus.database.statements import StatementCache
from conductus.permissions.actor import Actor
from conductus.permissions.policy import ADMINISTRATOR, NOTHING, Policy
from conductus.projects.coherence import Fresh
from conductus.projects.rows import clause
from conductus.schema.model import Kind

MOST_ROLES: Final = 1000
FEW_USERS: Final = 64
"""A role with no more of them has few: a database may keep them at hand for a statement …"""
HANDFUL: Final = 3
"""… and with no more of them than this it may be told one by one whose a row is."""
_TABLE: Final = "directus_permissions"
_USERS: Final = "directus_users"
_TEXTS: Final = (
    "collection",
    "status",
    "create",
    "read",
    "update",
    "delete",
    "comment",
    "explain",
    "read_field_blacklist",
    "write_field_blacklist",
    "status_blacklist",
)
_KINDS: Final = {"id": Kind.INTEGER, "role": Kind.INTEGER, **dict.fromkeys(_TEXTS, Kind.TEXT)}
_USERS_KINDS: Final = {"id": Kind.INTEGER, "role": Kind.INTEGER}


class Policies:
    """What the roles of one project may."""

    def __init__(self, database: Database, generation: Callable[[], int]) -> None:
        self._database = database
        self._generation = generation
        self._roles: StatementCache[Fresh[Policy]] = StatementCache(MOST_ROLES)
        table = clause(database.dialect, _TABLE, _KINDS)
        users = clause(database.dialect, _USERS, _USERS_KINDS)
        number = database.dialect.type(Kind.INTEGER)
        role, most = sa.bindparam("role", type_=number), sa.bindparam("most", type_=number)
        # No more are counted than it takes: a role may have any number of users.
        some = sa.select(users.c.id).where(users.c.role == role).limit(most).subquery("some")
        counted = sa.select(sa.func.count()).select_from(some).scalar_subquery()
        self._statement = database.dialect.compile(
            sa.select(*(table.c[name] for name in _KINDS), counted.label("users"))
            .select_from(table)
            .where(table.c.role == role)
            .order_by(table.c.id)
        )

    async def of(self, actor: Actor) -> Policy:
        """What the actor may, with every change that was acknowledged before this call."""
        if actor.administrator:
            return ADMINISTRATOR
        role = actor.role
        if role is None:
            return NOTHING
        fresh = self._roles.get(role, lambda: Fresh(self._generation, partial(self._load, role)))
        return await fresh.current()

    async def _load(self, role: int, _: int) -> Policy:
        statement = self._statement
        bound = {"role": role, "most": FEW_USERS + 1}
        found = await self._database.fetch(statement.sql, statement.values(bound))
        rows = (dict(zip(_KINDS, row[:-1], strict=True)) for row in found)
        # The same in every row.
        users = max((row[-1] for row in found), default=0)
        handful = users if users <= HANDFUL else 0
        policy = Policy.of(role, rows, few=users <= FEW_USERS, handful=handful)
        # What is worked out for a policy is kept with it: most changes are of something else.
        known = self._roles.find(role)
        before = None if known is None else known.latest()
        return before if before == policy else policy
