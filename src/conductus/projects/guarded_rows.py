"""What the guards ask the database, and the rows that they remove.

Locks make two transactions that would break a rule together wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Transaction
from conductus.permissions.actor import ADMINISTRATOR_ROLE
from conductus.permissions.guards.roles import PERMISSIONS, ROLES
from conductus.permissions.guards.users import ACTIVE, USERS
from conductus.projects.guarded_files import FILES
from conductus.projects.rows import clause
from conductus.schema.model import Kind


class GuardedRows:
    """Rows of users, roles, permissions and files of one database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._users = clause(
            dialect,
            USERS,
            {"id": Kind.INTEGER, "role": Kind.INTEGER, "status": Kind.TEXT, "email": Kind.TEXT},
        )
        self._roles = clause(dialect, ROLES, {"id": Kind.INTEGER})
        self._permissions = clause(
            dialect,
            PERMISSIONS,
            {"id": Kind.INTEGER, "collection": Kind.TEXT, "role": Kind.INTEGER}
            | {"status": Kind.TEXT},
        )
        self._files = clause(dialect, FILES, {"private_hash": Kind.TEXT})

    async def share_address(self, transaction: Transaction, private_hash: str) -> bool:
        """Whether several files have that hash."""
        statement = self._by_hash
        found = await transaction.fetch(statement.sql, statement.values({"hash": private_hash}))
        # Not every database tells letters of different case apart.
        return [row[0] for row in found].count(private_hash) > 1

    async def has_administrator(self, transaction: Transaction) -> bool:
        """Whether somebody administers the project; that user stays until the end."""
        return bool(
            await transaction.fetch(self._administrator.sql, self._administrator.values({}))
        )

    async def share(self, transaction: Transaction, email: str) -> bool:
        """Whether several users have that address, in whatever case."""
        statement = self._by_email
        found = await transaction.fetch(statement.sql, statement.values({"email": email}))
        return len(found) > 1

    async def keep_roles(self, transaction: Transaction, ids: Sequence[int]) -> set[int]:
        """Which of the roles exist; those stay until the end."""
        found = await self._with_keys(transaction, self._locked_roles, ids)
        return {int(row[0]) for row in found}

    async def have_users(self, transaction: Transaction, ids: Sequence[int]) -> bool:
        """Whether a user has one of the roles."""
        return bool(await self._with_keys(transaction, self._having, ids))

    async def doubled(self, transaction: Transaction, row: Mapping[str, Any]) -> bool:
        """Whether several permission rows are for the same."""
        statement = self._same if row["status"] is not None else self._same_whole
        return len(await transaction.fetch(statement.sql, statement.values(dict(row)))) > 1

    async def remove_permissions(self, transaction: Transaction, roles: Sequence[int]) -> None:
        """Removes the permission rows of roles."""
        statement = self._permissions_of
        await transaction.execute(statement.sql, statement.values(self._keys(roles)))

    async def _with_keys(
        self, transaction: Transaction, statement: Statement, keys: Sequence[int]
    ) -> list[Sequence[Any]]:
        return await transaction.fetch(statement.sql, statement.values(self._keys(keys)))

    def _keys(self, keys: Sequence[int]) -> dict[str, Any]:
        return {"keys": self._dialect.list_binder(Kind.INTEGER)(list(keys))}

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _administrator(self) -> Statement:
        users = self._users
        return self._dialect.compile(
            sa.select(users.c.id)
            .where(users.c.role == ADMINISTRATOR_ROLE, users.c.status == ACTIVE)
            .limit(1)
            .with_for_update()
        )

    @cached_property
    def _by_hash(self) -> Statement:
        column = self._files.c.private_hash
        given = sa.bindparam("hash", type_=sa.String())
        return self._dialect.compile(sa.select(column).where(column == given))

    @cached_property
    def _by_email(self) -> Statement:
        users = self._users
        given = sa.bindparam("email", type_=sa.String())
        alike = self._dialect.alike(users.c.email, given, ascii=True)
        return self._dialect.compile(sa.select(users.c.id).where(alike).limit(2))

    @cached_property
    def _locked_roles(self) -> Statement:
        id = self._roles.c.id
        among = self._dialect.among(id, "keys", Kind.INTEGER)
        return self._dialect.compile(sa.select(id).where(among).with_for_update(read=True))

    @cached_property
    def _having(self) -> Statement:
        among = self._dialect.among(self._users.c.role, "keys", Kind.INTEGER)
        return self._dialect.compile(sa.select(self._users.c.id).where(among).limit(1))

    @cached_property
    def _same(self) -> Statement:
        status = self._permissions.c.status
        return self._like(status == sa.bindparam("status", type_=sa.String()))

    @cached_property
    def _same_whole(self) -> Statement:
        return self._like(self._permissions.c.status.is_(None))

    def _like(self, status: sa.ColumnElement[bool]) -> Statement:
        columns = self._permissions.c
        return self._dialect.compile(
            sa.select(columns.id)
            .where(
                columns.collection == sa.bindparam("collection", type_=sa.String()),
                columns.role == sa.bindparam("role", type_=sa.BigInteger()),
                status,
            )
            .limit(2)
        )

    @cached_property
    def _permissions_of(self) -> Statement:
        among = self._dialect.among(self._permissions.c.role, "keys", Kind.INTEGER)
        return self._dialect.compile(sa.delete(self._permissions).where(among))
