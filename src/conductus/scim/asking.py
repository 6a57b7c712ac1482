"""What a list asks for: a query string or the body of `.search` → values. Pure.

Source: SCIM page §4.1, §4.4 and §4.5; RFC 7644 §3.4.2; RFC 9865 §2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from conductus.scim import names
from conductus.scim.bodies import check_schemas
from conductus.scim.projection import EVERYTHING, Projection, projection
from conductus.scim.refusals import Refused

DEFAULT_COUNT: Final = 100
MOST: Final = 200
"""Resources of one page; more is taken for this many."""
_GREATEST: Final = 2**31 - 1


class Asked(Struct, frozen=True, kw_only=True):
    """One page of a list."""

    filter: str | None = None
    start: int = 1
    count: int = DEFAULT_COUNT
    cursor: str | None = None
    """None: pages are counted from the start. Empty: the first page of those that follow
    each other."""
    sort_by: str | None = None
    descending: bool = False
    projection: Projection = EVERYTHING


def asked(given: Mapping[str, Any]) -> Asked:
    """What parameters ask for. Raises `Refused`."""
    start, count = _whole("startIndex", given), _whole("count", given)
    order = _text("sortOrder", given)
    if order is not None and order.lower() not in ("ascending", "descending"):
        raise Refused("invalidValue", "`sortOrder` is ascending or descending")
    cursor = given.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise Refused("invalidCursor", "`cursor` is text that an answer gave")
    return Asked(
        filter=_text("filter", given),
        start=max(1, 1 if start is None else start),
        count=min(MOST, max(0, DEFAULT_COUNT if count is None else count)),
        cursor=cursor,
        sort_by=_text("sortBy", given),
        descending=order is not None and order.lower() == "descending",
        projection=shown(given),
    )


def searched(body: Mapping[str, Any]) -> Asked:
    """What the body of `.search` asks for. Raises `Refused`."""
    check_schemas(body, names.SEARCH)
    return asked(body)


def shown(given: Mapping[str, Any]) -> Projection:
    """What of resources is asked for. Raises `Refused`."""
    return projection(_names("attributes", given), _names("excludedAttributes", given))


def _text(name: str, given: Mapping[str, Any]) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused("invalidValue", f"`{name}` is a single text")
    return value or None


def _whole(name: str, given: Mapping[str, Any]) -> int | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    text = str(value).strip()
    digits = text.removeprefix("-")
    if isinstance(value, bool) or not (digits.isascii() and digits.isdigit() and len(text) < 20):
        raise Refused("invalidValue", f"`{name}` is a whole number")
    return max(-_GREATEST, min(_GREATEST, int(text)))


def _names(name: str, given: Mapping[str, Any]) -> list[str]:
    value = given.get(name)
    listed = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise Refused("invalidValue", f"`{name}` is a list of names")
    return [each for each in listed if each.strip()]
