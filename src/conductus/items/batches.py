"""Bodies of batches judged into changes; errors tell the place of the item that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from conductus.errors import ApiError, DuplicateValue, Unprocessable, ValidationFailed
from conductus.items.breathing import TOGETHER, breathing
from conductus.items.changes import Create, Delete, Item, Update, undecided
from conductus.items.context import Context
from conductus.items.judge import Judge
from conductus.items.keys import find_key_in_body, key_of_text
from conductus.schema.model import Collection

Changes = Sequence[Create | Update | Delete]
Judged = TypeVar("Judged", Create, Update, Delete, Create | Update | Delete)


async def new_items(judge: Judge, target: Collection, bodies: Sequence[Item]) -> list[Create]:
    """New items; those that give the same fields are judged together where that will do."""
    changes: list[Create] = []
    for start in range(0, len(bodies), TOGETHER):
        if start:
            await asyncio.sleep(0)
        part = bodies[start : start + TOGETHER]
        alike = judge.create_alike(target, part) if len(part) > 1 else None
        changes += alike or [
            at(place, judge.create, target, body) for place, body in enumerate(part, start)
        ]
    return changes


def all_alike(
    judge: Judge, target: Collection, keys: Sequence[str], body: Item | list[Item], context: Context
) -> Changes:
    """The same change of several items. Raises `Unprocessable` for a list."""
    if isinstance(body, list):
        raise Unprocessable("Changing items by their ids takes one object, not a list")
    distinct = dict.fromkeys(keys)
    parsed = [key_of_text(key, target, context.now) for key in distinct]
    if not parsed:
        raise ValidationFailed("The id of an item is needed")
    return judge.update_all(target, parsed, body)


async def each_by_its_key(judge: Judge, target: Collection, body: Item | list[Item]) -> Changes:
    """Changes of items that name their keys. Raises `ValidationFailed` for an object."""
    if not isinstance(body, list):
        raise ValidationFailed("The id of an item is needed, or a list of objects with their ids")

    def judged(place: int, one: Item) -> Update:
        return at(place, _change_by_its_key, judge, target, one)

    return await breathing(judged, list(enumerate(body)))


def _change_by_its_key(judge: Judge, target: Collection, body: Item) -> Update:
    key = find_key_in_body(body, target)
    if key is None:
        raise Unprocessable(f"{', '.join(target.primary_key)}: every item needs its key")
    return judge.update(target, key, body)


def at(place: int, judged: Callable[..., Judged], *given: Any) -> Judged:
    """What the judge says of one item of a batch; its errors tell the place."""
    try:
        return judged(*given)
    except ApiError as error:
        raise error.at(place) from error.__cause__


def worth_again(error: ApiError, changes: Changes) -> bool:
    """Whether changes that failed together are to be done once more, one by one."""
    if isinstance(error, DuplicateValue) and undecided(changes):
        # What was not there may have been made meanwhile by somebody else.
        return True
    # It tells which of them fails.
    return len(changes) > 1 and "index" not in error.details and error.status < 500
