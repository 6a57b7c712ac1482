"""`filter`, in brackets and as JSON: one language, and no condition lost."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from conductus.errors import ApiError
from conductus.query import rest
from conductus.query.item_query import SPELLED, Compare, Filter, Group, Operator
from conductus.query.limits import Limits
from tests.units.worlds import ask, blog, refusal


def leaf(path: str, operator: str, value: Any = None) -> Compare:
    return Compare(tuple(path.split(".")), Operator(operator), value)


def both(*members: Filter) -> Group:
    return Group("all", members)


def one_of(*members: Filter) -> Group:
    return Group("any", members)


SPELLINGS = [
    *((operator.value, operator) for operator in SPELLED),
    ("=", Operator.EQ),
    ("!=", Operator.NEQ),
    ("<>", Operator.NEQ),
    ("<", Operator.LT),
    ("<=", Operator.LTE),
    (">", Operator.GT),
    (">=", Operator.GTE),
    ("like", Operator.CONTAINS),
    ("nlike", Operator.NCONTAINS),
]
TO_MANY_ONLY = {Operator.ALL, Operator.HAS, Operator.NHAS}


@pytest.mark.parametrize(("spelling", "operator"), SPELLINGS)
def test_every_operator_and_alias(spelling: str, operator: Operator) -> None:
    name = "comments" if operator in TO_MANY_ONLY else "views"
    found = ask(f"filter[{name}][{quote(spelling)}]=1,2".replace("has]=1,2", "has]=1")).filter
    assert isinstance(found, Compare)
    assert (found.path, found.operator) == ((name,), operator)


@pytest.mark.parametrize("operator", SPELLED)
def test_underscored_operators(operator: Operator) -> None:
    name = "comments" if operator in TO_MANY_ONLY else "views"
    text = json.dumps({name: {f"_{operator.value}": [1, 2] if "between" in operator.value else 1}})
    found = ask(f"filter={text}").filter
    assert isinstance(found, Compare)
    assert found.operator is operator


CONDITIONS: list[tuple[str, Filter | None]] = [
    ("", None),
    ("filter=", None),
    ("filter={}", None),
    ("filter[views]=10", leaf("views", "eq", "10")),
    ("filter[views][eq]=10", leaf("views", "eq", "10")),
    ("filter[views]=", leaf("views", "eq", "")),
    ("filter[author][eq]=null", leaf("author", "eq", "null")),
    # Several operators on one field.
    (
        "filter[views][gt]=1&filter[views][lt]=5",
        both(leaf("views", "gt", "1"), leaf("views", "lt", "5")),
    ),
    (
        "filter[views][0][gt]=1&filter[views][1][lt]=5",
        both(leaf("views", "gt", "1"), leaf("views", "lt", "5")),
    ),
    (
        "filter[views][][gt]=1&filter[views][][lt]=5",
        both(leaf("views", "gt", "1"), leaf("views", "lt", "5")),
    ),
    (
        "filter[views]=1&filter[views][gt]=0",
        both(leaf("views", "eq", "1"), leaf("views", "gt", "0")),
    ),
    (
        "filter[views]=1&filter[views][0][gt]=0",
        both(leaf("views", "eq", "1"), leaf("views", "gt", "0")),
    ),
    ("filter[views][0]=1", leaf("views", "eq", "1")),
    ("filter[views][]=1&filter[views][]=2", leaf("views", "in", ("1", "2"))),
    # Joined from left to right, AND binding tighter.
    ("filter[id]=1&filter[views]=2", both(leaf("id", "eq", "1"), leaf("views", "eq", "2"))),
    (
        "filter[id]=1&filter[views][eq]=2&filter[views][logical]=or",
        one_of(leaf("id", "eq", "1"), leaf("views", "eq", "2")),
    ),
    (
        "filter[id]=1&filter[views][logical]=OR&filter[views][eq]=2",
        one_of(leaf("id", "eq", "1"), leaf("views", "eq", "2")),
    ),
    (
        "filter[id]=1&filter[views][eq]=2&filter[views][logical]=and",
        both(leaf("id", "eq", "1"), leaf("views", "eq", "2")),
    ),
    (
        "filter[id]=1&filter[title]=a&filter[views][eq]=2&filter[views][logical]=or&filter[body]=b",
        one_of(
            both(leaf("id", "eq", "1"), leaf("title", "eq", "a")),
            both(leaf("views", "eq", "2"), leaf("body", "eq", "b")),
        ),
    ),
    (
        "filter[id]=1&filter[views][gt]=2&filter[views][lt]=5&filter[views][logical]=or",
        one_of(leaf("id", "eq", "1"), both(leaf("views", "gt", "2"), leaf("views", "lt", "5"))),
    ),
    (
        "filter[views][0][lt]=1&filter[views][1][gt]=5&filter[views][1][logical]=or",
        one_of(leaf("views", "lt", "1"), leaf("views", "gt", "5")),
    ),
    # The first has nothing before it.
    ("filter[views][eq]=2&filter[views][logical]=or", leaf("views", "eq", "2")),
    # Lists, as CSV or array.
    ("filter[views][in]=10,20", leaf("views", "in", ("10", "20"))),
    ("filter[views][in]=10, 20", leaf("views", "in", ("10", "20"))),
    ("filter[views][in][]=10&filter[views][in][]=20", leaf("views", "in", ("10", "20"))),
    ("filter[title][in][0]=a,b&filter[title][in][1]=c", leaf("title", "in", ("a,b", "c"))),
    ("filter[views][in]=10", leaf("views", "in", ("10",))),
    # An empty list matches nothing, or everything; it is not forgotten.
    ("filter[views][in]=", leaf("views", "in", ())),
    ("filter[views][nin]", leaf("views", "nin", ())),
    ('filter={"views":{"in":[]}}', leaf("views", "in", ())),
    ("filter[views][between]=5,20", leaf("views", "between", ("5", "20"))),
    (
        "filter[views][nbetween][]=5&filter[views][nbetween][]=20",
        leaf("views", "nbetween", ("5", "20")),
    ),
    # The value is ignored.
    ("filter[views][null]", leaf("views", "null")),
    ("filter[views][nnull]=0", leaf("views", "nnull")),
    ("filter[body][empty]=x", leaf("body", "empty")),
    # An empty value: the condition is ignored.
    ("filter[title][contains]=", None),
    ("filter[title][nlike]", None),
    ("filter[title][contains]=&filter[id]=1", leaf("id", "eq", "1")),
    ("filter[title][rlike]=", leaf("title", "rlike", "")),
    ("filter[title][contains]=%25_", leaf("title", "contains", "%_")),
    # Paths.
    ("filter[author.name][contains]=an", leaf("author.name", "contains", "an")),
    ("filter[comments.writer.name]=Bob", leaf("comments.writer.name", "eq", "Bob")),
    ("filter[author][contains]=ada", leaf("author", "contains", "ada")),
    ("filter[owner.password][rlike]=a%25", leaf("owner.password", "rlike", "a%")),
    # One-to-many fields.
    ("filter[comments]=1", leaf("comments", "eq", "1")),
    ("filter[comments]=1,2", leaf("comments", "in", ("1", "2"))),
    ("filter[comments][eq][]=1&filter[comments][eq][]=2", leaf("comments", "in", ("1", "2"))),
    ("filter[comments][neq]=1,2", leaf("comments", "nin", ("1", "2"))),
    ("filter[comments][all]=1,2", leaf("comments", "all", ("1", "2"))),
    ("filter[comments][has]=2", leaf("comments", "has", 2)),
    ("filter[comments][nhas]=0", leaf("comments", "nhas", 0)),
    ("filter[comments][nempty]", leaf("comments", "nempty")),
    ("filter[comments][null]", leaf("comments", "empty")),
    ("filter[comments][nnull]=1", leaf("comments", "nempty")),
    ("filter[comments][contains]=x", leaf("comments", "contains", "x")),
    ("filter[comments.replies][has]=1", leaf("comments.replies", "has", 1)),
    # JSON.
    ('filter={"views":10}', leaf("views", "eq", 10)),
    ('filter={"views":null}', leaf("views", "eq", None)),
    ('filter={"featured":{"_eq":false}}', leaf("featured", "eq", False)),
    (
        'filter={"views":{"gt":1,"lt":2.5}}',
        both(leaf("views", "gt", 1), leaf("views", "lt", 2.5)),
    ),
    ('filter={"views":[{"gt":1},{"lt":5}]}', both(leaf("views", "gt", 1), leaf("views", "lt", 5))),
    ('filter={"views":[1,null,"3"]}', leaf("views", "in", (1, None, "3"))),
    ('filter={"views":{"in":"1,2"}}', leaf("views", "in", ("1", "2"))),
    ('filter={"views":{"in":5}}', leaf("views", "in", (5,))),
    (
        'filter={"_or":[{"id":1},{"_and":[{"views":2},{"title":"x"}]}]}',
        one_of(leaf("id", "eq", 1), both(leaf("views", "eq", 2), leaf("title", "eq", "x"))),
    ),
    (
        'filter={"id":1,"_or":[{"views":2},{"views":3}]}',
        both(leaf("id", "eq", 1), one_of(leaf("views", "eq", 2), leaf("views", "eq", 3))),
    ),
    ('filter={"or":[{"id":1},{"id":2}]}', one_of(leaf("id", "eq", 1), leaf("id", "eq", 2))),
    (
        "filter[_or][0][id]=1&filter[_or][1][views][gt]=2",
        one_of(leaf("id", "eq", "1"), leaf("views", "gt", "2")),
    ),
    ('filter={"_or":[]}', one_of()),
    ('filter={"_and":[]}', both()),
    # Of conditions that are all to be ignored nothing is left, rather than nothing matching.
    ('filter={"_or":[{"title":{"contains":""}}]}', None),
    ('filter={"_or":[{"title":{"contains":""}},{"id":1}]}', leaf("id", "eq", 1)),
    ('filter={"title":"\\ud83d\\ude00"}', leaf("title", "eq", "😀")),
]


@pytest.mark.parametrize(("text", "wanted"), CONDITIONS)
def test_conditions(text: str, wanted: Filter | None) -> None:
    assert ask(text).filter == wanted


REFUSED: list[tuple[str, tuple[int, int]]] = [
    ("filter[title][nope]=1", (214, 422)),
    ("filter[title][GT]=1", (214, 422)),
    ("filter[title][]=a&filter[title][nope]=1", (214, 422)),
    ("filter[nope]=1", (202, 422)),
    ("filter[nope][eq]=1", (202, 422)),
    ("filter[nope][nope]=1", (202, 422)),
    ("filter[]=1", (202, 422)),
    ("filter[title%22]=1", (202, 422)),
    ("filter[author.nope]=1", (202, 404)),
    ("filter[title.x]=1", (202, 404)),
    ("filter[author.x.y]=1", (202, 404)),
    ("filter[author.]=1", (202, 404)),
    ("filter[title][all]=1", (12, 422)),
    ("filter[title][has]=1", (12, 422)),
    ("filter[author][nhas]=1", (12, 422)),
    ("filter[comments.text][has]=1", (12, 422)),
    ("filter[divider]=1", (12, 422)),
    ("filter[lost][empty]=1", (12, 422)),
    ("filter[comments][gt]=1", (12, 422)),
    ("filter[comments][between]=1,2", (12, 422)),
    ("filter[comments][has]=many", (4, 422)),
    ("filter[comments][has]=-1", (4, 422)),
    ("filter[comments][has]=", (4, 422)),
    ("filter[views][between]=5", (4, 422)),
    ("filter[views][between]=", (4, 422)),
    ("filter[views][between]=5,", (4, 422)),
    ("filter[views][between]=1,2,3", (4, 422)),
    ("filter[views][nbetween][]=1", (4, 422)),
    ("filter[views][eq][]=1", (213, 422)),
    ("filter[views][gt][x]=1", (213, 422)),
    ("filter[views][in][0][x]=1", (213, 422)),
    ('filter={"views":{"eq":{"a":1}}}', (213, 422)),
    ("filter[views][eq]=1&filter[views][logical]=xor", (4, 422)),
    ("filter=views", (4, 422)),
    ("filter=[]", (4, 422)),
    ("filter=1", (4, 422)),
    ("filter={", (4, 422)),
    ("filter={'views':1}", (4, 422)),
    ('filter={"_or":{"id":1}}', (4, 422)),
    ('filter={"_or":[1]}', (4, 422)),
    ("filter[_or]=1", (4, 422)),
    ('filter={"title":"a\\u0000b"}', (4, 422)),
    ('filter={"title":{"in":["a\\u0000"]}}', (4, 422)),
    ('filter={"title":"\\ud800"}', (4, 422)),
    ('filter={"ti\\u0000tle":1}', (4, 422)),
    ('filter={"views":1e400}', (4, 422)),
    ('filter={"views":NaN}', (4, 422)),
    ("filter=" + '{"_and":[' * 2000, (4, 422)),
    ('filter={"views":' + "[" * 100 + "]" * 100 + "}", (12, 422)),
]


@pytest.mark.parametrize(("text", "error"), REFUSED, ids=lambda value: str(value)[:50])
def test_refused(text: str, error: tuple[int, int]) -> None:
    assert refusal(text) == error


ODD_VALUES = [float("inf"), float("nan"), "a\0b", "\ud800", {"x": 1}, [1], (1,)]


@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_odd_values_of_other_front_ends_are_refused(value: Any) -> None:
    with pytest.raises(ApiError) as caught:
        rest.parse("articles", {"filter": {"views": {"eq": value}}}, blog(), Limits())
    assert caught.value.status == 422


def test_one_over_each_limit() -> None:
    conditions = "filter[id]=1&filter[views]=2&filter[_or][][id]=3"
    assert ask(conditions, max_filters=3)
    assert refusal(conditions, max_filters=2) == (12, 422)
    assert ask("filter[id][in]=1,2,3", max_values=3)
    assert refusal("filter[id][in]=1,2,3", max_values=2) == (12, 422)
    assert refusal("filter[id][in]=1,2&filter[views]=3", max_values=2) == (12, 422)
    assert ask("filter[comments.writer.name]=1", max_depth=3)
    assert refusal("filter[comments.writer.name]=1", max_depth=2) == (12, 422)
    assert ask('filter={"_and":[{"_or":[{"id":1}]}]}', max_depth=2)
    assert refusal('filter={"_and":[{"_or":[{"id":1}]}]}', max_depth=1) == (12, 422)


def test_deep_filters_count_with_the_others() -> None:
    text = "filter[id]=1&deep[comments][filter][text]=a"
    assert ask(text, max_filters=2)
    assert refusal(text, max_filters=1) == (12, 422)
