"""Revisions: how items looked after each change. Source: items page §7."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from conductus.endpoints import generic
from conductus.endpoints.listing import listing
from conductus.errors import ItemNotFound
from conductus.http.call import Call
from conductus.http.reply import Reply, StreamReply
from conductus.http.routing import Route
from conductus.query.item_query import Compare, Group, ItemQuery, Operator, SortKey

REVISIONS = "directus_revisions"


async def read_many(call: Call) -> Reply | StreamReply:
    """All revisions that match."""
    return await generic.read_many(call, REVISIONS)


async def read_by_keys(call: Call) -> Reply:
    """One revision, or several."""
    return await generic.read_by_keys(call, REVISIONS)


async def of_item(call: Call, collection: str) -> Reply | StreamReply:
    """The revisions of one item of a collection; none for an item that is not there."""
    query = _of_item(call.item_query(REVISIONS), collection, call.text("id"))
    return await generic.answer(call, query)


async def at_offset(call: Call, collection: str) -> Reply:
    """The revision so many places from the oldest one of the item."""
    offset = call.text("offset")
    # `int` also takes signs, underscores and foreign digits.
    if not (offset.isascii() and offset.isdigit()) or len(offset) > 15:
        raise ItemNotFound(REVISIONS, offset)
    query = structs.replace(
        _of_item(call.shape_query(REVISIONS), collection, call.text("id")),
        sort=(SortKey("id"),),
        offset=int(offset),
        limit=1,
        single=True,
    )
    try:
        return await generic.answer_whole(call, query)
    except ItemNotFound:
        raise ItemNotFound(REVISIONS, offset) from None


def _of_item(query: ItemQuery, collection: str, item: str) -> ItemQuery:
    of_item = (
        Compare(("collection",), Operator.EQ, collection),
        Compare(("item",), Operator.EQ, item),
    )
    asked = () if query.filter is None else (query.filter,)
    return structs.replace(query, filter=Group("all", (*of_item, *asked)))


ROUTES: tuple[Route[Any], ...] = (
    *listing("revisions", read_many),
    Route("GET", "revisions/{id}", read_by_keys),
)
