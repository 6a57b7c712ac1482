"""Reading by GraphQL. Source: GraphQL page §1 and §3.

What is asked of the newsroom and the archive is held against REST where both can say it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.gallery import Gallery
from tests.scenarios.gql import ask, data, listed, problem
from tests.scenarios.shop import Live
from tests.scenarios.tables import CAPITALS

VALUES = "title body views score featured day at moment extra words code data address created price"
INTROSPECTED = """{ __type(name: "ArticlesItem") { name fields { name type { kind name ofType
  { kind name ofType { name } } } } interfaces { name } } }"""


async def test_values_are_those_of_rest(newsroom: Live) -> None:
    found = await listed(newsroom, f"{{ articles {{ data {{ id {VALUES} status }} }} }}")
    fields = f"id,{VALUES.replace(' ', ',')},status"
    plain = await newsroom.data(f"/items/articles?fields={fields}")
    assert found == [{**item, "id": str(item["id"])} for item in plain]
    assert len(found) == 7
    # In the order of the document.
    assert list(found[0]) == ["id", *VALUES.split(), "status"]


LISTS = [
    ("limit: 2, offset: 1", "limit=2&offset=1"),
    ("limit: 2, page: 2", "limit=2&page=2"),
    ("limit: -1", "limit=-1"),
    ('sort: ["-views", "title"]', "sort=-views,title"),
    ('sort: ["-views,title"]', "sort=-views,title"),
    ('q: "elan"', "q=elan"),
    ('status: "draft"', "status=draft"),
    ('status: "*"', "status=*"),
    ("single: true", "limit=1"),
    ("id: 2", "filter[id]=2"),
    ("id: 99", "filter[id]=99"),
    ("filter: {views_gt: 5, views_lt: 20}", "filter[views][gt]=5&filter[views][lt]=20"),
    ('filter: {views_in: "10,20"}', "filter[views][in]=10,20"),
    ("filter: {views_in: [10, 20]}", "filter[views][in]=10,20"),
    ('filter: {views_between: "5,15"}', "filter[views][between]=5,15"),
    ("filter: {views_nbetween: [5, 15]}", "filter[views][nbetween]=5,15"),
    ('filter: {title_contains: "%"}', "filter[title][contains]=%25"),
    ('filter: {title_rlike: "%wool"}', "filter[title][rlike]=%25wool"),
    ("filter: {title_null: true}", "filter[title][null]=1"),
    ("filter: {title_null: false}", "filter[title][nnull]=1"),
    ("filter: {title_empty: true}", "filter[title][empty]=1"),
    ("filter: {featured_eq: true}", "filter[featured]=1"),
    ('filter: {status_eq: "published", author_eq: 1}', "filter[status]=published&filter[author]=1"),
    ('filter: {day_gte: "2031-02-01"}', "filter[day][gte]=2031-02-01"),
    ('filter: {created_gt: "now(-1 day)"}', "filter[created][gt]=now(-1 day)"),
    ("filter: {price_gt: 2.25}", "filter[price][gt]=2.25"),
    ('filter: {price_eq: "2.2500"}', "filter[price]=2.25"),
    ("filter: {comments_has: 2}", "filter[comments][has]=2"),
    ("filter: {comments_eq: 4}", "filter[comments][eq]=4"),
    ("filter: {tags_all: [1, 2]}", "filter[tags][all]=1,2"),
    ("filter: {comments_empty: false}", "filter[comments][nempty]=1"),
    ('filter: {author: {name_contains: "an"}}', "filter[author.name][contains]=an"),
    ('filter: {comments: {author: {name_eq: "Bob"}}}', "filter[comments.author.name]=Bob"),
    (
        "filter: {or: [{views_eq: 10}, {views_eq: 20, featured_eq: true}]}",
        'filter={"_or":[{"views":10},{"views":20,"featured":true}]}',
    ),
    (
        'filter: {and: [{views_gte: 0}, {or: [{title_eq: ""}, {author: {born_null: true}}]}]}',
        'filter={"_and":[{"views":{"gte":0}},{"_or":[{"title":""},{"author.born":{"null":1}}]}]}',
    ),
    ("filter: {or: []}", 'filter={"_or":[]}'),
    ("filter: {}", ""),
]


@pytest.mark.parametrize(("arguments", "query"), LISTS)
async def test_lists_are_those_of_rest(newsroom: Live, arguments: str, query: str) -> None:
    found = await listed(newsroom, f"{{ articles({arguments}) {{ data {{ id title }} }} }}")
    plain = await newsroom.data(f"/items/articles?fields=id,title&{query}")
    assert found == [{**item, "id": str(item["id"])} for item in plain]


async def test_variables_say_what_arguments_say(newsroom: Live) -> None:
    text = """query($f: ArticlesFilter, $n: Int = 1, $sort: [String], $with: Boolean = false) {
      articles(filter: $f, limit: $n, sort: $sort) { data { id title @include(if: $with)
        views @skip(if: $with) } } }"""
    filter = {"or": [{"views_in": [10, 20]}, {"author": {"name_eq": "Bob"}}]}
    assert await listed(newsroom, text, f=filter, n=2, sort=["-id"]) == [
        {"id": "6", "views": 20},
        {"id": "3", "views": 0},
    ]
    assert await listed(newsroom, text, f=filter) == [{"id": "1", "views": 10}]
    assert await listed(newsroom, text, **{"with": True}) == [{"id": "1", "title": "Élan vital"}]


async def test_relations_in_both_directions(newsroom: Live) -> None:
    text = """{ articles(filter: {id_in: [1, 4]}) { data {
      id author { id name boss { name } } category { name parent { name } }
      comments { body author { name } } tags { tag { name } } owner { email } } } }"""
    first, second = await listed(newsroom, text)
    assert first == {
        "id": "1",
        "author": {"id": "1", "name": "Ann", "boss": None},
        "category": {"name": "leaf", "parent": {"name": "root"}},
        "comments": [
            {"body": "first", "author": {"name": "Ann"}},
            {"body": "second", "author": {"name": "Bob"}},
        ],
        "tags": [{"tag": {"name": "news"}}, {"tag": {"name": "sport"}}],
        "owner": {"email": "admin@example.com"},
    }
    assert (second["author"], second["category"], second["comments"]) == (None, None, [])


async def test_one_relation_under_several_names(newsroom: Live) -> None:
    text = """{ articles(limit: 2) { data {
      all: comments { id } latest: comments(sort: ["-id"], limit: 1) { id body }
      first: comments(filter: {body_eq: "first"}) { body }
      same: comments(limit: 1, sort: "-id") { author { name } }
      one: author { name } other: author { id team { name } }
      team: author { team(filter: {name_eq: "nobody"}) { name } } } } }"""
    first, second = await listed(newsroom, text)
    assert first == {
        "all": [{"id": "1"}, {"id": "2"}],
        "latest": [{"id": "2", "body": "second"}],
        "first": [{"body": "first"}],
        "same": [{"author": {"name": "Bob"}}],
        "one": {"name": "Ann"},
        "other": {"id": "1", "team": [{"name": "Bob"}]},
        "team": {"team": []},
    }
    assert second["latest"] == [{"id": "4", "body": "third"}]
    assert second["first"] == []


async def test_fragments_and_names_of_types(newsroom: Live) -> None:
    text = """query Used { articles(limit: 1) { __typename data { ...Whole
      ... on ArticlesItem { views }
      ... on Node { id } ... @skip(if: true) { body } } meta { __typename } } __typename }
      fragment Whole on ArticlesItem { __typename title author { ...Who } }
      fragment Who on AuthorsItem { __typename name }
      query Unused { tags { data { id } } }"""
    answer = await newsroom.ask("POST", "/gql", json={"query": text, "operationName": "Used"})
    assert answer.json()["data"] == {
        "articles": {
            "__typename": "Articles",
            "data": [
                {
                    "__typename": "ArticlesItem",
                    "title": "Élan vital",
                    "author": {"__typename": "AuthorsItem", "name": "Ann"},
                    "views": 10,
                    "id": "1",
                }
            ],
            "meta": {"__typename": "Metadata"},
        },
        "__typename": "Query",
    }
    for name in ("Other", None):
        answer = await newsroom.ask("POST", "/gql", json={"query": text, "operationName": name})
        assert answer.json()["errors"][0]["extensions"] == {"code": 2, "http": 400}


async def test_figures_of_lists(newsroom: Live) -> None:
    text = """{ a: articles(limit: 3, offset: 3, filter: {views_gt: 5}) { meta { collection type
        result_count total_count filter_count status_count limit offset page page_count } }
      b: articles(limit: 3) { data { id } meta { result_count total_count } }
      c: articles { meta { total_count } } }"""
    found = await data(newsroom, text)
    (plain,) = [
        (await newsroom.ask("GET", f"/items/articles?{query}")).json()["meta"]
        for query in ("limit=3&offset=3&filter[views][gt]=5&meta=*",)
    ]
    del plain["links"]
    assert found["a"] == {"meta": plain}
    assert found["b"]["meta"] == {"result_count": 3, "total_count": 7}
    assert len(found["b"]["data"]) == 3
    assert found["c"] == {"meta": {"total_count": 7}}


async def test_one_item_by_its_key(newsroom: Live) -> None:
    text = "{ articles_by_id(id: 1) { title comments(limit: 1) { body } } }"
    assert await data(newsroom, text) == {
        "articles_by_id": {"title": "Élan vital", "comments": [{"body": "first"}]}
    }
    # The fifth is among the deleted ones.
    for key in ("99", "5", '"x"'):
        answer = await ask(
            newsroom, f"{{ articles_by_id(id: {key}) {{ id }} tags {{ data {{ id }} }} }}"
        )
        found = answer.json()
        assert answer.status_code == 200
        assert found["data"]["articles_by_id"] is None
        assert len(found["data"]["tags"]["data"]) == 3
        (told,) = found["errors"]
        assert told["path"] == ["articles_by_id"]
        assert told["locations"] == [{"line": 1, "column": 3}]
        assert told["extensions"] == {"code": 203, "http": 404}
    text = '{ articles_by_id(id: 5, status: "*") { title } }'
    assert await data(newsroom, text) == {"articles_by_id": {"title": "gone"}}


async def test_languages_of_translations(newsroom: Live) -> None:
    text = """query($l: String) { articles(id: 1, lang: $l) { data {
      translations { lang title } } } }"""
    (item,) = await listed(newsroom, text, l="nl")
    assert item == {"translations": [{"lang": "nl", "title": "Vitaal"}]}
    (item,) = await listed(newsroom, text)
    assert len(item["translations"]) == 2
    # Their translations have no language.
    asked = '{ leaflets(lang: "en") { data { a: texts { title } b: texts(limit: 1) { id } } } }'
    assert await problem(newsroom, asked) == (202, 404)


async def test_figures_of_groups(newsroom: Live) -> None:
    text = """{ articles_aggregated(groupBy: ["status"], filter: {id_lt: 7}, sort: ["-status"]) {
      group countAll count { id title } countDistinct { author } sum { views price }
      avg { views } min { day title author } max { id price moment } } }"""
    found = (await data(newsroom, text))["articles_aggregated"]
    assert found[0] == {
        "group": {"status": "published"},
        "countAll": 3,
        "count": {"id": 3, "title": 3},
        "countDistinct": {"author": 2},
        "sum": {"views": 50, "price": 13.875},
        "avg": {"views": pytest.approx(50 / 3)},
        "min": {"day": "2031-01-01", "title": found[0]["min"]["title"], "author": "1"},
        "max": {"id": "6", "price": 10.125, "moment": "2032-02-29 00:00:00"},
    }
    assert found[1]["group"] == {"status": "draft"}
    assert await data(newsroom, "{ tags_aggregated { countAll } }") == {
        "tags_aggregated": [{"countAll": 3}]
    }
    assert await data(newsroom, "{ tags_aggregated { group } }") == {
        "tags_aggregated": [{"group": {}}]
    }
    assert await problem(newsroom, '{ tags_aggregated(groupBy: "no") { group } }') == (202, 422)


async def test_numbers_keep_what_they_are(newsroom: Live) -> None:
    text = "{ ledger(id: 1) { data { big exact real small } } }"
    (found,) = await listed(newsroom, text)
    assert found == {"big": 9007199254740993, "exact": 0.1, "real": 0.5, "small": 1}
    # Text in REST, because a double cannot hold it.
    (found,) = await listed(newsroom, "{ ledger(id: 3) { data { exact } } }")
    assert found == {"exact": 12345678901234567890.123456}
    asked = "{ ledger(filter: {big_eq: 9007199254740993}) { data { id } } }"
    assert len(await listed(newsroom, asked)) == 2
    asked = '{ ledger(filter: {exact_eq: "12345678901234567890.123456"}) { data { id } } }'
    assert await listed(newsroom, asked) == [{"id": "3"}]


async def test_secrets_stay_where_they_are(newsroom: Live) -> None:
    assert await listed(newsroom, "{ safes { data { label pin } } }") == [
        {"label": "one", "pin": "**********"},
        {"label": "two", "pin": None},
    ]
    fields = {
        field["name"]
        for field in (
            await data(newsroom, '{ __type(name: "DirectusUserItem") { fields { name } } }')
        )["__type"]["fields"]
    }
    assert {"email", "token", "_2fa_secret"} <= fields
    assert not {"password", "2fa_secret"} & fields
    for filter in ("pin_eq", "pin_contains", "pin_null"):
        assert await problem(
            newsroom, f'{{ safes(filter: {{{filter}: "x"}}) {{ data {{ id }} }} }}'
        ) == (2, 400)
    asked = '{ directus_users(filter: {token_contains: "a"}) { data { id } } }'
    assert await problem(newsroom, asked) == (2, 400)


async def test_types_follow_the_fields(newsroom: Live) -> None:
    found = (await data(newsroom, INTROSPECTED))["__type"]
    assert found["interfaces"] == [{"name": "Node"}]
    types = {field["name"]: field["type"] for field in found["fields"]}
    assert types["id"] == {
        "kind": "NON_NULL",
        "name": None,
        "ofType": {"kind": "SCALAR", "name": "ID", "ofType": None},
    }
    named = {name: type["name"] for name, type in types.items() if type["name"]}
    assert named | {
        "title": "String", "price": "Float", "featured": "Boolean", "day": "Date", "at": "Time",
        "moment": "DateTime", "extra": "JSON", "author": "AuthorsItem",
        "picture": "DirectusFileItem", "owner": "DirectusUserItem", "created": "DateTime",
    } == named  # fmt: skip
    assert named["views"] in ("Int", "BigInt")
    assert types["comments"]["ofType"]["name"] == "CommentsItem"
    assert types["words"]["ofType"]["name"] == "String"
    assert "divider" not in types


async def test_odd_names_can_be_spelled(archive: Live) -> None:
    text = """{ __schema { queryType { fields { name } } } }"""
    found = (await data(archive, text))["__schema"]["queryType"]["fields"]
    fields = {field["name"] for field in found}
    assert {"MixedCase_Table", "MixedCase_Table_by_id", "log_lines", "bigger_ones"} <= fields
    text = """{ __type(name: "MixedCaseTable") { description } }"""
    said = (await data(archive, text))["__type"]["description"]
    assert said == f"The collection {CAPITALS!r}."
    odd = "We_quote_it_so_100_u"
    text = f"""{{ {odd}(sort: ["_minus"], filter: {{dotted_name_nnull: true}}) {{ data {{
      Id select dotted_name _minus }} }} }}"""
    assert await listed(archive, text) == [
        {"Id": "2", "select": 2, "dotted_name": "z", "_minus": 2},
        {"Id": "1", "select": 1, "dotted_name": "x.y", "_minus": 3},
    ]
    text = """{ MixedCase_Table(filter: {Odd: {dotted_name_eq: "x.y"}}, sort: ["Key"]) { data {
      Key VALUE value_ Odd { Id } } } }"""
    found = await listed(archive, text)
    assert [item["Odd"] for item in found] == [{"Id": "1"}] * 2


async def test_composite_keys_and_none(archive: Live) -> None:
    text = """query($k: ID!) { pairs_by_id(id: $k) { left right note }
      pairs(id: $k) { data { note } } }"""
    assert await data(archive, text, k="a%2Cb,1") == {
        "pairs_by_id": {"left": "a,b", "right": 1, "note": "comma"},
        "pairs": {"data": [{"note": "comma"}]},
    }
    answer = await ask(archive, text, k="a")
    assert answer.json()["data"] == {"pairs_by_id": None, "pairs": {"data": []}}
    found = await data(archive, "{ log_lines(limit: 9) { data { at line } meta { total_count } } }")
    assert found["log_lines"]["meta"] == {"total_count": 3}
    assert {"at": 2, "line": "b"} in found["log_lines"]["data"]
    for text in ("{ log_lines_by_id(id: 1) { at } }", "{ log_lines(id: 1) { data { at } } }"):
        assert await problem(archive, text) == (2, 400)
    text = "{ bigger_ones { data { Id } } }"
    assert len(await listed(archive, text)) == 2


REFUSED: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    ('{ articles(sort: ["nope"]) { data { id } } }', {}, (202, 422)),
    ('{ articles(sort: ["comments"]) { data { id } } }', {}, (12, 422)),
    ("{ articles(limit: -2) { data { id } } }", {}, (4, 422)),
    ("{ articles(limit: 1, page: 0) { data { id } } }", {}, (4, 422)),
    ('{ articles(filter: {views_between: "1"}) { data { id } } }', {}, (4, 422)),
    ('{ articles { data { comments(sort: ["no"]) { id } } } }', {}, (202, 422)),
    ("{ articles { data { comments(offset: -1) { id } } } }", {}, (4, 422)),
    ("{ nothing { data { id } } }", {}, (2, 400)),
    ("{ articles { data { id", {}, (2, 400)),
    ("", {}, (13, 400)),
    ("query($n: Int!) { articles(limit: $n) { data { id } } }", {"n": "x"}, (2, 400)),
    ("query($n: Int!) { articles(limit: $n) { data { id } } }", {}, (2, 400)),
    ("subscription { articles_mutated { key } }", {}, (12, 422)),
]


@pytest.mark.parametrize(("text", "variables", "error"), REFUSED)
async def test_bad_requests_are_told(
    newsroom: Live, text: str, variables: dict[str, Any], error: tuple[int, int]
) -> None:
    assert await problem(newsroom, text, **variables) == error


async def test_values_that_make_no_sense_match_nothing(newsroom: Live) -> None:
    text = '{ articles(filter: {author_eq: "+"}) { data { id } } }'
    assert await listed(newsroom, text) == []
    text = "{ articles(filter: {title_eq: null}) { data { id } } }"
    assert await listed(newsroom, text) == []


async def test_files_say_where_their_contents_are(gallery: Gallery) -> None:
    row = await gallery.hang()
    query = f"filter[filename_disk]={row['filename_disk']}&fields=id,data,title"
    (plain,) = await gallery.world.data(f"/files?{query}")
    text = """query($name: String) { directus_files(filter: {filename_disk_eq: $name}) { data {
      id url full_url again: asset_url data
      thumbnails { url relative_url dimension width height key __typename } } } }"""
    (found,) = await listed(gallery.world, text, name=row["filename_disk"])
    assert plain["data"]["thumbnails"]
    assert found == {
        "id": str(plain["id"]),
        "url": plain["data"]["url"],
        "full_url": plain["data"]["full_url"],
        "again": plain["data"]["asset_url"],
        "data": plain["data"],
        "thumbnails": [
            {**each, "__typename": "FileThumbnail"} for each in plain["data"]["thumbnails"]
        ],
    }
