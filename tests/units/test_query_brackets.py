"""Query strings become nested values, or are refused; nothing is mended or lost."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.errors import ApiError, PayloadTooLarge, Unprocessable, ValidationFailed
from conductus.query import brackets
from conductus.query.limits import Limits

READ: list[tuple[bytes | str, dict[str, Any]]] = [
    ("", {}),
    ("&&", {}),
    ("limit=3", {"limit": "3"}),
    (b"limit=3", {"limit": "3"}),
    ("limit", {"limit": ""}),
    ("limit=", {"limit": ""}),
    ("a=b=c", {"a": "b=c"}),
    ("limit=1&limit=2", {"limit": "2"}),
    ("q=one+two%2B", {"q": "one two+"}),
    ("q=%C3%A9t%C3%A9", {"q": "été"}),
    ("q=été", {"q": "été"}),
    ("q=été".encode(), {"q": "été"}),
    ("q=%F0%9F%98%80", {"q": "😀"}),
    ("q=100%", {"q": "100%"}),
    ("filter[a]=1", {"filter": {"a": "1"}}),
    ("filter[a][gt]=1&filter[a][lt]=5", {"filter": {"a": {"gt": "1", "lt": "5"}}}),
    ("filter%5Ba%5D%5Bgt%5D=1", {"filter": {"a": {"gt": "1"}}}),
    ("filter[views][%3D]=1", {"filter": {"views": {"=": "1"}}}),
    ("filter[author.name]=A", {"filter": {"author.name": "A"}}),
    ("filter[a][null]", {"filter": {"a": {"null": ""}}}),
    (
        "filter[a][0][gt]=1&filter[a][1][lt]=5",
        {"filter": {"a": {"0": {"gt": "1"}, "1": {"lt": "5"}}}},
    ),
    ("fields[0]=id&fields[1]=tag.*", {"fields": {"0": "id", "1": "tag.*"}}),
    ("fields[]=id&fields[]=tag.*", {"fields": {"0": "id", "1": "tag.*"}}),
    ("a[1]=x&a[]=y&a[]=z", {"a": {"1": "x", "0": "y", "2": "z"}}),
    ("a[][gt]=1&a[][lt]=2", {"a": {"0": {"gt": "1"}, "1": {"lt": "2"}}}),
    ("a[x]=1&a[x]=2", {"a": {"x": "2"}}),
    # Neither spelling of a name may swallow the other.
    ("a=1&a[gt]=2", {"a": {"0": "1", "gt": "2"}}),
    ("a[gt]=2&a=1", {"a": {"gt": "2", "0": "1"}}),
    ("]=1", {"]": "1"}),
]


@pytest.mark.parametrize(("text", "params"), READ, ids=lambda value: str(value)[:40])
def test_reading(text: bytes | str, params: dict[str, Any]) -> None:
    assert brackets.parse(text, Limits()) == params


def test_members_keep_the_order_in_which_they_were_sent() -> None:
    params = brackets.parse("f[b]=1&f[a]=2&f[c]=3", Limits())
    assert list(params["f"]) == ["b", "a", "c"]


UNREADABLE: list[bytes | str] = [
    b"q=\xff",
    "q=%FF",
    "q=%C3",
    "%C3=1",
    "q=%ED%A0%80",
    "q=\ud800",
    "q=%00",
    "q=a%00b",
    "q=\0",
    "filter[a%00]=1",
    "filter[a=1",
    "filter[a]b=1",
    "filter[a]b[c]=1",
    "filter[a[b]]=1",
    "filter[a]][b]=1",
    "[a]=1",
]


@pytest.mark.parametrize("text", UNREADABLE, ids=ascii)
def test_unreadable_text_is_refused(text: bytes | str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        brackets.parse(text, Limits())
    assert (caught.value.code, caught.value.status) == (4, 422)


SIZES: list[tuple[str, str, Limits, type[ApiError]]] = [
    ("a=1&b=2", "a=1&b=2&c=3", Limits(max_parameters=2), PayloadTooLarge),
    ("abc=1", "abcd=1", Limits(max_name_length=3), PayloadTooLarge),
    ("a=123", "a=1234", Limits(max_value_length=3), PayloadTooLarge),
    ("a=%C3%A9", "a=%C3%A9x", Limits(max_value_length=1), PayloadTooLarge),
    ("a[b][c]=1", "a[b][c][d]=1", Limits(max_brackets=2), Unprocessable),
]


@pytest.mark.parametrize(("within", "over", "limits", "error"), SIZES)
def test_one_over_each_limit(within: str, over: str, limits: Limits, error: type[ApiError]) -> None:
    assert brackets.parse(within, limits)
    with pytest.raises(error):
        brackets.parse(over, limits)


def test_numbering_members_does_not_search_again() -> None:
    # Every `[]` after 500 taken numbers: quadratic if each began at the first.
    taken = "&".join(f"a[{number}]=x" for number in range(500))
    params = brackets.parse(f"{taken}{'&a[]=y' * 400}", Limits())
    assert list(params["a"]) == [str(number) for number in range(900)]
