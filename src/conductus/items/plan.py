"""From a query to levels: one statement per collection level, whatever the number of rows.

Many-to-one expansions are joined into their parent's statement, each to-many expansion is
a level of its own, keyed by the parents' keys. Pure.
Source: items page §3 and §5.4.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from conductus.database.dialect import Dialect
from conductus.errors import FieldPathNotFound
from conductus.items.computing import Filling
from conductus.items.context import Context
from conductus.items.keys import parts_of_text
from conductus.items.levels import Child, Level, Node, Planned
from conductus.items.predicate import ALWAYS, Predicate, Resolver, Test, combine
from conductus.items.searching import escaped, numberlike, searchable, words
from conductus.permissions.reading import unsearched
from conductus.permissions.scope import Sight
from conductus.permissions.veils import Veil, veils
from conductus.query.item_query import (
    ALL,
    ALL_STATUSES,
    Compare,
    Deep,
    ItemQuery,
    Operator,
    Selection,
    SortKey,
    Statuses,
    every,
)
from conductus.query.paths import step
from conductus.schema.model import Collection, Field, Relation

MOST_JOINS = 24
"""Many-to-one expansions beyond this number are loaded as levels of their own."""
EVERY_ROW = 2**62
"""The limit of a page that has an offset and no limit."""
FAR = 200
"""So many rows before a page, and no fewer than it has, are cheaper skipped by themselves."""


class Planner:
    """Plans one query. Not shared between requests."""

    def __init__(self, query: ItemQuery, context: Context, dialect: Dialect) -> None:
        self.schema = context.schema
        self._query = query
        self._context = context
        self.dialect = dialect
        self.computing = context.computing
        self._deep = dict(query.deep)
        self._resolvers: list[Resolver] = []
        self.sight = Sight(context.policy, context.schema)

    def listing(self) -> Planned:
        """The level of a list: filter, search, statuses, order and page."""
        collection = self.schema.collection(self._query.collection)
        resolver = self.resolver()
        where = self.matching(resolver, collection)
        values = resolver.values
        paged = self._query.limit is not None or self._query.offset > 0
        if paged:
            limit = EVERY_ROW if self._query.limit is None else self._query.limit
            values["limit"], values["offset"] = limit, self._query.offset
        far = self._query.offset >= max(FAR, values.get("limit", 0))
        shape = Level((), where, self._query.sort, paged=paged, far=far)
        return self._level(collection, self._query.selection, resolver, shape)

    def matching(self, resolver: Resolver, collection: Collection) -> Predicate:
        """What rows of a list fulfil."""
        return combine(
            "all",
            [
                self.filtered(resolver, collection),
                self.shown(resolver, collection, self._query.statuses),
            ],
        )

    def shown(self, resolver: Resolver, collection: Collection, wanted: Statuses) -> Predicate:
        """The rows of the base that may be seen in the wanted statuses."""
        asked = ALL if self._query.filter is None else self._query.filter
        return resolver.shown(collection, wanted, asked)

    def filtered(self, resolver: Resolver, collection: Collection) -> Predicate:
        """Filter and search, without statuses."""
        query = self._query
        wanted = words(query.search, split=self._context.split_words)
        return combine(
            "all",
            [
                ALWAYS if query.filter is None else resolver.resolve(query.filter, collection),
                *(self._search(word, resolver, collection) for word in wanted),
            ],
        )

    def by_keys(self, *, many: bool) -> Planned:
        """The level of reads by key; the slots of the keys are filled for each run.

        The slot is `keys`: one value, or with `many` a list; `key0`, `key1`, … when the key
        is composite.
        """
        collection = self.schema.collection(self._query.collection)
        resolver = self.resolver()
        listed = many and not composite(collection)
        operator = Operator.IN if listed else Operator.EQ
        keyed: list[Predicate] = [
            Test((name,), operator, slot) for name, slot in key_slots(collection)
        ]
        shown = resolver.shown(collection, _with_default(self._query.statuses, collection))
        where = combine("all", [*keyed, shown])
        return self._level(
            collection, self._query.selection, resolver, Level((), where), keyed=True
        )

    def composite_slots(self, key: str) -> dict[str, Any] | None:
        """The slots of one composite key; None when no item can have it."""
        collection = self.schema.collection(self._query.collection)
        parts = parts_of_text(key, collection)
        if len(parts) != len(collection.primary_key):
            return None
        resolver = self.resolver()
        found: dict[str, Any] = {}
        for part, (name, slot) in zip(parts, key_slots(collection), strict=True):
            values = resolver.keys(collection.field(name), [part])
            if not values:
                return None
            found[slot] = values[0]
        return found

    @property
    def timed(self) -> bool:
        """True when the plan holds values that hang on the time at which it was made."""
        return any(resolver.timed for resolver in self._resolvers)

    def resolver(self) -> Resolver:
        """What turns filters into predicates, and collects the values of one statement."""
        resolver = Resolver(self.sight, self.dialect, self._context.now)
        self._resolvers.append(resolver)
        return resolver

    def _search(self, word: str, resolver: Resolver, collection: Collection) -> Predicate:
        """The word stands in a searchable column, or in one of a directly related item."""
        slot = resolver.slot(f"%{escaped(word)}%")
        but = unsearched(self.sight, collection)
        names = searchable(collection, word, numeric=numberlike(word), but=but)
        related = [
            name
            for name, field in collection.fields.items()
            if name not in but
            and (reached := step(self.schema, collection, name)).target is not None
            and (reached.to_many or field.type == "m2o")
            and self.sight.reads(reached.target)
        ]
        return combine(
            "any",
            [
                resolver.searched(name, slot, word, collection)
                for name in dict.fromkeys([*names, *related])
            ],
        )

    def _level(
        self,
        collection: Collection,
        selection: Selection,
        resolver: Resolver,
        shape: Level,
        *,
        keyed: bool = False,
        path: tuple[str, ...] = (),
    ) -> Planned:
        """The nodes of a level of that shape, and what hangs below them."""
        builder = _LevelBuilder(self, resolver, path)
        builder.add(collection, selection, (), ALWAYS, keyed=keyed)
        level = structs.replace(
            shape,
            nodes=tuple(builder.nodes),
            sort=shape.sort or default_sort(collection),
            nulls_last=self._context.nulls_last,
        )
        return Planned(
            level,
            resolver.values,
            tuple(builder.children),
            tuple(builder.veils),
            tuple(builder.fillings),
        )

    def to_many(self, relation: Relation, selection: Selection, path: tuple[str, ...]) -> Planned:
        """The level of an expanded to-many relation."""
        collection = self.schema.collections[relation.collection_many]
        resolver = self.resolver()
        deep = self._deep.get(path, Deep())
        where = combine(
            "all",
            [
                ALWAYS if deep.filter is None else resolver.resolve(deep.filter, collection),
                resolver.shown(collection),
                self._in_languages(resolver, relation, collection),
            ],
        )
        per_parent = deep.limit is not None or deep.offset > 0
        if per_parent:
            limit = EVERY_ROW if deep.limit is None else deep.limit
            resolver.values["first"] = deep.offset + 1
            resolver.values["last"] = deep.offset + limit
        shape = Level((), where, deep.sort, grouped_by=relation.field_many, per_parent=per_parent)
        return self._level(collection, selection, resolver, shape, path=path)

    def to_one(
        self, collection: Collection, selection: Selection, path: tuple[str, ...]
    ) -> Planned:
        """The level of a many-to-one expansion that is not joined."""
        resolver = self.resolver()
        where = resolver.shown(collection)
        shape = Level((), where, grouped_by=collection.primary_key[0])
        return self._level(collection, selection, resolver, shape, path=path)

    def _in_languages(
        self, resolver: Resolver, relation: Relation, collection: Collection
    ) -> Predicate:
        languages = self._query.languages
        one = self.schema.collections[relation.collection_one]
        alias = one.fields.get(relation.field_one or "")
        if languages is None or alias is None or alias.type != "translation":
            return ALWAYS
        field = _language_field(collection).name
        spoken = Compare((field,), Operator.IN, languages)
        shown = self.sight.showing(collection, field)
        return resolver.rule(every(spoken, shown), collection)


class _LevelBuilder:
    """Collects the nodes and children of one level, walking the selection."""

    def __init__(self, planner: Planner, resolver: Resolver, path: tuple[str, ...]) -> None:
        self._planner = planner
        self._resolver = resolver
        self._path = path
        self.nodes: list[Node] = []
        self.children: list[Child] = []
        self.veils: list[tuple[int, Veil]] = []
        self.fillings: list[Filling] = []

    def add(
        self,
        collection: Collection,
        selection: Selection,
        hops: tuple[str, ...],
        visible: Predicate,
        *,
        keyed: bool = True,
    ) -> None:
        """The node of a collection, its joined nodes and the children of each."""
        index = len(self.nodes)
        self.nodes.append(Node(hops, collection.name, ()))
        schema = self._planner.schema
        columns: list[str] = []
        hidden: list[str] = list(collection.primary_key) if keyed else []
        key = collection.primary_key[0] if len(collection.primary_key) == 1 else None
        for name in selection.fields:
            if collection.fields[name].column is not None:
                columns.append(name)
            elif name in collection.computed:
                hidden += self._computed(index, collection, name)
            elif key is not None and (collection.name, name) in schema.one_to_many:
                hidden.append(key)
                relation = schema.one_to_many[(collection.name, name)]
                keys = Selection(schema.collections[relation.collection_many].primary_key)
                self._many(index, relation, name, key, keys, hops, bare=True)
        for name, wanted in selection.expanded:
            field = selection.field_of(name)
            reached = step(schema, collection, field)
            if reached.target is None:
                continue
            if reached.to_many and key is not None:
                hidden.append(key)
                relation = schema.one_to_many[(collection.name, field)]
                self._many(index, relation, name, key, wanted, hops, bare=False)
            elif not reached.to_many and len(self.nodes) <= MOST_JOINS:
                shown = self._resolver.shown(reached.target)
                self.add(reached.target, wanted, (*hops, name), shown)
            elif not reached.to_many:
                hidden.append(name)
                planned = self._planner.to_one(reached.target, wanted, (*self._path, *hops, name))
                self.children.append(Child(index, name, name, planned, many=False))
        for veil in self._veils(collection, selection):
            hidden += veil.columns
            self.veils.append((index, veil))
        self.nodes[index] = Node(
            path=hops,
            collection=collection.name,
            fields=(*columns, *selection.keyed),
            hidden=tuple(dict.fromkeys(hidden)),
            keyed=tuple((name, self._key_of(collection, name)) for name in selection.keyed),
            visible=visible,
        )

    def _computed(self, index: int, collection: Collection, name: str) -> tuple[str, ...]:
        """The columns that a computed field is made of; none when nobody computes it."""
        compute = self._planner.computing.get((collection.name, name))
        if compute is None:
            return ()
        columns = collection.computed[name]
        self.fillings.append(Filling(index, name, columns, compute))
        return columns

    def _veils(self, collection: Collection, selection: Selection) -> tuple[Veil, ...]:
        names = (
            *selection.fields,
            *selection.keyed,
            *(name for name, _ in selection.expanded),
        )
        return veils(self._planner.sight, collection, names, dict(selection.renamed))

    def _key_of(self, collection: Collection, name: str) -> str:
        """The name of the key that a many-to-one field holds."""
        relation = self._planner.schema.many_to_one[(collection.name, name)]
        return self._planner.schema.collections[relation.collection_one].primary_key[0]

    def _many(
        self,
        index: int,
        relation: Relation,
        name: str,
        key: str,
        wanted: Selection,
        hops: tuple[str, ...],
        *,
        bare: bool,
    ) -> None:
        planned = self._planner.to_many(relation, wanted, (*self._path, *hops, name))
        self.children.append(Child(index, name, key, planned, bare=bare))


def _language_field(collection: Collection) -> Field:
    for field in collection.fields.values():
        if field.type == "lang":
            return field
    raise FieldPathNotFound("lang", collection.name)


def default_sort(collection: Collection) -> tuple[SortKey, ...]:
    """By the sort field when there is one; the key is always added by the statement."""
    return (SortKey(collection.sort_field),) if collection.sort_field else ()


def composite(collection: Collection) -> bool:
    """True when the key has more than one column."""
    return len(collection.primary_key) > 1


def key_slots(collection: Collection) -> list[tuple[str, str]]:
    """Key columns with the slots of their values."""
    if not composite(collection):
        return [(name, "keys") for name in collection.primary_key]
    return [(name, f"key{place}") for place, name in enumerate(collection.primary_key)]


def _with_default(wanted: Statuses, collection: Collection) -> Statuses:
    """Reads by id show the default statuses and those asked for besides."""
    if wanted is None or wanted == ALL_STATUSES:
        return wanted
    shown = tuple(str(s.value) for s in collection.statuses if not s.soft_delete)
    return (*shown, *wanted)
