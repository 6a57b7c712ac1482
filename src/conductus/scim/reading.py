"""Reads users and groups: one by its id, a page of a list. Source: SCIM page §2 to §4."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from conductus.errors import FieldUnreadable
from conductus.items.reader import Page
from conductus.items.rows import Item
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.provisioned import user_key
from conductus.query.item_query import (
    ALL,
    Aggregate,
    Compare,
    Filter,
    ItemQuery,
    Operator,
    Selection,
    Some,
    SortKey,
    Statuses,
    every,
)
from conductus.scim import cursors
from conductus.scim.asking import Asked
from conductus.scim.attributes import (
    EXTERNAL_SORTED,
    SORTED,
    Kind,
    group_terms,
    user_terms,
)
from conductus.scim.desk import Desk
from conductus.scim.refusals import Refused, ResourceNotFound
from conductus.scim.resources import (
    COLLECTIONS,
    NO_TIMES,
    Resource,
    Times,
    resource,
    selection,
)
from conductus.scim.terms import Terms
from conductus.scim.widened import NAMES, USERS

if TYPE_CHECKING:
    from scim2_models.path import FilterNode

_COUNTED: Final = frozenset({"filter_count"})
_ACTIVITY: Final = "directus_activity"
_CHANGES: Final = ("create", "update", "soft-delete", "revert")


class Found(Struct, frozen=True, kw_only=True):
    """A page of one kind."""

    resources: list[Resource]
    total: int
    """Of all pages."""
    next: str | None = None
    """The cursor of the next page; None where there is none, or none was asked for."""


async def grammar() -> Any:
    """The module that reads filters and paths, imported where it holds nobody up."""
    return await asyncio.to_thread(import_module, "conductus.scim.grammar")


async def parsed(text: str | None) -> FilterNode | None:
    """A filter, read. Raises `Refused`."""
    if text is None:
        return None
    return await asyncio.to_thread(_parsed, text)


def _parsed(text: str) -> FilterNode:
    from conductus.scim import grammar

    return grammar.parsed(text)


async def row(desk: Desk, kind: Kind, id: str, *, members: bool = True) -> Item:
    """The row of the resource with that id. Raises `ResourceNotFound`."""
    named = Compare(("external_id",), Operator.SAME, id)
    found = await rows(desk, kind, named, members=members, limit=1)
    if not found:
        raise ResourceNotFound(kind, id)
    return found[0]


async def rows(
    desk: Desk,
    kind: Kind,
    chosen: Filter,
    *,
    members: bool = False,
    limit: int | None = None,
    statuses: Statuses = None,
) -> list[Item]:
    """The rows of resources that are so."""
    query = ItemQuery(
        collection=COLLECTIONS[kind],
        selection=selection(kind, desk.shape.mode, members=members),
        filter=chosen,
        limit=limit,
        statuses=statuses,
    )
    return await _read(desk, query)


async def shown(desk: Desk, kind: Kind, found: Item) -> Resource:
    """A row as a resource."""
    (made,) = await shown_all(desk, kind, [found])
    return made


async def shown_all(desk: Desk, kind: Kind, found: list[Item]) -> list[Resource]:
    """Rows as resources."""
    times = await _times(desk, kind, found) if desk.strict else {}
    return [
        resource(kind, each, desk.shape, times.get(str(each["id"]), NO_TIMES)) for each in found
    ]


async def listed(desk: Desk, kind: Kind, asked: Asked, others: Iterable[Kind] = ()) -> Found:
    """A page. Attributes of `others` hold for none. Raises `Refused`."""
    node = await parsed(asked.filter)
    chosen = ALL if node is None else await conditions(desk, kind, node, others)
    sort = order(desk, kind, asked, others)
    query = ItemQuery(
        collection=COLLECTIONS[kind],
        selection=selection(kind, desk.shape.mode, members=asked.projection.wants("members")),
        filter=chosen,
        sort=sort,
        limit=asked.count,
        offset=asked.start - 1,
        meta=_COUNTED,
    )
    try:
        if asked.cursor is None:
            page = await desk.project.reader.read(query, desk.sight)
            resources = await shown_all(desk, kind, _items(page))
            return Found(resources=resources, total=page.counts.matching or 0)
        return await _following(desk, kind, asked, query)
    except FieldUnreadable:
        raise Refused("invalidFilter", "No attribute of that name to filter or sort by") from None


async def own(desk: Desk) -> Item:
    """The row of whoever asks. Raises `ResourceNotFound`."""
    user = desk.context.actor.user
    found = await rows(desk, "User", Compare(("id",), Operator.EQ, user), limit=1)
    if not found:
        raise ResourceNotFound("User", "Me")
    return found[0]


async def listed_all(desk: Desk, kinds: Sequence[Kind], asked: Asked) -> Found:
    """A page over several kinds, one after the other. Raises `Refused`."""
    resources: list[Resource] = []
    total, start = 0, asked.start
    for kind in kinds:
        others = [other for other in kinds if other != kind]
        count = asked.count - len(resources)
        part = structs.replace(asked, start=start, count=count)
        found = await listed(desk, kind, part, others)
        resources += found.resources
        total += found.total
        start = max(1, start - found.total)
    return Found(resources=resources, total=total)


async def conditions(
    desk: Desk, kind: Kind, node: FilterNode, others: Iterable[Kind] = ()
) -> Filter:
    """A filter on resources as conditions on rows. Raises `Refused`."""
    read = await grammar()
    terms = await _terms(desk, kind, read.user_names(node))
    elsewhere = [await _terms(desk, other, ()) for other in others]

    def knows(name: str) -> bool:
        return any(name in each for each in elsewhere)

    found: Filter = read.conditions(node, kind, desk.shape.mode, terms, knows)
    return found


async def called(desk: Desk, name: str) -> list[Item]:
    """The users of that name, those that were deleted too."""
    terms = await _terms(desk, "User", (name,))
    chosen = terms["username"].compared("eq", name)
    return await rows(desk, "User", chosen, statuses="*")


def order(desk: Desk, kind: Kind, asked: Asked, others: Iterable[Kind] = ()) -> tuple[SortKey, ...]:
    """What a list is sorted by. Raises `Refused` (`invalidPath`)."""
    if asked.sort_by is None:
        return ()
    name = asked.sort_by.lower().rpartition(":")[2]
    columns = SORTED[kind]
    column = columns.get(name)
    if column is None and name == EXTERNAL_SORTED[0] and not desk.strict:
        column = EXTERNAL_SORTED[1]
    if column is not None:
        return (SortKey(column, asked.descending),)
    if any(name in SORTED[other] for other in others):
        return ()
    raise Refused("invalidPath", f"{asked.sort_by} is no attribute to sort by")


async def _terms(desk: Desk, kind: Kind, user_names: Iterable[str]) -> Terms:
    if kind == "Group":
        return group_terms(desk.shape.mode)
    known = await _known(desk, {user_key(name) for name in user_names}) if desk.strict else {}
    return user_terms(desk.shape.mode, known)


async def _known(desk: Desk, keys: set[str]) -> Mapping[str, int]:
    """Who has names of their own among those that are asked for."""
    wanted = {key for key in keys if "\0" not in key}
    if not wanted:
        return {}
    query = ItemQuery(
        collection=USERS,
        selection=Selection(("id",), ((NAMES, Selection(("user_key",))),)),
        filter=Some(NAMES, Compare(("user_key",), Operator.IN, tuple(sorted(wanted)))),
        limit=None,
        statuses="*",
    )
    named = await _read(desk, query)
    found = {str(each[NAMES][0]["user_key"]): int(each["id"]) for each in named}
    # Not every database tells apart what differs by accents.
    return {key: id for key, id in found.items() if key in wanted}


async def _following(desk: Desk, kind: Kind, asked: Asked, query: ItemQuery) -> Found:
    """A page that begins where another ended."""
    mark = cursors.mark_of(kind, asked)
    counts = await desk.project.reader.counted(query, desk.sight)
    total = counts.matching or 0
    if asked.count == 0:
        return Found(resources=[], total=total)
    chosen = query.filter or ALL
    if asked.cursor:
        cursor = cursors.read(asked.cursor, mark)
        after = cursors.after(cursor, query.sort, nulls_last=desk.sight.nulls_last)
        chosen = every(chosen, after)
    more = structs.replace(query, filter=chosen, limit=asked.count + 1, offset=0, meta=None)
    found = await _read(desk, more)
    kept = found[: asked.count]
    last = len(found) == len(kept)
    following = None if last else cursors.written(cursors.at(kept[-1], query.sort, mark))
    return Found(resources=await shown_all(desk, kind, kept), total=total, next=following)


async def _times(desk: Desk, kind: Kind, found: list[Item]) -> dict[str, Times]:
    """When rows were made and changed, as far as history tells."""
    if not found:
        return {}
    query = ItemQuery(
        collection=_ACTIVITY,
        selection=Selection(),
        filter=every(
            Compare(("collection",), Operator.EQ, COLLECTIONS[kind]),
            Compare(("item",), Operator.IN, tuple(str(each["id"]) for each in found)),
            Compare(("action",), Operator.IN, _CHANGES),
        ),
        limit=None,
        groups=("item", "action"),
        aggregates=(Aggregate("min", "action_on"), Aggregate("max", "action_on")),
    )
    # Of those who are shown, their history tells nothing more.
    context = structs.replace(desk.context, policy=ADMINISTRATOR)
    page = await desk.project.reader.read(query, context)
    times: dict[str, Times] = {}
    for each in _items(page):
        before = times.get(each["item"], NO_TIMES)
        first, last = each["min"]["action_on"], each["max"]["action_on"]
        created = first if each["action"] == "create" else before.created
        times[each["item"]] = Times(created, max(last, before.changed or last))
    return times


async def _read(desk: Desk, query: ItemQuery) -> list[Item]:
    return _items(await desk.project.reader.read(query, desk.sight))


def _items(page: Page) -> list[Item]:
    return page.items if isinstance(page.items, list) else [page.items]
