"""Authentication. Reference: authentication §2 to §6, §8 and §13; security, "Identity"."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bcrypt
import httpx2
import pytest
import sqlalchemy as sa

from conductus.auth import tokens
from conductus.auth.identity import REMEMBERED_SECONDS
from conductus.auth.login import OF_ADDRESSES
from conductus.auth.tokens import Claims, Signing
from conductus.config import project_config
from tests.scenarios.shop import EMAIL, HOST, KEY, PASSWORD, Live
from tests.scenarios.signing_in import (
    ENDS,
    ROLES,
    SESSIONS,
    USERS,
    Clock,
    actions,
    admits,
    allow_failures,
    another_worker,
    by_token,
    change,
    clock,
    log_in,
    new_user,
    refused,
    rows,
    token_of,
)

STATIC = "Static.Token-of-the-administrator"
SHOWN_OF_A_USER = {
    *("id", "status", "role", "first_name", "last_name", "email", "timezone", "locale"),
    *("locale_options", "avatar", "company", "title", "external_id", "theme", "2fa_secret"),
    "password_reset_token",
}


async def admitted(client: httpx2.AsyncClient, token: str) -> bool:
    """Whether the token lets one do what the public may not do."""
    return await admits(client, by_token(token))


def secrets_in(texts: Sequence[Any], *secrets: str) -> bool:
    return any(secret in str(text) for text in texts for secret in secrets)


# -- login --------------------------------------------------------------------------


async def test_logging_in_gives_a_token_and_the_user(empty: Live, project_url: str) -> None:
    answer = await log_in(empty.client)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"data", "public"}
    assert body["public"] is True
    assert body["data"].keys() == {"token", "user"}
    user = body["data"]["user"]
    assert user.keys() == SHOWN_OF_A_USER
    assert (user["id"], user["role"], user["status"]) == (1, 1, "active")
    assert (user["email"], user["2fa_secret"]) == (EMAIL, None)
    assert await actions(empty, 1) == ["authenticate", "authenticate"]
    ((session, kind, stored, address),) = await rows(
        project_url,
        sa.select(
            SESSIONS.c.user, SESSIONS.c.token_type, SESSIONS.c.token, SESSIONS.c.ip_address
        ).where(SESSIONS.c.id == 2),
    )
    assert (session, kind, address) == (1, "jwt", "127.0.0.1")
    assert len(stored) == 64
    claims = base64.urlsafe_b64decode(body["data"]["token"].split(".")[1] + "==").decode()
    assert stored not in claims


async def test_the_address_is_compared_without_regard_to_case(empty: Live) -> None:
    user = await new_user(empty, "Ada@Example.org")
    answer = await log_in(empty.client, "aDA@example.ORG")
    assert answer.json()["data"]["user"]["id"] == user


FORMS: tuple[tuple[Any, tuple[int, int], tuple[str, ...]], ...] = (
    (None, (13, 400), ()),
    (b"[]", (13, 400), ()),
    (b"{", (13, 400), ()),
    ({}, (114, 422), ("email:", "password:")),
    ({"email": EMAIL}, (114, 422), ("password:",)),
    ({"email": EMAIL, "password": ""}, (114, 422), ("password:",)),
    ({"email": EMAIL, "password": 12345678}, (114, 422), ("password:",)),
    ({"email": EMAIL, "password": "p" * 5000}, (114, 422), ("password:",)),
    ({"email": EMAIL, "password": "a\0"}, (114, 422), ("password:",)),
    ({"email": "nobody", "password": "secret"}, (114, 422), ("email:",)),
    ({"email": ["a@b.org"], "password": "secret"}, (114, 422), ("email:",)),
    ({"email": "a\0@b.org", "password": "secret"}, (114, 422), ("email:",)),
)


async def test_a_form_that_makes_no_sense_is_refused(empty: Live) -> None:
    for body, error, words in FORMS:
        sent = {"content": body} if isinstance(body, bytes | None) else {"json": body}
        answer = await empty.client.post(f"/{KEY}/auth/authenticate", **sent)
        assert refused(answer) == error, body
        assert all(word in answer.json()["error"]["message"] for word in words), body


async def test_who_does_not_know_the_password_learns_nothing(empty: Live, project_url: str) -> None:
    await new_user(empty, "suspended@example.org", status="suspended")
    await new_user(empty, "draft@example.org", status="draft")
    await new_user(empty, "guarded@example.org")
    await new_user(empty, "a@example.org")
    nobody = await new_user(empty, "nopassword@example.org")
    await change(project_url, sa.update(USERS).where(USERS.c.id == nobody).values(password=None))
    guarded = USERS.c.email == "guarded@example.org"
    await change(project_url, sa.update(USERS).where(guarded).values({"2fa_secret": "ABCDEFGH"}))
    seen = set()
    for name in ("suspended", "draft", "guarded", "nopassword", "admin", "unknown", "à"):
        answer = await log_in(empty.client, f"{name}@example.org", "wrong", otp="123456")
        error = answer.json()["error"]
        seen.add((answer.status_code, error["code"], error["message"], len(error)))
    assert seen == {(404, 100, "Wrong e-mail address or password", 3)}
    assert refused(await log_in(empty.client, "à@example.org")) == (100, 404)
    assert refused(await log_in(empty.client, "suspended@example.org")) == (103, 404)
    assert refused(await log_in(empty.client, "draft@example.org")) == (103, 401)
    assert refused(await log_in(empty.client, "guarded@example.org")) == (111, 404)
    assert refused(await log_in(empty.client, "guarded@example.org", otp="123456")) == (112, 404)


async def test_a_hash_of_the_old_kind_lets_in_and_is_renewed(empty: Live, project_url: str) -> None:
    old = bcrypt.hashpw(b"old secret", bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
    await change(project_url, sa.update(USERS).values(password=old))
    assert (await log_in(empty.client, password="old secret")).status_code == 200
    ((stored,),) = await rows(project_url, sa.select(USERS.c.password))
    assert stored.startswith("$argon2id$")
    assert (await log_in(empty.client, password="old secret")).status_code == 200


async def test_where_the_role_asks_for_a_second_factor_the_public_is_what_one_gets(
    empty: Live, project_url: str, tmp_path: Path
) -> None:
    await change(project_url, sa.update(ROLES).where(ROLES.c.id == 1).values(enforce_2fa=True))
    answer = await log_in(empty.client)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"data", "error", "public"}
    assert body["error"]["code"] == 113
    assert not await admitted(empty.client, body["data"]["token"])
    fresh = await empty.client.post(f"/{KEY}/auth/refresh", json={"token": body["data"]["token"]})
    signing = Signing(KEY, project_config(tmp_path / "data", KEY, {}).auth)
    assert tokens.read(signing, fresh.json()["data"]["token"], Claims).needs_2fa is True


# -- too many failures ---------------------------------------------------------------


async def test_one_failure_too_many_in_a_row_suspends(empty: Live, project_url: str) -> None:
    user = await new_user(empty, "ada@example.org")
    await allow_failures(empty, project_url, 1)
    assert refused(await log_in(empty.client, "ada@example.org", "wrong")) == (100, 404)
    kept = await token_of(empty.client, "ada@example.org")
    assert refused(await log_in(empty.client, "ada@example.org", "wrong")) == (100, 404)
    assert await admitted(empty.client, kept)
    assert refused(await log_in(empty.client, "ada@example.org", "wrong")) == (103, 404)
    assert not await admitted(empty.client, kept)
    assert refused(await log_in(empty.client, "ada@example.org")) == (103, 404)
    assert refused(await log_in(empty.client, "ada@example.org", "wrong")) == (100, 404)
    answer = await empty.ask("PATCH", f"/users/{user}", json={"status": "active"})
    assert answer.status_code == 200, answer.text
    assert refused(await log_in(empty.client, "ada@example.org", "wrong")) == (100, 404)
    assert await actions(empty, user) == [
        *("invalid-credentials", "authenticate", "invalid-credentials", "invalid-credentials"),
        *("status-update", "invalid-credentials"),
    ]


async def test_the_last_administrator_is_not_suspended_but_guessers_wait(
    empty: Live, project_url: str
) -> None:
    await new_user(empty, "ada@example.org", status="draft")
    await allow_failures(empty, project_url, 1)
    assert refused(await log_in(empty.client, password="wrong")) == (100, 404)
    assert refused(await log_in(empty.client, password="wrong")) == (100, 404)
    answer = await log_in(empty.client)
    assert refused(answer) == (7, 429)
    assert int(answer.headers["retry-after"]) > 0
    assert await admitted(empty.client, empty.token)


async def test_credential_stuffing_has_to_wait(empty: Live) -> None:
    """Unknown addresses and known ones alike, by the address that they are sent from."""
    more = 10
    guesses = [f"user{number}@example.org" for number in range(OF_ADDRESSES.most + more)]
    # All at once: none slips through while the others are looked at.
    answers = await asyncio.gather(*(log_in(empty.client, guess, "x") for guess in guesses))
    seen = Counter(refused(answer) for answer in answers)
    assert seen == {(100, 404): OF_ADDRESSES.most, (7, 429): more}
    waits = {int(answer.headers.get("retry-after", "1")) for answer in answers}
    assert all(0 < wait <= OF_ADDRESSES.seconds_each for wait in waits)
    # Who is signed in stays so, and others may come.
    assert await admitted(empty.client, empty.token)
    transport = httpx2.ASGITransport(app=empty.server, client=("203.0.113.9", 1))
    async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
        assert (await log_in(client)).status_code == 200


async def test_email_look_alikes(empty: Live, project_url: str) -> None:
    """Databases that compare without accents find others: the address decides, case apart."""
    one = await new_user(empty, "straße@example.org")
    two = await new_user(empty, "a@example.org")
    for typed, found in (
        ("straße@example.org", one),
        ("STRAßE@example.org", one),
        ("strasse@example.org", None),
        ("a@example.org", two),
        ("A@EXAMPLE.ORG", two),
        ("à@example.org", None),
        ("\uff41@example.org", None),
        ("a @example.org", None),
        ("a@example.org ", None),
    ):
        answer = await log_in(empty.client, typed)
        if found is None:
            assert refused(answer) in ((100, 404), (114, 422)), typed
        else:
            assert answer.json()["data"]["user"]["id"] == found, typed


# -- where the token comes from -------------------------------------------------------


async def test_every_source_of_a_token(empty: Live, project_url: str) -> None:
    await change(project_url, sa.update(USERS).values(token=STATIC))

    def basic(pair: str) -> str:
        return "Basic " + base64.b64encode(pair.encode()).decode()

    for shown in (STATIC, empty.token):
        for query, header, expected in (
            ("", f"Bearer {shown}", 200),
            ("", f"bearer  {shown}", 200),
            ("", basic(f"{shown}:"), 200),
            ("", basic(f"{shown}:{shown}"), 200),
            (f"?access_token={shown}", "", 200),
            (f"?access_token={shown}", "Bearer nonsense", 200),
            ("?access_token=nonsense", f"Bearer {shown}", 401),
            ("", basic(f"{shown}:other"), 401),
            ("", f"Digest {shown}", 401),
            ("", f"Bearer {shown}x", 401),
            ("", f"Bearer {shown.swapcase()}", 401),
            ("?access_token=%00", f"Bearer {shown}", 401),
            ("?access_token=%ff", f"Bearer {shown}", 401),
            ("", "", 401),
        ):
            headers = {"authorization": header} if header else {}
            answer = await empty.client.get(f"/{KEY}/users{query}", headers=headers)
            assert answer.status_code == expected, (query, header)
            if expected == 401:
                nothing = not query and (not header or header.startswith(("Digest", "Basic")))
                assert refused(answer) == ((3, 401) if nothing else (101, 401))


# -- refresh, check, logout -----------------------------------------------------------


async def test_refreshing_gives_a_token_of_the_same_session(empty: Live) -> None:
    answer = await empty.client.post(f"/{KEY}/auth/refresh", json={"token": empty.token})
    assert answer.status_code == 200
    assert answer.json().keys() == {"data", "public"}
    fresh = answer.json()["data"]["token"]
    assert await admitted(empty.client, fresh)
    assert await admitted(empty.client, empty.token)
    await empty.client.post(f"/{KEY}/auth/logout", headers={"authorization": f"Bearer {fresh}"})
    assert not await admitted(empty.client, empty.token)
    again = await empty.client.post(f"/{KEY}/auth/refresh", json={"token": fresh})
    assert refused(again) == (101, 401)


async def test_what_cannot_be_refreshed(empty: Live, project_url: str, tmp_path: Path) -> None:
    await change(project_url, sa.update(USERS).values(token=STATIC))
    signing = Signing(KEY, project_config(tmp_path / "data", KEY, {}).auth)
    session = tokens.read(signing, empty.token, Claims).sid

    def made(**changed: Any) -> str:
        facts = {"user": 1, "session": session, "minutes": 20, "now": datetime.now(UTC)}
        return tokens.issue(signing, **{**facts, **changed})

    yesterday = datetime.now(UTC) - timedelta(days=1)
    for body, error in (
        (None, (4, 422)),
        ({}, (4, 422)),
        ({"token": None}, (4, 422)),
        ({"token": 1}, (4, 422)),
        ({"token": STATIC}, (101, 401)),
        ({"token": "nonsense"}, (101, 401)),
        ({"token": empty.token[:-3]}, (101, 401)),
        ({"token": made(now=yesterday)}, (102, 401)),
        ({"token": made(user=2)}, (101, 401)),
        ({"token": made(session="999.abc")}, (101, 401)),
        ({"token": made(session=session[:-1])}, (101, 401)),
        ({"token": made(session=session.swapcase())}, (101, 401)),
        ({"token": made(session="")}, (101, 401)),
    ):
        answer = await empty.client.post(f"/{KEY}/auth/refresh", json=body)
        assert refused(answer) == error, body
        assert not await admitted(empty.client, str((body or {}).get("token"))) or body == {
            "token": STATIC
        }
    good = await empty.client.post(f"/{KEY}/auth/refresh", json={"token": made()})
    assert good.status_code == 200


async def test_checking_says_whether_one_is_signed_in(empty: Live, project_url: str) -> None:
    await change(project_url, sa.update(USERS).values(token=STATIC))
    for header, expected in (
        (f"Bearer {empty.token}", True),
        (f"Bearer {STATIC}", True),
        ("Bearer nonsense", False),
        ("", False),
    ):
        headers = {"authorization": header} if header else {}
        answer = await empty.client.get(f"/{KEY}/auth/check", headers=headers)
        assert answer.json() == {"data": {"authenticated": expected}, "public": True}


async def test_after_logging_out_every_worker_refuses(empty: Live, tmp_path: Path) -> None:
    async with another_worker(tmp_path / "data") as other:
        kept = await token_of(other)
        assert await admitted(other, empty.token)
        for _ in range(2):
            answer = await empty.ask("POST", "/auth/logout", json={})
            assert (answer.status_code, answer.json()) == (200, {"public": True})
            assert not await admitted(other, empty.token)
            assert not await admitted(empty.client, empty.token)
        assert await admitted(other, kept)
        assert await admitted(empty.client, kept)


async def test_logging_out_without_a_session_changes_nothing(empty: Live) -> None:
    for header in ("Bearer", "Bearer nonsense", f"Bearer {STATIC}"):
        path = f"/{KEY}/auth/logout"
        answer = await empty.client.post(path, headers={"authorization": header})
        assert (answer.status_code, answer.json()) == (200, {"public": True})
        assert await admitted(empty.client, empty.token)
    assert (await empty.client.post(path)).json() == {"public": True}


# -- what changes while one is signed in ----------------------------------------------


async def test_a_change_of_the_user_counts_at_the_next_request(empty: Live, tmp_path: Path) -> None:
    user = await new_user(empty, "ada@example.org", token=STATIC)
    active = {"status": "active", "role": 1}
    async with another_worker(tmp_path / "data") as other:
        for changed in ("suspended", "draft", "invited", "deleted", None):
            token = await token_of(other, "ada@example.org")
            assert await admitted(other, token)
            assert await admitted(other, STATIC)
            new = {"role": None} if changed is None else {"status": changed}
            assert (await empty.ask("PATCH", f"/users/{user}", json=new)).is_success
            for shown in (token, STATIC):
                headers = {"authorization": f"Bearer {shown}"}
                answer = await other.get(f"/{KEY}/users", headers=headers)
                told = (300, 403) if changed is None else (103, 401)
                assert refused(answer) == (told if shown == STATIC else (101, 401)), changed
            await empty.ask("PATCH", f"/users/{user}?status=*", json=active)
            # What was ended stays ended.
            assert not await admitted(other, token)


async def test_a_static_token_that_is_taken_away_is_refused(empty: Live) -> None:
    user = await new_user(empty, "ada@example.org", token=STATIC)
    assert await admitted(empty.client, STATIC)
    await empty.ask("PATCH", f"/users/{user}", json={"token": None})
    assert not await admitted(empty.client, STATIC)


@pytest.mark.parametrize("kind", ["jwt", "static"])
async def test_plain_sql_is_seen_within_seconds(
    empty: Live, project_url: str, tmp_path: Path, kind: str
) -> None:
    await change(project_url, sa.update(USERS).values(token=STATIC))
    token = empty.token if kind == "jwt" else STATIC
    async with clock(tmp_path / "data", token) as asking:
        assert (await asking.actor()).credential == kind
        await change(project_url, sa.update(USERS).values(status="suspended"))
        # Remembered: no look at the database.
        assert (await asking.actor(seconds=REMEMBERED_SECONDS - 1)).user == 1
        assert (await asking.actor(seconds=REMEMBERED_SECONDS)).public
        # A clock that was set back must not make what is remembered last.
        assert (await asking.actor(hours=-1)).public


async def test_a_token_is_refused_once_it_has_expired(empty: Live, tmp_path: Path) -> None:
    async with clock(tmp_path / "data", empty.token) as asking:
        assert (await asking.actor(minutes=19)).user == 1
        assert (await asking.actor(minutes=20, seconds=1)).public


async def test_a_session_in_use_lives_on(empty: Live, tmp_path: Path) -> None:
    lifetime = timedelta(minutes=10080)
    expires = sa.column("token_expired_at", sa.DateTime())

    async def ends(asking: Clock) -> datetime:
        select = asking.project.database.dialect.compile(sa.select(expires).select_from(SESSIONS))
        ((value,),) = await asking.project.database.fetch(select.sql, select.values({}))
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)

    async with clock(tmp_path / "data", empty.token) as asking:
        before = await ends(asking)
        await asking.actor(seconds=30)
        assert await ends(asking) == before
        await asking.actor(minutes=5)
    # Left, so what is written beside the requests is written.
    async with clock(tmp_path / "data", empty.token) as again:
        wanted = (asking.now + timedelta(minutes=5) + lifetime).replace(microsecond=0)
        assert await ends(again) == wanted


async def test_a_session_that_was_not_used_ends(
    empty: Live, project_url: str, tmp_path: Path
) -> None:
    await change(project_url, sa.update(ENDS).values(token_expired_at=datetime(2020, 1, 1)))
    assert not await admitted(empty.client, empty.token)
    await token_of(empty.client)
    # The new one is the only one left.
    assert [id for (id,) in await rows(project_url, sa.select(SESSIONS.c.id))] == [2]


async def test_tokens_are_bound_to_their_rows(empty: Live, project_url: str) -> None:
    assert await admitted(empty.client, empty.token)
    await change(project_url, sa.update(SESSIONS).values(token="f" * 64))
    await empty.ask("POST", "/utils/cache/clear")
    assert not await admitted(empty.client, empty.token)


async def test_nothing_stored_lets_anybody_in(empty: Live, project_url: str) -> None:
    stored = await rows(project_url, sa.select(SESSIONS.c.token, USERS.c.password))
    for text in stored[0]:
        assert not await admitted(empty.client, text)
    assert not secrets_in(stored, empty.token, PASSWORD)
