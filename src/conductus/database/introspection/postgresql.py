"""The catalogue of PostgreSQL: `pg_catalog`, for the current schema alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from conductus.database.executor import Executor, Row
from conductus.database.introspection.catalogue import Catalogue
from conductus.database.introspection.defaults import postgresql_default
from conductus.database.introspection.tables import ON_DELETE, ForeignKey, Index, Table
from conductus.database.native_types import postgresql_type, without_sign
from conductus.schema.model import Column

# Tables, partitioned and foreign ones, views and materialized views; a partition's rows
# are reached through its parent.
COLUMNS = sa.text(
    "SELECT c.relname, c.relkind IN ('v', 'm'), a.attname,"
    " format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END,"
    " CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END),"
    " a.attnotnull, CAST(a.attidentity AS text), CAST(a.attgenerated AS text),"
    " pg_get_expr(d.adbin, d.adrelid),"
    " ARRAY(SELECT CAST(e.enumlabel AS text) FROM pg_catalog.pg_enum e"
    " WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)"
    " FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"
    " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
    " WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f', 'v', 'm')"
    " AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY c.relname, a.attnum"
)
# A rule may do what a trigger may; those of constraints are the server's own.
TRIGGERS = sa.text(
    "SELECT c.relname FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f') AND (c.relhasrules OR"
    " EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal))"
)
INDEXES = sa.text(
    "SELECT c.relname, x.relname, i.indisprimary, i.indisunique, co.oid IS NOT NULL,"
    " ARRAY(SELECT CAST(a.attname AS text) FROM unnest(CAST(i.indkey AS int2[]))"
    " WITH ORDINALITY AS k(number, place)"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number"
    " WHERE k.place <= i.indnkeyatts ORDER BY k.place)"
    " FROM pg_catalog.pg_index i"
    " JOIN pg_catalog.pg_class c ON c.oid = i.indrelid"
    " JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_catalog.pg_constraint co"
    " ON co.conindid = x.oid AND co.conrelid = c.oid AND co.contype IN ('p', 'u')"
    " WHERE n.nspname = current_schema() AND i.indisvalid"
    " AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY c.relname, x.relname"
)
FOREIGN_KEYS = sa.text(
    "SELECT c.relname, co.conname, r.relname,"
    " ARRAY(SELECT CAST(a.attname AS text) FROM unnest(co.conkey)"
    " WITH ORDINALITY AS k(number, place)"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number"
    " ORDER BY k.place),"
    " ARRAY(SELECT CAST(a.attname AS text) FROM unnest(co.confkey)"
    " WITH ORDINALITY AS k(number, place)"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.number"
    " ORDER BY k.place),"
    " CASE co.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' END"
    " FROM pg_catalog.pg_constraint co"
    " JOIN pg_catalog.pg_class c ON c.oid = co.conrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_class r ON r.oid = co.confrelid AND r.relnamespace = c.relnamespace"
    " WHERE n.nspname = current_schema() AND co.contype = 'f' AND NOT r.relispartition"
    " ORDER BY c.relname, co.conname"
)
CHECKS = sa.text(
    "SELECT c.relname, co.conname, a.attname, pg_get_expr(co.conbin, co.conrelid)"
    " FROM pg_catalog.pg_constraint co"
    " JOIN pg_catalog.pg_class c ON c.oid = co.conrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = co.conkey[1]"
    " WHERE n.nspname = current_schema() AND co.contype = 'c' AND cardinality(co.conkey) = 1"
)
_NOT_NEGATIVE = re.compile(r'\(*(?:"(?:[^"]|"")+"|\w+)\)* >= \(*0(?:::[a-z ]+)?\)*')


async def tables(executor: Executor, catalogue: Catalogue) -> tuple[Table, ...]:
    """Every table and view of the current schema."""
    columns: dict[str, list[Row]] = defaultdict(list)
    for row in await catalogue.fetch(executor, COLUMNS):
        columns[row[0]].append(row)
    keys, indexes = _indexes(await catalogue.fetch(executor, INDEXES))
    triggered = {name for (name,) in await catalogue.fetch(executor, TRIGGERS)}
    references = _foreign_keys(await catalogue.fetch(executor, FOREIGN_KEYS))
    checks = _unsigned(await catalogue.fetch(executor, CHECKS))
    return tuple(
        Table(
            name=name,
            view=rows[0][1],
            triggers=name in triggered,
            columns=_columns(rows, keys.get(name, ()), indexes[name], checks[name]),
            primary_key=keys.get(name, ()),
            foreign_keys=tuple(references[name]),
            indexes=tuple(indexes[name]),
            checks=tuple(checks[name]),
        )
        for name, rows in sorted(columns.items())
    )


def _columns(
    rows: Iterable[Row],
    key: tuple[str, ...],
    indexes: Iterable[Index],
    checks: Iterable[tuple[str, str]],
) -> tuple[Column, ...]:
    unique = {index.columns[0] for index in indexes if index.unique and len(index.columns) == 1}
    unsigned = {column for column, _ in checks}
    return tuple(_column(row, key, unique, unsigned) for row in rows)


def _column(row: Row, key: tuple[str, ...], unique: set[str], unsigned: set[str]) -> Column:
    _, _, name, spelled, not_null, identity, generated, default_text, labels = row
    native = postgresql_type(spelled, tuple(labels))
    if name in unsigned:
        native = without_sign(native)
    is_generated = bool(generated)
    default = postgresql_default(None if is_generated else default_text, native.kind)
    auto_increment = bool(identity) or (default_text or "").startswith("nextval(")
    return Column(
        name=name,
        kind=native.kind,
        datatype=native.datatype,
        native=spelled,
        length=native.length,
        nullable=not not_null,
        default=default.value,
        has_default=default.present or auto_increment or is_generated,
        primary_key=name in key,
        auto_increment=auto_increment,
        unique=name in unique,
        signed=native.signed,
        halved=name in unsigned,
        generated=is_generated or identity == "a",
    )


def _indexes(
    rows: Iterable[Row],
) -> tuple[dict[str, tuple[str, ...]], dict[str, list[Index]]]:
    keys: dict[str, tuple[str, ...]] = {}
    found: dict[str, list[Index]] = defaultdict(list)
    for table, name, primary, unique, constraint, columns in rows:
        if primary:
            keys[table] = tuple(columns)
        else:
            index = Index(name=name, columns=tuple(columns), unique=unique, constraint=constraint)
            found[table].append(index)
    return keys, found


def _foreign_keys(rows: Iterable[Row]) -> dict[str, list[ForeignKey]]:
    found: dict[str, list[ForeignKey]] = defaultdict(list)
    for table, name, referred, columns, referred_columns, rule in rows:
        found[table].append(
            ForeignKey(
                name=name,
                columns=tuple(columns),
                table=referred,
                referred_columns=tuple(referred_columns),
                on_delete=ON_DELETE.get(rule, "restrict"),
            )
        )
    return found


def _unsigned(rows: Iterable[Row]) -> dict[str, list[tuple[str, str]]]:
    """Per table the columns that a check keeps from going below zero, with its name."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table, name, column, expression in rows:
        if _NOT_NEGATIVE.fullmatch(expression):
            found[table].append((column, name))
    return found
