"""Conditional requests and ranges: what is to be sent of content that a client may have. Pure.

Source: RFC 9110 §13 and §14. One range is served; who asks for several gets everything,
as the RFC allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from msgspec import Struct

_RANGE: Final = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE | re.ASCII)
_TAG: Final = re.compile(r'(W/)?("[^"]*")')


class Content(Struct, frozen=True, kw_only=True):
    """What the conditions of a request are held against."""

    size: int
    etag: str
    """In its quotes."""
    modified: datetime
    """UTC."""


class Whole(Struct, frozen=True):
    """Everything is sent: 200."""


class Part(Struct, frozen=True):
    """A part is sent: 206."""

    first: int
    end: int
    """The byte after the last one."""


class NotModified(Struct, frozen=True):
    """The client has it: 304."""


class Differs(Struct, frozen=True):
    """It is not what the client asks about: 412."""


class Beyond(Struct, frozen=True):
    """The content has no such bytes: 416."""


Outcome = Whole | Part | NotModified | Differs | Beyond


def outcome(method: str, headers: Mapping[bytes, bytes], content: Content) -> Outcome:
    """What is to be sent, by the headers of a GET or HEAD request."""
    if _differs(headers, content):
        return Differs()
    if _is_known(headers, content):
        return NotModified()
    if method != "GET" or not _range_holds(headers, content):
        return Whole()
    return _span(_text(headers, b"range") or "", content.size)


def needs_facts(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the content must be looked at before it is known what is sent."""
    names = (b"range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since")
    return any(name in headers for name in names)


def http_date(moment: datetime) -> str:
    """A moment as headers have it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _differs(headers: Mapping[bytes, bytes], content: Content) -> bool:
    wanted = _text(headers, b"if-match")
    if wanted is not None:
        return wanted.strip() != "*" and content.etag not in _strong(wanted)
    since = _moment(headers, b"if-unmodified-since")
    return since is not None and _whole_second(content.modified) > since


def _is_known(headers: Mapping[bytes, bytes], content: Content) -> bool:
    known = _text(headers, b"if-none-match")
    if known is not None:
        return known.strip() == "*" or _weak(content.etag) in map(_weak, _tags(known))
    since = _moment(headers, b"if-modified-since")
    return since is not None and _whole_second(content.modified) <= since


def _range_holds(headers: Mapping[bytes, bytes], content: Content) -> bool:
    """Whether the client's part, if it has one, is of this very content."""
    held = _text(headers, b"if-range")
    if held is None:
        return True
    if '"' in held:
        return held.strip() == content.etag
    return _moment(headers, b"if-range") == _whole_second(content.modified)


def _span(stated: str, size: int) -> Outcome:
    found = _RANGE.fullmatch(stated)
    if found is None or found[1] == found[2] == "":
        return Whole()
    if found[1] == "":
        first, end = max(0, size - int(found[2])), size
    else:
        first = int(found[1])
        end = size if found[2] == "" else min(int(found[2]) + 1, size)
        if found[2] != "" and int(found[2]) < first:
            return Whole()
    return Part(first, end) if first < end else Beyond()


def _tags(stated: str) -> list[str]:
    return [(weak or "") + tag for weak, tag in _TAG.findall(stated)]


def _strong(stated: str) -> list[str]:
    return [tag for tag in _tags(stated) if not tag.startswith("W/")]


def _weak(tag: str) -> str:
    return tag.removeprefix("W/")


def _moment(headers: Mapping[bytes, bytes], name: bytes) -> datetime | None:
    """The moment that a header states; one that states none counts as missing."""
    try:
        moment = parsedate_to_datetime(_text(headers, name) or "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    stated = headers.get(name)
    return None if stated is None else stated.decode("latin-1")
