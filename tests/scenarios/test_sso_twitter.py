"""Single sign-on by OAuth 1.0a, with a real provider. Reference: authentication §9."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from conductus.config import ServerConfig
from conductus.telemetry import Observation, SignInRefused
from tests.oauth1_provider import IDENTIFIER, SECRET, Chirper, chirper
from tests.scenarios.shop import HOST, KEY, Live, live
from tests.scenarios.signing_in import actions, new_user, refused
from tests.scenarios.test_sso import (
    ADA,
    APP,
    ENVIRONMENT,
    FLOW_COOKIE,
    SESSION_COOKIE,
    START,
    query,
    rows_of_requests,
    token_of,
    who,
)


class World(Live):
    """A project with a provider, and a browser."""

    there: Chirper
    seen: list[Observation]

    async def to_provider(self, **parameters: Any) -> str:
        answer = await self.client.get(f"{START}/twitter", params=parameters)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def consented(self, url: str, who: str = "ada") -> str:
        return await asyncio.to_thread(self.there.consent, url, who)

    async def dance(self, who: str = "ada", **parameters: Any) -> httpx2.Response:
        return await self.client.get(
            await self.consented(await self.to_provider(**parameters), who)
        )

    async def exchanged(self, answer: httpx2.Response) -> httpx2.Response:
        body = {"request_token": answer.json()["data"]["request_token"]}
        return await self.client.post(f"{START}/access_token", json=body)


@pytest.fixture(scope="session", name="there")
def make_there() -> Iterator[Chirper]:
    with chirper(f"{HOST}{START}/twitter/callback") as there:
        there.accounts["ada"] = {"id": 1, "name": "Ada", "email": ADA}
        there.accounts["silent"] = {"id": 2, "name": "Silent"}
        there.accounts["nobody"] = {"id": 3, "email": "nobody@example.org"}
        yield there


@pytest.fixture(name="world")
async def make_world(project_url: str, tmp_path: Path, there: Chirper) -> AsyncIterator[World]:
    seen: list[Observation] = []
    stated = {
        "REDIRECT_ORIGINS": APP,
        "SSO__TWITTER__IDENTIFIER": IDENTIFIER,
        "SSO__TWITTER__SECRET": SECRET,
        "SSO__TWITTER__REQUEST_URL": f"{there.url}/request_token",
        "SSO__TWITTER__AUTHORIZE_URL": f"{there.url}/authenticate",
        "SSO__TWITTER__TOKEN_URL": f"{there.url}/access_token",
        "SSO__TWITTER__USERINFO_URL": f"{there.url}/account",
    }
    async with live(
        project_url,
        tmp_path / "data",
        environment={f"{ENVIRONMENT}{name}": value for name, value in stated.items()},
        observer=seen.append,
        config=ServerConfig(public_url=HOST),
    ) as one:
        world = World(one.client, one.server)
        world.token, world.there, world.seen = one.token, there, seen
        there.trick = ""
        there.announced.clear()
        yield world


async def test_a_redirect_url_that_no_cookie_holds(world: World) -> None:
    long = f"{APP}/{'x' * 1700}"
    answer = await world.client.get(f"{START}/twitter", params={"redirect_url": long})
    assert refused(answer) == (4, 422)
    assert "set-cookie" not in answer.headers
    assert not world.there.announced


async def test_signing_in(world: World) -> None:
    user = await new_user(world, ADA)
    begun = await world.client.get(f"{START}/twitter", params={"redirect_url": f"{APP}/in"})
    # `state` is a word of OAuth 2.
    assert set(begun.json()["data"]) == {"authorization_url"}
    cookie = begun.headers["set-cookie"]
    assert cookie.startswith(f"{FLOW_COOKIE}=")
    assert "SameSite=Lax" in cookie
    (announced,) = world.there.announced.values()
    assert announced["oauth_token_secret"] not in cookie
    back = await world.client.get(await world.consented(begun.headers["location"]))
    assert back.headers["location"].startswith(f"{APP}/in?request_token=")
    token = query(back.headers["location"])["request_token"]
    exchanged = await world.client.post(f"{START}/access_token", json={"request_token": token})
    assert await who(world, token_of(exchanged)) == user
    assert await actions(world, user) == ["authenticate"]
    answer = await world.dance(mode="cookie", redirect_url="/admin/")
    assert SESSION_COOKIE in str(answer.headers.get_list("set-cookie"))
    for name in ("silent", "nobody"):
        assert refused(await world.dance(name)) == (107, 404)


async def test_an_app_may_bring_the_verifier_itself(world: World) -> None:
    user = await new_user(world, ADA)
    back = query(await world.consented(await world.to_provider()))
    path = f"{START}/twitter"
    for body, error in (
        ({}, (4, 422)),
        ({"oauth_token": back["oauth_token"]}, (4, 422)),
        ({"code": back["oauth_verifier"], "state": back["oauth_token"]}, (4, 422)),
        ({"oauth_verifier": back["oauth_verifier"]}, (2, 400)),
        ({**back, "oauth_token": "another"}, (2, 400)),
    ):
        assert refused(await world.client.post(path, json=body)) == error, body
    assert await who(world, token_of(await world.client.post(path, json=back))) == user
    guessed = {**query(await world.consented(await world.to_provider())), "oauth_verifier": "x"}
    assert refused(await world.client.post(path, json=guessed)) == (2, 400)


async def test_the_answer_must_be_to_this_browsers_question(world: World) -> None:
    await new_user(world, ADA)
    location = await world.consented(await world.to_provider())
    mine = dict(world.client.cookies)
    world.client.cookies.clear()
    assert refused(await world.client.get(location)) == (2, 400)
    await world.to_provider()
    # What somebody else has consented to, in the browser of one who has begun to sign in.
    assert refused(await world.client.get(location)) == (2, 400)
    world.client.cookies.clear()
    world.client.cookies.update(mine)
    denied = f"{urlsplit(location).path}?denied={query(location)['oauth_token']}"
    assert refused(await world.client.get(denied)) == (2, 400)
    assert (await world.client.get(location)).status_code == 200
    world.client.cookies.update(mine)
    assert refused(await world.client.get(location)) == (2, 400)
    assert await rows_of_requests(world) == 1


async def test_what_a_provider_must_not_say(world: World) -> None:
    await new_user(world, ADA)
    for world.there.trick in ("unconfirmed", "nothing"):
        assert refused(await world.client.get(f"{START}/twitter")) == (2, 400)
    world.there.trick = "nonsense"
    assert refused(await world.dance()) == (2, 400)
    told = [each for each in world.seen if isinstance(each, SignInRefused)]
    assert [each.provider for each in told] == ["twitter"] * 3
    assert KEY in {each.project for each in told}
