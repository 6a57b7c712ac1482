"""What a column's type means, by the way its database spells it.

One function per database, from the spelling that the catalogue gives (`character
varying(100)`, `int(10) unsigned`, `DECIMAL_TEXT(10,2)`) to kind, MySQL-style datatype,
length and sign. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct, structs

from conductus.database.datatypes import INTEGER_WIDTHS
from conductus.schema.model import Kind


class NativeType(Struct, frozen=True):
    """What a native type is in the API's terms."""

    kind: Kind
    datatype: str
    length: str | None = None
    signed: bool = True
    wide: bool = False
    """True for an integer that holds 64 bits whatever its datatype."""


class _Spelling(Struct, frozen=True):
    name: str
    """Upper case, single blanks, without what stands in parentheses."""
    arguments: str
    unsigned: bool = False

    @property
    def length(self) -> str | None:
        return self.arguments or None


_REMEMBERED: Final = 512
"""Spellings; a database has hundreds of columns of a dozen types."""
_INTEGERS: Final[Mapping[str, str]] = {
    "TINYINT": "TINYINT",
    "SMALLINT": "SMALLINT",
    "INT2": "SMALLINT",
    "MEDIUMINT": "MEDIUMINT",
    "INT": "INT",
    "INTEGER": "INT",
    "BIGINT": "BIGINT",
    "INT8": "BIGINT",
    "BIG INT": "BIGINT",
    "UNSIGNED BIG INT": "BIGINT",
}
_FLOATS: Final[Mapping[str, str]] = {
    "FLOAT": "FLOAT",
    "REAL": "FLOAT",
    "DOUBLE": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
}
_CHARACTERS: Final[Mapping[str, str]] = {
    "CHAR": "CHAR",
    "NCHAR": "CHAR",
    "CHARACTER": "CHAR",
    "NATIVE CHARACTER": "CHAR",
    "VARCHAR": "VARCHAR",
    "NVARCHAR": "VARCHAR",
    "VARYING CHARACTER": "VARCHAR",
    "CHARACTER VARYING": "VARCHAR",
}
_TEXTS: Final = frozenset({"TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"})
_BLOBS: Final = frozenset({"TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"})
_MOMENTS: Final[Mapping[str, NativeType]] = {
    "DATE": NativeType(Kind.DATE, "DATE"),
    "TIME": NativeType(Kind.TIME, "TIME"),
    "DATETIME": NativeType(Kind.DATETIME, "DATETIME"),
    "TIMESTAMP": NativeType(Kind.DATETIME, "TIMESTAMP"),
}
_OPAQUE: Final = NativeType(Kind.OPAQUE, "TEXT")
_BOOLEAN: Final = NativeType(Kind.BOOLEAN, "TINYINT", "1")
_UUID: Final = NativeType(Kind.UUID, "CHAR", "36")

_POSTGRESQL: Final[Mapping[str, NativeType]] = {
    "BOOLEAN": _BOOLEAN,
    "REAL": NativeType(Kind.SINGLE, "FLOAT"),
    "OID": NativeType(Kind.INTEGER, "BIGINT", "20"),
    "TEXT": NativeType(Kind.TEXT, "TEXT"),
    "CITEXT": NativeType(Kind.TEXT, "TEXT"),
    "NAME": NativeType(Kind.TEXT, "VARCHAR", "63"),
    "UUID": _UUID,
    "DATE": NativeType(Kind.DATE, "DATE"),
    "TIME WITHOUT TIME ZONE": NativeType(Kind.TIME, "TIME"),
    "TIMESTAMP WITHOUT TIME ZONE": NativeType(Kind.DATETIME, "DATETIME"),
    "TIMESTAMP WITH TIME ZONE": NativeType(Kind.DATETIME_ZONE, "TIMESTAMP"),
    "JSON": NativeType(Kind.JSON, "JSON"),
    "JSONB": NativeType(Kind.JSON, "JSON"),
    "BYTEA": NativeType(Kind.BINARY, "BLOB"),
}
_POSTGRESQL_TEXT_ARRAYS: Final = frozenset({"TEXT", "CHARACTER VARYING", "CHARACTER", "CITEXT"})


@lru_cache(_REMEMBERED)
def sqlite_type(native: str) -> NativeType:
    """By the declared type, then by the affinity that SQLite derives from it."""
    spelling = _spelling(native)
    match spelling.name:
        case "DECIMAL_TEXT":
            return NativeType(Kind.DECIMAL_TEXT, "DECIMAL", spelling.length)
        case "JSON_TEXT" | "JSON" | "JSONB":
            return NativeType(Kind.JSON, "JSON")
        case "NUMERIC" | "DECIMAL":
            return NativeType(Kind.DECIMAL, "DECIMAL", spelling.length, not spelling.unsigned)
        case "BOOLEAN" | "BOOL":
            return _BOOLEAN
        case "UUID":
            return _UUID
        case "BINARY" | "VARBINARY" | "BYTEA":
            return NativeType(Kind.BINARY, "BLOB")
        case "INTEGER":
            # The type of keys that count by themselves, and what SQLite's users call every
            # integer. One that is made narrower here is declared by another name.
            return structs.replace(_integer("INT", spelling), wide=True)
        case _:
            return _shared(spelling) or _by_affinity(spelling)


def _by_affinity(spelling: _Spelling) -> NativeType:
    # https://www.sqlite.org/datatype3.html §3.1
    name = spelling.name
    if "INT" in name:
        return _integer("BIGINT", spelling)
    if "CHAR" in name or "CLOB" in name or "TEXT" in name:
        return NativeType(Kind.TEXT, "TEXT")
    if "BLOB" in name:
        return NativeType(Kind.BINARY, "BLOB")
    if "REAL" in name or "FLOA" in name or "DOUB" in name:
        return NativeType(Kind.FLOAT, "DOUBLE")
    if name.startswith(("TIMESTAMP", "DATETIME")):
        return _MOMENTS["DATETIME"]
    return _OPAQUE


@lru_cache(_REMEMBERED)
def mysql_type(native: str) -> NativeType:
    """By COLUMN_TYPE of the information schema."""
    spelling = _spelling(native)
    match spelling.name:
        case "TINYINT" if spelling.arguments == "1" and not spelling.unsigned:
            return _BOOLEAN
        case "DECIMAL":
            return NativeType(Kind.DECIMAL, "DECIMAL", spelling.length, not spelling.unsigned)
        case "YEAR":
            return NativeType(Kind.INTEGER, "YEAR")
        case "ENUM" | "SET":
            return NativeType(Kind.TEXT, spelling.name, spelling.length)
        case "BINARY" | "VARBINARY" | "BIT":
            return NativeType(Kind.BINARY, spelling.name, spelling.length)
        case "JSON":
            return NativeType(Kind.JSON, "JSON")
        case "UUID":
            return _UUID
        case "FLOAT":
            return NativeType(Kind.SINGLE, "FLOAT", spelling.length, not spelling.unsigned)
        case _:
            return _shared(spelling) or _OPAQUE


@lru_cache(_REMEMBERED)
def postgresql_type(native: str, labels: tuple[str, ...] = ()) -> NativeType:
    """By what `format_type` says; `labels` are the values of an enumeration."""
    if labels:
        quoted = (label.replace("'", "''") for label in labels)
        return NativeType(Kind.OPAQUE, "ENUM", ",".join(f"'{label}'" for label in quoted))
    if native.endswith("[]"):
        element = _spelling(native.rstrip("[]"))
        known = element.name in _POSTGRESQL_TEXT_ARRAYS and not native.endswith("[][]")
        return NativeType(Kind.TEXT_ARRAY, "TEXT") if known else _OPAQUE
    spelling = _spelling(native)
    match spelling.name:
        case "CHARACTER VARYING" if not spelling.arguments:
            return NativeType(Kind.TEXT, "TEXT")
        case "NUMERIC":
            return NativeType(Kind.DECIMAL, "DECIMAL", spelling.length)
        case "DATE" | "TIME" | "DATETIME" | "TIMESTAMP":
            return _POSTGRESQL.get(spelling.name, _OPAQUE)
        case _:
            return _POSTGRESQL.get(spelling.name) or _shared(spelling) or _OPAQUE


def without_sign(native: NativeType) -> NativeType:
    """The type of a column that a CHECK keeps from going below zero."""
    widths = INTEGER_WIDTHS.get(native.datatype)
    if widths is None or native.length != widths[0]:
        return structs.replace(native, signed=False)
    return structs.replace(native, signed=False, length=widths[1])


def _shared(spelling: _Spelling) -> NativeType | None:
    """What is spelled alike on more than one database."""
    name = spelling.name
    if name in _INTEGERS:
        # SQLite has no TINYINT; who declares one there has learnt it from MySQL.
        if name == "TINYINT" and spelling.arguments == "1":
            return _BOOLEAN
        return _integer(_INTEGERS[name], spelling)
    if name in _FLOATS:
        return NativeType(Kind.FLOAT, _FLOATS[name], spelling.length, not spelling.unsigned)
    if name in _CHARACTERS:
        return NativeType(Kind.TEXT, _CHARACTERS[name], spelling.length)
    if name in _TEXTS:
        return NativeType(Kind.TEXT, name)
    if name in _BLOBS:
        return NativeType(Kind.BINARY, name)
    return _MOMENTS.get(name)


def _integer(datatype: str, spelling: _Spelling) -> NativeType:
    signed, unsigned = INTEGER_WIDTHS[datatype]
    width = spelling.length or (unsigned if spelling.unsigned else signed)
    return NativeType(Kind.INTEGER, datatype, width, not spelling.unsigned)


def _spelling(native: str) -> _Spelling:
    opening, closing = native.find("("), native.rfind(")")
    bare, arguments = native, ""
    if 0 <= opening < closing:
        bare, arguments = (
            native[:opening] + " " + native[closing + 1 :],
            native[opening + 1 : closing],
        )
    words = bare.upper().split()
    unsigned = words[-1:] == ["UNSIGNED"] or "UNSIGNED" in words[1:]
    if unsigned or "ZEROFILL" in words:
        words = [word for word in words if word not in ("UNSIGNED", "ZEROFILL")]
    if "'" not in arguments:
        arguments = re.sub(r"\s+", "", arguments)
    return _Spelling(" ".join(words), arguments, unsigned)
