"""Contents and rows of files, held against each other, both ways.

Nothing is held in memory but one batch: what is in the storages is gone over as it is
listed, the rows in the order of their ids. Others may write meanwhile. Content is there
before its row, so only what is older than `before` counts as forgotten; and a name that
something has in the storage is given to no new row. Source: files page §2, "Atomicity".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct, structs

from conductus.errors import ContentMissing
from conductus.files.asset_rows import AssetRows
from conductus.files.check_rows import CheckRows, Place
from conductus.files.storage import ProjectStorage, Storage, Stored
from conductus.files.storages import Storages
from conductus.items.context import Context
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.guarded_files import FILES
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot

OBJECTS_AT_ONCE: Final = 4000
"""Names that are looked for in one statement: no index helps there, so few statements do."""
ROWS_AT_ONCE: Final = 1000
HEADS_AT_ONCE: Final = 32
Kind = Literal["content", "unfinished", "picture", "row"]
"""`content` and `picture` of no row, a part of what was `unfinished`, a `row` of no content."""


class Finding(Struct, frozen=True, kw_only=True):
    """Something that stands alone."""

    kind: Kind
    name: str
    """In the storage."""
    state: Literal["found", "young", "removed"]
    """`young`: perhaps its row is about to be written."""
    row: int | None = None
    """The id of a `row`."""
    size: int
    modified: datetime | None = None


class Mending(Struct, frozen=True, kw_only=True):
    """What is done about what is found."""

    before: datetime
    """When something must have been written to count as forgotten."""
    objects: bool = False
    """What no row speaks of is removed."""
    rows: frozenset[int] = frozenset()
    """Rows to be removed, by their ids, if their content is not there."""


class FileCheck:
    """One look at the files of a project."""

    def __init__(
        self,
        project: Project,
        snapshot: Snapshot,
        storage: ProjectStorage,
        mending: Mending,
        now: datetime,
    ) -> None:
        self._project = project
        self._storage = storage
        self._mending = mending
        self._context = Context(
            schema=snapshot.schema, actor=SYSTEM, policy=ADMINISTRATOR, now=now, content={}
        )
        self._rows = CheckRows(project.database)
        self._pictures = AssetRows(project.database)

    async def findings(self) -> AsyncGenerator[Finding, None]:
        """What stands alone, as it is found. Raises `StorageUnreachable`."""
        for part in (self.contents, self._missing):
            async with aclosing(part()) as found:
                async for finding in found:
                    yield finding

    async def contents(self) -> AsyncGenerator[Finding, None]:
        """What no row speaks of."""
        for part in (self._contents, self._thumbnails, self._unfinished):
            async with aclosing(part()) as found:
                async for finding in found:
                    yield finding
        if self._mending.objects:
            await self._pictures.forget_gone()

    async def _contents(self) -> AsyncGenerator[Finding, None]:
        originals = self._storage.originals
        async with aclosing(_batches(originals.listed())) as batches:
            async for batch in batches:
                known = {row.name for row in await self._rows.named(each.key for each in batch)}
                for each in batch:
                    if each.key not in known:
                        yield await self._alone(
                            "content", each, lambda it: originals.delete(it.key)
                        )

    async def _thumbnails(self) -> AsyncGenerator[Finding, None]:
        generated = self._storage.generated
        async with aclosing(_batches(generated.listed())) as batches:
            async for batch in batches:
                sources = await self._rows.named(_source(each.key) for each in batch)
                known = await self._pictures.objects_of([row.id for row in sources])
                for each in batch:
                    if each.key not in known:
                        yield await self._alone(
                            "picture", each, lambda it: generated.delete(it.key)
                        )

    async def _unfinished(self) -> AsyncGenerator[Finding, None]:
        for storage in (self._storage.originals, self._storage.generated):
            async with aclosing(storage.unfinished()) as found:
                async for each in found:
                    yield await self._alone("unfinished", each, storage.discard)

    async def _missing(self) -> AsyncGenerator[Finding, None]:
        after = 0
        while page := await self._rows.page(after, ROWS_AT_ONCE):
            after = page[-1].id
            suspects = await self._without_content(page)
            # Renamed or removed meanwhile, they are no longer what was read of them.
            again = await self._rows.read([row.id for row in suspects]) if suspects else []
            for row in await self._without_content(again):
                yield await self._bare(row)

    async def _alone(
        self, kind: Kind, found: Stored, remove: Callable[[Stored], Awaitable[None]]
    ) -> Finding:
        """What no row speaks of, removed if it is to be."""
        young = found.modified >= self._mending.before
        finding = Finding(
            kind=kind,
            name=found.key,
            state="young" if young else "found",
            size=found.size,
            modified=found.modified,
        )
        if young or not self._mending.objects:
            return finding
        await remove(found)
        return structs.replace(finding, state="removed")

    async def _bare(self, row: Place) -> Finding:
        """A row without content, removed if it is to be."""
        finding = Finding(kind="row", name=row.name, state="found", row=row.id, size=row.size)
        if row.id not in self._mending.rows:
            return finding
        await self._project.writer.delete(FILES, [str(row.id)], self._context)
        for key in await self._pictures.objects(row.id):
            await self._storage.generated.delete(key)
        await self._pictures.forget(row.id)
        return structs.replace(finding, state="removed")

    async def _without_content(self, rows: Sequence[Place]) -> list[Place]:
        """Those whose content is not there; an empty file has none."""
        full = [row for row in rows if row.size]
        bare = []
        for start in range(0, len(full), HEADS_AT_ONCE):
            some = full[start : start + HEADS_AT_ONCE]
            asked = (_is_there(self._storage.originals, row.name) for row in some)
            answers = await asyncio.gather(*asked, return_exceptions=True)
            for row, answer in zip(some, answers, strict=True):
                if isinstance(answer, BaseException):
                    raise answer
                if not answer:
                    bare.append(row)
        return bare


def swept_files(storages: Storages) -> Callable[[Project, datetime], AsyncGenerator[int, None]]:
    """What removes contents that no row has spoken of for long; never a row."""

    async def sweep(project: Project, now: datetime) -> AsyncGenerator[int, None]:
        days = project.config.retention.files_days
        if days is None:
            return
        mending = Mending(before=now - timedelta(days=days), objects=True)
        snapshot = await project.current()
        check = FileCheck(project, snapshot, storages.of(project), mending, now)
        async with aclosing(check.contents()) as findings:
            async for finding in findings:
                yield int(finding.state == "removed")

    return sweep


async def _batches(found: AsyncGenerator[Stored, None]) -> AsyncGenerator[list[Stored], None]:
    batch: list[Stored] = []
    async with aclosing(found):
        async for each in found:
            batch.append(each)
            if len(batch) == OBJECTS_AT_ONCE:
                yield batch
                batch = []
    if batch:
        yield batch


def _source(key: str) -> str:
    """The `filename_disk` of what a picture was made of."""
    return key.partition("/")[2]


async def _is_there(storage: Storage, key: str) -> bool:
    try:
        await storage.head(key)
    except ContentMissing:
        return False
    return True
