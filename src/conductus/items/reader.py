"""Reads items: narrow, plan, run, present."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from conductus.database.executor import Database
from conductus.items.context import Context
from conductus.query.item_query import ItemQuery

Item = dict[str, Any]
"""An item on its way to or from JSON."""


class Page(Struct, frozen=True, kw_only=True):
    """What a read answers: a list, or for `single` and reads by id one item."""

    items: list[Item] | Item
    meta: dict[str, Any] | None = None
    messages: list[Item] = []


class Reader:
    """The one way items are read."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def read(self, query: ItemQuery, context: Context) -> Page:
        """The items that match. Raises `ReadForbidden`, `ItemNotFound` for `single`."""
        raise NotImplementedError

    async def by_keys(self, query: ItemQuery, keys: Sequence[str], context: Context) -> Page:
        """Items by their keys as they stand in a URL; filter and search are ignored.

        One key gives one item, or raises `ItemNotFound`; several give a list in default
        order without those that do not exist. The keys of a composite key are joined by
        commas inside one text.
        """
        raise NotImplementedError
