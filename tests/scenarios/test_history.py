"""Revisions, reverting and activity over HTTP. Source: items page §7 and §8."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, status, text, whole

Item = dict[str, Any]
STATUSES = {
    "live": {"name": "Live", "published": True},
    "deleted": {"name": "Deleted", "soft_delete": True},
}


class Notes:
    """A collection of its own with one item that was changed twice."""

    def __init__(self, workshop: Workshop, name: str) -> None:
        self.workshop = workshop
        self.name = name
        self.path = f"/items/{name}"

    async def revision(self, offset: int, item: int = 1) -> Item:
        """The revision so many places from the oldest."""
        found: Item = await self.workshop.get(f"{self.path}/{item}/revisions/{offset}")
        return found


@pytest.fixture
async def notes(workshop: Workshop) -> Notes:
    """An item with a title, a number, a secret and a status."""
    name = await workshop.make(
        text("title"),
        whole("views", default_value=0),
        field("price", "decimal", "DECIMAL", "10,2"),
        field("made_on", "datetime_created", "DATETIME"),
        field("pin", "hash", "VARCHAR", 255),
        status(STATUSES, default_value="live"),
        word="notes",
    )
    found = Notes(workshop, name)
    await workshop.ok("POST", found.path, {"title": "first", "price": "1.50", "pin": "1234"})
    await workshop.ok("PATCH", f"{found.path}/1", {"title": "second", "views": 5})
    await workshop.ok("PATCH", f"{found.path}/1", {"views": 6})
    return found


async def test_a_revision_holds_the_item_and_what_changed(notes: Notes) -> None:
    listed = await notes.workshop.get(f"{notes.path}/1/revisions")
    assert [one["id"] for one in listed] == sorted(one["id"] for one in listed)
    assert len(listed) == 3
    first, second, third = listed
    assert first == await notes.revision(0)
    assert set(first) == {
        "id", "activity", "collection", "item", "data", "delta",
        "parent_collection", "parent_item", "parent_changed",
    }  # fmt: skip
    assert (first["collection"], first["item"]) == (notes.name, "1")
    assert (first["parent_collection"], first["parent_item"]) == (None, None)
    assert first["parent_changed"] is False
    assert first["data"]["title"] == "first"
    assert first["data"]["price"] == "1.50"
    assert "+" not in first["data"]["made_on"]
    assert "1234" not in str(listed)
    assert "argon2" not in str(listed)
    assert second["delta"] == {"title": "second", "views": 5}
    assert (third["delta"], third["data"]["title"]) == ({"views": 6}, "second")
    assert await notes.revision(2) == third
    for wrong in ("3", "-1", "x", "1.5", "99999999999999999999"):
        path = f"{notes.path}/1/revisions/{wrong}"
        await notes.workshop.refused((203, 404), "GET", path)
    for nobody in ("99", "abc", "+"):
        assert await notes.workshop.get(f"{notes.path}/{nobody}/revisions") == []
    await notes.workshop.refused((200, 404), "GET", "/items/nope/1/revisions")
    some = await notes.workshop.get(
        f"{notes.path}/1/revisions?fields=id,activity.action,activity.action_by.email&limit=1"
    )
    assert some == [
        {"id": first["id"],
         "activity": {"action": "create", "action_by": {"email": "admin@example.com"}}},
    ]  # fmt: skip


async def test_reverting_writes_back_and_is_undone_by_reverting(notes: Notes) -> None:
    workshop = notes.workshop
    before = await workshop.get(f"{notes.path}/1")
    first, last = await notes.revision(0), await notes.revision(2)
    back = await workshop.ok("PATCH", f"{notes.path}/1/revert/{first['id']}")
    assert (back["title"], back["views"], back["price"]) == ("first", 0, 1.5)
    assert back["pin"] == "**********"
    again = await workshop.ok("PATCH", f"{notes.path}/1/revert/{last['id']}?fields=title,views")
    assert again == {"title": "second", "views": 6}
    assert await workshop.get(f"{notes.path}/1") == before
    deeds = [action for action, _ in await workshop.deeds(notes.name)]
    assert deeds == ["create", "update", "update", "revert", "revert"]
    assert len(await workshop.get(f"{notes.path}/1/revisions")) == 5


async def test_what_cannot_be_reverted(notes: Notes) -> None:
    workshop = notes.workshop
    await workshop.ok("POST", notes.path, {"title": "other"})
    first, other = await notes.revision(0), await notes.revision(0, item=2)
    deeds = await workshop.deeds(notes.name)
    for revision in (other["id"], 999_999, "x", "+", -1):
        path = f"{notes.path}/1/revert/{revision}"
        await workshop.refused((207, 404), "PATCH", path)
    await workshop.refused((207, 404), "PATCH", f"{notes.path}/99/revert/{first['id']}")
    await workshop.refused((201, 401), "PATCH", f"/items/directus_users/1/revert/{first['id']}")
    answer = await workshop.world.client.patch(f"/main{notes.path}/1/revert/{first['id']}")
    assert answer.status_code == 401
    assert await workshop.deeds(notes.name) == deeds


async def test_columns_that_are_gone_are_passed_over(notes: Notes) -> None:
    workshop = notes.workshop
    first = await notes.revision(0)
    await workshop.ok("DELETE", f"/fields/{notes.name}/views")
    await workshop.ok("PATCH", f"/fields/{notes.name}/title", {"rename_to": "headline"})
    await workshop.ok("POST", f"/fields/{notes.name}", text("added", default_value="new"))
    back = await workshop.ok("PATCH", f"{notes.path}/1/revert/{first['id']}")
    assert (back["headline"], back["added"], back["price"]) == ("second", "new", 1.5)


async def test_a_soft_delete_is_undone(notes: Notes) -> None:
    workshop = notes.workshop
    assert await workshop.ok("PATCH", f"{notes.path}/1", {"status": "deleted"}) is None
    last = await notes.revision(3)
    assert last["delta"] == {"status": "deleted"}
    back = await workshop.ok("PATCH", f"{notes.path}/1/revert/{(await notes.revision(2))['id']}")
    assert back["status"] == "live"
    assert [action for action, _ in await workshop.deeds(notes.name)][-2:] == [
        "soft-delete", "revert"]  # fmt: skip


async def test_one_row_of_activity_for_each_change(notes: Notes) -> None:
    workshop = notes.workshop
    query = f"filter[collection]={notes.name}&sort=id"
    rows = await workshop.get(f"/activity?{query}")
    assert [row["action"] for row in rows] == ["create", "update", "update"]
    row = rows[0]
    assert (row["action_by"], row["item"], row["comment"], row["edited_on"]) == (
        1, "1", None, None)  # fmt: skip
    assert row["action_on"][4] == "-"
    assert "+" not in row["action_on"]
    assert row["ip"]
    revisions = await workshop.revisions(notes.name)
    assert [one["activity"] for one in revisions] == [one["id"] for one in rows]
    for method, path in (
        ("POST", "/activity"),
        ("PATCH", f"/activity/{row['id']}"),
        ("DELETE", f"/activity/{row['id']}"),
    ):
        answer = await workshop.world.ask(method, path, json={"action": "x"})
        assert (answer.json()["error"]["code"], answer.status_code) == (6, 405), answer.text
    await workshop.refused((6, 405), "PATCH", f"/revisions/{revisions[0]['id']}", {"item": "2"})
    await workshop.refused((6, 405), "DELETE", f"/revisions/{revisions[0]['id']}")


async def test_comment_and_activity_skip(notes: Notes) -> None:
    workshop = notes.workshop
    await workshop.ok("PATCH", f"{notes.path}/1?comment=why%20not%20%F0%9F%92%A1", {"views": 7})
    rows = await workshop.get(f"/activity?filter[collection]={notes.name}&sort=-id&limit=1")
    assert (rows[0]["action"], rows[0]["comment"]) == ("update", "why not 💡")
    deeds, revisions = await workshop.deeds(notes.name), await workshop.revisions(notes.name)
    await workshop.ok("PATCH", f"{notes.path}/1?activity_skip=1", {"views": 8})
    await workshop.ok("POST", f"{notes.path}?activity_skip=1", {"title": "quiet"})
    await workshop.ok("DELETE", f"{notes.path}/2?activity_skip=1")
    assert await workshop.deeds(notes.name) == deeds
    assert await workshop.revisions(notes.name) == revisions
    assert (await workshop.get(f"{notes.path}/1"))["views"] == 8
    await workshop.ok("DELETE", f"{notes.path}/1?comment=bye")
    rows = await workshop.get(f"/activity?filter[collection]={notes.name}&sort=-id&limit=1")
    assert (rows[0]["action"], rows[0]["comment"]) == ("delete", "bye")


async def test_revisions_outlive_their_item(notes: Notes) -> None:
    workshop = notes.workshop
    await workshop.ok("DELETE", f"{notes.path}/1")
    assert len(await workshop.get(f"{notes.path}/1/revisions")) == 3
    first = await notes.revision(0)
    await workshop.refused((203, 404), "PATCH", f"{notes.path}/1/revert/{first['id']}")
    by_id = await workshop.get(f"/revisions/{first['id']}")
    assert by_id == first
    await workshop.refused((203, 404), "GET", "/revisions/999999")
