"""Reading activity and revisions: they tell of items, so the rules of those hold. Pure.

Their rows name an item of any collection by its key as text. Of collections that may be
read whole every row of history is shown, also that of items that were deleted; of others
that of items which may be read. Source: permissions page §7 and §9.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from conductus.permissions.levels import CommentLevel
from conductus.permissions.policy import Policy
from conductus.query.item_query import (
    ALL,
    ALL_STATUSES,
    ME,
    NONE,
    Compare,
    Filter,
    Group,
    Held,
    Operator,
    Statuses,
    every,
    some,
)
from conductus.schema.model import Collection, Schema

ACTIVITY: Final = "directus_activity"
REVISIONS: Final = "directus_revisions"
_COMMENT: Final = Compare(("action",), Operator.EQ, "comment")
_NO_COMMENT: Final = Compare(("action",), Operator.NEQ, "comment")


class Seeing(Protocol):
    """What is asked of the collections that history tells of."""

    policy: Policy
    schema: Schema

    def reads(self, collection: Collection) -> bool:
        """Whether any item may be read at all."""

    def rows(self, collection: Collection, wanted: Statuses = None) -> Filter:
        """The rows in the wanted statuses that may be read."""


def revisions(sight: Seeing, asked: Filter) -> Filter:
    """The revisions of items that may be read."""
    whole, parts = _readable(sight, asked)
    held = (every(_of(each), _item(sight, each, asked)) for each in parts)
    return some(_among(whole), *held)


def activity(sight: Seeing, asked: Filter) -> Filter:
    """What was done with items that may be read, and by oneself with those of others.

    Comments need a `comment` that is not `none` besides.
    """
    whole, parts = _readable(sight, asked)
    silent = [each for each in whole if _commented(sight, each) != ALL]
    own = NONE if sight.policy.nobody else Compare(("action_by",), Operator.EQ, ME)
    return some(
        _among(each for each in whole if each not in silent),
        every(_among(silent), _NO_COMMENT),
        every(_among(parts), _NO_COMMENT, own),
        *(every(_of(each), _deeds(sight, each, asked)) for each in parts),
    )


def showing(collection: Collection, name: str) -> Filter:
    """The rows whose field is not withheld: the text of a withdrawn comment is."""
    if (collection.name, name) == (ACTIVITY, "comment"):
        return Compare(("comment_deleted_on",), Operator.NULL)
    return ALL


def _deeds(sight: Seeing, collection: Collection, asked: Filter) -> Filter:
    """What was done with the items that may be read of a collection."""
    there = _item(sight, collection, asked)
    commented = _commented(sight, collection)
    if commented == ALL:
        return there
    return some(
        every(there, _NO_COMMENT),
        every(_item(sight, collection, asked, commented), _COMMENT),
    )


def _readable(sight: Seeing, asked: Filter) -> tuple[list[Collection], list[Collection]]:
    """The collections that may be read whole, and those of which some rows may."""
    whole: list[Collection] = []
    parts: list[Collection] = []
    only = _pinned(asked, "collection")
    for collection in sight.schema.collections.values():
        # Not every database tells small letters from capitals.
        other = only is not None and collection.name.casefold() != str(only).casefold()
        if other or collection.name in (ACTIVITY, REVISIONS) or not sight.reads(collection):
            continue
        if sight.rows(collection, ALL_STATUSES) == ALL:
            whole.append(collection)
        elif len(collection.primary_key) == 1:
            parts.append(collection)
    return whole, parts


def _item(sight: Seeing, collection: Collection, asked: Filter, besides: Filter = ALL) -> Filter:
    """The row of history is of an item that may be read."""
    only = _pinned(asked, "item")
    key = ALL if only is None else Compare((collection.primary_key[0],), Operator.EQ, only)
    rows = every(sight.rows(collection, ALL_STATUSES), besides, key)
    return NONE if rows == NONE else Held("item", collection.name, rows)


def _commented(sight: Seeing, collection: Collection) -> Filter:
    """The items whose comments may be read."""
    rules = sight.policy.on(collection.name)
    if not rules.workflow or collection.status_field is None:
        allowed = rules.whole is not None and rules.whole.comment > CommentLevel.NONE
        return ALL if allowed else NONE
    silent = any(rule.comment is CommentLevel.NONE for rule in rules.by_status.values())
    if not silent:
        return ALL
    statuses = tuple(
        status for status, rule in rules.by_status.items() if rule.comment > CommentLevel.NONE
    )
    return Compare((collection.status_field,), Operator.IN, statuses)


def _of(collection: Collection) -> Filter:
    return Compare(("collection",), Operator.EQ, collection.name)


def _among(collections: Iterable[Collection]) -> Filter:
    names = tuple(collection.name for collection in collections)
    return Compare(("collection",), Operator.IN, names) if names else NONE


def _pinned(asked: Filter, field: str) -> Any:
    """The one value that a field has in all rows asked for; None when it may have several."""
    match asked:
        case Compare(path=(name,), operator=Operator.EQ, value=value) if name == field:
            return value
        case Group(mode="all", members=members):
            found = (_pinned(member, field) for member in members)
            return next((value for value in found if value is not None), None)
        case _:
            return None
