"""Texts are escaped by us: MySQL's rules for reading them are the specification."""

from __future__ import annotations

import re
from typing import Any

from asyncmy.converters import escape_item
from hypothesis import given
from hypothesis import strategies as st

from conductus.database.mysql.literals import literals


def escape(value: Any) -> str:
    """What the driver does while backslashes escape."""
    escaped: str = escape_item(value, "utf8mb4")
    return escaped


def doubling(value: Any) -> str:
    """What it does in the mode NO_BACKSLASH_ESCAPES."""
    doubled = str(value).replace("'", "''")
    return f"'{doubled}'"


TEXTS = st.text(
    st.sampled_from("\\\"'\n\r\0\x1a%_aé🎈") | st.characters(exclude_categories=["Cs"]),
    max_size=200,
)


def read(literal: str) -> str:
    """The text of a literal as the server reads it; nothing but one literal passes."""
    assert re.fullmatch(r"'(?:[^'\\]|\\.)*'", literal, re.DOTALL), literal
    return re.sub(r"\\(.)", _meant, literal[1:-1], flags=re.DOTALL)


def _meant(escaped: re.Match[str]) -> str:
    letters = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
    # Before a wildcard of LIKE the backslash stays.
    return escaped[0] if escaped[1] in "%_" else letters.get(escaped[1], escaped[1])


@given(text=TEXTS)
def test_any_text(text: str) -> None:
    one, three = literals([text, text * 3], escape)
    assert (read(one), read(three)) == (text, text * 3)


@given(text=TEXTS)
def test_the_driver_means_the_same(text: str) -> None:
    assert read(escape(text)) == text


@given(text=TEXTS)
def test_without_backslashes_the_driver_is_asked(text: str) -> None:
    assert literals([text * 3], doubling) == (doubling(text * 3),)


@given(number=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_any_number(number: float) -> None:
    assert literals([number, None], escape) == (escape(number), escape(None))
