"""Comments on items over HTTP. Source: items page §8."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import text

Item = dict[str, Any]
C = "/activity/comment"


@pytest.fixture
async def subject(workshop: Workshop) -> str:
    """A collection with one item to be talked about."""
    name = await workshop.make(text("title"), word="subjects")
    await workshop.ok("POST", f"/items/{name}", {"title": "x"})
    return name


def about(collection: str, item: Any = 1, comment: Any = "Well done 💡") -> Item:
    """A comment."""
    return {"collection": collection, "item": item, "comment": comment}


async def test_a_comment_is_made_edited_and_withdrawn(workshop: Workshop, subject: str) -> None:
    made = await workshop.ok("POST", C, about(subject))
    assert (made["action"], made["collection"], made["item"]) == ("comment", subject, "1")
    assert (made["comment"], made["action_by"]) == ("Well done 💡", 1)
    assert (made["edited_on"], made["comment_deleted_on"]) == (None, None)
    assert await workshop.get(f"/activity/{made['id']}") == made
    edited = await workshop.ok("PATCH", f"{C}/{made['id']}", {"comment": "Better"})
    assert (edited["comment"], edited["id"]) == ("Better", made["id"])
    assert edited["edited_on"] >= made["action_on"]
    assert await workshop.ok("DELETE", f"{C}/{made['id']}") is None
    gone = await workshop.get(f"/activity/{made['id']}")
    assert gone["comment_deleted_on"] is not None
    assert gone["action"] == "comment"
    # Comments are activity: making one leaves no other row, and no revision.
    assert await workshop.deeds(subject) == [("create", "1"), ("comment", "1")]
    assert len(await workshop.revisions(subject)) == 1
    await workshop.refused((203, 404), "PATCH", f"{C}/{made['id']}", {"comment": "x"})
    await workshop.refused((203, 404), "DELETE", f"{C}/{made['id']}")


async def test_what_is_refused(workshop: Workshop, subject: str) -> None:
    created = (await workshop.get(f"/activity?filter[collection]={subject}"))[0]["id"]
    made = await workshop.ok("POST", C, about(subject))
    before = await workshop.get(f"/activity?filter[collection]={subject}")
    body: Any
    for body, error in (
        ({}, (4, 422)),
        ({"collection": subject, "item": 1}, (4, 422)),
        ({"collection": subject, "comment": "x"}, (4, 422)),
        ({"item": 1, "comment": "x"}, (4, 422)),
        (about(subject, comment=""), (4, 422)),
        (about(subject, comment=None), (4, 422)),
        (about(subject, comment=["x"]), (4, 422)),
        (about(subject, comment="a\0b"), (4, 422)),
        (about("nope"), (200, 404)),
        (about(subject, item=99), (203, 404)),
        (about(subject, item="abc"), (203, 404)),
    ):
        await workshop.refused(error, "POST", C, body)
    for id, body, error in (
        (made["id"], {}, (4, 422)),
        (made["id"], {"comment": ""}, (4, 422)),
        (created, {"comment": "x"}, (203, 404)),
        (999_999, {"comment": "x"}, (203, 404)),
        ("abc", {"comment": "x"}, (203, 404)),
    ):
        await workshop.refused(error, "PATCH", f"{C}/{id}", body)
    for id in (created, 999_999, "abc"):
        await workshop.refused((203, 404), "DELETE", f"{C}/{id}")
    await workshop.refused((13, 400), "POST", C, content=b"x")
    for method, path in (
        ("POST", C),
        ("PATCH", f"{C}/{made['id']}"),
        ("DELETE", f"{C}/{made['id']}"),
    ):
        answer = await workshop.world.client.request(method, f"/main{path}", json=about(subject))
        assert answer.status_code in (401, 403), answer.text
    assert await workshop.get(f"/activity?filter[collection]={subject}") == before
