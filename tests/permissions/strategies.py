"""Random worlds: rules, rows and requests that the model and the real thing both answer.

Each strategy is made once and kept: to make one anew for each draw, and to work out again
what hypothesis asks of it, costs several times what the request that is drawn costs.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st
from msgspec import Struct

from tests.permissions.model import Asker, Permission, Row, Shape, State
from tests.permissions.model_reading import Read

STATUSES = {"draft": False, "live": False, "gone": True}
WORDS = ("fig", "plum", "kiwi", "quince")
"""No status has a letter sequence of these, and no number."""
Value = TypeVar("Value")
SIZE = 4
"""Rows of each collection at first."""
COLLECTIONS = ("bare", "owned", "staged", "both")
"""In a ring: `left` leads to the next one, `right` to the one after it."""


def _shape(place: int, *, owner: bool, status: bool) -> Shape:
    own = ["id", *["status"] * status, *["owner"] * owner, "word", "number", "left", "right"]
    ring = [COLLECTIONS[(place + steps) % 4] for steps in range(4)]
    return Shape(
        name=COLLECTIONS[place],
        columns=tuple(own),
        texts=(*["status"] * status, "word"),
        statuses=STATUSES if status else {},
        default="draft" if status else None,
        owner="owner" if owner else None,
        ones={"left": ring[1], "right": ring[2]},
        manys={"lefts": (ring[3], "left"), "rights": (ring[2], "right")},
    )


SHAPES = {
    "bare": _shape(0, owner=False, status=False),
    "owned": _shape(1, owner=True, status=False),
    "staged": _shape(2, owner=False, status=True),
    "both": _shape(3, owner=True, status=True),
}


class People(Struct, frozen=True, eq=False):
    """Ids that differ from project to project."""

    role: int
    """The role whose rules are drawn."""
    users: dict[str, int]
    """`one` and `peer` are of that role, `other` is of another, `lone` has none."""
    roles: dict[int, int | None]
    """User → role."""

    def asker(self, name: str) -> Asker:
        """Who asks."""
        if name == "nobody":
            return Asker(0, 2)
        user = self.users[name]
        return Asker(user, self.roles[user])


ASKERS = st.sampled_from(
    ["one"] * 8 + ["peer"] * 2 + ["nobody"] * 3 + ["other", "lone", "administrator"]
)
OWNERS = ("one", "peer", "other", "administrator", "unknown", "nobody", None)

# -- rules ------------------------------------------------------------------------------

LEVELS = st.sampled_from(["none", "mine", "role", "full", "full", "full", None])
PUBLIC_LEVELS = st.sampled_from(["none", "mine", "mine", "role", "full"])
WRITE_LEVELS = st.sampled_from(["none", "mine", "role", "role", "full", "full", "full", None])
EXPLAINS = st.sampled_from(["none"] * 16 + [None, "create", "update", "always"])
FIELDS = ("word", "number", "left", "right", "lefts", "rights", "status", "owner")
HIDDEN = st.one_of(
    st.just(()),
    # What is searched, filtered and sorted by most.
    st.just(("word",)),
    st.lists(st.sampled_from(FIELDS), max_size=3, unique=True).map(tuple),
)
KEPT = st.one_of(
    *[st.just(())] * 3,
    *[st.just(("left", "right"))] * 2,
    st.lists(st.sampled_from(FIELDS), max_size=2, unique=True).map(tuple),
)
KEPT_STATUSES = st.one_of(
    st.just(()),
    st.just(("draft", "live")),
    st.lists(st.sampled_from(list(STATUSES)), max_size=2, unique=True).map(tuple),
)


def permission(
    role: int, collection: str, status: str | None, reading: st.SearchStrategy[str | None] = LEVELS
) -> st.SearchStrategy[Permission]:
    """A row of rules."""
    return st.builds(
        Permission,
        role=st.just(role),
        collection=st.just(collection),
        status=st.just(status),
        create=st.sampled_from(["none", "full", "full"]),
        read=reading,
        update=WRITE_LEVELS,
        delete=WRITE_LEVELS,
        explain=EXPLAINS,
        read_field_blacklist=HIDDEN,
        write_field_blacklist=KEPT,
        status_blacklist=KEPT_STATUSES,
    )


def of_collection(
    role: int, collection: str, reading: st.SearchStrategy[str | None] = LEVELS
) -> st.SearchStrategy[tuple[Permission, ...]]:
    """No rule, one for the whole, or one for each of some statuses; one for new items."""
    whole: list[list[str | None]] = [[], [None], [None], [None], [None, "$create"]]
    stated: list[list[str | None]] = [
        [None, "draft", "live", "gone"],
        ["draft", "live"],
        ["draft", "live", "gone", "$create"],
        ["live"],
    ]
    # Rules for statuses of what has no status are a mistake that somebody makes.
    choices = whole + (stated if SHAPES[collection].statuses else [["draft"]])
    return any_of(
        [
            st.tuples(*(permission(role, collection, each, reading) for each in statuses))
            for statuses in choices
        ]
    )


def any_of(strategies: list[st.SearchStrategy[Value]]) -> st.SearchStrategy[Value]:
    """What one of the strategies draws, each of them as likely."""
    return st.sampled_from(strategies).flatmap(lambda chosen: chosen)


def rules(role: int) -> st.SearchStrategy[tuple[Permission, ...]]:
    """The rules of a role and of the public."""
    own = [of_collection(role, name) for name in COLLECTIONS]
    public = any_of(
        [of_collection(2, name, PUBLIC_LEVELS) for name in ("owned", "both", *COLLECTIONS)]
    )
    return st.tuples(*own, public).map(lambda found: tuple(row for rows in found for row in rows))


# -- rows -------------------------------------------------------------------------------

KEYS = st.sampled_from([None, *range(1, SIZE + 1), 99])
NUMBERS = st.sampled_from([None, 1, 2, 3])


def row(shape: Shape, key: int, people: People) -> st.SearchStrategy[Row]:
    """A row as it may stand in the database."""
    known = {**people.users, "unknown": 99_999, "nobody": 0}
    owners = [None if name is None else known[name] for name in OWNERS]
    columns: dict[str, st.SearchStrategy[Any]] = {
        "id": st.just(key),
        "status": st.sampled_from([*STATUSES, "draft", "live", "odd", None]),
        "owner": st.sampled_from(owners),
        "word": st.sampled_from([*WORDS, None]),
        "number": NUMBERS,
        "left": KEYS,
        "right": KEYS,
    }
    return st.fixed_dictionaries({name: columns[name] for name in shape.columns})


def states(people: People) -> st.SearchStrategy[State]:
    """Rows of every collection."""
    return st.fixed_dictionaries(
        {
            name: st.fixed_dictionaries(
                {key: row(shape, key, people) for key in range(1, SIZE + 1)}
            )
            for name, shape in SHAPES.items()
        }
    )


# -- reads ------------------------------------------------------------------------------


@cache
def tree(name: str, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """What is asked of each item."""
    shape = SHAPES[name]
    choices: dict[str, st.SearchStrategy[Any]] = {
        **{column: st.none() for column in ("*", *shape.columns)},
        **{alias: st.none() for alias in shape.manys},
    }
    if depth:
        targets = {**shape.ones, **{alias: target for alias, (target, _) in shape.manys.items()}}
        choices |= {
            relation: st.none() | tree(target, depth - 1) for relation, target in targets.items()
        }
    names = st.lists(st.sampled_from(list(choices)), min_size=1, max_size=5, unique=True)
    return _some_of(names, choices)


@st.composite
def _some_of(
    draw: st.DrawFn,
    names: st.SearchStrategy[list[str]],
    choices: dict[str, st.SearchStrategy[Any]],
) -> dict[str, Any]:
    return {name: draw(choices[name]) for name in draw(names)}


@cache
def condition(name: str, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """One condition, about the item or about what it is related to."""
    shape = SHAPES[name]
    leaves = [
        st.tuples(st.just("word"), st.sampled_from(["eq", "neq"]), st.sampled_from(WORDS)),
        st.tuples(st.just("word"), st.just("contains"), st.sampled_from(WORDS)),
        st.tuples(st.just("word"), st.sampled_from(["null", "nnull"]), st.just(1)),
        st.tuples(st.just("number"), st.sampled_from(["eq", "gt", "lt"]), st.integers(1, 3)),
        st.tuples(st.just("id"), st.just("in"), st.lists(st.integers(1, SIZE), min_size=1)),
        st.tuples(st.just("left"), st.sampled_from(["eq", "null"]), st.integers(1, SIZE)),
        st.tuples(st.sampled_from(["lefts", "rights"]), st.just("empty"), st.just(1)),
        st.tuples(st.sampled_from(["lefts", "rights"]), st.just("nempty"), st.just(1)),
        st.tuples(st.just("lefts"), st.sampled_from(["has", "nhas"]), st.integers(1, 2)),
    ]  # fmt: skip
    if shape.statuses:
        leaves.append(st.tuples(st.just("status"), st.just("eq"), st.sampled_from(list(STATUSES))))
    own = st.one_of(leaves).map(lambda leaf: {leaf[0]: {leaf[1]: leaf[2]}})
    if not depth:
        return own
    targets = {**shape.ones, **{alias: target for alias, (target, _) in shape.manys.items()}}
    related = [_beyond(relation, condition(targets[relation], depth - 1)) for relation in targets]
    return own | any_of(related)


def _beyond(
    relation: str, tests: st.SearchStrategy[dict[str, Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    return tests.map(lambda inner: {f"{relation}.{path}": test for path, test in inner.items()})


@cache
def conditions(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """One condition or some together."""
    one = condition(name, 2)
    joined = st.tuples(st.sampled_from(["_and", "_or"]), st.lists(one, min_size=1, max_size=3))
    return one | joined.map(lambda pair: {pair[0]: pair[1]})


ASKED_STATUSES = st.sampled_from(
    [None, None, ("*",), ("*",), ("draft",), ("gone",), ("live", "gone")]
)


ITEMS = st.sampled_from(COLLECTIONS)
READ_KINDS = st.sampled_from(["list"] * 5 + ["one", "several", "groups"])
SOME_IDS = st.lists(st.integers(1, SIZE + 1), min_size=2, max_size=3, unique=True)
SEARCHES = st.sampled_from([None, None, "fig", "ui"])
SORTS = st.none() | st.sampled_from(["id", "-id", "number", "-number", "-left"])


@cache
def groups(name: str) -> st.SearchStrategy[str]:
    """What items are put together by."""
    return st.sampled_from(["word", "number", *["status"] * bool(SHAPES[name].statuses)])


@cache
def trees(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """A tree of some depth, or one field."""
    return st.one_of(tree(name, 2), tree(name, 2), st.just({"word": None}))


@cache
def narrowings(name: str) -> st.SearchStrategy[dict[str, Any] | None]:
    """A filter, or none."""
    return st.none() | conditions(name)


@st.composite
def reads(draw: st.DrawFn) -> Read:
    """A request to read."""
    name = draw(ITEMS)
    statuses = draw(ASKED_STATUSES) if SHAPES[name].statuses else None
    fields = draw(trees(name))
    kind = draw(READ_KINDS)
    if kind in ("one", "several"):
        ids = draw(SOME_IDS)
        return Read(
            collection=name,
            ids=tuple(ids[:1] if kind == "one" else ids),
            fields=fields,
            statuses=statuses,
        )
    return Read(
        collection=name,
        fields=fields,
        condition=draw(narrowings(name)),
        search=draw(SEARCHES),
        sort=draw(SORTS) if kind == "list" else None,
        statuses=statuses,
        groups=draw(groups(name)) if kind == "groups" else None,
    )
