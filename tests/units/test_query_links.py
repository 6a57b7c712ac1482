"""The `page` block of `meta`: counts, and links that repeat what was sent."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.query import brackets
from conductus.query.limits import Limits
from conductus.query.links import LIMIT, page_meta
from tests.units.worlds import ask

BASE = "https://api.example/main/items/articles"


def block(text: str, filter_count: int, result_count: int) -> dict[str, Any]:
    query = ask(text)
    limit = query.limit if LIMIT in brackets.parse(text, Limits()) else None
    return page_meta(BASE, text, limit, query.offset, query.page, filter_count, result_count)


def links(text: str, filter_count: int, result_count: int) -> dict[str, str | None]:
    found: dict[str, str | None] = block(text, filter_count, result_count)["links"]
    assert found.pop("self") == BASE
    return {
        name: None if link is None else link.removeprefix(f"{BASE}?")
        for name, link in found.items()
    }


def numbers(text: str, filter_count: int, result_count: int) -> tuple[int, ...]:
    found = block(text, filter_count, result_count)
    return tuple(found[name] for name in ("limit", "offset", "page", "page_count"))


NUMBERS: list[tuple[str, int, int, tuple[int, ...]]] = [
    ("meta=*&limit=1&fields=id", 11, 1, (1, 0, 1, 11)),
    ("meta=page&limit=1&page=2&fields=id", 11, 1, (1, 1, 2, 11)),
    # Without a limit: the number of rows returned.
    ("meta=*&fields=id&filter[views][gt]=15", 2, 2, (2, 0, 1, 1)),
    ("meta=*&fields=id&limit=-1&status=*", 11, 12, (12, 0, 1, 1)),
    ("meta=*&fields=id", 11, 2, (2, 0, 1, 6)),
    ("limit=200", 11, 11, (200, 0, 1, 1)),
    ("limit=2&offset=4", 11, 2, (2, 4, 3, 6)),
    ("limit=2&offset=5", 11, 2, (2, 5, 3, 6)),
    ("limit=0", 11, 0, (0, 0, 1, 0)),
    ("limit=5", 0, 0, (5, 0, 1, 0)),
    ("", 0, 0, (0, 0, 1, 0)),
]


@pytest.mark.parametrize(("text", "filtered", "returned", "wanted"), NUMBERS)
def test_numbers(text: str, filtered: int, returned: int, wanted: tuple[int, ...]) -> None:
    assert numbers(text, filtered, returned) == wanted


def test_page_and_offset_are_appended() -> None:
    assert links("meta=*&limit=1&fields=id", 11, 1) == {
        "current": "meta=*&limit=1&fields=id&page=1",
        "next": "meta=*&limit=1&fields=id&offset=1&page=2",
        "previous": None,
        "first": "meta=*&limit=1&fields=id&offset=0&page=1",
        "last": "meta=*&limit=1&fields=id&offset=10&page=11",
    }


def test_a_page_that_was_sent_is_replaced_in_its_place() -> None:
    assert links("meta=page&limit=1&page=2&fields=id", 11, 1) == {
        "current": "meta=page&limit=1&page=2&fields=id",
        "next": "meta=page&limit=1&page=3&fields=id&offset=2",
        "previous": "meta=page&limit=1&page=1&fields=id&offset=0",
        "first": "meta=page&limit=1&page=1&fields=id&offset=0",
        "last": "meta=page&limit=1&page=11&fields=id&offset=10",
    }


def test_an_offset_that_was_sent_is_replaced_in_its_place() -> None:
    found = links("offset=2&limit=2", 5, 2)
    assert found["current"] == "offset=2&limit=2&page=2"
    assert found["next"] == "offset=4&limit=2&page=3"
    assert found["previous"] == "offset=0&limit=2&page=1"


def test_one_page_has_only_a_current() -> None:
    assert links("meta=*&fields=id&filter[views][gt]=15", 2, 2) == {
        "current": "meta=*&fields=id&filter[views][gt]=15&page=1",
        "next": None,
        "previous": None,
        "first": None,
        "last": None,
    }


def test_several_by_id_are_paged_as_they_always_were() -> None:
    assert links("meta=*&fields=id", 11, 2) == {
        "current": "meta=*&fields=id&page=1",
        "next": "meta=*&fields=id&offset=2&page=2",
        "previous": None,
        "first": "meta=*&fields=id&offset=0&page=1",
        "last": "meta=*&fields=id&offset=10&page=6",
    }


def test_the_last_page_has_no_next() -> None:
    found = links("limit=2&page=3", 5, 1)
    assert (found["next"], found["previous"]) == (None, "limit=2&page=2&offset=2")


def test_beyond_the_end_the_previous_page_is_the_last() -> None:
    found = links("limit=2&page=9", 5, 0)
    assert (found["next"], found["previous"]) == (None, "limit=2&page=3&offset=4")


def test_a_page_sent_twice_is_one() -> None:
    assert links("page=1&limit=1&page=2", 3, 1)["current"] == "page=2&limit=1"


def test_spelling_is_kept() -> None:
    text = "filter%5Bviews%5D=1&&q=a+b%20c&%6Cimit=1"
    assert links(text, 3, 1)["current"] == "filter%5Bviews%5D=1&q=a+b%20c&%6Cimit=1&page=1"


@pytest.mark.parametrize("token", ["access_token=s3cret", "access%5Ftoken=s3cret", "access_token"])
def test_credentials_are_left_out(token: str) -> None:
    for text in (f"{token}&limit=1", f"limit=1&{token}", f"limit=1&{token}&{token}"):
        found = links(text, 3, 1)
        assert found["current"] == "limit=1&page=1"
        assert not any("s3cret" in link or "access" in link for link in found.values() if link)
