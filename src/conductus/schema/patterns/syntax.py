"""Reads a regular expression in the form of PCRE, with or without delimiters, into a tree.

Lazy quantifiers and capturing groups are read and mean nothing more, for only whether it
matches counts. What needs backtracking to have a meaning at all is refused:
back-references, recursion, conditions, atomic groups and possessive quantifiers.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct, structs

from conductus.schema.patterns import characters
from conductus.schema.patterns.characters import CharacterSet
from conductus.schema.patterns.tree import (
    Accepts,
    At,
    Choice,
    Look,
    Node,
    One,
    PatternError,
    Place,
    Repeat,
    Sequence,
)

_DELIMITED: Final = re.compile(r"([/#~])(.*)\1([A-Za-z]*)", re.DOTALL)
_COUNTS: Final = re.compile(r"\{([0-9]{1,5})(,?)([0-9]{0,5})\}")
_NAME: Final = re.compile(r"(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')", re.ASCII)
_INLINE: Final = re.compile(r"([imsxU]*)(?:-([imsxU]+))?([:)])")
_POSIX: Final = re.compile(r"\[:(\^?)([a-z]+):\]")
_HEX: Final = re.compile(
    r"x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}"
)
_PROPERTY: Final = re.compile(r"[pP](?:\{(\^?[A-Za-z&]+)\}|([A-Z]))")
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "e": "\x1b", "a": "\a", "0": "\0"}
_PLACES: Final = {
    "A": Place.START,
    "z": Place.END,
    "Z": Place.LAST_LINE_END,
    "b": Place.WORD_EDGE,
    "B": Place.NO_WORD_EDGE,
}
_LOOKS: Final = {
    "?=": (True, False),
    "?!": (True, True),
    "?<=": (False, False),
    "?<!": (False, True),
}
_MAX_LENGTH: Final = 2000
_MAX_DEPTH: Final = 50


class Flags(Struct, frozen=True):
    """The letters behind the pattern, as far as they change whether it matches."""

    any_case: bool = False
    """`i`"""
    lines: bool = False
    """`m`: `^` and `$` at every line."""
    dot_all: bool = False
    """`s`: the dot takes line ends too."""
    spaced: bool = False
    """`x`: blanks and `#` comments do not count."""
    end_only: bool = False
    """`D`: `$` is the very end."""
    anchored: bool = False
    """`A`: only at the start."""


_FLAGS: Final = {
    "i": "any_case",
    "m": "lines",
    "s": "dot_all",
    "x": "spaced",
    "D": "end_only",
    "A": "anchored",
}
_MEANINGLESS_FLAGS: Final = frozenset("uUSXJ")


def parse(pattern: str) -> Node:
    """The tree of a pattern. Raises `PatternError`."""
    if len(pattern) > _MAX_LENGTH:
        raise PatternError(f"it is longer than {_MAX_LENGTH} characters")
    delimited = _DELIMITED.fullmatch(pattern)
    source, letters = (delimited[2], delimited[3]) if delimited else (pattern, "")
    flags = Flags()
    for letter in letters:
        if letter not in _MEANINGLESS_FLAGS:
            flags = _with_flag(flags, letter, on=True)
    node = _Parser(source).whole(flags)
    return Sequence((At(Place.START), node)) if flags.anchored else node


def _with_flag(flags: Flags, letter: str, *, on: bool) -> Flags:
    if letter in _MEANINGLESS_FLAGS:
        return flags
    if letter not in _FLAGS:
        raise PatternError(f"there is no flag {letter!r}")
    return structs.replace(flags, **{_FLAGS[letter]: on})


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._depth = 0

    def whole(self, flags: Flags) -> Node:
        node = self._choice(flags)
        if self._at < len(self._source):
            raise PatternError("a closing bracket has no opening one")
        return node

    # -- reading --------------------------------------------------------------------

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._peek()
        if not character:
            raise PatternError("it ends too early")
        self._at += 1
        return character

    def _take(self, text: str) -> bool:
        if not self._source.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _take_match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        found = expression.match(self._source, self._at)
        if found is not None:
            self._at = found.end()
        return found

    # -- grammar --------------------------------------------------------------------

    def _choice(self, flags: Flags) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise PatternError("it is nested too deep")
        branches: list[Node] = []
        while True:
            branch, flags = self._branch(flags)
            branches.append(branch)
            if not self._take("|"):
                break
        self._depth -= 1
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _branch(self, flags: Flags) -> tuple[Node, Flags]:
        """One alternative, and the flags that were set in it: they hold in the next too."""
        nodes: list[Node] = []
        while (character := self._peek()) and character not in "|)":
            if flags.spaced and self._skip_blank():
                continue
            changed = self._inline_flags(flags)
            if changed is not None:
                flags = changed
            elif self._take("\\Q"):
                nodes.extend(self._quoted(flags))
            elif not self._take("\\E") and not self._comment():
                nodes.append(self._quantified(self._atom(flags)))
        return Sequence(tuple(nodes)), flags

    def _skip_blank(self) -> bool:
        if self._peek() in " \t\n\r\f\v":
            self._at += 1
            return True
        if self._peek() != "#":
            return False
        end = self._source.find("\n", self._at)
        self._at = len(self._source) if end < 0 else end + 1
        return True

    def _comment(self) -> bool:
        if not self._source.startswith("(?#", self._at):
            return False
        end = self._source.find(")", self._at)
        if end < 0:
            raise PatternError("a comment does not end")
        self._at = end + 1
        return True

    def _inline_flags(self, flags: Flags) -> Flags | None:
        """The flags after `(?i)`; None when something else stands here."""
        found = _INLINE.match(self._source, self._at + 2)
        if not self._source.startswith("(?", self._at) or not found or found[3] != ")":
            return None
        self._at = found.end()
        return _inline(flags, found)

    def _quoted(self, flags: Flags) -> list[Node]:
        end = self._source.find("\\E", self._at)
        end = len(self._source) if end < 0 else end
        text, self._at = self._source[self._at : end], end
        return [_literal(character, flags) for character in text]

    def _quantified(self, node: Node) -> Node:
        while (bounds := self._bounds()) is not None:
            least, most = bounds
            if most is not None and most < least:
                raise PatternError("a quantifier has its numbers in the wrong order")
            if self._take("+"):
                raise PatternError("possessive quantifiers are not offered")
            self._take("?")
            node = Repeat(node, least, most)
        return node

    def _bounds(self) -> tuple[int, int | None] | None:
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._peek())
        if simple is not None:
            self._at += 1
            return simple
        counts = self._take_match(_COUNTS)
        if counts is None:
            return None
        least = int(counts[1])
        if not counts[2]:
            return least, least
        return least, int(counts[3]) if counts[3] else None

    def _atom(self, flags: Flags) -> Node:
        character = self._next()
        match character:
            case "(":
                return self._group(flags)
            case "[":
                return One(self._set(flags))
            case ".":
                excluded = frozenset() if flags.dot_all else frozenset("\n")
                return One(characters.among(excluded, negated=True))
            case "^":
                return At(Place.LINE_START if flags.lines else Place.START)
            case "$":
                return At(_end(flags))
            case "\\":
                return self._escape(flags)
            case "*" | "+" | "?":
                raise PatternError("a quantifier has nothing to repeat")
            case _:
                return _literal(character, flags)

    def _group(self, flags: Flags) -> Node:
        look: tuple[bool, bool] | None = None
        if self._take("*"):
            raise PatternError("control verbs are not offered")
        if self._peek() == "?":
            look = self._look()
            if look is None:
                flags = self._group_start(flags)
        node = self._choice(flags)
        if not self._take(")"):
            raise PatternError("an opening bracket has no closing one")
        return node if look is None else Look(node, ahead=look[0], negated=look[1])

    def _look(self) -> tuple[bool, bool] | None:
        return next((kind for start, kind in _LOOKS.items() if self._take(start)), None)

    def _group_start(self, flags: Flags) -> Flags:
        self._next()
        if self._take_match(_NAME) or self._take("|"):
            return flags
        inline = self._take_match(_INLINE)
        if inline is None or inline[3] != ":":
            raise PatternError("this kind of group is not offered")
        return _inline(flags, inline)

    def _escape(self, flags: Flags) -> Node:
        place = _PLACES.get(self._peek())
        if place is not None:
            self._at += 1
            return At(place)
        accepts = self._class_escape()
        if accepts is not None:
            return One(accepts)
        if self._peek() in "123456789gkKGRXC":
            raise PatternError(f"\\{self._peek()} is not offered")
        return _literal(self._character_escape(), flags)

    def _class_escape(self) -> Accepts | None:
        """The set that `\\d`, `\\W`, `\\p{L}` stand for; None when another escape stands here."""
        found = self._take_match(_PROPERTY)
        if found is not None:
            return characters.category(found[1] or found[2], negated=found[0][0] == "P")
        letter = self._peek()
        if letter == "N":
            self._at += 1
            return characters.among(frozenset("\n"), negated=True)
        known = characters.CLASSES.get(letter.lower())
        if known is None:
            return None
        self._at += 1
        return characters.among(known, negated=letter.isupper())

    def _character_escape(self) -> str:
        found = self._take_match(_HEX)
        if found is not None:
            code = int(next(group for group in found.groups() if group), 16)
            if code > 0x10FFFF:
                raise PatternError("there is no such character")
            return chr(code)
        character = self._next()
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isascii() and character.isalnum():
            raise PatternError(f"there is no escape \\{character}")
        return character

    def _set(self, flags: Flags) -> Accepts:
        negated = self._take("^")
        found = CharacterSet(any_case=flags.any_case)
        first = True
        while first or self._peek() != "]":
            self._set_member(found)
            first = False
        self._next()
        return found.accepts(negated=negated)

    def _set_member(self, found: CharacterSet) -> None:
        posix = self._take_match(_POSIX)
        if posix is not None:
            if posix[2] not in characters.POSIX:
                raise PatternError(f"there is no class [:{posix[2]}:]")
            found.add_other(characters.among(characters.POSIX[posix[2]], negated=bool(posix[1])))
            return
        low = self._set_character(found)
        if low is None:
            return
        if not self._source.startswith("-", self._at) or self._source.startswith("-]", self._at):
            found.add(low)
            return
        self._next()
        high = self._set_character(found)
        if high is None:
            # `[a-\d]`: the hyphen is one character more.
            found.add(low)
            found.add("-")
        else:
            found.add_range(low, high)

    def _set_character(self, found: CharacterSet) -> str | None:
        """One character; None when it was a class, which is added at once."""
        if not self._take("\\"):
            return self._next()
        if self._take("b"):
            return "\b"
        accepts = self._class_escape()
        if accepts is None:
            return self._character_escape()
        found.add_other(accepts)
        return None


def _inline(flags: Flags, found: re.Match[str]) -> Flags:
    for letter in found[1]:
        flags = _with_flag(flags, letter, on=True)
    for letter in found[2] or "":
        flags = _with_flag(flags, letter, on=False)
    return flags


def _literal(character: str, flags: Flags) -> One:
    return One(characters.literal(character, any_case=flags.any_case))


def _end(flags: Flags) -> Place:
    if flags.lines:
        return Place.LINE_END
    return Place.END if flags.end_only else Place.LAST_LINE_END
