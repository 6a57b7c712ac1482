"""Reading items: lists, ids, fields, order, pages, status, groups.

Source: items page §1 to §4 and §9.
"""

from __future__ import annotations

import pytest

from tests.scenarios import worlds
from tests.scenarios.cases import Case, answers, reads, refuses
from tests.scenarios.shop import Live
from tests.scenarios.workshop import Workshop

A = "/items/articles"
LISTED = [1, 2, 3, 4, 6, 7, 8]
"""Articles in the statuses that a list shows unasked, by id."""
BY_ID = [
    answers("one id gives an object", f"{A}/1?fields=id,title", {"id": 1, "title": "Élan vital"}),
    answers("a soft-deleted item is one when asked for", f"{A}/5?fields=id&status=*", {"id": 5}),
    answers("… also by its status", f"{A}/5?fields=id&status=deleted", {"id": 5}),
    answers("a status asked for does not hide the others", f"{A}/1?fields=id&status=deleted",
            {"id": 1}),
    answers("filter and q are ignored", f"{A}/1?fields=id&filter[id]=2&q=nothing", {"id": 1}),
    answers("even a filter that makes no sense", f"{A}/1?fields=id&filter[nope][nope]=2&sort=x",
            {"id": 1}),
    reads("several ids give a list in default order", f"{A}/3,1,2?fields=id", [1, 2, 3]),
    reads("an id named twice is there once", f"{A}/1,1?fields=id", [1]),
    reads("ids that do not exist are left out", f"{A}/1,99,abc,?fields=id", [1]),
    reads("soft-deleted ones are left out of several", f"{A}/1,5?fields=id", [1]),
    reads("… unless asked for", f"{A}/1,5?fields=id&status=*", [1, 5]),
    answers("none of several found is an empty list", f"{A}/98,99", []),
    reads("default order is by the sort field", "/items/categories/1,2,3,4?fields=id",
          [2, 3, 1, 4]),
    refuses("an unknown id", f"{A}/99", 203, 404),
    refuses("a soft-deleted item by its id", f"{A}/5", 203, 404),
    refuses("an id that is no number", f"{A}/abc", 203, 404),
    refuses("an id beyond every integer", f"{A}/{'9' * 40}", 203, 404),
    refuses("an id of an item not yet saved", f"{A}/+", 203, 404),
    refuses("an id that tries SQL", f"{A}/1%20OR%201=1", 203, 404),
    refuses("an id with an unknown field", f"{A}/1?fields=nope", 202, 422),
    refuses("an unknown collection", "/items/nope", 200, 404),
    refuses("an unknown collection by id", "/items/nope/1", 200, 404),
    refuses("a name that differs in case", "/items/Articles", 200, 404),
    refuses("a system collection", "/items/directus_users", 201, 401),
    refuses("a system collection that does not exist", "/items/directus_nope/1", 201, 401),
]  # fmt: skip
FIELDS = [
    answers("only what was asked for", f"{A}/2?fields=title", {"title": "100% wool"}),
    answers("a list in brackets", f"{A}/2?fields[0]=id&fields[1]=views", {"id": 2, "views": 20}),
    answers("an open list", f"{A}/2?fields[]=id&fields[]=views", {"id": 2, "views": 20}),
    answers("CSV inside a list", f"{A}/2?fields[]=id,views", {"id": 2, "views": 20}),
    answers("a blank beside a comma", f"{A}/2?fields=id,%20views", {"id": 2, "views": 20}),
    answers("the last of a repeated name wins", f"{A}/2?fields=id&fields=views", {"views": 20}),
    answers("a minus alone asks for nothing", f"{A}/2?fields=-", {}),
    answers("a field is taken away", "/items/tags/1?fields=*,-name", {"id": 1}),
    answers("taking away alone leaves nothing", "/items/tags/1?fields=-name", {}),
    answers("nothing asked is everything", "/items/tags/1?fields=", {"id": 1, "name": "news"}),
    answers("a path below a plain field is the field", f"{A}/2?fields=title.foo",
            {"title": "100% wool"}),
    answers("in the order of the schema", f"{A}/2?fields=views,title,id",
            {"id": 2, "title": "100% wool", "views": 20}),
    refuses("an unknown field", f"{A}?fields=nope", 202, 422),
    refuses("an unknown field beside known ones", f"{A}?fields=id,*,nope", 202, 422),
    refuses("an unknown field that is taken away", f"{A}?fields=*,-nope", 202, 422),
    refuses("a field that differs in case", f"{A}?fields=Title", 202, 422),
    refuses("an unknown field below a relation", f"{A}?fields=author.nope", 202, 422),
    refuses("an unknown field two relations deep", f"{A}?fields=comments.author.nope", 202, 422),
    refuses("SQL in the place of a field", f'{A}?fields=id"%20FROM%20articles;--', 202, 422),
]  # fmt: skip
ORDER = [
    reads("ascending", f"{A}?fields=id&sort=title&filter[id][in]=2,3,6", [2, 6, 3]),
    reads("descending, equal ones by the key", f"{A}?fields=id&sort=-views", [8, 2, 6, 1, 3, 7, 4]),
    reads("nulls last, ascending", f"{A}?fields=id&sort=views", [7, 3, 1, 2, 6, 8, 4]),
    reads("several fields", f"{A}?fields=id&sort=-views,-id", [8, 6, 2, 1, 3, 7, 4]),
    reads("a list in brackets", f"{A}?fields=id&sort[]=-views&sort[]=-id", [8, 6, 2, 1, 3, 7, 4]),
    reads("the first of a field named twice counts", f"{A}?fields=id&sort=-id,id",
          [8, 7, 6, 4, 3, 2, 1]),
    reads("an empty sort is the default", f"{A}?fields=id&sort=", LISTED),
    reads("decimals as numbers, not as text", f"{A}?fields=id&sort=price", [7, 3, 1, 2, 6, 4, 8]),
    reads("doubles", f"{A}?fields=id&sort=-score", [6, 1, 3, 2, 4, 7, 8]),
    reads("dates", f"{A}?fields=id&sort=-day", [6, 2, 1, 3, 4, 7, 8]),
    reads("times", f"{A}?fields=id&sort=at", [3, 1, 2, 6, 4, 7, 8]),
    reads("booleans, where null is no value", f"{A}?fields=id&sort=-featured",
          [1, 6, 2, 3, 7, 4, 8]),
    reads("by a key of another collection", f"{A}?fields=id&sort=author", [1, 2, 3, 6, 8, 4, 7]),
    reads("the sort field by default, nulls last", "/items/categories?fields=id", [2, 3, 1, 4]),
    reads("the sort field can be turned", "/items/categories?fields=id&sort=-sort", [1, 3, 2, 4]),
    refuses("an unknown field", f"{A}?sort=nope", 202, 422),
    refuses("an alias", f"{A}?sort=comments", 12, 422),
    refuses("an alias without relation", f"{A}?sort=divider", 12, 422),
    refuses("a bare minus", f"{A}?sort=-", 202, 422),
    refuses("SQL in the place of a field", f"{A}?sort=id;DROP%20TABLE%20articles", 202, 422),
    refuses("an expression", f"{A}?sort=(select%201)", 202, 422),
]  # fmt: skip
PAGES = [
    reads("a limit", f"{A}?fields=id&limit=2", [1, 2]),
    reads("a limit and an offset", f"{A}?fields=id&limit=2&offset=3", [4, 6]),
    reads("an offset alone", f"{A}?fields=id&offset=5", [7, 8]),
    reads("an offset without a limit", f"{A}?fields=id&limit=-1&offset=5", [7, 8]),
    reads("a page", f"{A}?fields=id&limit=3&page=2", [4, 6, 7]),
    reads("the last page", f"{A}?fields=id&limit=3&page=3", [8]),
    reads("a page beyond the last", f"{A}?fields=id&limit=3&page=9", []),
    reads("an offset wins over a page", f"{A}?fields=id&limit=3&page=2&offset=1", [2, 3, 4]),
    reads("a page without a limit is ignored", f"{A}?fields=id&page=2", LISTED),
    reads("no limit", f"{A}?fields=id&limit=-1", LISTED),
    reads("a limit of none", f"{A}?fields=id&limit=0", []),
    reads("an empty limit is none given", f"{A}?fields=id&limit=", LISTED),
    answers("single gives an object", f"{A}?fields=id&single=1&sort=-id", {"id": 8}),
    answers("single spelt out", f"{A}?fields=id&single=true&offset=1", {"id": 2}),
    reads("single that is not asked for", f"{A}?fields=id&single=0&limit=1", [1]),
    refuses("single without a match", f"{A}?single=1&filter[id]=99", 203, 404),
    refuses("a limit that is no number", f"{A}?limit=abc", 4, 422),
    refuses("a limit below -1", f"{A}?limit=-2", 4, 422),
    refuses("a broken limit", f"{A}?limit=1.5", 4, 422),
    refuses("a limit of another script", f"{A}?limit=%D9%A3", 4, 422),
    refuses("a limit beyond every number", f"{A}?limit={'9' * 30}", 4, 422),
    refuses("an offset that is no number", f"{A}?offset=NaN", 4, 422),
    refuses("a negative offset", f"{A}?offset=-1", 4, 422),
    refuses("an offset beyond every number", f"{A}?offset=1e400", 4, 422),
    refuses("a page that is no number", f"{A}?limit=1&page=x", 4, 422),
    refuses("a page of zero", f"{A}?limit=1&page=0", 4, 422),
    refuses("a limit that is a list", f"{A}?limit[a]=1", 4, 422),
]  # fmt: skip
STATUSES = [
    reads("deleted ones are hidden", f"{A}?fields=id", LISTED),
    reads("all", f"{A}?fields=id&status=*", [1, 2, 3, 4, 5, 6, 7, 8]),
    reads("one", f"{A}?fields=id&status=draft", [3, 4]),
    reads("several", f"{A}?fields=id&status=draft,deleted", [3, 4, 5]),
    reads("in brackets", f"{A}?fields=id&status[]=draft&status[]=deleted", [3, 4, 5]),
    reads("unknown ones match nothing", f"{A}?fields=id&status=nope", []),
    reads("a filter on it only narrows", f"{A}?fields=id&filter[status]=deleted", []),
    reads("… both together find them", f"{A}?fields=id&filter[status]=deleted&status=*", [5]),
    reads("without a status field it is ignored", "/items/tags?fields=id&status=nope", [1, 2, 3]),
]  # fmt: skip
GROUPS = [
    answers("counted by group, nulls last", "/items/ledger?groups=side",
            [{"side": "in", "count": 3}, {"side": "out", "count": 1}, {"side": None, "count": 1}]),
    answers("turned", "/items/ledger?groups=side&sort=-side&limit=1",
            [{"side": "out", "count": 1}]),
    answers("one page of groups", "/items/ledger?groups=side&limit=1&offset=1",
            [{"side": "out", "count": 1}]),
    answers("over all", "/items/ledger?aggregate[count]=*", [{"count": 5}]),
    answers("values are counted, nulls are not", "/items/ledger?aggregate[count]=side,small",
            [{"count": {"side": 4, "small": 4}}]),
    answers("different values", "/items/ledger?aggregate[countDistinct]=side,big",
            [{"countDistinct": {"side": 2, "big": 2}}]),
    answers("whole numbers", "/items/ledger?aggregate[sum]=small&aggregate[min]=small"
            "&aggregate[max]=small&aggregate[avg]=small",
            [{"sum": {"small": 9}, "min": {"small": -1}, "max": {"small": 7},
              "avg": {"small": 2.25}}]),
    answers("big ones are exact", "/items/ledger?groups=side&aggregate[sum]=big",
            [{"side": "in", "sum": {"big": 18014398509481986}},
             {"side": "out", "sum": {"big": -5}}, {"side": None, "sum": {"big": None}}]),
    answers("doubles", "/items/ledger?aggregate[sum]=real&aggregate[avg]=real&aggregate[max]=real",
            [{"sum": {"real": -0.25}, "avg": {"real": -0.08333333333333333},
              "max": {"real": 0.5}}]),
    answers("dates", "/items/ledger?aggregate[min]=day&aggregate[max]=day",
            [{"min": {"day": "2031-05-04"}, "max": {"day": "2031-05-06"}}]),
    answers("texts", "/items/ledger?aggregate[min]=side&aggregate[max]=side",
            [{"min": {"side": "in"}, "max": {"side": "out"}}]),
    answers("a filter comes first", "/items/ledger?aggregate[sum]=small&filter[small][gt]=0",
            [{"sum": {"small": 10}}]),
    answers("nothing to add is null", "/items/ledger?aggregate[sum]=small,exact&filter[id]=0",
            [{"sum": {"small": None, "exact": None}}]),
    answers("soft-deleted items do not count", f"{A}?aggregate[count]=*", [{"count": 7}]),
    answers("by a boolean", f"{A}?groups=featured&filter[featured][nnull]=1",
            [{"featured": False, "count": 3}, {"featured": True, "count": 2}]),
    answers("null is a group of its own, and shown as it is",
            f"{A}?groups=featured&sort=featured",
            [{"featured": False, "count": 3}, {"featured": True, "count": 2},
             {"featured": None, "count": 2}]),
    answers("also among numbers", f"{A}?groups=score&aggregate[count]=*&filter[id][gt]=5",
            [{"score": 1e300, "count": 1}, {"score": None, "count": 2}]),
    answers("doubles of any size", f"{A}?aggregate[avg]=score&filter[id][in]=1,6",
            [{"avg": {"score": 5e299}}]),
    answers("the average of nothing", f"{A}?aggregate[avg]=score,price&filter[id]=7&status=draft",
            [{"avg": {"score": None, "price": None}}]),
    answers("by two fields", f"{A}?groups=status,author&filter[author]=1",
            [{"status": "published", "author": 1, "count": 2}]),
    refuses("an unknown group", "/items/ledger?groups=nope", 202, 422),
    refuses("an unknown figure", "/items/ledger?aggregate[sum]=nope", 202, 422),
    refuses("an unknown function", "/items/ledger?aggregate[median]=small", 4, 422),
    refuses("SQL for a function", "/items/ledger?aggregate[sum(1)--]=small", 4, 422),
    refuses("the sum of texts", "/items/ledger?aggregate[sum]=side", 12, 422),
    refuses("the sum of everything", "/items/ledger?aggregate[sum]=*", 202, 422),
    refuses("an order beside the groups", "/items/ledger?groups=side&sort=small", 12, 422),
    refuses("groups of a list of items", f"{A}?groups=comments", 12, 422),
]  # fmt: skip


@pytest.mark.parametrize("case", BY_ID, ids=str)
async def test_by_id(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", FIELDS, ids=str)
async def test_fields(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", ORDER, ids=str)
async def test_order(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", PAGES, ids=str)
async def test_pages(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", STATUSES, ids=str)
async def test_statuses(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", GROUPS, ids=str)
async def test_groups(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


async def test_every_type_of_field_as_it_is_answered(newsroom: Live) -> None:
    item = await newsroom.data(f"{A}/1")
    created = item.pop("created")
    assert len(created) == len("2031-02-03T04:05:06+00:00")
    assert created[10] == "T"
    assert created.endswith("+00:00")
    assert item == {
        "id": 1,
        "status": "published",
        "title": "Élan vital",
        "body": "Once upon a time",
        "views": 10,
        "price": 1.5,
        "score": 1.25,
        "featured": True,
        "day": "2031-01-01",
        "at": "08:00:00",
        "moment": "2031-01-01 08:00:00",
        "extra": {"a": 1, "b": [True, None, "x"]},
        "words": ["red", "blue"],
        "code": "11111111-1111-4111-8111-111111111111",
        "data": "AAEC",
        "address": "elan-vital",
        "author": 1,
        "category": 2,
        "picture": None,
        "owner": 1,
    }


async def test_an_item_without_values(newsroom: Live) -> None:
    item = await newsroom.data(f"{A}/4?fields=title,views,score,featured,day,at,extra,words,author")
    assert item == {
        "title": None,
        "views": None,
        "score": 0,
        "featured": False,
        "day": None,
        "at": None,
        "extra": None,
        "words": [],
        "author": None,
    }


async def test_decimals_are_never_rounded(newsroom: Live) -> None:
    exact = [item["exact"] for item in await newsroom.data("/items/ledger?fields=exact")]
    assert exact == [0.1, 0.2, "12345678901234567890.123456", -0.3, 0]
    (figures,) = await newsroom.data(
        "/items/ledger?aggregate[sum]=exact&aggregate[min]=exact&aggregate[max]=exact"
    )
    assert figures == {
        "sum": {"exact": "12345678901234567890.123456"},
        "min": {"exact": -0.3},
        "max": {"exact": "12345678901234567890.123456"},
    }


async def test_a_sum_of_decimals_is_no_sum_of_doubles(newsroom: Live) -> None:
    answer = await newsroom.ask("GET", "/items/ledger?aggregate[sum]=exact&filter[small][in]=1,2")
    assert answer.json()["data"] == [{"sum": {"exact": 0.3}}]
    assert "0.30000000000000004" not in answer.text


async def test_figures_are_as_large_as_they_are(workshop: Workshop) -> None:
    name = await workshop.make(
        worlds.whole("n"), worlds.field("big", "integer", "BIGINT"),
        worlds.field("price", "decimal", "DECIMAL", "10,2"),
    )  # fmt: skip
    most = 2**63 - 1
    rows = [{"n": 1, "big": most, "price": "0.99"}, {"n": 1, "big": most, "price": "1.99"},
            {"n": 2, "big": -most - 1, "price": "0.99"}, {"n": 2, "big": -7}, {"n": 3}]  # fmt: skip
    await workshop.ok("POST", f"/items/{name}", rows)
    found = await workshop.get(f"/items/{name}?groups=n&aggregate[sum]=big")
    assert [group["sum"]["big"] for group in found] == [2 * most, -most - 8, None]
    (all_of_it,) = await workshop.get(f"/items/{name}?aggregate[sum]=big&aggregate[avg]=price,n")
    assert all_of_it == {"sum": {"big": most - 8}, "avg": {"price": 3.97 / 3, "n": 1.8}}


async def test_random_order_gives_every_item_once(newsroom: Live) -> None:
    orders = set()
    for _ in range(20):
        found = [item["id"] for item in await newsroom.data(f"{A}?fields=id&sort=?")]
        assert sorted(found) == LISTED
        orders.add(tuple(found))
    assert len(orders) > 1


async def test_pages_meet_without_gaps(newsroom: Live) -> None:
    found = []
    for page in range(1, 5):
        path = f"{A}?fields=id&sort=featured&limit=2&page={page}"
        found += [item["id"] for item in await newsroom.data(path)]
    assert len(found) == len(LISTED)
    assert sorted(found) == LISTED


@pytest.mark.parametrize("path", [A, f"{A}/1", f"{A}/1,2"])
async def test_head_is_get_without_a_body(newsroom: Live, path: str) -> None:
    whole = await newsroom.ask("GET", path)
    head = await newsroom.ask("HEAD", path)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["content-type"] == whole.headers["content-type"]


async def test_answers_are_utf8_and_not_escaped(newsroom: Live) -> None:
    answer = await newsroom.ask("GET", f"{A}/1?fields=title")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.content == '{"data":{"title":"Élan vital"}}'.encode()


async def test_hashes_are_masked_unless_visible(newsroom: Live) -> None:
    one, two = await newsroom.data("/items/safes")
    assert one["pin"] == "**********"
    assert one["shown"] not in ("1234", "**********", None)
    assert two == {"id": 2, "label": "two", "pin": None, "shown": None}
