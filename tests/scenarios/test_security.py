"""Security, row by row, for what there is so far: each test is named after its threat.

Canaries are put into everything that is secret, and are looked for in every answer and
every line of the log that these tests cause; `canaries` looks for those of every other test.
Other rows are tested beside their subject: docs/security.md says where.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import sqlalchemy as sa

from conductus.config import project_config
from conductus.database.dialect import Name as Driver
from conductus.database.opening import open_database
from conductus.telemetry import Log
from tests.databases import DRIVERS, fresh_database
from tests.scenarios.shop import HOST, KEY, PASSWORD, Live, live
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import field, relation, text, whole

CANARY = "Canary9"
TOKEN = "Static-token-of-the-administrator"
"""Administrators may read it: it must not get into the log, and cannot be asked for."""
SECRETS = {
    "token": TOKEN,
    "2fa_secret": f"{CANARY}-second-factor",
    "password_reset_token": f"{CANARY}-reset",
}
DATABASE_WORDS = (
    *("traceback", "sqlalchemy", "asyncpg", "asyncmy", "sqlite3", "pymysql", "syntax error"),
    *("select ", "insert into", "/src/", "site-packages", "errno"),
)
"""None of these belongs into a message for a client."""


class Watched:
    """A world that is watched: no canary may come out of it."""

    def __init__(self, world: Live, log: io.StringIO, canaries: tuple[str, ...]) -> None:
        self._world = world
        self._log = log
        self.canaries = canaries

    async def ask(
        self, method: str, path: str, body: Any = None, **options: Any
    ) -> httpx2.Response:
        """As the administrator."""
        if body is not None:
            options["json"] = body
        return self._checked(await self._world.ask(method, path, **options))

    async def asked_by(
        self, token: str, method: str, path: str, body: Any = None
    ) -> httpx2.Response:
        """As somebody else; nobody without a token."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self._checked(
            await self._world.client.request(method, f"/{KEY}{path}", headers=headers, json=body)
        )

    def check_log(self) -> None:
        lines = self._log.getvalue().splitlines()
        assert lines
        assert not [line for line in lines if any(one in line for one in (*self.canaries, TOKEN))]
        assert not [line for line in lines if "exception" in json.loads(line)]

    def _checked(self, answer: httpx2.Response) -> httpx2.Response:
        told = answer.text + str(answer.headers)
        assert not [one for one in self.canaries if one in told], told
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            message = answer.json()["error"]["message"].lower()
            assert not [word for word in DATABASE_WORDS if word in message], message
            assert answer.json()["error"].keys() <= {"code", "message", "request_id", "details"}
        return answer


@asynccontextmanager
async def watched(driver: Driver, folder: Path) -> AsyncIterator[Watched]:
    log = io.StringIO()
    async with (
        fresh_database(driver, "security", folder) as url,
        live(url, folder / "data", observer=Log("json", log)) as world,
    ):
        done = [
            await world.ask("POST", "/collections", json=collection)
            for collection in (
                {"collection": "vault", "fields": [ID, text("name"), text("code", "hash")]},
                {
                    "collection": "notes",
                    "fields": [ID, text("title"), whole("role", "m2o"), whole("user", "user"),
                               field("grants", "o2m")],
                },
            )
        ]  # fmt: skip
        for many, name, one in (
            ("notes", "role", "directus_roles"),
            ("notes", "user", "directus_users"),
        ):
            done.append(await world.ask("POST", "/relations", json=relation(many, name, one, None)))
        body = {"email": "ada@example.org", "password": PASSWORD, "status": "active", "role": None}
        done.append(await world.ask("POST", "/users", json=body | {"token": "Token-of-Ada"}))
        body = {"name": "safe", "code": f"{CANARY}-code"}
        done.append(await world.ask("POST", "/items/vault", json=body))
        assert {answer.status_code for answer in done} == {200}, [each.text for each in done]
        hashes = await _hide(url)
        config = project_config(folder / "data", KEY, {})
        canaries = (CANARY, PASSWORD, config.auth.secret_key, "postgres@", *hashes)
        found = Watched(world, log, canaries)
        yield found
        found.check_log()


async def _hide(url: str) -> tuple[str, ...]:
    """Puts canaries where the API lets nobody write; answers the hashes that are stored."""
    users = sa.table("directus_users", *map(sa.column, ("id", "password", *SECRETS)))
    vault = sa.table("vault", sa.column("code"))
    database = await open_database(url)
    try:
        hide = database.dialect.compile(
            sa.update(users).where(users.c.id == sa.literal(1)).values(**SECRETS)
        )
        async with database.transaction() as transaction:
            await transaction.execute(hide.sql, hide.values({}))
        found = []
        for select in (sa.select(users.c.password), sa.select(vault.c.code)):
            stored = database.dialect.compile(select)
            found += await database.fetch(stored.sql, stored.values({}))
        return tuple(str(value) for (value,) in found)
    finally:
        await database.close()


@pytest.fixture(scope="module", params=DRIVERS)
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Watched]:
    async with watched(request.param, tmp_path_factory.mktemp("security")) as found:
        yield found


def error(answer: httpx2.Response) -> tuple[int, int]:
    return answer.json()["error"]["code"], answer.status_code


# -- reading what one may not -----------------------------------------------------------

HIDDEN = ("password", *SECRETS)


@pytest.mark.parametrize("name", HIDDEN)
async def test_hidden_fields_in_every_syntax(world: Watched, name: str) -> None:
    for path in (
        f"/users?fields={name}",
        f"/users/1?fields={name}",
        f"/users/me?fields={name}",
        f"/users?fields[]={name}",
        f"/users?fields=*,{name}",
        f"/users/1,2?fields={name}",
        "/users?fields=*.*&limit=-1",
        f"/roles?fields=users.{name}",
        "/roles/1?fields=users.*.*",
        f"/items/notes?fields=user.{name}",
        "/items/notes?fields=*.*.*",
        f"/activity?fields=action_by.{name}",
        "/activity?fields=*.*",
        "/revisions?fields=*.*.*&limit=-1",
        "/users/1/revisions",
        f"/users?groups={name}",
        f"/users?aggregate[min]={name}",
        f"/users?aggregate[count]={name}",
        f"/users?sort={name}",
        f"/users?single=1&fields=id,{name}",
    ):
        await world.ask("GET", path)


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("operator", ["eq", "contains", "rlike", "gt", "in", "null"])
async def test_a_filter_as_an_oracle(world: Watched, name: str, operator: str) -> None:
    """A guess that holds and one that does not get the same answer."""
    for base in ("/users?", "/items/notes?", "/roles?"):
        path = {"/users?": name, "/items/notes?": f"user.{name}", "/roles?": f"users.{name}"}[base]
        told = set()
        for guess in (f"{CANARY[:4]}%25", "nothing"):
            # Not by way of `ask`: the guess is no leak.
            answer = await world._world.ask("GET", f"{base}filter[{path}][{operator}]={guess}")
            told.add(error(answer))
        assert told == {(215, 403)}


async def test_secrets_in_output_of_writing(world: Watched) -> None:
    answer = await world.ask("PATCH", "/users/1?fields=*", {"first_name": "Grace"})
    assert answer.json()["data"]["first_name"] == "Grace"
    assert "password" not in answer.json()["data"]
    answer = await world.ask("POST", "/items/vault", {"name": "new", "code": f"{CANARY}-x"})
    assert set(answer.json()["data"]["code"]) == {"*"}


async def test_ids_of_others_by_enumeration(world: Watched) -> None:
    """Not found and not allowed look the same, but for what names the request."""
    for asker in ("", "Token-of-Ada"):
        found = []
        for key in ("1", "99999"):
            answer = await world.asked_by(asker, "GET", f"/items/vault/{key}")
            told = answer.json()["error"]
            same = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
            found.append(
                (answer.status_code, told["code"], told["message"].replace(key, "N"), same)
            )
        found[0][3].pop("content-length"), found[1][3].pop("content-length")
        assert found[0] == found[1]


async def test_nobody_reads_or_writes_without_leave(world: Watched) -> None:
    for asker in ("", "Token-of-Ada", "nonsense"):
        for method, path, body in (
            ("GET", "/items/vault", None), ("POST", "/items/vault", {"name": "x"}),
            ("PATCH", "/items/vault/1", {"name": "x"}), ("DELETE", "/items/vault/1", None),
            ("GET", "/users", None), ("PATCH", "/users/1", {"role": None}),
            ("GET", "/roles", None), ("POST", "/roles", {"name": "x"}),
            ("POST", "/permissions", {"role": 2, "collection": "vault", "read": "full"}),
            ("POST", "/webhooks", {"name": "x"}), ("GET", "/activity", None),
            ("GET", "/revisions", None), ("POST", "/collections", {"collection": "x"}),
            ("PATCH", "/collections/vault", {"note": "x"}), ("DELETE", "/collections/vault", None),
            ("POST", "/fields/vault", text("x")), ("DELETE", "/fields/vault/name", None),
            ("POST", "/relations", {}), ("POST", "/utils/cache/clear", {}),
        ):  # fmt: skip
            answer = await world.asked_by(asker, method, path, body)
            assert answer.status_code in (401, 403, 404), (asker, method, path, answer.text)
    assert (await world.ask("GET", "/items/vault/1?fields=name")).json()["data"] == {"name": "safe"}


async def test_responses_that_caches_must_not_keep(world: Watched) -> None:
    for asker in ("", "Token-of-Ada"):
        for path in ("/", "/users", "/items/vault"):
            answer = await world.asked_by(asker, "GET", path)
            assert answer.headers["cache-control"] == "private, no-store"


class Cache(httpx2.AsyncBaseTransport):
    """A cache for everybody that does as little as it must: it obeys what answers say of it.

    That a request brings credentials is no reason for it to keep nothing.
    """

    def __init__(self, behind: httpx2.AsyncBaseTransport) -> None:
        self._behind = behind
        self._kept: dict[str, list[tuple[dict[str, str | None], int, bytes]]] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """An answer that was kept for such a request, or a new one."""
        for asked, status, body in self._kept.get(str(request.url), ()):
            if all(request.headers.get(name) == value for name, value in asked.items()):
                return httpx2.Response(status, content=body, headers={"age": "1"})
        answer = await self._behind.handle_async_request(request)
        body = await answer.aread()
        said = answer.headers.get("cache-control", "")
        varies = {word.strip() for word in answer.headers.get("vary", "").split(",")} - {""}
        if "private" not in said and "no-store" not in said and "*" not in varies:
            asked = {name: request.headers.get(name) for name in varies}
            self._kept.setdefault(str(request.url), []).append((asked, answer.status_code, body))
        return httpx2.Response(answer.status_code, content=body, headers=answer.headers)


async def test_response_caches_mixing_actors(world: Watched) -> None:
    """Two people, the same address, through a cache between them and the server."""
    inner = world._world
    credentials: tuple[dict[str, str], ...] = (
        {"authorization": f"Bearer {inner.token}"},
        {"authorization": "Bearer Token-of-Ada"},
        {},
    )
    transport = Cache(httpx2.ASGITransport(app=inner.server))
    async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
        for path in ("/", "/users/me", "/items/vault", "/items/vault/1", "/permissions/me",
                     "/collections", "/settings", "/specs/openapi"):  # fmt: skip
            for _ in range(2):
                through = [await client.get(f"/{KEY}{path}", headers=who) for who in credentials]
                direct = [
                    await inner.client.get(f"/{KEY}{path}", headers=who) for who in credentials
                ]
                assert [told(one) for one in through] == [told(one) for one in direct], path
                assert not [one for one in through if "age" in one.headers]


def told(answer: httpx2.Response) -> tuple[int, str]:
    """What an answer says, without the id of its request."""
    return answer.status_code, re.sub(r'"request_id":"[^"]*"', "", answer.text)


async def test_the_cache_of_that_test_keeps_what_it_may() -> None:
    async def shop(scope: Any, receive: Any, send: Any) -> None:
        who = dict(scope["headers"]).get(b"authorization", b"nobody")
        head = [(b"cache-control", b"max-age=60"), (b"vary", scope["query_string"])]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": who})

    transport = Cache(httpx2.ASGITransport(app=shop))
    async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
        for query, answers in (("", ["ann", "ann"]), ("authorization", ["ann", "ben"])):
            found = [
                (await client.get(f"/?{query}", headers={"authorization": who})).text
                for who in ("ann", "ben")
            ]
            assert found == answers


# -- writing what one may not -----------------------------------------------------------


@pytest.mark.parametrize("collection", [
    *("users", "roles", "permissions", "settings", "collections", "fields", "relations"),
    *("activity", "revisions", "user_sessions", "files", "folders", "webhooks"),
])  # fmt: skip
async def test_system_collections_as_items(world: Watched, collection: str) -> None:
    name = f"directus_{collection}"
    for method, path, body in (
        ("GET", f"/items/{name}", None), ("GET", f"/items/{name}/1", None),
        ("POST", f"/items/{name}", {"id": 99}), ("PATCH", f"/items/{name}/1", {"id": 99}),
        ("PATCH", f"/items/{name}", [{"id": 1}]), ("DELETE", f"/items/{name}/1", None),
        ("GET", f"/items/{name.upper()}", None), ("GET", f"/items/{name}%20", None),
        ("GET", f"/items/%64irectus_{collection}", None),
    ):  # fmt: skip
        answer = await world.ask(method, path, body)
        assert error(answer) in ((201, 401), (200, 404)), (method, path, answer.text)


async def test_mass_assignment_by_nested_writes(world: Watched) -> None:
    before = await _access(world)
    for body in (
        {"title": "a", "user": {"email": "evil@example.org", "role": 1, "status": "active"}},
        {"title": "a", "user": {"id": 2, "role": 1}},
        {"title": "a", "user": {"id": 2, "token": "evil"}},
        {"title": "a", "user": {"id": 1, "$delete": True}},
        {"title": "a", "role": {"name": "evil"}},
        {"title": "a", "role": {"id": 1, "ip_whitelist": "10.0.0.1"}},
        {"title": "a", "role": {"id": 1, "$delete": True}},
    ):
        for asker, refusal in (("", (3, 401)), ("Token-of-Ada", (301, 403))):
            answer = await world.asked_by(asker, "POST", "/items/notes", body)
            assert error(answer) == refusal, answer.text
            assert await _access(world) == before, body


async def test_passwords_in_nested_writes_are_hashed_and_never_told(world: Watched) -> None:
    user = {"email": "eve@example.org", "password": f"{CANARY}-nested", "status": "draft"}
    answer = await world.ask("POST", "/items/notes?fields=*.*", {"title": "a", "user": user})
    assert answer.status_code == 200, answer.text
    await world.ask("GET", "/revisions?limit=-1&fields=*.*")
    await world.ask("GET", "/activity?limit=-1&fields=*.*")


async def _access(world: Watched) -> Any:
    users = await world.ask("GET", "/users?fields=id,email,role,status&limit=-1&status=*")
    roles = await world.ask("GET", "/roles?fields=id,name,ip_whitelist&limit=-1")
    return users.json()["data"], roles.json()["data"]


async def test_the_audit_trail_cannot_be_changed(world: Watched) -> None:
    for path in ("/activity/1", "/revisions/1", "/activity", "/revisions"):
        for method in ("PATCH", "DELETE", "POST", "PUT"):
            answer = await world.ask(method, path, {"action": "x"})
            assert answer.status_code in (404, 405), (method, path, answer.text)


# -- input --------------------------------------------------------------------------------

HOSTILE = (
    "'", '"', "`", "\\", "';--", "1 OR 1=1", "1;DROP TABLE vault", "') OR ('1'='1", "$1", "%s",
    ":x", "?", "{{7*7}}", "\u2028", "\U0001f600", "\u202e", "a" * 2000, "-1", "1e400", "NaN",
    "Infinity", "99999999999999999999", "0x10", "null", "true", "[]", "{}", "../etc/passwd", "%",
)  # fmt: skip
PLACES = (
    "/items/vault?fields={}", "/items/vault?sort={}", "/items/vault?sort=-{}", "/items/vault?q={}",
    "/items/vault?filter[name]={}", "/items/vault?filter[name][{}]=1", "/items/vault?filter[{}]=1",
    "/items/vault?filter[id][in]={}", "/items/vault?filter[name][rlike]={}",
    "/items/vault?filter[name][contains]={}", "/items/vault?filter={}", "/items/vault?limit={}",
    "/items/vault?offset={}", "/items/vault?page={}", "/items/vault?meta={}",
    "/items/vault?status={}", "/items/vault?groups={}", "/items/vault?aggregate[sum]={}",
    "/items/vault?aggregate[{}]=id", "/items/vault?alias[{}]=name&fields={}",
    "/items/vault?lang={}", "/items/vault?single={}", "/items/vault?{}=1", "/items/vault/{}",
    "/items/vault/{}/revisions", "/items/vault/1/revisions/{}", "/items/{}", "/items/{}/1",
    "/collections/{}", "/fields/{}", "/fields/vault/{}", "/relations/{}", "/users/{}",
    "/activity/{}", "/revisions/{}", "/{}",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
async def test_injection_by_reading(world: Watched, place: str) -> None:
    for value in HOSTILE:
        found = quote(value, safe="")
        await world.ask("GET", place.format(found, found))
    assert (await world.ask("GET", "/items/vault/1?fields=name")).json()["data"] == {"name": "safe"}


async def test_injection_by_writing(world: Watched) -> None:
    for value in HOSTILE:
        answer = await world.ask("POST", "/items/vault?fields=name", {"name": value[:200]})
        assert answer.json()["data"] == {"name": value[:200]}
        for item in ({value: "x"}, {"id": value}, {"name": [value]}, {"name": {value: value}}):
            await world.ask("POST", "/items/vault", item)
        for path, body in (
            ("/collections", {"collection": value, "fields": [ID]}),
            ("/collections", {"collection": "made", "fields": [{**ID, "field": value}]}),
            ("/fields/vault", text(value)),
            ("/fields/vault", {**text("extra"), "datatype": value}),
            ("/fields/vault", {**text("extra"), "type": value}),
            ("/relations", relation("vault", value, value, value)),
        ):
            answer = await world.ask("POST", path, body)
            if answer.status_code == 200:
                made = answer.json()["data"]
                undo = f"/fields/vault/{quote(made['field'], safe='')}" if "field" in made else ""
                undo = undo or f"/collections/{quote(made.get('collection', ''), safe='')}"
                if "collection_many" not in made:
                    assert (await world.ask("DELETE", undo)).status_code == 204
    assert (await world.ask("GET", "/items/vault/1?fields=name")).json()["data"] == {"name": "safe"}


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){30}", "a" * 3000, "(" * 500, "["])
async def test_patterns_that_never_end(world: Watched, pattern: str) -> None:
    made = await world.ask("POST", "/fields/vault", {**text("strict"), "validation": pattern})
    if made.status_code == 200:
        await world.ask("POST", "/items/vault", {"strict": "a" * 100 + "!"})
        assert (await world.ask("DELETE", "/fields/vault/strict")).status_code == 204
    await world.ask("GET", f"/items/vault?filter[name][rlike]={quote(pattern)}")


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400, "-0", "1e-400"]
)
async def test_numbers_that_are_traps(world: Watched, number: str) -> None:
    for sent in (f'{{"role": {number}}}', f'{{"role": "{number}"}}', f'{{"id": {number}}}'):
        answer = await world.ask(
            "POST", "/items/notes", content=sent, headers={"content-type": "application/json"}
        )
        assert answer.status_code in (200, 400, 409, 422), answer.text


@pytest.mark.parametrize("sent", ['{"name": "\\u0000"}', '{"name": "a\\u0000b"}', '{"\\u0000": 1}',
                                  '{"name": "\\ud800"}', '{"name": "\\udfff\\ud800"}'])  # fmt: skip
async def test_text_that_no_database_takes(world: Watched, sent: str) -> None:
    answer = await world.ask(
        "POST", "/items/vault", content=sent, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text


# -- operations ---------------------------------------------------------------------------


async def test_no_secret_in_what_the_server_tells(world: Watched) -> None:
    for path in ("/server/projects", "/server/health", "/server/info", "/server/ping", "/"):
        answer = world._checked(await world._world.client.get(path))
        assert not [word for word in ("postgres", "mysql", "sqlite") if word in answer.text.lower()]
    for path in ("/", "/specs/openapi", "/docs"):
        await world.asked_by("", "GET", path)
        await world.ask("GET", path)
