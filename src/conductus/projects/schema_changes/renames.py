"""A field's new name, in everything that speaks of the field by its old one.

Relations, options of its collection's fields, black lists of permissions, and what presets
keep of queries. Pure where it reads, one small statement a row where it writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.projects import rows
from conductus.projects.schema_changes.metadata import (
    FIELDS,
    PERMISSIONS,
    PRESETS,
    RELATIONS,
    MetadataRows,
)
from conductus.projects.schema_changes.picture import Picture

_TEMPLATE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
_BLACKLISTS = ("read_field_blacklist", "write_field_blacklist")
_PRESET_JSON = ("filters", "view_query", "view_options")
_VALUES = frozenset({"value", "name", "note", "title", "label"})
"""Keys under which a text is what a person wrote, never the name of a field."""
_RELATION_ENDS = (
    ("collection_many", "field_many"),
    ("collection_many", "junction_field"),
    ("collection_one", "field_one"),
)


class Renaming:
    """Carries one new name through the metadata."""

    def __init__(self, collection: str, old: str, new: str) -> None:
        self._collection = collection
        self._old = old
        self._new = new

    async def write(
        self, transaction: Transaction, dialect: Dialect, picture: Picture, metadata: MetadataRows
    ) -> None:
        """Changes every row that speaks of the field."""
        own = {"collection": self._collection, "field": self._old}
        await self._options(picture, metadata)
        await metadata.change(FIELDS, own, {"field": self._new})
        for collection, field in _RELATION_ENDS:
            key = {collection: self._collection, field: self._old}
            await metadata.change(RELATIONS, key, {field: self._new})
        for table, columns, changed in (
            (PERMISSIONS, _BLACKLISTS, self.in_list),
            (PRESETS, _PRESET_JSON, self._in_json_text),
        ):
            await self._rows(transaction, dialect, picture, metadata, table, columns, changed)

    async def _options(self, picture: Picture, metadata: MetadataRows) -> None:
        for field in picture.schema.collection(self._collection).fields.values():
            if field.managed and field.options is not None:
                options = self.in_json(field.options)
                if options != field.options:
                    key = {"collection": self._collection, "field": field.name}
                    await metadata.change(FIELDS, key, {"options": options})

    async def _rows(
        self,
        transaction: Transaction,
        dialect: Dialect,
        picture: Picture,
        metadata: MetadataRows,
        table: str,
        columns: tuple[str, ...],
        changed: Callable[[str], str],
    ) -> None:
        if table not in picture.tables:
            return
        kinds = picture.kinds(table)
        for row in await rows.read(transaction, dialect, table, kinds, ("id",)):
            if row.get("collection") != self._collection:
                continue
            present = {name: row[name] for name in columns if isinstance(row.get(name), str)}
            wanted = {name: changed(text) for name, text in present.items()}
            if wanted != present:
                await metadata.change(table, {"id": row["id"]}, wanted)

    def in_list(self, text: str) -> str:
        """A list of names separated by commas, each perhaps the beginning of a path."""
        return ",".join(map(self._in_path, text.split(",")))

    def in_json(self, value: Any, key: str = "") -> Any:
        """A JSON value with every text that names the field."""
        match value:
            case dict():
                return {
                    (self._new if name == self._old else name): self.in_json(part, name)
                    for name, part in value.items()
                }
            case list():
                return [self.in_json(part, key) for part in value]
            case str() if key not in _VALUES:
                return self.in_list(_TEMPLATE.sub(self._in_template, value))
            case _:
                return value

    def _in_json_text(self, text: str) -> str:
        try:
            value = msgspec.json.decode(text)
        except msgspec.MsgspecError:
            return text
        changed = self.in_json(value)
        return text if changed == value else msgspec.json.encode(changed).decode()

    def _in_path(self, path: str) -> str:
        # `-name` sorts downward or leaves out; `name.title` is a path through a relation.
        bare = path.strip().removeprefix("-")
        first, dot, rest = bare.partition(".")
        if first != self._old:
            return path
        return path.replace(bare, f"{self._new}{dot}{rest}", 1)

    def _in_template(self, match: re.Match[str]) -> str:
        return match.group(0).replace(match.group(1), self._in_path(match.group(1)))
