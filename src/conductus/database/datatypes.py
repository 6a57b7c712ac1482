"""What the API says about datatypes: names, lengths, defaults per field type.

Datatypes are spoken of by their upper-case MySQL-style names on every database, as clients
know them. Pure; how a database spells a type is told by `native_types` (reading) and
`column_types` (writing). Source: schema page of the API reference, §2.2 and §3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from msgspec import Struct

from conductus.errors import LengthNeeded, LengthRefused, Unprocessable, ValidationFailed


class LengthRule(Enum):
    """Whether a datatype takes a length."""

    NEEDED = "needed"
    REFUSED = "refused"
    IGNORED = "ignored"


class Shape(Struct, frozen=True):
    """A datatype as a client asks for it: `DECIMAL` with `"10,2"`."""

    datatype: str
    length: str | None = None


DATATYPES: Final[Mapping[str, LengthRule]] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"), LengthRule.IGNORED),
    **dict.fromkeys(("FLOAT", "DOUBLE", "BOOLEAN"), LengthRule.IGNORED),
    **dict.fromkeys(("CHAR", "VARCHAR", "DECIMAL", "ENUM", "SET"), LengthRule.NEEDED),
    **dict.fromkeys(("BINARY", "VARBINARY"), LengthRule.NEEDED),
    **dict.fromkeys(("TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"), LengthRule.REFUSED),
    **dict.fromkeys(("TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"), LengthRule.REFUSED),
    **dict.fromkeys(("DATE", "TIME", "DATETIME", "TIMESTAMP", "YEAR"), LengthRule.REFUSED),
    **dict.fromkeys(("JSON", "UUID"), LengthRule.REFUSED),
}
"""Every datatype that a column can be made with."""

SYNONYMS: Final[Mapping[str, str]] = {
    "INTEGER": "INT",
    "INT2": "SMALLINT",
    "INT4": "INT",
    "INT8": "BIGINT",
    "SERIAL": "INT",
    "BIGSERIAL": "BIGINT",
    "BOOL": "BOOLEAN",
    "CHARACTER": "CHAR",
    "NCHAR": "CHAR",
    "BPCHAR": "CHAR",
    "CHARACTER VARYING": "VARCHAR",
    "NVARCHAR": "VARCHAR",
    "CLOB": "TEXT",
    "NUMERIC": "DECIMAL",
    "DEC": "DECIMAL",
    "REAL": "FLOAT",
    "FLOAT4": "FLOAT",
    "FLOAT8": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
    "BYTEA": "BLOB",
    "JSONB": "JSON",
    "TIME WITHOUT TIME ZONE": "TIME",
    "TIMESTAMP WITHOUT TIME ZONE": "DATETIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP",
}

INTEGER_WIDTHS: Final[Mapping[str, tuple[str, str]]] = {
    "TINYINT": ("4", "3"),
    "SMALLINT": ("6", "5"),
    "MEDIUMINT": ("9", "8"),
    "INT": ("11", "10"),
    "BIGINT": ("20", "20"),
}
"""Display widths of integers, signed and unsigned, where the column states none."""

REFERENCE_TYPES: Final = frozenset({"m2o", "user", "owner", "user_created", "user_updated", "file"})
"""Field types whose column holds the key of another item."""

DEFAULT_SHAPES: Final[Mapping[str, Shape]] = {
    "string": Shape("VARCHAR", "255"),
    "slug": Shape("VARCHAR", "255"),
    "lang": Shape("VARCHAR", "16"),
    "status": Shape("VARCHAR", "20"),
    "uuid": Shape("UUID"),
    "hash": Shape("VARCHAR", "255"),
    "integer": Shape("INT"),
    "sort": Shape("INT"),
    "decimal": Shape("DECIMAL", "10,2"),
    "boolean": Shape("BOOLEAN"),
    "date": Shape("DATE"),
    "time": Shape("TIME"),
    "datetime": Shape("DATETIME"),
    "datetime_created": Shape("DATETIME"),
    "datetime_updated": Shape("DATETIME"),
    "json": Shape("JSON"),
    "array": Shape("TEXT"),
    "binary": Shape("BLOB"),
    **dict.fromkeys(REFERENCE_TYPES, Shape("INT")),
}
"""The column that a field type gets when the client names no datatype."""

_SPELLING = re.compile(r"\s*([A-Za-z][A-Za-z0-9 ]*?)\s*(?:\((.*)\))?\s*", re.DOTALL)
_WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_PRECISION = re.compile(r"([1-9][0-9]?)(?:\s*,\s*([0-9]{1,2}))?")
_LISTED = re.compile(r"'(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*")
_MAX_PRECISION, _MAX_SCALE = 65, 30


def shape(datatype: str, length: str | int | None) -> Shape:
    """The datatype by its one name and its length, checked.

    Takes every spelling: `character varying`, `INTEGER`, `varchar(100)`. Raises
    `LengthNeeded`, `LengthRefused` or `Unprocessable` (12).
    """
    match = _SPELLING.fullmatch(datatype)
    spelled = " ".join(match.group(1).upper().split()) if match else ""
    name = SYNONYMS.get(spelled, spelled)
    rule = DATATYPES.get(name)
    if match is None or rule is None:
        raise Unprocessable(f"There is no datatype {datatype!r}", details={"datatype": datatype})
    stated = "" if length is None else str(length).strip()
    return Shape(name, _length(name, rule, stated or (match.group(2) or "").strip()))


def _length(name: str, rule: LengthRule, stated: str) -> str | None:
    if rule is LengthRule.REFUSED and stated:
        raise LengthRefused(name)
    if rule is LengthRule.NEEDED and not stated:
        raise LengthNeeded(name)
    if rule is not LengthRule.NEEDED:
        return stated if rule is LengthRule.IGNORED and _WHOLE.fullmatch(stated) else None
    match name:
        case "DECIMAL":
            return _decimal_length(stated)
        case "ENUM" | "SET":
            if _LISTED.fullmatch(stated):
                return stated
            raise ValidationFailed({"length": "This must be a list such as 'red','blue'"})
        case _:
            if _WHOLE.fullmatch(stated):
                return stated
            raise ValidationFailed({"length": "This must be a whole number over 0"})


def _decimal_length(stated: str) -> str:
    match = _PRECISION.fullmatch(stated)
    precision, scale = (int(part or 0) for part in match.groups()) if match else (0, 0)
    if match is None or precision > _MAX_PRECISION or scale > min(precision, _MAX_SCALE):
        raise ValidationFailed({"length": "This must be digits and decimals, such as 10,2"})
    return f"{precision},{scale}"


def precision_scale(length: str | None) -> tuple[int, int] | None:
    """`"10,2"` as numbers; None where there is no length."""
    if length is None:
        return None
    precision, _, scale = length.partition(",")
    return int(precision), int(scale or 0)


def listed_values(length: str | None) -> tuple[str, ...]:
    """The values of an ENUM or SET by its length: `'a','it''s'` is a and it's."""
    found = re.findall(r"'((?:[^']|'')*)'", length or "")
    return tuple(value.replace("''", "'") for value in found)


def length_rule(datatype: str) -> LengthRule:
    """Whether a datatype of ours takes a length."""
    return DATATYPES[datatype]
