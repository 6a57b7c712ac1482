"""For tests of plugins: a real project behind its real application, in one process.

```python
async with project({"labels": register}) as shop:
    await shop.make("articles", "title")
    made = await shop.ok("POST", "/items/articles", {"title": "First"})
    assert [event.event for event in await shop.told("articles")] == ["item.create"]
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx2

from conductus.app import running
from conductus.auth.passwords import Passwords
from conductus.config import (
    LIGHTEST_PASSWORDS,
    PluginsConfig,
    ServerConfig,
    database_url,
    new_project_config,
    save_new_project,
)
from conductus.database.opening import open_database
from conductus.extensions import AfterEvent, Registry
from conductus.extensions.events import KINDS
from conductus.extensions.loading import given
from conductus.projects.install import Administrator, install
from conductus.schema.system import load_system
from conductus.telemetry import Observer, silent

__all__ = ["PluginProject", "project"]
KEY: Final = "test"
HOST: Final = "http://conductus.test"
EMAIL: Final = "admin@example.com"
PASSWORD: Final = "a password of tests"  # noqa: S105 - it opens nothing
PATIENCE_SECONDS: Final = 20.0
Register = Callable[[Registry], None]


class PluginProject:
    """The project, and an administrator who is signed in to it."""

    def __init__(self, client: httpx2.AsyncClient, told: _Told) -> None:
        self.client = client
        self.token = ""
        self._told = told

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **options: Any
    ) -> httpx2.Response:
        """A request below the project; with an empty `token` by nobody."""
        token = self.token if token is None else token
        headers = {**options.pop("headers", {})}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if body is not None:
            options["json"] = body
        return await self.client.request(method, f"/{KEY}{path}", headers=headers, **options)

    async def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The `data` of a request that must succeed; None for 204."""
        answer = await self.ask(method, path, body, **options)
        if answer.status_code == 204:
            return None
        if answer.status_code != 200:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()["data"]

    async def refused(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The `error` of a request that must fail, with its `status`."""
        answer = await self.ask(method, path, body, **options)
        if answer.status_code < 400:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return {**answer.json()["error"], "status": answer.status_code}

    async def make(self, collection: str, *fields: str | Mapping[str, Any]) -> str:
        """A new collection with a numeric `id` and these fields; a name alone is a text."""
        key = {"field": "id", "type": "integer", "datatype": "INT", "length": 11,
               "primary_key": True, "auto_increment": True}  # fmt: skip
        listed = [key, *(_text(one) if isinstance(one, str) else dict(one) for one in fields)]
        await self.ok("POST", "/collections", {"collection": collection, "fields": listed})
        return collection

    async def told(self, collection: str, events: int = 1, *, of: str = "item") -> list[AfterEvent]:
        """What the outbox has told of a collection's items, once there are so many.

        In the order in which it happened; nothing is given twice. `of` is the first word of
        other events: `field`, `collection`, or `file` (of `directus_files`).
        """
        mine: list[AfterEvent] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(mine) < events:
                self._told.news.clear()
                mine = [
                    event
                    for event in self._told.events
                    if event.collection == collection and event.event.startswith(f"{of}.")
                ]
                if len(mine) < events:
                    await self._told.news.wait()
        self._told.events = [event for event in self._told.events if event not in mine]
        return sorted(mine, key=lambda event: event.timestamp)


class _Told:
    """Keeps what the outbox tells."""

    def __init__(self) -> None:
        self.events: list[AfterEvent] = []
        self.news = asyncio.Event()

    def register(self, registry: Registry) -> None:
        registry.on(*(name for name, kind in KINDS.items() if "after" in kind.moments))(self.take)

    async def take(self, event: AfterEvent) -> None:
        if not (event.collection.startswith("directus_") and event.event.startswith("item.")):
            self.events.append(event)
            self.news.set()


@asynccontextmanager
async def project(
    plugins: Mapping[str, Register],
    *,
    url: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    configured: Mapping[str, Any] | None = None,
    observer: Observer = silent,
    data: Path | None = None,
) -> AsyncIterator[PluginProject]:
    """A project that these plugins serve, in a new database: SQLite's, or an empty one at `url`.

    `settings` is what each of them is told, `configured` what the project's file would say:
    `{"storage": {"driver": "plugin", "plugin": "cellar"}}`.
    """
    with TemporaryDirectory() as temporary:
        folder = data or Path(temporary)
        await _installed(folder, url or "sqlite:///test.db")
        told = _Told()
        found = [given(name, register) for name, register in plugins.items()]
        stated = {name: dict(one) for name, one in (settings or {}).items()}
        config = ServerConfig(
            public_url=HOST,
            plugins=PluginsConfig(settings=stated),
            passwords=LIGHTEST_PASSWORDS,
        )
        environment = dict(_variables(f"CONDUCTUS_PROJECTS__{KEY.upper()}", configured or {}))
        recorder = given("testing", told.register)
        async with (
            running(folder, environment, config, observer, [*found, recorder]) as server,
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=server), base_url=HOST) as client,
        ):
            made = PluginProject(client, told)
            signed_in = await made.ok(
                "POST", "/auth/authenticate", {"email": EMAIL, "password": PASSWORD}, token=""
            )
            made.token = signed_in["token"]
            yield made


async def _installed(folder: Path, url: str) -> None:
    config = new_project_config(url)
    save_new_project(folder, KEY, config)
    with Passwords(LIGHTEST_PASSWORDS) as passwords:
        hashed = await passwords.hash_secret(PASSWORD)
    database = await open_database(database_url(config, folder))
    try:
        await install(database, load_system(), KEY, Administrator(EMAIL, hashed), insist=False)
    finally:
        await database.close()


def _variables(prefix: str, configured: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A configuration as an environment would say it."""
    for name, value in configured.items():
        if isinstance(value, Mapping):
            yield from _variables(f"{prefix}__{name.upper()}", value)
        else:
            yield f"{prefix}__{name.upper()}", str(value)


def _text(name: str) -> dict[str, Any]:
    return {"field": name, "type": "string", "datatype": "VARCHAR", "length": 255}
