"""Activity and revisions that a project keeps no longer. Comments are somebody's, and stay.

A revision is as old as its activity, so revisions are swept first. Ids grow with time: rows
are gone over in the order of their ids, and where a whole batch of them is young, so is the
rest. Source: items page §7 and §8.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from conductus.database.dialect import Statement
from conductus.database.insisting import insist
from conductus.items.history import ACTIVITY, REVISIONS, Deed
from conductus.items.stamps import bound_moment
from conductus.projects.project import Project
from conductus.schema.model import Kind, Schema

BATCH: Final = 500
_YOUNG, _OLD, _KEPT = range(3)


async def swept_revisions(project: Project, now: datetime) -> AsyncGenerator[int, None]:
    """Removes revisions of old activity."""
    days = project.config.retention.days_of_revisions
    if days is None:
        return
    schema = (await project.current()).schema
    activity, revisions = _tables(project, schema)
    age = sa.case((activity.c.action_on < _before(project, schema), _OLD), else_=_YOUNG)
    joined = revisions.outerjoin(activity, activity.c.id == revisions.c.activity)
    rows = sa.select(revisions.c.id, age).select_from(joined)
    async for removed in _swept(project, schema, revisions, rows, now - timedelta(days=days)):
        yield removed


async def swept_activity(project: Project, now: datetime) -> AsyncGenerator[int, None]:
    """Removes old activity."""
    days = project.config.retention.activity_days
    if days is None:
        return
    schema = (await project.current()).schema
    activity, _ = _tables(project, schema)
    age = sa.case(
        (activity.c.action_on >= _before(project, schema), _YOUNG),
        (activity.c.action == sa.literal(Deed.COMMENT.value), _KEPT),
        else_=_OLD,
    )
    rows = sa.select(activity.c.id, age)
    async for removed in _swept(project, schema, activity, rows, now - timedelta(days=days)):
        yield removed


async def _swept(
    project: Project,
    schema: Schema,
    table: sa.TableClause,
    rows: sa.Select[Any],
    before: datetime,
) -> AsyncGenerator[int, None]:
    """Removes the rows of a table that are old, batch by batch."""
    dialect, database = project.database.dialect, project.database
    after = sa.bindparam("after", type_=sa.BigInteger())
    page = dialect.compile(rows.where(table.c.id > after).order_by(table.c.id).limit(BATCH))
    among = dialect.among(table.c.id, "ids", Kind.INTEGER)
    remove = dialect.compile(sa.delete(table).where(among))
    moment = schema.collection(ACTIVITY).fields["action_on"]
    bound = {"after": 0, "before": bound_moment(moment, before, dialect)}
    while found := await database.fetch(page.sql, page.values(bound)):
        if all(age == _YOUNG for _, age in found):
            return
        old = [int(id) for id, age in found if age == _OLD]
        if old:
            ids = dialect.list_binder(Kind.INTEGER)(old)
            yield await insist(partial(_removed, project, remove, ids))
        bound["after"] = int(found[-1][0])


async def _removed(project: Project, remove: Statement, ids: Any) -> int:
    async with project.database.transaction() as transaction:
        return await transaction.execute(remove.sql, remove.values({"ids": ids}))


def _tables(project: Project, schema: Schema) -> tuple[sa.TableClause, sa.TableClause]:
    table = project.database.dialect.table
    return table(schema.collection(ACTIVITY)), table(schema.collection(REVISIONS))


def _before(project: Project, schema: Schema) -> sa.BindParameter[Any]:
    kind = schema.collection(ACTIVITY).fields["action_on"].kind
    return sa.bindparam("before", type_=project.database.dialect.type(kind))
