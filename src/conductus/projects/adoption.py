"""Adopting a database as it is: tables → rows of metadata. Pure; nothing is written here.

Tables become managed collections, columns fields, single-column foreign keys relations with
an alias on the other side; a table whose key is made of exactly its two foreign keys is a
junction and can be followed from both ends. What metadata exists is kept. User tables are
never altered: all of this is rows in our tables. Source: schema page of the API reference,
§3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from conductus.database.introspection.tables import ForeignKey, Table
from conductus.projects.merging import OWN_PREFIX, SYSTEM_PREFIX, Metadata, inferred_type
from conductus.schema.model import Column

LONGEST_NAME = 64
Row = dict[str, Any]

_INTERFACES: Mapping[str, str] = {
    "boolean": "switch",
    "date": "date",
    "time": "time",
    "datetime": "datetime",
    "integer": "numeric",
    "decimal": "numeric",
    "json": "json",
    "array": "tags",
}
_TEXT_AREA_DATATYPES = frozenset({"TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT"})


class Skipped(Struct, frozen=True):
    """Something that was left as it is, and why."""

    what: str
    """`table`, `table.column` or the columns of a foreign key."""
    why: str


class Adoption(Struct, frozen=True, kw_only=True):
    """Rows to be added to the metadata, and what they leave out."""

    collections: tuple[Row, ...]
    manage: tuple[str, ...]
    """Collections that have a row already, to be marked as managed."""
    fields: tuple[Row, ...]
    relations: tuple[Row, ...]
    skipped: tuple[Skipped, ...]


class _Known(Struct, frozen=True):
    """What the metadata has already."""

    collections: Mapping[str, bool]
    """Name → managed."""
    fields: frozenset[tuple[str, str]]
    relations: frozenset[tuple[str, str]]


class _Link(Struct, frozen=True):
    """A foreign key that becomes a relation."""

    many: Table
    column: str
    one: str
    junction_column: str | None


def plan(tables: Iterable[Table], metadata: Metadata) -> Adoption:
    """What it takes to manage every table that is not managed yet."""
    every = {table.name: table for table in tables}
    known = _known(metadata)
    skipped: list[Skipped] = []
    adopted = [table for table in _users_own(every) if _nameable(table.name, skipped)]
    links = [link for table in adopted for link in _links(table, every, skipped)]
    names = _alias_names(links, every, known, skipped)
    return Adoption(
        collections=tuple(
            {"collection": table.name, "managed": True, "hidden": False, "single": False}
            for table in adopted
            if table.name not in known.collections
        ),
        manage=tuple(t.name for t in adopted if known.collections.get(t.name) is False),
        fields=tuple(_field_rows(adopted, links, names, known, skipped)),
        relations=tuple(
            {
                "collection_many": link.many.name,
                "field_many": link.column,
                "collection_one": link.one,
                "field_one": names.get(_key(link)),
                "junction_field": link.junction_column,
            }
            for link in links
            if _key(link) not in known.relations
        ),
        skipped=tuple(skipped),
    )


def _known(metadata: Metadata) -> _Known:
    return _Known(
        {str(row["collection"]): bool(row.get("managed")) for row in metadata.collections},
        frozenset((str(row["collection"]), str(row["field"])) for row in metadata.fields),
        frozenset(
            (str(row["collection_many"]), str(row["field_many"])) for row in metadata.relations
        ),
    )


def _users_own(tables: Mapping[str, Table]) -> list[Table]:
    return [
        table
        for name, table in sorted(tables.items())
        if not name.startswith((OWN_PREFIX, SYSTEM_PREFIX))
    ]


def _nameable(name: str, skipped: list[Skipped]) -> bool:
    if len(name) <= LONGEST_NAME:
        return True
    skipped.append(Skipped(name, f"the name has more than {LONGEST_NAME} characters"))
    return False


# -- relations ----------------------------------------------------------------------


def _links(table: Table, tables: Mapping[str, Table], skipped: list[Skipped]) -> list[_Link]:
    usable: dict[str, ForeignKey] = {}
    for foreign_key in table.foreign_keys:
        why = _unusable(foreign_key, tables, usable)
        if why is None:
            usable[foreign_key.columns[0]] = foreign_key
        else:
            columns = ", ".join(foreign_key.columns)
            skipped.append(Skipped(f"{table.name}.{columns} → {foreign_key.table}", why))
    far = _far_columns(table, usable)
    return [
        _Link(table, column, foreign_key.table, far.get(column))
        for column, foreign_key in usable.items()
    ]


def _unusable(
    foreign_key: ForeignKey, tables: Mapping[str, Table], usable: Mapping[str, ForeignKey]
) -> str | None:
    """Why a foreign key cannot be a relation; None when it can."""
    target = tables.get(foreign_key.table)
    if len(foreign_key.columns) != 1:
        return "a relation has one column"
    if target is None:
        return "the table it refers to cannot be seen"
    if target.primary_key != foreign_key.referred_columns:
        return "it does not refer to the primary key"
    if max(len(foreign_key.columns[0]), len(foreign_key.table)) > LONGEST_NAME:
        return f"a name has more than {LONGEST_NAME} characters"
    if foreign_key.columns[0] in usable:
        return "the column refers to another table already"
    return None


def _far_columns(table: Table, usable: Mapping[str, ForeignKey]) -> dict[str, str]:
    """For a junction: each end's column → the column of the other end."""
    ends = tuple(usable)
    junction = len(ends) == 2 and len(table.foreign_keys) == 2
    if not junction or set(table.primary_key) != set(ends):
        return {}
    return {ends[0]: ends[1], ends[1]: ends[0]}


def _alias_names(
    links: Iterable[_Link], tables: Mapping[str, Table], known: _Known, skipped: list[Skipped]
) -> dict[tuple[str, str], str]:
    """(collection_many, field_many) → name of the alias on the one side."""
    taken = {name: {column.name for column in table.columns} for name, table in tables.items()}
    for collection, field in known.fields:
        taken.setdefault(collection, set()).add(field)
    names: dict[tuple[str, str], str] = {}
    for link in links:
        if _key(link) in known.relations:
            continue
        wanted = (link.many.name, f"{link.many.name}_{link.column}")
        name = next((n for n in wanted if _free(n, taken[link.one])), None)
        if name is None:
            skipped.append(Skipped(f"{link.one}.{wanted[0]}", "no name is free for the alias"))
            continue
        taken[link.one].add(name)
        names[_key(link)] = name
    return names


def _free(name: str, taken: set[str]) -> bool:
    return name not in taken and len(name) <= LONGEST_NAME


def _key(link: _Link) -> tuple[str, str]:
    return link.many.name, link.column


# -- fields -------------------------------------------------------------------------


def _field_rows(
    adopted: Iterable[Table],
    links: list[_Link],
    names: Mapping[tuple[str, str], str],
    known: _Known,
    skipped: list[Skipped],
) -> Iterable[Row]:
    pointing = {_key(link) for link in links}
    for table in adopted:
        rows = [
            _column_row(table, column, points=(table.name, column.name) in pointing)
            for column in table.columns
            if _column_nameable(table.name, column.name, skipped)
        ]
        rows += [
            _alias_row(link, names[_key(link)])
            for link in links
            if link.one == table.name and _key(link) in names
        ]
        for place, row in enumerate(rows, 1):
            if (table.name, row["field"]) not in known.fields:
                yield row | {"sort": place}


def _column_nameable(table: str, column: str, skipped: list[Skipped]) -> bool:
    if len(column) <= LONGEST_NAME:
        return True
    skipped.append(
        Skipped(f"{table}.{column}", f"the name has more than {LONGEST_NAME} characters")
    )
    return False


def _column_row(table: Table, column: Column, *, points: bool) -> Row:
    kind = "m2o" if points else inferred_type(column)
    return _row(
        table.name,
        column.name,
        kind,
        _interface(kind, column, points=points),
        required=not (column.nullable or column.has_default or column.auto_increment),
        readonly=column.generated or table.view,
        hidden_detail=column.auto_increment,
    )


def _alias_row(link: _Link, name: str) -> Row:
    # A many-to-many field is an o2m alias onto the junction; only the interface differs.
    interface = "many-to-many" if link.junction_column else "one-to-many"
    return _row(link.one, name, "o2m", interface)


def _row(
    collection: str,
    field: str,
    kind: str,
    interface: str,
    *,
    required: bool = False,
    readonly: bool = False,
    hidden_detail: bool = False,
) -> Row:
    return {
        "collection": collection,
        "field": field,
        "type": kind,
        "interface": interface,
        "locked": False,
        "required": required,
        "readonly": readonly,
        "hidden_detail": hidden_detail,
        "hidden_browse": False,
        "width": "full",
    }


def _interface(kind: str, column: Column, *, points: bool) -> str:
    if points:
        return "many-to-one"
    if column.primary_key:
        return "primary-key"
    if kind == "string" and column.datatype in _TEXT_AREA_DATATYPES:
        return "textarea"
    return _INTERFACES.get(kind, "text-input")
