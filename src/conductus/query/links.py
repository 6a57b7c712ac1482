"""The `page` block of `meta`: where in the list one is, and links to the rest.

Links keep the query string as it was sent, in order and spelling; `page` and `offset`
are replaced in their place or appended, and credentials are left out.
Source: items page §3.7 of the API reference.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

PAGE = "page"
OFFSET = "offset"
LIMIT = "limit"
# The name of a parameter, no secret.
ACCESS_TOKEN = "access_token"  # noqa: S105


def page_meta(
    base_url: str,
    raw_query: str,
    limit: int | None,
    offset: int,
    page: int | None,
    filter_count: int,
    result_count: int,
) -> dict[str, Any]:
    """`limit`, `offset`, `page`, `page_count` and `links` of one answer.

    `base_url` is absolute, without query. `limit`, `offset` and `page` are those of the
    `ItemQuery`, but a limit that nobody named, the default, is None: without a limit the
    rows of this answer are a page.
    """
    parts = _parts(raw_query)
    size = result_count if limit is None else limit
    count = -(-filter_count // size) if size else 0
    current = page or (offset // size + 1 if size else 1)

    def to(number: int) -> str:
        there = _replaced(parts, OFFSET, (number - 1) * size)
        return _url(base_url, _replaced(there, PAGE, number))

    several = count > 1
    return {
        "limit": size,
        "offset": offset,
        "page": current,
        "page_count": count,
        "links": {
            "self": base_url,
            "current": _url(base_url, _replaced(parts, PAGE, current)),
            "next": to(current + 1) if several and current < count else None,
            "previous": to(min(current - 1, count)) if several and current > 1 else None,
            "first": to(1) if several else None,
            "last": to(count) if several else None,
        },
    }


_Parts = tuple[tuple[str, str], ...]
"""Decoded name and the text as it was sent, of each parameter."""


def _parts(raw_query: str) -> _Parts:
    named = ((unquote_plus(part.partition("=")[0]), part) for part in raw_query.split("&") if part)
    return tuple((name, part) for name, part in named if name != ACCESS_TOKEN)


def _replaced(parts: _Parts, name: str, value: int) -> _Parts:
    """The parameter with a new value, once: in its first place, else at the end."""
    new = (name, f"{name}={value}")
    places = [place for place, part in enumerate(parts) if part[0] == name]
    if not places:
        return (*parts, new)
    rest = (part for part in parts[places[0] + 1 :] if part[0] != name)
    return (*parts[: places[0]], new, *rest)


def _url(base_url: str, parts: _Parts) -> str:
    return f"{base_url}?{'&'.join(text for _, text in parts)}"
