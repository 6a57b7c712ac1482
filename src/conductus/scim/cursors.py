"""Cursors: where a page ends, so that the next one begins there, however deep it is. Pure.

A cursor holds the values by which the last row of a page stands in its order, and a mark
of what was asked. It is no secret: a forged one asks for nothing that a filter could not.
Source: RFC 9865 §2.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from conductus.query.item_query import Compare, Filter, Operator, SortKey, every, some
from conductus.scim.asking import Asked
from conductus.scim.attributes import Kind
from conductus.scim.refusals import Refused

_LONGEST: Final = 2048
_encode = msgspec.json.Encoder().encode


class Cursor(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a page ends."""

    mark: str
    id: int
    value: str | None = None
    """Of the field that the list is sorted by, if it is."""


def mark_of(kind: Kind, asked: Asked) -> str:
    """What tells one list from another."""
    told = [kind, asked.filter, asked.sort_by, asked.descending]
    return sha256(_encode(told)).hexdigest()[:16]


def written(cursor: Cursor) -> str:
    """The text of a cursor."""
    return urlsafe_b64encode(_encode(cursor)).decode().rstrip("=")


def read(text: str, mark: str) -> Cursor:
    """The cursor of a text. Raises `Refused` (`invalidCursor`)."""
    try:
        padded = text[:_LONGEST].encode("ascii") + b"=="
        cursor = msgspec.json.decode(urlsafe_b64decode(padded), type=Cursor)
    except (msgspec.DecodeError, ValueError):
        raise Refused("invalidCursor", "This cursor is none that an answer gave") from None
    if cursor.mark != mark:
        raise Refused("invalidCursor", "This cursor is of another list")
    return cursor


def at(row: Mapping[str, Any], sort: tuple[SortKey, ...], mark: str) -> Cursor:
    """The cursor of the row that ends a page."""
    value = row.get(sort[0].field or "") if sort else None
    return Cursor(mark, int(row["id"]), None if value is None else str(value))


def after(cursor: Cursor, sort: tuple[SortKey, ...], *, nulls_last: bool) -> Filter:
    """What the rows fulfil that come after the cursor."""
    later = Compare(("id",), Operator.GT, cursor.id)
    if not sort or sort[0].field is None:
        return later
    path = (sort[0].field,)
    null, value = Compare(path, Operator.NULL), Compare(path, Operator.NNULL)
    if cursor.value is None:
        tied = every(null, later)
        return tied if nulls_last else some(tied, value)
    beyond = Compare(path, Operator.LT if sort[0].descending else Operator.GT, cursor.value)
    tied = every(Compare(path, Operator.EQ, cursor.value), later)
    return some(beyond, tied, null) if nulls_last else some(beyond, tied)
