"""`ItemQuery`: the one form in which every front end asks for items.

REST, GraphQL, SCIM, exports and the code inside all speak it. Names in it exist in the
schema that it was parsed against; whether they may be read is decided later, by
`permissions.reading`. Values in filters are as the client wrote them: the planner
converts them with the type of the field. Source: items page §3 of the API reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, Literal, assert_never

from msgspec import Struct, structs

DEFAULT_LIMIT = 200


class Operator(Enum):
    """What a filter compares by; the value is the canonical name."""

    EQ = "eq"
    NEQ = "neq"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    NIN = "nin"
    NULL = "null"
    NNULL = "nnull"
    CONTAINS = "contains"
    NCONTAINS = "ncontains"
    RLIKE = "rlike"
    NRLIKE = "nrlike"
    BETWEEN = "between"
    NBETWEEN = "nbetween"
    EMPTY = "empty"
    NEMPTY = "nempty"
    ALL = "all"
    HAS = "has"
    NHAS = "nhas"
    SAME = "same"
    """The very text, on every database; indexed. No client spells it."""
    ALIKE = "alike"
    """The text but for the case of letters; indexed for e-mail addresses. As `SAME`."""


SPELLED: Final = tuple(each for each in Operator if each not in (Operator.SAME, Operator.ALIKE))
"""The operators that a client may write."""


class Me(Enum):
    """In the place of a value: the id of whoever asks. Of rules, never of clients."""

    ME = "me"


ME: Final = Me.ME


class Compare(Struct, frozen=True):
    """One leaf of a filter: a field path, an operator, the value asked for.

    `path` starts at the collection of the query: `("author", "name")`. Every segment but
    the last is a relation (either way). `value` is text or JSON as given; a tuple for
    `in`, `nin`, `between`, `nbetween`, `all`; None for `null` and `empty`.
    """

    path: tuple[str, ...]
    operator: Operator
    value: Any = None


class Group(Struct, frozen=True):
    """Filters that must all hold, or of which one must. Empty: `all` holds, `any` does not."""

    mode: Literal["all", "any"]
    members: tuple[Filter, ...]


class Not(Struct, frozen=True):
    """Holds for every item for which the filter does not, also where that is for a null.

    No client of the REST API can ask it.
    """

    filter: Filter


class Some(Struct, frozen=True):
    """One of the items that a one-to-many field lists fulfils all of the filter.

    No client of the REST API can ask it.
    """

    field: str
    filter: Filter


class Held(Struct, frozen=True):
    """The field holds, as text, the key of an item of `collection` that fulfils `filter`.

    How rows of history refer to items of any collection. No client can ask it.
    """

    field: str
    collection: str
    filter: Filter


Filter = Compare | Group | Not | Some | Held
ALL: Final[Filter] = Group("all", ())
"""Holds for every item."""
NONE: Final[Filter] = Group("any", ())
"""Holds for none."""


def compares(filter: Filter) -> Iterator[Compare]:
    """Every leaf of the filter that compares a field of the collection, or of related items."""
    match filter:
        case Compare():
            yield filter
        case Group(members=members):
            for member in members:
                yield from compares(member)
        case Not(filter=inner):
            yield from compares(inner)
        case Some(field=field, filter=inner):
            for leaf in compares(inner):
                yield structs.replace(leaf, path=(field, *leaf.path))
        case Held():
            return
        case _:
            assert_never(filter)


def every(*filters: Filter) -> Filter:
    """What holds when all of them do."""
    kept = tuple(each for each in filters if each != ALL)
    if NONE in kept:
        return NONE
    if not kept:
        return ALL
    return kept[0] if len(kept) == 1 else Group("all", kept)


def some(*filters: Filter) -> Filter:
    """What holds when one of them does."""
    kept = tuple(each for each in filters if each != NONE)
    if ALL in kept:
        return ALL
    return kept[0] if len(kept) == 1 else Group("any", kept)


def one_by_one(filter: Filter, most: int) -> Filter:
    """The rule with lists of up to `most` values compared value by value."""
    match filter:
        case Group(mode=mode, members=members):
            return Group(mode, tuple(one_by_one(member, most) for member in members))
        case Held(filter=inner) | Not(filter=inner) | Some(filter=inner):
            return structs.replace(filter, filter=one_by_one(inner, most))
        case Compare(operator=Operator.IN | Operator.NIN, value=tuple() as values):
            if not 0 < len(values) <= most:
                return filter
            if filter.operator is Operator.IN:
                return some(*(Compare(filter.path, Operator.EQ, value) for value in values))
            return every(*(Compare(filter.path, Operator.NEQ, value) for value in values))
        case _:
            return filter


class SortKey(Struct, frozen=True):
    """A field to order by. `field` is None for a random order."""

    field: str | None
    descending: bool = False


class Selection(Struct, frozen=True):
    """What to return of each item.

    `fields`: names whose stored value is wanted: columns (a many-to-one gives its key) and
    bare one-to-many aliases (a list of keys). `expanded`: relations to follow, each with
    what to return of the other side. `keyed`: many-to-one fields whose other side may not be
    read: an object of its key alone. A name stands in one of the three, in schema order.
    `renamed`: one-to-many fields that are followed more than once, each further name in
    `expanded` with the field that it stands for.
    """

    fields: tuple[str, ...] = ()
    expanded: tuple[tuple[str, Selection], ...] = ()
    keyed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def field_of(self, name: str) -> str:
        """The field that is followed under a name."""
        return dict(self.renamed).get(name, name)


class Deep(Struct, frozen=True):
    """How an expanded to-many list is narrowed: `deep[comments][limit]=3`."""

    filter: Filter | None = None
    sort: tuple[SortKey, ...] = ()
    limit: int | None = None
    offset: int = 0


class Aggregate(Struct, frozen=True):
    """One figure asked of each group: `sum` of `views`; `count` of `*`."""

    function: Literal["count", "countDistinct", "sum", "avg", "min", "max"]
    field: str


ALL_STATUSES: Literal["*"] = "*"
Statuses = tuple[str, ...] | Literal["*"] | None
"""Status values asked for; `*` for all; None for the default: those not soft-deleted."""

ALL_META: frozenset[str] = frozenset(
    {"collection", "type", "result_count", "total_count", "filter_count", "status", "page"}
)


class ItemQuery(Struct, frozen=True, kw_only=True):
    """Which items of a collection, in which order, and what of each."""

    collection: str
    selection: Selection
    filter: Filter | None = None
    search: str | None = None
    sort: tuple[SortKey, ...] = ()
    """Empty: the collection's default order. The primary key is always added last."""
    statuses: Statuses = None
    limit: int | None = DEFAULT_LIMIT
    """None: no limit."""
    offset: int = 0
    page: int | None = None
    """As asked for, when it took effect; `offset` has it worked in."""
    single: bool = False
    languages: tuple[str, ...] | None = None
    """Languages of translations; None: all."""
    meta: frozenset[str] | None = None
    """Keys of `meta` asked for; None: no `meta` at all."""
    deep: tuple[tuple[tuple[str, ...], Deep], ...] = ()
    """Each with the path of the expanded relation from the collection of the query, by the
    names in `expanded`."""
    groups: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
