"""Files with their rows: made, changed and removed together.

The content is in the storage before a row speaks of it, and goes when the row is not there.
Nothing shows content without a row. Source: files page §2, "Atomicity".
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final
from weakref import WeakValueDictionary

from msgspec import Struct, structs

from conductus.errors import (
    ApiError,
    DuplicateValue,
    StorageUnreachable,
    ValidationFailed,
)
from conductus.files import naming
from conductus.files.incoming import Incoming
from conductus.files.inspection import Facts, inspect
from conductus.files.rows import FileRow, FileRows
from conductus.files.storage import ProjectStorage, Storage
from conductus.files.storages import Storages
from conductus.files.thumbnails import Thumbnails
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.items.writer import WriteOptions
from conductus.items.written import Written
from conductus.projects.guarded_files import FILES
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot

PARTS: Final = ".parts"
"""Folder of what is about to take the place of something."""
MOST_NUMBERS: Final = 1000
_SECRET_LENGTH: Final = 16
_LONGEST_TITLE: Final = 255
_LONGEST_PLACE: Final = 200
_LONGEST_TAGS: Final = 255


class Asked(Struct, frozen=True):
    """Who asks for a change, and what of."""

    project: Project
    snapshot: Snapshot
    context: Context
    options: WriteOptions

    def with_content(self, columns: Item, incoming: Incoming | None = None) -> Context:
        """The context in which the server says this of the content, if need be of a new one."""
        fields = self.context.schema.collection(FILES).fields
        known = {name: value for name, value in columns.items() if name in fields}
        chunks = None if incoming is None else incoming.spool.chunks
        return structs.replace(self.context, content=known, chunks=chunks)


class Uploads:
    """Writes files of every project."""

    def __init__(self, storages: Storages, thumbnails: Thumbnails) -> None:
        self._storages = storages
        self._thumbnails = thumbnails
        self._rows = FileRows()
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def create(self, asked: Asked, body: Item, incoming: Incoming) -> Written:
        """A new file. Raises `ValidationFailed` for a name or type that is not taken."""
        storage = self._storages.of(asked.project)
        shown = naming.shown_name(_stated_name(body, incoming))
        extension = naming.extension(shown)
        facts = await _facts(asked, incoming, extension)
        kept = await self._reserved(asked, storage.originals, body, shown)
        try:
            await self._keep(storage.originals, kept, incoming, facts)
            columns = {
                **_columns(asked, kept, incoming, facts),
                **_suggested(shown, incoming, facts),
                "private_hash": secrets.token_urlsafe(_SECRET_LENGTH)[:_SECRET_LENGTH],
                "uploaded_on": asked.context.now.strftime("%Y-%m-%d %H:%M:%S"),
            }
            (written,) = await asked.project.writer.create(
                FILES, [body], asked.with_content(columns, incoming), asked.options
            )
        except BaseException:
            await _dropped(storage.originals, kept)
            raise
        if not incoming.spool.size:
            await _dropped(storage.originals, kept)
        return written

    async def replace(self, asked: Asked, key: str, body: Item, incoming: Incoming) -> Written:
        """Other content for a file, with changes of its columns."""
        storage = self._storages.of(asked.project)
        async with self._alone(asked, key):
            row = await self._rows.row(asked.project, asked.snapshot, asked.context, key)
            facts = await _facts(asked, incoming, naming.extension(row.filename_disk))
            part = f"{PARTS}/{uuid.uuid4()}"
            try:
                await self._keep(storage.originals, part, incoming, facts)
                columns = _columns(asked, row.filename_disk, incoming, facts)
                (written,) = await asked.project.writer.update(
                    FILES, [key], body, asked.with_content(columns, incoming), asked.options
                )
                await self._put_in_place(asked, storage.originals, part, row)
            except BaseException:
                await _dropped(storage.originals, part)
                raise
            await self._drop_thumbnails(asked.project, row.id)
        return written

    async def rename(self, asked: Asked, key: str, body: Item) -> Written:
        """Another `filename_disk` for a file, with changes of other columns."""
        storage = self._storages.of(asked.project)
        name = naming.kept_name(body["filename_disk"])
        async with self._alone(asked, key):
            row = await self._rows.row(asked.project, asked.snapshot, asked.context, key)
            if name == row.filename_disk:
                return await self._changed(asked, key, body, name)
            if not await storage.originals.reserve(name):
                raise DuplicateValue(("filename_disk",))
            try:
                if row.filesize:
                    await storage.originals.copy(row.filename_disk, name)
                written = await self._changed(asked, key, body, name)
            except BaseException:
                await _dropped(storage.originals, name)
                raise
            await self._remove(asked, storage, [row])
        return written

    async def delete(self, asked: Asked, keys: Sequence[str]) -> None:
        """Removes files for good."""
        storage = self._storages.of(asked.project)
        found = await self._rows.rows(asked.project, asked.snapshot, asked.context, keys)
        await asked.project.writer.delete(FILES, keys, asked.with_content({}), asked.options)
        await self._remove(asked, storage, found)

    # -- content ------------------------------------------------------------------------

    async def _keep(self, storage: Storage, key: str, incoming: Incoming, facts: Facts) -> None:
        await storage.put(key, incoming.spool.chunks(), facts.type)

    async def _reserved(self, asked: Asked, storage: Storage, body: Item, shown: str) -> str:
        """A name in the storage that nothing has, and nothing else gets."""
        stated = body.get("filename_disk")
        wanted = naming.kept_name(stated) if stated not in (None, "") else shown
        if asked.snapshot.settings.file_naming != "file_name":
            name = f"{uuid.uuid4()}{naming.extension(wanted)}"
            await storage.reserve(name)
            return name
        readable = naming.readable_name(wanted)
        for number in range(MOST_NUMBERS):
            name = naming.numbered(readable, number)
            if await storage.reserve(name):
                return name
        raise ValidationFailed({"filename_download": "Too many files are called like this"})

    async def _put_in_place(self, asked: Asked, storage: Storage, part: str, row: FileRow) -> None:
        """Puts new content where the old one is, which the row no longer speaks of."""
        try:
            await storage.rename(part, row.filename_disk)
        except ApiError:
            # The row is to say what is there.
            back = structs.replace(asked.context, content=row.columns())
            await asked.project.writer.update(FILES, [str(row.id)], {}, back)
            raise

    async def _changed(self, asked: Asked, key: str, body: Item, name: str) -> Written:
        (written,) = await asked.project.writer.update(
            FILES, [key], body, asked.with_content({"filename_disk": name}), asked.options
        )
        return written

    async def _remove(self, asked: Asked, storage: ProjectStorage, rows: Sequence[FileRow]) -> None:
        """Removes content that no row speaks of any more.

        The rows are as they should be by now; what cannot be removed is found by a check.
        """
        for row in rows:
            await self._drop_thumbnails(asked.project, row.id)
        names = {row.filename_disk for row in rows}
        still = await self._rows.named(asked.project, asked.snapshot, asked.context, names)
        for name in names - {row.filename_disk for row in still}:
            await _dropped(storage.originals, name)

    async def _drop_thumbnails(self, project: Project, file: int) -> None:
        with suppress(StorageUnreachable):
            await self._thumbnails.drop(project, file)

    @asynccontextmanager
    async def _alone(self, asked: Asked, key: str) -> AsyncIterator[None]:
        """Two changes of one file's content come one after the other."""
        lock = self._locks.setdefault((asked.project.key, key), asyncio.Lock())
        async with lock:
            yield


async def _dropped(storage: Storage, key: str) -> None:
    """Removes content, also when the request is given up meanwhile."""
    with suppress(StorageUnreachable):
        await asyncio.shield(storage.delete(key))


async def _facts(asked: Asked, incoming: Incoming, extension: str) -> Facts:
    """What the content says of itself. Raises `ValidationFailed` for a type not taken."""
    if not incoming.spool.size and incoming.embed is not None:
        return Facts(type=incoming.embed.type)
    facts = await asyncio.to_thread(inspect, incoming.spool.file, extension)
    if incoming.embed is not None:
        return structs.replace(facts, type=incoming.embed.type)
    taken = asked.snapshot.settings.file_mimetype_whitelist
    if taken and not any(_is_of(facts.type, pattern) for pattern in taken):
        raise ValidationFailed({"data": f"Files of the type {facts.type!r} are not taken"})
    return facts


def _is_of(media_type: str, pattern: str) -> bool:
    wanted = pattern.strip().lower()
    if wanted.endswith("/*"):
        return media_type.startswith(wanted[:-1])
    return wanted in (media_type, "*")


def _stated_name(body: Item, incoming: Incoming) -> str:
    """What the file is called where it is saved."""
    for stated in (body.get("filename_download"), incoming.name, body.get("filename_disk")):
        if isinstance(stated, str) and stated:
            return stated
    if incoming.embed is not None:
        return f"{incoming.embed.video}.jpg"
    raise ValidationFailed({"filename_download": "This value is required"})


def _columns(asked: Asked, kept: str, incoming: Incoming, facts: Facts) -> Item:
    """What follows from the content."""
    return {
        "storage": asked.project.config.storage.name,
        "filename_disk": kept,
        "type": facts.type,
        "charset": facts.charset,
        "filesize": incoming.spool.size,
        "checksum": incoming.spool.checksum,
        "width": facts.width,
        "height": facts.height,
        "duration": facts.duration,
        "embed": None if incoming.embed is None else incoming.embed.video,
    }


def _suggested(shown: str, incoming: Incoming, facts: Facts) -> Item:
    """What is written where the request says nothing of it."""
    title = facts.title or (
        naming.title_of(shown) if incoming.embed is None else incoming.embed.title
    )
    return {
        "filename_download": shown,
        "title": title[:_LONGEST_TITLE],
        "description": facts.description,
        "location": (facts.location or "")[:_LONGEST_PLACE],
        "tags": _fitting(facts.tags),
        "metadata": facts.metadata,
    }


def _fitting(words: Sequence[str]) -> list[str]:
    """As many of the words as the column holds."""
    kept: list[str] = []
    room = _LONGEST_TAGS - 2
    for word in words:
        room -= len(word) + 1
        if room < 0:
            break
        kept.append(word)
    return kept
