"""Values as text for MySQL's text protocol.

asyncmy escapes on this side of the wire, so what may be written is a closed list of
scalar types: a dict, a list or a class of unknown make never becomes SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from conductus.database import refusals
from conductus.errors import QueryFailed

_ASKED = frozenset({bool, bytes, date, datetime, time, timedelta})
"""Types that asyncmy writes."""

Escape = Callable[[Any], str]


def literals(values: Iterable[Any], escape: Escape) -> tuple[str, ...]:
    """The values in SQL; a tuple becomes the list of an `IN`.

    Texts and numbers are written here, as asyncmy would but many times as fast: it goes
    over texts letter by letter.
    """
    backslashes = escape("'") == "'\\''"
    return tuple([_literal(value, escape, backslashes) for value in values])


def _literal(value: Any, escape: Escape, backslashes: bool) -> str:
    kind = type(value)
    if kind is str:
        return _text(value) if backslashes else escape(_checked(value))
    if value is None:
        return "NULL"
    if kind is int:
        return str(value)
    if kind is tuple:
        if not value or any(type(member) is tuple for member in value):
            raise QueryFailed from TypeError("a tuple is a list of scalars, and not empty")
        return f"({','.join([_literal(member, escape, backslashes) for member in value])})"
    if kind is float and not isfinite(value):
        raise refusals.value_unsuitable()
    if kind is Decimal and not value.is_finite():
        raise refusals.value_unsuitable()
    if kind not in _ASKED and kind is not float and kind is not Decimal:
        raise QueryFailed from TypeError(f"a value of type {kind.__name__} cannot be bound")
    return escape(value)


def _text(text: str) -> str:
    """A text while backslashes escape: within quotes those two alone mean something."""
    _checked(text)
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "'" in text:
        text = text.replace("'", "\\'")
    return f"'{text}'"


def _checked(text: str) -> str:
    # asyncmy would send half a surrogate pair as a stray byte.
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise refusals.text_invalid() from None
    return text
