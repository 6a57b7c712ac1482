"""Texts of a CSV file that a spreadsheet would run as a formula.

They get an apostrophe in front, and so do texts that begin with one already; reading takes
one off where it can only have been put there. Both together give every text back as it was.
Source: security page, "CSV or spreadsheet formulas in exports".
"""

from __future__ import annotations

from typing import Final

SIGN: Final = "'"
_WIDE: Final = ("\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The same signs as Japanese spreadsheets take them."""
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", *_WIDE)
_GUARDED: Final = (*_FORMULAS, SIGN)


def guarded(text: str) -> str:
    """The text as it stands in a cell."""
    return SIGN + text if text.startswith(_GUARDED) else text


def unguarded(text: str) -> str:
    """The text that stands in a cell."""
    return text[1:] if text[:1] == SIGN and text.startswith(_GUARDED, 1) else text
