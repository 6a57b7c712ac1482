"""The columns of a table of items: what is selected, many-to-one relations flattened.

`author.name` is the name of the author; what a to-many relation or a list holds is one cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conductus.items.changes import Item
from conductus.query.item_query import Selection
from conductus.schema.model import Collection, Field, Schema


class TableColumn(Struct, frozen=True):
    """One column."""

    path: tuple[str, ...]
    field: Field
    """What stands at the end of the path."""

    @property
    def name(self) -> str:
        """As it stands in the first line."""
        return ".".join(self.path)

    def of(self, item: Item) -> Any:
        """What an item has there; None where it has nothing."""
        found: Any = item
        for name in self.path:
            if found is None:
                return None
            found = found.get(name)
        return found


def columns_of(
    selection: Selection, collection: Collection, schema: Schema
) -> tuple[TableColumn, ...]:
    """The columns of a selection, in the order of the schema."""
    return tuple(_columns(selection, collection, schema, ()))


def _columns(
    selection: Selection, collection: Collection, schema: Schema, above: tuple[str, ...]
) -> Iterator[TableColumn]:
    plain, expanded = frozenset(selection.fields), dict(selection.expanded)
    for name, field in collection.fields.items():
        relation = schema.many_to_one.get((collection.name, name))
        path = (*above, name)
        if name in plain:
            yield TableColumn(path, field)
        elif name in selection.keyed and relation is not None:
            one = schema.collections[relation.collection_one]
            (key,) = one.primary_key
            yield TableColumn((*path, key), one.fields[key])
        elif name in expanded and relation is not None:
            one = schema.collections[relation.collection_one]
            yield from _columns(expanded[name], one, schema, path)
        elif name in expanded:
            yield TableColumn(path, field)
