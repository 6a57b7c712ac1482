"""Items all of whose values are texts: what forms and CSV files hold. Source: items page §4."""

from __future__ import annotations

from conductus.items.changes import Item
from conductus.schema.model import Collection
from conductus.schema.types.json import decode


def parsed_texts(collection: Collection, texts: Item) -> Item:
    """The item with the texts of its JSON fields parsed; one that is no JSON stays a text."""
    return {
        name: decode(value) if isinstance(value, str) and _is_json(collection, name) else value
        for name, value in texts.items()
    }


def _is_json(collection: Collection, name: str) -> bool:
    field = collection.fields.get(name)
    return field is not None and field.type == "json"
