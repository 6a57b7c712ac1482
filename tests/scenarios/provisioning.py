"""An identity provider: what it sends to the SCIM endpoints of a project."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from conductus.database.dialect import Name as Driver
from tests.databases import fresh_database
from tests.scenarios.shop import KEY, PASSWORD, Live, live

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
TYPE = "application/scim+json;charset=utf-8"
SETTINGS = f"CONDUCTUS_PROJECTS__{KEY.upper()}__SCIM__"
_numbers = itertools.count(1)


class Provider:
    """A client of the SCIM endpoints with an administrator's token."""

    def __init__(self, world: Live) -> None:
        self.world = world

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> httpx2.Response:
        """A request below `scim/v2`; `token` may be that of somebody else, or empty."""
        shown = self.world.token if token is None else token
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if shown:
            named["authorization"] = f"Bearer {shown}"
        options: dict[str, Any] = {} if body is None else {"json": body}
        return await self.world.client.request(
            method, f"/{KEY}/scim/v2{path}", headers=named, **options
        )

    async def ok(
        self, status: int, method: str, path: str, body: Any = None, **options: Any
    ) -> Any:
        """The body of a request that must be answered so."""
        answer = await self.ask(method, path, body, **options)
        assert answer.status_code == status, (method, path, body, answer.text)
        if status == 204:
            assert not answer.content
            return None
        assert answer.headers["content-type"] == TYPE
        assert "public" not in answer.json()
        return answer.json()

    async def refused(
        self, status: int, scim_type: str | None, method: str, path: str, body: Any = None, **o: Any
    ) -> str:
        """The detail of an error that must be this one."""
        answer = await self.ask(method, path, body, **o)
        told = answer.json()
        assert answer.headers["content-type"] == TYPE
        assert (answer.status_code, told.get("scimType")) == (status, scim_type), answer.text
        assert told["schemas"] == [ERROR]
        assert told["status"] == str(status)
        assert told.keys() <= {"schemas", "status", "scimType", "detail"}
        return str(told["detail"])

    def name(self, word: str = "user") -> str:
        """A word that no other test uses."""
        return f"{word}{next(_numbers)}{secrets.token_hex(3)}"

    async def user(self, **changed: Any) -> Any:
        """A new user."""
        body = {"schemas": [USER], "userName": f"{self.name()}@example.org", "active": True}
        return await self.ok(201, "POST", "/Users", {**body, **changed})

    async def group(self, *members: str, **changed: Any) -> Any:
        """A new group."""
        body = {"schemas": [GROUP], "displayName": self.name("Group ")}
        listed = {"members": [{"value": each} for each in members]} if members else {}
        return await self.ok(201, "POST", "/Groups", {**body, **listed, **changed})

    async def get(self, path: str) -> Any:
        """The body of a GET."""
        return await self.ok(200, "GET", path)

    async def found(self, kind: str, filter: str, more: str = "") -> list[str]:
        """The ids that a filter finds."""
        answer = await self.get(f"/{kind}?filter={quote(filter)}{more}")
        assert answer["schemas"] == [LIST]
        return [each["id"] for each in answer["Resources"]]

    async def patch(self, path: str, *operations: Any, **headers: str) -> Any:
        """A resource after operations."""
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return await self.ok(200, "PATCH", path, body, **headers)

    async def refused_patch(
        self, status: int, scim_type: str | None, path: str, *operations: Any
    ) -> str:
        """The detail of the error that operations must give."""
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return await self.refused(status, scim_type, "PATCH", path, body)

    async def rest(self, path: str) -> Any:
        """What the project's own API says."""
        return await self.world.data(path)

    async def made(self, path: str, body: Any) -> Any:
        """A new item by the project's own API."""
        answer = await self.world.ask("POST", path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def token_of(self, role: int | None, **changed: Any) -> str:
        """The static token of a new user of that role."""
        token = secrets.token_hex(16)
        body = {"email": f"{self.name('token')}@example.org", "status": "active", "token": token}
        await self.made("/users", {**body, "role": role, **changed})
        return token

    async def signed_in(self, email: str, password: str = PASSWORD) -> httpx2.Response:
        """What a login answers."""
        return await self.world.client.post(
            f"/{KEY}/auth/authenticate", json={"email": email, "password": password}
        )


@asynccontextmanager
async def provider(driver: Driver, folder: Path, **settings: str) -> AsyncIterator[Provider]:
    """A provider of a project of its own; `settings` are those of `scim`."""
    environment = {f"{SETTINGS}{name.upper()}": value for name, value in settings.items()}
    async with (
        fresh_database(driver, "scim", folder) as url,
        live(url, folder / "data", environment=environment) as world,
    ):
        yield Provider(world)
