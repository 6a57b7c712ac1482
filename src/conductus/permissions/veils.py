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
from conductus.query.paths import step
from conductus.schema.model import Collection
from conductus.schema.secrets import secret
from conductus.schema.types import MASK

Item = dict[str, Any]
Draw = Callable[[Item, Sequence[Any], int], None]

PRIVATE: Final = frozenset(
    {"token", "email_notifications", "last_access_on", "last_page", "2fa_secret"}
)
"""Fields of users that others than administrators see of themselves alone."""
SNAPSHOTS: Final = frozenset({"data", "delta"})
"""Fields of revisions that hold what the fields of an item held."""
_COMMENT: Final = frozenset({"comment"})


class Veil(Struct, frozen=True, eq=False):
    """Takes out of an item what its own row forbids."""

    columns: tuple[str, ...]
    """The columns by which it is decided."""
    draw: Draw
    """Takes the item, the values of those columns as the driver gives them, and the id of
    whoever asks; changes the item."""


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
        found.append(Veil((collection.status_field,), _by_status(by_status)))
    if collection.name == USERS and shown & PRIVATE:
        found.append(Veil(("id",), _others))
    if collection.name == ACTIVITY and shown & _COMMENT:
        found.append(Veil(("comment_deleted_on",), _withdrawn))
    return tuple(found)


def _by_status(hidden: Mapping[str, frozenset[str]]) -> Draw:
    def draw(item: Item, values: Sequence[Any], _: int) -> None:
        for name in hidden.get(str(values[0]), ()):
            item.pop(name, None)

    return draw


def _others(item: Item, values: Sequence[Any], me: int) -> None:
    if values[0] != me:
        for name in PRIVATE:
            item.pop(name, None)


def _withdrawn(item: Item, values: Sequence[Any], _: int) -> None:
    if values[0] is not None:
        item["comment"] = None


class _Redaction:
    """Takes out of revisions what may not be read of the items that they tell of.

    Secrets are taken out for everybody: databases that were made by others hold them.
    """

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def draw(self, item: Item, values: Sequence[Any], me: int) -> None:
        """Redacts `data` and `delta`; the values are the collection and the item's key."""
        collection = self._sight.schema.collections.get(values[0])
        if collection is None:
            return
        own = collection.name == USERS and values[1] == str(me)
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
        if not self._sight.reads(target):
            return None
        if isinstance(value, dict):
            return self._redacted(value, target)
        return [self._redacted(each, target) if isinstance(each, dict) else each for each in value]
