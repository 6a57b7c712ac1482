"""Narrows a query to what its actor may see. Pure; nothing later asks "may he?".

Fields that may not be read are left out of what is returned, relations degrade with a
warning, and nothing that is kept back decides about an answer: not by a filter, an order,
a group or a figure. Which rows are seen is `scope.Sight`'s to say, where a statement enters
a collection. Source: permissions page §4.1, §6.1, §6.3 and §6.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct, structs

from conductus.errors import (
    CollectionNotFound,
    FieldUnreadable,
    ReadForbidden,
    Unauthorized,
)
from conductus.permissions.actor import Actor
from conductus.permissions.history import REVISIONS
from conductus.permissions.scope import USERS, Sight
from conductus.permissions.veils import PRIVATE, SNAPSHOTS
from conductus.query.item_query import (
    ALL,
    Compare,
    Deep,
    Filter,
    ItemQuery,
    Operator,
    Selection,
    SortKey,
    compares,
    every,
)
from conductus.query.paths import step
from conductus.query.selection import LANGUAGE, TRANSLATION
from conductus.schema.model import Collection
from conductus.schema.secrets import secret, withheld

RESTRICTED: Final = 18
"""Code of the warning that a relation may not be read."""
PATTERNS: Final = frozenset(
    {Operator.CONTAINS, Operator.NCONTAINS, Operator.RLIKE, Operator.NRLIKE}
)
_FILTERED: Final = frozenset({"last_access_on", "last_page"})
"""Private fields of users that say who is where: clients must be able to ask for them."""


class Narrowed(Struct, frozen=True):
    """A query as its actor may ask it, and what has to be said about that."""

    query: ItemQuery
    strips: bool = False
    """Items of which nothing is left are not shown."""
    messages: tuple[dict[str, Any], ...] = ()


def check_readable(collection: Collection, sight: Sight, actor: Actor) -> None:
    """Raises `Unauthorized` (3/401) for the public, `ReadForbidden` (300/403) for others.

    Asked before a query is parsed too: who may not read learns of no field. A table that
    is not managed is not there for others than administrators.
    """
    if sight.reads(collection):
        return
    if not collection.managed:
        raise CollectionNotFound(collection.name)
    raise Unauthorized() if actor.public else ReadForbidden(collection.name)


def narrow(query: ItemQuery, sight: Sight, actor: Actor) -> Narrowed:
    """The query without what the actor may not see.

    Raises as `check_readable`, and `FieldUnreadable` (215/403) where something that is kept
    back would decide about the answer.
    """
    collection = sight.schema.collection(query.collection)
    check_readable(collection, sight, actor)
    judge = _Judge(sight, collection)
    judge.compared(query.filter)
    judge.ordered(query.sort)
    judge.told(query.groups)
    judge.told(each.field for each in query.aggregates if each.field != "*")
    if isinstance(query.statuses, tuple) and collection.status_field is not None:
        judge.told((collection.status_field,))
    selection, kept_back = _seen(query.selection, collection, sight)
    if query.languages is not None:
        _check_spoken(selection, collection, sight)
    deep = tuple(
        (path, _deep(path, each, _reached(path, query.selection, collection, sight), sight))
        for path, each in query.deep
    )
    narrowed = structs.replace(
        query,
        selection=selection,
        filter=judge.narrowed(query.filter),
        deep=deep,
        meta=_meta(query.meta, collection, sight),
    )
    return Narrowed(
        narrowed,
        strips=query.selection != Selection() and sight.strips(collection),
        messages=tuple(_warning(name) for name in kept_back),
    )


class _Judge:
    """Judges what decides about the rows of one collection in one list."""

    def __init__(self, sight: Sight, collection: Collection) -> None:
        self._sight = sight
        self._collection = collection
        self._shown: dict[Filter, None] = {}
        """Where fields that are kept back in some rows can be seen."""

    def compared(self, filter: Filter | None) -> None:
        """The conditions of a filter."""
        for leaf in compares(ALL if filter is None else filter):
            self._path(leaf)

    def ordered(self, keys: Iterable[SortKey]) -> None:
        """What the rows are sorted by."""
        self.told(key.field for key in keys if key.field is not None)

    def told(self, names: Iterable[str]) -> None:
        """Fields whose values can be told from the answer."""
        for name in names:
            self._field(self._collection, name, filtered=False)

    def narrowed(self, filter: Filter | None) -> Filter | None:
        """The filter, and only those rows in which all that was asked for can be seen."""
        if not self._shown:
            return filter
        return every(ALL if filter is None else filter, *self._shown)

    def _path(self, leaf: Compare) -> None:
        here = self._collection
        for place, name in enumerate(leaf.path, 1):
            self._field(here, name, filtered=True)
            taken = step(self._sight.schema, here, name)
            if taken.target is None:
                return
            enters = place < len(leaf.path) or taken.to_many or leaf.operator in PATTERNS
            if enters and not self._sight.reads(taken.target):
                raise FieldUnreadable(name, here.name)
            here = taken.target

    def _field(self, collection: Collection, name: str, *, filtered: bool) -> None:
        if _unaskable(self._sight, collection, name, filtered=filtered):
            raise FieldUnreadable(name, collection.name)
        shown = self._sight.showing(collection, name)
        if shown != ALL and collection is self._collection:
            self._shown[shown] = None


def unsearched(sight: Sight, collection: Collection) -> frozenset[str]:
    """The fields in which no text is looked for, whatever the row."""
    return frozenset(
        name for name in collection.fields if _unaskable(sight, collection, name, filtered=False)
    )


def _unaskable(sight: Sight, collection: Collection, name: str, *, filtered: bool) -> bool:
    """Whether the value of a field may not decide about an answer in any row."""
    if secret(collection.fields[name]):
        return True
    if sight.unbounded:
        return False
    if collection.name == USERS and name in PRIVATE and not (filtered and name in _FILTERED):
        return True
    if collection.name == REVISIONS and name in SNAPSHOTS:
        return True
    return name in sight.hidden(collection)


def _reached(
    path: tuple[str, ...], selection: Selection, collection: Collection, sight: Sight
) -> Collection:
    """The collection that an expanded path leads to."""
    for name in path:
        taken = step(sight.schema, collection, selection.field_of(name))
        collection = taken.target or collection
        selection = dict(selection.expanded).get(name, Selection())
    return collection


def _deep(path: tuple[str, ...], deep: Deep, here: Collection, sight: Sight) -> Deep:
    """How an expanded list is narrowed, by what may decide about it alone."""
    if not (deep.filter or deep.sort):
        return deep
    if not sight.reads(here):
        raise FieldUnreadable(path[-1], here.name)
    judge = _Judge(sight, here)
    judge.compared(deep.filter)
    judge.ordered(deep.sort)
    return structs.replace(deep, filter=judge.narrowed(deep.filter))


def _check_spoken(selection: Selection, collection: Collection, sight: Sight) -> None:
    """Raises `FieldUnreadable` where a language that is kept back would decide about a list."""
    expanded = dict(selection.expanded)
    for name in (*selection.fields, *expanded):
        taken = step(sight.schema, collection, selection.field_of(name))
        if taken.target is None:
            continue
        if taken.field.type == TRANSLATION:
            hidden = sight.hidden(taken.target)
            for field in taken.target.fields.values():
                if field.type == LANGUAGE and field.name in hidden:
                    raise FieldUnreadable(field.name, taken.target.name)
        if name in expanded:
            _check_spoken(expanded[name], taken.target, sight)


def _meta(
    meta: frozenset[str] | None, collection: Collection, sight: Sight
) -> frozenset[str] | None:
    """The figures asked for; none by a status that may not be seen."""
    field = collection.status_field
    if meta is None or field is None or field not in sight.hidden(collection):
        return meta
    return meta - {"status"}


def _seen(
    selection: Selection, collection: Collection, sight: Sight
) -> tuple[Selection, list[str]]:
    """What of the selection may be seen, and which of its relations may not be read."""
    hidden = withheld(collection.name) | sight.hidden(collection)
    fields: list[str] = []
    expanded: list[tuple[str, Selection]] = []
    keyed: list[str] = []
    kept_back: list[str] = []
    for name in selection.fields:
        taken = step(sight.schema, collection, name)
        if name in hidden:
            continue
        if taken.to_many and taken.target is not None and not sight.reads(taken.target):
            kept_back.append(name)
        else:
            fields.append(name)
    for name, wanted in selection.expanded:
        field = selection.field_of(name)
        taken = step(sight.schema, collection, field)
        if field in hidden or taken.target is None:
            continue
        if sight.reads(taken.target):
            expanded.append((name, _seen(wanted, taken.target, sight)[0]))
            continue
        kept_back.append(name)
        if not taken.to_many:
            keyed.append(name)
    seen = Selection(tuple(fields), tuple(expanded), tuple(keyed), selection.renamed)
    return seen, kept_back


def _warning(name: str) -> dict[str, Any]:
    return {
        "type": "warning",
        "code": RESTRICTED,
        "message": f"The items that {name!r} relates to may not be read",
        "fields": [name],
    }
