"""Narrows a query to what its actor may see. Pure; nothing later asks "may he?".

For now the administrator may read everything and everyone else nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from conductus.errors import FieldUnreadable, ReadForbidden, Unauthorized
from conductus.permissions.actor import Actor
from conductus.query.item_query import ItemQuery, Selection, paths
from conductus.query.paths import step, walk
from conductus.schema.model import Collection, Schema
from conductus.schema.secrets import secret, withheld


def narrow(query: ItemQuery, schema: Schema, actor: Actor) -> ItemQuery:
    """The query without what the actor may not see.

    Raises `Unauthorized` (3/401) for the public, `ReadForbidden` (300/403) for others,
    `FieldUnreadable` (215/403) where a secret would decide about the answer.
    """
    check_readable(query.collection, actor)
    collection = schema.collection(query.collection)
    _refuse_secrets(query, schema, collection)
    selection = _without_withheld(query.selection, schema, collection)
    return query if selection is query.selection else structs.replace(query, selection=selection)


def check_readable(collection: str, actor: Actor) -> None:
    """Raises `Unauthorized` (3/401) for the public, `ReadForbidden` (300/403) for others.

    Asked before a query is parsed too: who may not read learns of no field.
    """
    if not actor.administrator:
        raise Unauthorized() if actor.public else ReadForbidden(collection)


def _refuse_secrets(query: ItemQuery, schema: Schema, collection: Collection) -> None:
    """No one learns a secret by asking what sorts before it."""
    for path in _asked(query):
        for taken in walk(schema, collection, path):
            if secret(taken.field):
                raise FieldUnreadable(taken.field.name, taken.field.collection)
    for hops, deep in query.deep:
        here = collection
        for name in hops:
            here = step(schema, here, name).target or here
        inner = [(key.field,) for key in deep.sort if key.field is not None]
        for path in [*inner, *(paths(deep.filter) if deep.filter is not None else ())]:
            for taken in walk(schema, here, path):
                if secret(taken.field):
                    raise FieldUnreadable(taken.field.name, taken.field.collection)


def _asked(query: ItemQuery) -> Iterable[tuple[str, ...]]:
    if query.filter is not None:
        yield from paths(query.filter)
    for key in query.sort:
        if key.field is not None:
            yield (key.field,)
    for name in query.groups:
        yield (name,)
    for aggregate in query.aggregates:
        if aggregate.field != "*":
            yield (aggregate.field,)


def _without_withheld(selection: Selection, schema: Schema, collection: Collection) -> Selection:
    """The selection without fields that are in no answer; the same value when there are none."""
    hidden = withheld(collection.name)
    fields = tuple(name for name in selection.fields if name not in hidden)
    expanded = []
    for name, wanted in selection.expanded:
        target = step(schema, collection, name).target
        inner = wanted if target is None else _without_withheld(wanted, schema, target)
        expanded.append((name, inner))
    same = len(fields) == len(selection.fields) and all(
        new is old for (_, new), (_, old) in zip(expanded, selection.expanded, strict=True)
    )
    return selection if same else Selection(fields, tuple(expanded))
