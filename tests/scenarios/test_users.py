"""Users over HTTP. Source: authentication page §10."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest

from tests.scenarios.shop import EMAIL, KEY, PASSWORD, Live
from tests.scenarios.workshop import Workshop

Item = dict[str, Any]
MASK = "**********"
LAST = (216, 403)


def address() -> str:
    return f"{secrets.token_hex(4)}@example.org"


async def new_user(workshop: Workshop, **facts: Any) -> Item:
    """A user that no other test knows."""
    made: Item = await workshop.ok("POST", "/users", {"email": address(), **facts})
    return made


async def test_a_user_needs_an_address_and_no_more(workshop: Workshop) -> None:
    made = await new_user(workshop)
    assert (made["status"], made["role"], made["theme"]) == ("draft", None, "auto")
    assert "password" not in made
    assert len(made["external_id"]) == 36
    for body, error in (
        ({}, (4, 422)),
        ({"email": ""}, (4, 422)),
        ({"email": "nobody"}, (4, 422)),
        ({"email": made["email"]}, (204, 409)),
        ({"email": made["email"].upper()}, (204, 409)),
        ({"email": address(), "external_id": made["external_id"]}, (204, 409)),
        ({"email": address(), "nothing": 1}, (12, 422)),
        ({"email": address(), "role": 987}, (12, 422)),
        ({"email": address(), "role": 2}, (12, 422)),
        ({"email": address(), "2fa_secret": "K5QWY3DPEHPK3PXP"}, (305, 403)),
        ({"email": address(), "2fa_secret": "1"}, (4, 422)),
    ):
        await workshop.refused(error, "POST", "/users", body)
    both = [{"email": address(), "token": ""}, {"email": address(), "token": ""}]
    made_together = await workshop.ok("POST", "/users", both)
    assert [one["token"] for one in made_together] == [None, None]


async def test_me_stands_for_whoever_asks_everywhere(workshop: Workshop) -> None:
    one = await new_user(workshop)
    me = await workshop.get("/users/me")
    assert me == await workshop.get("/users/1")
    assert [user["id"] for user in await workshop.get(f"/users/me,{one['id']}")] == [1, one["id"]]
    assert (await workshop.ok("PATCH", "/users/me", {"title": "Chief"}))["title"] == "Chief"
    both = await workshop.ok("PATCH", f"/users/me,{one['id']}", {"company": "Both"})
    assert [user["company"] for user in both] == ["Both", "Both"]
    history = await workshop.get("/users/me/revisions?limit=-1&sort=id")
    assert {revision["item"] for revision in history} == {"1"}
    assert await workshop.get("/users/me/revisions/0") == history[0]
    tracked = await workshop.ok("PATCH", "/users/me/tracking/page", {"last_page": "/here"})
    assert tracked["last_page"] == "/here"
    for method, path in (
        ("GET", "/users/me"),
        ("PATCH", "/users/me"),
        ("DELETE", "/users/me"),
        ("GET", "/users/me/revisions"),
        ("PATCH", "/users/me/tracking/page"),
        ("POST", "/users/me/activate_2fa"),
    ):
        body = {"2fa_secret": "K5QWY3DPEHPK3PXP", "otp": "123456", "last_page": "/"}
        answer = await workshop.world.client.request(method, f"/{KEY}{path}", json=body)
        assert (answer.json()["error"]["code"], answer.status_code) == (3, 401), path


async def test_many_users_change_each_in_their_own_way(workshop: Workshop) -> None:
    one, two = await new_user(workshop), await new_user(workshop)
    changed = await workshop.ok(
        "PATCH",
        "/users",
        [{"id": two["id"], "title": "second"}, {"id": one["id"], "title": "first"}],
    )
    assert [(user["id"], user["title"]) for user in changed] == [
        (two["id"], "second"),
        (one["id"], "first"),
    ]
    await workshop.refused((12, 422), "PATCH", "/users", [{"title": "x"}])
    assert await workshop.ok("DELETE", f"/users/{one['id']},{two['id']}") is None
    await workshop.refused((203, 404), "GET", f"/users/{one['id']}")


async def test_a_page_is_tracked_without_history(workshop: Workshop) -> None:
    user = await new_user(workshop)
    before = len(await workshop.get("/activity?limit=-1&fields=id"))
    path = f"/users/{user['id']}/tracking/page?status=*"
    tracked = await workshop.ok("PATCH", path, {"last_page": "/main/collections"})
    assert tracked["last_page"] == "/main/collections"
    assert tracked["last_access_on"] is not None
    assert len(await workshop.get("/activity?limit=-1&fields=id")) == before
    for id, body, error in (
        (user["id"], {"last_page": 3}, (4, 422)),
        (user["id"], {"last_page": "x" * 193}, (12, 422)),
        (987_654, {"last_page": "/"}, (203, 404)),
        ("abc", {"last_page": "/"}, (203, 404)),
    ):
        await workshop.refused(error, "PATCH", f"/users/{id}/tracking/page", body)
    await workshop.refused((13, 400), "PATCH", f"/users/{user['id']}/tracking/page")


async def test_a_mask_that_is_written_back_changes_nothing(workshop: Workshop) -> None:
    name, secret = address(), "correct horse battery"
    body = {"email": name, "password": secret, "status": "active", "role": 1}
    user = await workshop.ok("POST", "/users", body)
    back = {"password": MASK, "2fa_secret": MASK, "password_reset_token": None, "title": "x"}
    changed = await workshop.ok("PATCH", f"/users/{user['id']}", back)
    assert (changed["title"], changed["2fa_secret"]) == ("x", None)
    login = {"email": name, "password": secret}
    answer = await workshop.world.client.post(f"/{KEY}/auth/authenticate", json=login)
    assert answer.status_code == 200
    # A new user whose password is the mask has none.
    await workshop.ok("POST", "/users", {"email": address(), "password": MASK})
    await workshop.refused(
        (305, 403), "PATCH", f"/users/{user['id']}", {"password_reset_token": "x"}
    )


@pytest.fixture
async def policed(empty: Live) -> Live:
    """A project whose passwords must be long."""
    (setting,) = await empty.data("/settings?filter[key][eq]=password_policy")
    path = f"/settings/{setting['id']}"
    assert (await empty.ask("PATCH", path, json={"value": "/^.{8,}$/"})).status_code == 200
    return empty


async def test_the_password_policy_holds_on_every_way(policed: Live) -> None:
    role = (await policed.ask("POST", "/roles", json={"name": "r"})).json()["data"]["id"]
    short = {"email": "ada@example.org", "password": "short"}
    for method, path, body in (
        ("POST", "/users", short),
        ("POST", "/users", [{"email": "bob@example.org"}, short]),
        ("PATCH", "/users/me", {"password": "short"}),
        ("PATCH", "/users", [{"id": 1, "password": "short"}]),
        ("PATCH", f"/roles/{role}", {"users": [short]}),
    ):
        answer = await policed.ask(method, path, json=body)
        error = answer.json()["error"]
        assert (error["code"], answer.status_code) == (4, 422), (path, answer.text)
        assert error["message"].startswith("password: ")
    for body in ({"password": "long enough"}, {"password": MASK}):
        assert (await policed.ask("PATCH", "/users/me", json=body)).status_code == 200
    assert len(await policed.data("/users?limit=-1&status=*")) == 1


LOSSES: list[tuple[str, str, Any]] = [
    ("DELETE", "/users/1", None),
    ("DELETE", "/users/me", None),
    ("DELETE", "/users/2,1", None),
    ("PATCH", "/users/1", {"status": "suspended"}),
    ("PATCH", "/users/me", {"status": "deleted"}),
    ("PATCH", "/users/1,2", {"status": "draft"}),
    ("PATCH", "/users/1", {"role": None}),
    ("PATCH", "/users/1", {"role": 3}),
    ("PATCH", "/users/1", {"role": {"id": 3}}),
    ("PATCH", "/users/1", {"role": {"name": "new"}}),
    ("PATCH", "/users", [{"id": 2, "title": "x"}, {"id": 1, "role": 3}]),
    ("PATCH", "/users", [{"id": 2, "role": 1}, {"id": 1, "role": 3}]),
    ("PATCH", "/roles/1", {"users": [{"id": 1, "$delete": True}]}),
    ("PATCH", "/roles/1", {"users": [{"id": 1, "status": "invited"}]}),
    ("PATCH", "/roles/1", {"users": [{"id": 1, "role": None}]}),
    ("PATCH", "/roles/3", {"users": [1]}),
    ("PATCH", "/roles/3", {"users": [{"id": 1}]}),
    ("PATCH", "/roles/3,1", {"users": [{"id": 1, "status": "draft"}]}),
    ("POST", "/roles", {"name": "another", "users": [{"id": 1}]}),
]


async def test_the_last_administrator_stays_on_every_way(empty: Live) -> None:
    await empty.ask("POST", "/roles", json={"name": "third"})
    suspended = {"email": "bob@example.org", "status": "suspended", "role": 3}
    await empty.ask("POST", "/users", json=suspended)
    before = await empty.data("/users?status=*&fields=id,role,status,title")
    for method, path, body in LOSSES:
        options = {} if body is None else {"json": body}
        answer = await empty.ask(method, path, **options)
        error = answer.json()["error"]
        assert (error["code"], answer.status_code) == LAST, (method, path, body, answer.text)
        assert await empty.data("/users?status=*&fields=id,role,status,title") == before
    # Evaluated on what is left in the end.
    swap = [{"id": 1, "role": 3}, {"id": 2, "role": 1, "status": "active"}]
    assert (await empty.ask("PATCH", "/users", json=swap)).status_code in (200, 204)


async def test_two_administrators_cannot_remove_each_other_at_once(empty: Live) -> None:
    other = {"email": "bob@example.org", "status": "active", "role": 1, "password": PASSWORD}
    made = (await empty.ask("POST", "/users", json=other)).json()["data"]["id"]
    answers = await asyncio.gather(
        empty.ask("PATCH", "/users/1?status=*", json={"title": "x", "status": "draft"}),
        empty.ask("PATCH", f"/users/{made}?status=*", json={"title": "x", "status": "draft"}),
    )
    assert sorted(answer.status_code for answer in answers)[0] == 200
    login = [
        await empty.client.post(
            f"/{KEY}/auth/authenticate", json={"email": email, "password": PASSWORD}
        )
        for email in (EMAIL, "bob@example.org")
    ]
    assert sorted(answer.status_code for answer in login) == [200, 401]
