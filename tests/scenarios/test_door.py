"""What a request meets before its endpoint: its token, its address, its rate.

Reference: authentication §2, §2.1, §8; security, "Identity": tokens in URLs.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from conductus.app import running
from conductus.config import ServerConfig, project_config
from conductus.endpoints.utils import PACE as UTILITIES
from conductus.tallies import redis as redis_door
from conductus.telemetry import Log, Observation, TaskFailed, silent
from tests.databases import redis_url, require_redis
from tests.passwords import QUICK
from tests.scenarios.cases import raw
from tests.scenarios.shop import HOST, KEY, PASSWORD, Live, live
from tests.scenarios.signing_in import (
    SETTINGS,
    USERS,
    admits,
    asked,
    by_token,
    change,
    cookie_of,
    log_in,
    refused,
)

STATIC = "Static.Token-of-the-administrator"
ADA = "ada@example.org"
PREFIX = f"CONDUCTUS_PROJECTS__{KEY.upper()}__"
NOWHERE = "redis://127.0.0.1:1/0"


# -- tokens in bodies and URLs ----------------------------------------------------------


async def test_a_token_in_the_body_counts_first_and_goes_no_further(empty: Live) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    good, bad = empty.token, "nonsense"
    cases: tuple[tuple[dict[str, Any], str, str, int], ...] = (
        ({"json": {"name": "a", "access_token": good}}, "", "", 200),
        ({"json": {"name": "a", "access_token": good}}, f"?access_token={bad}", bad, 200),
        ({"json": {"name": "a", "access_token": bad}}, f"?access_token={good}", good, 401),
        ({"json": {"name": "a"}}, f"?access_token={good}", bad, 200),
        ({"content": f"name=a&access_token={good}", "headers": form}, "", "", 200),
        # What is no text is no token, and no field either.
        ({"json": {"name": "a", "access_token": 1}}, "", good, 422),
        ({"json": [{"name": "a", "access_token": good}]}, "", "", 401),
        ({"content": f'{{"name": "a", "access_token": "{good}"'}, "", "", 400),
        ({"content": f'{{"name": "a", "access_token": "{good}"'}, "", good, 400),
    )
    for sent, query, header, status in cases:
        headers = {**sent.pop("headers", {}), **(by_token(header) if header else {})}
        answer = await asked(empty.client, "POST", f"/folders{query}", headers, **sent)
        assert answer.status_code == status, (sent, query, header, answer.text)
        if status == 200:
            made = answer.json()["data"]
            assert made["name"] == "a"
            assert good not in answer.text
            # The next one is called the same.
            await empty.ask("DELETE", f"/folders/{made['id']}")


async def test_sources_that_are_switched_off(project_url: str, tmp_path: Path) -> None:
    environment = {f"{PREFIX}AUTH__SOURCES": "bearer"}
    async with live(project_url, tmp_path / "data", environment=environment) as world:
        assert await admits(world.client, by_token(world.token))
        cookie = await cookie_of(world.client)
        assert not await admits(world.client, {"cookie": f"directus-{KEY}-session={cookie}"})
        await change(project_url, sa.update(USERS).values(token=STATIC))
        basic = httpx2.BasicAuth(STATIC, "")
        answer = await world.client.get(f"/{KEY}/users", auth=basic)
        assert refused(answer) == (3, 401)
        answer = await asked(world.client, "GET", f"/users?access_token={world.token}", {})
        assert refused(answer) == (3, 401)
        body = {"name": "a", "access_token": world.token}
        answer = await asked(world.client, "POST", "/folders", {}, json=body)
        assert answer.status_code in (401, 422)


async def test_of_two_headers_the_first_counts(empty: Live) -> None:
    good, bad = f"Bearer {empty.token}".encode(), b"Bearer nonsense"
    for first, second, status in ((good, bad, 200), (bad, good, 401)):
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        scope = {
            **{"type": "http", "method": "GET", "scheme": "http", "path": f"/{KEY}/users"},
            **{"raw_path": f"/{KEY}/users".encode(), "query_string": b"", "client": None},
            "headers": [(b"authorization", first), (b"authorization", second)],
        }
        await empty.server(scope, receive, send)
        assert sent[0]["status"] == status


async def test_tokens_in_urls(project_url: str, tmp_path: Path) -> None:
    """They stand in no answer, no link, no line of the log; nothing keeps such an answer."""
    log = io.StringIO()
    observer = Log("json", stream=log)
    async with live(project_url, tmp_path / "data", observer=observer) as world:
        await change(project_url, sa.update(USERS).values(token=STATIC))
        for token in (world.token, STATIC):
            for path, status in (
                ("/roles?meta=*&limit=1", 200),
                ("/roles?meta=page&limit=1&page=1", 200),
                ("/roles/1", 200),
                ("/items/nothing", 404),
                ("/users?fields=nothing", 422),
                ("/users?filter[nothing]=1", 422),
                ("/users?limit=x", 422),
                ("/nothing", 404),
                ("/docs", 200),
                ("/docs/nothing", 404),
                ("/specs/oas", 200),
                ("/", 200),
                ("/auth/check", 200),
            ):
                mark = "&" if "?" in path else "?"
                answer = await asked(world.client, "GET", f"{path}{mark}access_token={token}", {})
                assert answer.status_code == status, (path, answer.text)
                assert token not in answer.text, path
                assert token not in str(answer.headers), path
                assert answer.headers["cache-control"] == "private, no-store", path
                assert answer.headers["referrer-policy"] == "no-referrer", path
            query = f"access%5Ftoken={token}&a=%zz&access_token={token}".encode()
            await raw(world, f"/{KEY}/users".encode(), query)
            await raw(world, f"/nobody/users?access_token={token}".encode(), query)
    told = log.getvalue()
    assert "access_token=***" in told
    assert world.token not in told
    assert STATIC not in told
    assert PASSWORD not in told


async def test_who_shows_a_bad_token_may_do_what_the_public_may(empty: Live) -> None:
    for headers, code in ((by_token("nonsense"), 101), (by_token("a.b.c"), 101), ({}, 3)):
        assert (await asked(empty.client, "GET", "/", headers)).json()["public"] is True
        assert (await asked(empty.client, "GET", "/docs", headers)).status_code in (200, 404)
        for method, path in (("GET", "/users"), ("POST", "/folders"), ("GET", "/activity")):
            answer = await asked(
                empty.client,
                method,
                path,
                headers,
                json={"name": "a"} if method == "POST" else None,
            )
            assert refused(answer) == (code, 401), (headers, path)


# -- addresses --------------------------------------------------------------------------


def at(world: Live, address: str) -> httpx2.AsyncClient:
    """A client that comes from an address."""
    transport = httpx2.ASGITransport(app=world.server, client=(address, 4711))
    return httpx2.AsyncClient(transport=transport, base_url=HOST)


async def test_a_role_is_kept_to_its_addresses(empty: Live, project_url: str) -> None:
    """Administrators included, at login and with every kind of credentials."""
    await change(project_url, sa.update(USERS).values(token=STATIC))
    cookie = await cookie_of(empty.client)
    shown = (
        by_token(empty.token),
        by_token(STATIC),
        {"cookie": f"directus-{KEY}-session={cookie}"},
    )
    answer = await empty.ask(
        "PATCH", "/roles/1", json={"ip_whitelist": ["203.0.113.9", "10.1.0.0/16", "2001:db8::/32"]}
    )
    assert answer.status_code == 200, answer.text
    for address, allowed in (
        ("203.0.113.9", True),
        ("203.0.113.90", False),
        ("10.1.255.255", True),
        ("10.2.0.0", False),
        ("::ffff:203.0.113.9", True),
        ("2001:db8:1::1", True),
        ("2001:db9::1", False),
        ("127.0.0.1", False),
        ("", False),
    ):
        async with at(empty, address) as client:
            for headers in shown:
                for path in ("/users", "/", "/items/nothing"):
                    answer = await asked(client, "GET", path, headers)
                    if not allowed:
                        assert refused(answer) == (19, 401), (address, headers, path)
                    else:
                        assert answer.status_code != 401, (address, headers, path)
            # The rest of the server goes on for everybody.
            assert (await asked(client, "GET", "/", {})).status_code == 200
            assert (await client.get("/server/ping")).status_code == 200
            answer = await asked(client, "GET", "/auth/check", shown[0])
            assert answer.json()["data"]["authenticated"] is True
            answer = await log_in(client)
            if allowed:
                assert answer.status_code == 200
            else:
                assert refused(answer) == (19, 401)
                assert refused(await log_in(client, password="wrong")) == (100, 404)


async def test_the_publics_list_counts_for_whoever_is_not_signed_in(empty: Live) -> None:
    answer = await empty.ask("PATCH", "/roles/2", json={"ip_whitelist": "203.0.113.9"})
    assert answer.status_code == 200, answer.text
    for address, allowed in (("203.0.113.9", True), ("203.0.113.8", False)):
        async with at(empty, address) as client:
            for headers in ({}, by_token("nonsense")):
                answer = await asked(client, "GET", "/", headers)
                assert answer.status_code == (200 if allowed else 401)
                if not allowed:
                    assert refused(answer) == (19, 401)
            assert await admits(client, by_token(empty.token))
            assert (await log_in(client)).status_code == 200
    await empty.ask("PATCH", "/roles/2", json={"ip_whitelist": []})
    async with at(empty, "203.0.113.8") as client:
        assert (await asked(client, "GET", "/", {})).status_code == 200


async def test_behind_a_proxy_its_word_counts_and_nobody_elses(
    empty: Live, project_url: str
) -> None:
    proxies = sa.update(SETTINGS).where(SETTINGS.c.key == "trusted_proxies")
    await change(project_url, proxies.values(value="10.0.0.0/8"))
    await empty.ask("POST", "/utils/cache/clear")
    await empty.ask("PATCH", "/roles/1", json={"ip_whitelist": ["203.0.113.9"]})
    for peer, forwarded, allowed in (
        ("10.0.0.1", "203.0.113.9", True),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9", True),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", True),
        ("10.0.0.1", "203.0.113.9, 6.6.6.6", False),
        ("10.0.0.1", "", False),
        ("6.6.6.6", "203.0.113.9", False),
        ("203.0.113.9", "6.6.6.6", True),
    ):
        async with at(empty, peer) as client:
            headers = {**by_token(empty.token), "x-forwarded-for": forwarded}
            answer = await asked(client, "GET", "/users", headers)
            assert answer.status_code == (200 if allowed else 401), (peer, forwarded)


# -- rates ------------------------------------------------------------------------------


def limited(**settings: str) -> dict[str, str]:
    """An interval so long that no test sees its end, but when it begins."""
    stated = {"ENABLED": "true", "LIMIT": "5", "INTERVAL": "100000000", **settings}
    return {f"{PREFIX}RATE_LIMIT__{name}": value for name, value in stated.items()}


def standing(answer: httpx2.Response) -> tuple[int, int, int]:
    """Status, limit and what is left."""
    found = [int(answer.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining")]
    assert int(answer.headers["x-ratelimit-reset"]) > 1_700_000_000
    return answer.status_code, found[0], found[1]


async def test_without_a_limit_nothing_is_said_of_one(empty: Live) -> None:
    answer = await empty.ask("GET", "/users")
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


async def test_an_address_may_ask_so_often(project_url: str, tmp_path: Path) -> None:
    # One request has been made: signing in.
    async with live(project_url, tmp_path / "data", environment=limited()) as world:
        for left, path in ((3, "/users"), (2, "/"), (1, "/auth/check"), (0, "/items/nothing")):
            answer = await asked(world.client, "GET", path, {})
            assert standing(answer)[1:] == (5, left), path
        answer = await asked(world.client, "GET", "/", {})
        assert refused(answer) == (7, 429)
        assert standing(answer) == (429, 5, 0)
        assert int(answer.headers["retry-after"]) > 0
        # Before anything is looked at, and whoever it is.
        assert refused(await log_in(world.client)) == (7, 429)
        assert refused(await world.ask("GET", "/users")) == (7, 429)
        # No project, no limit of one; nor for other addresses, of which one has many.
        assert (await world.client.get("/server/ping")).status_code == 200
        async with at(world, "2001:db8::1") as client, at(world, "2001:db8::2") as same:
            for left in (4, 2, 0):
                assert standing(await asked(client, "GET", "/", {}))[2] == left
                if left:
                    assert standing(await asked(same, "GET", "/", {}))[2] == left - 1
            assert refused(await asked(same, "GET", "/", {})) == (7, 429)


async def test_a_user_may_ask_so_often_from_wherever(project_url: str, tmp_path: Path) -> None:
    async with live(project_url, tmp_path / "data", environment=limited()) as world:
        for number in range(5):
            async with at(world, f"203.0.113.{number}") as client:
                answer = await asked(client, "GET", "/users", by_token(world.token))
                assert standing(answer) == (200, 5, 4 - number)
        async with at(world, "203.0.113.99") as client:
            assert refused(await asked(client, "GET", "/users", by_token(world.token))) == (7, 429)
            assert (await asked(client, "GET", "/", {})).status_code == 200


async def test_six_refreshes_a_minute_are_within_the_default(
    project_url: str, tmp_path: Path
) -> None:
    environment = {f"{PREFIX}RATE_LIMIT__ENABLED": "true"}
    async with live(project_url, tmp_path / "data", environment=environment) as world:
        token = world.token
        for _ in range(20):
            answer = await asked(world.client, "POST", "/auth/refresh", {}, json={"token": token})
            token = answer.json()["data"]["token"]
            # The old one goes on beside it.
            assert await admits(world.client, by_token(world.token))
            assert await admits(world.client, by_token(token))


@asynccontextmanager
async def two_workers(
    url: str, folder: Path, environment: dict[str, str], seen: list[Observation]
) -> AsyncIterator[tuple[Live, httpx2.AsyncClient]]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            live(url, folder, environment=environment, observer=seen.append)
        )
        server = await stack.enter_async_context(
            running(folder, environment, ServerConfig(passwords=QUICK), silent)
        )
        transport = httpx2.ASGITransport(app=server)
        client = httpx2.AsyncClient(transport=transport, base_url=HOST)
        yield world, await stack.enter_async_context(client)


async def test_redis_counts_for_every_worker(project_url: str, tmp_path: Path) -> None:
    require_redis()
    where = redis_url().render_as_string(hide_password=False)
    environment = limited(ADAPTER="redis", REDIS_URL=where)
    seen: list[Observation] = []
    async with two_workers(project_url, tmp_path / "data", environment, seen) as (world, other):
        for left in (3, 1):
            assert standing(await asked(world.client, "GET", "/", {}))[2] == left
            assert standing(await asked(other, "GET", "/", {}))[2] == left - 1
        for each in (world.client, other):
            assert refused(await asked(each, "GET", "/", {})) == (7, 429)
        public_key = project_config(tmp_path / "data", KEY, {}).auth.public_key
        async with Redis.from_url(where) as client:
            kept = await client.keys(f"conductus:rate:{public_key}:*")
            assert len(kept) == 1
            # Nothing stays for good.
            assert await client.ttl(kept[0]) > 0
            await client.delete(*kept)
    assert not [each for each in seen if isinstance(each, TaskFailed)]


async def test_redis_counts_guesses_for_every_server(tmp_path: Path) -> None:
    """Two servers with nothing in common but Redis."""
    require_redis()
    where = redis_url().render_as_string(hide_password=False)
    environment = {f"{PREFIX}RATE_LIMIT__ADAPTER": "redis", f"{PREFIX}RATE_LIMIT__REDIS_URL": where}
    # An address that nobody else asks from.
    address = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
    async with AsyncExitStack() as stack:
        clients = []
        for name in ("one", "two"):
            url = f"sqlite:///{tmp_path / name}.db"
            world = await stack.enter_async_context(
                live(url, tmp_path / name, environment=environment)
            )
            clients.append(await stack.enter_async_context(at(world, address)))
        path = f"/{KEY}/utils/random/string"
        for number in range(UTILITIES.most):
            answer = await clients[number % 2].post(path, json={})
            assert answer.status_code == 200, (number, answer.text)
        # On a busy machine some more are let through meanwhile.
        for client in clients:
            answers = [await client.post(path, json={}) for _ in range(5)]
            assert 429 in [answer.status_code for answer in answers]


async def test_while_redis_is_away_each_worker_counts_for_itself(
    project_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_door, "PAUSE_SECONDS", 3600)
    environment = limited(ADAPTER="redis", REDIS_URL=NOWHERE)
    seen: list[Observation] = []
    async with two_workers(project_url, tmp_path / "data", environment, seen) as (world, other):
        for left in (3, 2, 1, 0):
            assert standing(await asked(world.client, "GET", "/", {}))[2] == left
        assert refused(await asked(world.client, "GET", "/", {})) == (7, 429)
        assert standing(await asked(other, "GET", "/", {}))[2] == 4
    # Told once, not at each request.
    assert [each.task for each in seen if isinstance(each, TaskFailed)] == ["count by Redis"]
