"""What a change of the schema goes by: the database as its own transaction sees it.

Read under the schema lock, so that what is judged is what will be changed, also when
another server, or somebody with plain DDL, was there a moment before.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor
from conductus.database.introspection import Table, introspect_within
from conductus.errors import CollectionNotFound, CollectionNotManaged, SystemCollection
from conductus.projects.merging import OWN_PREFIX, Merger, Metadata
from conductus.projects.snapshot import by_name, read_metadata
from conductus.schema.model import Collection, Kind, Schema
from conductus.schema.system import System

EXTENSIBLE = frozenset({"directus_users", "directus_files"})
"""System collections that take fields of their users."""


class Picture(Struct, frozen=True, kw_only=True):
    """Tables, metadata and what they make together."""

    tables: Mapping[str, Table]
    metadata: Metadata
    schema: Schema
    system: System

    def kinds(self, table: str) -> dict[str, Kind]:
        """The columns that a metadata table has in this database."""
        return {column.name: column.kind for column in self.tables[table].columns}

    def collection(self, name: str) -> Collection:
        """The collection of that name. Raises `CollectionNotFound` (200)."""
        if name.startswith(OWN_PREFIX):
            raise CollectionNotFound(name)
        return self.schema.collection(name)

    def alterable(self, name: str) -> Collection:
        """A collection whose fields may be changed. Raises 200, 201 or 205."""
        collection = self.collection(name)
        if collection.system and name not in EXTENSIBLE:
            raise SystemCollection(name)
        if not collection.managed:
            raise CollectionNotManaged(name)
        return collection

    def builtin_field(self, collection: str, field: str) -> bool:
        """Whether a field is part of the system and not of the user's making."""
        table = self.system.tables.get(collection)
        if table is not None and field in table.kinds:
            return True
        return any(
            row["collection"] == collection and row["field"] == field for row in self.system.fields
        )


async def look(executor: Executor, dialect: Dialect, merger: Merger) -> Picture:
    """The picture of this moment."""
    tables = await introspect_within(executor, dialect)
    named = by_name(tables)
    metadata = await read_metadata(executor, dialect, named)
    schema = merger.merge(tables, metadata)
    return Picture(tables=named, metadata=metadata, schema=schema, system=merger.system)
