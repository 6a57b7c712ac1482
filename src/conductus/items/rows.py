"""Rows of a level → JSON-ready items, by converters chosen when the level was compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from conductus.database.dialect import Dialect
from conductus.items.levels import Node
from conductus.schema.model import Collection, Field, Kind
from conductus.schema.secrets import mask
from conductus.schema.types import type_of

Item = dict[str, Any]
"""An item on its way to or from JSON."""
Convert = Callable[[Any], Any]


class Layout(Struct, frozen=True):
    """Where the columns of one node stand in a row, and what is done to them."""

    names: tuple[str, ...]
    start: int
    end: int
    converters: tuple[tuple[str, Convert], ...]
    hidden: dict[str, int]
    """Positions of the columns read for our own use."""
    key: int | None
    """Position of the key that tells a joined row from none; None for the base."""
    parent: tuple[str, ...]
    """Path of the node that a joined item is put into, …"""
    name: str
    """… and its name there."""


def layout(node: Node, collection: Collection, dialect: Dialect, start: int) -> Layout:
    """The layout of a node whose columns begin at `start`, its fields first."""
    places = {name: place for place, name in enumerate(node.columns, start)}
    hidden = {name: places[name] for name in node.hidden}
    keyed = dict(node.keyed)
    converters = (
        (name, _of_key(convert, keyed[name]) if name in keyed else convert)
        for name in node.fields
        for convert in (converter(collection.fields[name], dialect),)
    )
    return Layout(
        names=node.fields,
        start=start,
        end=start + len(node.fields),
        converters=tuple((name, convert) for name, convert in converters if convert is not None),
        hidden=hidden,
        key=hidden[collection.primary_key[0]] if node.path else None,
        parent=node.path[:-1],
        name=node.path[-1] if node.path else "",
    )


def converter(field: Field, dialect: Dialect) -> Convert | None:
    """From the driver's value of a column to JSON; None when they are the same."""
    load = dialect.loader(field.kind)
    present = mask(field) or type_of(field).presenter(field.kind)
    if load is None or present is None:
        return load or present
    return _through(load, present, field.kind)


def _of_key(convert: Convert | None, key: str) -> Convert:
    """From the driver's value to an object of the key alone."""

    def present(value: Any) -> Any:
        return None if value is None else {key: convert(value) if convert else value}

    return present


def _through(load: Convert, present: Convert, kind: Kind) -> Convert:
    if kind is Kind.DECIMAL:

        def number(value: Any) -> Any:
            # What a database keeps as a double is shown as that double.
            return value if type(value) is float else present(load(value))

        return number

    def convert(value: Any) -> Any:
        return present(load(value))

    return convert


def of_node(found: Sequence[Item], layout: Layout) -> list[Item | None]:
    """The items of a joined node, one per row; None where there is none, or none any more:
    a veil over an outer item may have taken it out."""
    path = (*layout.parent, layout.name) if layout.name else ()
    reached: list[Item | None] = list(found)
    for name in path:
        reached = [None if item is None else item.get(name) for item in reached]
    return reached
