"""What a filter may ask of a resource: each attribute as conditions on rows. Pure.

A term answers for one attribute. It knows equality, likeness, order and presence; what is
negated is negated as a whole, so that an attribute without a value is not equal to
anything. Source: SCIM page §4.2 and §4.3; RFC 7644 §3.4.2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol

from msgspec import Struct

from conductus.items.searching import escaped
from conductus.query.item_query import (
    ALL,
    NONE,
    Compare,
    Filter,
    Group,
    Not,
    Operator,
    Some,
    every,
    some,
)
from conductus.query.values import clean
from conductus.scim.refusals import Refused

Likeness = Literal["eq", "co", "sw", "ew", "gt", "ge", "lt", "le"]
_ORDERED: Final[Mapping[str, Operator]] = {
    "gt": Operator.GT,
    "ge": Operator.GTE,
    "lt": Operator.LT,
    "le": Operator.LTE,
}
_FIXED: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "eq": lambda own, asked: own == asked,
    "co": lambda own, asked: asked in own,
    "sw": lambda own, asked: own.startswith(asked),
    "ew": lambda own, asked: own.endswith(asked),
    "gt": lambda own, asked: own > asked,
    "ge": lambda own, asked: own >= asked,
    "lt": lambda own, asked: own < asked,
    "le": lambda own, asked: own <= asked,
}
LARGEST_KEY: Final = 2**31 - 1


class Term(Protocol):
    """One attribute in a filter."""

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """What holds where the attribute has a value that is so; never of null."""
        ...

    def present(self) -> Filter:
        """What holds where the attribute has a value."""
        ...


Terms = Mapping[str, Term]
"""By name in small letters: `name.givenname`."""


class Text(Struct, frozen=True):
    """A column of text."""

    path: tuple[str, ...]
    exact: bool = False
    """Letters of another case are other letters."""

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        text = asked_text(value)
        match likeness:
            case "eq":
                return Compare(self.path, Operator.SAME if self.exact else Operator.ALIKE, text)
            case "co" | "sw" | "ew" if not text:
                return self.present()
            case "co":
                return Compare(self.path, Operator.CONTAINS, text)
            case "sw":
                return Compare(self.path, Operator.RLIKE, f"{escaped(text)}%")
            case "ew":
                return Compare(self.path, Operator.RLIKE, f"%{escaped(text)}")
            case _:
                return Compare(self.path, _ORDERED[likeness], text)

    def present(self) -> Filter:
        """See `Term`."""
        return Compare(self.path, Operator.NEMPTY)


class Fixed(Struct, frozen=True):
    """An attribute whose value is the same for all that are asked."""

    value: str | bool

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        if isinstance(self.value, bool):
            return _held(self.value == asked_flag(likeness, value))
        return _held(_FIXED[likeness](self.value.casefold(), asked_text(value).casefold()))

    def present(self) -> Filter:
        """See `Term`."""
        return ALL


class Flag(Struct, frozen=True):
    """True where a column holds one value."""

    path: tuple[str, ...]
    means: str

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        operator = Operator.EQ if asked_flag(likeness, value) else Operator.NEQ
        return Compare(self.path, operator, self.means)

    def present(self) -> Filter:
        """See `Term`."""
        return ALL


class Parts(Struct, frozen=True):
    """An attribute of several parts; compared is its `value`, if it has one."""

    parts: tuple[Term, ...]
    value: Term | None = None

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        if self.value is None:
            raise Refused("invalidFilter", "An attribute of several parts can be compared by parts")
        return self.value.compared(likeness, value)

    def present(self) -> Filter:
        """See `Term`."""
        return some(*(part.present() for part in self.parts))


class Number(Struct, frozen=True):
    """The id of Directus 8: a text of the provider, or the number of the row."""

    text: Text
    path: tuple[str, ...]

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        found = self.text.compared(likeness, value)
        key = key_of(asked_text(value))
        if likeness != "eq" or key is None:
            return found
        return some(found, Compare(self.path, Operator.EQ, key))

    def present(self) -> Filter:
        """See `Term`."""
        return self.text.present()


class Beside(Struct, frozen=True):
    """A term of the row of names beside the resource."""

    field: str
    term: Term

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        return Some(self.field, self.term.compared(likeness, value))

    def present(self) -> Filter:
        """See `Term`."""
        return Some(self.field, self.term.present())


class Named(Struct, frozen=True):
    """A name that stands beside the resource, or else in a column of its own."""

    beside: Beside
    own: Text
    known: Mapping[str, int]
    """Who is called so, by the folded name; looked up before, so that an index serves it."""
    fold: Callable[[str], str]

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        own = every(self.own.compared(likeness, value), Not(self.beside.present()))
        if likeness != "eq":
            return some(self.beside.compared(likeness, value), own)
        key = self.known.get(self.fold(asked_text(value)))
        return own if key is None else some(Compare(("id",), Operator.EQ, key), own)

    def present(self) -> Filter:
        """See `Term`."""
        return self.own.present()


def negated(filter: Filter) -> Filter:
    """The opposite, constants worked out."""
    match filter:
        case Not(filter=inner):
            return inner
        case Group(members=()):
            return NONE if filter == ALL else ALL
        case _:
            return Not(filter)


def asked_text(value: Any) -> str:
    """The text that is asked for. Raises `Refused`."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused("invalidFilter", "This attribute is compared with text")
    return clean("filter", str(value))


def asked_flag(likeness: str, value: Any) -> bool:
    """The truth that is asked for. Raises `Refused`."""
    if likeness != "eq":
        raise Refused("invalidFilter", "What is true or false can be asked by eq, ne and pr alone")
    flag = find_flag(value)
    if flag is None:
        raise Refused("invalidFilter", "This attribute is compared with true or false")
    return flag


def find_flag(value: Any) -> bool | None:
    """True or false, also as the texts that some providers send; None for anything else."""
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False}
    return words.get(value.lower()) if isinstance(value, str) else None


def key_of(text: str) -> int | None:
    """The number of a row that a text is; None when it is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 11):
        return None
    key = int(text)
    return key if key <= LARGEST_KEY else None


def _held(holds: bool) -> Filter:
    return ALL if holds else NONE
