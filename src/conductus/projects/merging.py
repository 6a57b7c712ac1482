"""What the database says and what the metadata says, merged into a `Schema`. Pure.

The database wins for what a column is; `directus_collections`, `directus_fields` and
`directus_relations` say the rest. Metadata of tables and columns that are not there, and
rows that make no sense, are passed over: old databases hold such rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from conductus.database.introspection.tables import Table
from conductus.schema.model import (
    Collection,
    Column,
    Field,
    Kind,
    Relation,
    Schema,
    assemble,
)
from conductus.schema.status import statuses_of
from conductus.schema.system import COMPUTED, System
from conductus.schema.types import FIELD_TYPES

OWN_PREFIX = "conductus_"
SYSTEM_PREFIX = "directus_"
SETTINGS = "directus_settings"
Row = Mapping[str, Any]

_INFERRED: Mapping[Kind, str] = {
    Kind.INTEGER: "integer",
    Kind.DECIMAL: "decimal",
    Kind.DECIMAL_TEXT: "decimal",
    Kind.FLOAT: "decimal",
    Kind.SINGLE: "decimal",
    Kind.BOOLEAN: "boolean",
    Kind.TEXT: "string",
    Kind.UUID: "uuid",
    Kind.DATE: "date",
    Kind.TIME: "time",
    Kind.DATETIME: "datetime",
    Kind.DATETIME_ZONE: "datetime",
    Kind.JSON: "json",
    Kind.BINARY: "binary",
    Kind.TEXT_ARRAY: "array",
    Kind.OPAQUE: "string",
}


class Metadata(Struct, frozen=True, kw_only=True):
    """Rows of the metadata tables, by column name."""

    collections: tuple[Row, ...] = ()
    fields: tuple[Row, ...] = ()
    relations: tuple[Row, ...] = ()


class Merger:
    """Makes schemas of one project, and remembers what each collection was made of.

    A change touches a collection or two, and all others come out as they did before.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self._seeded = _by_collection(system.fields)
        self._known: dict[str, tuple[_Said, Collection]] = {}

    def merge(self, tables: Iterable[Table], metadata: Metadata, version: int = 0) -> Schema:
        """The schema of a project."""
        stated = {str(row["collection"]): row for row in metadata.collections}
        fields = _by_collection(metadata.fields)
        known = {
            table.name: self._collection(
                _Said(
                    table,
                    stated.get(table.name),
                    _with_seeds(fields[table.name], self._seeded.get(table.name, [])),
                )
            )
            for table in tables
            if not table.name.startswith(OWN_PREFIX)
        }
        self._known = known
        relations = [found for row in metadata.relations if (found := _relation(row)) is not None]
        return assemble(
            [collection for _, collection in known.values()],
            [*relations, *self.system.relations],
            version,
        )

    def _collection(self, said: _Said) -> tuple[_Said, Collection]:
        known = self._known.get(said.table.name)
        if known is not None and known[0] == said:
            return known
        builtin = said.table.name in self.system.tables
        return said, _collection(said.table, said.row, said.fields, builtin=builtin)


class _Said(Struct, frozen=True):
    """All that a collection is made of."""

    table: Table
    row: Row | None
    fields: list[Row]


def settings_catalogue(metadata: Metadata, system: System) -> dict[str, Field]:
    """The keys of the settings with their types: rows of fields that are no columns."""
    rows = _with_seeds(
        _by_collection(metadata.fields)[SETTINGS], _by_collection(system.fields)[SETTINGS]
    )
    fields = (_field(SETTINGS, str(row["field"]), row, None) for row in rows)
    return {field.name: field for field in sorted(fields, key=_order)}


def inferred_type(column: Column) -> str:
    """The field type of a column without metadata."""
    return _INFERRED[column.kind]


def _by_collection(rows: Iterable[Row]) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("collection") and row.get("field"):
            found[str(row["collection"])].append(row)
    return found


def _with_seeds(rows: list[Row], seeds: list[Row]) -> list[Row]:
    named = {row["field"] for row in rows}
    return [*rows, *(seed for seed in seeds if seed["field"] not in named)]


def _collection(table: Table, row: Row | None, rows: list[Row], *, builtin: bool) -> Collection:
    fields = _fields(table, rows)
    status = _first(fields, "status")
    facts = row or {}
    return Collection(
        name=table.name,
        fields=fields,
        primary_key=table.primary_key,
        managed=builtin or bool(facts.get("managed")),
        hidden=bool(facts.get("hidden")),
        single=bool(facts.get("single")),
        icon=facts.get("icon"),
        note=facts.get("note"),
        translation=_json(facts.get("translation")),
        view=table.view,
        triggers=table.triggers,
        unique_keys=table.unique_keys,
        statuses=statuses_of(status) if status else (),
        status_field=status.name if status else None,
        sort_field=_name(_first(fields, "sort")),
        # Its name in old databases comes second.
        owner_field=_name(_first(fields, "owner") or _first(fields, "user_created")),
        computed=_computed(table.name, fields),
    )


def _computed(collection: str, fields: Mapping[str, Field]) -> dict[str, tuple[str, ...]]:
    """The aliases that can be computed of what the table has."""
    return {
        name: tuple(source for source in sources if source in fields)
        for name, sources in COMPUTED.get(collection, {}).items()
        if name in fields and fields[name].column is None
    }


def _fields(table: Table, rows: list[Row]) -> dict[str, Field]:
    """The fields in API order: those with metadata by `sort`, then the other columns."""
    columns = {column.name: column for column in table.columns}
    managed: list[Field] = []
    for row in rows:
        name = str(row["field"])
        column = columns.get(name)
        if column is not None or (_is_alias(row.get("type")) and table.name != SETTINGS):
            managed.append(_field(table.name, name, row, column))
    named = {field.name for field in managed}
    rest = (
        Field(collection=table.name, name=name, type=inferred_type(column), column=column)
        for name, column in columns.items()
        if name not in named
    )
    return {field.name: field for field in [*sorted(managed, key=_order), *rest]}


def _field(collection: str, name: str, row: Row, column: Column | None) -> Field:
    options = _json(row.get("options"))
    return Field(
        collection=collection,
        name=name,
        type=_type(row.get("type"), column),
        column=column,
        id=_integer(row.get("id")),
        interface=row.get("interface"),
        options=options if isinstance(options, dict) else None,
        locked=bool(row.get("locked")),
        validation=row.get("validation") or None,
        required=bool(row.get("required")),
        readonly=bool(row.get("readonly")),
        hidden_detail=bool(row.get("hidden_detail")),
        hidden_browse=bool(row.get("hidden_browse")),
        sort=_integer(row.get("sort")),
        width=row.get("width"),
        group=_integer(row.get("group")),
        note=row.get("note"),
        translation=_json(row.get("translation")),
    )


def _type(stated: Any, column: Column | None) -> str:
    known = FIELD_TYPES.get(str(stated or "").lower())
    if column is None:
        return known.name if known is not None else "alias"
    if known is None or known.alias:
        # Types of extensions, and a column that somebody added under an alias's name.
        return inferred_type(column)
    return known.name


def _is_alias(stated: Any) -> bool:
    known = FIELD_TYPES.get(str(stated or "").lower())
    return known is not None and known.alias


def _order(field: Field) -> tuple[bool, int, int]:
    unplaced = field.sort is None
    return unplaced, field.sort or 0, field.id if field.id is not None else 1 << 62


def _first(fields: Mapping[str, Field], kind: str) -> Field | None:
    return next((f for f in fields.values() if f.type == kind and f.column is not None), None)


def _name(field: Field | None) -> str | None:
    return field.name if field else None


def _relation(row: Row) -> Relation | None:
    many, field, one = row.get("collection_many"), row.get("field_many"), row.get("collection_one")
    if not (many and field and one):
        return None
    return Relation(
        collection_many=many,
        field_many=field,
        collection_one=one,
        field_one=row.get("field_one") or None,
        junction_field=row.get("junction_field") or None,
        id=_integer(row.get("id")),
    )


def _json(value: Any) -> Any:
    """JSON kept in a text column; None for what is none."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value) if value.strip() else None
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return None


def _integer(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
