"""What full-text search looks for, and where. Source: items page §3.6."""

from __future__ import annotations

import re
from typing import Final

from conductus.errors import Unprocessable
from conductus.schema.letters import lacks
from conductus.schema.model import NUMBERS, Collection
from conductus.schema.types import field_type

MOST_WORDS: Final = 20
_WORDS: Final = re.compile(r'"([^"]*)"|(\S+)')
_OF_NUMBERS = frozenset("0123456789.+-eE")


def words(search: str | None, *, split: bool) -> tuple[str, ...]:
    """What is searched for, all of it: the whole text, or with `split` each word of it.

    A phrase in quotes is one word; a quote that is not closed is a letter like others.
    Raises `Unprocessable` for too many words.
    """
    if not search:
        return ()
    if not split:
        return (search,)
    found = (phrase or word for phrase, word in _WORDS.findall(search))
    distinct = tuple(dict.fromkeys(word for word in found if word.strip()))
    if len(distinct) > MOST_WORDS:
        raise Unprocessable(f"More than {MOST_WORDS} words in `q`", details={"limit": MOST_WORDS})
    return distinct


def numberlike(text: str) -> bool:
    """True when the text could stand in a number; else no number need be looked at."""
    return _OF_NUMBERS.issuperset(text)


def searchable(
    collection: Collection, word: str, *, numeric: bool, but: frozenset[str] = frozenset()
) -> list[str]:
    """Names of the text columns that can hold the word, and with `numeric` of numbers too."""
    return [
        field.name
        for field in collection.columns()
        if field.name not in but
        and field_type(field.type).searchable
        and (numeric or field.kind not in NUMBERS)
        and not lacks(field.column, word)
    ]


def escaped(text: str) -> str:
    """The text with LIKE's wildcards meant literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def finished(pattern: str) -> str:
    """The pattern, in which a backslash that has nothing to escape means itself."""
    backslashes = len(pattern) - len(pattern.rstrip("\\"))
    return f"{pattern}\\" if backslashes % 2 else pattern
