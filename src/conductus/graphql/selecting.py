"""What a document asks of items → a `Selection`, how lists in it are narrowed, and how the
answer looks.

One relation may be followed several times: to one item it is followed once, for all that is
asked of it; to many items once for each way in which the list is narrowed.
"""

from __future__ import annotations

from typing import Any, Final

from graphql import GraphQLField, GraphQLObjectType, get_named_type
from msgspec import structs

from conductus.graphql.collecting import TYPE_NAME, Collected, Collector
from conductus.graphql.display import Constant, Entry, Inner, Value
from conductus.graphql.filtering import made
from conductus.graphql.meanings import Shown, meaning
from conductus.graphql.sorting import sorting
from conductus.graphql.world import World
from conductus.query import rest
from conductus.query.filters import Budget
from conductus.query.item_query import Deep, Selection
from conductus.schema.model import Collection

EXPECTED: Final = 10
"""Related items that are reckoned with for each item, where a list has no limit."""
_WHOLE: Final = Deep()
Path = tuple[str, ...]


class Wanted:
    """What is wanted of the items of one collection; grows while a document is read."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._fields: set[str] = set()
        self._ones: dict[str, Wanted] = {}
        self._manys: dict[str, tuple[str, Deep, Wanted]] = {}
        """By the name under which the reader answers: field, narrowing, what of the items."""

    def add(self, field: str) -> None:
        """A value."""
        self._fields.add(field)

    def one(self, field: str, target: Collection) -> Wanted:
        """The item that a field leads to."""
        return self._ones.setdefault(field, Wanted(target))

    def many(self, field: str, deep: Deep, target: Collection) -> tuple[str, Wanted]:
        """The items that a field leads to, and the name under which they are answered."""
        # By their text: as values, 1 and true would be the same.
        text = repr(deep)
        for name, (known, narrowed, wanted) in self._manys.items():
            if known == field and repr(narrowed) == text:
                return name, wanted
        name, place = field, 1
        while name in self._manys or (place > 1 and name in self.collection.fields):
            place += 1
            name = f"{field}#{place}"
        wanted = Wanted(target)
        self._manys[name] = field, deep, wanted
        return name, wanted

    def selection(self) -> Selection:
        """It as the reader is asked for it, in schema order."""
        order = self.collection.fields
        ones = [(name, self._ones[name]) for name in order if name in self._ones]
        manys = [(name, wanted) for name, (_, _, wanted) in self._manys.items()]
        return Selection(
            fields=tuple(name for name in order if name in self._fields),
            expanded=tuple((name, wanted.selection()) for name, wanted in [*ones, *manys]),
            renamed=tuple(
                (name, field) for name, (field, _, _) in self._manys.items() if name != field
            ),
        )

    def deep(self, path: Path = ()) -> dict[Path, Deep]:
        """How the lists in it are narrowed."""
        found: dict[Path, Deep] = {}
        for name, wanted in self._ones.items():
            found |= wanted.deep((*path, name))
        for name, (_, deep, wanted) in self._manys.items():
            if deep != _WHOLE:
                found[*path, name] = deep
            found |= wanted.deep((*path, name))
        return found

    def cost(self) -> int:
        """Items that are read for one item, itself included."""
        lists = (
            (EXPECTED if deep.limit is None else deep.limit) * wanted.cost()
            for _, deep, wanted in self._manys.values()
        )
        return 1 + sum(wanted.cost() for wanted in self._ones.values()) + sum(lists)


class Selecting:
    """Reads what one field at the root asks of items."""

    def __init__(self, collector: Collector, world: World, budget: Budget) -> None:
        self._collector = collector
        self._world = world
        self._budget = budget

    def entries(
        self, wanted: Wanted, type: GraphQLObjectType, asked: tuple[Collected, ...]
    ) -> tuple[Entry, ...]:
        """How items look in the answer; adds to what is wanted of them."""
        return tuple(self._entry(wanted, type, each) for each in asked)

    def _entry(self, wanted: Wanted, type: GraphQLObjectType, asked: Collected) -> Entry:
        if asked.name == TYPE_NAME:
            return Constant(asked.key, type.name)
        field = type.fields[asked.name]
        found: Shown = meaning(field)
        if found.target is None:
            wanted.add(found.field)
            if found.part is not None:
                return self._part(field, found.part, asked)
            return Value(asked.key, found.field, found.convert)
        target = self._world.schema.collections[found.target]
        inner: Any = get_named_type(field.type)
        below = self._collector.below(inner, asked.nodes)
        if not found.many:
            one = wanted.one(found.field, target)
            return Inner(asked.key, found.field, False, self.entries(one, inner, below))
        deep = self._deep(field, asked, target)
        name, many = wanted.many(found.field, deep, target)
        return Inner(asked.key, name, True, self.entries(many, inner, below))

    def _deep(self, field: GraphQLField, asked: Collected, target: Collection) -> Deep:
        """How a list of related items is narrowed."""
        given = self._collector.arguments(field, asked)
        options: dict[str, Any] = {
            name: given[name] for name in ("limit", "offset") if name in given
        }
        options["sort"] = sorting(given.get("sort"), target, self._world)
        narrowed = rest.narrowing(asked.key, options, target, self._world.schema, self._budget)
        if given.get("filter") is None:
            return narrowed
        filter = made(given["filter"], target, self._world.schema, self._budget)
        return structs.replace(narrowed, filter=filter)

    def _part(self, field: GraphQLField, part: str, asked: Collected) -> Entry:
        """A part of what a file's field `data` holds."""
        type = get_named_type(field.type)
        if not isinstance(type, GraphQLObjectType):
            return Value(asked.key, "data", lambda data: data.get(part))
        entries = self._plain(type, self._collector.below(type, asked.nodes))
        return Value(asked.key, "data", _Listed(part, entries))

    def _plain(
        self, type: GraphQLObjectType, asked: tuple[Collected, ...]
    ) -> tuple[tuple[str, str | None, str], ...]:
        return tuple(
            (each.key, None if each.name == TYPE_NAME else each.name, type.name) for each in asked
        )


class _Listed:
    """Shows the objects of a list that is a part of a value."""

    def __init__(self, part: str, entries: tuple[tuple[str, str | None, str], ...]) -> None:
        self._part = part
        self._entries = entries

    def __call__(self, data: dict[str, Any]) -> Any:
        listed = data.get(self._part)
        return listed and [
            {key: type if name is None else each[name] for key, name, type in self._entries}
            for each in listed
        ]
