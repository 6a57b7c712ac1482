"""Fields at the root that read: each becomes one query for the project's reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type
from msgspec import Struct, structs

from conductus.errors import Unprocessable
from conductus.graphql.collecting import TYPE_NAME, Collected, Collector
from conductus.graphql.display import Present, presenter
from conductus.graphql.filtering import made
from conductus.graphql.meanings import Root, Shown, meaning
from conductus.graphql.selecting import Selecting, Wanted
from conductus.graphql.sorting import grouping, sorting
from conductus.graphql.world import World
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.items.counting import Counts
from conductus.items.keys import parts_of_text
from conductus.items.reader import Reader
from conductus.query import rest
from conductus.query.filters import Budget
from conductus.query.item_query import (
    ALL,
    NONE,
    Compare,
    Filter,
    ItemQuery,
    Operator,
    every,
)
from conductus.query.limits import Limits
from conductus.query.links import page_meta
from conductus.query.selection import check_languages
from conductus.schema.model import Collection

MOST_ROWS: Final = 10_000
"""Items of a list whose limit is -1. More of them are read page by page, or by REST."""
RECKONED: Final = 1000
"""Items that a list of all of them is reckoned with before it is read."""
_STATEMENT: Final = 10
"""What a field at the root costs besides its items."""
_FUNCTIONS: Final = ("count", "countDistinct", "sum", "avg", "min", "max")
_OF_PAGE: Final = frozenset({"limit", "offset", "page", "page_count"})
Nodes = tuple[FieldNode, ...]
Show = Callable[[list[Item], Counts], Any]


class Reading(Struct, frozen=True, kw_only=True):
    """A field at the root that reads."""

    key: str
    nodes: Nodes
    query: ItemQuery
    show: Show
    cost: int
    one: str | None = None
    """The key of the item, where one is asked for."""

    async def answer(self, reader: Reader, context: Context) -> Any:
        """What is answered. Raises what the reader raises."""
        if self.one is not None:
            page = await reader.by_keys(self.query, [self.one], context)
        else:
            page = await reader.read(self.query, context)
        items = page.items if isinstance(page.items, list) else [page.items]
        if self.query.limit is not None and len(items) > MOST_ROWS:
            raise Unprocessable(
                f"There are more than {MOST_ROWS} items: ask for them page by page",
                details={"limit": MOST_ROWS},
            )
        return self.show(items, page.counts)


class Readings:
    """Makes readings of the fields of one operation."""

    def __init__(self, collector: Collector, world: World, limits: Limits) -> None:
        self._collector = collector
        self._world = world
        self._limits = limits

    def listing(self, field: GraphQLField, root: Root, asked: Collected) -> Reading:
        """A list with what is said about it."""
        collection = self._world.schema.collections[root.collection]
        given = self._collector.arguments(field, asked)
        budget = Budget(self._limits)
        selecting = Selecting(self._collector, self._world, budget)
        wanted = Wanted(collection)
        wrapper: Any = get_named_type(field.type)
        parts = [
            self._part(wanted, wrapper, each, selecting, "limit" in given)
            for each in self._collector.below(wrapper, asked.nodes)
        ]
        query = self.query(collection, given, wanted, budget)
        query = structs.replace(query, meta=_meta(parts))
        if query.limit is None:
            query = structs.replace(query, limit=MOST_ROWS + 1)
        elif given.get("single"):
            query = structs.replace(query, limit=min(query.limit, 1))
        if not any(isinstance(part, _Data) or "result_count" in part.asks for part in parts):
            query = structs.replace(query, limit=0)
        rows = RECKONED if query.limit is None or query.limit > MOST_ROWS else query.limit
        return Reading(
            key=asked.key,
            nodes=asked.nodes,
            query=query,
            show=_Parts(query, tuple(parts)),
            cost=_STATEMENT + rows * wanted.cost(),
        )

    def by_id(self, field: GraphQLField, root: Root, asked: Collected) -> Reading:
        """One item by its key."""
        given = self._collector.arguments(field, asked)
        wanted, present = self.items(root.collection, field, asked)
        query = self.shape(wanted, given)
        return Reading(
            key=asked.key,
            nodes=asked.nodes,
            query=query,
            show=lambda items, _: present(items)[0],
            cost=_STATEMENT + wanted.cost(),
            one=given["id"],
        )

    def items(
        self, collection: str, field: GraphQLField, asked: Collected
    ) -> tuple[Wanted, Present]:
        """What is asked of items that a field answers without anything around them."""
        wanted = Wanted(self._world.schema.collections[collection])
        type: Any = get_named_type(field.type)
        selecting = Selecting(self._collector, self._world, Budget(self._limits))
        below = self._collector.below(type, asked.nodes)
        return wanted, presenter(selecting.entries(wanted, type, below))

    def shape(self, wanted: Wanted, given: Mapping[str, Any]) -> ItemQuery:
        """What is to be returned of items that are known by key."""
        params = {name: given[name] for name in ("lang", "status") if given.get(name)}
        schema, name = self._world.schema, wanted.collection.name
        query = rest.parse_shape(name, params, schema, self._limits)
        selection = wanted.selection()
        if query.languages is not None:
            check_languages(selection, wanted.collection, schema)
        return structs.replace(query, selection=selection, deep=tuple(wanted.deep().items()))

    def aggregated(self, field: GraphQLField, root: Root, asked: Collected) -> Reading:
        """Figures over groups of items."""
        collection = self._world.schema.collections[root.collection]
        given = self._collector.arguments(field, asked)
        type: Any = get_named_type(field.type)
        below = self._collector.below(type, asked.nodes)
        figures = tuple(self._figure(type, each) for each in below)
        functions: dict[str, list[str]] = {}
        for figure in figures:
            for function, name in figure.asks:
                functions.setdefault(function, []).append(name)
        groups = grouping(given.get("groupBy"), collection, self._world)
        params = {"aggregate": functions or {"count": ["*"]}, "groups": groups}
        query = self.query(collection, given, Wanted(collection), Budget(self._limits), params)
        if query.limit is None:
            query = structs.replace(query, limit=MOST_ROWS + 1)
        names = self._world.fields(collection)
        return Reading(
            key=asked.key,
            nodes=asked.nodes,
            query=query,
            show=_Figures(figures, tuple((names[name], name) for name in query.groups)),
            cost=_STATEMENT + RECKONED,
        )

    # -- parts ------------------------------------------------------------------------

    def query(
        self,
        collection: Collection,
        given: Mapping[str, Any],
        wanted: Wanted,
        budget: Budget,
        more: Mapping[str, Any] | None = None,
    ) -> ItemQuery:
        """The query of a list, whatever its arguments."""
        schema = self._world.schema
        named = ("limit", "offset", "page", "q", "status", "lang")
        params = {name: given[name] for name in named if given.get(name) is not None}
        params["sort"] = sorting(given.get("sort"), collection, self._world)
        query = rest.parse(collection.name, {**params, **(more or {})}, schema, self._limits)
        selection = wanted.selection()
        if query.languages is not None:
            check_languages(selection, collection, schema)
        asked = given.get("filter")
        filter = every(
            ALL if asked is None else made(asked, collection, schema, budget),
            ALL if given.get("id") is None else _keyed(collection, str(given["id"])),
        )
        return structs.replace(
            query,
            selection=selection,
            filter=None if filter == ALL else filter,
            deep=tuple(wanted.deep().items()),
        )

    def _part(
        self,
        wanted: Wanted,
        wrapper: GraphQLObjectType,
        asked: Collected,
        selecting: Selecting,
        limited: bool,
    ) -> _Part:
        if asked.name == TYPE_NAME:
            return _Named(asked.key, wrapper.name)
        type: Any = get_named_type(wrapper.fields[asked.name].type)
        below = self._collector.below(type, asked.nodes)
        if asked.name == "data":
            return _Data(asked.key, presenter(selecting.entries(wanted, type, below)))
        entries = tuple((each.key, each.name) for each in below)
        return _Meta(asked.key, entries, frozenset(name for _, name in entries), limited)

    def _figure(self, type: GraphQLObjectType, asked: Collected) -> _Figure:
        if asked.name not in _FUNCTIONS:
            name = type.name if asked.name == TYPE_NAME else ""
            total = (("count", "*"),) if asked.name == "countAll" else ()
            return _Figure(asked.key, asked.name, name, (), total)
        inner: Any = get_named_type(type.fields[asked.name].type)
        found = tuple(
            (each.key, None if each.name == TYPE_NAME else meaning(inner.fields[each.name]))
            for each in self._collector.below(inner, asked.nodes)
        )
        asks = tuple((asked.name, shown.field) for _, shown in found if shown is not None)
        return _Figure(asked.key, asked.name, inner.name, found, asks)


# -- what is shown ----------------------------------------------------------------------


class _Named(Struct, frozen=True):
    key: str
    type: str
    asks: frozenset[str] = frozenset()


class _Data(Struct, frozen=True):
    key: str
    present: Present
    asks: frozenset[str] = frozenset()


class _Meta(Struct, frozen=True):
    key: str
    entries: tuple[tuple[str, str], ...]
    asks: frozenset[str]
    limited: bool
    """The document names a limit."""


_Part = _Named | _Data | _Meta


class _Parts(Struct, frozen=True):
    """Shows a list with what is said about it."""

    query: ItemQuery
    parts: tuple[_Part, ...]

    def __call__(self, items: list[Item], counts: Counts) -> Item:
        return {part.key: self._shown(part, items, counts) for part in self.parts}

    def _shown(self, part: _Part, items: list[Item], counts: Counts) -> Any:
        match part:
            case _Named():
                return part.type
            case _Data():
                return part.present(items)
            case _Meta():
                found = self._figures(part, len(items), counts)
                return {key: found[name] for key, name in part.entries}

    def _figures(self, part: _Meta, result: int, counts: Counts) -> Item:
        query = self.query
        found = {
            TYPE_NAME: "Metadata",
            "collection": query.collection,
            "type": "collection",
            "result_count": result,
            "total_count": counts.total,
            "filter_count": counts.matching,
            "status_count": counts.by_status,
        }
        if part.asks & _OF_PAGE:
            # Where no limit is named, or none at all, the items of the answer are a page.
            bounded = part.limited and query.limit is not None and query.limit <= MOST_ROWS
            found |= page_meta(
                "",
                "",
                query.limit if bounded else None,
                query.offset,
                query.page,
                counts.matching or 0,
                result,
            )
        return found


class _Figure(Struct, frozen=True):
    key: str
    name: str
    type: str
    fields: tuple[tuple[str, Shown | None], ...]
    asks: tuple[tuple[str, str], ...]

    def shown(self, item: Item) -> Item:
        """The figures of one function."""
        found = item.get(self.name, {})
        return {
            key: self.type if shown is None else _converted(shown, found[shown.field])
            for key, shown in self.fields
        }


class _Figures(Struct, frozen=True):
    """Shows figures over groups."""

    figures: tuple[_Figure, ...]
    groups: tuple[tuple[str, str], ...]

    def __call__(self, items: list[Item], _: Counts) -> list[Item]:
        return [{each.key: self._shown(each, item) for each in self.figures} for item in items]

    def _shown(self, figure: _Figure, item: Item) -> Any:
        match figure.name:
            case "group":
                return {spelled: item[name] for spelled, name in self.groups}
            case "countAll":
                counted = item["count"]
                return counted["*"] if isinstance(counted, dict) else counted
            case name if name == TYPE_NAME:
                return figure.type
            case _:
                return figure.shown(item)


def _converted(shown: Shown, value: Any) -> Any:
    return value if value is None or shown.convert is None else shown.convert(value)


def _meta(parts: list[_Part]) -> frozenset[str] | None:
    """The figures that cost a statement or a look at the query."""
    asked = frozenset[str]().union(*(part.asks for part in parts))
    found = asked & {"total_count", "filter_count"}
    if "status_count" in asked:
        found |= {"status"}
    if asked & _OF_PAGE:
        found |= {"filter_count"}
    return found or None


def _keyed(collection: Collection, text: str) -> Filter:
    parts = parts_of_text(text, collection)
    if len(parts) != len(collection.primary_key):
        return NONE
    named = zip(collection.primary_key, parts, strict=True)
    return every(*(Compare((name,), Operator.EQ, part) for name, part in named))
