"""`fields`: paths as text → a `Selection`, wildcards worked out against the schema.

The paths become a tree of names first. Resolving the same part of it for the same
collection twice gives the same value, so `*.*.*.*` over cyclic relations costs a step
for each collection and level, and is measured before anything walks it.
Source: items page §3.1 and §5.4 of the API reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from conductus.errors import FieldNotFound, FieldPathNotFound, Unprocessable
from conductus.query.item_query import Selection
from conductus.query.limits import Limits
from conductus.query.values import entries
from conductus.schema.model import Collection, Schema

TRANSLATION = "translation"
LANGUAGE = "lang"


def parse(value: Any, collection: Collection, schema: Schema, limits: Limits) -> Selection:
    """What `fields` asks for. Not given or empty: every field with a column.

    Raises `FieldNotFound` for an unknown name, `Unprocessable` over a limit.
    """
    names = entries("fields", value)
    if len(names) > limits.max_fields:
        raise Unprocessable(f"More than {limits.max_fields} entries in `fields`")
    wanted, dropped = _Names(False), _Names(False)
    for name in names or ("*",):
        _plant(name, wanted, dropped, collection, limits)
    return _Resolver(schema, limits).resolve(collection, (wanted,), (dropped,)).selection


def check_languages(selection: Selection, collection: Collection, schema: Schema) -> None:
    """Raises `FieldPathNotFound` when translations without a language are asked for."""
    followed = [(selection.field_of(name), below) for name, below in selection.expanded]
    for name in (*selection.fields, *(name for name, _ in followed)):
        relation = schema.one_to_many.get((collection.name, name))
        if relation is None or collection.fields[name].type != TRANSLATION:
            continue
        many = schema.collections[relation.collection_many]
        if not any(field.type == LANGUAGE for field in many.fields.values()):
            raise FieldPathNotFound(LANGUAGE, many.name)
    for name, below in followed:
        check_languages(below, _target(collection, name, schema), schema)


def _target(collection: Collection, name: str, schema: Schema) -> Collection:
    one = schema.many_to_one.get((collection.name, name))
    if one is not None:
        return schema.collections[one.collection_one]
    return schema.collections[schema.one_to_many[collection.name, name].collection_many]


class _Names:
    """A node of the tree of paths; compared by identity."""

    __slots__ = ("below", "lenient")

    def __init__(self, lenient: bool) -> None:
        self.below: dict[str, _Names] = {}
        self.lenient = lenient
        """Reached by a wildcard: not every collection needs to know the names in it."""


def _plant(
    name: str, wanted: _Names, dropped: _Names, collection: Collection, limits: Limits
) -> None:
    if name in collection.fields:
        # Also the adopted column whose name has a dot or begins with a minus.
        wanted.below.setdefault(name, _Names(False))
        return
    here = wanted
    if name[0] == "-":
        here, name = dropped, name[1:]
        if not name:
            return
    path = name.split(".", limits.max_depth)
    if len(path) > limits.max_depth:
        raise Unprocessable(f"`fields` goes deeper than {limits.max_depth} levels")
    for segment in path:
        below = here.below.get(segment)
        if below is None:
            below = here.below[segment] = _Names(here.lenient or segment == "*")
        here = below


class _Resolved(Struct, frozen=True):
    selection: Selection
    expansions: int
    """Relations followed, at every depth."""


_Nodes = tuple[_Names, ...]


class _Resolver:
    def __init__(self, schema: Schema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._known: dict[tuple[str, _Nodes, _Nodes], _Resolved] = {}
        self._steps = 0

    def resolve(self, collection: Collection, wanted: _Nodes, dropped: _Nodes) -> _Resolved:
        """What the nodes ask of a collection, less what is dropped, in schema order."""
        key = (collection.name, wanted, dropped)
        known = self._known.get(key)
        if known is None:
            # Mixed wildcards make many different parts: each is one relation at least.
            self._steps += 1
            self._check(self._steps - 1)
            known = self._known[key] = self._resolve(collection, wanted, dropped)
        return known

    def _resolve(self, collection: Collection, wanted: _Nodes, dropped: _Nodes) -> _Resolved:
        asked, less = _Asked(wanted, collection), _Asked(dropped, collection)
        fields: list[str] = []
        expanded: list[tuple[str, Selection]] = []
        expansions = 0
        onward = collection.fields if asked.of_all or less.of_all else {**asked.paths, **less.paths}
        for name in asked.names(collection, less):
            field = collection.fields[name]
            if name not in onward and field.column is not None:
                fields.append(name)
                continue
            paths, fewer = asked.below(name), less.below(name)
            target = self._find_target(collection.name, name)
            if target is None and name in less.paths:
                continue
            below = self._below(target, paths, fewer)
            if below is not None:
                expanded.append((name, below.selection))
                expansions += 1 + below.expansions
                self._check(expansions)
            elif (
                field.column is not None
                or name in collection.computed
                or (target is not None and name in asked.leaves)
            ):
                fields.append(name)
        return _Resolved(Selection(tuple(fields), tuple(expanded)), expansions)

    def _below(self, target: Collection | None, paths: _Nodes, less: _Nodes) -> _Resolved | None:
        """What to return of the other side; None when the relation is not to be followed."""
        if target is None or not paths:
            return None
        below = self.resolve(target, paths, less)
        if _empty(below.selection) and all(node.lenient for node in paths):
            return None
        return below

    def _find_target(self, collection: str, name: str) -> Collection | None:
        one = self._schema.many_to_one.get((collection, name))
        if one is not None:
            return self._schema.collections[one.collection_one]
        many = self._schema.one_to_many.get((collection, name))
        return None if many is None else self._schema.collections[many.collection_many]

    def _check(self, expansions: int) -> None:
        if expansions > self._limits.max_expansions:
            raise Unprocessable(
                f"`fields` follows more than {self._limits.max_expansions} relations"
            )


def _empty(selection: Selection) -> bool:
    return not selection.fields and not selection.expanded


class _Asked:
    """What nodes say of the fields of one collection, together."""

    __slots__ = ("_star", "_star_leaf", "leaves", "of_all", "paths")

    def __init__(self, nodes: _Nodes, collection: Collection) -> None:
        """Raises `FieldNotFound` for a name that the collection lacks."""
        self.leaves: set[str] = set()
        """Names at the end of a path."""
        self.paths: dict[str, _Nodes] = {}
        """Where paths go on from a name."""
        self.of_all: _Nodes = ()
        """Where paths go on from every name."""
        self._star = self._star_leaf = False
        for node in nodes:
            for name, below in node.below.items():
                self._take(name, below, node, collection)

    def _take(self, name: str, below: _Names, node: _Names, collection: Collection) -> None:
        if name == "*":
            self._star = True
            if below.below:
                self.of_all = (*self.of_all, below)
            else:
                self._star_leaf = True
        elif name not in collection.fields:
            if not node.lenient:
                raise FieldNotFound(name, collection.name)
        elif below.below:
            self.paths[name] = (*self.paths.get(name, ()), below)
        else:
            self.leaves.add(name)

    def names(self, collection: Collection, less: _Asked) -> Iterable[str]:
        """The fields spoken of, in schema order, but those that `less` takes away whole."""
        if less._star_leaf:
            return ()
        if self._star and not less.leaves:
            return collection.fields
        return [name for name in collection.fields if self._has(name) and name not in less.leaves]

    def _has(self, name: str) -> bool:
        return self._star or name in self.leaves or name in self.paths

    def below(self, name: str) -> _Nodes:
        """Where paths go on from the field, named or not."""
        return self.paths.get(name, ()) + self.of_all
