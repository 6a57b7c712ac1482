"""The built-in collections as data: their tables, fields, relations and first rows.

The data stand as JSON files in `data/`. `load_system` reads them once; who holds the
result hands it on. Rows are plain values by column name, ready to be inserted: JSON in
columns of text is text. Source: system collections page of the API reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from conductus.schema.model import Kind, Relation

Row = dict[str, Any]
SystemType = Literal["string", "text", "longtext", "integer", "bigint", "boolean", "datetime"]

_KINDS: Mapping[SystemType, Kind] = {
    "string": Kind.TEXT,
    "text": Kind.TEXT,
    "longtext": Kind.TEXT,
    "integer": Kind.INTEGER,
    "bigint": Kind.INTEGER,
    "boolean": Kind.BOOLEAN,
    "datetime": Kind.DATETIME,
}


COMPUTED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "directus_files": {
        "data": ("filename_disk", "filename_download", "private_hash", "type", "embed")
    }
}
"""Collection → aliases that are computed, with the columns that they are made of."""


WRITTEN: Final = frozenset(
    {
        *("directus_users", "directus_roles", "directus_permissions", "directus_files"),
        *("directus_folders", "directus_collection_presets", "directus_webhooks"),
    }
)
"""Built-in collections whose rows are written as items are, along with others too."""


class SystemColumn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of a built-in table."""

    name: str
    type: SystemType
    nullable: bool
    length: int | None = None
    """Characters, of `string` alone."""
    unsigned: bool = False
    default: str | int | bool | UnsetType = UNSET
    """The default as a plain value; UNSET when there is none."""
    primary_key: bool = False
    auto_increment: bool = False

    @property
    def kind(self) -> Kind:
        """How it stores its values in the tables that are made here."""
        return _KINDS[self.type]


class SystemIndex(Struct, frozen=True, forbid_unknown_fields=True):
    """An index of a built-in table."""

    name: str
    columns: tuple[str, ...]
    unique: bool


class SystemTable(Struct, frozen=True, forbid_unknown_fields=True):
    """A built-in table."""

    columns: tuple[SystemColumn, ...]
    indexes: tuple[SystemIndex, ...]

    @property
    def primary_key(self) -> str:
        """The name of its key column."""
        return next(column.name for column in self.columns if column.primary_key)

    @property
    def kinds(self) -> dict[str, Kind]:
        """Column → how it stores its values."""
        return {column.name: column.kind for column in self.columns}


class System(Struct, frozen=True, kw_only=True):
    """Everything that is built in."""

    tables: dict[str, SystemTable]
    """By name, in the order in which they are to be made; `conductus_*` are our own."""
    fields: tuple[Row, ...]
    """Rows of `directus_fields`. Those of `directus_settings` are the keys of the settings."""
    relations: tuple[Relation, ...]
    settings: tuple[Row, ...]
    presets: tuple[Row, ...]
    roles: tuple[Row, ...]

    @property
    def collections(self) -> frozenset[str]:
        """The names of the built-in collections."""
        return frozenset(name for name in self.tables if name.startswith("directus_"))

    @property
    def seeds(self) -> dict[str, tuple[Row, ...]]:
        """Table → the rows that a new project starts with."""
        return {
            "directus_fields": self.fields,
            "directus_relations": tuple(map(_relation_row, self.relations)),
            "directus_settings": self.settings,
            "directus_collection_presets": self.presets,
            "directus_roles": self.roles,
        }


class _Seed(Struct, forbid_unknown_fields=True):
    directus_collection_presets: list[Row]
    directus_roles: list[Row]
    directus_relations: list[Relation]
    directus_settings: list[Row]


def load_system() -> System:
    """Reads the data files."""
    tables = msgspec.json.decode(_read("tables.json"), type=dict[str, SystemTable])
    seed = msgspec.json.decode(_read("seed.json"), type=_Seed)
    fields = msgspec.json.decode(_read("fields.json"), type=list[Row])
    return System(
        tables=tables,
        fields=_plain(fields),
        relations=tuple(seed.directus_relations),
        settings=_plain(seed.directus_settings),
        presets=_plain(seed.directus_collection_presets),
        roles=_plain(seed.directus_roles),
    )


def _read(name: str) -> bytes:
    return files("conductus.schema").joinpath("data", name).read_bytes()


def _plain(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple({name: _plain_value(value) for name, value in row.items()} for row in rows)


def _plain_value(value: Any) -> Any:
    # Columns of the built-in tables keep JSON in text, on every database.
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def _relation_row(relation: Relation) -> Row:
    return {
        name: getattr(relation, name)
        for name in (
            "collection_many",
            "field_many",
            "collection_one",
            "field_one",
            "junction_field",
        )
    }
