"""A regular expression as a tree. Groups leave no trace: only whether it matches counts."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

Accepts = Callable[[str], bool]
"""Whether a character is one of a set."""


class PatternError(ValueError):
    """The pattern is not well-formed, or asks for what is not offered. Says why."""


class Place(Enum):
    """Where something may stand that takes no character."""

    START = "\\A"
    END = "\\z"
    LAST_LINE_END = "\\Z"
    LINE_START = "^"
    LINE_END = "$"
    WORD_EDGE = "\\b"
    NO_WORD_EDGE = "\\B"


class One(Struct, frozen=True):
    """One character out of a set."""

    accepts: Accepts


class At(Struct, frozen=True):
    """A place."""

    place: Place


class Look(Struct, frozen=True):
    """Something that follows (`ahead`) or goes before, or does not."""

    node: Node
    ahead: bool
    negated: bool


class Sequence(Struct, frozen=True):
    """One after the other."""

    nodes: tuple[Node, ...]


class Choice(Struct, frozen=True):
    """Any of them."""

    nodes: tuple[Node, ...]


class Repeat(Struct, frozen=True):
    """The same `least` to `most` times; None: without end."""

    node: Node
    least: int
    most: int | None


Node = One | At | Look | Sequence | Choice | Repeat
