"""Every other parameter of the reference, and the query that they make together."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.errors import ApiError, CollectionNotFound, FieldNotFound
from conductus.query import brackets, rest
from conductus.query.item_query import (
    ALL_META,
    Aggregate,
    Compare,
    Deep,
    ItemQuery,
    Operator,
    SortKey,
)
from conductus.query.limits import Limits
from tests.units.worlds import ask, blog, refusal

RANDOM = SortKey(None)

PARTS: list[tuple[str, dict[str, Any]]] = [
    # Paging.
    ("", {"limit": 200, "offset": 0, "page": None, "single": False}),
    ("limit=5", {"limit": 5}),
    ("limit=0", {"limit": 0}),
    ("limit=-1", {"limit": None}),
    ("limit=", {"limit": 200}),
    ("limit= 5 ", {"limit": 5}),
    ("limit=5&limit=6", {"limit": 6}),
    ("offset=7", {"limit": 200, "offset": 7}),
    ("limit=10&page=3", {"limit": 10, "offset": 20, "page": 3}),
    ("page=3&limit=10", {"limit": 10, "offset": 20, "page": 3}),
    ("limit=10&page=1", {"offset": 0, "page": 1}),
    ("limit=0&page=4", {"limit": 0, "offset": 0, "page": 4}),
    # `page` is used only when `limit` is given and `offset` is not.
    ("page=3", {"limit": 200, "offset": 0, "page": None}),
    ("limit=10&page=3&offset=1", {"offset": 1, "page": None}),
    ("limit=10&page=3&offset=0", {"offset": 0, "page": None}),
    ("limit=-1&page=3", {"limit": None, "offset": 0, "page": None}),
    ("single=1", {"single": True}),
    ("single=true", {"single": True}),
    ("single=0", {"single": False}),
    ("single=", {"single": False}),
    ("single=false", {"single": False}),
    # Sorting.
    ("", {"sort": ()}),
    ("sort=", {"sort": ()}),
    ("sort=,", {"sort": ()}),
    ("sort=views,-id", {"sort": (SortKey("views"), SortKey("id", True))}),
    ("sort= views , -id ", {"sort": (SortKey("views"), SortKey("id", True))}),
    ("sort[]=views&sort[]=-id", {"sort": (SortKey("views"), SortKey("id", True))}),
    ("sort=id,-id", {"sort": (SortKey("id"),)}),
    ("sort=?", {"sort": (RANDOM,)}),
    ("sort=-?", {"sort": (RANDOM,)}),
    ("sort=status,?", {"sort": (SortKey("status"), RANDOM)}),
    ("sort=author", {"sort": (SortKey("author"),)}),
    # Status.
    ("", {"statuses": None}),
    ("status=", {"statuses": None}),
    ("status=draft", {"statuses": ("draft",)}),
    ("status=draft, deleted", {"statuses": ("draft", "deleted")}),
    ("status[]=draft&status[]=nope", {"statuses": ("draft", "nope")}),
    ("status=*", {"statuses": "*"}),
    ("status=draft,*", {"statuses": "*"}),
    # Search.
    ("", {"search": None}),
    ("q=", {"search": None}),
    ("q=one+hello", {"search": "one hello"}),
    ("q=%25", {"search": "%"}),
    # Meta.
    ("", {"meta": None}),
    ("meta=", {"meta": None}),
    ("meta=*", {"meta": ALL_META}),
    ("meta=type,*", {"meta": ALL_META}),
    ("meta=total_count%2Cresult_count", {"meta": frozenset({"total_count", "result_count"})}),
    ("meta[]=page", {"meta": frozenset({"page"})}),
    ("meta=nope", {"meta": frozenset()}),
    ("meta=nope,type", {"meta": frozenset({"type"})}),
    ("meta=status", {"meta": frozenset({"status"})}),
    ("meta=status_count", {"meta": frozenset({"status"})}),
    # Languages.
    ("", {"languages": None}),
    ("lang=*", {"languages": None}),
    ("lang=nl,*", {"languages": None}),
    ("lang=", {"languages": None}),
    ("lang=nl", {"languages": ("nl",)}),
    ("lang=nl,en&fields=texts.*", {"languages": ("nl", "en")}),
    # Grouping.
    ("groups=status,author", {"groups": ("status", "author")}),
    ("aggregate[count]=*", {"aggregates": (Aggregate("count", "*"),)}),
    (
        "groups=status&aggregate[sum]=views,score&aggregate[countDistinct]=author&sort=-status",
        {
            "groups": ("status",),
            "aggregates": (
                Aggregate("sum", "views"),
                Aggregate("sum", "score"),
                Aggregate("countDistinct", "author"),
            ),
            "sort": (SortKey("status", True),),
        },
    ),
    (
        "aggregate[min]=day&aggregate[max]=title&aggregate[avg]=views&aggregate[count]=body",
        {
            "aggregates": (
                Aggregate("min", "day"),
                Aggregate("max", "title"),
                Aggregate("avg", "views"),
                Aggregate("count", "body"),
            )
        },
    ),
    # Narrowing of expanded lists.
    ("", {"deep": ()}),
    ("deep=", {"deep": ()}),
    ("deep[comments][limit]=3", {"deep": ((("comments",), Deep(limit=3)),)}),
    ("deep[comments][limit]=-1", {"deep": ((("comments",), Deep()),)}),
    (
        "deep[comments][sort]=-id&deep[comments][offset]=2",
        {"deep": ((("comments",), Deep(sort=(SortKey("id", True),), offset=2)),)},
    ),
    (
        "deep[comments][filter][text]=nice&deep[comments.replies][limit]=1",
        {
            "deep": (
                (("comments",), Deep(filter=Compare(("text",), Operator.EQ, "nice"))),
                (("comments", "replies"), Deep(limit=1)),
            )
        },
    ),
    ("deep[author.articles][limit]=1", {"deep": ((("author", "articles"), Deep(limit=1)),)}),
    # What is not ours is left alone.
    ("activity_skip=1&comment=x&access_token=t&nope[a][b]=1", {"filter": None, "limit": 200}),
]


@pytest.mark.parametrize(("text", "wanted"), PARTS)
def test_parameters(text: str, wanted: dict[str, Any]) -> None:
    query = ask(text)
    assert {name: getattr(query, name) for name in wanted} == wanted


def test_status_is_for_collections_with_a_status_field() -> None:
    assert ask("status=draft", "authors").statuses is None


REFUSED: list[tuple[str, tuple[int, int]]] = [
    ("limit=abc", (4, 422)),
    ("limit=1.5", (4, 422)),
    ("limit=1e3", (4, 422)),
    ("limit=1_0", (4, 422)),
    ("limit=0x10", (4, 422)),
    ("limit=٣", (4, 422)),
    ("limit=-2", (4, 422)),
    ("limit=--1", (4, 422)),
    ("limit=9007199254740992", (4, 422)),
    ("limit=" + "9" * 5000, (4, 422)),
    ("limit=NaN", (4, 422)),
    ("limit[]=1", (4, 422)),
    ("limit[x]=1&limit=1", (4, 422)),
    ("offset=-1", (4, 422)),
    ("offset=x", (4, 422)),
    ("page=0", (4, 422)),
    ("page=-1", (4, 422)),
    ("page=x&limit=1", (4, 422)),
    ("page=x", (4, 422)),
    ("page=9007199254740991&limit=2", (4, 422)),
    ("single[]=1", (4, 422)),
    ("sort=nope", (202, 422)),
    ("sort=id,nope", (202, 422)),
    ("sort=author.name", (202, 422)),
    ("sort=-", (202, 422)),
    ("sort=--id", (202, 422)),
    ("sort=comments", (12, 422)),
    ("sort=-divider", (12, 422)),
    ("sort[a]=id", (4, 422)),
    ("q[]=a", (4, 422)),
    ("q=%00", (4, 422)),
    ("status[a]=draft", (4, 422)),
    ("groups=nope", (202, 422)),
    ("groups=comments", (12, 422)),
    ("groups=extra", (12, 422)),
    ("groups=status&sort=title", (12, 422)),
    ("aggregate[count]=*&sort=id", (12, 422)),
    ("aggregate[count]=nope", (202, 422)),
    ("aggregate[sum]=*", (202, 422)),
    ("aggregate[countDistinct]=*", (202, 422)),
    ("aggregate[sum]=title", (12, 422)),
    ("aggregate[avg]=comments", (12, 422)),
    ("aggregate[max]=extra", (12, 422)),
    ("aggregate[median]=views", (4, 422)),
    ("aggregate=count", (4, 422)),
    ("deep=3", (4, 422)),
    ("deep[comments]=3", (4, 422)),
    ("deep[comments][page]=3", (4, 422)),
    ("deep[comments][limit]=x", (4, 422)),
    ("deep[comments][offset]=-1", (4, 422)),
    ("deep[nope][limit]=3", (202, 422)),
    ("deep[comments.nope][limit]=3", (202, 404)),
    ("deep[author][limit]=3", (12, 422)),
    ("deep[title][limit]=3", (12, 422)),
    ("deep[comments][sort]=nope", (202, 422)),
    ("deep[comments][filter][nope]=1", (202, 422)),
    ("deep[comments][filter][text][nope]=1", (214, 422)),
]


@pytest.mark.parametrize(("text", "error"), REFUSED, ids=lambda value: str(value)[:50])
def test_refused(text: str, error: tuple[int, int]) -> None:
    assert refusal(text) == error


def test_unknown_collection() -> None:
    with pytest.raises(CollectionNotFound):
        ask("", "nope")


def test_translations_without_a_language_cannot_be_chosen_by_it() -> None:
    assert refusal("fields=notes.*&lang=nl", "comments") == (202, 404)
    assert refusal("fields=notes&lang=nl", "comments") == (202, 404)
    assert refusal("fields=comments.notes.*&lang=nl") == (202, 404)
    assert ask("fields=comments.notes.*&lang=*").languages is None
    assert ask("fields=comments.*&lang=nl").languages == ("nl",)


LIMITS: list[tuple[str, dict[str, Any], int | None]] = [
    ("", {"default_limit": 20}, 20),
    ("", {"default_limit": None}, None),
    ("", {"default_limit": 200, "max_limit": 50}, 50),
    ("", {"default_limit": None, "max_limit": 50}, 50),
    ("", {"default_limit": 20, "max_limit": 50}, 20),
    ("limit=50", {"max_limit": 50}, 50),
    ("limit=-1", {"max_limit": 50}, 50),
    ("limit=0", {"max_limit": 50}, 0),
]


@pytest.mark.parametrize(("text", "limits", "wanted"), LIMITS)
def test_the_operators_limits(text: str, limits: dict[str, Any], wanted: int | None) -> None:
    assert ask(text, **limits).limit == wanted


OVER: list[tuple[str, str, dict[str, Any]]] = [
    ("limit=50", "limit=51", {"max_limit": 50}),
    ("deep[comments][limit]=50", "deep[comments][limit]=51", {"max_limit": 50}),
    (
        "deep[comments.replies][limit]=1",
        "deep[comments.replies.replies][limit]=1",
        {"max_depth": 2},
    ),
    ("status=a,b", "status=a,b,c", {"max_values": 2}),
    ("lang=a,b", "lang=a,b,c", {"max_values": 2}),
    ("groups=id,title&fields=id", "groups=id,title,body&fields=id", {"max_fields": 2}),
    ("aggregate[count]=id,title", "aggregate[count]=id,title,body", {"max_fields": 2}),
]


@pytest.mark.parametrize(("within", "over", "limits"), OVER)
def test_one_over_each_limit(within: str, over: str, limits: dict[str, Any]) -> None:
    assert ask(within, **limits)
    assert refusal(over, **limits) == (12, 422)


SPOKEN: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"fields": ["id", "author.name"]}, "fields=id,author.name"),
    ({"fields": "id,title", "limit": 5, "offset": 2}, "fields=id,title&limit=5&offset=2"),
    ({"limit": -1, "single": True}, "limit=-1&single=1"),
    ({"limit": None, "sort": None, "filter": None, "fields": None}, ""),
    (
        {"sort": ["-id"], "meta": ["type", "page"], "status": ["draft"]},
        "sort=-id&meta=type,page&status=draft",
    ),
    ({"q": "x", "lang": ["nl"], "groups": ["status"]}, "q=x&lang=nl&groups=status"),
    ({"filter": {"views": {"_null": True}}}, "filter[views][null]"),
    ({"aggregate": {"sum": ["views"]}}, "aggregate[sum]=views"),
    (
        {"deep": {"comments": {"limit": 3, "sort": ["id"]}}},
        "deep[comments][limit]=3&deep[comments][sort]=id",
    ),
]


@pytest.mark.parametrize(("params", "text"), SPOKEN)
def test_json_parameters_ask_the_same(params: dict[str, Any], text: str) -> None:
    assert rest.parse("articles", params, blog(), Limits()) == ask(text)


ODD: list[dict[str, Any]] = [
    {"limit": True},
    {"limit": 1.0},
    {"limit": 10**30},
    {"q": "a\0b"},
    {"q": "\ud800"},
    {"q": {"a": 1}},
    {"fields": {"id": 1}},
    {"fields": ["id", ["title"]]},
    {"fields": "\ud800"},
    {"sort": [{"id": 1}]},
    {"status": "\0"},
    {"deep": []},
    {"deep": {"comments": {"limit": {}}}},
    {"deep": {"\0": {"limit": 1}}},
    {"aggregate": ["count"]},
    {"aggregate": {"\0": "id"}},
]


@pytest.mark.parametrize("params", ODD, ids=ascii)
def test_odd_json_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        rest.parse("articles", params, blog(), Limits())
    assert (caught.value.code, caught.value.status) == (4, 422)


def test_what_is_known_by_key_is_only_shaped() -> None:
    text = "fields=id,comments.*&meta=*&lang=nl&status=*&deep[comments][limit]=1"
    ignored = "filter[nope]=1&q=x&limit=abc&offset=3&page=x&sort=nope&single=1&groups=nope"
    params = brackets.parse(f"{text}&{ignored}", Limits())
    shaped = rest.parse_shape("articles", params, blog(), Limits(max_limit=10))
    assert shaped == ask(f"{text}&limit=-1")
    with pytest.raises(FieldNotFound):
        rest.parse_shape("articles", {"fields": "nope"}, blog(), Limits())


def test_parsing_is_pure() -> None:
    text = "fields=*,author.name&filter[status]=published&limit=20&deep[comments][limit]=1"
    first: ItemQuery = ask(text)
    assert ask(text) == first
    params = {"fields": ["id"], "filter": {"_or": [{"id": 1}]}}
    kept = repr(params)
    rest.parse("articles", params, blog(), Limits())
    assert repr(params) == kept
