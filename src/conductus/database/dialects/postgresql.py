"""Facts about PostgreSQL (and what speaks its protocol), as asyncpg sees it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from conductus.database.dialect import Convert, Dialect, Name, Statement
from conductus.schema.model import NUMBERS, Collection, Column, Kind
from conductus.schema.types.numbers import single, widened

_MOST_INSERTED = 1000
"""Rows of one INSERT."""
_WHOLE_NUMBER = "^-?[0-9]{1,18}$"
_A_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_TEXT = sa.Text()
_OID = postgresql.OID()
_FILLED_UP = sa.CHAR()
"""Of columns whose values are filled up with blanks."""
_MOMENTS: dict[Kind, TypeEngine[Any]] = {
    Kind.DATE: sa.Date(),
    Kind.TIME: sa.Time(),
    Kind.DATETIME: sa.DateTime(),
    Kind.DATETIME_ZONE: sa.DateTime(timezone=True),
}
_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: sa.BigInteger(),
    Kind.DECIMAL: sa.Numeric(),
    Kind.DECIMAL_TEXT: _TEXT,
    Kind.FLOAT: sa.Double(),
    Kind.SINGLE: sa.Double(),
    Kind.BOOLEAN: sa.Boolean(),
    Kind.TEXT: sa.String(),
    Kind.UUID: sa.Uuid(),
    **_MOMENTS,
    Kind.JSON: postgresql.JSONB(),
    Kind.BINARY: sa.LargeBinary(),
    Kind.TEXT_ARRAY: postgresql.ARRAY(_TEXT),
    Kind.OPAQUE: _TEXT,
}


class PostgreSQLDialect(Dialect):
    """What the reading and writing rooms must know about PostgreSQL."""

    name: ClassVar[Name] = "postgresql"
    max_parameters: ClassVar[int] = 32_000
    unordered: ClassVar[frozenset[str]] = frozenset(
        {"xml", "point", "line", "lseg", "box", "path", "polygon", "circle", "xid", "cid"}
    )
    sorts_dearly: ClassVar[bool] = True
    groups_cheaply: ClassVar[bool] = True
    returning = True

    def __init__(self) -> None:
        super().__init__(asyncpg.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        self._notice: Statement | None = None

    def notice(self) -> Statement:
        if self._notice is None:
            said = [sa.bindparam(name, type_=_TEXT) for name in ("channel", "word")]
            self._notice = self.compile(sa.select(sa.func.pg_notify(*said)))
        return self._notice

    def insert(
        self,
        collection: Collection,
        rows: int,
        names: Sequence[str],
        answered: Sequence[str] = (),
    ) -> Statement:
        if rows == 1:
            return super().insert(collection, rows, names, answered)
        # A list for each column: one statement, and few parameters, for any number of rows.
        columns = [column for name in names if (column := collection.fields[name].column)]
        lists = {f"v{place}": _in_lists(column.kind) for place, column in enumerate(columns)}
        given = (
            sa.func.unnest(
                *(sa.bindparam(name, type_=postgresql.ARRAY(type)) for name, type in lists.items())
            )
            .table_valued(
                *(sa.column(name, type) for name, type in lists.items()),
                with_ordinality="place",
                name="given",
            )
            .render_derived()
        )
        values = [
            self.assignable(_out_of_list(given.c[name], column.kind), column)
            for name, column in zip(lists, columns, strict=True)
        ]
        table = self.table(collection)
        # Sorted, so that keys are generated in the order of the rows.
        insert = sa.insert(table).from_select(
            [table.c[column.name] for column in columns],
            sa.select(*values).order_by(given.c.place),
        )
        if answered:
            insert = insert.returning(*self.columns(table, collection, answered))
        return self.compile(insert)

    def insert_values(self, values: list[Any], rows: int) -> list[Any]:
        if rows == 1:
            return values
        width = len(values) // rows
        return [values[place::width] for place in range(width)]

    def insert_size(self, collection: Collection, names: Sequence[str], rows: int) -> int:
        # Lists of lists come apart into single values.
        if not names or any(collection.fields[name].kind is Kind.TEXT_ARRAY for name in names):
            return 1
        return min(rows, _MOST_INSERTED)

    def insert_shape(self, rows: int) -> int:
        return min(rows, 2)

    def count_past(self, collection: Collection, key: Column) -> Statement | None:
        # The name is read as SQL by the function, so it is quoted within the value.
        table = self.sqlalchemy.identifier_preparer.quote_identifier(collection.name)
        sequence = sa.cast(
            sa.func.pg_get_serial_sequence(sa.literal(table), sa.literal(key.name)),
            postgresql.REGCLASS,
        )
        given = sa.bindparam("given", type_=sa.BigInteger())
        last = sa.func.coalesce(sa.func.pg_sequence_last_value(sequence), 0)
        return self.compile(sa.select(sa.func.setval(sequence, given)).where(given > last))

    def type(self, kind: Kind) -> TypeEngine[Any]:
        return _TYPES[kind]

    def column_type(self, column: Column) -> TypeEngine[Any]:
        match column.native.lower():
            case "oid":
                return _OID
            case native if native.startswith("character("):
                return _FILLED_UP
            case _:
                return self.type(column.kind)

    def binder(self, kind: Kind) -> Convert | None:
        return _BINDERS.get(kind)

    def loader(self, kind: Kind) -> Convert | None:
        return _LOADERS.get(kind)

    def ordered(
        self, column: ColumnElement[Any], kind: Kind, *, descending: bool, nulls_last: bool
    ) -> list[ColumnElement[Any]]:
        directed = column.desc() if descending else column.asc()
        return [directed.nulls_last() if nulls_last else directed.nulls_first()]

    def text(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        if kind is Kind.OPAQUE:
            return _spelled(column)
        if kind is Kind.BOOLEAN:
            # 1 and 0, as everywhere else.
            column = sa.cast(column, sa.Integer())
        if kind is Kind.TEXT and column.type is not _FILLED_UP:
            return column
        if kind is Kind.DATETIME_ZONE:
            # In UTC, without saying so.
            column = sa.func.timezone(sa.literal_column("'UTC'"), column)
        return sa.cast(column, _TEXT)

    def document(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        # The text of one that was stored has blanks of its own, and `json` has no `=`.
        return sa.cast(column, postgresql.JSONB())

    def key_in_text(self, text: ColumnElement[Any], kind: Kind) -> ColumnElement[Any] | None:
        found = super().key_in_text(text, kind)
        if kind is not Kind.INTEGER or found is None:
            return found
        # A cast of what is no number is an error, also where other conditions rule it out.
        return sa.case((text.regexp_match(_WHOLE_NUMBER), found))

    def matched(
        self, near: ColumnElement[Any], near_kind: Kind, far: ColumnElement[Any], far_kind: Kind
    ) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        # It has no `=` for a text and a number, nor for a text and a UUID.
        if near_kind is far_kind or {near_kind, far_kind} <= NUMBERS:
            return near, far
        if near_kind is Kind.TEXT and (sought := self._sought(near, far_kind)) is not None:
            return sought, far
        if far_kind is Kind.TEXT and (sought := self._sought(far, near_kind)) is not None:
            return near, sought
        return self.text(near, near_kind), self.text(far, far_kind)

    def _sought(self, text: ColumnElement[Any], kind: Kind) -> ColumnElement[Any] | None:
        """The key that a text stands for, so that the index of the key serves."""
        text = self.text(text, Kind.TEXT)
        if kind is Kind.UUID:
            return sa.case((text.regexp_match(_A_UUID), sa.cast(text, sa.Uuid())))
        return self.key_in_text(text, kind) if kind is Kind.INTEGER else None

    def readable(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        if column.type is _FILLED_UP:
            # The cast takes the blanks off.
            return sa.cast(column, _TEXT)
        return _spelled(column) if kind is Kind.OPAQUE else column

    def assignable(self, value: ColumnElement[Any], column: Column) -> ColumnElement[Any]:
        if column.kind is Kind.OPAQUE:
            return sa.cast(sa.cast(value, _TEXT), _Native(column.native))
        return value

    def like(
        self,
        text: ColumnElement[Any],
        pattern: ColumnElement[Any],
        *,
        ascii: bool,
        negate: bool,
    ) -> ColumnElement[Any]:
        test = text.not_ilike if negate else text.ilike
        return test(pattern, escape="\\")

    def among(self, column: ColumnElement[Any], parameter: str, kind: Kind) -> ColumnElement[Any]:
        if kind is Kind.TEXT_ARRAY:
            # ANY looks into lists of lists.
            column, kind = sa.func.array_to_string(column, sa.literal_column("','")), Kind.TEXT
        listed: ColumnElement[Any] = sa.bindparam(
            parameter, type_=postgresql.ARRAY(_in_lists(kind))
        )
        if kind in _MOMENTS:
            listed = sa.cast(listed, postgresql.ARRAY(_MOMENTS[kind]))
        return column == sa.any_(listed)

    def among_few(self, column: ColumnElement[Any], select: sa.Select[Any]) -> ColumnElement[bool]:
        # Pages are planned with each request: a join takes longer to plan than a list to look
        # through, and is believed to find so few rows that all are sorted.
        listed = sa.func.array(select.scalar_subquery(), type_=postgresql.ARRAY(column.type))
        return column == sa.any_(listed)

    def list_binder(self, kind: Kind) -> Callable[[Sequence[Any]], Any]:
        return _joined if kind is Kind.TEXT_ARRAY else list

    def random(self) -> ColumnElement[Any]:
        return sa.func.random()

    def clock(self) -> ColumnElement[Any]:
        return sa.extract("epoch", sa.func.clock_timestamp())

    def total(
        self,
        column: ColumnElement[Any],
        kind: Kind,
        function: Literal["sum", "avg", "min", "max"],
    ) -> ColumnElement[Any]:
        if column.type is _OID:
            # A number that PostgreSQL does not add.
            column = sa.cast(column, sa.BigInteger())
        if kind is Kind.SINGLE and function in ("sum", "avg"):
            # It would add up in single precision.
            column = sa.cast(column, sa.Double())
        if function == "avg":
            # Exact until it is divided; its own average of doubles adds up their squares,
            # which go beyond a double.
            number = sa.func.nullif(sa.func.count(column), sa.literal_column("0"))
            return sa.cast(sa.func.sum(column), sa.Double()) / number
        if column.type is _FILLED_UP:
            column = sa.cast(column, _TEXT)
        plain: ColumnElement[Any] = getattr(sa.func, function)(column)
        return plain


def _in_lists(kind: Kind) -> TypeEngine[Any]:
    """The type of what a list of such values holds."""
    return _TEXT if kind in _MOMENTS else _TYPES[kind]


def _out_of_list(value: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
    return sa.cast(value, _MOMENTS[kind]) if kind in _MOMENTS else value


def _spelled(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A value of any type as PostgreSQL shows it."""
    # A cast would add the mask to an address that has none of its own.
    return sa.case((column.is_not(None), sa.func.concat(column)))


class _Native(sa.types.UserDefinedType[Any]):
    """A type by the name that the database itself gave it."""

    cache_ok = True

    def __init__(self, native: str) -> None:
        self.native = native

    def get_col_spec(self, **_: Any) -> str:
        return self.native


def _joined(lists: Sequence[Sequence[str]]) -> list[str]:
    return [",".join(words) for words in lists]


def _load_single(value: float | None) -> float | None:
    return None if value is None else single(value)


def _load_text(value: Any) -> str | None:
    return None if value is None else str(value)


_BINDERS: dict[Kind, Convert] = {
    Kind.SINGLE: widened,
    Kind.UUID: uuid.UUID,
}
_LOADERS: dict[Kind, Convert] = {Kind.SINGLE: _load_single, Kind.UUID: _load_text}
