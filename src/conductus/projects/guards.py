"""The writer's rules for users, roles, permission rows, presets and files.

Decisions are pure (`permissions.guards`); here is what they need to know of other rows,
and what goes along: the default rows of a new role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.errors import (
    ApiError,
    DuplicateValue,
    Forbidden,
    LastAdministrator,
    Unprocessable,
)
from conductus.items.changes import Delete, Item
from conductus.items.context import Context
from conductus.items.records import Records
from conductus.items.steps import Step
from conductus.permissions.actor import Actor
from conductus.permissions.guards import presets, roles, rows, users
from conductus.permissions.guards.changed import Changed
from conductus.permissions.writing import Action
from conductus.projects import guarded_files as files
from conductus.projects import webhooks
from conductus.projects.guarded_folders import FOLDERS, Folders
from conductus.projects.guarded_payloads import Seal, permission_payload, role_payload, user_payload
from conductus.projects.guarded_rows import GuardedRows
from conductus.projects.provisioned import forget_groups, forget_users
from conductus.projects.recovery_codes import forget_codes
from conductus.schema.model import Collection

_JUDGES: Final[Mapping[str, Callable[[Changed, Actor], None]]] = {
    users.USERS: users.judge,
    roles.ROLES: roles.judge,
    roles.PERMISSIONS: rows.judge,
    presets.PRESETS: presets.judge,
}

_GUARDED: Final = frozenset({*_JUDGES, files.FILES, FOLDERS})


class Guards:
    """Rules of built-in collections, for one project. `seal` encrypts what rests."""

    def __init__(self, dialect: Dialect, seal: Seal) -> None:
        self._dialect = dialect
        self._seal = seal
        self._rows = GuardedRows(dialect)
        self._folders = Folders(dialect)

    def prepared(
        self, collection: Collection, body: Item, context: Context, action: Action
    ) -> Item:
        """The payload as it is to be written. Raises what its values break."""
        match collection.name:
            case users.USERS:
                return user_payload(body, context, action, self._seal)
            case roles.ROLES:
                return role_payload(body, action)
            case roles.PERMISSIONS:
                return permission_payload(body, context.schema)
            case webhooks.WEBHOOKS:
                return webhooks.webhook_payload(body)
            case files.FILES:
                return files.payload(body, context.content, action)
            case _:
                return body

    async def hold(
        self, transaction: Transaction, records: Records, context: Context, steps: Sequence[Step]
    ) -> None:
        """Raises what the steps break; then does what goes along with them."""
        if _GUARDED.isdisjoint({step.collection.name for step in steps}):
            return
        files.judge(steps, context.content)
        await self._folders.hold(transaction, steps)
        await self._hold_files(transaction, steps)
        guarded = [
            (step, _changed(step))
            for step in steps
            if step.collection.name in _JUDGES and not step.idle
        ]
        if not guarded:
            return
        for step, changed in guarded:
            try:
                _JUDGES[step.collection.name](changed, context.actor)
            except ApiError as error:
                raise error.at(step.index) from error.__cause__
        await self._hold_users(transaction, _of(users.USERS, guarded))
        await self._hold_roles(transaction, records, context, _of(roles.ROLES, guarded))
        await self._hold_rows(transaction, _of(roles.PERMISSIONS, guarded))

    async def _hold_files(self, transaction: Transaction, steps: Sequence[Step]) -> None:
        """Raises `DuplicateValue` for the address of another file, whose place it would take."""
        for step in steps:
            hash = step.written.get("private_hash") if step.collection.name == files.FILES else None
            if hash and await self._rows.share_address(transaction, str(hash)):
                raise DuplicateValue(("private_hash",)).at(step.index)

    async def _hold_users(
        self, transaction: Transaction, changes: Sequence[tuple[Step, Changed]]
    ) -> None:
        for step, changed in changes:
            email = changed.new("email")
            if "email" in changed.written and await self._rows.share(transaction, email):
                raise DuplicateValue(("email",)).at(step.index)
            if changed.after is None or users.SECRET in changed.written:
                await forget_codes(transaction, self._dialect, int(step.key[0]))
            if changed.after is None:
                await forget_users(transaction, self._dialect, [int(step.key[0])])
        await self._check_roles(transaction, changes)
        losing = [step for step, changed in changes if users.loses_administrator(changed)]
        if losing and not await self._rows.has_administrator(transaction):
            raise LastAdministrator().at(losing[0].index)

    async def _hold_roles(
        self,
        transaction: Transaction,
        records: Records,
        context: Context,
        changes: Sequence[tuple[Step, Changed]],
    ) -> None:
        gone = [changed.old("id") for _, changed in changes if changed.after is None]
        if gone:
            if await self._rows.have_users(transaction, gone):
                raise Forbidden("Users have this role: give them another one first")
            await self._rows.remove_permissions(transaction, gone)
            await forget_groups(transaction, self._dialect, gone)
        made = [step for step, changed in changes if changed.before is None]
        defaults = [row for step in made for row in roles.default_rows(step.key[0])]
        if defaults:
            permissions = context.schema.collection(roles.PERMISSIONS)
            await records.add(transaction, permissions, defaults)

    async def _hold_rows(
        self, transaction: Transaction, changes: Sequence[tuple[Step, Changed]]
    ) -> None:
        await self._check_roles(transaction, changes)
        for step, changed in changes:
            if changed.after is None or not changed.written & set(rows.UNIQUE):
                continue
            same = {name: changed.new(name) for name in rows.UNIQUE}
            if await self._rows.doubled(transaction, same):
                raise DuplicateValue(rows.UNIQUE).at(step.index)

    async def _check_roles(
        self, transaction: Transaction, changes: Sequence[tuple[Step, Changed]]
    ) -> None:
        """Raises `Unprocessable` for a role that is given and does not exist.

        The roles stay until the transaction ends.
        """
        wanted = {
            changed.new("role"): step for step, changed in changes if "role" in changed.written
        }
        wanted.pop(None, None)
        if not wanted:
            return
        found = await self._rows.keep_roles(transaction, list(wanted))
        for role, step in wanted.items():
            if role not in found:
                raise Unprocessable(f"role: there is no role {role}").at(step.index)


def _of(collection: str, guarded: Iterable[tuple[Step, Changed]]) -> list[tuple[Step, Changed]]:
    return [pair for pair in guarded if pair[0].collection.name == collection]


def _changed(step: Step) -> Changed:
    """The row of a step before it and after it."""
    if isinstance(step.change, Delete):
        return Changed(before=step.before, after=None)
    start: dict[str, Any] = step.before or _fresh(step)
    after = {**start, **step.change.stamps, **step.written}
    return Changed(before=step.before, after=after, written=frozenset(step.written))


def _fresh(step: Step) -> dict[str, Any]:
    """A new row before anything is written into it."""
    row = {
        field.name: None if field.column is None else field.column.default
        for field in step.collection.columns()
    }
    key = dict(zip(step.collection.primary_key, step.key, strict=True))
    return {**row, **key}
