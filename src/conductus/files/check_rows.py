"""The rows of files as a check goes over them: many at a time, each batch with one statement.

Not by the reader of items, which remembers what it was asked: here that would be the names
of every file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Statement
from conductus.database.executor import Database
from conductus.projects import rows
from conductus.projects.guarded_files import FILES
from conductus.schema.model import Kind

_KINDS: Final = {"id": Kind.INTEGER, "filename_disk": Kind.TEXT, "filesize": Kind.INTEGER}


class Place(Struct, frozen=True):
    """Where a row says that its content is, and how large."""

    id: int
    name: str
    size: int


class CheckRows:
    """The rows of files in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect
        self._files = rows.clause(self._dialect, FILES, _KINDS)

    async def named(self, names: Iterable[str]) -> list[Place]:
        """The rows whose content is kept under one of these names."""
        wanted = sorted(set(names))
        bound = {"names": self._dialect.list_binder(Kind.TEXT)(wanted)}
        # Some databases compare without regard to case, and storages do not.
        return [row for row in await self._fetch(self._named, bound) if row.name in set(wanted)]

    async def page(self, after: int, most: int) -> list[Place]:
        """The rows whose ids follow, in the order of their ids."""
        return await self._fetch(self._page, {"after": after, "most": most})

    async def read(self, ids: Sequence[int]) -> list[Place]:
        """The rows of those ids that there are."""
        bound = {"ids": self._dialect.list_binder(Kind.INTEGER)(ids)}
        return await self._fetch(self._read, bound)

    async def _fetch(self, statement: Statement, bound: dict[str, Any]) -> list[Place]:
        found = await self._database.fetch(statement.sql, statement.values(bound))
        return [Place(int(row[0]), str(row[1]), int(row[2] or 0)) for row in found]

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _named(self) -> Statement:
        names = self._dialect.among(self._files.c.filename_disk, "names", Kind.TEXT)
        return self._dialect.compile(self._places.where(names))

    @cached_property
    def _page(self) -> Statement:
        key = self._files.c.id
        after = sa.bindparam("after", type_=self._dialect.type(Kind.INTEGER))
        most = sa.bindparam("most", type_=sa.Integer())
        return self._dialect.compile(self._places.where(key > after).order_by(key).limit(most))

    @cached_property
    def _read(self) -> Statement:
        ids = self._dialect.among(self._files.c.id, "ids", Kind.INTEGER)
        return self._dialect.compile(self._places.where(ids).order_by(self._files.c.id))

    @property
    def _places(self) -> sa.Select[Any]:
        return sa.select(*(self._files.c[name] for name in _KINDS))
