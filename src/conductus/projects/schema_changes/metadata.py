"""Rows of the metadata tables: written, changed and removed with the schema they speak of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.projects import rows
from conductus.projects.schema_changes.picture import Picture
from conductus.schema.model import Relation

COLLECTIONS: Final = "directus_collections"
FIELDS: Final = "directus_fields"
RELATIONS: Final = "directus_relations"
PERMISSIONS: Final = "directus_permissions"
PRESETS: Final = "directus_collection_presets"

FIELD_COLUMNS: Final = (
    "type",
    "interface",
    "options",
    "validation",
    "required",
    "readonly",
    "hidden_detail",
    "hidden_browse",
    "sort",
    "width",
    "group",
    "note",
    "translation",
)
"""What a client may say of a field that is kept in its row."""
_JSON: Final = frozenset({"options", "translation"})
Values = Mapping[str, Any]


class MetadataRows:
    """Writes the metadata inside the transaction that changes the schema."""

    def __init__(self, transaction: Transaction, dialect: Dialect, picture: Picture) -> None:
        self._transaction = transaction
        self._dialect = dialect
        self._picture = picture
        self._forgotten: set[str] = set()

    async def put_collection(self, name: str, values: Values) -> None:
        """Makes the row of a collection, or changes what it says."""
        known = any(str(row["collection"]) == name for row in self._picture.metadata.collections)
        if known:
            await self.change(COLLECTIONS, {"collection": name}, values)
        else:
            blank = {"managed": True, "hidden": False, "single": False}
            await self.add(COLLECTIONS, {**blank, **values, "collection": name})

    async def put_field(self, collection: str, name: str, type: str, values: Values) -> None:
        """Makes the row of a field, or changes what it says."""
        if collection not in self._forgotten and any(
            (str(row["collection"]), str(row["field"])) == (collection, name)
            for row in self._picture.metadata.fields
        ):
            await self.change(FIELDS, {"collection": collection, "field": name}, values)
        else:
            named = {"collection": collection, "field": name, "type": type}
            blank = self._seed(collection, name) or _BLANK_FIELD
            await self.add(FIELDS, {**blank, **values, **named})

    async def forget_structure(self, name: str) -> None:
        """What was said of a table that somebody dropped, where a new one takes its name."""
        self._forgotten.add(name)
        await self.remove(FIELDS, collection=name)
        await self.remove(RELATIONS, collection_many=name)
        await self.remove(RELATIONS, collection_one=name)

    async def remove_collection(self, name: str) -> None:
        """Every row that speaks of a collection that is gone."""
        await self.remove(COLLECTIONS, collection=name)
        await self.remove(FIELDS, collection=name)
        await self.remove(RELATIONS, collection_many=name)
        await self.remove(RELATIONS, collection_one=name)
        await self.remove(PERMISSIONS, collection=name)
        await self.remove(PRESETS, collection=name)

    async def remove_field(self, collection: str, name: str) -> None:
        """The row of a field."""
        await self.remove(FIELDS, collection=collection, field=name)

    async def remove_relation(self, relation: Relation) -> None:
        """The row of a relation; one that a field type implies has none."""
        await self.remove(
            RELATIONS,
            collection_many=relation.collection_many,
            field_many=relation.field_many,
        )

    async def unlink_alias(self, relation: Relation) -> None:
        """The relation stays without an alias on the one side."""
        key = {
            "collection_many": relation.collection_many,
            "field_many": relation.field_many,
        }
        await self.change(RELATIONS, key, {"field_one": None})

    def _seed(self, collection: str, name: str) -> Values | None:
        """What is built in of a system field that this database has no row for."""
        for row in self._picture.system.fields:
            if (row["collection"], row["field"]) == (collection, name):
                return row
        return None

    async def add(self, table: str, values: Values) -> None:
        """A row of a metadata table; columns that this database lacks are left out."""
        kinds = self._picture.kinds(table)
        row = {name: _stored(name, value) for name, value in values.items() if name in kinds}
        await rows.add(self._transaction, self._dialect, table, kinds, [row])

    async def change(self, table: str, key: Values, values: Values) -> None:
        """The same for rows that are there."""
        kinds = self._picture.kinds(table)
        changed = {name: _stored(name, value) for name, value in values.items() if name in kinds}
        if changed:
            await rows.change(self._transaction, self._dialect, table, kinds, key, changed)

    async def remove(self, table: str, **key: Any) -> None:
        """The rows that have the values of `key`."""
        if table not in self._picture.tables:
            return
        kinds = self._picture.kinds(table)
        await rows.remove(self._transaction, self._dialect, table, kinds, key)


_BLANK_FIELD: Final[Values] = {
    "locked": False,
    "required": False,
    "readonly": False,
    "hidden_detail": False,
    "hidden_browse": False,
    "width": "full",
}


def _stored(name: str, value: Any) -> Any:
    if name in _JSON and isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return value
