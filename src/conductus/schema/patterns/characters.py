"""Sets of characters: literals, ranges, `\\d`, `[:alpha:]`, `\\p{L}`.

As in PCRE without UCP, `\\d`, `\\w`, `\\s` and the POSIX classes know ASCII alone.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping
from typing import Final

from conductus.schema.patterns.tree import Accepts, PatternError

DIGITS: Final = frozenset(string.digits)
WORD: Final = frozenset(string.ascii_letters + string.digits + "_")
_SPACE: Final = frozenset(" \t\n\r\f\v")
_HORIZONTAL: Final = frozenset(" \t\xa0\u1680\u202f\u205f\u3000") | frozenset(
    map(chr, range(0x2000, 0x200B))
)
_VERTICAL: Final = frozenset("\n\v\f\r\x85\u2028\u2029")

CLASSES: Final[Mapping[str, frozenset[str]]] = {
    "d": DIGITS,
    "w": WORD,
    "s": _SPACE,
    "h": _HORIZONTAL,
    "v": _VERTICAL,
}
"""By letter of their escape; the upper-case letter is all the others."""

POSIX: Final[Mapping[str, frozenset[str]]] = {
    "alnum": frozenset(string.ascii_letters + string.digits),
    "alpha": frozenset(string.ascii_letters),
    "ascii": frozenset(map(chr, range(128))),
    "blank": frozenset(" \t"),
    "cntrl": frozenset([*map(chr, range(32)), "\x7f"]),
    "digit": DIGITS,
    "graph": frozenset(map(chr, range(33, 127))),
    "lower": frozenset(string.ascii_lowercase),
    "print": frozenset(map(chr, range(32, 127))),
    "punct": frozenset(string.punctuation),
    "space": _SPACE,
    "upper": frozenset(string.ascii_uppercase),
    "word": WORD,
    "xdigit": frozenset(string.hexdigits),
}

_CATEGORIES: Final[Mapping[str, str]] = {
    "C": "cfnos",
    "L": "lmotu",
    "M": "cen",
    "N": "dlo",
    "P": "cdefios",
    "S": "ckmo",
    "Z": "lps",
}
"""First letter of a general category → its second letters."""


def among(characters: frozenset[str], *, negated: bool = False) -> Accepts:
    """One of these characters, or any other."""
    if negated:
        return lambda character: character not in characters
    return characters.__contains__


def literal(character: str, *, any_case: bool) -> Accepts:
    """This character."""
    return among(frozenset(_cases(character) if any_case else character))


def category(name: str, *, negated: bool) -> Accepts:
    """A general category of Unicode: `L`, `Lu`, `L&`."""
    if name.startswith("^"):
        name, negated = name[1:], not negated
    if name == "L&":
        return lambda character: (
            (unicodedata.category(character) in ("Lu", "Ll", "Lt")) is not negated
        )
    if not name or name[0] not in _CATEGORIES or name[1:] not in ("", *_CATEGORIES[name[0]]):
        raise PatternError(f"the property {name[:20]!r} is not offered")
    return lambda character: unicodedata.category(character).startswith(name) is not negated


class CharacterSet:
    """What stands between brackets, gathered bit by bit."""

    def __init__(self, *, any_case: bool) -> None:
        self._any_case = any_case
        self._singles: set[str] = set()
        self._ranges: list[tuple[str, str]] = []
        self._others: list[Accepts] = []

    def add(self, character: str) -> None:
        """One character."""
        self._singles.update(_cases(character) if self._any_case else character)

    def add_range(self, first: str, last: str) -> None:
        """All characters from the first to the last."""
        if first > last:
            raise PatternError(f"the range {first}-{last} is out of order")
        self._ranges.append((first, last))

    def add_other(self, accepts: Accepts) -> None:
        """Another set."""
        self._others.append(accepts)

    def accepts(self, *, negated: bool) -> Accepts:
        """The set, or all that is not in it."""
        ascii = frozenset(c for c in map(chr, range(128)) if self._holds(c) is not negated)
        holds = self._holds

        def accepts(character: str) -> bool:
            if character < "\x80":
                return character in ascii
            return holds(character) is not negated

        return accepts

    def _holds(self, character: str) -> bool:
        if character in self._singles:
            return True
        cases = _cases(character) if self._any_case else (character,)
        return any(first <= case <= last for first, last in self._ranges for case in cases) or any(
            accepts(character) for accepts in self._others
        )


def _cases(character: str) -> tuple[str, ...]:
    """The character in lower and upper case, as far as that is one character each."""
    return tuple(
        case for case in (character, character.lower(), character.upper()) if len(case) == 1
    )
