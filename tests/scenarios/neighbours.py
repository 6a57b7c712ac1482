"""Several projects behind one server, each with a database of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from msgspec.structs import replace

from conductus.app import running
from conductus.config import ServerConfig, new_project_config, project_path, save_new_project
from conductus.database.dialect import Name as Driver
from conductus.database.opening import open_database
from conductus.extensions.loading import Found
from conductus.schema.system import load_system
from conductus.telemetry import Observation, ProjectClosed, ProjectOpened
from tests.databases import fresh_database
from tests.installed import put_project
from tests.passwords import QUICK, hash_of
from tests.scenarios.shop import EMAIL, HOST, PASSWORD

SYSTEM = load_system()


class Neighbours:
    """A client of every project, signed in to each as its administrator."""

    def __init__(self, client: httpx2.AsyncClient, server: Any, seen: list[Observation]) -> None:
        self.client = client
        self.server = server
        self.seen = seen
        self.tokens: dict[str, str] = {}

    async def sign_in(self, key: str) -> None:
        login = {"email": EMAIL, "password": PASSWORD}
        answer = await self.client.post(f"/{key}/auth/authenticate", json=login)
        assert answer.status_code == 200, answer.text
        self.tokens[key] = answer.json()["data"]["token"]

    async def ask(
        self, key: str, method: str, path: str, token: str | None = None, **options: Any
    ) -> httpx2.Response:
        """A request below a project, by its administrator or with another token."""
        bearer = {"authorization": f"Bearer {token or self.tokens[key]}"}
        headers = bearer | options.pop("headers", {})
        return await self.client.request(method, f"/{key}{path}", headers=headers, **options)

    async def data(self, key: str, method: str, path: str, **options: Any) -> Any:
        answer = await self.ask(key, method, path, **options)
        assert answer.status_code in (200, 204), answer.text
        return answer.json()["data"] if answer.content else None

    def open(self) -> set[str]:
        """The projects that were opened and not closed again."""
        found: set[str] = set()
        for one in self.seen:
            if isinstance(one, ProjectOpened):
                found.add(one.project)
            elif isinstance(one, ProjectClosed):
                found.discard(one.project)
        return found


@asynccontextmanager
async def serving(
    data: Path, config: ServerConfig, given: Sequence[Found] = ()
) -> AsyncIterator[Neighbours]:
    """The server of a data folder."""
    seen: list[Observation] = []
    config = replace(config, passwords=QUICK)
    async with running(data, {}, config, seen.append, given) as server:
        transport = httpx2.ASGITransport(app=server)
        async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
            yield Neighbours(client, server, seen)


@asynccontextmanager
async def databases(
    driver: Driver, data: Path, keys: Sequence[str]
) -> AsyncIterator[dict[str, str]]:
    """An installed database for each key, with its file of settings."""
    data.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        urls = {}
        for key in keys:
            urls[key] = await stack.enter_async_context(fresh_database(driver, key, data))
            await settle(data, key, urls[key])
        yield urls


async def settle(data: Path, key: str, url: str, more: str = "") -> None:
    """A project on a database."""
    database = await open_database(url)
    hashed = hash_of(PASSWORD)
    try:
        await put_project(database, key, EMAIL, hashed)
    finally:
        await database.close()
    save_new_project(data, key, new_project_config(url))
    say(data, key, more)


def say(data: Path, key: str, more: str) -> None:
    """More settings of a project."""
    with project_path(data, key).open("a") as file:
        file.write(f"\n{more}\n")


async def copies(data: Path, keys: Sequence[str]) -> None:
    """SQLite projects that are alike but for their secrets: the first is copied."""
    data.mkdir(exist_ok=True)
    first = data / f"{keys[0]}.db"
    await settle(data, keys[0], f"sqlite:///{first}")
    for key in keys[1:]:
        shutil.copyfile(first, data / f"{key}.db")
        save_new_project(data, key, new_project_config(f"sqlite:///{data / key}.db"))
