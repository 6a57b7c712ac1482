"""Values as text for MySQL's text protocol.

asyncmy escapes on this side of the wire, so what may be written is a closed list of
scalar types: a dict, a list or a class of unknown make never becomes SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from conductus.database import refusals
from conductus.database.executor import QueryFailed

_PLAIN = frozenset({int, bool, type(None), bytes, date, datetime, time, timedelta})

_ESCAPES = (
    ("\\", "\\\\"),
    ('"', '\\"'),
    ("'", "\\'"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\0", "\\0"),
    ("\x1a", "\\Z"),
)
"""As asyncmy does it; the backslash first."""
_LONG = 100
"""Texts of more characters are escaped here: asyncmy goes over them one by one."""

Escape = Callable[[Any], str]


def literal(value: Any, escape: Escape) -> str:
    """The value in SQL; a tuple becomes the list of an `IN`."""
    if type(value) is not tuple:
        return _scalar(value, escape)
    if not value:
        raise QueryFailed from TypeError("an empty tuple cannot be bound")
    return f"({','.join([_scalar(member, escape) for member in value])})"


def _scalar(value: Any, escape: Escape) -> str:
    kind = type(value)
    if kind is str:
        # asyncmy would send half a surrogate pair as a stray byte.
        if not value.isascii() and not _is_unicode(value):
            raise refusals.text_invalid()
        if len(value) > _LONG and escape("'") == "'\\''":
            return _quoted(value)
    elif kind is float:
        if not isfinite(value):
            raise refusals.value_unsuitable()
    elif kind is Decimal:
        if not value.is_finite():
            raise refusals.value_unsuitable()
    elif kind not in _PLAIN:
        raise QueryFailed from TypeError(f"a value of type {kind.__name__} cannot be bound")
    return escape(value)


def _quoted(text: str) -> str:
    """What asyncmy's `escape` gives while backslashes escape: twenty times as fast."""
    for character, escaped in _ESCAPES:
        text = text.replace(character, escaped)
    return f"'{text}'"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
