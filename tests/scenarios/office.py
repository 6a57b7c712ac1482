"""The office: people of two roles, and collections with and without owner and status.

For scenarios of permissions. Each test says which rows the roles have; people sign in with
static tokens. `links` refer to every item of the four collections by a many-to-one field
each, and the one `hub` lists each collection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from conductus.config import ServerConfig
from conductus.database.dialect import Name as Driver
from tests.databases import fresh_database
from tests.scenarios.shop import KEY as PROJECT
from tests.scenarios.shop import PASSWORD, Live, live
from tests.scenarios.worlds import KEY, Item, done, field, relation, status, text, whole

STATUSES = {
    "draft": {"name": "Draft", "soft_delete": False, "published": False},
    "published": {"name": "Published", "soft_delete": False, "published": True},
    "deleted": {"name": "Deleted", "soft_delete": True, "published": False},
}
PUBLIC = 2
OWNERS = ("ann", "ben", "cid", None)
"""Ann and Ben have one role, Cid another; what nobody owns was made by the administrator."""
COLLECTIONS: dict[str, tuple[bool, bool]] = {
    "plain": (False, False),
    "owned": (True, False),
    "staged": (False, True),
    "cases": (True, True),
}
"""Name → whether it has an owner, and a status."""


class Office:
    """The project, its people and what they own."""

    def __init__(self, world: Live, url: str) -> None:
        self.world = world
        self.url = url
        """Of the database."""
        self.roles: dict[str, int] = {}
        self.people: dict[str, int] = {}
        self.items: dict[str, list[Item]] = {}
        """Collection → its items with `id`, `owner` (a name or None) and `status`."""
        self._rows: list[int] = []

    def role_of(self, person: str | None) -> int:
        """The role of a person; of nobody that of the public."""
        match person:
            case None:
                return PUBLIC
            case "cid":
                return self.roles["writers"]
            case _:
                return self.roles["editors"]

    async def ask(
        self, person: str | None, method: str, path: str, body: Any = None
    ) -> httpx2.Response:
        """A request by somebody; by nobody without a name, `admin` is the administrator."""
        if person == "admin":
            return await self.world.ask(method, path, **({} if body is None else {"json": body}))
        headers = {} if person is None else {"authorization": f"Bearer {token(person)}"}
        return await self.world.client.request(
            method, f"/{PROJECT}{path}", headers=headers, **({} if body is None else {"json": body})
        )

    async def get(self, person: str | None, path: str) -> Any:
        """The body of a GET that must succeed."""
        answer = await self.ask(person, "GET", path)
        assert answer.status_code == 200, (person, path, answer.text)
        return answer.json()

    async def data(self, person: str | None, path: str) -> Any:
        """The `data` of a GET that must succeed."""
        return (await self.get(person, path))["data"]

    async def error(self, person: str | None, path: str) -> tuple[int, int]:
        """Code and status of a GET that must fail."""
        answer = await self.ask(person, "GET", path)
        assert answer.status_code >= 400, (person, path, answer.text)
        return answer.json()["error"]["code"], answer.status_code

    async def grant(self, *rows: Item, roles: Iterable[int] = ()) -> None:
        """Gives each of the roles (all of them unless told) these rows in addition."""
        chosen = tuple(roles) or (*self.roles.values(), PUBLIC)
        body = [{**row, "role": role} for role in chosen for row in rows]
        made = await done(self.world, "/permissions", body)
        self._rows += [row["id"] for row in made]

    async def withdraw(self) -> None:
        """Takes back what was granted."""
        if self._rows:
            ids = ",".join(map(str, self._rows))
            answer = await self.world.ask("DELETE", f"/permissions/{ids}")
            assert answer.status_code == 204, answer.text
        self._rows = []


def token(person: str) -> str:
    """The static token of a person."""
    return f"Token-of-{person}"


@asynccontextmanager
async def office(
    driver: Driver, folder: Path, config: ServerConfig | None = None
) -> AsyncIterator[Office]:
    """The office, furnished; no role has any row of a collection of ours."""
    async with (
        fresh_database(driver, "office", folder) as url,
        live(url, folder / "data", config=config) as world,
    ):
        found = Office(world, url)
        await _make_people(found)
        await _make_collections(world)
        await _fill(found)
        yield found


@asynccontextmanager
async def staff(
    driver: Driver, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Office]:
    """The people of the office alone, with the rows that new roles have."""
    async with (
        fresh_database(driver, "staff", folder) as url,
        live(url, folder / "data", environment=environment) as world,
    ):
        found = Office(world, url)
        await _make_people(found)
        yield found


async def _make_people(office: Office) -> None:
    for name in ("editors", "writers"):
        role = await done(office.world, "/roles", {"name": name})
        office.roles[name] = role["id"]
    for name in ("ann", "ben", "cid"):
        made = await done(
            office.world,
            "/users",
            {
                "email": f"{name}@example.org",
                "password": PASSWORD,
                "status": "active",
                "role": office.role_of(name),
                "token": token(name),
                "first_name": name,
                "last_name": "Name",
            },
        )
        office.people[name] = made["id"]


async def _make_collections(world: Live) -> None:
    for name, (with_owner, with_status) in COLLECTIONS.items():
        fields = [
            *([status(STATUSES)] if with_status else []),
            *([whole("owner", "owner")] if with_owner else []),
            *(text("name"), text("secret"), whole("hub", "m2o"), field("links", "o2m")),
        ]
        await done(world, "/collections", {"collection": name, "fields": [KEY, *fields]})
    lists = [field(name, "o2m") for name in COLLECTIONS]
    await done(world, "/collections", {"collection": "hubs", "fields": [KEY, text("name"), *lists]})
    keys = [whole(name, "m2o") for name in COLLECTIONS]
    await done(world, "/collections", {"collection": "links", "fields": [KEY, *keys]})
    for name in COLLECTIONS:
        await done(world, "/relations", relation(name, "hub", "hubs", name))
        await done(world, "/relations", relation("links", name, name, "links"))


async def _fill(office: Office) -> None:
    await done(office.world, "/items/hubs", {"name": "hub"})
    for name, (with_owner, with_status) in COLLECTIONS.items():
        rows = [
            {
                "name": f"{owner or 'nobody'} {stage}",
                "secret": f"secret of {owner or 'nobody'}",
                "hub": 1,
                **({"status": stage} if with_status else {}),
            }
            for owner in (OWNERS if with_owner else (None,))
            for stage in (STATUSES if with_status else ("item",))
        ]
        made = await done(office.world, f"/items/{name}?status=*", rows)
        owners = [owner for owner in (OWNERS if with_owner else (None,))
                  for _ in (STATUSES if with_status else ("item",))]  # fmt: skip
        if with_owner:
            owned = [
                {"id": item["id"], "owner": office.people[owner]}
                for item, owner in zip(made, owners, strict=True)
                if owner is not None
            ]
            answer = await office.world.ask("PATCH", f"/items/{name}?status=*", json=owned)
            assert answer.status_code == 200, answer.text
        office.items[name] = [
            {"id": item["id"], "owner": owner, "status": item.get("status"), "name": item["name"]}
            for item, owner in zip(made, owners, strict=True)
        ]
        links = [{name: item["id"]} for item in made]
        await done(office.world, "/items/links", links)
