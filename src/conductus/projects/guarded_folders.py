"""Folders of files: no two of one name in one place, and none takes what is in it along.

Source: system collections page, `directus_folders`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Transaction
from conductus.errors import DuplicateValue, Unprocessable
from conductus.items.changes import Delete
from conductus.items.steps import Step
from conductus.projects.guarded_files import FILES
from conductus.projects.rows import clause
from conductus.schema.model import Kind

FOLDERS: Final = "directus_folders"
_UNIQUE: Final = ("name", "parent_folder")
DEEPEST: Final = 100
"""Levels of folders in each other."""


class Folders:
    """The rules of folders in one database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._folders = clause(
            dialect,
            FOLDERS,
            {"id": Kind.INTEGER, "name": Kind.TEXT, "parent_folder": Kind.INTEGER},
        )
        self._files = clause(dialect, FILES, {"folder": Kind.INTEGER})

    async def hold(self, transaction: Transaction, steps: Sequence[Step]) -> None:
        """Moves what was in removed folders; raises `DuplicateValue`, `Unprocessable`."""
        changed = [step for step in steps if step.collection.name == FOLDERS and not step.idle]
        gone = {
            step.key[0]: (step.before or {}).get("parent_folder")
            for step in changed
            if isinstance(step.change, Delete)
        }
        for folder in gone:
            to = _staying(folder, gone)
            for move in (self._move_files, self._move_folders):
                await transaction.execute(move.sql, move.values({"folder": folder, "to": to}))
        moved = set(gone.values()) if gone else set[Any]()
        for step in changed:
            if isinstance(step.change, Delete) or not {*_UNIQUE} & step.written.keys():
                continue
            await self._check_place(transaction, step)
        for parent in moved:
            await self._check_names(transaction, _staying(parent, gone), 0)

    async def _check_place(self, transaction: Transaction, step: Step) -> None:
        row = {**(step.before or {}), **step.written}
        parent = row.get("parent_folder")
        await self._check_names(transaction, parent, step.index, row.get("name"))
        for _ in range(DEEPEST):
            if parent is None:
                return
            if parent == step.key[0]:
                break
            parent = await self._parent(transaction, parent)
        raise Unprocessable("parent_folder: a folder cannot be within itself").at(step.index)

    async def _parent(self, transaction: Transaction, folder: Any) -> Any:
        statement = self._parent_of
        found = await transaction.fetch(statement.sql, statement.values({"folder": folder}))
        return found[0][0] if found else None

    async def _check_names(
        self, transaction: Transaction, parent: Any, index: int, name: str | None = None
    ) -> None:
        """Raises `DuplicateValue` for a name that several folders have there; None: any name."""
        statement = self._doubled_at_top if parent is None else self._doubled
        values = {"parent": parent, "name": name}
        if await transaction.fetch(statement.sql, statement.values(values)):
            raise DuplicateValue(_UNIQUE).at(index)

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _move_files(self) -> Statement:
        return self._moved(self._files, self._files.c.folder)

    @cached_property
    def _move_folders(self) -> Statement:
        return self._moved(self._folders, self._folders.c.parent_folder)

    def _moved(self, table: sa.TableClause, column: sa.ColumnClause[Any]) -> Statement:
        return self._dialect.compile(
            sa.update(table)
            .values({column: sa.bindparam("to", type_=sa.BigInteger())})
            .where(column == sa.bindparam("folder", type_=sa.BigInteger()))
        )

    @cached_property
    def _parent_of(self) -> Statement:
        folders = self._folders.c
        return self._dialect.compile(
            sa.select(folders.parent_folder).where(
                folders.id == sa.bindparam("folder", type_=sa.BigInteger())
            )
        )

    @cached_property
    def _doubled(self) -> Statement:
        parent = sa.bindparam("parent", type_=sa.BigInteger())
        return self._same_name(self._folders.c.parent_folder == parent)

    @cached_property
    def _doubled_at_top(self) -> Statement:
        return self._same_name(self._folders.c.parent_folder.is_(None))

    def _same_name(self, within: sa.ColumnElement[bool]) -> Statement:
        name = self._folders.c.name
        wanted = sa.bindparam("name", type_=sa.String())
        return self._dialect.compile(
            sa.select(sa.func.min(self._folders.c.id))
            .where(within, name == sa.func.coalesce(wanted, name))
            .group_by(name)
            .having(sa.func.count() > 1)
            .limit(1)
        )


def _staying(folder: Any, gone: dict[Any, Any]) -> Any:
    """The folder itself or the nearest above it that is not removed."""
    for _ in range(DEEPEST):
        if folder not in gone:
            return folder
        folder = gone[folder]
    return None
