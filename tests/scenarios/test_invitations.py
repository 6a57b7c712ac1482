"""Invitations by mail. Reference: authentication §10.2; security, "Identity"."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from conductus.auth import tokens
from conductus.auth.invitations import InviteClaims
from conductus.auth.tokens import Signing
from conductus.config import MailConfig, project_config
from tests.postbox import part
from tests.scenarios.mailing import Mailing, addressed, mailing
from tests.scenarios.shop import EMAIL, HOST, KEY, PASSWORD, Live
from tests.scenarios.signing_in import (
    SETTINGS,
    USERS,
    change,
    log_in,
    new_user,
    refused,
    rows,
)
from tests.scenarios.test_password_reset import RESET_TOKEN, TRICKS

ADA = "ada@example.org"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(name="world")
async def make_world(project_url: str, tmp_path: Path) -> AsyncIterator[Mailing]:
    async with mailing(project_url, tmp_path / "data") as world:
        yield world


async def invite(world: Live, email: Any = ADA, **more: Any) -> httpx2.Response:
    return await world.ask("POST", "/users/invite", json={"email": email, **more})


async def invited(world: Mailing, **more: Any) -> str:
    """The path of a new invitation."""
    answer = await invite(world, **more)
    assert answer.status_code == 200, answer.text
    return (await world.link()).removeprefix(HOST)


async def test_an_invited_user_chooses_a_password_and_is_let_in(
    world: Mailing, project_url: str
) -> None:
    answer = await invite(world, role=1)
    assert answer.status_code == 200
    assert "public" not in answer.json()
    (user,) = answer.json()["data"]
    assert (user["email"], user["status"], user["role"]) == (ADA, "invited", 1)
    assert user["external_id"]
    message = await world.box.message()
    assert addressed(message) == ADA
    assert message["subject"] == f"You are invited to {KEY}"
    assert "Admin User invites you" in part(message, "plain")
    link = await world.link()
    assert link.startswith(f"{HOST}/{KEY}/users/invite/")
    assert refused(await log_in(world.client, ADA)) == (100, 404)
    body = {"password": PASSWORD, "first_name": "Ada", "last_name": "Quill", "role": 2, "id": 1}
    answer = await world.client.post(link, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["public"] is True
    data = answer.json()["data"]
    assert (data["id"], data["status"], data["role"]) == (user["id"], "active", 1)
    assert (data["first_name"], data["last_name"]) == ("Ada", "Quill")
    assert "password" not in data
    assert data["password_reset_token"] is None
    assert (await log_in(world.client, ADA)).status_code == 200
    # Once.
    assert refused(await world.client.post(link, json=body)) == (106, 404)
    await change(project_url, sa.update(USERS).where(USERS.c.email == ADA).values(status="invited"))
    assert refused(await world.client.post(link, json=body)) == (101, 401)
    found = await world.data(f"/activity?sort=id&filter[item]={user['id']}&limit=-1")
    assert [row["action"] for row in found] == ["create", "update", "authenticate"]


async def test_only_a_hash_of_the_token_is_kept(world: Mailing, project_url: str) -> None:
    path = await invited(world)
    kept = sa.select(RESET_TOKEN.c.password_reset_token).where(RESET_TOKEN.c.id == 2)
    stored = await rows(project_url, kept)
    assert len(stored[0][0]) == 64
    answer = await world.client.post(f"/{KEY}/users/invite/{stored[0][0]}", json={"password": "x"})
    assert refused(answer) == (101, 401)
    assert stored[0][0] not in path


async def test_many_at_once_and_those_who_are_there(world: Mailing) -> None:
    there = await new_user(world, "Bo@Example.org")
    answer = await invite(world, [ADA, "bo@example.org", ADA.upper(), "cy@example.org", EMAIL])
    found = [(user["email"], user["status"]) for user in answer.json()["data"]]
    assert found == [
        (ADA.upper(), "invited"),
        ("Bo@Example.org", "active"),
        ("cy@example.org", "invited"),
        (EMAIL, "active"),
    ]
    assert answer.json()["data"][1]["id"] == there
    await world.box.message(2)
    again = await invite(world, ["cy@example.org"])
    assert [user["status"] for user in again.json()["data"]] == ["invited"]
    assert {addressed(message) for message in world.box.messages} == {ADA.upper(), "cy@example.org"}


REFUSED: tuple[tuple[Any, tuple[int, int]], ...] = (
    ({}, (4, 422)),
    ({"email": ""}, (4, 422)),
    ({"email": []}, (4, 422)),
    ({"email": "nobody"}, (4, 422)),
    ({"email": ["x@example.org", "nobody"]}, (4, 422)),
    ({"email": ["x@example.org", None]}, (4, 422)),
    ({"email": ["x@example.org", ["y@example.org"]]}, (4, 422)),
    ({"email": "x@example.org\r\nBcc: evil@example.com"}, (4, 422)),
    ({"email": [f"x{n}@example.org" for n in range(101)]}, (4, 422)),
    ({"email": "x@example.org", "role": 99}, (4, 422)),
    ({"email": "x@example.org", "role": -1}, (4, 422)),
    ({"email": "x@example.org", "role": 1 << 70}, (4, 422)),
    ({"email": "x@example.org", "role": "1"}, (4, 422)),
    ({"email": "x@example.org", "role": True}, (4, 422)),
    ({"email": "x@example.org", "invite_url": 1}, (4, 422)),
    *(({"email": "x@example.org", "invite_url": url}, (4, 422)) for url in TRICKS),
)


async def test_nothing_is_done_unless_all_of_it_can_be(world: Mailing) -> None:
    for body, error in REFUSED:
        answer = await world.ask("POST", "/users/invite", json=body)
        assert refused(answer) == error, body
    assert refused(await world.ask("POST", "/users/invite")) == (13, 400)
    users = await world.data("/users?status=*")
    assert [user["id"] for user in users] == [1]
    assert world.box.envelopes == []


async def test_administrators_alone_invite(world: Mailing) -> None:
    anonymous = await world.client.post(f"/{KEY}/users/invite", json={"email": ADA})
    assert refused(anonymous) == (3, 401)
    await new_user(world, "bo@example.org", role=None)
    answer = await log_in(world.client, "bo@example.org")
    world.token = answer.json()["data"]["token"]
    assert refused(await invite(world)) == (10, 403)


async def test_nobody_is_invited_while_mail_cannot_leave(project_url: str, tmp_path: Path) -> None:
    async with mailing(project_url, tmp_path / "data", mail=MailConfig()) as world:
        assert refused(await invite(world)) == (500, 500)
        assert [user["id"] for user in await world.data("/users?status=*")] == [1]


async def test_what_is_no_invitation(world: Mailing, tmp_path: Path, project_url: str) -> None:
    path = await invited(world)
    ours = Signing(KEY, project_config(tmp_path / "data", KEY, {}).auth)
    good = path.rpartition("/")[2]
    claims = tokens.read(ours, good, InviteClaims)
    lifetime = timedelta(seconds=claims.exp - datetime.now(UTC).timestamp())
    assert timedelta(days=29, hours=23) < lifetime <= timedelta(days=30)

    def made(**changed: Any) -> str:
        facts = {name: getattr(claims, name) for name in claims.__struct_fields__}
        return tokens.sign(ours, InviteClaims(**{**facts, **changed}))

    head, body, _ = good.split(".")
    stranger = Signing(KEY, type(ours.auth)(secret_key="x" * 40, public_key=ours.auth.public_key))
    for token, error in (
        ("nonsense", (101, 401)),
        (f"{head}.{body}.", (101, 401)),
        ("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0." + body + ".", (101, 401)),
        (world.token, (101, 401)),
        (tokens.sign(stranger, claims), (101, 401)),
        (made(project="other"), (101, 401)),
        (made(jti="another"), (101, 401)),
        (made(exp=int(datetime.now(UTC).timestamp()) - 1), (102, 401)),
        (made(email="nobody@example.org"), (106, 404)),
        (made(email=EMAIL), (106, 404)),
    ):
        for method in ("GET", "POST"):
            answer = await world.client.request(method, f"/{KEY}/users/invite/{token}")
            assert refused(answer) == error, token
        shown = await world.client.get(f"/{KEY}/users/invite/{token}", headers=BROWSER)
        assert (shown.status_code, "<form" in shown.text) == (error[1], False)
    # An invitation is no session, and gives no new password.
    reset = {"token": good, "password": PASSWORD}
    answer = await world.client.post(f"/{KEY}/auth/password/reset", json=reset)
    assert refused(answer) == (104, 401)
    assert refused(await world.client.get(f"/{KEY}/users?access_token={good}")) == (101, 401)
    for given in ("", 1, "a\0", "p" * 5000, None):
        body_ = {} if given is None else {"password": given}
        assert refused(await world.client.post(path, json=body_)) == (4, 422), given
    for name in ("x" * 51, 1, "a\nb"):
        answer = await world.client.post(path, json={"password": "x", "first_name": name})
        assert refused(answer) == (4, 422), name
    assert await rows(project_url, sa.select(USERS.c.status).where(USERS.c.id == 2)) == [
        ("invited",)
    ]


async def test_a_visit_alone_changes_nothing_unless_there_is_a_password(
    world: Mailing, project_url: str
) -> None:
    path = await invited(world)
    assert refused(await world.client.get(path)) == (4, 422)
    ((hash_,),) = await rows(project_url, sa.select(USERS.c.password).where(USERS.c.id == 1))
    await change(project_url, sa.update(USERS).where(USERS.c.id == 2).values(password=hash_))
    assert "<form" in (await world.client.get(path, headers=BROWSER)).text
    answer = await world.client.get(path)
    assert answer.json()["data"]["status"] == "active"
    assert (await log_in(world.client, ADA)).status_code == 200


async def test_two_at_once_are_let_in_once(world: Mailing) -> None:
    path = await invited(world)
    sent = (world.client.post(path, json={"password": f"{PASSWORD} {n}"}) for n in range(4))
    answers = await asyncio.gather(*sent)
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]


async def test_the_page_needs_nothing_from_elsewhere(world: Mailing, project_url: str) -> None:
    name = sa.update(SETTINGS).where(SETTINGS.c.key == "project_name")
    await change(project_url, name.values(value="<script>alert(1)</script>"))
    policy = sa.update(SETTINGS).where(SETTINGS.c.key == "password_policy")
    await change(project_url, policy.values(value="/^.{20,}$/"))
    await world.ask("POST", "/utils/cache/clear")
    path = await invited(world)
    shown = await world.client.get(path, headers=BROWSER)
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    policy_ = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy_
    assert "unsafe" not in policy_
    assert shown.headers["x-frame-options"] == "DENY"
    assert shown.headers["referrer-policy"] == "same-origin"
    assert "no-store" in shown.headers["cache-control"]
    assert re.findall(r"(?:src|href|action)=", shown.text) == []
    assert "<script" not in shown.text
    assert "<title>Join &lt;script&gt;" in shown.text
    assert f"You are invited as {ADA}" in shown.text
    form = {"username": ADA, "first_name": '"><b>', "last_name": "", "password": "too short"}
    again = await world.client.post(path, data=form, headers=BROWSER)
    assert again.status_code == 422
    assert 'role="alert"' in again.text
    assert "&quot;&gt;&lt;b&gt;" in again.text
    assert "too short" not in again.text
    done = await world.client.post(path, data={**form, "password": PASSWORD}, headers=BROWSER)
    assert done.status_code == 200
    assert f'href="{HOST}/admin/"'.replace("/", "&#x2f;") in done.text.replace("/", "&#x2f;")
    assert (await log_in(world.client, ADA)).status_code == 200
    gone = await world.client.get(path, headers=BROWSER)
    assert (gone.status_code, "<form" in gone.text) == (404, False)
