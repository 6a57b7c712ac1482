"""Sessions by cookie and by token, listed and ended.

Reference: authentication §2, §5, §6; security, "Identity": sessions alive after what should
have ended them, CSRF with cookies.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from conductus.auth import tokens
from conductus.auth.tokens import Claims, Signing
from conductus.config import project_config
from tests.scenarios.shop import EMAIL, HOST, KEY, PASSWORD, Live, live
from tests.scenarios.signing_in import (
    COOKIE,
    SESSIONS,
    SETTINGS,
    USERS,
    admits,
    allow_failures,
    another_worker,
    asked,
    by_cookie,
    by_token,
    change,
    cookie_in,
    cookie_of,
    log_in,
    new_user,
    refused,
    rows,
    token_of,
)

ADA = "ada@example.org"
EVIL = "https://evil.example"
NAMED = "https://app.example"


# -- the cookie -------------------------------------------------------------------------


async def test_logging_in_by_cookie(empty: Live, project_url: str) -> None:
    answer = await log_in(empty.client, mode="cookie")
    assert answer.status_code == 200
    assert answer.json().keys() == {"data", "public"}
    assert answer.json()["data"].keys() == {"user"}
    found = cookie_in(answer)
    assert found is not None
    assert found.facts == {"HttpOnly", "Path=/", "SameSite=Lax"}
    week = datetime.now(UTC) + timedelta(minutes=10080)
    assert abs(found.expires - week) < timedelta(minutes=1)
    kinds = sa.select(SESSIONS.c.token_type, SESSIONS.c.token).order_by(SESSIONS.c.id)
    (_, (kind, stored)) = await rows(project_url, kinds)
    assert kind == "cookie"
    assert len(stored) == 64
    assert stored not in found.value
    # Nobody is given a static token on the way.
    assert await rows(project_url, sa.select(USERS.c.token)) == [(None,)]


async def test_the_mode_may_stand_in_the_query_and_be_unknown(empty: Live) -> None:
    form = {"email": EMAIL, "password": PASSWORD}
    for query, body, cookie in (
        ("?mode=cookie", {}, True),
        ("?mode=cookie", {"mode": "jwt"}, False),
        ("?mode=jwt", {"mode": "cookie"}, True),
        ("", {"mode": "nonsense"}, False),
        ("", {}, False),
    ):
        answer = await asked(
            empty.client, "POST", f"/auth/authenticate{query}", {}, json={**form, **body}
        )
        assert (cookie_in(answer) is not None) is cookie, (query, body)
        assert ("token" in answer.json()["data"]) is not cookie


async def test_every_answer_sends_the_cookie_again(empty: Live, project_url: str) -> None:
    value = await cookie_of(empty.client)
    for method, path, status in (
        ("GET", "/users", 200),
        ("GET", "/", 200),
        ("GET", "/items/nothing", 404),
        ("GET", "/auth/check", 200),
        ("GET", "/auth/sessions", 200),
        ("POST", "/folders", 400),
        ("DELETE", "/folders/1", 404),
        ("POST", "/auth/refresh", 422),
    ):
        answer = await asked(empty.client, method, path, by_cookie(value))
        assert answer.status_code == status, answer.text
        found = cookie_in(answer)
        assert found is not None
        assert (found.value, found.alive) == (value, True)
        assert found.facts == {"HttpOnly", "Path=/", "SameSite=Lax"}
    for dead in ("nonsense", value[:-1], value.swapcase(), "999.abc", f"{value}.x", "1.", "."):
        answer = await asked(empty.client, "GET", "/users", by_cookie(dead))
        assert refused(answer) == (101, 401), dead
        found = cookie_in(answer)
        assert found is not None
        assert not found.alive
    expires = sa.column("token_expired_at", sa.DateTime())
    past = sa.table("directus_user_sessions", sa.column("token_type"), expires)
    of_cookies = sa.update(past).where(past.c.token_type == "cookie")
    await change(project_url, of_cookies.values(token_expired_at=datetime(2020, 1, 1)))
    assert (await empty.ask("POST", "/utils/cache/clear")).is_success
    answer = await asked(empty.client, "GET", "/users", by_cookie(value))
    assert refused(answer) == (102, 401)
    found = cookie_in(answer)
    assert found is not None
    assert not found.alive


async def test_a_cache_for_everybody_is_given_no_cookie(empty: Live) -> None:
    value = await cookie_of(empty.client)
    page = await asked(empty.client, "GET", "/docs", by_cookie(value))
    assert cookie_in(page) is not None
    files = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert files
    for file in files:
        answer = await asked(empty.client, "GET", f"/{file}", by_cookie(value))
        assert answer.status_code == 200, file
        assert "public" in answer.headers["cache-control"]
        assert cookie_in(answer) is None


async def test_only_the_cookie_of_this_project_counts_and_only_as_a_cookie(
    empty: Live, tmp_path: Path
) -> None:
    value = await cookie_of(empty.client)
    signing = Signing(KEY, project_config(tmp_path / "data", KEY, {}).auth)
    sid = tokens.read(signing, empty.token, Claims).sid
    for headers, expected in (
        (by_cookie(value), True),
        ({"cookie": f"other=1; {COOKIE}={value}; more=2"}, True),
        ({**by_cookie("nonsense"), **by_token(empty.token)}, True),
        ({**by_cookie(value), "authorization": "Digest x"}, True),
        ({**by_cookie(value), "authorization": "Basic YTpi"}, False),
        ({**by_cookie(value), "authorization": "Bearer nonsense"}, False),
        (by_cookie(value, "directus-other-session"), False),
        (by_cookie(value, COOKIE.upper()), False),
        (by_token(value), False),
        (by_cookie(empty.token), False),
        # What a token says of its session is no cookie, though it names a session.
        (by_cookie(sid), False),
    ):
        assert await admits(empty.client, headers) is expected, headers
    answer = await asked(empty.client, "GET", f"/users?access_token={value}", {})
    assert refused(answer) == (101, 401)
    # Nothing is said of a cookie that was not looked at.
    answer = await asked(
        empty.client, "GET", "/users", {**by_cookie(value), **by_token(empty.token)}
    )
    assert cookie_in(answer) is None


async def test_logging_in_gives_a_new_session_and_ends_the_one_shown(empty: Live) -> None:
    ada = await new_user(empty, ADA)
    of_admin, kept = await cookie_of(empty.client), await cookie_of(empty.client)
    answer = await asked(
        empty.client,
        "POST",
        "/auth/authenticate",
        by_cookie(of_admin),
        json={"email": ADA, "password": PASSWORD, "mode": "cookie"},
    )
    found = cookie_in(answer)
    assert found is not None
    sessions = await asked(empty.client, "GET", "/auth/sessions", by_cookie(found.value))
    assert {one["user"] for one in sessions.json()["data"]} == {ada}
    assert not await admits(empty.client, by_cookie(of_admin))
    assert await admits(empty.client, by_cookie(kept))
    # A token beside the cookie is no reason to end it.
    await asked(
        empty.client,
        "POST",
        "/auth/authenticate",
        by_cookie(kept),
        json={"email": ADA, "password": PASSWORD},
    )
    assert await admits(empty.client, by_cookie(kept))


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({"SAME_SITE": "Strict", "SECURE": "true"}, {"SameSite=Strict", "Secure"}),
        ({"SAME_SITE": "None"}, {"SameSite=None", "Secure"}),
        ({"SECURE": "false"}, {"SameSite=Lax"}),
    ],
)
async def test_the_operator_says_what_the_cookie_is_like(
    project_url: str, tmp_path: Path, settings: dict[str, str], facts: set[str]
) -> None:
    prefix = f"CONDUCTUS_PROJECTS__{KEY.upper()}__COOKIE__"
    environment = {prefix + name: value for name, value in settings.items()}
    async with live(project_url, tmp_path / "data", environment=environment) as world:
        for secure in (False, True):
            client = httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=world.server),
                base_url=HOST.replace("http", "https") if secure else HOST,
            )
            async with client:
                found = cookie_in(await log_in(client, mode="cookie"))
            assert found is not None
            assert found.facts == {"HttpOnly", "Path=/", *facts}


async def test_over_https_the_cookie_stays_there(empty: Live, project_url: str) -> None:
    async def secure(client: httpx2.AsyncClient, **headers: str) -> bool:
        answer = await client.post(
            f"/{KEY}/auth/authenticate",
            json={"email": EMAIL, "password": PASSWORD, "mode": "cookie"},
            headers=headers,
        )
        client.cookies.clear()
        found = cookie_in(answer)
        assert found is not None
        return "Secure" in found.facts

    transport = httpx2.ASGITransport(app=empty.server)
    async with httpx2.AsyncClient(
        transport=transport, base_url=HOST.replace("http", "https")
    ) as client:
        assert await secure(client)
    claims = {"x-forwarded-proto": "https"}
    assert not await secure(empty.client)
    # Nobody trusts the one who says so …
    assert not await secure(empty.client, **claims)
    proxies = sa.update(SETTINGS).where(SETTINGS.c.key == "trusted_proxies")
    await change(project_url, proxies.values(value="127.0.0.1"))
    await empty.ask("POST", "/utils/cache/clear")
    # … until the operator does.
    assert await secure(empty.client, **claims)
    assert not await secure(empty.client)


# -- CSRF with cookies ------------------------------------------------------------------

PAGES: tuple[tuple[dict[str, str], bool], ...] = (
    ({}, False),
    ({"origin": "null"}, False),
    ({"origin": EVIL}, False),
    ({"origin": HOST}, True),
    ({"origin": HOST.replace("http", "https")}, True),
    ({"origin": f"{HOST}:80"}, True),
    ({"origin": f"{HOST}:8080"}, False),
    ({"origin": f"{HOST}.evil.example"}, False),
    ({"origin": f"http://evil.example#{HOST}"}, False),
    ({"origin": NAMED}, True),
    ({"origin": f"{NAMED}.evil.example"}, False),
    ({"origin": "*"}, False),
    ({"referer": f"{HOST}/admin/#/x"}, True),
    ({"referer": f"{NAMED}/page?a=b"}, True),
    ({"referer": f"{EVIL}/?{HOST}"}, False),
    ({"referer": f"http://{HOST[7:]}@evil.example/"}, False),
    ({"referer": "nonsense"}, False),
    # What is stated first counts.
    ({"origin": EVIL, "referer": HOST}, False),
    ({"origin": HOST, "referer": EVIL}, True),
)


async def test_csrf_with_cookies(project_url: str, tmp_path: Path) -> None:
    environment = {f"CONDUCTUS_PROJECTS__{KEY.upper()}__CORS__ORIGIN": f"*, {NAMED}"}
    async with live(project_url, tmp_path / "data", environment=environment) as world:
        client, value = world.client, await cookie_of(world.client)
        for page, allowed in PAGES:
            headers = {"cookie": f"{COOKIE}={value}", **page}
            for method, path, body in (
                ("POST", "/folders", {"name": "x"}),
                ("PATCH", "/users/1", {"first_name": "x"}),
                ("DELETE", "/folders/999", None),
            ):
                answer = await asked(client, method, path, headers, json=body)
                told = answer.json().get("error", {}).get("code") if answer.content else None
                if allowed or method == "POST":
                    assert (told == 10) is not allowed, (page, method, answer.text)
                else:
                    # What the public may not see looks absent to it.
                    assert told in (10, 203), (page, method, answer.text)
                assert (cookie_in(answer) is not None) is allowed
            # Reading changes nothing, and other pages cannot read the answer.
            assert await admits(client, headers)
            answer = await asked(client, "GET", "/users", headers)
            assert "access-control-allow-credentials" not in answer.headers
            # Nor is anybody signed out by a page that may not.
            await asked(client, "POST", "/auth/logout", headers)
            assert await admits(client, by_cookie(value)) is not allowed
            if allowed:
                value = await cookie_of(client)
        # A token is sent by nobody but who means it.
        answer = await world.ask("POST", "/folders", json={"name": "y"}, headers={"origin": EVIL})
        assert answer.status_code == 200


async def test_no_foreign_page_signs_its_visitors_in(empty: Live) -> None:
    form = {"email": EMAIL, "password": PASSWORD, "mode": "cookie"}
    for page, allowed in (
        ({}, True),
        ({"origin": HOST}, True),
        ({"origin": EVIL}, False),
        ({"origin": "null"}, False),
        ({"referer": f"{EVIL}/"}, False),
    ):
        answer = await asked(empty.client, "POST", "/auth/authenticate", page, json=form)
        assert (cookie_in(answer) is not None) is allowed, page
        if not allowed:
            assert refused(answer) == (10, 403)
        # By token there is nothing for the browser to send along.
        del_mode = {name: form[name] for name in ("email", "password")}
        answer = await asked(empty.client, "POST", "/auth/authenticate", page, json=del_mode)
        assert answer.status_code == 200


# -- listed and ended -------------------------------------------------------------------


async def test_one_sees_ones_own_sessions_and_no_tokens(empty: Live, project_url: str) -> None:
    ada = await new_user(empty, ADA, role=None)
    cookie, token = await cookie_of(empty.client, ADA), await token_of(empty.client, ADA)
    for headers in (by_cookie(cookie), by_token(token)):
        answer = await asked(empty.client, "GET", "/auth/sessions", headers)
        assert answer.json().keys() == {"data", "public"}
        found = answer.json()["data"]
        assert [(one["user"], one["token_type"], one["token"]) for one in found] == [
            (ada, "cookie", None),
            (ada, "jwt", None),
        ]
        assert found[0].keys() == {
            *("id", "user", "token_type", "token", "ip_address", "user_agent"),
            *("created_on", "token_expired_at"),
        }
        ends = datetime.fromisoformat(found[0]["token_expired_at"])
        assert ends - datetime.fromisoformat(found[0]["created_on"]) == timedelta(minutes=10080)
        answer = await asked(empty.client, "GET", "/auth/sessions?user=1", headers)
        assert refused(answer) == (10, 403)
    answer = await empty.ask("GET", f"/auth/sessions?user={ada}")
    assert [one["user"] for one in answer.json()["data"]] == [ada, ada]
    assert refused(await empty.ask("GET", "/auth/sessions?user=x")) == (4, 422)
    for headers in ({}, by_token("nonsense")):
        answer = await asked(empty.client, "GET", "/auth/sessions", headers)
        assert (answer.status_code, answer.json()) == (200, {"public": True})
    stored = await rows(project_url, sa.select(SESSIONS.c.token))
    told = (await empty.ask("GET", "/auth/sessions")).text
    assert not [text for (text,) in stored if text in told or text in answer.text]


async def test_who_may_end_whose_sessions(empty: Live) -> None:
    ada = await new_user(empty, ADA, role=None)
    bob = await new_user(empty, "bob@example.org", role=None)
    of_ada, other = by_token(await token_of(empty.client, ADA)), await cookie_of(empty.client, ADA)
    of_bob = by_token(await token_of(empty.client, "bob@example.org"))

    async def alive() -> list[bool]:
        checks = [
            await asked(empty.client, "GET", "/auth/check", headers)
            for headers in (of_ada, by_cookie(other), of_bob)
        ]
        return [answer.json()["data"]["authenticated"] for answer in checks]

    listed = await asked(empty.client, "GET", "/auth/sessions", of_ada)
    first, second = (one["id"] for one in listed.json()["data"])
    for headers, path, error in (
        ({}, f"/auth/logout/{ada}", (3, 401)),
        (by_token("nonsense"), f"/auth/logout/{ada}", (3, 401)),
        (of_bob, f"/auth/logout/{ada}", (10, 403)),
        (of_bob, f"/auth/logout/{ada}/{first}", (10, 403)),
        (of_bob, "/auth/logout/1", (10, 403)),
        (of_ada, "/auth/logout/x", (4, 422)),
        (of_ada, f"/auth/logout/{ada}/x", (4, 422)),
        (of_ada, f"/auth/logout/{ada}/9" + "9" * 20, (4, 422)),
    ):
        answer = await asked(empty.client, "POST", path, headers)
        assert refused(answer) == error, (headers, path)
    assert await alive() == [True, True, True]
    # A session is ended only by its own user's number.
    await asked(empty.client, "POST", f"/auth/logout/{bob}/{second}", of_bob)
    assert await alive() == [True, True, True]
    answer = await asked(empty.client, "POST", f"/auth/logout/{ada}/{second}", of_ada)
    assert (answer.status_code, answer.json()) == (200, {"public": True})
    assert await alive() == [True, False, True]
    await asked(empty.client, "POST", f"/auth/logout/{ada}", of_ada)
    assert await alive() == [False, False, True]
    await empty.ask("POST", f"/auth/logout/{bob}")
    assert await alive() == [False, False, False]
    assert await admits(empty.client, by_token(empty.token))


async def test_logging_out_takes_the_cookie_away(empty: Live) -> None:
    value = await cookie_of(empty.client)
    for _ in range(2):
        answer = await asked(empty.client, "POST", "/auth/logout", by_cookie(value), json={})
        assert (answer.status_code, answer.json()) == (200, {"public": True})
        found = cookie_in(answer)
        assert found is not None
        assert not found.alive
        assert not await admits(empty.client, by_cookie(value))


# -- a session alive after … ------------------------------------------------------------

Event = Callable[["Ending"], Awaitable[object]]


class Ending:
    """A user with a session of each kind, and somebody who does something about it."""

    def __init__(self, world: Live, url: str, user: int, client: httpx2.AsyncClient) -> None:
        self.world = world
        self.url = url
        self.user = user
        self.client = client
        self.shown: dict[str, str] = {}

    async def patch(self, **values: object) -> None:
        answer = await self.world.ask("PATCH", f"/users/{self.user}", json=values)
        assert answer.is_success, answer.text

    async def nested(self) -> None:
        """The role is taken away by way of the role."""
        answer = await self.world.ask(
            "PATCH", "/roles/1", json={"users": [{"id": self.user, "$delete": True}]}
        )
        assert answer.status_code == 200, answer.text

    async def too_many_failures(self) -> None:
        await allow_failures(self.world, self.url, 1)
        for _ in range(2):
            await log_in(self.world.client, ADA, "wrong")

    async def log_out(self) -> None:
        answer = await asked(self.world.client, "POST", "/auth/logout", self.shown)
        assert answer.status_code == 200


EVENTS: dict[str, Event] = {
    "logout": lambda ending: ending.log_out(),
    "logout everywhere": lambda e: e.world.ask("POST", f"/auth/logout/{e.user}"),
    "suspension": lambda ending: ending.patch(status="suspended"),
    "suspension by failures": lambda ending: ending.too_many_failures(),
    "draft": lambda ending: ending.patch(status="draft"),
    "soft deletion": lambda ending: ending.patch(status="deleted"),
    "deletion": lambda e: e.world.ask("DELETE", f"/users/{e.user}"),
    "another role": lambda ending: ending.patch(role=3),
    "no role": lambda ending: ending.patch(role=None),
    "deletion by way of the role": lambda ending: ending.nested(),
    "another password": lambda ending: ending.patch(password="another password"),
}


@pytest.mark.parametrize("kind", ["jwt", "cookie"])
async def test_a_session_alive_after(
    empty: Live, project_url: str, tmp_path: Path, kind: str
) -> None:
    """Whatever ends a session ends it at the next request, in every worker, for good."""
    await empty.ask("POST", "/roles", json={"name": "editors"})
    async with another_worker(tmp_path / "data") as other:
        for name, event in EVENTS.items():
            user = await new_user(empty, ADA)
            ending = Ending(empty, project_url, user, other)
            if kind == "jwt":
                ending.shown = by_token(await token_of(other, ADA))
            else:
                ending.shown = by_cookie(await cookie_of(other, ADA))
            for client in (other, empty.client):
                assert await admits(client, ending.shown), name
            await event(ending)
            for client in (other, empty.client):
                answer = await asked(client, "GET", "/users", ending.shown)
                assert refused(answer) == (101, 401), name
                if kind == "cookie":
                    found = cookie_in(answer)
                    assert found is not None
                    assert not found.alive, name
            left = await rows(project_url, sa.select(SESSIONS.c.id).where(SESSIONS.c.user == user))
            assert left == [], name
            await change(project_url, sa.delete(USERS).where(USERS.c.email == ADA))


async def test_who_sets_a_new_password_stays_in_that_session_alone(empty: Live) -> None:
    ada = await new_user(empty, ADA)
    for kind in ("jwt", "cookie"):
        token, cookie = await token_of(empty.client, ADA), await cookie_of(empty.client, ADA)
        both = {"jwt": by_token(token), "cookie": by_cookie(cookie)}
        answer = await asked(
            empty.client, "PATCH", f"/users/{ada}", both[kind], json={"password": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        for each, headers in both.items():
            assert await admits(empty.client, headers) is (each == kind), (kind, each)


async def test_a_write_that_changes_none_of_it_ends_nothing(empty: Live) -> None:
    user = await new_user(empty, ADA)
    token, cookie = await token_of(empty.client, ADA), await cookie_of(empty.client, ADA)
    for values in ({"first_name": "Ada"}, {"status": "active"}, {"role": 1}, {"title": None}):
        answer = await empty.ask("PATCH", f"/users/{user}", json=values)
        assert answer.status_code == 200, answer.text
    assert await admits(empty.client, by_token(token))
    assert await admits(empty.client, by_cookie(cookie))


async def test_a_second_factor_that_is_due_makes_a_cookie_the_publics(
    empty: Live, project_url: str
) -> None:
    ada = await new_user(empty, ADA)
    without, with_one = await cookie_of(empty.client), await cookie_of(empty.client, ADA)
    second = sa.update(USERS).where(USERS.c.id == ada).values({"2fa_secret": "A" * 32})
    await change(project_url, second)
    for value in (without, with_one):
        home = await asked(empty.client, "GET", "/", by_cookie(value))
        assert home.json()["data"]["api"]["requires2FA"] is False
        assert "public" not in home.json()
    assert (await empty.ask("PATCH", "/roles/1", json={"enforce_2fa": True})).is_success
    home = await asked(empty.client, "GET", "/", by_cookie(with_one))
    assert home.json()["data"]["api"]["requires2FA"] is True
    assert "public" not in home.json()
    home = await asked(empty.client, "GET", "/", by_cookie(without))
    assert home.json()["data"]["api"]["requires2FA"] is False
    assert home.json()["public"] is True
    answer = await asked(empty.client, "GET", "/users", by_cookie(without))
    assert refused(answer) == (113, 401)
    found = cookie_in(answer)
    assert found is not None
    # It is a session all the same.
    assert found.alive
