"""Creating, changing and deleting items, as the items page §2, §4 and §9 has it.

Each test writes with the writer itself and reads what is there afterwards.
"""

from __future__ import annotations

from typing import Any

import pytest

from conductus.errors import (
    ApiError,
    CollectionNotFound,
    DuplicateValue,
    ItemNotFound,
    Unauthorized,
    Unprocessable,
    ValidationFailed,
)
from conductus.items.writer import WriteOptions
from conductus.permissions.actor import Actor
from tests.items.desk import Desk


async def titles(shop: Desk) -> dict[int, str]:
    return {item["id"]: item["title"] for item in await shop.items("articles")}


async def test_a_new_item_gets_its_values_its_defaults_and_its_stamps(shop: Desk) -> None:
    (key,) = await shop.create(
        "articles", {"title": "Ünïcode & 💡", "views": "7", "owner": 99, "created_on": "1999-01-01"}
    )
    (item,) = await shop.items("articles")
    assert key == "1"
    assert item["title"] == "Ünïcode & 💡"
    assert item["views"] == 7
    assert item["status"] == "draft"
    assert item["featured"] is False
    assert item["owner"] == item["modified_by"] == 1
    assert item["created_on"] == item["modified_on"] == "2031-02-03T04:05:06+00:00"
    assert item["link"] == "unicode-bulb"
    assert shop.touched == [frozenset({"articles"})]


async def test_a_batch_keeps_its_order_whatever_its_items_give(shop: Desk) -> None:
    bodies: list[dict[str, Any]] = [
        {"title": "a"},
        {"title": "b", "views": 3, "status": "published"},
        {"title": "c", "extra": {"x": None}},
        {"title": "d", "views": None},
        {"title": "e", "id": 70},
        {"title": "f", "pin": "1234"},
    ]
    keys = await shop.create("articles", *bodies)
    found = {str(item["id"]): item for item in await shop.items("articles")}
    assert [found[key]["title"] for key in keys] == list("abcdef")
    assert [found[key]["views"] for key in keys] == [0, 3, 0, None, 0, 0]
    assert keys[4] == "70"
    assert keys[:4] == ["1", "2", "3", "4"]


async def test_keys_that_clients_give_are_not_generated_again(shop: Desk) -> None:
    await shop.create("tags", {"id": 3}, {"id": 2})
    assert await shop.create("tags", {}, {}) == ["4", "5"]
    await shop.create("tags", {"id": 1})
    await shop.create("tags", {"id": 500})
    assert await shop.create("tags", {}) == ["501"]


async def test_a_hundred_items_go_to_the_database_in_few_statements(shop: Desk) -> None:
    keys = await shop.create("tags", *({"slug": f"t{number}"} for number in range(100)))
    found = {str(item["id"]): item["slug"] for item in await shop.items("tags")}
    assert [found[key] for key in keys] == [f"t{number}" for number in range(100)]


async def test_a_client_gives_keys_of_text(shop: Desk) -> None:
    assert await shop.create("words", {"code": "a,b", "meaning": "x"}) == ["a,b"]
    await shop.update("words", "a,b", {"meaning": "y"})
    assert await shop.items("words") == [{"code": "a,b", "meaning": "y"}]
    with pytest.raises(DuplicateValue):
        await shop.create("words", {"code": "a,b", "meaning": "z"})
    with pytest.raises(ValidationFailed, match="code: This value is required"):
        await shop.create("words", {"meaning": "z"})


async def test_a_uuid_key_is_made_when_it_is_missing(shop: Desk) -> None:
    (made,) = await shop.create("tokens", {})
    (given,) = await shop.create("tokens", {"id": "9F1B3C52-5F5B-4F6E-8C5B-0F1E2D3C4B5A"})
    assert given == "9f1b3c52-5f5b-4f6e-8c5b-0f1e2d3c4b5a"
    assert {item["id"] for item in await shop.items("tokens")} == {made, given}


async def test_composite_keys_are_joined_by_commas(shop: Desk) -> None:
    keys = await shop.create(
        "seats", {"row": 1, "number": "A"}, {"row": 1, "number": "B"}, {"row": 2, "number": "A"}
    )
    assert keys == ["1,A", "1,B", "2,A"]
    await shop.update("seats", "1,B|2,A", {"guest": "Ada"})
    await shop.update("seats", None, [{"row": 1, "number": "A", "guest": "Bob"}])
    await shop.delete("seats", "2,A")
    found = {(seat["row"], seat["number"]): seat["guest"] for seat in await shop.items("seats")}
    assert found == {(1, "A"): "Bob", (1, "B"): "Ada"}
    for missing in ("1", "1,C", "1,A,2", "x,A"):
        with pytest.raises(ItemNotFound):
            await shop.delete("seats", missing)


async def test_updates_of_one_of_several_and_of_a_list(shop: Desk) -> None:
    await shop.create("articles", {"title": "a"}, {"title": "b"}, {"title": "c"})
    assert await shop.update("articles", "1", {"title": "A!"}) == ["1"]
    assert await shop.update("articles", "3|2|3", {"views": 9}) == ["3", "2"]
    changed = await shop.update(
        "articles", None, [{"id": 3, "views": 30}, {"id": "1", "title": "AA"}]
    )
    assert changed == ["3", "1"]
    found = await shop.items("articles", fields="id,title,views,link")
    assert found == [
        {"id": 1, "title": "AA", "views": 0, "link": "aa"},
        {"id": 2, "title": "b", "views": 9, "link": "b"},
        {"id": 3, "title": "c", "views": 30, "link": "c"},
    ]


async def test_an_empty_update_changes_and_records_nothing(shop: Desk) -> None:
    await shop.create("articles", {"title": "a"})
    before = len(await shop.items("directus_activity"))
    assert await shop.update("articles", "1", {}) == ["1"]
    assert len(await shop.items("directus_activity")) == before
    with pytest.raises(ItemNotFound):
        await shop.update("articles", "2", {})


REFUSED: list[tuple[str | None, Any, type[ApiError]]] = [
    ("1", {"nope": 1}, Unprocessable),
    ("999", {"nope": 1}, Unprocessable),
    ("999", {"title": "x"}, ItemNotFound),
    ("abc", {"title": "x"}, ItemNotFound),
    ("+", {"title": "x"}, ItemNotFound),
    ("99999999999999999999", {"title": "x"}, ItemNotFound),
    ("999|998", {"title": "x"}, ItemNotFound),
    ("1|999", {"title": "x"}, ItemNotFound),
    ("77", {"id": 1}, ItemNotFound),
    ("1", {"id": 2}, Unprocessable),
    ("1", [{"title": "a"}], Unprocessable),
    (None, [{"views": 1}], Unprocessable),
    (None, {"views": 1}, ValidationFailed),
    (None, [{"id": 1, "views": 1}, {"id": 999}], ItemNotFound),
    (None, [{"id": 1, "views": 1}, {"id": 2, "nope": 2}], Unprocessable),
    ("1", {"title": None}, ValidationFailed),
    ("1", {"title": ""}, ValidationFailed),
    ("1", {"title": "x" * 101}, Unprocessable),
    ("1", {"views": "many"}, Unprocessable),
    ("1", {"views": [1]}, ApiError),
    ("1", {"score": "123456789.00"}, Unprocessable),
    ("1", {"day": "soon"}, ValidationFailed),
    ("1", {"status": "new"}, Unprocessable),
    ("1", {"title": "nul \0"}, ValidationFailed),
    ("1", {"comments": {"text": "x"}}, Unprocessable),
    ("1", {"comments": [{"nope": 1}]}, Unprocessable),
    ("1", {"comments": [{"id": 999, "text": "x"}]}, ItemNotFound),
    ("1", {"comments": [True]}, Unprocessable),
    ("1", {"comments": [{"$delete": True}]}, Unprocessable),
    ("1", {"author": {"id": 999, "$delete": True}}, ItemNotFound),
    ("1", {"author": {"email": "no name"}}, ValidationFailed),
    ("1", {"author": {"name": "x", "email": "no address"}}, ValidationFailed),
    ("1", {"author": {"id": 999, "email": "a@x"}}, ValidationFailed),
]


async def test_what_is_refused_changes_nothing(shop: Desk) -> None:
    await shop.create("articles", {"title": "a", "comments": [{"text": "x"}]}, {"title": "b"})
    await shop.create("authors", {"name": "Ada", "email": "ada@x.org"})
    names = ("articles", "comments", "authors", "directus_activity", "directus_revisions")
    before = {name: await shop.items(name) for name in names}
    for keys, body, error in REFUSED:
        with pytest.raises(error):
            await shop.update("articles", keys, body)
    assert {name: await shop.items(name) for name in names} == before


async def test_an_unknown_or_unmanaged_collection_is_not_there(shop: Desk) -> None:
    for name in ("nope", "conductus_state", ""):
        with pytest.raises(CollectionNotFound):
            await shop.create(name, {})


async def test_messages_of_several_fields_are_joined(shop: Desk) -> None:
    with pytest.raises(ValidationFailed) as caught:
        await shop.create("articles", {"day": "soon", "status": "published"})
    assert set(caught.value.details["fields"]) == {"title", "day"}
    assert "title: This value is required" in caught.value.message


async def test_every_error_of_a_batch_names_its_item(shop: Desk) -> None:
    await shop.create("authors", {"name": "Ada", "email": "ada@x.org"})
    batches: list[tuple[list[dict[str, Any]], int]] = [
        ([{"name": "a"}, {"nope": 1}], 1),
        ([{"name": "a"}, {"name": "b"}, {}], 2),
        ([{"name": "a"}, {"name": "b", "email": "ada@x.org"}, {"name": "c"}], 1),
        ([{"name": "a"}, {"name": "b", "articles": [{"id": 999}]}], 1),
    ]
    for bodies, index in batches:
        with pytest.raises(ApiError) as caught:
            await shop.create("authors", *bodies)
        assert caught.value.details["index"] == index, bodies
    with pytest.raises(ItemNotFound) as missing:
        await shop.delete("authors", "1", "999")
    assert missing.value.details["index"] == 1
    with pytest.raises(ItemNotFound) as absent:
        await shop.update("authors", None, [{"id": 1, "name": "x"}, {"id": 999, "name": "y"}])
    assert absent.value.details["index"] == 1
    assert [author["name"] for author in await shop.items("authors")] == ["Ada"]


async def test_a_unique_value_is_given_once(shop: Desk) -> None:
    await shop.create("authors", {"name": "Ada", "email": "ada@x.org"}, {"name": "Bob"})
    with pytest.raises(DuplicateValue):
        await shop.create("authors", {"name": "Eve", "email": "ada@x.org"})
    with pytest.raises(DuplicateValue):
        await shop.update("authors", "2", {"email": "ada@x.org"})
    with pytest.raises(DuplicateValue):
        await shop.update("authors", "1|2", {"email": "both@x.org"})
    assert [a["email"] for a in await shop.items("authors")] == ["ada@x.org", None]


async def test_deleting_is_for_all_or_none_and_leaves_others_alone(shop: Desk) -> None:
    await shop.create("articles", {"title": "a", "author": {"name": "Ada"}}, {"title": "b"})
    with pytest.raises(ItemNotFound):
        await shop.delete("articles", "1", "3")
    assert len(await titles(shop)) == 2
    await shop.delete("authors", "1")
    assert [item["author"] for item in await shop.items("articles")] == [1, None]
    await shop.delete("articles", "2", "1", "2")
    assert await titles(shop) == {}
    with pytest.raises(ItemNotFound):
        await shop.delete("articles", "1")


async def test_drafts_may_be_incomplete(shop: Desk) -> None:
    await shop.create("articles", {"status": "draft"}, {})
    assert await titles(shop) == {1: "", 2: ""}
    with pytest.raises(ValidationFailed, match="title"):
        await shop.create("articles", {"status": "published"})


async def test_creator_and_time_are_corrected_by_administrators_alone(shop: Desk) -> None:
    await shop.create("articles", {"title": "a"})
    await shop.update(
        "articles",
        "1",
        {"owner": 2, "created_on": "2001-01-01 00:00:00", "modified_by": 7, "modified_on": "2001"},
    )
    (item,) = await shop.items("articles")
    assert (item["owner"], item["created_on"]) == (2, "2001-01-01T00:00:00+00:00")
    assert (item["modified_by"], item["modified_on"]) == (1, "2031-02-03T04:05:06+00:00")


async def test_secrets_are_hashed_and_the_mask_changes_nothing(shop: Desk) -> None:
    await shop.create("articles", {"title": "a", "pin": "1234"}, {"title": "b", "pin": "1234"})
    assert shop.hashed == ["1234", "1234"]
    await shop.update("articles", "1", {"pin": "**********", "views": 2})
    assert len(shop.hashed) == 2
    rows = await shop.database.fetch("SELECT pin FROM articles ORDER BY id")
    assert [row[0] for row in rows] == ["hashed 1", "hashed 2"]
    await shop.update("articles", "1", {"pin": None})
    (row, _) = await shop.database.fetch("SELECT pin FROM articles ORDER BY id")
    assert row[0] is None


async def test_only_administrators_write_so_far(shop: Desk) -> None:
    await shop.create("tags", {"slug": "x"})
    codes = []
    for actor in (Actor(), Actor(user=2, role=3, credential="jwt")):
        context = shop.as_actor(actor)
        for attempt in (
            shop.writer.create("tags", [{"nope": 1}], context),
            shop.writer.update("tags", ["1"], {"slug": "y"}, context),
            shop.writer.delete("tags", ["1"], context),
        ):
            with pytest.raises(ApiError) as caught:
                await attempt
            codes.append((caught.value.code, caught.value.status))
    assert codes == [(3, 401)] * 3 + [(301, 403), (302, 403), (303, 403)]
    with pytest.raises(Unauthorized):
        await shop.writer.update(
            "tags", ["1"], {}, shop.as_actor(Actor()), WriteOptions(skip_activity=True)
        )
    assert await shop.items("tags") == [{"id": 1, "slug": "x", "label": None}]
