"""Activity, revisions, reverting and comments, as the items page §7 and §8 has it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from conductus.errors import (
    ApiError,
    CollectionNotFound,
    ItemNotFound,
    RevisionNotFound,
    Unprocessable,
    ValidationFailed,
)
from conductus.items.comments import Comments
from conductus.items.writer import WriteOptions
from conductus.permissions.actor import Actor
from tests.items.desk import ADMIN, Desk

ACTIVITY = "action,action_by,action_on,ip,user_agent,collection,item,comment"


async def actions(shop: Desk, start: int) -> list[tuple[str, str, str]]:
    rows = await shop.items("directus_activity", sort="id")
    return [(row["action"], row["collection"], row["item"]) for row in rows[start:]]


async def revisions(shop: Desk, collection: str) -> list[dict[str, Any]]:
    wanted = {"filter": {"collection": {"eq": collection}}, "sort": "id"}
    return await shop.items("directus_revisions", **wanted)


async def count(shop: Desk) -> int:
    return len(await shop.items("directus_activity"))


async def test_every_deed_has_its_activity(shop: Desk) -> None:
    start = await count(shop)
    await shop.create("articles", {"title": "a", "comments": [{"text": "x"}]})
    await shop.update("articles", "1", {"views": 2, "comments": [{"id": 1, "$delete": True}]})
    await shop.update("articles", "1", {"status": "deleted"}, comment="because")
    await shop.delete("articles", "1")
    await shop.create(
        "directus_files",
        {
            **{"filename_disk": "a", "filename_download": "a", "type": "x", "storage": "local"},
            "uploaded_on": "2031-02-03 04:05:06",
        },
    )
    await shop.update("directus_users", "1", {"status": "active", "first_name": "Eve"})
    assert await actions(shop, start) == [
        ("create", "articles", "1"),
        ("create", "comments", "1"),
        ("update", "articles", "1"),
        ("delete", "comments", "1"),
        ("soft-delete", "articles", "1"),
        ("delete", "articles", "1"),
        ("upload", "directus_files", "1"),
        ("update", "directus_users", "1"),
        ("status-update", "directus_users", "1"),
    ]
    rows = await shop.items("directus_activity", fields=ACTIVITY, sort="id")
    assert rows[start + 4] == {
        "action": "soft-delete",
        "action_by": 1,
        "action_on": "2031-02-03 04:05:06",
        "ip": "localhost",
        "user_agent": "a test",
        "collection": "articles",
        "item": "1",
        "comment": "because",
    }


async def test_revisions_hold_the_item_and_what_was_changed(shop: Desk) -> None:
    await shop.create(
        "articles",
        {"title": "a", "score": "1.5", "pin": "1234", "extra": {"k": 1}, "featured": True},
    )
    await shop.update(
        "articles", "1", {"views": 0, "title": "b", "pin": "4321", "author": {"name": "Ada"}}
    )
    first, second = await revisions(shop, "articles")
    score = first["data"].pop("score")
    assert (type(score), Decimal(score)) == (str, Decimal("1.50"))
    assert first["data"] == {
        "id": 1,
        "status": "draft",
        "title": "a",
        "views": 0,
        "featured": True,
        "owner": 1,
        "created_on": "2031-02-03 04:05:06",
        "modified_by": 1,
        "modified_on": "2031-02-03 04:05:06",
        "labels": None,
        "extra": {"k": 1},
        "day": None,
        "at": None,
        "moment": None,
        "pin": "**********",
        "link": "a",
        "author": None,
    }
    assert first["delta"] == {
        "title": "a",
        "score": "1.5",
        "pin": "**********",
        "extra": {"k": 1},
        "featured": True,
    }
    assert (first["parent_collection"], first["parent_item"]) == (None, None)
    assert first["parent_changed"] is False
    assert second["delta"] == {
        "title": "b",
        "link": "b",
        "pin": "**********",
        "author": {"name": "Ada"},
    }
    assert second["data"]["author"] == 1


async def test_nested_revisions_name_the_parent(shop: Desk) -> None:
    await shop.create(
        "articles", {"title": "a", "comments": [{"text": "x", "writer": {"name": "A"}}]}
    )
    await shop.update("articles", "1", {"comments": [{"id": 1, "text": "y"}]})
    for collection, parent in (("comments", "articles"), ("authors", "comments")):
        made = (await revisions(shop, collection))[0]
        assert made["parent_collection"] == parent
        assert (made["parent_item"], made["parent_changed"]) == ("1", True)
    changed = (await revisions(shop, "comments"))[1]
    assert (changed["parent_item"], changed["parent_changed"]) == ("1", False)
    assert changed["delta"] == {"text": "y"}
    assert (await revisions(shop, "articles"))[1]["delta"] == {"comments": [{"id": 1, "text": "y"}]}


async def test_what_hangs_there_already_is_not_recorded_again(shop: Desk) -> None:
    await shop.create("articles", {"title": "a", "comments": [{"text": "x"}]})
    start = await count(shop)
    await shop.update("articles", "1", {"comments": [1, {"id": 1}]})
    assert await actions(shop, start) == [("update", "articles", "1")]


async def test_secrets_of_users_are_never_recorded(shop: Desk) -> None:
    secrets = {"password": "canary-1", "token": "canary-2", "2fa_secret": "canary-3"}
    await shop.create(
        "directus_roles",
        {
            "name": "r",
            "users": [{"email": "e@x.org", "status": "active", "timezone": "UTC", **secrets}],
        },
    )
    await shop.update("directus_users", "2", {**secrets, "password": "canary-4"})
    rows = await shop.database.fetch("SELECT data, delta FROM directus_revisions")
    text = str([list(row) for row in rows])
    assert "canary" not in text
    assert "hashed" not in text
    made, changed = await revisions(shop, "directus_users")
    assert not {"password", "token", "2fa_secret", "password_reset_token"} & set(made["data"])
    assert changed["delta"] == {}
    assert len(made["data"]["external_id"]) == 36


async def test_administrators_may_leave_no_trace(shop: Desk) -> None:
    start = await count(shop)
    skipping = WriteOptions(skip_activity=True)
    await shop.writer.create("tags", [{"slug": "x"}], shop.context, skipping)
    await shop.writer.update("tags", ["1"], {"slug": "y"}, shop.context, skipping)
    await shop.writer.delete("tags", ["1"], shop.context, skipping)
    assert await count(shop) == start
    assert await revisions(shop, "tags") == []


async def test_a_comment_on_a_change_must_be_text_that_can_be_stored(shop: Desk) -> None:
    await shop.create("tags", {"slug": "x"})
    with pytest.raises(ValidationFailed, match="comment"):
        await shop.update("tags", "1", {"slug": "y"}, comment="nul \0")
    actor = replace(ADMIN, user_agent="a\0b\ud800")
    await shop.writer.update("tags", ["1"], {"slug": "z"}, shop.as_actor(actor))
    row = (await shop.items("directus_activity", sort="-id", limit="1"))[0]
    assert row["user_agent"] == "ab?"


async def test_long_things_are_cut_to_their_columns(shop: Desk) -> None:
    actor = replace(ADMIN, user_agent="ü" * 1000, ip="1" * 100)
    await shop.writer.create("tags", [{"slug": "x"}], shop.as_actor(actor))
    row = (await shop.items("directus_activity", sort="-id", limit="1"))[0]
    assert (row["user_agent"], row["ip"]) == ("ü" * 255, "1" * 50)


async def test_reverting_writes_the_old_values_back(shop: Desk) -> None:
    values = {
        "title": "a",
        "score": "1.50",
        "labels": ["x", "y"],
        "extra": {"k": [1]},
        "day": "2031-02-03",
        "at": "04:05:06",
        "moment": "2031-02-03 04:05:06",
        "featured": True,
        "pin": "1234",
        "author": {"name": "Ada"},
    }
    await shop.create("articles", values)
    (before,) = await shop.items("articles")
    await shop.update(
        "articles",
        "1",
        {
            **{"title": "b", "score": None, "labels": None, "extra": None, "day": None, "at": None},
            **{"moment": None, "featured": False, "author": None, "owner": 2, "pin": "4321"},
        },
    )
    first = (await revisions(shop, "articles"))[0]
    start = await count(shop)
    later = replace(shop.context, now=shop.context.now + timedelta(hours=1))
    reverted = await shop.writer.revert("articles", "1", str(first["id"]), later)
    assert reverted.key == "1"
    (after,) = await shop.items("articles")
    assert after == {**before, "owner": 2, "modified_on": "2031-02-03T05:05:06+00:00"}
    rows = await shop.database.fetch("SELECT pin FROM articles")
    assert rows[0][0] == "hashed 2"
    assert await actions(shop, start) == [("revert", "articles", "1")]
    assert (await revisions(shop, "articles"))[-1]["data"]["title"] == "a"


async def test_only_revisions_of_the_item_can_be_reverted_to(shop: Desk) -> None:
    await shop.create("tags", {"slug": "a"}, {"slug": "b"})
    await shop.create("words", {"code": "1", "meaning": "x"})
    tag = str((await revisions(shop, "tags"))[0]["id"])
    word = str((await revisions(shop, "words"))[0]["id"])
    for key, revision in (("2", tag), ("1", word), ("1", "9999"), ("1", "x"), ("3", tag)):
        with pytest.raises(RevisionNotFound):
            await shop.writer.revert("tags", key, revision, shop.context)
    await shop.delete("tags", "1")
    with pytest.raises(ItemNotFound):
        await shop.writer.revert("tags", "1", tag, shop.context)


async def test_revisions_of_columns_that_are_gone_and_of_no_sense(shop: Desk) -> None:
    await shop.create("tags", {"slug": "a"})
    await shop.update("tags", "1", {"slug": "b"})
    first = (await revisions(shop, "tags"))[0]
    data = {"gone": 1, "id": 9, "slug": "c"}
    await shop.update("directus_revisions", str(first["id"]), {"data": data})
    await shop.writer.revert("tags", "1", str(first["id"]), shop.context)
    assert await shop.items("tags") == [{"id": 1, "slug": "c", "label": None}]
    for broken in ([1], "text", 7):
        await shop.update("directus_revisions", str(first["id"]), {"data": broken})
        with pytest.raises(Unprocessable):
            await shop.writer.revert("tags", "1", str(first["id"]), shop.context)


async def test_comments_are_written_changed_and_withdrawn(shop: Desk) -> None:
    comments = Comments(shop.database, shop.reader)
    await shop.create("articles", {"title": "a"})
    body = {"collection": "articles", "item": 1, "comment": "Nice 💡"}
    id = await comments.add(body, shop.context)
    row = await activity(shop, id)
    assert (row["action"], row["collection"], row["item"]) == ("comment", "articles", "1")
    assert (row["comment"], row["edited_on"], row["comment_deleted_on"]) == ("Nice 💡", None, None)
    assert await comments.edit(id, {"comment": "Nicer"}, shop.context) == id
    row = await activity(shop, id)
    assert (row["comment"], row["edited_on"]) == ("Nicer", "2031-02-03 04:05:06")
    await comments.remove(id, shop.context)
    assert (await activity(shop, id))["comment_deleted_on"] == "2031-02-03 04:05:06"
    with pytest.raises(ItemNotFound):
        await comments.remove(id, shop.context)


async def test_comments_that_cannot_be_are_refused(shop: Desk) -> None:
    comments = Comments(shop.database, shop.reader)
    await shop.create("articles", {"title": "a"})
    start = await count(shop)
    good = {"collection": "articles", "item": "1", "comment": "x"}
    refused: list[tuple[dict[str, Any], type[ApiError]]] = [
        ({}, ValidationFailed),
        ({**good, "collection": None}, ValidationFailed),
        ({**good, "item": ""}, ValidationFailed),
        ({**good, "comment": "  "}, ValidationFailed),
        ({**good, "comment": ["x"]}, ValidationFailed),
        ({**good, "comment": "nul \0"}, ValidationFailed),
        ({**good, "collection": "nope"}, CollectionNotFound),
        ({**good, "item": 2}, ItemNotFound),
        ({**good, "item": "x"}, ItemNotFound),
    ]
    for body, error in refused:
        with pytest.raises(error):
            await comments.add(body, shop.context)
    with pytest.raises(ValidationFailed):
        await comments.edit("1", {}, shop.context)
    for id in ("1", "9999", "x"):
        with pytest.raises(ItemNotFound):
            await comments.edit(id, {"comment": "x"}, shop.context)
    for actor, codes in (
        (Actor(), [3, 3, 3]),
        (Actor(user=2, role=3, credential="jwt"), [210, 211, 212]),
    ):
        asked = shop.as_actor(actor)
        found = []
        for attempt in (
            comments.add(good, asked),
            comments.edit("1", {"comment": "x"}, asked),
            comments.remove("1", asked),
        ):
            with pytest.raises(ApiError) as caught:
                await attempt
            found.append(caught.value.code)
        assert found == codes
    assert await count(shop) == start


async def activity(shop: Desk, id: str) -> dict[str, Any]:
    (row,) = await shop.items("directus_activity", **{"filter": {"id": {"eq": id}}})
    return row


COUNTING = "UPDATE articles SET views = coalesce(views, 0) + 1 WHERE id = NEW.article"
TRIGGERS = {
    "sqlite": [f"CREATE TRIGGER counts AFTER INSERT ON comments BEGIN {COUNTING}; END"],
    "mysql": [f"CREATE TRIGGER counts AFTER INSERT ON comments FOR EACH ROW {COUNTING}"],
    "postgresql": [
        "CREATE FUNCTION counting() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {COUNTING}; RETURN NEW; END $$",
        "CREATE TRIGGER counts AFTER INSERT ON comments FOR EACH ROW EXECUTE FUNCTION counting()",
    ],
}


async def test_a_revision_holds_what_triggers_made_of_the_item(shop: Desk) -> None:
    before = await shop.database.fingerprint()
    async with shop.database.schema_transaction() as transaction:
        for statement in TRIGGERS[shop.database.dialect.name]:
            await transaction.execute(statement)
    assert await shop.database.fingerprint() != before
    await shop.look(ADMIN)
    triggered = [name for name, one in shop.context.schema.collections.items() if one.triggers]
    assert triggered == ["comments"]
    await shop.create("articles", {"title": "a", "comments": [{"text": "x"}, {"text": "y"}]})
    (revision,) = await revisions(shop, "articles")
    assert revision["data"]["views"] == 2


async def test_a_revision_holds_the_last_of_several_changes(shop: Desk) -> None:
    await shop.create("articles", {"title": "a"})
    await shop.update("articles", None, [{"id": 1, "views": 1}, {"id": 1, "title": "b"}])
    _, first, second = await revisions(shop, "articles")
    for revision in (first, second):
        assert (revision["data"]["views"], revision["data"]["title"]) == (1, "b")


@pytest.mark.parametrize("driver", ["mysql"])
async def test_a_revision_holds_what_the_database_set_by_itself(shop: Desk) -> None:
    await shop.create("articles", {"title": "a"})
    async with shop.database.schema_transaction() as transaction:
        await transaction.execute(
            "ALTER TABLE articles ADD touched TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP,"
            " ADD half INT AS (views DIV 2) STORED"
        )
    await shop.look(ADMIN)
    await shop.update("articles", "1", {"views": 8})
    (article,) = await shop.items("articles")
    *_, revision = await revisions(shop, "articles")
    assert (revision["data"]["half"], article["half"]) == (4, 4)
    assert revision["data"]["touched"] == article["touched"] is not None
