"""Column defaults: from the text of the catalogue to plain values.

A default that is a literal becomes the value that a row without the field would get; an
expression (`now()`, `nextval(…)`) has no value, it only says that the database fills the
column by itself.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from conductus.schema.model import Kind


class Default(Struct, frozen=True):
    """What the database puts into a column that an INSERT leaves out."""

    present: bool = False
    """True for literals and expressions; a default of NULL is none."""
    value: Any = None
    """The plain value of a literal; None for an expression."""


_NONE = Default()
_EXPRESSION = Default(present=True)
_CAST = re.compile(r"(.*?)::[a-zA-Z_\" .]+(?:\([0-9, ]*\))?(?:\[\])*", re.DOTALL)
_QUOTED = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)
_BYTES = re.compile(r"[xX]'([0-9A-Fa-f]*)'")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ESCAPED = re.compile(r"\\(.)|''", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "Z": "\x1a", "b": "\b"}
_TRUE, _FALSE = frozenset({"1", "true", "t"}), frozenset({"0", "false", "f"})


def sqlite_default(text: str | None, kind: Kind) -> Default:
    """By `dflt_value` of `table_info`: the SQL text as it was written."""
    if text is None or text.upper() == "NULL":
        return _NONE
    inner = _unwrapped(text)
    if inner.startswith('"') and inner.endswith('"') and len(inner) > 1:
        # SQLite takes a double-quoted word that is no column for a text.
        return _literal(inner[1:-1].replace('""', '"'), kind)
    return _by_sql(inner, kind)


def postgresql_default(text: str | None, kind: Kind) -> Default:
    """By `pg_get_expr`: `'draft'::character varying`, `(-1)`, `now()`."""
    if text is None:
        return _NONE
    inner = _unwrapped(text)
    while match := _CAST.fullmatch(inner):
        inner = _unwrapped(match.group(1))
    if inner.upper() == "NULL":
        return _NONE
    if inner.startswith("E'"):
        return _literal(_unescaped(inner[2:-1]), kind)
    return _by_sql(inner, kind)


def mariadb_default(text: str | None, kind: Kind) -> Default:
    """By COLUMN_DEFAULT of MariaDB: SQL text, `'draft'` quoted, NULL as a word."""
    if text is None or text.upper() == "NULL":
        return _NONE
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        return _literal(_unescaped(text[1:-1]), kind)
    return _by_sql(text, kind)


def mysql_default(text: str | None, kind: Kind, *, expression: bool) -> Default:
    """By COLUMN_DEFAULT of MySQL: the bare value, or an expression where EXTRA says so."""
    if text is None:
        return _NONE
    if not expression:
        return _EXPRESSION if text.upper().startswith("CURRENT_") else _literal(text, kind)
    introduced = re.fullmatch(r"_[a-z0-9]+\\?'(.*?)\\?'", text, re.DOTALL)
    return _literal(_unescaped(introduced.group(1)), kind) if introduced else _EXPRESSION


def _by_sql(text: str, kind: Kind) -> Default:
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return _literal(quoted.group(1).replace("''", "'"), kind)
    in_bytes = _BYTES.fullmatch(text)
    if in_bytes and kind is Kind.BINARY:
        return Default(present=True, value=bytes.fromhex(in_bytes.group(1)))
    if _NUMBER.fullmatch(text) or text.lower() in ("true", "false"):
        return _literal(text, kind)
    return _EXPRESSION


def _literal(text: str, kind: Kind) -> Default:
    """The value of a literal for a column of that kind; an expression where it is unfit."""
    try:
        return Default(present=True, value=_value(text, kind))
    except (ValueError, InvalidOperation):
        return _EXPRESSION


def _value(text: str, kind: Kind) -> Any:
    match kind:
        case Kind.INTEGER:
            return (
                int(Decimal(text))
                if text.lower() not in ("true", "false")
                else int(text.lower() == "true")
            )
        case Kind.DECIMAL | Kind.DECIMAL_TEXT:
            return Decimal(text)
        case Kind.FLOAT | Kind.SINGLE:
            return float(text)
        case Kind.BOOLEAN:
            return _boolean(text)
        case Kind.BINARY:
            return bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
        case Kind.TEXT_ARRAY:
            return _array(text)
        case _:
            return text


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _array(text: str) -> list[str]:
    if text == "{}":
        return []
    if not (text.startswith("{") and text.endswith("}")) or set(text[1:-1]) & set('{}"\\'):
        raise ValueError(text)
    return text[1:-1].split(",")


def _unwrapped(text: str) -> str:
    """Without the parentheses around the whole."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _closes_last(text):
        text = text[1:-1].strip()
    return text


def _closes_last(text: str) -> bool:
    depth, quoted = 0, False
    for place, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return place == len(text) - 1
    return False


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        letter = match.group(1)
        return "'" if letter is None else _ESCAPES.get(letter, letter)

    return _ESCAPED.sub(plain, text)
