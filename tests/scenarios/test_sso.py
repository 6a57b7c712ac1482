"""Single sign-on with a real provider. Reference: authentication §9; security, "Identity"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
import sqlalchemy as sa

from conductus.auth import sso_exchange, tokens
from conductus.auth.sso import RequestClaims
from conductus.auth.tokens import Signing
from conductus.config import ServerConfig, project_config
from conductus.telemetry import Observation, SignInRefused
from tests.provider import SECRET, Provider, provider
from tests.scenarios.shop import HOST, KEY, Live, live
from tests.scenarios.signing_in import (
    ROLES,
    SESSIONS,
    USERS,
    actions,
    admits,
    by_token,
    change,
    new_user,
    refused,
    rows,
)
from tests.scenarios.test_password_reset import TRICKS

ADA = "ada@example.org"
APP = "https://app.example.com"
START = f"/{KEY}/auth/sso"
FLOW_COOKIE = f"directus-{KEY}-sso"
SESSION_COOKIE = f"directus-{KEY}-session"
ENVIRONMENT = f"CONDUCTUS_PROJECTS__{KEY.upper()}__AUTH__"


class World(Live):
    """A project with providers, and a browser."""

    there: Provider
    seen: list[Observation]

    async def begin(self, name: str = "acme", **parameters: Any) -> httpx2.Response:
        return await self.client.get(f"{START}/{name}", params=parameters)

    async def to_provider(self, name: str = "acme", **parameters: Any) -> str:
        """Where the browser is sent."""
        answer = await self.begin(name, **parameters)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def back(self, url: str, sub: str = "ada", **options: Any) -> httpx2.Response:
        """Somebody consents there, and comes back."""
        return await self.client.get(
            await asyncio.to_thread(self.there.consent, url, sub, **options)
        )

    async def dance(
        self, name: str = "acme", sub: str = "ada", **parameters: Any
    ) -> httpx2.Response:
        return await self.back(await self.to_provider(name, **parameters), sub)

    async def exchanged(self, token: Any) -> httpx2.Response:
        return await self.client.post(f"{START}/access_token", json={"request_token": token})


@pytest.fixture(scope="session", name="there")
def make_there() -> Iterator[Provider]:
    with provider() as there:
        there.tell("ada", email=ADA, email_verified=True, given_name="Ada", family_name="Quill")
        yield there


def environment(there: Provider, **more: str) -> dict[str, str]:
    stated = {
        "REDIRECT_ORIGINS": APP,
        "SSO__ACME__CLIENT_ID": "conductus",
        "SSO__ACME__CLIENT_SECRET": SECRET,
        "SSO__ACME__ISSUER": there.url,
        "SSO__ACME__ICON": "/icons/acme.svg",
        "SSO__OTHER__CLIENT_ID": "conductus",
        "SSO__OTHER__CLIENT_SECRET": SECRET,
        "SSO__OTHER__ISSUER": there.url,
        "SSO__OFF__CLIENT_ID": "conductus",
        "SSO__OFF__ISSUER": there.url,
        "SSO__OFF__ENABLED": "false",
        **more,
    }
    return {f"{ENVIRONMENT}{name}": value for name, value in stated.items()}


@asynccontextmanager
async def opened(url: str, folder: Path, there: Provider, **more: str) -> AsyncIterator[World]:
    seen: list[Observation] = []
    async with live(
        url,
        folder,
        environment=environment(there, **more),
        observer=seen.append,
        config=ServerConfig(public_url=HOST),
    ) as one:
        world = World(one.client, one.server)
        world.token, world.there, world.seen = one.token, there, seen
        there.trick()
        yield world


@pytest.fixture(name="world")
async def make_world(project_url: str, tmp_path: Path, there: Provider) -> AsyncIterator[World]:
    async with opened(project_url, tmp_path / "data", there) as world:
        yield world


def query(url: str) -> dict[str, str]:
    """The parameters at the end of an address, in its fragment too."""
    return {name: values[0] for name, values in parse_qs(url.partition("?")[2]).items()}


def token_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.json()["public"] is True
    return str(answer.json()["data"]["token"])


async def who(world: Live, token: str) -> int:
    """Whom a token stands for."""
    headers = {"authorization": f"Bearer {token}"}
    answer = await world.client.get(f"/{KEY}/auth/sessions", headers=headers)
    (user,) = {session["user"] for session in answer.json()["data"]}
    return int(user)


async def test_the_providers_that_are_offered(world: World) -> None:
    answer = await world.client.get(START)
    assert answer.json() == {
        "data": [{"name": "acme", "icon": "/icons/acme.svg"}, {"name": "other", "icon": None}],
        "public": True,
    }
    for name in ("off", "nobody", "../acme"):
        assert refused(await world.begin(name)) == (1, 404)


async def test_a_browser_is_sent_to_the_provider_with_all_that_protects_it(world: World) -> None:
    answer = await world.begin(redirect_url="/admin/#/")
    url = answer.headers["location"]
    asked = query(url)
    assert url.startswith(f"{world.there.url}/oauth2/authorize?")
    assert answer.json() == {
        "data": {"authorization_url": url, "state": asked["state"]},
        "public": True,
    }
    assert asked["redirect_uri"] == f"{HOST}{START}/acme/callback"
    assert (asked["response_type"], asked["client_id"]) == ("code", "conductus")
    assert asked["code_challenge_method"] == "S256"
    kept = {asked["state"], asked["nonce"], asked["code_challenge"]}
    assert len(kept) == 3
    assert {len(word) for word in kept} == {43}
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{FLOW_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert not any(word in cookie for word in kept)
    again = query(await world.to_provider())
    assert not kept & set(again.values())


async def test_an_app_gets_a_token_by_way_of_a_request_token(
    world: World, project_url: str
) -> None:
    user = await new_user(world, "Ada@Example.org")
    answer = await world.dance(redirect_url=f"{APP}/welcome?a=1")
    assert answer.status_code == 302
    location = answer.headers["location"]
    assert location.startswith(f"{APP}/welcome?a=1&request_token=")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "1970" in answer.headers["set-cookie"]
    assert await actions(world, user) == []
    request_token = query(location)["request_token"]
    # What is in the address opens nothing by itself.
    assert not await rows(
        project_url, sa.select(SESSIONS.c.id).where(SESSIONS.c.token == request_token)
    )
    shown = await world.client.get(f"/{KEY}/users?access_token={request_token}")
    assert refused(shown) == (101, 401)
    token = token_of(await world.exchanged(request_token))
    assert await admits(world.client, by_token(token))
    assert await who(world, token) == user
    assert await actions(world, user) == ["authenticate"]
    assert refused(await world.exchanged(request_token)) == (109, 401)


async def test_a_request_token_is_used_once_by_whoever_is_first(world: World) -> None:
    await new_user(world, ADA)
    request_token = query((await world.dance(redirect_url=APP)).headers["location"])
    tries = (world.exchanged(request_token["request_token"]) for _ in range(4))
    statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert sorted(statuses) == [200, 401, 401, 401]


async def test_forged_request_tokens(world: World, tmp_path: Path) -> None:
    await new_user(world, ADA)
    location = (await world.dance(redirect_url=APP)).headers["location"]
    good = query(location)["request_token"]
    ours = Signing(KEY, project_config(tmp_path / "data", KEY, {}).auth)
    claims = tokens.read(ours, good, RequestClaims)
    assert claims.url == f"{HOST}/{KEY}/"
    assert 0 < claims.exp - datetime.now(UTC).timestamp() <= 60

    def made(**changed: Any) -> str:
        facts = {name: getattr(claims, name) for name in claims.__struct_fields__}
        return tokens.sign(ours, RequestClaims(**{**facts, **changed}))

    head, body, _ = good.split(".")
    stranger = Signing(KEY, type(ours.auth)(secret_key="x" * 40, public_key=ours.auth.public_key))
    for token, error in (
        (None, (109, 401)),
        ("", (109, 401)),
        (1, (109, 401)),
        ("nonsense", (109, 401)),
        (world.token, (109, 401)),
        (f"{head}.{body}.", (109, 401)),
        ("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0." + body + ".", (109, 401)),
        (tokens.sign(stranger, claims), (109, 401)),
        (made(project="other"), (109, 401)),
        (made(exp=int(datetime.now(UTC).timestamp()) - 1), (110, 401)),
        (made(sid="1.x"), (109, 401)),
        (made(sid=""), (109, 401)),
        (made(sid=f"{claims.sid}x"), (109, 401)),
    ):
        assert refused(await world.exchanged(token)) == error, token
    assert token_of(await world.exchanged(good))


async def test_a_browser_gets_a_cookie(world: World) -> None:
    user = await new_user(world, ADA)
    answer = await world.dance(mode="cookie", redirect_url="/admin/#/")
    assert (answer.status_code, answer.headers["location"]) == (302, f"{HOST}/admin/#/")
    cookies = answer.headers.get_list("set-cookie")
    assert sorted(cookie.partition("=")[0] for cookie in cookies) == [SESSION_COOKIE, FLOW_COOKIE]
    mine = await world.client.get(f"/{KEY}/auth/sessions")
    assert [session["user"] for session in mine.json()["data"]] == [user]
    assert await actions(world, user) == ["authenticate"]
    # Coming again ends the session that one came with.
    before = world.client.cookies[SESSION_COOKIE]
    await world.dance(mode="cookie", redirect_url="/admin/")
    assert world.client.cookies[SESSION_COOKIE] != before
    world.client.cookies.set(SESSION_COOKIE, before, domain="conductus.test", path="/")
    gone = await world.client.get(
        f"/{KEY}/auth/check", headers={"cookie": f"{SESSION_COOKIE}={before}"}
    )
    assert gone.json()["data"] == {"authenticated": False}


async def test_without_a_target_the_answer_is_told(world: World) -> None:
    await new_user(world, ADA)
    told = await world.dance()
    assert token_of(await world.exchanged(told.json()["data"]["request_token"]))
    told = await world.dance(mode="cookie")
    assert told.json()["data"]["user"]["email"] == ADA
    assert SESSION_COOKIE in told.headers["set-cookie"]
    assert refused(await world.dance(sub="nobody")) == (107, 404)


async def test_an_app_may_exchange_the_code_itself(world: World) -> None:
    user = await new_user(world, ADA)
    url = await world.to_provider()
    back = query(await asyncio.to_thread(world.there.consent, url))
    path = f"{START}/acme"
    for body, error in (
        ({}, (4, 422)),
        ({"code": 1}, (4, 422)),
        ({"code": back["code"]}, (2, 400)),
        ({"code": back["code"], "state": "another"}, (2, 400)),
        ({"code": "another", "state": back["state"]}, (2, 400)),
    ):
        assert refused(await world.client.post(path, json=body)) == error, body
    assert await who(world, token_of(await world.client.post(path, json=back))) == user
    assert refused(await world.client.post(path, json=back)) == (2, 400)


async def test_the_answer_must_be_to_this_browsers_question(world: World) -> None:
    await new_user(world, ADA)
    location = await asyncio.to_thread(world.there.consent, await world.to_provider())
    mine = dict(world.client.cookies)
    # Another browser, which did not ask, or asked something else.
    world.client.cookies.clear()
    assert refused(await world.client.get(location)) == (2, 400)
    other = await world.to_provider()
    assert refused(await world.client.get(location)) == (2, 400)
    world.client.cookies.clear()
    world.client.cookies.update(mine)
    state = query(location)["state"]
    for spoilt in ("", "x", state.swapcase(), query(other)["state"]):
        assert refused(await world.client.get(location.replace(state, spoilt))) == (2, 400)
    assert refused(await world.client.get(location.replace("/acme/", "/other/"))) == (2, 400)
    assert refused(await world.client.get(location.replace("/acme/", "/off/"))) == (1, 404)
    mixed = f"{location}&iss=https%3A%2F%2Faccounts.example.com"
    assert refused(await world.client.get(mixed)) == (2, 400)
    # The code of another question, whose proof this browser does not have.
    world.client.cookies.clear()
    stolen = query(await asyncio.to_thread(world.there.consent, await world.to_provider()))
    world.client.cookies.clear()
    own = query(await world.to_provider())["state"]
    spliced = f"{START}/acme/callback?code={stolen['code']}&state={own}"
    assert refused(await world.client.get(spliced)) == (2, 400)
    assert await rows_of_requests(world) == 1


async def rows_of_requests(world: Live) -> int:
    """How many sessions were opened in all."""
    return len(await world.data("/activity?filter[action]=authenticate&limit=-1"))


async def test_a_code_is_good_once(world: World) -> None:
    await new_user(world, ADA)
    location = await asyncio.to_thread(world.there.consent, await world.to_provider())
    kept = dict(world.client.cookies)
    assert (await world.client.get(location)).status_code == 200
    world.client.cookies.update(kept)
    assert refused(await world.client.get(location)) == (2, 400)


async def test_what_goes_wrong_is_told_to_the_app(world: World, project_url: str) -> None:
    user = await new_user(world, ADA)

    async def code(sub: str = "ada") -> dict[str, str]:
        location = (await world.dance(sub=sub, redirect_url="/admin/#/")).headers["location"]
        assert location.startswith(f"{HOST}/admin/#/?error=1&code=")
        assert "example.org" not in location
        return query(location)

    assert await code("nobody@example.org") == {"error": "1", "code": "107"}
    for status, expected in (("suspended", "103"), ("draft", "103"), ("invited", "103")):
        await change(project_url, sa.update(USERS).where(USERS.c.id == user).values(status=status))
        assert (await code())["code"] == expected
    await change(project_url, sa.update(USERS).where(USERS.c.id == user).values(status="active"))
    url = await world.to_provider(redirect_url=f"{APP}/")
    # The answer to a question names the question, whatever it is.
    location = await asyncio.to_thread(world.there.consent, url, action="deny")
    denied = await world.client.get(f"{location}&state={query(url)['state']}")
    assert denied.headers["location"] == f"{APP}/?error=1&code=-1"
    assert await rows_of_requests(world) == 1


@pytest.mark.parametrize("why", ["secret", "role"])
async def test_a_second_factor_is_not_gone_around(world: World, project_url: str, why: str) -> None:
    user = await new_user(world, ADA)
    location = (await world.dance(redirect_url=APP)).headers["location"]
    request_token = query(location)["request_token"]
    factor = (
        sa.update(USERS).where(USERS.c.id == user).values({"2fa_secret": "x"})
        if why == "secret"
        else sa.update(ROLES).where(ROLES.c.id == 1).values(enforce_2fa=True)
    )
    await change(project_url, factor)
    assert refused(await world.exchanged(request_token)) == (115, 401)
    for mode in ("jwt", "cookie"):
        led = await world.dance(mode=mode, redirect_url=APP)
        assert query(led.headers["location"])["code"] == "115"
        assert SESSION_COOKIE not in str(led.headers.get_list("set-cookie"))
    url = await world.to_provider()
    back = query(await asyncio.to_thread(world.there.consent, url))
    assert refused(await world.client.post(f"{START}/acme", json=back)) == (115, 401)


@pytest.mark.parametrize(
    ("claims", "lets_in"),
    [
        ({"email": ADA, "email_verified": True}, True),
        ({"email": ADA.upper(), "email_verified": "true"}, True),
        ({"email": ADA, "email_verified": False}, False),
        ({"email": ADA, "email_verified": "false"}, False),
        ({"email": ADA, "email_verified": None}, False),
        ({"email": ADA}, False),
        ({"email": "àda@example.org", "email_verified": True}, False),
        ({"email": [ADA], "email_verified": True}, False),
        ({"email": f"{ADA}\r\n", "email_verified": True}, False),
        ({"email": f"{ADA}\0", "email_verified": True}, False),
        ({"email": "", "email_verified": True}, False),
        ({"email_verified": True}, False),
    ],
)
async def test_only_a_verified_address_counts(
    world: World, claims: dict[str, Any], lets_in: bool
) -> None:
    await new_user(world, ADA)
    world.there.tell("somebody", **claims)
    answer = await world.dance(sub="somebody")
    if lets_in:
        assert token_of(await world.exchanged(answer.json()["data"]["request_token"]))
    else:
        assert refused(answer) == (107, 404)


FORGERIES = (
    *("nonce", "no-nonce", "audience", "party", "issuer", "expired", "hash", "strange-key"),
    *("shared-secret", "unsigned", "broken", "huge", "userinfo-of-another"),
)


async def test_what_a_provider_must_not_say(world: World) -> None:
    await new_user(world, ADA)
    for trick in FORGERIES:
        world.there.trick(trick)
        assert refused(await world.dance()) == (2, 400), trick
        (told,) = [each for each in world.seen if isinstance(each, SignInRefused)]
        assert told.provider == "acme"
        world.seen.clear()
    for trick in ("", "userinfo-only"):
        world.there.trick(trick)
        assert (await world.dance()).status_code == 200, trick


async def test_keys_that_have_changed_are_fetched_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_user(world, ADA)
    assert (await world.dance()).status_code == 200
    world.there.trick("strange-key")
    assert refused(await world.dance()) == (2, 400)
    # The provider signs with that key from now on; soon enough it is asked for its keys.
    world.there.trick("renewed-key")
    assert refused(await world.dance()) == (2, 400)
    monkeypatch.setattr(sso_exchange, "_REFETCH_SECONDS", 0.0)
    assert (await world.dance()).status_code == 200


@pytest.mark.parametrize("trick", ["another-issuer", "unencrypted"])
async def test_a_provider_is_who_it_says_it_is(world: World, trick: str) -> None:
    world.there.trick(trick)
    assert refused(await world.begin()) == (2, 400)
    world.there.trick()
    assert (await world.begin()).status_code == 302


async def test_no_proxy_is_taken_from_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_user(world, ADA)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    url = await world.to_provider()
    location = await asyncio.to_thread(world.there.consent, url)
    assert (await world.client.get(location)).status_code == 200


async def test_a_provider_that_is_away(project_url: str, tmp_path: Path, there: Provider) -> None:
    away = {"SSO__ACME__ISSUER": "http://localhost:1"}
    async with opened(project_url, tmp_path / "data", there, **away) as world:
        assert refused(await world.begin()) == (2, 400)
        (told,) = [each for each in world.seen if isinstance(each, SignInRefused)]
        assert "ConnectError" in told.problem


TARGETS = (
    ("/admin/#/", f"{HOST}/admin/#/?request_token=TOKEN"),
    ("/admin/", f"{HOST}/admin/?request_token=TOKEN"),
    (f"{HOST}/x?a=1", f"{HOST}/x?a=1&request_token=TOKEN"),
    (f"{APP}/#/in?b=2", f"{APP}/#/in?b=2&request_token=TOKEN"),
)


async def test_one_is_led_to_allowed_places_alone(world: World) -> None:
    await new_user(world, ADA)
    for url in TRICKS:
        if isinstance(url, str) and url:
            answer = await world.begin(redirect_url=url)
            assert refused(answer) == (4, 422), url
            assert "set-cookie" not in answer.headers
    for url, expected in TARGETS:
        location = (await world.dance(redirect_url=url)).headers["location"]
        token = query(location)["request_token"]
        assert location == expected.replace("TOKEN", token)


@pytest.mark.parametrize("length", [1700, 20_000])
async def test_a_redirect_url_that_no_cookie_holds(world: World, length: int) -> None:
    # The first one is an address that may be led to, were it not for the cookie.
    answer = await world.begin(redirect_url=f"{APP}/{'x' * length}")
    assert refused(answer) == (4, 422)
    assert "redirect_url" in answer.json()["error"]["message"]
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers


async def test_where_one_came_from_is_where_one_is_led(world: World) -> None:
    await new_user(world, ADA)
    for referer, leads in (
        (f"{HOST}/admin/login", True),
        (f"{APP}/login", True),
        ("https://evil.example/", False),
        ("nonsense", False),
        # No cookie holds it, and nobody asked for it.
        (f"{APP}/{'x' * 1700}", False),
    ):
        begun = await world.client.get(f"{START}/acme", headers={"referer": referer})
        answer = await world.back(begun.headers["location"])
        if leads:
            assert answer.headers["location"].startswith(f"{referer}?request_token=")
        else:
            assert answer.status_code == 200


async def test_pages_that_may_not_call_are_not_sent_on(
    project_url: str, tmp_path: Path, there: Provider
) -> None:
    cors = {f"CONDUCTUS_PROJECTS__{KEY.upper()}__CORS__ORIGIN": APP}
    async with live(
        project_url,
        tmp_path / "data",
        environment=cors | environment(there),
        config=ServerConfig(public_url=HOST),
    ) as world:
        for referer, status in ((f"{APP}/x", 302), ("https://evil.example/", 200), ("", 302)):
            headers = {"referer": referer} if referer else {}
            answer = await world.client.get(f"{START}/acme", headers=headers)
            assert answer.status_code == status, referer
            assert answer.json()["data"]["authorization_url"].startswith(there.url)


STRANGERS = (
    *("x@evil.example", "x@sub.example.org", "x@example.org.evil.example", "x@evilexample.org"),
    # The first letter is the sign of degrees Kelvin, which is a small k in small letters.
    *("x@\u212aiosk.example", "example.org@evil.example"),
)
"""Addresses beside the domains that are let in."""


async def test_users_are_made_where_that_is_configured(
    project_url: str, tmp_path: Path, there: Provider
) -> None:
    role = {"SSO__ACME__DEFAULT_ROLE": "3", "SSO__ACME__DOMAINS": "Example.org, kiosk.example"}
    async with opened(project_url, tmp_path / "data", there, **role) as world:
        assert (await world.ask("POST", "/roles", json={"name": "Guests"})).status_code == 200
        there.tell("new", email="new@example.org", email_verified=True, given_name="N\n" * 60)
        there.tell("unsure", email="unsure@example.org", email_verified=False)
        assert refused(await world.dance(sub="unsure")) == (107, 404)
        for email in STRANGERS:
            there.tell("stranger", email=email, email_verified=True)
            assert refused(await world.dance(sub="stranger")) == (107, 404), email
        assert refused(await world.dance("other", "new")) == (107, 404)
        tries = [await world.dance(sub="new") for _ in range(2)]
        assert [each.status_code for each in tries] == [200, 200]
        (user,) = await world.data("/users?filter[email]=new@example.org")
        assert (user["status"], user["role"], user["first_name"]) == ("active", 3, "N" * 50)
        assert user["external_id"]
        assert token_of(await world.exchanged(tries[0].json()["data"]["request_token"]))
        found = await world.data(f"/activity?sort=id&filter[item]={user['id']}&limit=-1")
        assert [(row["action"], row["action_by"]) for row in found] == [
            ("create", 0),
            ("authenticate", user["id"]),
        ]


async def test_the_domain_of_the_account_is_looked_at(
    project_url: str, tmp_path: Path, there: Provider
) -> None:
    domain = {"SSO__ACME__HOSTED_DOMAIN": "example.org"}
    async with opened(project_url, tmp_path / "data", there, **domain) as world:
        await new_user(world, ADA)
        assert query(await world.to_provider())["hd"] == "example.org"
        for hd, status in (("example.org", 200), ("evil.example", 404), (None, 404), ([], 404)):
            claims: dict[str, Any] = {} if hd is None else {"hd": hd}
            there.tell("hosted", email=ADA, email_verified=True, **claims)
            assert (await world.dance(sub="hosted")).status_code == status, hd


async def test_providers_without_openid(project_url: str, tmp_path: Path, there: Provider) -> None:
    plain = {
        "AUTHORIZE_URL": f"{there.url}/oauth2/authorize",
        "TOKEN_URL": f"{there.url}/oauth2/token",
    }
    presets = {
        "PLAIN": {**plain, "USERINFO_URL": f"{there.url}/userinfo", "SCOPES": "openid, email"},
        "GITHUB": {**plain, "USERINFO_URL": f"{there.url}/emails"},
        "TRUSTED": {
            **plain,
            "PRESET": "facebook",
            "USERINFO_URL": f"{there.url}/userinfo",
            "SCOPES": "openid, email",
            "TRUST_EMAIL": "true",
        },
    }
    more = {
        f"SSO__{name}__{key}": value
        for name, facts in presets.items()
        for key, value in {"CLIENT_ID": "x", "CLIENT_SECRET": "y", **facts}.items()
    }
    async with opened(project_url, tmp_path / "data", there, **more) as world:
        await new_user(world, ADA)
        there.tell("loose", email=ADA)
        assert "nonce" not in query(await world.to_provider("plain"))
        assert (await world.dance("plain")).status_code == 200
        assert refused(await world.dance("plain", "loose")) == (107, 404)
        assert (await world.dance("trusted", "loose")).status_code == 200
        for listed, status in (
            ([], 404),
            ([address(ADA, verified=False, primary=True)], 404),
            ([address("x@y.org", primary=True, visibility="public"), address(ADA)], 404),
            ([address("x@y.org", primary=True), address(ADA, visibility="public")], 200),
            ([address("x@y.org", visibility="private"), address(ADA, primary=True)], 200),
            ([address("x@y.org", verified=False, primary=True), address(ADA)], 200),
            ({"message": "Bad credentials"}, 400),
            (["x"], 400),
        ):
            there.emails(listed)
            assert (await world.dance("github")).status_code == status, listed


def address(email: str, **facts: Any) -> dict[str, Any]:
    return {"email": email, "primary": False, "verified": True, "visibility": None, **facts}
