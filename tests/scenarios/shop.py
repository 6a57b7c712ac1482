"""A live project behind its real HTTP application, in-process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from pwdlib import PasswordHash

from conductus.app import running
from conductus.config import ServerConfig, new_project_config, save_new_project
from conductus.database.opening import open_database
from conductus.projects.install import Administrator, adopt, install
from conductus.schema.system import load_system
from conductus.telemetry import Observer, silent

KEY = "main"
EMAIL = "admin@example.com"
PASSWORD = "correct horse battery staple"
HOST = "http://conductus.test"


class Live:
    """A client of one project, signed in as the administrator."""

    def __init__(self, client: httpx2.AsyncClient, server: Any) -> None:
        self.client = client
        self.server = server
        self.token = ""

    async def sign_in(self) -> None:
        answer = await self.client.post(
            f"/{KEY}/auth/authenticate", json={"email": EMAIL, "password": PASSWORD}
        )
        self.token = answer.json()["data"]["token"]

    async def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """A request below the project, as the administrator."""
        headers = {"authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.client.request(method, f"/{KEY}{path}", headers=headers, **options)

    async def data(self, path: str) -> Any:
        """The `data` of a successful GET."""
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@asynccontextmanager
async def live(
    url: str,
    folder: Path,
    *,
    manage: bool = False,
    environment: Mapping[str, str] | None = None,
    observer: Observer = silent,
    config: ServerConfig | None = None,
) -> AsyncIterator[Live]:
    """A project on the database at `url`, installed, served and signed in to."""
    save_new_project(folder, KEY, new_project_config(url))
    database = await open_database(url)
    try:
        hashed = PasswordHash.recommended().hash(PASSWORD)
        await install(database, load_system(), KEY, Administrator(EMAIL, hashed), insist=False)
        if manage:
            await adopt(database)
    finally:
        await database.close()
    async with running(folder, environment or {}, config or ServerConfig(), observer) as server:
        transport = httpx2.ASGITransport(app=server)
        async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
            world = Live(client, server)
            await world.sign_in()
            yield world
