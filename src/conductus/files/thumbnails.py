"""Variants of files: made when they are first asked for, then kept.

However many ask for a variant at once, each worker makes it once; between workers the last
one wins, with the same picture.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Final
from weakref import WeakKeyDictionary

from conductus.database.statements import StatementCache
from conductus.errors import Unprocessable
from conductus.files.asset_rows import AssetFile, AssetRows, Kept
from conductus.files.images import Images, Source
from conductus.files.orders import Order
from conductus.files.storage import ProjectStorage
from conductus.files.storages import Storages
from conductus.files.variants import Variant
from conductus.projects.project import Project

MOST_REMEMBERED: Final = 10_000
REFUSED_SECONDS: Final = 60.0
"""How long a file of which no picture could be made is not tried again."""
_AT_ONCE: Final = 256 * 1024

_Variant = tuple[str, int, str]
"""Project, file, name of the variant."""


class Thumbnails:
    """The variants of every project's files. Open it with `async with`."""

    def __init__(self, storages: Storages, images: Images, most_pixels: int) -> None:
        self._storages = storages
        self._images = images
        self._most_pixels = most_pixels
        self._rows: WeakKeyDictionary[Project, AssetRows] = WeakKeyDictionary()
        self._made: StatementCache[Kept] = StatementCache(MOST_REMEMBERED)
        self._refused: StatementCache[tuple[float, Unprocessable]] = StatementCache(MOST_REMEMBERED)
        self._making: dict[_Variant, asyncio.Task[str]] = {}

    async def __aenter__(self) -> Thumbnails:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._making.values():
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    def rows(self, project: Project) -> AssetRows:
        """The files of a project and what is kept of them."""
        found = self._rows.get(project)
        if found is None:
            found = self._rows[project] = AssetRows(project.database)
        return found

    async def key(self, project: Project, file: AssetFile, variant: Variant) -> str:
        """Where the variant is kept. It is made if there is none.

        Raises `Unprocessable`, `TooManyRequests`, `ContentMissing`, `StorageUnreachable`.
        """
        known = project.key, file.id, variant.name
        kept = self._made.find(known)
        if kept is None or kept.source != file.source:
            kept = await self.rows(project).find_kept(file.id, variant.name)
        if kept is None or kept.source != file.source:
            return await self.made(project, file, variant)
        self._made.put(known, kept)
        return kept.object

    async def made(self, project: Project, file: AssetFile, variant: Variant) -> str:
        """Where the variant is kept, made anew. Raises as `key` does."""
        known = project.key, file.id, variant.name
        self._check_refusal((*known, file.source))
        task = self._making.get(known)
        if task is None:
            task = asyncio.create_task(self._make(project, file, variant))
            self._making[known] = task
            task.add_done_callback(lambda _: self._making.pop(known, None))
        # Who gives up waiting does not take the picture from the others.
        return await asyncio.shield(task)

    async def drop(self, project: Project, file: int) -> None:
        """Removes every variant of a file, whose content changed or is gone."""
        rows = self.rows(project)
        generated = self._storages.of(project).generated
        for key in await rows.objects(file):
            await generated.delete(key)
        await rows.forget(file)

    async def _make(self, project: Project, file: AssetFile, variant: Variant) -> str:
        rows = self.rows(project)
        key = f"{variant.name}/{file.filename_disk}"
        most = None if variant.listed else project.config.assets.variants
        if not await rows.claim(file.id, variant.name, key, most):
            raise Unprocessable(
                f"There are {most} pictures of this file already: ask for one of them, "
                "or for one that is listed",
                details={"limit": most},
            )
        storage = self._storages.of(project)
        known = project.key, file.id, variant.name
        try:
            picture = await self._drawn(storage, file, variant)
        except Unprocessable as error:
            until = time.monotonic() + REFUSED_SECONDS
            self._refused.put((*known, file.source), (until, error))
            raise
        await storage.generated.put(key, _chunks(picture), variant.type)
        kept = Kept(key, file.source)
        await rows.keep(file.id, variant.name, kept)
        self._made.put(known, kept)
        return key

    async def _drawn(self, storage: ProjectStorage, file: AssetFile, variant: Variant) -> bytes:
        order = Order(
            shape=variant.shape,
            format=variant.format,
            focus=variant.focus,
            pixels=self._most_pixels,
        )
        content = await storage.originals.get(file.filename_disk)
        async with aclosing(content.chunks) as chunks:
            return await self._images.draw(Source(content.stored.size, chunks), order)

    def _check_refusal(self, known: tuple[str, int, str, str]) -> None:
        found = self._refused.find(known)
        if found is not None and found[0] > time.monotonic():
            raise found[1]


async def _chunks(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), _AT_ONCE):
        yield content[start : start + _AT_ONCE]
