"""Ids for users and groups that have none: those of an installation, and rows of others.

Given before the first request after a start, so that a database that was adopted is fit
for provisioning as it is. Whatever is written here has an id from the start. Source: SCIM
page §2.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Final

import sqlalchemy as sa

from conductus.database.executor import Transaction
from conductus.database.insisting import insist
from conductus.projects import rows
from conductus.projects.project import Project
from conductus.schema.model import Kind
from conductus.scim.widened import ROLES, USERS

_KINDS: Final = {"id": Kind.INTEGER, "external_id": Kind.TEXT}
_BATCH: Final = 500


class Backfill:
    """Remembers of which projects it is done."""

    def __init__(self) -> None:
        self._done: dict[str, Project] = {}

    async def run(self, project: Project) -> None:
        """Gives ids where there are none."""
        if self._done.get(project.key) is project:
            return
        for table in (USERS, ROLES):
            while await self._nameless(project, table):
                await insist(partial(self._name, project, table), "items")
        self._done[project.key] = project

    async def _nameless(self, project: Project, table: str) -> bool:
        clause = rows.clause(project.database.dialect, table, _KINDS)
        probe = sa.select(clause.c.id).where(clause.c.external_id.is_(None)).limit(1)
        statement = project.database.dialect.compile(probe)
        return bool(await project.database.fetch(statement.sql, statement.values({})))

    async def _name(self, project: Project, table: str) -> None:
        async with project.database.transaction() as transaction:
            await _name_some(project, transaction, table)


async def _name_some(project: Project, transaction: Transaction, table: str) -> None:
    dialect = project.database.dialect
    clause = rows.clause(dialect, table, _KINDS)
    nameless = clause.c.external_id.is_(None)
    chosen = sa.select(clause.c.id).where(nameless).order_by(clause.c.id).limit(_BATCH)
    statement = dialect.compile(chosen.with_for_update())
    found = await transaction.fetch(statement.sql, statement.values({}))
    ids = [int(row[0]) for row in found]
    if not ids:
        return
    made = sa.case(*((clause.c.id == sa.literal(id), sa.literal(str(uuid.uuid4()))) for id in ids))
    change = sa.update(clause).where(clause.c.id.in_([sa.literal(id) for id in ids]), nameless)
    statement = dialect.compile(change.values(external_id=made))
    await transaction.execute(statement.sql, statement.values({}))
