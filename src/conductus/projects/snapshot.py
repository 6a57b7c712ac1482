"""Looks at a project's database and makes the immutable picture that requests work on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from conductus.config import LimitsConfig
from conductus.database.dialect import Dialect
from conductus.database.executor import Database, Executor
from conductus.database.introspection import Table, introspect
from conductus.errors import NotInstalled
from conductus.projects import rows
from conductus.projects.coherence import STATE_TABLE
from conductus.projects.journal_statements import WATCHED, read_watched
from conductus.projects.merging import SETTINGS, Merger, Metadata, settings_catalogue
from conductus.projects.settings import Settings, settings
from conductus.projects.webhooks import WEBHOOKS, Webhooks, load_webhooks
from conductus.query.limits import Limits
from conductus.schema.model import Field, Kind, Schema

METADATA_TABLES = ("directus_collections", "directus_fields", "directus_relations")


class Snapshot(Struct, frozen=True, kw_only=True):
    """A project as a request sees it from beginning to end."""

    schema: Schema
    settings: Settings
    settings_fields: Mapping[str, Field]
    """The keys that settings may have, with their types: they are no columns."""
    limits: Limits
    """What one query may ask for."""
    webhooks: Webhooks = Webhooks()
    """Who is told of changes."""
    watched: frozenset[str] = frozenset()
    """Collections of which the journal is written."""
    fingerprint: str
    """Of the catalogue that the schema was read from."""


async def load(
    database: Database, key: str, merger: Merger, limits: LimitsConfig, version: int
) -> Snapshot:
    """A new look at the database. Raises `NotInstalled` where our tables are not there."""
    dialect = database.dialect
    # Read first: a table that changes while we look makes the next comparison differ.
    fingerprint = await database.fingerprint()
    tables = await introspect(database)
    named = by_name(tables)
    missing = [name for name in (*METADATA_TABLES, SETTINGS, STATE_TABLE) if name not in named]
    if missing:
        raise NotInstalled(f"The project {key!r} is not installed in its database")
    metadata = await read_metadata(database, dialect, named)
    stated = settings(await _settings_rows(database, dialect), key)
    return Snapshot(
        schema=merger.merge(tables, metadata, version),
        settings=stated,
        limits=_limits(stated, limits),
        settings_fields=settings_catalogue(metadata, merger.system),
        webhooks=await load_webhooks(database, dialect, named.get(WEBHOOKS)),
        watched=await read_watched(database, dialect, named.get(WATCHED), datetime.now(UTC)),
        fingerprint=fingerprint,
    )


async def read_metadata(
    executor: Executor, dialect: Dialect, tables: Mapping[str, Table]
) -> Metadata:
    """The rows of the metadata tables, whatever columns this database has in them."""
    collections, fields, relations = [
        await rows.read(executor, dialect, name, _kinds(tables[name]), tables[name].primary_key)
        for name in METADATA_TABLES
    ]
    return Metadata(collections=collections, fields=fields, relations=relations)


def by_name(tables: Iterable[Table]) -> dict[str, Table]:
    """Tables by their names."""
    return {table.name: table for table in tables}


def _kinds(table: Table) -> dict[str, Kind]:
    return {column.name: column.kind for column in table.columns}


async def _settings_rows(executor: Executor, dialect: Dialect) -> list[tuple[str, str | None]]:
    kinds = {"key": Kind.TEXT, "value": Kind.TEXT}
    found = await rows.read(executor, dialect, SETTINGS, kinds, ("key",))
    return [(row["key"], row["value"]) for row in found]


def _limits(stated: Settings, configured: LimitsConfig) -> Limits:
    return Limits(
        default_limit=stated.default_limit,
        max_limit=configured.max_limit,
        max_depth=configured.fields_depth,
        max_filters=configured.filters,
        max_ids=configured.ids,
    )
