"""Settings of a project. Source: system collections page, `directus_settings`."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from conductus.endpoints import generic, objects, sections
from conductus.endpoints.listing import listing
from conductus.errors import ReadForbidden, Unauthorized, Unprocessable
from conductus.http.call import Call
from conductus.http.envelope import envelope, nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.items.keys import find_key_in_body, key_of_text, text_of_key
from conductus.items.reader import Page
from conductus.items.rows import Item
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.schema_changes.objects import field_object
from conductus.projects.setting_values import shown, stored
from conductus.query.item_query import ItemQuery, Selection

SETTINGS = "directus_settings"
FILES = "directus_files"


async def read_many(call: Call) -> Reply:
    """The settings that match."""
    call.check_readable(SETTINGS)
    query = call.item_query(SETTINGS)
    page = await call.project.reader.read(_with_key(query), call.context)
    return await _typed(call, query, page)


async def read_by_keys(call: Call) -> Reply:
    """One setting, or several whose ids are separated by commas."""
    return await _typed_by_ids(call, _ids(call))


async def read_catalogue(call: Call) -> Reply:
    """Which keys there are, with their types and interfaces."""
    call.check_readable(SETTINGS)
    found = [field_object(field) for field in call.snapshot.settings_fields.values()]
    return objects.listed(call, objects.page(call, objects.ordered(call, found)), "directus_fields")


async def create(call: Call) -> Reply:
    """Adds one setting, or all of a list."""
    body = await call.body.items()
    bodies = body if isinstance(body, list) else [body]
    query = generic.answering(call, SETTINGS)
    rows = [_stored(call, each, str(each.get("key"))) for each in bodies]
    written = await call.project.writer.create(SETTINGS, rows, call.context, generic.options(call))
    page = await _written(call, query, [one.key for one in written], one=isinstance(body, dict))
    return nothing(public=call.public) if page is None else await _typed(call, query, page)


async def update_by_keys(call: Call) -> Reply:
    """Changes one setting, or several in the same way; echoes the value that was given."""
    body = await call.body.item()
    collection = call.schema.collection(SETTINGS)
    named = [key_of_text(id, collection, call.context.now) for id in _ids(call)]
    query = generic.answering(call, SETTINGS)
    ids = await _write(call, [{**body, "id": id} for (id,) in named])
    page = await _written(call, query, ids, one=len(ids) == 1)
    if page is None:
        return nothing(public=call.public)
    for item in page.items if isinstance(page.items, list) else [page.items]:
        if "value" in item and "value" in body:
            item["value"] = body["value"]
    return await _answer(call, query, page)


async def update_many(call: Call) -> Reply:
    """Changes each setting of a list that names its id; answers values as they are stored."""
    body = await call.body.items()
    if not isinstance(body, list):
        raise Unprocessable("A list of settings with their ids is needed")
    query = generic.answering(call, SETTINGS)
    page = await _written(call, query, await _write(call, body), one=False)
    return nothing(public=call.public) if page is None else await _answer(call, query, page)


# -- writing ------------------------------------------------------------------------


async def _write(call: Call, bodies: list[Item]) -> list[str]:
    """Changes settings by their ids, each value in the form of its key; answers the ids."""
    collection = call.schema.collection(SETTINGS)
    named = [find_key_in_body(each, collection) for each in bodies]
    if None in named:
        raise Unprocessable("id: every setting needs its id")
    ids = [text_of_key(key, collection) for key in named if key is not None]
    keys = await _keys(call, ids)
    rows = [
        _stored(call, each, str(each.get("key") or keys.get(id)))
        for id, each in zip(ids, bodies, strict=True)
    ]
    await call.project.writer.update(SETTINGS, None, rows, call.context, generic.options(call))
    return ids


async def _keys(call: Call, ids: list[str]) -> dict[str, str]:
    """Id → key, whatever of the settings the asker may read: nothing is told of them."""
    query = call.project.queries.shape(SETTINGS, "fields=id,key", call.snapshot)
    context = structs.replace(call.context.for_own_use(), actor=SYSTEM, policy=ADMINISTRATOR)
    found = await call.project.reader.in_order(query, list(dict.fromkeys(ids)), context)
    return {str(item["id"]): item["key"] for item in found}


def _stored(call: Call, body: Item, key: str) -> Item:
    if "value" not in body:
        return body
    return {**body, "value": stored(body["value"], key, call.snapshot.settings_fields.get(key))}


# -- answers ------------------------------------------------------------------------


async def _typed_by_ids(call: Call, ids: list[str]) -> Reply:
    query = call.shape_query(SETTINGS)
    page = await call.project.reader.by_keys(_with_key(query), ids, call.context)
    return await _typed(call, query, page)


async def _written(call: Call, query: ItemQuery, ids: list[str], *, one: bool) -> Page | None:
    """The settings that were just written; None where they may not be read."""
    reader = call.project.reader
    try:
        found = await reader.in_order(_with_key(query), ids, call.context)
        counts = await reader.counted(query, call.context)
    except (ReadForbidden, Unauthorized):
        return None
    if one and not found:
        return None
    return Page(items=found[0] if one else found, counts=counts)


async def _typed(call: Call, query: ItemQuery, page: Page) -> Reply:
    """The settings with values in their types, files as objects."""
    items = page.items if isinstance(page.items, list) else [page.items]
    catalogue = call.snapshot.settings_fields
    fields = [catalogue.get(str(item.get("key"))) for item in items]
    ids = [
        str(item["value"])
        for item, field in zip(items, fields, strict=True)
        if field is not None and field.type == "file" and item.get("value")
    ]
    files = await _files(call, ids)
    for item, field in zip(items, fields, strict=True):
        if "value" not in item:
            continue
        if field is not None and field.type == "file":
            item["value"] = files.get(str(item["value"]))
        else:
            item["value"] = shown(item["value"], field)
    return await _answer(call, query, page)


async def _files(call: Call, ids: list[str]) -> dict[str, Item]:
    """The files of these ids that the asker may read, and know by their ids."""
    if not ids:
        return {}
    query = call.project.queries.shape(FILES, "fields=*", call.snapshot)
    try:
        found = await call.project.reader.in_order(query, list(dict.fromkeys(ids)), call.context)
    except (ReadForbidden, Unauthorized):
        return {}
    return {str(file["id"]): file for file in found if "id" in file}


async def _answer(call: Call, query: ItemQuery, page: Page) -> Reply:
    one = isinstance(page.items, dict)
    items: list[Any] = [page.items] if isinstance(page.items, dict) else page.items
    if "key" not in query.selection.fields and not (query.groups or query.aggregates):
        for item in items:
            item.pop("key", None)
    kind = "item" if one else "collection"
    meta = generic.meta_of(call, query, len(items), page.counts, kind)
    return envelope(items[0] if one else items, public=call.public, meta=meta)


def _with_key(query: ItemQuery) -> ItemQuery:
    """The query with the key of each setting, which says how its value is shown."""
    if "key" in query.selection.fields or query.groups or query.aggregates:
        return query
    fields = ("key", *query.selection.fields)
    return structs.replace(query, selection=Selection(fields, query.selection.expanded))


def _ids(call: Call) -> list[str]:
    return generic.keys_of(call.raw("id"), call.schema.collection(SETTINGS), call.limits.max_ids)


ROUTES: tuple[Route[Any], ...] = (
    *listing("settings", read_many),
    Route("POST", "settings", create),
    Route("PATCH", "settings", update_many),
    Route("GET", "settings/fields", read_catalogue),
    Route("GET", "settings/{id}", read_by_keys),
    Route("PATCH", "settings/{id}", update_by_keys),
    *sections.rest_of_section("settings", SETTINGS),
)
