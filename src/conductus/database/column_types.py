"""How each database spells the type of a new column, and the column that comes of it.

`planned_column` answers the very `Column` that introspection will find, because it reads
its own spelling with the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.types import TypeEngine

from conductus.database.datatypes import Shape, listed_values, precision_scale
from conductus.database.dialect import Name
from conductus.database.native_types import (
    NativeType,
    mysql_type,
    postgresql_type,
    sqlite_type,
    without_sign,
)
from conductus.errors import ValidationFailed
from conductus.schema.model import Column

POSTGRESQL_MAX_CHARACTERS: Final = 10_485_760
MYSQL_MAX_CHARACTERS: Final = {"CHAR": 255, "VARCHAR": 16_383, "BINARY": 255, "VARBINARY": 65_535}


class _Wanted(Struct, frozen=True):
    length: str | None
    signed: bool


_Spell = Callable[[_Wanted], TypeEngine[Any]]


class ColumnRequest(Struct, frozen=True, kw_only=True):
    """A column as somebody wants it to be, in the API's terms."""

    name: str
    type: str
    """The field type: `boolean` with `TINYINT` is a real boolean where there is one."""
    shape: Shape
    signed: bool = True
    nullable: bool = True
    default: Any = None
    """Plain value; None: no default."""
    primary_key: bool = False
    auto_increment: bool = False
    unique: bool = False


def planned_column(database: Name, request: ColumnRequest) -> Column:
    """The column that the database will have. Raises `ValidationFailed` for a length over its
    limit."""
    shape = _shape(database, request)
    _check_length(database, shape)
    spelled = _spelled(database, shape, signed=request.signed)
    native = _read(database, spelled)
    if not request.signed and _has_sign(database, shape):
        native = without_sign(native)
    return Column(
        name=request.name,
        kind=native.kind,
        datatype=native.datatype,
        native=spelled,
        length=native.length,
        nullable=request.nullable and not request.primary_key,
        default=request.default,
        has_default=request.default is not None or request.auto_increment,
        primary_key=request.primary_key,
        auto_increment=request.auto_increment,
        unique=request.unique and not request.primary_key,
        signed=native.signed,
        wide=native.wide,
        halved=database == "postgresql" and not native.signed,
    )


def _shape(database: Name, request: ColumnRequest) -> Shape:
    """The shape that the field type makes of the datatype asked for."""
    shape = request.shape
    match request.type:
        case "boolean" if shape.datatype in ("TINYINT", "BOOLEAN", "SMALLINT", "INT"):
            return Shape("BOOLEAN")
        case "uuid" if shape.datatype == "CHAR" and shape.length == "36":
            return Shape("UUID")
        case _ if database == "sqlite" and request.auto_increment and shape.datatype in _INTEGERS:
            return Shape("INTEGER")
        case _ if shape.datatype == "TINYINT" and shape.length == "1" and database != "postgresql":
            # A TINYINT(1) reads as a boolean: an integer is made wider than that.
            return Shape("TINYINT", "4")
        case _:
            return shape


def _has_sign(database: Name, shape: Shape) -> bool:
    # A CHECK cannot compare the decimals that SQLite keeps as text.
    return shape.datatype in _SIGNED and not (database == "sqlite" and shape.datatype == "DECIMAL")


def _check_length(database: Name, shape: Shape) -> None:
    most: int | None = None
    if database == "mysql":
        most = MYSQL_MAX_CHARACTERS.get(shape.datatype)
    elif shape.datatype in ("CHAR", "VARCHAR"):
        most = POSTGRESQL_MAX_CHARACTERS
    if most is not None and shape.length and int(shape.length) > most:
        raise ValidationFailed({"length": f"A {shape.datatype} holds at most {most}: use TEXT"})


def _spelled(database: Name, shape: Shape, *, signed: bool) -> str:
    spell = _TYPES[database][shape.datatype]
    # MySQL alone has unsigned types; elsewhere a CHECK of the table says it.
    made = spell(_Wanted(shape.length, signed))
    return made.compile(dialect=_DIALECTS[database])


def _read(database: Name, spelled: str) -> NativeType:
    match database:
        case "sqlite":
            return sqlite_type(spelled)
        case "postgresql":
            # SQLAlchemy's spelling is not wholly that of `format_type`.
            return postgresql_type(_FORMATTED.get(spelled, spelled))
        case "mysql":
            return mysql_type(spelled)


class _Declared(sa.types.UserDefinedType[Any]):
    """A type that SQLite is told in a word of our own, for the affinity that it gives."""

    cache_ok = True

    def __init__(self, name: str, numbers: tuple[int, int] | None = None) -> None:
        self.name = name
        self.numbers = numbers

    def get_col_spec(self, **_: Any) -> str:
        if self.numbers is None:
            return self.name
        precision, scale = self.numbers
        return f"{self.name}({precision},{scale})"


def _always(made: TypeEngine[Any]) -> _Spell:
    return lambda _: made


def _number(wanted: _Wanted) -> int:
    return int(wanted.length or 0)


def _width(wanted: _Wanted) -> int | None:
    return int(wanted.length) if wanted.length else None


def _longest(wanted: _Wanted) -> int:
    return max((len(value) for value in listed_values(wanted.length)), default=1) or 1


def _mysql_integer(
    make: Callable[..., TypeEngine[Any]],
) -> _Spell:
    return lambda wanted: make(display_width=_width(wanted), unsigned=not wanted.signed)


def _exact(make: Callable[..., TypeEngine[Any]]) -> _Spell:
    return lambda wanted: make(*(precision_scale(wanted.length) or ()))


_INTEGERS = ("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR")
_TEXTS = ("TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT")
_BLOBS = ("TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB")
_SIGNED = frozenset({*_INTEGERS, "INTEGER", "DECIMAL", "FLOAT", "DOUBLE"}) - {"YEAR"}
_DIALECTS: Final[Mapping[Name, sa.Dialect]] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    "mysql": mysql.dialect(),
}
_FORMATTED: Final[Mapping[str, str]] = {
    "FLOAT": "DOUBLE PRECISION",
}

_MYSQL: dict[str, _Spell] = {
    "TINYINT": _mysql_integer(mysql.TINYINT),
    "SMALLINT": _mysql_integer(mysql.SMALLINT),
    "MEDIUMINT": _mysql_integer(mysql.MEDIUMINT),
    "INT": _mysql_integer(mysql.INTEGER),
    "BIGINT": _mysql_integer(mysql.BIGINT),
    "YEAR": _always(mysql.YEAR()),
    "FLOAT": lambda wanted: mysql.FLOAT(unsigned=not wanted.signed),
    "DOUBLE": lambda wanted: mysql.DOUBLE(unsigned=not wanted.signed),
    "BOOLEAN": _always(mysql.TINYINT(display_width=1)),
    "CHAR": lambda wanted: mysql.CHAR(_number(wanted)),
    "VARCHAR": lambda wanted: mysql.VARCHAR(_number(wanted)),
    "DECIMAL": lambda wanted: mysql.DECIMAL(
        *(precision_scale(wanted.length) or ()), unsigned=not wanted.signed
    ),
    "ENUM": lambda wanted: mysql.ENUM(*listed_values(wanted.length)),
    "SET": lambda wanted: mysql.SET(*listed_values(wanted.length)),
    "BINARY": lambda wanted: mysql.BINARY(_number(wanted)),
    "VARBINARY": lambda wanted: mysql.VARBINARY(_number(wanted)),
    "TINYTEXT": _always(mysql.TINYTEXT()),
    "TEXT": _always(mysql.TEXT()),
    "MEDIUMTEXT": _always(mysql.MEDIUMTEXT()),
    "LONGTEXT": _always(mysql.LONGTEXT()),
    "TINYBLOB": _always(mysql.TINYBLOB()),
    "BLOB": _always(mysql.BLOB()),
    "MEDIUMBLOB": _always(mysql.MEDIUMBLOB()),
    "LONGBLOB": _always(mysql.LONGBLOB()),
    "DATE": _always(mysql.DATE()),
    "TIME": _always(mysql.TIME()),
    "DATETIME": _always(mysql.DATETIME()),
    "TIMESTAMP": _always(mysql.TIMESTAMP()),
    "JSON": _always(mysql.JSON()),
    "UUID": _always(mysql.CHAR(36)),
}
_POSTGRESQL: dict[str, _Spell] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "YEAR"), _always(sa.SMALLINT())),
    **dict.fromkeys(("MEDIUMINT", "INT"), _always(sa.INTEGER())),
    "BIGINT": _always(sa.BIGINT()),
    **dict.fromkeys(("FLOAT", "DOUBLE"), _always(sa.DOUBLE_PRECISION())),
    "BOOLEAN": _always(sa.BOOLEAN()),
    "CHAR": lambda wanted: sa.CHAR(_number(wanted)),
    "VARCHAR": lambda wanted: sa.VARCHAR(_number(wanted)),
    "DECIMAL": _exact(sa.NUMERIC),
    "ENUM": lambda wanted: sa.VARCHAR(_longest(wanted)),
    "SET": _always(sa.TEXT()),
    **dict.fromkeys(("BINARY", "VARBINARY", *_BLOBS), _always(postgresql.BYTEA())),
    **dict.fromkeys(_TEXTS, _always(sa.TEXT())),
    "DATE": _always(sa.DATE()),
    # Whole seconds, as on the other databases.
    "TIME": _always(postgresql.TIME(precision=0)),
    "DATETIME": _always(postgresql.TIMESTAMP(precision=0)),
    "TIMESTAMP": _always(postgresql.TIMESTAMP(timezone=True, precision=0)),
    "JSON": _always(postgresql.JSONB()),
    "UUID": _always(postgresql.UUID()),
}
_SQLITE: dict[str, _Spell] = {
    **{name: _always(_Declared(name)) for name in _INTEGERS},
    # The one spelling that makes a key count by itself.
    "INTEGER": _always(sa.INTEGER()),
    "YEAR": _always(_Declared("SMALLINT")),
    "FLOAT": _always(sa.FLOAT()),
    "DOUBLE": _always(sa.DOUBLE()),
    "BOOLEAN": _always(sa.BOOLEAN()),
    "CHAR": lambda wanted: sa.CHAR(_number(wanted)),
    "VARCHAR": lambda wanted: sa.VARCHAR(_number(wanted)),
    "DECIMAL": lambda wanted: _Declared("DECIMAL_TEXT", precision_scale(wanted.length)),
    "ENUM": lambda wanted: sa.VARCHAR(_longest(wanted)),
    "SET": _always(sa.TEXT()),
    "BINARY": _always(sa.BLOB()),
    "VARBINARY": _always(sa.BLOB()),
    **{name: _always(_Declared(name)) for name in (*_TEXTS, *_BLOBS)},
    "DATE": _always(sa.DATE()),
    "TIME": _always(sa.TIME()),
    "DATETIME": _always(sa.DATETIME()),
    "TIMESTAMP": _always(_Declared("TIMESTAMP")),
    # As `JSON` the affinity would be NUMERIC, which turns "1.0" into 1.
    "JSON": _always(_Declared("JSON_TEXT")),
    "UUID": _always(sa.CHAR(36)),
}
_TYPES: Final[Mapping[Name, Mapping[str, _Spell]]] = {
    "sqlite": _SQLITE,
    "postgresql": _POSTGRESQL,
    "mysql": _MYSQL,
}
