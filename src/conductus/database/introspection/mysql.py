"""The catalogue of MySQL and MariaDB: the information schema."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct, structs

from conductus.database.executor import Executor, Row
from conductus.database.introspection.catalogue import Catalogue
from conductus.database.introspection.defaults import Default, mariadb_default, mysql_default
from conductus.database.introspection.tables import ON_DELETE, ForeignKey, Index, Table
from conductus.database.native_types import NativeType, mysql_type
from conductus.schema.letters import TWO_BYTES
from conductus.schema.model import Column, Kind

VERSION = sa.text("SELECT VERSION()")
TABLES = sa.text(
    "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'VIEW')"
    " ORDER BY TABLE_NAME"
)
COLUMNS = sa.text(
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT,"
    " CHARACTER_SET_NAME, EXTRA, COLUMN_KEY"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
    " ORDER BY TABLE_NAME, ORDINAL_POSITION"
)
TRIGGERS = sa.text(
    "SELECT DISTINCT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA = DATABASE()"
)
INDEXES = sa.text(
    "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART"
    " FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()"
    " ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
)
FOREIGN_KEYS = sa.text(
    "SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME,"
    " REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"
    " WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE()"
    " ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"
)
RULES = sa.text(
    "SELECT TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE"
    " FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()"
)
JSON_CHECKS = sa.text(
    "SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS"
    " WHERE CONSTRAINT_SCHEMA = DATABASE() AND LOCATE('json_valid', LOWER(CHECK_CLAUSE)) = 1"
)
_LETTERS: Final[Mapping[str | None, str]] = {
    **{"ascii": "ascii", "latin1": "cp1252", "latin2": "iso8859_2", "latin5": "iso8859_9"},
    **{"latin7": "iso8859_13", "cp1250": "cp1250", "cp1251": "cp1251", "cp1257": "cp1257"},
    **{"cp850": "cp850", "cp852": "cp852", "koi8r": "koi8_r", "gbk": "gbk", "gb2312": "gb2312"},
    **{"euckr": "cp949", "sjis": "shift_jis"},
    **dict.fromkeys(("utf8", "utf8mb3", "ucs2"), TWO_BYTES),
}
"""By character set, the codec that has all of its letters.

Python's namesakes of the others lack some: there the server may refuse to compare.
"""
_JSON_VALID = re.compile(r"json_valid\(`((?:[^`]|``)+)`\)", re.IGNORECASE)


class _Server(Struct, frozen=True):
    mariadb: bool
    json_columns: frozenset[tuple[str, str]]
    """MariaDB's JSON is a LONGTEXT that is checked to be valid."""


async def tables(executor: Executor, catalogue: Catalogue) -> tuple[Table, ...]:
    """Every table and view of the current database."""
    server = await _server(executor, catalogue)
    columns: dict[str, list[Row]] = defaultdict(list)
    for row in await catalogue.fetch(executor, COLUMNS):
        columns[row[0]].append(row)
    every_index = _indexes(await catalogue.fetch(executor, INDEXES))
    triggered = {name for (name,) in await catalogue.fetch(executor, TRIGGERS)}
    rules = {(table, name): rule for table, name, rule in await catalogue.fetch(executor, RULES)}
    references = _foreign_keys(await catalogue.fetch(executor, FOREIGN_KEYS), rules)
    found = [
        Table(
            name=name,
            view=kind == "VIEW",
            triggers=name in triggered or _changes_by_itself(columns[name]),
            columns=_columns(columns[name], every_index[name], server),
            primary_key=_primary_key(every_index[name]),
            foreign_keys=tuple(references[name]),
            indexes=tuple(index for index in every_index[name] if index.name != "PRIMARY"),
        )
        for name, kind in await catalogue.fetch(executor, TABLES)
        if columns[name]
    ]
    return tuple([await _with_whole_defaults(executor, catalogue, table) for table in found])


async def _with_whole_defaults(executor: Executor, catalogue: Catalogue, table: Table) -> Table:
    """The catalogue has letters of three bytes at most: what a `?` stands for is asked."""
    doubtful = [column for column in table.columns if "?" in str(column.default or "")]
    if table.view or not doubtful:
        return table
    asked: list[sa.ColumnClause[Any]] = [
        sa.column(sa.quoted_name(column.name, quote=True)) for column in doubtful
    ]
    source = sa.table(sa.quoted_name(table.name, quote=True), *asked)
    # Without rows there is no DEFAULT() either: one of nothing is joined to them.
    nothing = sa.select(sa.literal(1).label("one")).subquery("nothing")
    defaults = sa.select(*(sa.func.default(column) for column in asked))
    joined = defaults.select_from(nothing.outerjoin(source, sa.false()))
    (values,) = await catalogue.fetch_once(executor, joined)
    # Of a column that takes no NULL the row that is not there has none to tell.
    pairs = zip((column.name for column in doubtful), values, strict=True)
    whole = {name: value for name, value in pairs if value is not None}
    columns = tuple(
        structs.replace(column, default=whole.get(column.name, column.default))
        for column in table.columns
    )
    return structs.replace(table, columns=columns)


async def _server(executor: Executor, catalogue: Catalogue) -> _Server:
    version = str((await catalogue.fetch(executor, VERSION))[0][0])
    if "mariadb" not in version.lower():
        return _Server(mariadb=False, json_columns=frozenset())
    checks = await catalogue.fetch(executor, JSON_CHECKS)
    matches = ((table, _JSON_VALID.fullmatch(str(clause))) for table, clause in checks)
    found = {(table, match.group(1).replace("``", "`")) for table, match in matches if match}
    return _Server(mariadb=True, json_columns=frozenset(found))


def _changes_by_itself(columns: Iterable[Row]) -> bool:
    """Whether a column takes the time of any change of its row."""
    return any("on update" in (extra or "").lower() for *_, extra, _ in columns)


def _primary_key(indexes: Iterable[Index]) -> tuple[str, ...]:
    return next((index.columns for index in indexes if index.name == "PRIMARY"), ())


def _columns(rows: Iterable[Row], indexes: Iterable[Index], server: _Server) -> tuple[Column, ...]:
    unique = {index.columns[0] for index in indexes if index.unique and len(index.columns) == 1}
    return tuple(_column(row, unique, server) for row in rows)


def _column(row: Row, unique: set[str], server: _Server) -> Column:
    table, name, spelled, nullable, default_text, charset, extra, key = row
    native = mysql_type(spelled)
    if (table, name) in server.json_columns:
        native = NativeType(Kind.JSON, "JSON")
    features = (extra or "").lower()
    default = _default(default_text, native.kind, features, server)
    auto_increment = "auto_increment" in features
    generated = any(word in features for word in ("virtual gen", "stored gen", "persistent"))
    primary_key = key == "PRI"
    return Column(
        name=name,
        kind=native.kind,
        datatype=native.datatype,
        native=spelled,
        length=native.length,
        letters=_LETTERS.get(charset),
        nullable=nullable == "YES",
        default=default.value,
        has_default=default.present or auto_increment or generated,
        primary_key=primary_key,
        auto_increment=auto_increment,
        unique=name in unique and not primary_key,
        signed=native.signed,
        generated=generated,
    )


def _default(text: str | None, kind: Kind, features: str, server: _Server) -> Default:
    if server.mariadb:
        return mariadb_default(text, kind)
    return mysql_default(text, kind, expression="default_generated" in features)


def _indexes(rows: Iterable[Row]) -> dict[str, list[Index]]:
    parts: dict[tuple[str, str, bool], list[str | None]] = defaultdict(list)
    for table, name, not_unique, column, prefix in rows:
        # An index over an expression or over the first letters keeps no column unique.
        parts[table, name, not int(not_unique)].append(None if prefix is not None else column)
    found: dict[str, list[Index]] = defaultdict(list)
    for (table, name, unique), columns in parts.items():
        named = tuple(column for column in columns if column is not None)
        if len(named) == len(columns):
            found[table].append(Index(name=name, columns=named, unique=unique))
    return found


def _foreign_keys(
    rows: Iterable[Row], rules: dict[tuple[str, str], str]
) -> dict[str, list[ForeignKey]]:
    parts: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
    for table, name, column, referred, referred_column in rows:
        parts[table, name, referred].append((column, referred_column))
    found: dict[str, list[ForeignKey]] = defaultdict(list)
    for (table, name, referred), pairs in parts.items():
        found[table].append(
            ForeignKey(
                name=name,
                columns=tuple(column for column, _ in pairs),
                table=referred,
                referred_columns=tuple(other for _, other in pairs),
                on_delete=ON_DELETE.get(rules.get((table, name), ""), "restrict"),
            )
        )
    return found
