"""Facts about SQLite (3.35 or newer).

SQLite has few types: exact decimals are kept as text and compared by a sort key, times
are ISO text, and letters beyond ASCII are folded by a function of ours, because its own
LIKE folds ASCII alone. `functions` and `AGGREGATES` are registered on every connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, ClassVar, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from conductus.database.dialect import Convert, Dialect, Name
from conductus.schema.model import Kind
from conductus.schema.types.numbers import plain_text, scaled

_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: sa.BigInteger(),
    Kind.DECIMAL: sa.Numeric(),
    Kind.FLOAT: sa.Double(),
    Kind.BOOLEAN: sa.Integer(),
    Kind.BINARY: sa.LargeBinary(),
}
_encode = msgspec.json.Encoder().encode
_DATETIME_LENGTH = len("2031-02-03 04:05:06")
_DATE_LENGTH = len("2031-02-03")


class SQLiteDialect(Dialect):
    """What the reading and writing rooms must know about SQLite."""

    name: ClassVar[Name] = "sqlite"
    max_parameters: ClassVar[int] = 32_000
    # A list is a table there, made for each run and looked into for each row.
    spelled_out: ClassVar[int] = 8
    joins_exists: ClassVar[bool] = False
    returning = True
    last_key: ClassVar[ColumnElement[Any] | None] = sa.func.last_insert_rowid()

    def __init__(self) -> None:
        super().__init__(pysqlite.dialect())

    def type(self, kind: Kind) -> TypeEngine[Any]:
        return _TYPES.get(kind, _TEXT)

    def binder(self, kind: Kind) -> Convert | None:
        return _BINDERS.get(kind)

    def loader(self, kind: Kind) -> Convert | None:
        return _LOADERS.get(kind)

    def ordered(
        self, column: ColumnElement[Any], kind: Kind, *, descending: bool, nulls_last: bool
    ) -> list[ColumnElement[Any]]:
        key = self.comparable(column, kind)
        directed = key.desc() if descending else key.asc()
        return [directed.nulls_last() if nulls_last else directed.nulls_first()]

    def comparable(self, expression: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        if kind is Kind.DECIMAL_TEXT:
            return sa.func.conductus_decimal(expression)
        return expression

    def text(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        if kind is Kind.FLOAT:
            # A cast writes 5.0 where other databases write 5, a format takes NULL for 0.
            written = sa.func.printf(sa.literal("%.15g"), column)
            return sa.case((column.is_not(None), written))
        return column if kind in _STORED_AS_TEXT else sa.cast(column, _TEXT)

    def like(
        self,
        text: ColumnElement[Any],
        pattern: ColumnElement[Any],
        *,
        ascii: bool,
        negate: bool,
    ) -> ColumnElement[Any]:
        if not ascii:
            text, pattern = _folded(text), _folded(pattern)
        test = text.not_like if negate else text.like
        return test(pattern, escape="\\")

    def alike(
        self, text: ColumnElement[Any], value: ColumnElement[Any], *, ascii: bool
    ) -> ColumnElement[bool]:
        if ascii:
            return super().alike(text, value, ascii=ascii)
        return _folded(text) == _folded(value)

    def among(self, column: ColumnElement[Any], parameter: str, kind: Kind) -> ColumnElement[Any]:
        listed = sa.func.json_each(sa.bindparam(parameter, type_=_TEXT)).table_valued("value")
        if kind is Kind.BINARY:
            # JSON has no bytes, and `hex` says of NULL that it is empty.
            column = sa.case((column.is_not(None), sa.func.hex(column)))
        return column.in_(sa.select(listed.c.value))

    def list_binder(self, kind: Kind) -> Callable[[Sequence[Any]], Any]:
        return _hex_list if kind is Kind.BINARY else _json_list

    def random(self) -> ColumnElement[Any]:
        return sa.func.random()

    def clock(self) -> ColumnElement[Any]:
        return sa.extract("epoch", sa.func.current_timestamp())

    def total(
        self,
        column: ColumnElement[Any],
        kind: Kind,
        function: Literal["sum", "avg", "min", "max"],
    ) -> ColumnElement[Any]:
        # SQLite adds NUMERIC columns as doubles, which drift.
        if kind in (Kind.DECIMAL, Kind.DECIMAL_TEXT):
            exact: ColumnElement[Any] = getattr(sa.func, f"conductus_{function}")(column)
            return exact
        if kind is Kind.INTEGER and function == "sum":
            # A sum beyond 64 bits is an error; those of both halves are never.
            high = column.op(">>")(sa.literal_column("32"))
            low = column.op("&")(sa.literal_column("4294967295"))
            return sa.func.conductus_whole(sa.func.sum(high), sa.func.sum(low))
        plain: ColumnElement[Any] = getattr(sa.func, function)(column)
        return plain


def _folded(text: ColumnElement[Any]) -> ColumnElement[Any]:
    # sqlite3 hands no function a text that is none, as other programs may have put it there.
    return sa.func.conductus_fold(sa.cast(text, sa.LargeBinary()))


def _json_list(values: Sequence[Any]) -> str:
    return _encode(values).decode()


def _hex_list(values: Sequence[bytes | None]) -> str:
    return _json_list([None if value is None else value.hex().upper() for value in values])


def _number_text(value: Decimal) -> Any:
    # NUMERIC affinity turns the text into a number where that loses nothing.
    return plain_text(value) if isinstance(value, Decimal) else value


def _load_decimal(value: Any) -> Decimal | str | None:
    if value is None:
        return None
    try:
        return Decimal(repr(value) if type(value) is float else value)
    except (InvalidOperation, TypeError):
        # A column takes whatever it is given: what is no number stays as it is.
        return str(value)


def _load_boolean(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _load_text(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)


def _load_bytes(value: Any) -> bytes | None:
    return value if value is None or type(value) is bytes else str(value).encode()


def _load_datetime(value: Any) -> str | None:
    if type(value) is str and len(value) == _DATETIME_LENGTH and value[10] == " ":
        return value
    return None if value is None else _plain_datetime(value)


def _plain_datetime(value: Any) -> str:
    """Other programs store `T`, offsets, or bare dates; what is unreadable stays as it is."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(" ")


def _load_date(value: Any) -> str | None:
    if type(value) is str:
        return value[:_DATE_LENGTH]
    return None if value is None else str(value)


_TEXT = sa.Text()
_STORED_AS_TEXT = frozenset({Kind.TEXT, Kind.UUID, Kind.DECIMAL_TEXT, Kind.JSON, Kind.OPAQUE})
_BINDERS: dict[Kind, Convert] = {
    Kind.DECIMAL: _number_text,
    Kind.DECIMAL_TEXT: plain_text,
    Kind.BOOLEAN: int,
}
_LOADERS: dict[Kind, Convert] = {
    Kind.DECIMAL: _load_decimal,
    Kind.DECIMAL_TEXT: _load_decimal,
    Kind.BOOLEAN: _load_boolean,
    Kind.DATE: _load_date,
    Kind.DATETIME: _load_datetime,
    Kind.DATETIME_ZONE: _load_datetime,
    Kind.BINARY: _load_bytes,
    Kind.OPAQUE: _load_text,
}


def functions(encoding: str) -> tuple[tuple[str, int, Callable[..., Any]], ...]:
    """Name, number of arguments, function; each is deterministic.

    `encoding` is that of the texts in the file.
    """
    return (
        ("conductus_decimal", 1, decimal_key),
        ("conductus_decimal_text", 2, decimal_text),
        ("conductus_fold", 1, partial(fold, encoding)),
        ("conductus_whole", 2, whole_text),
    )


def decimal_key(text: Any) -> str | None:
    """A text that sorts as the number does: sign, magnitude, digits."""
    if text is None:
        return None
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        return None
    if not number:
        return "1"
    digits = "".join(map(str, number.as_tuple().digits)).lstrip("0").rstrip("0")
    magnitude = number.adjusted() + 5000
    if number > 0:
        return f"2{magnitude:04d}{digits}"
    complement = digits.translate(_COMPLEMENT)
    # The tilde sorts after every digit, so that -1.5 comes before -1.
    return f"0{9999 - magnitude:04d}{complement}~"


def decimal_text(value: Any, scale: int) -> str | None:
    """A number as a column of decimals with so many digits behind the point keeps it."""
    return None if value is None else plain_text(scaled(Decimal(str(value)), scale))


def whole_text(high: int | None, low: int | None) -> str | None:
    """A number of any size from what is above its last 32 bits, and the rest."""
    return None if high is None or low is None else str((high << 32) + low)


def fold(encoding: str, text: bytes | None) -> str | None:
    """A text without its letters' case, in every script, from its bytes in the file."""
    return None if text is None else text.decode(encoding, "replace").casefold()


class _Total:
    """Adds, and answers exact decimals as text."""

    def __init__(self) -> None:
        self.numbers: list[Decimal] = []

    def step(self, value: Any) -> None:
        if value is not None:
            with suppress(InvalidOperation):
                self.numbers.append(Decimal(str(value)))


class _Sum(_Total):
    def finalize(self) -> str | None:
        return format(sum(self.numbers, Decimal(0)), "f") if self.numbers else None


class _Average(_Total):
    def finalize(self) -> float | None:
        # As a double is divided elsewhere, so that the last digit is the same.
        return float(sum(self.numbers)) / len(self.numbers) if self.numbers else None


class _Least(_Total):
    def finalize(self) -> str | None:
        return format(min(self.numbers), "f") if self.numbers else None


class _Greatest(_Total):
    def finalize(self) -> str | None:
        return format(max(self.numbers), "f") if self.numbers else None


_COMPLEMENT = str.maketrans("0123456789", "9876543210")
AGGREGATES: tuple[tuple[str, int, type[Any]], ...] = (
    ("conductus_sum", 1, _Sum),
    ("conductus_avg", 1, _Average),
    ("conductus_min", 1, _Least),
    ("conductus_max", 1, _Greatest),
)
"""Name, number of arguments, class."""
