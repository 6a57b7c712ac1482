"""Reading and writing any collection: what the sections of the reference have in common."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

from conductus.errors import ItemNotFound, ReadForbidden, Unauthorized, Unprocessable
from conductus.http.call import Call, decoded
from conductus.http.envelope import envelope, nothing, streamed
from conductus.http.reply import Reply, StreamReply
from conductus.items.counting import Counts
from conductus.items.prepared import STREAM_SIZE
from conductus.items.reader import Page
from conductus.items.rows import Item
from conductus.items.texts import parsed_texts
from conductus.items.writer import WriteOptions
from conductus.items.written import Written
from conductus.permissions.scope import USERS
from conductus.permissions.writing import Action, check_able, check_able_to_change
from conductus.query.item_query import ItemQuery
from conductus.schema.model import Collection

_USUAL: Final = WriteOptions()


async def read_many(call: Call, collection: str) -> Reply | StreamReply:
    """The items that match; a list without bounds is streamed."""
    call.check_readable(collection)
    return await answer(call, call.item_query(collection))


async def answer(call: Call, query: ItemQuery) -> Reply | StreamReply:
    """What a query of a list gives."""
    if _endless(query):
        return await _read_streamed(call, query)
    return await answer_whole(call, query)


async def answer_whole(call: Call, query: ItemQuery) -> Reply:
    """What a query gives that has bounds."""
    page = await call.project.reader.read(query, call.context)
    return _page(call, query, page)


async def read_by_keys(call: Call, collection: str) -> Reply:
    """One item, or several whose ids are separated by commas."""
    keys = keys_of(call.raw("id"), call.schema.collection(collection), call.limits.max_ids)
    _check_readable_by(keys, call, collection)
    query = call.shape_query(collection)
    page = await call.project.reader.by_keys(query, keys, call.context)
    return _page(call, query, page)


async def create(call: Call, collection: str) -> Reply:
    """Creates one item, or all of a list; answers them as they are read."""
    body = await _body(call, collection)
    check_able(call.actor, call.policy, Action.CREATE, collection)
    query = answering(call, collection)
    bodies = body if isinstance(body, list) else [body]
    written = await call.project.writer.create(collection, bodies, call.context, options(call))
    if isinstance(body, list):
        return await written_items(call, query, written)
    return await written_one(call, query, written[0])


async def update_many(call: Call, collection: str) -> Reply:
    """Changes each item of a list that names its key."""
    body = await _body(call, collection)
    _check_able_to_change(call, collection, body)
    query = answering(call, collection)
    written = await call.project.writer.update(collection, None, body, call.context, options(call))
    return await written_items(call, query, written)


async def update_by_keys(call: Call, collection: str) -> Reply:
    """Changes one item, or several in the same way."""
    body = await _body(call, collection)
    _check_able_to_change(call, collection, body)
    query = answering(call, collection)
    keys = keys_of(call.raw("id"), call.schema.collection(collection), call.limits.max_ids)
    written = await call.project.writer.update(collection, keys, body, call.context, options(call))
    if len(keys) > 1:
        return await written_items(call, query, written)
    return await written_one(call, query, written[0])


async def delete(call: Call, collection: str) -> Reply:
    """Removes items for good."""
    keys = keys_of(call.raw("id"), call.schema.collection(collection), call.limits.max_ids)
    await call.project.writer.delete(collection, keys, call.context, options(call))
    return nothing(public=call.public)


async def revert(call: Call, collection: str) -> Reply:
    """Writes back what a revision of the item holds."""
    check_able_to_change(call.actor, call.policy, call.schema.collection(collection))
    query = answering(call, collection)
    (key,) = keys_of(call.raw("id"), call.schema.collection(collection), 1)
    written = await call.project.writer.revert(
        collection, key, call.text("revision"), call.context, options(call)
    )
    return await written_one(call, query, written)


def _check_readable_by(keys: list[str], call: Call, collection: str) -> None:
    """One item that may not be read looks as if it were not there.

    Nobody is asked to sign in for an item or a user, but for what the server itself keeps.
    """
    try:
        call.check_readable(collection)
    except (ReadForbidden, Unauthorized):
        kept = collection.startswith("directus_") and collection != USERS
        if len(keys) == 1 and not (call.public and kept):
            raise ItemNotFound(collection, keys[0]) from None
        raise


def answering(call: Call, collection: str) -> ItemQuery:
    """What a write is to answer of its items; what is wrong with that is raised before it."""
    query = call.shape_query(collection)
    call.project.reader.check(query, call.context)
    return query


def options(call: Call) -> WriteOptions:
    """What the query string says about the history of a write."""
    if not call.request.query:
        return _USUAL
    comment = call.params.get("comment")
    return WriteOptions(
        comment=comment if isinstance(comment, str) and comment else None,
        skip_activity=call.flag("activity_skip"),
    )


async def _body(call: Call, collection: str) -> Item | list[Item]:
    """What is to be written."""
    body = await call.body.items()
    if call.body.is_form and isinstance(body, dict):
        return parsed_texts(call.schema.collection(collection), body)
    return body


def _check_able_to_change(call: Call, collection: str, body: Item | list[Item]) -> None:
    """Who may change nothing does not learn which fields there are."""
    bodies = body if isinstance(body, list) else [body]
    check_able_to_change(call.actor, call.policy, call.schema.collection(collection), bodies)


async def written_items(call: Call, query: ItemQuery, written: list[Written]) -> Reply:
    """The items as the actor may read them; nothing where none of the collection may be."""
    try:
        found = await call.project.reader.written(query, written, call.context)
        counts = await call.project.reader.counted(query, call.context)
    except (ReadForbidden, Unauthorized):
        return nothing(public=call.public)
    meta = meta_of(call, query, len(found), counts, "collection")
    messages = call.project.reader.warnings(query, call.context)
    return envelope(found, public=call.public, meta=meta, messages=messages)


async def written_one(call: Call, query: ItemQuery, written: Written) -> Reply:
    """The item as the actor may read it, or nothing."""
    try:
        found = await call.project.reader.written(query, [written], call.context)
    except (ReadForbidden, Unauthorized):
        found = []
    if not found:
        return nothing(public=call.public)
    messages = call.project.reader.warnings(query, call.context)
    return _page(call, query, Page(items=found[0], messages=messages))


def keys_of(raw: str, collection: Collection, most: int) -> list[str]:
    """The keys that a segment of the path names.

    Commas part them; inside a composite key they are percent-encoded.
    """
    if len(collection.primary_key) > 1:
        keys = [decoded(part) for part in raw.split(",")]
    else:
        keys = decoded(raw).split(",")
    if len(keys) > most:
        raise Unprocessable(f"More than {most} ids in one request", details={"limit": most})
    return keys


def meta_of(call: Call, query: ItemQuery, result: int, counts: Counts, kind: str) -> Item | None:
    """The `meta` object; None when it was not asked for. Source: items page §3.7."""
    if query.meta is None:
        return None
    meta: dict[str, Any] = {}
    if "collection" in query.meta:
        meta["collection"] = query.collection
    if "type" in query.meta:
        meta["type"] = kind
    if kind == "item":
        return meta
    if "result_count" in query.meta:
        meta["result_count"] = result
    if "total_count" in query.meta:
        meta["total_count"] = counts.total
    if "filter_count" in query.meta:
        meta["filter_count"] = counts.matching
    if "status" in query.meta and counts.by_status is not None:
        meta["status_count"] = counts.by_status
    if "page" in query.meta:
        meta |= call.links(query, counts.matching or 0, result)
    return meta


def _page(call: Call, query: ItemQuery, page: Page) -> Reply:
    one = isinstance(page.items, dict)
    meta = meta_of(call, query, len(page.items), page.counts, "item" if one else "collection")
    return envelope(page.items, public=call.public, meta=meta, messages=page.messages)


def _endless(query: ItemQuery) -> bool:
    unbounded = query.limit is None or query.limit > STREAM_SIZE
    return unbounded and not (query.single or query.groups or query.aggregates)


async def _read_streamed(call: Call, query: ItemQuery) -> Reply | StreamReply:
    """Sends the first batch as a whole response when it is all there is."""
    counts = await call.project.reader.counted(query, call.context)
    messages = call.project.reader.warnings(query, call.context)
    batches = _batches(call, query)
    none: list[Item] = []
    first = await anext(batches, none)
    if len(first) < STREAM_SIZE:
        await batches.aclose()
        return _page(call, query, Page(items=first, counts=counts, messages=messages))
    return streamed(
        _with_first(first, batches),
        public=call.public,
        meta=lambda count: meta_of(call, query, count, counts, "collection"),
        messages=messages,
    )


async def _batches(call: Call, query: ItemQuery) -> AsyncGenerator[list[Item], None]:
    async with call.project.reader.stream(query, call.context) as batches:
        async for batch in batches:
            yield batch


async def _with_first(
    first: list[Item], rest: AsyncGenerator[list[Item], None]
) -> AsyncGenerator[list[Item], None]:
    try:
        yield first
        async for batch in rest:
            yield batch
    finally:
        await rest.aclose()
