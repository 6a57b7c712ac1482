"""What provisioning knows of users and groups besides their rows: names of its own.

A user whose name at the identity provider is no e-mail address of ours, and the ids that
the provider gives. They go with the user or role, in the transaction of that change.
Source: SCIM page §3.4.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor, Transaction
from conductus.projects import rows
from conductus.schema.model import Kind

USERS_TABLE: Final = "conductus_scim_users"
GROUPS_TABLE: Final = "conductus_scim_groups"
_USER_KINDS: Final = {
    "user": Kind.INTEGER,
    "external_id": Kind.TEXT,
    "user_name": Kind.TEXT,
    "user_key": Kind.TEXT,
}
_GROUP_KINDS: Final = {"role": Kind.INTEGER, "external_id": Kind.TEXT}


class UserNames(Struct, frozen=True, kw_only=True):
    """What a provider calls a user."""

    external_id: str | None = None
    user_name: str | None = None
    """None: the e-mail address."""


NO_NAMES: Final = UserNames()


def user_key(user_name: str) -> str:
    """The same for names that differ by the case of letters alone."""
    return user_name.casefold()


async def name_user(
    transaction: Transaction, dialect: Dialect, user: int, names: UserNames
) -> None:
    """From now on these are the user's names. Raises `DuplicateValue`."""
    await forget_users(transaction, dialect, [user])
    if names == NO_NAMES:
        return
    name = names.user_name
    row = {
        "user": user,
        "external_id": names.external_id,
        "user_name": name,
        "user_key": None if name is None else user_key(name),
    }
    await rows.add(transaction, dialect, USERS_TABLE, _USER_KINDS, [row])


async def name_group(
    transaction: Transaction, dialect: Dialect, role: int, external_id: str | None
) -> None:
    """From now on this is the group's id at the provider. Raises `DuplicateValue`."""
    await forget_groups(transaction, dialect, [role])
    if external_id is not None:
        row = {"role": role, "external_id": external_id}
        await rows.add(transaction, dialect, GROUPS_TABLE, _GROUP_KINDS, [row])


async def names_of_user(executor: Executor, dialect: Dialect, user: int) -> list[Any]:
    """What a provider calls a user; empty where it has no names for it."""
    table = rows.clause(dialect, USERS_TABLE, _USER_KINDS)
    names = sa.select(table.c.external_id, table.c.user_name)
    return await _read(executor, dialect, names.where(table.c.user == sa.literal(user)))


async def names_of_group(executor: Executor, dialect: Dialect, role: int) -> list[Any]:
    """A group's id at the provider; empty where there is none."""
    table = rows.clause(dialect, GROUPS_TABLE, _GROUP_KINDS)
    names = sa.select(table.c.external_id).where(table.c.role == sa.literal(role))
    return await _read(executor, dialect, names)


async def _read(executor: Executor, dialect: Dialect, select: sa.Select[Any]) -> list[Any]:
    statement = dialect.compile(select)
    found = await executor.fetch(statement.sql, statement.values({}))
    return list(found[0]) if found else []


async def forget_users(transaction: Transaction, dialect: Dialect, users: Collection[int]) -> None:
    """Removes the names of users."""
    table = rows.clause(dialect, USERS_TABLE, _USER_KINDS)
    await _remove(transaction, dialect, sa.delete(table).where(table.c.user.in_(_listed(users))))


async def forget_groups(transaction: Transaction, dialect: Dialect, roles: Collection[int]) -> None:
    """Removes the ids of groups."""
    table = rows.clause(dialect, GROUPS_TABLE, _GROUP_KINDS)
    await _remove(transaction, dialect, sa.delete(table).where(table.c.role.in_(_listed(roles))))


def _listed(keys: Collection[int]) -> list[sa.BindParameter[int]]:
    return [sa.literal(key) for key in keys]


async def _remove(transaction: Transaction, dialect: Dialect, delete: sa.Delete) -> None:
    statement = dialect.compile(delete)
    await transaction.execute(statement.sql, statement.values({}))
