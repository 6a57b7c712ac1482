"""From lines of the journal to what somebody is told: each item is read as it is now.

Whoever may not see an item hears nothing of it. That an item was removed, or is no longer
among what is shown, is told to those who could see it before, and only its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from conductus.items.changes import Item
from conductus.items.computing import Computing
from conductus.items.context import Context
from conductus.items.hooks import READ
from conductus.items.keys import parts_of_text
from conductus.permissions.actor import Actor
from conductus.permissions.reading import narrow
from conductus.permissions.recalled import could_see, told
from conductus.permissions.scope import USERS, Sight
from conductus.projects.journal import Facts, Line
from conductus.projects.project import Project
from conductus.projects.rows import clause
from conductus.projects.snapshot import Snapshot
from conductus.query.item_query import ALL, Compare, Filter, ItemQuery, Operator, compares, every
from conductus.realtime.asking import Asked, query_of
from conductus.realtime.signals import Event, Told
from conductus.schema.model import Collection, Kind

_BATCH: Final = 200
"""Items of one read."""
_PLAIN_KEYS: Final = frozenset({Kind.INTEGER, Kind.TEXT, Kind.UUID})
"""Kinds whose values are shown as they stand in the text of a key."""


class View(Struct, frozen=True, kw_only=True):
    """One asker's view of what was asked for, at one moment."""

    query: ItemQuery
    context: Context
    sight: Sight
    collection: Collection
    hooked: bool
    """Whether hooks meet the items, which may change anything of them."""


async def view_of(
    project: Project, asked: Asked, actor: Actor, snapshot: Snapshot, computing: Computing
) -> View:
    """The view. Raises what stands in the way of it."""
    policy = await project.policies.of(actor)
    query = await query_of(asked, project, snapshot, policy)
    sight = Sight(policy, snapshot.schema)
    context = Context(
        schema=snapshot.schema,
        actor=actor,
        policy=policy,
        now=datetime.now(UTC),
        nulls_last=snapshot.settings.sort_null_last,
        split_words=snapshot.settings.q_words,
        computing=computing,
        answering=True,
    )
    collection = snapshot.schema.collection(asked.collection)
    hooked = bool(project.hooks.of(READ, "now", collection.name))
    view = View(query=query, context=context, sight=sight, collection=collection, hooked=hooked)
    # Of every item, so that what is refused is refused before there is any.
    narrow(_with_keys(view, ["," * len(collection.primary_key)]), sight, actor)
    return view


async def changes_of(project: Project, view: View, lines: Sequence[Line]) -> list[Told]:
    """What the lines, all of the view's collection, come to."""
    wanted = dict.fromkeys(line.item for line in lines if line.deed != "delete")
    seen = await _read(project, view, list(wanted))
    roles = await _roles_of_owners(project, view, lines)
    names = view.collection.primary_key
    whole = [view.collection.fields[name].kind for name in names] == [Kind.INTEGER]
    found: list[Told] = []
    for line in lines:
        item = None if line.deed == "delete" else seen.get(line.item)
        name = view.collection.name
        key: int | str = int(line.item) if whole else line.item
        if item is not None:
            found.append(Told(line.place, line.deed, name, key, item))
        elif line.before is not None and _could_see(view, line.before, roles):
            event: Event = "delete" if line.deed == "delete" else "leave"
            found.append(Told(line.place, event, name, key, None))
    return found


# -- items that are there -------------------------------------------------------------


async def _read(project: Project, view: View, keys: list[str]) -> dict[str, Item]:
    """The items that the view shows, by the texts of their keys."""
    seen: dict[str, Item] = {}
    together = _told_apart(view)
    for start in range(0, len(keys), _BATCH if together else 1):
        batch = keys[start : start + (_BATCH if together else 1)]
        page = await project.reader.read(_with_keys(view, batch), view.context)
        items = page.items if isinstance(page.items, list) else [page.items]
        if together:
            seen |= _by_key(items, view)
        elif items:
            seen[batch[0]] = items[0]
    return seen


def _told_apart(view: View) -> bool:
    """Whether the items of one read show which is which."""
    if len(view.collection.primary_key) != 1 or view.hooked:
        return False
    (name,) = view.collection.primary_key
    kept = name not in dict(view.query.selection.expanded)
    return kept and view.collection.fields[name].kind in _PLAIN_KEYS


def _by_key(items: Iterable[Item], view: View) -> dict[str, Item]:
    (name,) = view.collection.primary_key
    asked = name in view.query.selection.fields
    return {str(item[name] if asked else item.pop(name)): item for item in items}


def _with_keys(view: View, keys: Sequence[str]) -> ItemQuery:
    """The query, of the items of these keys alone."""
    collection, query = view.collection, view.query
    names = collection.primary_key
    if len(names) == 1:
        keyed: Filter = Compare((names[0],), Operator.IN, tuple(keys))
    else:
        parts = parts_of_text(keys[0], collection)
        keyed = every(
            *(Compare((name,), Operator.EQ, part) for name, part in zip(names, parts, strict=False))
        )
    selection = query.selection
    if _told_apart(view) and names[0] not in selection.fields:
        shown = {*selection.fields, names[0]}
        fields = tuple(name for name in collection.fields if name in shown)
        selection = replace(selection, fields=fields)
    narrowed = every(ALL if query.filter is None else query.filter, keyed)
    return replace(query, filter=narrowed, selection=selection)


# -- items that are not ---------------------------------------------------------------


def _could_see(view: View, before: Facts, roles: dict[int, int | None]) -> bool:
    collection = view.collection
    item: dict[tuple[str, ...], Any] = {}
    if collection.status_field is not None:
        item[collection.status_field,] = before.status
    if collection.owner_field is not None:
        item[collection.owner_field,] = before.owner
        if isinstance(before.owner, int):
            item[collection.owner_field, "role"] = roles.get(before.owner)
    return could_see(view.sight, collection, view.query.statuses, item, view.context.actor.user)


async def _roles_of_owners(
    project: Project, view: View, lines: Iterable[Line]
) -> dict[int, int | None]:
    """The roles that owners have now, where the rule asks for them."""
    owner = view.collection.owner_field
    rule = told(view.sight, view.collection, view.query.statuses)
    if owner is None or not _asks(rule, (owner, "role")):
        return {}
    owners = {line.before.owner for line in lines if line.before is not None}
    users = [sa.literal(each) for each in owners if isinstance(each, int)]
    if not users:
        return {}
    dialect = project.database.dialect
    table = clause(dialect, USERS, {"id": Kind.INTEGER, "role": Kind.INTEGER})
    statement = dialect.compile(sa.select(table.c.id, table.c.role).where(table.c.id.in_(users)))
    found = await project.database.fetch(statement.sql, statement.values({}))
    return {int(user): None if role is None else int(role) for user, role in found}


def _asks(rule: Filter, path: tuple[str, ...]) -> bool:
    return any(leaf.path == path for leaf in compares(rule))
