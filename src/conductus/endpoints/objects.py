"""Answers made of objects that are in memory: collections and fields of the snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conductus.errors import FieldNotFound, Unauthorized
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.query.item_query import ALL_META
from conductus.query.values import entries, find_whole

Object = dict[str, Any]


def only_administrators(call: Call) -> None:
    """Raises `Unauthorized` (3/401): the schema is theirs to change."""
    if not call.actor.administrator:
        raise Unauthorized


def check(call: Call, example: Object, collection: str) -> None:
    """Raises what is wrong with what is asked of such objects, before anything is changed."""
    one(call, example, collection)


def listed(call: Call, found: list[Object], collection: str) -> Reply:
    """A list, with what is asked of each and the `meta` that is asked for."""
    data = [_selected(call, each, collection) for each in found]
    return envelope(data, public=call.public, meta=_meta(call, collection, len(found)))


def one(call: Call, found: Object, collection: str) -> Reply:
    """One object."""
    data = _selected(call, found, collection)
    return envelope(data, public=call.public, meta=_meta(call, collection, None))


def ordered(call: Call, found: list[Object]) -> list[Object]:
    """Sorted by `sort`, nulls last; in the order of the schema without it."""
    for key in reversed(entries("sort", call.params.get("sort"))):
        name = key.removeprefix("-")
        if found and name not in found[0]:
            raise FieldNotFound(name, "directus_fields")
        missing = [each for each in found if each[name] is None]
        there = [each for each in found if each[name] is not None]
        there.sort(key=lambda each: _sortable(each[name]), reverse=key.startswith("-"))
        found = there + missing
    return found


def page(call: Call, found: list[Object]) -> list[Object]:
    """The first of them, as far as `limit` says."""
    limit = find_whole("limit", call.params.get("limit"), -1)
    return found if limit is None or limit < 0 else found[:limit]


def _sortable(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool | int | float):
        return 0, value
    return 1, str(value)


def _selected(call: Call, found: Object, collection: str) -> Object:
    """The keys that `fields` asks for; of a path only the first segment counts."""
    asked = entries("fields", call.params.get("fields"))
    wanted = [name.partition(".")[0] for name in asked if not name.startswith("-")]
    dropped = {name.removeprefix("-") for name in asked if name.startswith("-")}
    for name in (*wanted, *dropped - {""}):
        if name != "*" and name not in found:
            raise FieldNotFound(name, collection)
    if not asked or "*" in wanted:
        wanted = list(found)
    return {name: found[name] for name in wanted if name not in dropped}


def _meta(call: Call, collection: str, count: int | None) -> Object | None:
    """`meta` of objects that are never paged; `count` is None for one object."""
    if "meta" not in call.params:
        return None
    asked = set(entries("meta", call.params["meta"]))
    asked |= ALL_META if "*" in asked else set()
    meta: Object = {}
    if "collection" in asked:
        meta["collection"] = collection
    if "type" in asked:
        meta["type"] = "item" if count is None else "collection"
    if count is not None:
        meta |= dict.fromkeys(_counts(asked), count)
    return meta


def _counts(asked: Iterable[str]) -> list[str]:
    return [key for key in ("result_count", "total_count", "filter_count") if key in set(asked)]
