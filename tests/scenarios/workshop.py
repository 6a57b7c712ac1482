"""A project in which each test makes collections of its own and leaves the others' alone."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from conductus.database.dialect import Name as Driver
from conductus.database.opening import open_database
from tests.databases import fresh_database
from tests.scenarios.shop import Live, live
from tests.scenarios.worlds import KEY, Item

SYSTEM = ("directus_collections", "directus_fields", "directus_relations")
_numbers = itertools.count(1)


class Workshop:
    """The project and what tests ask of it again and again."""

    def __init__(self, world: Live, driver: Driver, url: str, folder: Path) -> None:
        self.world = world
        self.folder = folder
        """The data folder."""
        self.driver = driver
        self.url = url

    def name(self, word: str = "things") -> str:
        """A name that no other test uses."""
        return f"{word}_{next(_numbers)}_{secrets.token_hex(2)}"

    async def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The `data` of a request that must succeed; None for 204."""
        if body is not None:
            options["json"] = body
        answer = await self.world.ask(method, path, **options)
        assert answer.status_code in (200, 204), (method, path, body, answer.text)
        if answer.status_code == 204:
            assert not answer.content
            return None
        assert answer.json().keys() <= {"data", "meta", "messages"}
        return answer.json()["data"]

    async def get(self, path: str) -> Any:
        """The `data` of a GET."""
        return await self.ok("GET", path)

    async def refused(
        self, error: tuple[int, int], method: str, path: str, body: Any = None, **options: Any
    ) -> Item:
        """The error of a request that must fail with this code and status."""
        if body is not None:
            options["json"] = body
        answer = await self.world.ask(method, path, **options)
        assert answer.status_code >= 400, (method, path, body, answer.text)
        told: Item = answer.json()["error"]
        assert (told["code"], answer.status_code) == error, (method, path, body, told)
        return told

    async def make(self, *fields: Item, word: str = "things", key: Item = KEY, **more: Any) -> str:
        """A new collection; its name."""
        name = self.name(word)
        body = {"collection": name, "fields": [key, *fields], **more}
        await self.ok("POST", "/collections", body)
        return name

    async def relate(
        self, many: str, field_many: str, one: str, field_one: str | None = None, **more: Any
    ) -> Item:
        """A new relation."""
        body = {
            "collection_many": many,
            "field_many": field_many,
            "collection_one": one,
            "field_one": field_one,
            **more,
        }
        made: Item = await self.ok("POST", "/relations", body)
        return made

    async def field(self, collection: str, name: str) -> Item:
        """A field as the API tells it."""
        found: Item = await self.get(f"/fields/{collection}/{name}")
        return found

    async def fields(self, collection: str) -> list[str]:
        """The names of a collection's fields, in the order of the API."""
        return [field["field"] for field in await self.get(f"/fields/{collection}")]

    async def exists(self, collection: str) -> bool:
        """Whether there is a table of that name."""
        listed = await self.get("/collections?fields=collection")
        return collection in [one["collection"] for one in listed]

    async def items(self, collection: str, query: str = "limit=-1") -> list[Item]:
        """Items of a collection."""
        found: list[Item] = await self.get(f"/items/{collection}?{query}")
        return found

    async def deeds(self, collection: str) -> list[tuple[str, str]]:
        """Action and item of every row of activity about a collection, oldest first."""
        query = f"filter[collection]={collection}&fields=action,item&sort=id&limit=-1"
        return [(row["action"], row["item"]) for row in await self.get(f"/activity?{query}")]

    async def revisions(self, collection: str) -> list[Item]:
        """Every revision of a collection's items, oldest first."""
        query = f"filter[collection]={collection}&sort=id&limit=-1"
        found: list[Item] = await self.get(f"/revisions?{query}")
        return found

    async def structure(self) -> list[list[Item]]:
        """Everything that a change of the schema may touch."""
        return [
            await self.get(path)
            for path in ("/collections?limit=-1", "/relations?limit=-1&fields=*")
        ]

    async def behind_our_back(self, *statements: str) -> None:
        """SQL that somebody else runs, and the call that makes it seen."""
        await self.foreign(*statements)
        await self.ok("POST", "/utils/cache/clear")

    async def foreign(self, *statements: str) -> None:
        """SQL that somebody else runs."""
        database = await open_database(self.url)
        try:
            async with database.schema_transaction() as transaction:
                for statement in statements:
                    await transaction.execute(statement)
        finally:
            await database.close()


@asynccontextmanager
async def workshop(driver: Driver, folder: Path) -> AsyncIterator[Workshop]:
    """A project without any collection of its own yet."""
    async with (
        fresh_database(driver, "workshop", folder) as url,
        live(url, folder / "data") as world,
    ):
        yield Workshop(world, driver, url, folder / "data")
