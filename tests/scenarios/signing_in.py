"""What tests about sessions have in common: logging in, showing credentials, plain SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa
from msgspec import Struct

from conductus.app import running
from conductus.auth.credentials import Credentials
from conductus.auth.identity import Identity
from conductus.auth.second_factor_setup import sealed_secret
from conductus.config import ServerConfig
from conductus.database.opening import open_database
from conductus.permissions.actor import Actor
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.telemetry import silent
from tests.passwords import QUICK
from tests.scenarios.shop import EMAIL, HOST, KEY, PASSWORD, Live

COOKIE = f"directus-{KEY}-session"


def table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(f"directus_{name}", *(sa.column(column) for column in columns))


USERS = table("users", "id", "email", "status", "role", "password", "token", "2fa_secret")
SESSIONS = table("user_sessions", "id", "user", "token_type", "token", "ip_address")
ROLES = table("roles", "id", "enforce_2fa", "ip_whitelist")
ENDS = sa.table("directus_user_sessions", sa.column("token_expired_at", sa.DateTime()))
SETTINGS = table("settings", "key", "value")


class Clock:
    """Asks who it is at a time of one's choice."""

    def __init__(self, identity: Identity, project: Project, token: str) -> None:
        self.identity = identity
        self.project = project
        self.credentials = Credentials(token)
        self.now = datetime.now(UTC)

    async def actor(self, **later: float) -> Actor:
        now = self.now + timedelta(**later)
        return (await self.identity.identified(self.project, self.credentials, "", "", now)).actor


@asynccontextmanager
async def clock(folder: Path, token: str) -> AsyncIterator[Clock]:
    async def no_hash(text: str) -> str:
        raise AssertionError(text)

    async with AsyncExitStack() as stack:
        registry = Registry(folder, {}, ServerConfig(), silent, no_hash, sealed_secret)
        project = await (await stack.enter_async_context(registry)).project(KEY)
        identity = await stack.enter_async_context(Identity(silent))
        yield Clock(identity, project, token)


async def change(url: str, statement: sa.Update | sa.Delete) -> None:
    """Plain SQL, behind the server's back."""
    database = await open_database(url)
    try:
        compiled = database.dialect.compile(statement)
        async with database.transaction() as transaction:
            await transaction.execute(compiled.sql, compiled.values({}))
    finally:
        await database.close()


async def rows(url: str, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
    database = await open_database(url)
    try:
        compiled = database.dialect.compile(statement)
        return [tuple(row) for row in await database.fetch(compiled.sql, compiled.values({}))]
    finally:
        await database.close()


async def log_in(
    client: httpx2.AsyncClient, email: str = EMAIL, password: str = PASSWORD, **more: Any
) -> httpx2.Response:
    body = {"email": email, "password": password, **more}
    return await client.post(f"/{KEY}/auth/authenticate", json=body)


async def token_of(client: httpx2.AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> str:
    answer = await log_in(client, email, password)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["token"])


class SetCookie(Struct, frozen=True):
    """What an answer does with the cookie."""

    value: str
    expires: datetime
    facts: frozenset[str]
    """The other attributes, as they were sent."""

    @property
    def alive(self) -> bool:
        return self.expires > datetime.now(UTC)


def cookie_in(answer: httpx2.Response, name: str = COOKIE) -> SetCookie | None:
    """The cookie that an answer sets; it must not set another."""
    stated = answer.headers.get_list("set-cookie")
    if not stated:
        return None
    (line,) = stated
    parsed: SimpleCookie = SimpleCookie()
    parsed.load(line)
    assert set(parsed) == {name}
    morsel = parsed[name]
    facts = frozenset(part.strip() for part in line.split(";")[1:])
    return SetCookie(
        morsel.value,
        parsedate_to_datetime(morsel["expires"]),
        frozenset(fact for fact in facts if not fact.lower().startswith("expires")),
    )


async def cookie_of(
    client: httpx2.AsyncClient, email: str = EMAIL, password: str = PASSWORD, **headers: str
) -> str:
    """The value of a new session's cookie."""
    body = {"email": email, "password": password, "mode": "cookie"}
    answer = await client.post(f"/{KEY}/auth/authenticate", json=body, headers=headers)
    client.cookies.clear()
    assert answer.status_code == 200, answer.text
    found = cookie_in(answer)
    assert found is not None
    return found.value


def by_cookie(value: str, name: str = COOKIE) -> dict[str, str]:
    """The headers of a script that uses a cookie on purpose."""
    return {"cookie": f"{name}={value}", "origin": HOST}


def by_token(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def asked(
    client: httpx2.AsyncClient, method: str, path: str, headers: dict[str, str], **more: Any
) -> httpx2.Response:
    """A request that shows these credentials and no others."""
    client.cookies.clear()
    answer = await client.request(method, f"/{KEY}{path}", headers=headers, **more)
    client.cookies.clear()
    return answer


async def admits(client: httpx2.AsyncClient, headers: dict[str, str]) -> bool:
    """Whether the credentials let one do what the public may not do."""
    answer = await asked(client, "GET", "/users", headers)
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def refused(answer: httpx2.Response) -> tuple[int, int]:
    return answer.json()["error"]["code"], answer.status_code


async def new_user(world: Live, email: str, **facts: Any) -> int:
    body = {"email": email, "password": PASSWORD, "status": "active", "role": 1, **facts}
    answer = await world.ask("POST", "/users", json=body)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["data"]["id"])


async def actions(world: Live, user: int) -> list[str]:
    """What the activity tells of a user's logins, oldest first."""
    found = await world.data(f"/activity?sort=id&filter[item]={user}&limit=-1")
    wanted = ("authenticate", "invalid-credentials", "status-update")
    return [row["action"] for row in found if row["action"] in wanted]


async def allow_failures(world: Live, url: str, attempts: int) -> None:
    """Sets how many logins may fail in a row."""
    setting = sa.update(SETTINGS).where(SETTINGS.c.key == "login_attempts_allowed")
    await change(url, setting.values(value=str(attempts)))
    await world.ask("POST", "/utils/cache/clear")


@asynccontextmanager
async def another_worker(folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A second worker on the same data folder."""
    async with running(folder, {}, ServerConfig(passwords=QUICK), silent) as server:
        transport = httpx2.ASGITransport(app=server)
        async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
            yield client
