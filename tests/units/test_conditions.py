"""Conditional requests, ranges and names of downloads. Source: RFC 9110, RFC 6266."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conductus.files.showing import is_shown_inline, plain_type
from conductus.http.conditions import (
    Beyond,
    Content,
    Differs,
    NotModified,
    Outcome,
    Part,
    Whole,
    http_date,
    outcome,
)
from conductus.http.contents import disposition

CONTENT = Content(
    size=100, etag='"abc"', modified=datetime(2031, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
)
AT = "Mon, 03 Feb 2031 04:05:06 GMT"
BEFORE = "Mon, 03 Feb 2031 04:05:05 GMT"
AFTER = "Monday, 03-Feb-31 04:05:07 GMT"


def found(method: str = "GET", **headers: str) -> Outcome:
    stated = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return outcome(method, stated, CONTENT)


@pytest.mark.parametrize(
    ("stated", "sent"),
    [
        ("bytes=0-9", Part(0, 10)),
        ("bytes=0-0", Part(0, 1)),
        ("bytes=90-", Part(90, 100)),
        ("bytes=90-500", Part(90, 100)),
        ("bytes=-10", Part(90, 100)),
        ("bytes=-500", Part(0, 100)),
        ("bytes=0-99", Part(0, 100)),
        ("BYTES= 0-9 ", Part(0, 10)),
        ("bytes=100-", Beyond()),
        ("bytes=100-200", Beyond()),
        ("bytes=-0", Beyond()),
        *((bad, Whole()) for bad in ("", "bytes=", "bytes=-", "bytes=9-1", "bytes=a-b", "0-9")),
        *((bad, Whole()) for bad in ("bytes=0-1,3-4", "items=0-9", "bytes=0x1-9", "bytes=٣-9")),
        ("bytes=" + "9" * 40 + "-", Whole()),
    ],
)
def test_ranges(stated: str, sent: Outcome) -> None:
    assert outcome("GET", {b"range": stated.encode()}, CONTENT) == sent
    assert outcome("HEAD", {b"range": stated.encode()}, CONTENT) == Whole()


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({"if_none_match": '"abc"'}, NotModified()),
        ({"if_none_match": 'W/"abc"'}, NotModified()),
        ({"if_none_match": '"x", "abc"'}, NotModified()),
        ({"if_none_match": "*"}, NotModified()),
        ({"if_none_match": '"x"'}, Whole()),
        ({"if_none_match": "abc"}, Whole()),
        ({"if_none_match": '"x"', "if_modified_since": AT}, Whole()),
        ({"if_modified_since": AT}, NotModified()),
        ({"if_modified_since": AFTER}, NotModified()),
        ({"if_modified_since": BEFORE}, Whole()),
        ({"if_modified_since": "yesterday"}, Whole()),
        ({"if_match": '"abc"'}, Whole()),
        ({"if_match": "*"}, Whole()),
        ({"if_match": 'W/"abc"'}, Differs()),
        ({"if_match": '"x"'}, Differs()),
        ({"if_unmodified_since": BEFORE}, Differs()),
        ({"if_unmodified_since": AT}, Whole()),
        ({"range": "bytes=0-9", "if_range": '"abc"'}, Part(0, 10)),
        ({"range": "bytes=0-9", "if_range": 'W/"abc"'}, Whole()),
        ({"range": "bytes=0-9", "if_range": '"x"'}, Whole()),
        ({"range": "bytes=0-9", "if_range": AT}, Part(0, 10)),
        ({"range": "bytes=0-9", "if_range": AFTER}, Whole()),
        ({"range": "bytes=0-9", "if_none_match": '"abc"'}, NotModified()),
        ({"range": "bytes=500-", "if_range": '"x"'}, Whole()),
    ],
    ids=str,
)
def test_conditions(headers: dict[str, str], sent: Outcome) -> None:
    assert found(**headers) == sent


def test_a_moment_as_headers_have_it() -> None:
    assert http_date(CONTENT.modified) == AT


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.png", 'inline; filename="a.png"'),
        ("a b.png", 'inline; filename="a b.png"'),
        ("Käse.png", "inline; filename=\"K_se.png\"; filename*=UTF-8''K%C3%A4se.png"),
        ('a"b.png', "inline; filename=\"a_b.png\"; filename*=UTF-8''a%22b.png"),
        ("50%.png", "inline; filename=\"50_.png\"; filename*=UTF-8''50%25.png"),
        ("../../etc/passwd", 'inline; filename="passwd"'),
        ("C:\\x\\a.png", 'inline; filename="a.png"'),
        ("a\r\nSet-Cookie: x=1.png", 'inline; filename="aSet-Cookie: x=1.png"'),
        ("😀", "inline; filename=\"_\"; filename*=UTF-8''%F0%9F%98%80"),
        ("\ud800.png", 'inline; filename="?.png"'),
        ("", "inline"),
        ("/", "inline"),
    ],
)
def test_names_of_downloads(name: str, header: str) -> None:
    assert disposition(name, "image/png") == header
    assert disposition(name, "text/html") == header.replace("inline", "attachment", 1)


@pytest.mark.parametrize(
    "type", ["image/png", "image/jpeg", "video/mp4", "audio/mpeg", "application/pdf", "text/plain"]
)
def test_what_browsers_show(type: str) -> None:
    assert is_shown_inline(type)
    assert is_shown_inline(f"{type.upper()}; charset=utf-8")


@pytest.mark.parametrize(
    "type",
    [
        *("image/svg+xml", "text/html", "application/xhtml+xml", "text/xml", "application/xml"),
        *("text/javascript", "application/x-unknown", "application/octet-stream", "", None),
        *("image/png\r\nx: y", "image", "image/png<script>", "image/x+xml"),
    ],
)
def test_what_browsers_save(type: str | None) -> None:
    assert not is_shown_inline(type)


@pytest.mark.parametrize(
    ("stated", "plain"),
    [
        ("Image/PNG; q=1", "image/png"),
        ("application/vnd.x-y+json", "application/vnd.x-y+json"),
        ("image/png\r\nx: y", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        (None, "application/octet-stream"),
    ],
)
def test_types_that_can_stand_in_a_header(stated: str | None, plain: str) -> None:
    assert plain_type(stated) == plain
