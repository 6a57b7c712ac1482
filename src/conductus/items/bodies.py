"""The body of one item, taken apart: its own values, and what hangs on either side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from conductus.errors import Unprocessable
from conductus.items.changes import Change, Child, Delete, Item, Many, One, Update
from conductus.items.keys import (
    Key,
    find_key_in_body,
    find_new_key,
    key_fixed,
    parts_of_text,
    shown_key,
)
from conductus.items.profile import Profile
from conductus.query.paths import step
from conductus.schema.model import Collection, Field, Schema
from conductus.schema.system import WRITTEN
from conductus.schema.types.field_type import Plain

DELETE = "$delete"


class Parts(Struct):
    """A body taken apart, while it is."""

    own: Item
    ones: list[One]
    manys: list[Many]
    sent: Item

    def add_one(self, field: Field, change: Change, sent: Item) -> None:
        """What hangs on a many-to-one field, and how it is shown in history."""
        self.ones.append(One(field, change))
        self.sent[field.name] = sent

    def links(self, tie: str | None, marked: Mapping[str, Any]) -> dict[str, bool]:
        """Fields that get their value elsewhere, and whether it will be one."""
        filled = dict.fromkeys(marked, True) if marked else {}
        for one in self.ones:
            filled[one.field.name] = not isinstance(one.change, Delete)
        for many in self.manys:
            filled[many.field.name] = _keeps(many.children)
        if tie is not None and tie not in self.own:
            filled[tie] = True
        return filled


def _keeps(children: tuple[Child, ...]) -> bool:
    return any(not isinstance(child.change, Delete) for child in children)


def field_names(body: Item) -> list[str]:
    """The names in a body but for control keys, which begin with `$`."""
    return [name for name in body if not name.startswith("$")]


def refuse_unknown(collection: Collection, body: Item) -> None:
    """Raises `Unprocessable` for names that are no field."""
    # Control keys that mean nothing here are let pass.
    unknown = [name for name in field_names(body) if name not in collection.fields]
    if unknown:
        named = ", ".join(repr(name[:64]) for name in unknown[:10])
        raise Unprocessable(f"{collection.name!r} has no field {named}")


def check_nested(field: Field, target: Collection) -> None:
    """Raises `Unprocessable` for items that are not written along with others.

    History is written by what happens alone, and what describes the project and who is
    signed in by who keeps the rest in step with it.
    """
    if target.system and target.name not in WRITTEN:
        raise Unprocessable(f"{field.name}: items of {target.name!r} are not written like this")


def without_missing_keys(own: Item, profile: Profile) -> Item:
    """Without key columns that are null or empty: the database or the server makes them."""
    return {
        name: value
        for name, value in own.items()
        if name not in profile.keys or (value is not None and value != "")
    }


def named_key(body: Item, collection: Collection) -> Item:
    """What the body says of the item's key."""
    return {name: body[name] for name in collection.primary_key if name in body}


def key_led_to(key: Key, parts: Parts, collection: Collection) -> Key | None:
    """`find_new_key` of a body whose key may hold objects, which stand for their items.

    Raises `Unprocessable` for objects of items that are new, or are to be deleted.
    """
    led = {one.field.name: one.change for one in parts.ones}
    named = dict(parts.own)
    for name in collection.primary_key:
        change = led.get(name)
        if isinstance(change, Update):
            named[name] = shown_key(change.key, change.collection)
        elif change is not None:
            raise key_fixed(collection)
    return find_new_key(key, named, collection)


def linked(body: Item, target: Collection, schema: Schema) -> Item:
    """The body with keys for the objects in its key that name an item."""
    led = {}
    for name in target.primary_key:
        value = body.get(name)
        reached = step(schema, target, name).target
        if isinstance(value, dict) and reached is not None and DELETE not in value:
            led[name] = value.get(reached.primary_key[0])
    return {**body, **led}


def key_body(key: str | int, collection: Collection) -> Item:
    """The body that says a key and nothing else. Raises `Unprocessable`."""
    single = len(collection.primary_key) == 1
    parts = [key] if single else parts_of_text(str(key), collection)
    if len(parts) != len(collection.primary_key):
        raise Unprocessable(f"{str(key)[:50]!r} is no key of {collection.name!r}")
    return dict(zip(collection.primary_key, parts, strict=True))


def tied_by_key(key: str | int, target: Collection, tie: str, parent: Plain) -> Item:
    """The body of an item that a key alone ties to its parent.

    Raises `Unprocessable` where it is no key, and where the tie is a part of the key that
    says another parent: the key of an item stays what it is.
    """
    body = key_body(key, target)
    if tie in target.primary_key:
        known = find_key_in_body(body, target)
        if known is None or str(known[target.primary_key.index(tie)]) != str(parent):
            raise key_fixed(target)
    return body
