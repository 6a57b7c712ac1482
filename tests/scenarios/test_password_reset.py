"""New passwords by mail. Reference: authentication §7; security, "Identity"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa

from conductus.app import running
from conductus.auth import tokens
from conductus.auth.password_reset import ResetClaims
from conductus.auth.tokens import Claims, Signing
from conductus.config import project_config
from conductus.telemetry import Delivered, DeliveryFailed, Observation, silent
from tests.postbox import eventually, part, postbox
from tests.scenarios.mailing import SENDER, Mailing, addressed, mailing, posting, to
from tests.scenarios.shop import EMAIL, HOST, KEY, PASSWORD, RESET_CANARY, live
from tests.scenarios.signing_in import (
    SETTINGS,
    USERS,
    actions,
    admits,
    by_token,
    change,
    log_in,
    new_user,
    refused,
    rows,
    token_of,
)

NEW = "another horse, another staple"
ALLOWED = "https://app.example.com"
RESET_TOKEN = sa.table("directus_users", sa.column("id"), sa.column("password_reset_token"))


@pytest.fixture(name="world")
async def make_world(project_url: str, tmp_path: Path) -> AsyncIterator[Mailing]:
    name = "CONDUCTUS_PROJECTS__MAIN__AUTH__REDIRECT_ORIGINS"
    environment = {name: f"{ALLOWED}, http://localhost:3000"}
    async with mailing(project_url, tmp_path / "data", environment=environment) as world:
        yield world


async def ask_for(world: Mailing, email: str = EMAIL, **more: Any) -> httpx2.Response:
    path = f"/{KEY}/auth/password/request"
    return await world.client.post(path, json={"email": email, **more})


async def set_to(world: Mailing, token: Any, password: Any = NEW) -> httpx2.Response:
    body = {"token": token, "password": password}
    return await world.client.post(f"/{KEY}/auth/password/reset", json=body)


def token_in(link: str) -> str:
    return parse_qs(link.partition("?")[2])["token"][0]


def succeeded(answer: httpx2.Response) -> bool:
    return (answer.status_code, answer.json()) == (200, {"public": True})


def signing(tmp_path: Path) -> Signing:
    return Signing(KEY, project_config(tmp_path / "data", KEY, {}).auth)


async def test_a_letter_that_cannot_be_written_tells_no_link(
    world: Mailing, tmp_path: Path
) -> None:
    broken = tmp_path / "data" / "mail" / "reset-password.txt"
    broken.parent.mkdir()
    broken.write_text("Subject: x\n{{ reset_url }}{{ minutes.of.nothing }}")
    assert succeeded(await ask_for(world))
    await eventually(lambda: any(isinstance(seen, DeliveryFailed) for seen in world.seen))
    (told,) = [seen.problem for seen in world.seen if isinstance(seen, DeliveryFailed)]
    assert "reset-password.txt" in told
    assert "token" not in told
    broken.unlink()


async def test_a_mailed_link_sets_a_new_password_once(world: Mailing, project_url: str) -> None:
    before = await token_of(world.client)
    assert succeeded(await ask_for(world))
    link = await world.link()
    assert link.startswith(f"{HOST}/admin/#/reset-password?token=")
    assert link.endswith(f"&project={KEY}")
    message = await world.box.message()
    assert (addressed(message), message["from"]) == (EMAIL, SENDER)
    assert message["subject"] == f"Choose a new password for {KEY}"
    assert "Admin User" in part(message, "plain")
    token = token_in(link)
    assert await admits(world.client, by_token(before))
    assert succeeded(await set_to(world, token))
    assert not await admits(world.client, by_token(before))
    assert refused(await log_in(world.client, password=PASSWORD)) == (100, 404)
    world.token = await token_of(world.client, password=NEW)
    assert refused(await set_to(world, token, "yet another one")) == (105, 401)
    assert await rows(project_url, sa.select(RESET_TOKEN.c.password_reset_token)) == [(None,)]
    (row,) = await world.data("/activity?filter[action]=update&filter[collection]=directus_users")
    assert (row["item"], row["action_by"], row["ip"]) == ("1", 1, "localhost")
    assert await world.data("/revisions?filter[collection]=directus_users") == []
    assert "authenticate" in await actions(world, 1)


async def test_only_a_hash_of_the_token_is_kept_and_the_outbox_keeps_none(
    world: Mailing, project_url: str
) -> None:
    world.box.refusal = "451 come again"
    await ask_for(world)
    await eventually(lambda: any(isinstance(each, DeliveryFailed) for each in world.seen))
    ((kept,),) = await rows(project_url, sa.select(RESET_TOKEN.c.password_reset_token))
    assert len(kept) == 64
    outbox = sa.table("conductus_outbox", sa.column("payload"))
    ((payload,),) = await rows(project_url, sa.select(outbox.c.payload))
    assert "." not in payload.replace(EMAIL, "")
    for text in (kept, payload):
        assert refused(await set_to(world, text)) == (104, 401)


async def test_nobody_learns_whether_there_is_an_account(world: Mailing, project_url: str) -> None:
    for name in ("draft", "invited", "suspended"):
        await new_user(world, f"{name}@example.com", status=name)
    await new_user(world, "anna@example.com")
    nobody = ("nobody", "draft", "invited", "suspended", "ànna")
    answers = [await ask_for(world, f"{name}@example.com") for name in nobody]
    answers.append(await ask_for(world, "Anna@Example.com"))
    seen = {(answer.status_code, answer.text, len(answer.headers)) for answer in answers}
    assert seen == {(200, '{"public":true}', len(answers[0].headers))}
    # The address that is stored is mailed, not the one that was typed.
    assert addressed(await world.box.message()) == "anna@example.com"
    stored = await rows(project_url, sa.select(RESET_TOKEN.c.password_reset_token))
    assert sum(token not in (None, RESET_CANARY) for (token,) in stored) == 1
    assert len(world.box.envelopes) == 1


REQUESTS: tuple[tuple[Any, tuple[int, int]], ...] = (
    (None, (13, 400)),
    (b"[]", (13, 400)),
    ({}, (4, 422)),
    ({"email": ""}, (4, 422)),
    ({"email": "nobody"}, (4, 422)),
    ({"email": ["a@b.org"]}, (4, 422)),
    ({"email": "a\0@b.org"}, (4, 422)),
    ({"email": "a@b.org\r\nBcc: c@d.org"}, (4, 422)),
)


async def test_what_cannot_be_asked_for(world: Mailing) -> None:
    for body, error in REQUESTS:
        sent = {"content": body} if isinstance(body, bytes | None) else {"json": body}
        answer = await world.client.post(f"/{KEY}/auth/password/request", **sent)
        assert refused(answer) == error, body


TARGETS = (
    (f"{ALLOWED}/reset", f"{ALLOWED}/reset?token=TOKEN"),
    (f"{ALLOWED}/reset?a=1", f"{ALLOWED}/reset?a=1&token=TOKEN"),
    (f"{ALLOWED}/reset?a=1#/x", f"{ALLOWED}/reset?a=1&token=TOKEN#/x"),
    (f"{ALLOWED}:443", f"{ALLOWED}:443?token=TOKEN"),
    ("http://localhost:3000/", "http://localhost:3000/?token=TOKEN"),
    ("/welcome", f"{HOST}/welcome?token=TOKEN"),
)
TRICKS = (
    "https://evil.example",
    "//evil.example/x",
    "///evil.example/x",
    "/\\evil.example",
    "\\\\evil.example",
    "https:\\\\app.example.com",
    "https://app.example.com@evil.example/",
    "https://app.example.com:x@evil.example/",
    "https://app.example.com\\@evil.example/",
    "https://app.example.com.evil.example/",
    "https://app.example.com%2eevil.example/",
    "https://app.example.com%00.evil.example/",
    "https://evil.example#@app.example.com/",
    "https://evil.example?https://app.example.com/",
    "https:app.example.com",
    "https:/app.example.com",
    "https:///app.example.com",
    "http://app.example.com/",
    "https://app.example.com:8443/",
    "https://app.example.com:/x\n",
    " https://app.example.com/",
    "https://app.example.com/\t",
    "java\tscript:alert(1)",
    "javascript:alert(1)//https://app.example.com",
    "data:text/html,x",
    "ftp://app.example.com/",
    "http://localhost/",
    "https://\u0430pp.example.com/",
    "",
    1,
    ["https://app.example.com"],
)


async def test_the_link_leads_to_allowed_origins_alone(world: Mailing, project_url: str) -> None:
    for given in TRICKS:
        answer = await ask_for(world, reset_url=given)
        assert refused(answer) == (4, 422), given
        assert answer.json()["error"]["message"].startswith("reset_url: "), given
    for number, (given, expected) in enumerate(TARGETS, 1):
        # Each to somebody else: nobody is mailed too often.
        await new_user(world, f"user{number}@example.com")
        assert succeeded(await ask_for(world, f"user{number}@example.com", reset_url=given)), given
        link = await world.link(number)
        shown, token = expected.split("TOKEN")[0], parse_qs(urlsplit(link).query)["token"][0]
        assert link == expected.replace("TOKEN", token), given
        assert link.startswith(shown)


async def test_the_host_of_a_request_is_not_believed(world: Mailing) -> None:
    await world.client.post(
        f"/{KEY}/auth/password/request", json={"email": EMAIL}, headers={"host": "evil.example"}
    )
    assert (await world.link()).startswith(f"{HOST}/")


async def test_what_is_no_token_for_a_new_password(
    world: Mailing, project_url: str, tmp_path: Path
) -> None:
    await ask_for(world)
    good = token_in(await world.link())
    claims = tokens.read(signing(tmp_path), good, ResetClaims)
    ours = signing(tmp_path)

    def made(**changed: Any) -> str:
        facts = {name: getattr(claims, name) for name in claims.__struct_fields__}
        return tokens.sign(ours, ResetClaims(**{**facts, **changed}))

    stranger = Signing(KEY, type(ours.auth)(secret_key="x" * 40, public_key=ours.auth.public_key))
    access = tokens.sign(
        ours,
        Claims(
            type="auth",
            key=ours.auth.public_key,
            project=KEY,
            id=1,
            exp=claims.exp,
            ttl=20,
            sid="1.x",
        ),
    )
    past = int((datetime.now(UTC) - timedelta(minutes=1)).timestamp())
    head, body, _ = good.split(".")
    for token, error in (
        ("nonsense", (104, 401)),
        (world.token, (104, 401)),
        (access, (104, 401)),
        (f"{head}.{body}.", (104, 401)),
        ("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0." + body + ".", (104, 401)),
        (tokens.sign(stranger, claims), (104, 401)),
        (made(project="other"), (104, 401)),
        (made(email="other@example.com"), (104, 401)),
        (made(exp=past), (105, 401)),
        (made(jti="another"), (105, 401)),
        (made(id=999), (106, 404)),
        (None, (4, 422)),
        ("", (4, 422)),
        (1, (4, 422)),
    ):
        answer = await set_to(world, token)
        assert refused(answer) == error, token
        assert str(token or "-") not in answer.json()["error"]["message"] or token == 1
    for password in (None, "", 1, "a\0", "p" * 5000):
        assert refused(await set_to(world, good, password)) == (4, 422), password
    await change(project_url, sa.update(USERS).values(status="suspended"))
    assert refused(await set_to(world, good)) == (103, 404)
    await change(project_url, sa.update(USERS).values(status="draft"))
    assert refused(await set_to(world, good)) == (103, 401)
    await change(project_url, sa.update(USERS).values(status="active"))
    assert (await log_in(world.client)).status_code == 200
    assert succeeded(await set_to(world, good))


async def test_a_later_link_ends_the_earlier_one(world: Mailing) -> None:
    await ask_for(world)
    first = token_in(await world.link(1))
    await ask_for(world)
    second = token_in(await world.link(2))
    assert refused(await set_to(world, first)) == (105, 401)
    assert succeeded(await set_to(world, second))


async def test_the_policy_holds(world: Mailing, project_url: str) -> None:
    policy = sa.update(SETTINGS).where(SETTINGS.c.key == "password_policy")
    await change(project_url, policy.values(value="/^.{30,}$/"))
    await world.ask("POST", "/utils/cache/clear")
    await ask_for(world)
    token = token_in(await world.link())
    answer = await set_to(world, token, "too short")
    assert refused(answer) == (4, 422)
    assert answer.json()["error"]["message"].startswith("password: ")
    assert succeeded(await set_to(world, token, "p" * 30))


async def test_two_at_once_set_one_password(world: Mailing) -> None:
    await ask_for(world)
    token = token_in(await world.link())
    answers = await asyncio.gather(*(set_to(world, token, f"{NEW} {n}") for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_an_account_is_not_mailed_often_and_an_address_may_not_ask_often(
    world: Mailing,
) -> None:
    for _ in range(5):
        assert succeeded(await ask_for(world))
    await world.box.message(3)
    answers = await asyncio.gather(*(ask_for(world, f"n{n}@example.com") for n in range(20)))
    late = [answer for answer in answers if answer.status_code == 429]
    assert len(late) == 5
    assert refused(late[0]) == (7, 429)
    assert len(world.box.envelopes) == 3
    assert sum(isinstance(each, Delivered) for each in world.seen) == 3


async def test_what_was_left_is_mailed_after_a_restart(project_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    seen: list[Observation] = []
    async with postbox() as box:
        box.refusal = "451 come again"
        config = posting(to(box))
        async with live(project_url, folder, config=config, observer=seen.append) as world:
            body = {"email": EMAIL}
            await world.client.post(f"/{KEY}/auth/password/request", json=body)
            await eventually(lambda: any(isinstance(each, DeliveryFailed) for each in seen))
        box.refusal = None
        outbox = sa.table("conductus_outbox", sa.column("due"))
        await change(project_url, sa.update(outbox).values(due=0))
        # Nobody asks for anything.
        async with running(folder, {}, config, silent):
            assert addressed(await box.message()) == EMAIL
