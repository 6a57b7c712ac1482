"""Facts about MySQL and MariaDB, as asyncmy sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import asyncmy, mariadb
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from conductus.database.dialect import Convert, Dialect, Name
from conductus.schema.model import Collection, Column, Kind
from conductus.schema.types.numbers import single, widened

_WHOLE_NUMBER = "^-?[0-9]{1,18}$"
_MOST_INSERTED = 1000
"""Values of one INSERT …"""
_MOST_ROWS = 64
"""… and its rows."""
_TEXT = sa.String()
_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: sa.BigInteger(),
    Kind.DECIMAL: sa.Numeric(),
    Kind.FLOAT: sa.Double(),
    Kind.SINGLE: sa.Double(),
    Kind.BOOLEAN: sa.Integer(),
    Kind.BINARY: sa.LargeBinary(),
}


_SHAPES: Final = frozenset({"geometry", "point", "linestring", "polygon", "geometrycollection"}) | {
    *("geomcollection", "multipoint", "multilinestring", "multipolygon")
}


class _Shape(sa.Text):
    """The type of columns of shapes, which no cast makes texts of."""

    cache_ok = True


class _Bits(sa.LargeBinary):
    """The type of columns of bits, which are numbers where they are compared."""

    cache_ok = True


class MySQLDialect(Dialect):
    """What the reading and writing rooms must know about MySQL and MariaDB."""

    name: ClassVar[Name] = "mysql"
    max_parameters: ClassVar[int] = 32_000
    begins_with_matches: ClassVar[bool] = True
    walks_tables: ClassVar[bool] = True
    looks_up_rules: ClassVar[bool] = True
    update_returning: ClassVar[bool] = False
    last_key: ClassVar[ColumnElement[Any] | None] = sa.func.last_insert_id()
    # Not CHAR, which loses blanks, nor ENUM and SET, which are spelt as they were declared.
    kept_as_given: ClassVar[frozenset[str]] = frozenset(
        {"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"}
        | {"VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"}
    )

    def __init__(self, *, returning: bool) -> None:
        # MariaDB knows INSERT … RETURNING, MySQL does not.
        variant = mariadb.loader("asyncmy") if returning else asyncmy.dialect
        super().__init__(variant())
        self.returning = returning

    def insert_size(self, collection: Collection, names: Sequence[str], rows: int) -> int:
        # A statement is but a text, so any number of rows may have one of its own. It must
        # fit into a packet.
        return min(rows, max(1, _MOST_INSERTED // len(names)), _MOST_ROWS) if names else 1

    def type(self, kind: Kind) -> TypeEngine[Any]:
        return _TYPES.get(kind, _TEXT)

    def column_type(self, column: Column) -> TypeEngine[Any]:
        if column.kind is Kind.OPAQUE and column.native.lower() in _SHAPES:
            return _Shape()
        return _Bits() if column.datatype == "BIT" else self.type(column.kind)

    def binder(self, kind: Kind) -> Convert | None:
        return _BINDERS.get(kind)

    def loader(self, kind: Kind) -> Convert | None:
        return _LOADERS.get(kind)

    def ordered(
        self, column: ColumnElement[Any], kind: Kind, *, descending: bool, nulls_last: bool
    ) -> list[ColumnElement[Any]]:
        missing = column.is_(None)
        return [
            missing.asc() if nulls_last else missing.desc(),
            column.desc() if descending else column.asc(),
        ]

    def text(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        if isinstance(column.type, _Shape):
            return sa.func.st_astext(column)
        return column if kind in _STORED_AS_TEXT else sa.cast(column, sa.CHAR())

    def matched(
        self, near: ColumnElement[Any], near_kind: Kind, far: ColumnElement[Any], far_kind: Kind
    ) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        # It takes a text for the number that it begins with, or else for 0.
        if near_kind is Kind.TEXT and far_kind is Kind.INTEGER:
            return _number(near), far
        if near_kind is Kind.INTEGER and far_kind is Kind.TEXT:
            return near, _number(far)
        return near, far

    def binary(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return sa.cast(column, sa.LargeBinary()) if isinstance(column.type, _Bits) else column

    def readable(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        if kind is Kind.SINGLE:
            # It is told by six digits, whatever it holds; CAST knows no DOUBLE.
            return column * sa.literal_column("1e0")
        return self.text(column, kind) if kind is Kind.OPAQUE else column

    def like(
        self,
        text: ColumnElement[Any],
        pattern: ColumnElement[Any],
        *,
        ascii: bool,
        negate: bool,
    ) -> ColumnElement[Any]:
        test = text.not_like if negate else text.like
        return test(pattern, escape="\\")

    def same(self, text: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
        # The collation finds it by the index, and more than was asked for.
        return sa.and_(text == value, _bytes(text) == _bytes(value))

    def alike(
        self, text: ColumnElement[Any], value: ColumnElement[Any], *, ascii: bool
    ) -> ColumnElement[bool]:
        lower = sa.func.lower
        return sa.and_(text == value, _bytes(lower(text)) == _bytes(lower(value)))

    def folded(self, column: ColumnElement[Any]) -> ColumnElement[Any] | None:
        return None

    def among(self, column: ColumnElement[Any], parameter: str, kind: Kind) -> ColumnElement[Any]:
        # The driver writes the bound tuple as `(1,2,3)`: one value, one text per shape.
        return column.bool_op("IN")(sa.bindparam(parameter, type_=sa.types.NullType()))

    def count_where(self, condition: ColumnElement[bool]) -> ColumnElement[int]:
        return sa.func.count(sa.case((condition, sa.literal_column("1"))))

    def list_binder(self, kind: Kind) -> Callable[[Sequence[Any]], Any]:
        return _tuple

    def in_order(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        return statement.prefix_with("STRAIGHT_JOIN")

    def random(self) -> ColumnElement[Any]:
        return sa.func.rand()

    def clock(self) -> ColumnElement[Any]:
        return sa.func.unix_timestamp()

    def total(
        self,
        column: ColumnElement[Any],
        kind: Kind,
        function: Literal["sum", "avg", "min", "max"],
    ) -> ColumnElement[Any]:
        if function == "avg":
            # Its own average of decimals has four digits more than they have, and CAST knows
            # no DOUBLE.
            number = sa.func.nullif(sa.func.count(column), sa.literal_column("0"))
            return sa.func.sum(column) * sa.literal_column("1e0") / number
        plain: ColumnElement[Any] = getattr(sa.func, function)(column)
        return plain if function == "sum" else self.readable(plain, kind)


def _number(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """The whole number that a text says; NULL for one that says none."""
    return sa.case((text.regexp_match(_WHOLE_NUMBER), sa.cast(text, sa.BigInteger())))


def _bytes(text: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.cast(text, sa.LargeBinary())


def _tuple(values: Sequence[Any]) -> tuple[Any, ...]:
    # `IN ()` is no SQL; nothing equals NULL.
    return tuple(values) or (None,)


def _load_boolean(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _load_single(value: float | None) -> float | None:
    return None if value is None else single(value)


def _load_datetime(value: datetime | str | None) -> str | None:
    # As text but from a prepared statement.
    if value is None or isinstance(value, str):
        return _shortened(value)
    # A fraction is as long as it needs to be, on every database.
    return value.isoformat(" ").rstrip("0") if value.microsecond else value.isoformat(" ")


def _load_date(value: date | str | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value


def _load_time(value: timedelta | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return _shortened(value)
    sign = "-" if value < timedelta(0) else ""
    minutes, seconds = divmod(int(abs(value).total_seconds()), 60)
    text = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return f"{text}.{abs(value).microseconds:06d}".rstrip("0") if value.microseconds else text


def _shortened(text: str | None) -> str | None:
    return text.rstrip("0").rstrip(".") if text and "." in text else text


def _load_text(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)


_BINDERS: dict[Kind, Convert] = {Kind.BOOLEAN: int, Kind.SINGLE: widened}
_STORED_AS_TEXT = frozenset({Kind.TEXT, Kind.UUID, Kind.JSON})
_LOADERS: dict[Kind, Convert] = {
    Kind.BOOLEAN: _load_boolean,
    Kind.SINGLE: _load_single,
    Kind.DATE: _load_date,
    Kind.TIME: _load_time,
    Kind.DATETIME: _load_datetime,
    Kind.DATETIME_ZONE: _load_datetime,
    Kind.UUID: _load_text,
    Kind.OPAQUE: _load_text,
}
