"""What goes along with a write, in its transaction: the version asked for, names of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from conductus.database.executor import Executor, Transaction
from conductus.items.records import Kept, Record, Records
from conductus.items.written import Written
from conductus.projects import rows
from conductus.projects.provisioned import (
    UserNames,
    name_group,
    name_user,
    names_of_group,
    names_of_user,
)
from conductus.schema.model import Kind as ColumnKind
from conductus.scim.attributes import DELETED, Kind
from conductus.scim.desk import Desk
from conductus.scim.refusals import VersionDiffers
from conductus.scim.resources import COLLECTIONS, VERSIONED

Names = UserNames | str | None
"""Of a user, or of a group: its id at the provider."""


class Unnamed(Struct, frozen=True):
    """The names stay as they are."""


UNNAMED = Unnamed()


class Seen(Struct, frozen=True):
    """What a version stands for, as it was when that was compared."""

    key: int
    values: Mapping[str, Any]
    names: Sequence[Any]
    """What the provider calls it."""
    members: Sequence[int] = ()


class Beside:
    """The companion of one write."""

    def __init__(
        self, desk: Desk, kind: Kind, names: Names | Unnamed = UNNAMED, seen: Seen | None = None
    ) -> None:
        self._desk = desk
        self._kind = kind
        self._names = names
        self._seen = seen

    async def before(self, transaction: Transaction) -> None:
        """Raises `VersionDiffers` where the row is not what was seen; then it stays so."""
        if self._seen is None:
            return
        await _lock(self._desk, transaction, self._kind, self._seen.key)
        if await _seen(self._desk, transaction, self._kind, self._seen.key) != self._seen:
            raise VersionDiffers

    async def after(self, transaction: Transaction, written: Sequence[Written]) -> None:
        """Keeps the names."""
        if isinstance(self._names, Unnamed):
            return
        dialect = self._desk.project.database.dialect
        key = int(written[0].key)
        if isinstance(self._names, UserNames):
            await name_user(transaction, dialect, key, self._names)
        else:
            await name_group(transaction, dialect, key, self._names)


async def seen(desk: Desk, kind: Kind, key: int) -> Seen:
    """The row as it is now; to be asked before it is read to be compared."""
    return await _seen(desk, desk.project.database, kind, key)


async def _seen(desk: Desk, executor: Executor, kind: Kind, key: int) -> Seen:
    values = await _values(desk, executor, kind, key)
    dialect = desk.project.database.dialect
    if kind == "User":
        return Seen(key, values, await names_of_user(executor, dialect, key))
    members = await _members(desk, executor, key)
    return Seen(key, values, await names_of_group(executor, dialect, key), members)


async def _members(desk: Desk, executor: Executor, key: int) -> Sequence[int]:
    dialect = desk.project.database.dialect
    kinds = {"id": ColumnKind.INTEGER, "role": ColumnKind.INTEGER, "status": ColumnKind.TEXT}
    table = rows.clause(dialect, COLLECTIONS["User"], kinds)
    of_role = sa.and_(table.c.role == sa.literal(key), table.c.status != sa.literal(DELETED))
    statement = dialect.compile(sa.select(table.c.id).where(of_role).order_by(table.c.id))
    return [int(id) for (id,) in await executor.fetch(statement.sql, statement.values({}))]


async def _values(desk: Desk, executor: Any, kind: Kind, key: int) -> Record:
    schema = desk.context.schema
    records = Records(schema, Kept(desk.project.database.dialect, 4))
    collection = schema.collection(COLLECTIONS[kind])
    found = await records.read(executor, collection, [(key,)])
    row = found[(key,)].record if found else {}
    return {name: row.get(name) for name in VERSIONED[kind]}


async def _lock(desk: Desk, transaction: Transaction, kind: Kind, key: int) -> None:
    dialect = desk.project.database.dialect
    table = rows.clause(dialect, COLLECTIONS[kind], {"id": ColumnKind.INTEGER})
    chosen = sa.select(table.c.id).where(table.c.id == sa.literal(key)).with_for_update()
    statement = dialect.compile(chosen)
    await transaction.fetch(statement.sql, statement.values({}))
