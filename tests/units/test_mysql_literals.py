"""Long texts are escaped by us; the driver's own escaping is the specification."""

from __future__ import annotations

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


@given(text=TEXTS)
def test_any_text(text: str) -> None:
    assert literals([text, text * 3], escape) == (escape(text), escape(text * 3))


@given(text=TEXTS)
def test_without_backslashes_the_driver_is_asked(text: str) -> None:
    assert literals([text * 3], doubling) == (doubling(text * 3),)


@given(number=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_any_number(number: float) -> None:
    assert literals([number, None], escape) == (escape(number), escape(None))
