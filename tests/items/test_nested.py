"""Nested writes, as the items page §6 has it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from conductus.errors import ApiError, ItemNotFound, Unprocessable, ValidationFailed
from conductus.items.changes import WriteLimits
from conductus.items.writer import Writer
from tests.items.desk import Desk


async def author_of(shop: Desk, key: int) -> Any:
    (item,) = await shop.items("articles", **{"filter": {"id": {"eq": key}}, "fields": "author.*"})
    return item["author"]


async def comments(shop: Desk) -> list[tuple[int, str, int | None]]:
    return [(c["id"], c["text"], c["article"]) for c in await shop.items("comments")]


async def test_a_many_to_one_links_creates_updates_and_deletes(shop: Desk) -> None:
    await shop.create("articles", {"title": "a", "author": {"name": "Ada", "email": "ada@x.org"}})
    ada = {"id": 1, "name": "Ada", "email": "ada@x.org"}
    assert await author_of(shop, 1) == ada
    steps: list[tuple[Any, Any]] = [
        ({"name": "Bob"}, {"id": 2, "name": "Bob", "email": None}),
        ({"id": 1, "name": "Ada2"}, {**ada, "name": "Ada2"}),
        (2, {"id": 2, "name": "Bob", "email": None}),
        ({"id": 1}, {**ada, "name": "Ada2"}),
        ({"id": "2"}, {"id": 2, "name": "Bob", "email": None}),
        (None, None),
        ({"id": 70, "name": "Given"}, {"id": 70, "name": "Given", "email": None}),
        ({"id": None, "name": "New"}, None),
        (4711, None),
        ({"id": 1, "$delete": True}, None),
    ]
    for value, expected in steps:
        await shop.update("articles", "1", {"author": value})
        if expected is not None or value is None or value == 4711:
            assert await author_of(shop, 1) == expected, value
    names = {author["name"] for author in await shop.items("authors")}
    assert names == {"Bob", "Given", "New"}
    (item,) = await shop.items("articles")
    assert item["author"] is None


async def test_a_one_to_many_creates_updates_ties_unties_and_deletes(shop: Desk) -> None:
    await shop.create(
        "articles",
        {"title": "a", "comments": [{"text": "one"}, {"text": "two"}, {"text": "three"}]},
        {"title": "b", "comments": [{"text": "four"}, {"text": "five"}]},
    )
    assert await comments(shop) == [
        (1, "one", 1),
        (2, "two", 1),
        (3, "three", 1),
        (4, "four", 2),
        (5, "five", 2),
    ]
    await shop.update(
        "articles",
        "1",
        {
            "comments": [
                {"text": "six"},
                {"id": 1, "text": "ONE"},
                {"id": 2, "$delete": True},
                {"id": 3, "article": None},
                4,
                {"id": "5", "article": 2, "text": "FIVE"},
            ]
        },
    )
    assert sorted(await comments(shop)) == [
        (1, "ONE", 1),
        (3, "three", None),
        (4, "four", 1),
        (5, "FIVE", 2),
        (6, "six", 1),
    ]
    nothing: Any
    for nothing in (None, []):
        await shop.update("articles", "1", {"comments": nothing})
    assert len(await comments(shop)) == 5


async def test_many_to_many_goes_through_rows_of_the_junction(shop: Desk) -> None:
    await shop.create("tags", {"slug": "red"}, {"slug": "blue"})
    await shop.create(
        "articles",
        {
            "title": "a",
            "tag_links": [
                {"tag": {"id": 1}},
                {"tag": 2},
                {"tag": {"slug": "green"}},
                {"tag": {"id": 2, "label": "Blue"}},
            ],
        },
    )
    links = await shop.items("articles_tags", fields="id,article,tag.slug,tag.label")
    assert [(link["id"], link["article"], link["tag"]["slug"]) for link in links] == [
        (1, 1, "red"),
        (2, 1, "blue"),
        (3, 1, "green"),
        (4, 1, "blue"),
    ]
    assert links[1]["tag"]["label"] == "Blue"
    await shop.update("articles", "1", {"tag_links": [{"id": 3, "$delete": True}]})
    assert [link["id"] for link in await shop.items("articles_tags")] == [1, 2, 4]
    assert [tag["slug"] for tag in await shop.items("tags")] == ["red", "blue", "green"]


async def test_deep_nesting_is_done_in_the_right_order(shop: Desk) -> None:
    await shop.create(
        "authors",
        {
            "name": "Ada",
            "articles": [
                {
                    "title": "a",
                    "comments": [
                        {"text": "x", "writer": {"name": "Bob", "articles": [{"title": "b"}]}},
                        {"text": "y"},
                    ],
                    "tag_links": [{"tag": {"slug": "deep"}}],
                }
            ],
        },
        {"name": "Cid", "articles": [{"title": "c"}]},
    )
    authors = await shop.items("authors", fields="name,articles.title,articles.comments.text")
    by_name = {author["name"]: author["articles"] for author in authors}
    assert [a["title"] for a in by_name["Ada"]] == ["a"]
    assert [c["text"] for c in by_name["Ada"][0]["comments"]] == ["x", "y"]
    assert [a["title"] for a in by_name["Bob"]] == ["b"]
    assert [a["title"] for a in by_name["Cid"]] == ["c"]


async def test_keys_that_are_texts_are_created_when_they_are_missing(shop: Desk) -> None:
    word = {"code": "a", "meaning": "x"}
    await shop.create("tokens", {"word": word}, {"word": {**word, "meaning": "y"}}, {"word": "b"})
    assert await shop.items("words") == [{"code": "a", "meaning": "y"}]
    await shop.create("tokens", {"word": {"code": "a"}})
    await shop.create("tokens", {"word": {"code": "a", "meaning": "z"}})
    assert await shop.items("words") == [{"code": "a", "meaning": "z"}]
    assert sorted(token["word"] for token in await shop.items("tokens")) == ["a"] * 4 + ["b"]


async def test_a_required_list_keeps_an_item(shop: Desk) -> None:
    missing: dict[str, Any]
    for missing in ({}, {"options": None}, {"options": []}):
        with pytest.raises(ValidationFailed, match="options: This value is required"):
            await shop.create("polls", missing)
    await shop.create("polls", {"options": [{"text": "yes"}, {"text": "no"}]})
    lost: list[list[Any]] = [
        [{"id": 1, "$delete": True}, {"id": 2, "$delete": True}],
        [{"id": 1, "poll": None}, {"id": 2, "$delete": True}],
        [{"id": 1, "poll": 9}, {"id": 2, "poll": 9}],
    ]
    for options in lost:
        with pytest.raises(Unprocessable, match="options: must keep an item"):
            await shop.update("polls", "1", {"options": options})
    assert [(c["text"], c["poll"]) for c in await shop.items("choices")] == [("yes", 1), ("no", 1)]
    await shop.update("polls", "1", {"options": [{"id": 1, "$delete": True}]})
    await shop.update("polls", "1", {"options": [{"id": 2, "$delete": True}, {"text": "maybe"}]})
    assert [c["text"] for c in await shop.items("choices")] == ["maybe"]


async def test_the_same_change_of_several_items_is_nested_in_each(shop: Desk) -> None:
    await shop.create("articles", {"title": "a"}, {"title": "b"})
    await shop.update("articles", "1|2", {"comments": [{"text": "x"}], "author": {"name": "Ada"}})
    assert [(text, article) for _, text, article in await comments(shop)] == [("x", 1), ("x", 2)]


async def test_a_failure_deep_inside_undoes_everything(shop: Desk) -> None:
    await shop.create("authors", {"name": "Ada", "email": "ada@x.org"})
    names = ("articles", "comments", "authors", "tags", "directus_activity", "directus_revisions")
    before = {name: await shop.items(name) for name in names}
    inner = {"text": "x", "writer": {"name": "Eve", "email": "ada@x.org"}}
    with pytest.raises(ApiError) as caught:
        await shop.create(
            "articles",
            {"title": "a", "tag_links": [{"tag": {"slug": "t"}}]},
            {"title": "b", "comments": [{"text": "fine"}, inner]},
        )
    assert (caught.value.code, caught.value.details["index"]) == (204, 1)
    with pytest.raises(ItemNotFound):
        await shop.create("articles", {"title": "a", "comments": [{"text": "x"}, 99]})
    assert {name: await shop.items(name) for name in names} == before


async def test_depth_and_number_of_changes_have_a_limit(shop: Desk) -> None:
    limits = WriteLimits(max_depth=2, max_changes=5)
    writer = Writer(shop.database, shop.hash, limits)
    fine = {"name": "a", "articles": [{"title": "b", "comments": [{"text": "c"}]}]}
    await writer.create("authors", [fine], shop.context)
    deep = {"title": "b", "comments": [{"text": "c", "writer": {"name": "d"}}]}
    with pytest.raises(Unprocessable, match="deeper than 2"):
        await writer.create("authors", [{"name": "a", "articles": [deep]}], shop.context)
    with pytest.raises(Unprocessable, match="More than 5"):
        await writer.create("tags", [{}] * 6, shop.context)
    with pytest.raises(Unprocessable, match="More than 5"):
        await writer.update("tags", [str(n) for n in range(6)], {"slug": "x"}, shop.context)


async def test_control_keys_mean_nothing_elsewhere(shop: Desk) -> None:
    await shop.create("articles", {"title": "a", "$delete": True, "$other": 1})
    await shop.update("articles", "1", {"$delete": True, "author": {"name": "x", "$y": 1}})
    assert len(await shop.items("articles")) == 1


async def test_what_points_at_users_and_files_only_links(shop: Desk) -> None:
    await shop.create("articles", {"title": "a"})
    await shop.update("articles", "1", {"owner": {"id": 1, "first_name": "Changed"}})
    with pytest.raises(Unprocessable, match="owner"):
        await shop.update("articles", "1", {"owner": {"first_name": "New"}})
    (user,) = await shop.items("directus_users", fields="first_name")
    assert user["first_name"] == "Admin"


async def test_relations_that_are_gone_are_refused(shop: Desk) -> None:
    schema = shop.context.schema
    lost = replace(schema, one_to_many={}, many_to_one={})
    context = replace(shop.context, schema=lost)
    with pytest.raises(Unprocessable, match="comments"):
        await shop.writer.create("articles", [{"title": "a", "comments": [{}]}], context)
    with pytest.raises(ApiError) as caught:
        await shop.writer.create("articles", [{"title": "a", "author": {"id": 1}}], context)
    assert caught.value.code == 213
