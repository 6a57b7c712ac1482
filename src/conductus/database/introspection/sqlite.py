"""The catalogue of SQLite: `sqlite_master` and the table-valued pragmas."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from conductus.database.executor import Executor, Row
from conductus.database.introspection.catalogue import Catalogue
from conductus.database.introspection.defaults import sqlite_default
from conductus.database.introspection.tables import ON_DELETE, ForeignKey, Index, Table
from conductus.database.native_types import sqlite_type, without_sign
from conductus.errors import QueryFailed
from conductus.schema.model import Column

TABLES = sa.text(
    "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view')"
    " AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"
)
COLUMNS = sa.text(
    'SELECT m.name, p.name, p.type, p."notnull", p.dflt_value, p.pk, p.hidden'
    " FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p"
    " WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY m.name, p.cid"
)
COLUMNS_OF_ONE = sa.text(
    'SELECT CAST(:name AS TEXT), name, type, "notnull", dflt_value, pk, hidden'
    " FROM pragma_table_xinfo(:name) ORDER BY cid"
)
TRIGGERS = sa.text("SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'")
INDEXES = sa.text(
    'SELECT m.name, l.name, l."unique", l.origin, i.name FROM sqlite_master m'
    " JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i"
    " WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND l.origin <> 'pk'"
    " AND l.partial = 0 ORDER BY m.name, l.name, i.seqno"
)
FOREIGN_KEYS = sa.text(
    'SELECT m.name, f.id, f."from", f."table", f."to", f.on_delete FROM sqlite_master m'
    " JOIN pragma_foreign_key_list(m.name) f"
    " WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY m.name, f.id DESC, f.seq"
)

_HIDDEN = 1
"""A column of a virtual table that `SELECT *` leaves out; 2 and 3 are generated ones."""


async def tables(executor: Executor, catalogue: Catalogue) -> tuple[Table, ...]:
    """Every table and view of the main database."""
    found = await catalogue.fetch(executor, TABLES)
    columns = _grouped(await catalogue.fetch(executor, COLUMNS))
    for name, kind, sql in found:
        if kind == "view" or _virtual(sql):
            columns[name] = await _columns_of_one(executor, catalogue, name)
    indexes = _indexes(await catalogue.fetch(executor, INDEXES))
    keys = {name: _primary_key(rows) for name, rows in columns.items()}
    triggered = {name for (name,) in await catalogue.fetch(executor, TRIGGERS)}
    references = _foreign_keys(await catalogue.fetch(executor, FOREIGN_KEYS), keys)
    return tuple(
        Table(
            name=name,
            view=kind == "view",
            triggers=name in triggered,
            columns=_columns(columns[name], sql or "", indexes[name]),
            primary_key=keys[name],
            foreign_keys=tuple(references[name]),
            indexes=tuple(indexes[name]),
        )
        for name, kind, sql in found
        if columns.get(name)
    )


def unsigned_check(sql: str, column: str) -> bool:
    """Whether a CHECK of that table keeps the column from going below zero."""
    name = re.escape(column)
    quoted = re.escape(column.replace('"', '""'))
    pattern = rf'CHECK\s*\(\s*(?:"{quoted}"|`{name}`|\[{name}\]|{name})\s*>=\s*0\s*\)'
    return re.search(pattern, sql, re.IGNORECASE) is not None


async def _columns_of_one(executor: Executor, catalogue: Catalogue, name: str) -> list[Row]:
    try:
        return await catalogue.fetch(executor, COLUMNS_OF_ONE, name=name)
    except QueryFailed:
        # A view of a table that is gone, or a virtual table whose module is not loaded.
        return []


def _virtual(sql: str | None) -> bool:
    return (sql or "").upper().startswith("CREATE VIRTUAL")


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    return groups


def _primary_key(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(row[1] for row in sorted(rows, key=_place_in_key) if row[5])


def _place_in_key(row: Row) -> int:
    place: int = row[5]
    return place


def _columns(rows: Sequence[Row], sql: str, indexes: Sequence[Index]) -> tuple[Column, ...]:
    key = _primary_key(rows)
    unique = {index.columns[0] for index in indexes if index.unique and len(index.columns) == 1}
    counted = len(key) == 1 and re.search(r"WITHOUT\s+ROWID[^)]*$", sql, re.IGNORECASE) is None
    return tuple(_column(row, sql, unique, counted=counted) for row in rows if row[6] != _HIDDEN)


def _column(row: Row, sql: str, unique: set[str], *, counted: bool) -> Column:
    _, name, declared, not_null, default_text, key_place, hidden = row
    native = sqlite_type(declared or "")
    if unsigned_check(sql, name):
        native = without_sign(native)
    default = sqlite_default(default_text, native.kind)
    # https://www.sqlite.org/lang_createtable.html#rowid
    auto_increment = counted and bool(key_place) and declared.upper() == "INTEGER"
    return Column(
        name=name,
        kind=native.kind,
        datatype=native.datatype,
        native=declared or "",
        length=native.length,
        nullable=not not_null and not key_place,
        default=default.value,
        has_default=default.present or auto_increment or hidden > 0,
        primary_key=bool(key_place),
        auto_increment=auto_increment,
        unique=name in unique,
        signed=native.signed,
        wide=native.wide,
        generated=hidden > 0,
    )


def _indexes(rows: Iterable[Row]) -> dict[str, list[Index]]:
    parts: dict[tuple[str, str, bool, str], list[str | None]] = defaultdict(list)
    for table, name, unique, origin, column in rows:
        parts[table, name, bool(unique), origin].append(column)
    found: dict[str, list[Index]] = defaultdict(list)
    for (table, name, unique, origin), columns in parts.items():
        # An index over an expression or the rowid names no column.
        named = tuple(column for column in columns if column is not None)
        if len(named) == len(columns):
            index = Index(name=name, columns=named, unique=unique, constraint=origin == "u")
            found[table].append(index)
    return found


def _foreign_keys(
    rows: Iterable[Row], keys: dict[str, tuple[str, ...]]
) -> dict[str, list[ForeignKey]]:
    parts: dict[tuple[str, int, str, str], list[tuple[str, Any]]] = defaultdict(list)
    for table, number, column, referred, referred_column, rule in rows:
        parts[table, number, referred, rule].append((column, referred_column))
    found: dict[str, list[ForeignKey]] = defaultdict(list)
    cases = {name.casefold(): name for name in keys}
    for (table, _, spelled, rule), pairs in parts.items():
        # `references ARTIST` finds the table Artist.
        referred = cases.get(spelled.casefold(), spelled)
        columns = tuple(column for column, _ in pairs)
        # REFERENCES without columns means the primary key of the other table.
        named = tuple(other for _, other in pairs if other is not None)
        found[table].append(
            ForeignKey(
                name=None,
                columns=columns,
                table=referred,
                referred_columns=named or keys.get(referred, ()),
                on_delete=ON_DELETE.get(rule, "restrict"),
            )
        )
    return found
