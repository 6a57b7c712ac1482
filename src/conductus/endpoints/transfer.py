"""Exports and imports. Source: projects page §2."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from conductus.endpoints import generic
from conductus.endpoints.utils import count_public
from conductus.errors import BatchUpload, BodyInvalid, SystemCollection, ValidationFailed
from conductus.files.incoming import Intake
from conductus.files.spool import Spool
from conductus.http.call import Call
from conductus.http.contents import disposition
from conductus.http.envelope import envelope
from conductus.http.parts import FileBegins, Text
from conductus.http.reply import Reply, StreamReply
from conductus.http.routing import Route
from conductus.items.changes import Item
from conductus.openapi.parameters import LIST
from conductus.query import rest
from conductus.tallies.throttle import Throttle
from conductus.transfer.exporting import Sheet, exported
from conductus.transfer.formats import MEDIA, Format, guessed_format, stated_format
from conductus.transfer.importing import Import, Mode, Wanted, check_able_to_import

EXPORTED: Final = frozenset(
    {
        *("directus_activity", "directus_collection_presets", "directus_files"),
        *("directus_folders", "directus_permissions", "directus_revisions", "directus_roles"),
        *("directus_users", "directus_webhooks"),
    }
)
"""Built-in collections whose own endpoints list them as any collection is listed."""
DELIMITERS: Final = (",", ";", "\t")
IMPORTS_AT_ONCE: Final = 2
"""In one worker: each may take a process of its own to unpack, and much of the database."""
_SHEET: Final = ("collection", "format", "delimiter", "bom", "filename")
_IMPORT: Final = ("collection", "format", "mode", "key", "dry_run")
_KNOWN: Final = frozenset({*LIST, *_SHEET})


class Transfers:
    """The endpoints of the section."""

    def __init__(self, asked: Throttle, intake: Intake) -> None:
        self._asked = asked
        self._intake = intake
        self._turns = asyncio.Semaphore(IMPORTS_AT_ONCE)

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("POST", "utils/export", self.export),
            Route("POST", "utils/import", self.take_in),
        )

    async def export(self, call: Call) -> StreamReply:
        """The items of a collection as a file; parameters are those of a list, and more."""
        asked = await _asked(call)
        await count_public(call, self._asked)
        collection = _collection(call, asked, EXPORTED)
        call.check_readable(collection)
        sheet = _sheet(asked)
        params: Item = {"limit": -1, **{name: asked[name] for name in LIST if name in asked}}
        query = rest.parse(collection, params, call.schema, call.limits)
        chunks = await exported(call.project.reader, query, call.context, sheet)
        name = f"{asked.get('filename') or collection}".removesuffix(f".{sheet.format.value}")
        shown = disposition(f"{name}.{sheet.format.value}", None)
        headers = (
            (b"content-type", MEDIA[sheet.format].encode()),
            (b"content-disposition", shown.encode("latin-1")),
        )
        return StreamReply(chunks, headers=headers)

    async def take_in(self, call: Call) -> Reply:
        """Creates and changes items as a file says; all of it or nothing."""
        await count_public(call, self._asked)
        stated: Item = {name: call.params[name] for name in _IMPORT if name in call.params}
        if "collection" in stated:
            # Who may write nothing need not send anything.
            _check_able(call, stated)
        async with self._intake.room(call.project.config.storage.max_upload_size) as room:
            name = await _receive(call, stated, room)
            _check_able(call, stated)
            wanted = _wanted(call, stated, name)
            project, options = call.project, generic.options(call)
            work = Import(project.reader, project.writer, call.context, options, wanted, room.file)
            tried = str(stated.get("dry_run", "")).lower() in ("1", "true")
            async with self._turns:
                outcome = await (work.check() if tried else work.run())
        data = {"created": outcome.created, "updated": outcome.updated}
        return envelope(data, public=call.public)


async def _receive(call: Call, stated: Item, room: Spool) -> str | None:
    """Puts down the file and what the form states beside it; answers the name of the file.

    Raises `BodyInvalid` for a body without a file.
    """
    name: str | None = None
    if not call.body.is_multipart:
        if call.body.is_form:
            raise BodyInvalid("State the type of the file: `Content-Type: text/csv`")
        await _put_down(call, room)
        return None
    async for event in call.body.parts():
        match event:
            case Text(name=field, value=value) if field in _IMPORT:
                stated[field] = value
            case Text(name=field):
                raise ValidationFailed({field[:64]: "There is no such parameter"})
            case FileBegins() if name is not None:
                raise BatchUpload
            case FileBegins(filename=filename):
                name = filename
            case bytes():
                await room.write(event)
    await room.finish()
    if name is None:
        raise BodyInvalid("The form has no file")
    return name


async def _put_down(call: Call, room: Spool) -> None:
    """A body that is the file. One of JSON may have been read for a token already."""
    if call.body.may_hold_parameters:
        await room.write(await call.body.content())
    else:
        async for chunk in call.body.chunks():
            await room.write(chunk)
    await room.finish()
    if not room.size:
        raise BodyInvalid("The body must be the file, or a form with it")


def _check_able(call: Call, stated: Item) -> None:
    collection = call.schema.collection(_collection(call, stated, frozenset()))
    check_able_to_import(call.context, collection, _mode(stated))


def _mode(stated: Item) -> Mode:
    given = stated.get("mode") or Mode.CREATE.value
    found = next((mode for mode in Mode if mode.value == given), None)
    if found is None:
        names = ", ".join(mode.value for mode in Mode)
        raise ValidationFailed({"mode": f"Must be one of {names}"})
    return found


def _wanted(call: Call, stated: Item, name: str | None) -> Wanted:
    mode, key = _mode(stated), stated.get("key") or None
    if key is not None and (mode is Mode.CREATE or not isinstance(key, str)):
        raise ValidationFailed({"key": "Names one field, with the mode update or upsert"})
    sent = call.request.headers.get(b"content-type", b"").decode("latin-1")
    format = stated.get("format")
    return Wanted(
        collection=stated["collection"],
        format=stated_format(format) if format else guessed_format(name, sent),
        mode=mode,
        key=key,
        most_rows=call.project.config.limits.import_rows,
    )


async def _asked(call: Call) -> Item:
    """What the query string and the JSON object in the body ask for, the body before it.

    Raises `ValidationFailed` for a name in the body that means nothing: a filter that is
    spelt wrong must not give everything.
    """
    body = {} if call.body.is_form else await call.body.item_or_empty()
    if call.body.is_form and await call.body.content():
        raise BodyInvalid("The body must be a JSON object")
    strangers = [name for name in body if name not in _KNOWN]
    if strangers:
        raise ValidationFailed({name[:64]: "There is no such parameter" for name in strangers[:10]})
    return {**call.params, **body}


def _collection(call: Call, asked: Item, system: frozenset[str]) -> str:
    """The collection that is stated. Raises `CollectionNotFound`, `SystemCollection`."""
    name = asked.get("collection")
    if not isinstance(name, str) or not name:
        raise ValidationFailed({"collection": "This value is required"})
    if name.startswith("directus_") and name not in system:
        raise SystemCollection(name)
    return call.schema.collection(name).name


def _sheet(asked: Item) -> Sheet:
    delimiter = asked.get("delimiter") or ","
    if delimiter not in DELIMITERS:
        raise ValidationFailed({"delimiter": "Must be a comma, a semicolon or a tab"})
    named = asked.get("filename")
    if named is not None and not isinstance(named, str):
        raise ValidationFailed({"filename": "Must be text"})
    return Sheet(
        format=stated_format(asked.get("format") or Format.JSON.value),
        delimiter=delimiter,
        bom=str(asked.get("bom", "")).lower() in ("1", "true"),
    )
