"""Files and their contents. Source: files page §1 and §2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from conductus.endpoints import generic, sections
from conductus.endpoints.listing import READING
from conductus.errors import (
    BatchUpload,
    CreateForbidden,
    Forbidden,
    ItemNotFound,
    Unprocessable,
    ValidationFailed,
)
from conductus.files import naming
from conductus.files.addresses import DATA, FILES
from conductus.files.incoming import Incoming, Intake
from conductus.files.rows import FileRow, FileRows
from conductus.files.storages import Storages
from conductus.files.uploads import Asked, Uploads
from conductus.http.call import Call
from conductus.http.contents import Shown, content_reply
from conductus.http.envelope import nothing
from conductus.http.exchange import Answer
from conductus.http.parts import FileBegins, Text
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.items.changes import Item
from conductus.items.texts import parsed_texts
from conductus.permissions.writing import Action, check_able, check_able_to_change

CACHED: Final = "no-cache"
"""Kept by clients, who ask whether it is still what it was."""


class Files:
    """The endpoints that write files, and the one that shows their contents."""

    def __init__(self, uploads: Uploads, intake: Intake, storages: Storages) -> None:
        self._uploads = uploads
        self._intake = intake
        self._storages = storages
        self._rows = FileRows()

    async def create(self, call: Call) -> Reply:
        """Uploads a file: a form, base64, a `data:` URI or a web address."""
        _check_able_to_upload(call)
        async with self._body(call) as (body, incoming):
            if incoming is None:
                raise ValidationFailed({DATA: "This value is required"})
            query = generic.answering(call, FILES)
            written = await self._uploads.create(_asked(call), body, incoming)
            return await generic.written_one(call, query, written)

    async def update_many(self, call: Call) -> Reply:
        """Changes columns of each file of a list that names its id."""
        body = await call.body.items()
        for each in body if isinstance(body, list) else [body]:
            if isinstance(each.get(DATA), str):
                raise BatchUpload
            if "filename_disk" in each:
                raise Unprocessable("filename_disk: files are renamed one at a time")
            _name_plainly(each)
        return await generic.update_many(call, FILES)

    async def update_by_keys(self, call: Call) -> Reply:
        """Changes columns of one file or several alike; of one also content and name."""
        collection = call.schema.collection(FILES)
        check_able_to_change(call.actor, call.policy, collection)
        keys = generic.keys_of(call.raw("id"), collection, call.limits.max_ids)
        async with self._body(call) as (body, incoming):
            if len(keys) > 1:
                return await self._alike(call, keys, body, incoming)
            query = generic.answering(call, FILES)
            asked = _asked(call)
            if incoming is not None:
                written = await self._uploads.replace(asked, keys[0], body, incoming)
            elif "filename_disk" in body:
                written = await self._uploads.rename(asked, keys[0], body)
            else:
                writer = call.project.writer
                (written,) = await writer.update(FILES, keys, body, call.context, asked.options)
            return await generic.written_one(call, query, written)

    async def delete(self, call: Call) -> Reply:
        """Removes files with their contents and thumbnails."""
        keys = generic.keys_of(call.raw("id"), call.schema.collection(FILES), call.limits.max_ids)
        await self._uploads.delete(_asked(call), keys)
        return nothing(public=call.public)

    async def original(self, call: Call) -> Answer:
        """What was uploaded, to anybody unless the project says otherwise."""
        name = call.text("name")
        public = call.project.config.storage.public
        if not public:
            call.check_readable(FILES)
        found = await self._rows.named(call.project, call.snapshot, call.context, [name])
        if not found or not (public or await _may_read(call, found[0])):
            raise ItemNotFound(FILES, name)
        row = found[0]
        storage = self._storages.of(call.project).originals
        # Of a video elsewhere a picture is kept.
        kind = "image/jpeg" if row.embed else row.type
        cache = CACHED if public else f"private, {CACHED}"
        shown = Shown(type=kind, name=row.filename_download, cache=cache)
        return await content_reply(call.request, storage, name, shown)

    def routes(self) -> tuple[Route[Any], ...]:
        """The routes of the section."""
        return (
            *(route for route in sections.section("files", FILES) if route.method in READING),
            Route("POST", "files", self.create),
            Route("PATCH", "files", self.update_many),
            Route("PATCH", "files/{id}", self.update_by_keys),
            Route("DELETE", "files/{id}", self.delete),
            Route("PATCH", "files/{id}/revert/{revision}", _revert),
        )

    def open_routes(self) -> tuple[Route[Any], ...]:
        """The routes below `/uploads/<project>`."""
        return (Route("GET", "originals/{name}", self.original),)

    async def _alike(
        self, call: Call, keys: list[str], body: Item, incoming: Incoming | None
    ) -> Reply:
        if incoming is not None:
            raise BatchUpload
        if "filename_disk" in body:
            raise Unprocessable("filename_disk: files are renamed one at a time")
        query = generic.answering(call, FILES)
        written = await call.project.writer.update(
            FILES, keys, body, call.context, generic.options(call)
        )
        return await generic.written_items(call, query, written)

    @asynccontextmanager
    async def _body(self, call: Call) -> AsyncIterator[tuple[Item, Incoming | None]]:
        """The columns that a request gives, and the content if there is one."""
        most = call.project.config.storage.max_upload_size
        if call.body.is_multipart:
            async with self._form(call, most) as found:
                yield found
            return
        body = await call.body.items()
        if isinstance(body, list):
            raise BatchUpload
        if call.body.is_form:
            body = parsed_texts(call.schema.collection(FILES), body)
        _name_plainly(body)
        data = body.pop(DATA, None)
        # An object is the field as it was read.
        if data is None or isinstance(data, dict):
            yield body, None
            return
        async with self._intake.stated(data, most) as incoming:
            yield body, incoming

    @asynccontextmanager
    async def _form(self, call: Call, most: int) -> AsyncIterator[tuple[Item, Incoming | None]]:
        texts: Item = {}
        name: str | None = None
        async with self._intake.room(most) as room:
            async for event in call.body.parts():
                match event:
                    case Text():
                        texts[event.name] = event.value
                    case FileBegins() if name is not None:
                        raise BatchUpload
                    case FileBegins():
                        name = event.filename
                    case bytes():
                        await room.write(event)
            await room.finish()
            data = texts.pop(DATA, None)
            body = parsed_texts(call.schema.collection(FILES), texts)
            _name_plainly(body)
            if name is not None:
                yield body, Incoming(room, name=name)
            elif data:
                async with self._intake.stated(data, most) as incoming:
                    yield body, incoming
            else:
                yield body, None


def _check_able_to_upload(call: Call) -> None:
    """Raises `Forbidden` (10/403) for who may create no files, `Unauthorized` for the public."""
    try:
        check_able(call.actor, call.policy, Action.CREATE, FILES)
    except CreateForbidden as error:
        raise Forbidden("You may not upload files") from error


async def _may_read(call: Call, row: FileRow) -> bool:
    query = call.project.queries.shape(FILES, "fields=id", call.snapshot)
    try:
        await call.project.reader.by_keys(query, [str(row.id)], call.context.for_own_use())
    except ItemNotFound:
        return False
    return True


def _name_plainly(body: Item) -> None:
    """Takes folders out of the name that a client gives. Raises `ValidationFailed`."""
    name = body.get("filename_download")
    if isinstance(name, str) and name:
        body["filename_download"] = naming.shown_name(name)


def _asked(call: Call) -> Asked:
    return Asked(call.project, call.snapshot, call.context, generic.options(call))


async def _revert(call: Call) -> Reply:
    """Writes back the columns of a revision; the content stays."""
    return await generic.revert(call, FILES)
