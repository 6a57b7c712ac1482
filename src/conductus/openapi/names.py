"""What the components of collections are called: any name of a table, made safe and unique.

Component names take letters, digits, `.`, `_` and `-`. The dot is kept for what is derived
of a collection (`articles.create`), so that no table can be named into another's place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count
from typing import Final

from conductus.schema.model import Collection, Schema

SHARED: Final = ("Collection", "Envelope", "Error", "Field", "Meta", "Warning")
"""Schemas that belong to no collection."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_UNDESCRIBED: Final = frozenset(
    {
        "directus_collections",
        "directus_fields",
        "directus_migrations",
        "directus_user_sessions",
    }
)
"""Built-in tables that no section shows row by row."""


def described(schema: Schema) -> list[Collection]:
    """The collections that the document shows: the managed ones and the built-in ones."""
    return [
        collection
        for collection in schema.collections.values()
        if (collection.system or collection.managed) and collection.name not in _UNDESCRIBED
    ]


def component_names(collections: Iterable[Collection]) -> dict[str, str]:
    """Collection → the name of its component."""
    taken = {name.lower() for name in SHARED}
    names: dict[str, str] = {}
    # Tables whose names are safe as they are keep them, whatever the others are called.
    ordered = sorted(collections, key=lambda each: _safe(each.name) != each.name)
    for collection in ordered:
        names[collection.name] = _free(_safe(collection.name), taken)
    return names


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name).strip("_") or "collection"


def _free(name: str, taken: set[str]) -> str:
    # Generators of clients make files of these names: case alone must not tell them apart.
    spellings = (name if place == 1 else f"{name}-{place}" for place in count(1))
    found = next(spelling for spelling in spellings if spelling.lower() not in taken)
    taken.add(found.lower())
    return found
