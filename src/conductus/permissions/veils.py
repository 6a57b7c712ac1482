"""Fields that are taken out of one item and left in another, by what stands in it. Pure.

What a rule keeps back in every row is never read. What hangs on the row is taken out after
it was read: fields kept back in its status, what only a user itself may see, the text of a
withdrawn comment, and in revisions what the item's own rules keep back.
Source: permissions page §6.1 and §9, authentication page §10.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from conductus.permissions.history import ACTIVITY, REVISIONS
from conductus.permissions.scope import USERS, Sight
from conductus.query.item_query import ALL, ALL_STATUSES
from conductus.query.paths import step
from conductus.schema.model import Collection
from conductus.schema.secrets import secret
from conductus.schema.types import MASK

Item = dict[str, Any]
Items = Sequence[Item | None]
"""One for each row; None where a row has none."""
Columns = Sequence[Sequence[Any]]
"""The values of each column by which it is decided, row by row, as the driver gives them."""
Draw = Callable[[Items, Columns, int], None]

PRIVATE: Final = frozenset(
    {"token", "email_notifications", "last_access_on", "last_page", "2fa_secret"}
)
"""Fields of users that others than administrators see of themselves alone."""
SNAPSHOTS: Final = frozenset({"data", "delta"})
"""Fields of revisions that hold what the fields of an item held."""
_COMMENT: Final = frozenset({"comment"})
_NOTHING: Final[frozenset[str]] = frozenset()


class Veil(Struct, frozen=True, eq=False):
    """Takes out of items what their own rows forbid."""

    columns: tuple[str, ...]
    """The columns by which it is decided."""
    draw: Draw
    """Takes the items, the values of those columns, and the id of whoever asks; changes the
    items."""


def veils(
    sight: Sight, collection: Collection, names: Iterable[str], renamed: Mapping[str, str]
) -> tuple[Veil, ...]:
    """What has to be drawn over items of which these fields are shown.

    `renamed`: names under which fields are shown, with the field of each.
    """
    named = frozenset(names)
    shown = named.union(renamed.values())
    found: list[Veil] = []
    if collection.name == REVISIONS and shown & SNAPSHOTS:
        found.append(Veil(("collection", "item"), _Redaction(sight).draw))
    if sight.unbounded:
        return tuple(found)
    by_status = {
        status: frozenset(name for name in named if renamed.get(name, name) in kept)
        for status, kept in sight.hidden_by_status(collection).items()
        if kept & shown
    }
    if by_status and collection.status_field is not None:
        plain = sight.ruled_statuses(collection).difference(by_status)
        by_status |= dict.fromkeys(plain, _NOTHING)
        found.append(Veil((collection.status_field,), _by_status(by_status)))
    if collection.name == USERS and shown & PRIVATE:
        found.append(Veil(("id",), _others))
    if collection.name == ACTIVITY and shown & _COMMENT:
        found.append(Veil(("comment_deleted_on",), _withdrawn))
    return tuple(found)


def _by_status(hidden: Mapping[str, frozenset[str]]) -> Draw:
    # A database may take a status for one that is spelled otherwise, `DRAFT` for `draft`.
    unknown = _NOTHING.union(*hidden.values())

    def draw(items: Items, columns: Columns, _: int) -> None:
        for item, status in zip(items, columns[0], strict=True):
            kept = hidden.get(str(status), unknown)
            if kept and item is not None:
                for name in kept:
                    item.pop(name, None)

    return draw


def _others(items: Items, columns: Columns, me: int) -> None:
    for item, user in zip(items, columns[0], strict=True):
        if user != me and item is not None:
            for name in PRIVATE:
                item.pop(name, None)


def _withdrawn(items: Items, columns: Columns, _: int) -> None:
    for item, withdrawn in zip(items, columns[0], strict=True):
        if withdrawn is not None and item is not None:
            item["comment"] = None


class _Redaction:
    """Takes out of revisions what may not be read of the items that they tell of.

    Secrets are taken out for everybody: databases that were made by others hold them.
    """

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def draw(self, items: Items, columns: Columns, me: int) -> None:
        """Redacts `data` and `delta`; the columns are the collection and the item's key."""
        for item, name, key in zip(items, *columns, strict=True):
            collection = self._sight.schema.collections.get(name)
            if item is None:
                continue
            if collection is not None:
                self._redact(item, collection, own=collection.name == USERS and key == str(me))
            elif not self._sight.unbounded:
                # No collection of ours, or one that the database alone knows by that spelling.
                for snapshot in SNAPSHOTS & item.keys():
                    item[snapshot] = None

    def _redact(self, item: Item, collection: Collection, *, own: bool) -> None:
        for name in SNAPSHOTS:
            held = item.get(name)
            if isinstance(held, dict):
                item[name] = self._redacted(held, collection, own=own)

    def _redacted(self, held: Item, collection: Collection, *, own: bool = False) -> Item:
        gone = self._sight.hidden_somewhere(collection)
        if collection.name == USERS and not (own or self._sight.unbounded):
            gone |= PRIVATE
        shown: Item = {}
        for name, value in held.items():
            field = collection.fields.get(name)
            if name in gone:
                continue
            if field is None:
                # A column that was dropped: nothing says any more who may read it.
                if self._sight.unbounded:
                    shown[name] = value
            elif secret(field):
                if collection.name != USERS:
                    shown[name] = MASK if value else value
            else:
                shown[name] = self._related(value, collection, name)
        return shown

    def _related(self, value: Any, collection: Collection, name: str) -> Any:
        """A value that may be that of items written along with this one."""
        if not isinstance(value, dict | list):
            return value
        target = step(self._sight.schema, collection, name).target
        if target is None:
            return value
        if self._sight.rows(target, ALL_STATUSES) != ALL:
            # Which of them may be read is told by their own rows alone.
            return None
        if isinstance(value, dict):
            return self._redacted(value, target)
        return [self._redacted(each, target) if isinstance(each, dict) else each for each in value]
