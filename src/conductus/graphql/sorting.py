"""Sort keys in the names of GraphQL."""

from __future__ import annotations

from typing import Any

from conductus.graphql.world import World
from conductus.schema.model import Collection


def sorting(asked: Any, collection: Collection, world: World) -> list[str]:
    """Entries of `sort` by the names of fields; unknown ones are left for the query to refuse."""
    entries = [part.strip() for each in asked or () if each for part in each.split(",")]
    return [_entry(each, collection, world) for each in entries if each]


def grouping(asked: Any, collection: Collection, world: World) -> list[str]:
    """Entries of `groupBy`, likewise."""
    known = _named(collection, world)
    return [known.get(each, each) for each in asked or () if each]


def _entry(entry: str, collection: Collection, world: World) -> str:
    known = _named(collection, world)
    name = entry.removeprefix("-")
    minus = "-" if entry.startswith("-") else ""
    return f"{minus}{known.get(name, name)}"


def _named(collection: Collection, world: World) -> dict[str, str]:
    return {spelled: name for name, spelled in world.fields(collection).items()}
