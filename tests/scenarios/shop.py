"""A live project behind its real HTTP application, in-process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa
from msgspec.structs import replace

from conductus.app import running
from conductus.config import (
    ServerConfig,
    new_project_config,
    project_config,
    save_new_project,
)
from conductus.database.executor import Database
from conductus.database.opening import open_database
from conductus.extensions.loading import Found
from conductus.projects.install import adopt
from conductus.telemetry import Observer, silent
from tests.installed import put_project
from tests.passwords import QUICK, hash_of
from tests.scenarios.canaries import Canaries

KEY = "main"
MAIL_CANARY = "Canary-of-the-mail-server"
RESET_CANARY = "Canary-of-a-link-of-mail"
EMAIL = "admin@example.com"
PASSWORD = "correct horse battery staple"
HOST = "http://conductus.test"
_USERS = sa.table("directus_users", sa.column("password_reset_token"))


class Live:
    """A client of one project, signed in as the administrator."""

    def __init__(self, client: httpx2.AsyncClient, server: Any) -> None:
        self.client = client
        self.server = server
        self.token = ""
        self.application: Any = None
        """The server itself, for what is no request."""

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
    given: Sequence[Found] = (),
) -> AsyncIterator[Live]:
    """A project on the database at `url`, installed, served and signed in to."""
    save_new_project(folder, KEY, new_project_config(url))
    hashed = hash_of(PASSWORD)
    database = await open_database(url)
    try:
        await put_project(database, KEY, EMAIL, hashed)
        await _put(database, sa.update(_USERS).values(password_reset_token=RESET_CANARY))
        if manage:
            await adopt(database)
    finally:
        await database.close()
    config = _for_tests(config or ServerConfig())
    canaries = Canaries(hash_of_a_link=RESET_CANARY, password=PASSWORD, hash_of_the_password=hashed)
    canaries.hide_config(config)
    canaries.hide_config(project_config(folder, KEY, environment or {}))
    heard = canaries.overhearing(observer)
    async with running(folder, environment or {}, config, heard, given) as application:
        server = canaries.watching(application)
        transport = httpx2.ASGITransport(app=server)
        async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
            world = Live(client, server)
            world.application = application
            await world.sign_in()
            yield world
    canaries.verify()


def _for_tests(config: ServerConfig) -> ServerConfig:
    """The configuration, with a password of the mail server if it has none."""
    config = replace(config, passwords=QUICK)
    if config.mail.password:
        return config
    return replace(config, mail=replace(config.mail, password=MAIL_CANARY))


async def _put(database: Database, statement: sa.Update) -> None:
    """What the API lets nobody write."""
    compiled = database.dialect.compile(statement)
    async with database.transaction() as transaction:
        await transaction.execute(compiled.sql, compiled.values({}))
