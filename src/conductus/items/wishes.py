"""What is wished for single items of any collections, to be written together."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from conductus.items.changes import Create, Delete, Item, Update
from conductus.items.judge import Judge
from conductus.items.keys import key_of_text


class CreateWish(Struct, frozen=True):
    """A new item."""

    collection: str
    body: Item


class UpdateWish(Struct, frozen=True):
    """A change of the item whose key has this text."""

    collection: str
    key: str
    body: Item


class DeleteWish(Struct, frozen=True):
    """The removal of the item whose key has this text."""

    collection: str
    key: str


Wish = CreateWish | UpdateWish | DeleteWish


def judged(judge: Judge, wish: Wish, now: datetime) -> Create | Update | Delete:
    """The change that a wish asks for. Raises as the judge does, and `ItemNotFound`."""
    target = judge.collection(wish.collection)
    match wish:
        case CreateWish():
            return judge.create(target, wish.body)
        case UpdateWish():
            return judge.update(target, key_of_text(wish.key, target, now), wish.body)
        case DeleteWish():
            return judge.delete(target, key_of_text(wish.key, target, now))
        case _:
            assert_never(wish)
