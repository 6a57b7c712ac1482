"""What holds for every query: round trips, and no failure but a clear refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st

from conductus.errors import ApiError
from conductus.query import brackets, rest
from conductus.query.item_query import (
    Compare,
    Filter,
    Group,
    Held,
    ItemQuery,
    Not,
    Operator,
    Some,
    compares,
)
from conductus.query.limits import Limits
from tests.units.worlds import ask, blog

SCHEMA = blog()
LIMITS = Limits()

PATHS = st.sampled_from(
    ["id", "title", "views", "author", "author.name", "comments.text", "comments.writer.email"]
)
# What PostgreSQL cannot hold is refused before it is a value.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
SCALARS = TEXTS | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
ORDERED = st.sampled_from(
    [
        *(Operator.EQ, Operator.NEQ, Operator.LT, Operator.LTE, Operator.GT, Operator.GTE),
        *(Operator.RLIKE, Operator.NRLIKE),
    ]
)
VALUELESS = st.sampled_from([Operator.NULL, Operator.NNULL, Operator.EMPTY, Operator.NEMPTY])


def leaves(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Compare]:
    path = PATHS.map(lambda text: tuple(text.split(".")))
    some = values.filter(lambda value: value != "")
    return st.one_of(
        st.builds(Compare, path, ORDERED, values),
        st.builds(Compare, path, st.sampled_from([Operator.CONTAINS, Operator.NCONTAINS]), some),
        st.builds(Compare, path, VALUELESS),
        st.builds(
            Compare,
            path,
            st.sampled_from([Operator.IN, Operator.NIN]),
            st.lists(values, max_size=4).map(tuple),
        ),
        st.builds(
            Compare,
            path,
            st.sampled_from([Operator.BETWEEN, Operator.NBETWEEN]),
            st.tuples(some, some),
        ),
        st.builds(
            Compare,
            st.just(("comments",)),
            st.sampled_from([Operator.HAS, Operator.NHAS]),
            st.integers(0, 9),
        ),
    )


def trees(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    return st.recursive(
        leaves(values),
        lambda below: st.builds(
            Group,
            st.sampled_from(["all", "any"]),
            st.lists(below, min_size=2, max_size=3).map(tuple),
        ),
        max_leaves=8,
    )


def rendered(filter: Filter) -> dict[str, Any]:
    """A filter in the JSON spelling."""
    match filter:
        case Compare(path, operator, value):
            listed = list(value) if isinstance(value, tuple) else value
            return {".".join(path): {operator.value: listed}}
        case Group(mode, members):
            return {"_and" if mode == "all" else "_or": [rendered(member) for member in members]}
        case Held() | Not() | Some():
            raise AssertionError("No client can ask this")


def bracketed(name: str, value: Any) -> list[tuple[str, Any]]:
    """The same in the bracket spelling: one parameter for each value."""
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        if not value:
            return [(name, "")]
        members = {str(place): member for place, member in enumerate(value)}.items()
    else:
        return [(name, "" if value is None else value)]
    return [pair for key, member in members for pair in bracketed(f"{name}[{key}]", member)]


@given(trees(SCALARS))
def test_a_filter_written_as_json_reads_back(filter: Filter) -> None:
    assert ask("filter=" + quote(json.dumps(rendered(filter)))).filter == filter
    assert rest.parse("articles", {"filter": rendered(filter)}, SCHEMA, LIMITS).filter == filter


@given(trees(TEXTS))
def test_a_filter_written_in_brackets_reads_back(filter: Filter) -> None:
    pairs = bracketed("filter", rendered(filter))
    assert ask(urlencode(pairs)).filter == filter
    # Many clients leave the brackets as they are.
    assert ask("&".join(f"{name}={quote(str(value))}" for name, value in pairs)).filter == filter


FRAGMENTS = st.sampled_from(
    [
        *("filter", "fields", "sort", "limit", "page", "deep", "status", "meta", "q", "lang"),
        *("aggregate", "groups", "single", "[", "]", "[]", "=", "&", "%", "%00", "%ff", "+", ","),
        *("*", "*.*", ".", "-", "?", "0", "1", "_or", "_and", "logical", "or", "in", "has"),
        *("comments", "author", "name", "title", "extra", "{", "}", '"', ":", "é", "between"),
    ]
)


@given(st.binary(max_size=300) | st.lists(FRAGMENTS, max_size=40).map("".join) | st.text())
def test_any_text_is_read_or_refused(raw: bytes | str) -> None:
    assert_sound(lambda: brackets.parse(raw, LIMITS))


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | FRAGMENTS,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(FRAGMENTS | st.text(max_size=3), below, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["fields", "filter", "sort", "limit", "offset", "page", "deep", "aggregate", "q", "status"]
)


@given(st.dictionaries(NAMES, JSON, max_size=3))
def test_any_json_is_read_or_refused(params: dict[str, Any]) -> None:
    assert_sound(lambda: params)


def assert_sound(params: Callable[[], brackets.Params]) -> None:
    match outcome(params):
        case ApiError(status=status, message=message):
            # A refusal can be shown: its sentence is text that can be sent.
            assert status in (404, 413, 422)
            assert message.encode()
        case ItemQuery() as query:
            assert_names_exist(query)


def outcome(params: Callable[[], brackets.Params]) -> ItemQuery | ApiError:
    try:
        return rest.parse("articles", params(), SCHEMA, LIMITS)
    except ApiError as error:
        return error


def assert_names_exist(query: ItemQuery) -> None:
    fields = SCHEMA.collection(query.collection).fields
    selected = {*query.selection.fields, *(name for name, _ in query.selection.expanded)}
    filtered = {leaf.path[0] for leaf in compares(query.filter)} if query.filter else set()
    sorted_by = {key.field for key in query.sort if key.field is not None}
    assert selected | filtered | sorted_by | {path[0] for path, _ in query.deep} <= fields.keys()
