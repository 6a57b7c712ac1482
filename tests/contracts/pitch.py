"""Teams with players who have shot goals, and a reader whose statements are counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from conductus.config import GraphQLConfig, LimitsConfig
from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database, Row
from conductus.database.opening import open_database
from conductus.graphql import documents
from conductus.graphql.operations import prepared
from conductus.graphql.reading import Reading
from conductus.graphql.schema import built
from conductus.graphql.world import World
from conductus.items.context import Context
from conductus.items.reader import Reader
from conductus.permissions.actor import SYSTEM, Actor
from conductus.permissions.policy import ADMINISTRATOR, Policy
from conductus.projects.merging import Merger
from conductus.projects.snapshot import Snapshot, load
from conductus.query import brackets, rest
from conductus.schema.system import load_system
from tests.databases import fresh_database
from tests.scenarios.shop import KEY as PROJECT
from tests.scenarios.shop import live
from tests.scenarios.worlds import KEY, done, field, relation, text, whole

PARENTS = 1000
COLLECTIONS: dict[str, list[dict[str, Any]]] = {
    "teams": [text("name"), field("players", "o2m")],
    "players": [text("name"), whole("team", "m2o"), whole("coach", "m2o"), field("goals", "o2m"),
                field("pupils", "o2m")],
    "goals": [whole("minute"), whole("player", "m2o"), whole("helper", "m2o")],
}  # fmt: skip
RELATIONS = [
    relation("players", "team", "teams", "players"),
    relation("players", "coach", "players", "pupils"),
    relation("goals", "player", "players", "goals"),
    relation("goals", "helper", "players", None),
]


class Counting:
    """A database that remembers what it was asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect = database.dialect
        self.transaction = database.transaction
        self.asked: list[str] = []

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        self.asked.append(sql)
        return await self._database.fetch(sql, values)

    def stream(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AbstractAsyncContextManager[AsyncIterator[list[Row]]]:
        self.asked.append(sql)
        return self._database.stream(sql, values, size)

    @asynccontextmanager
    async def stream_beside(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AsyncIterator[AsyncIterator[list[Row]] | None]:
        async with self._database.stream_beside(sql, values, size) as batches:
            if batches is not None:
                self.asked.append(sql)
            yield batches


class Field(Struct, frozen=True):
    """Teams with players, and a reader whose statements are counted."""

    counting: Any
    reader: Reader
    snapshot: Snapshot

    async def read(
        self, collection: str, query: str, actor: Actor = SYSTEM, policy: Policy = ADMINISTRATOR
    ) -> tuple[Any, int]:
        """The items, and how many statements they took."""
        params = brackets.parse(query, self.snapshot.limits)
        parsed = rest.parse(collection, params, self.snapshot.schema, self.snapshot.limits)
        before = len(self.counting.asked)
        context = structs.replace(self._context, actor=actor, policy=policy)
        page = await self.reader.read(parsed, context)
        return page.items, len(self.counting.asked) - before

    async def streamed(
        self, collection: str, query: str, actor: Actor = SYSTEM, policy: Policy = ADMINISTRATOR
    ) -> tuple[list[Any], int]:
        """Every item, and how many statements they took."""
        params = brackets.parse(f"{query}&limit=-1", self.snapshot.limits)
        parsed = rest.parse(collection, params, self.snapshot.schema, self.snapshot.limits)
        before = len(self.counting.asked)
        context = structs.replace(self._context, actor=actor, policy=policy)
        async with self.reader.stream(parsed, context) as batches:
            items = [item async for batch in batches for item in batch]
        return items, len(self.counting.asked) - before

    async def by_keys(self, collection: str, query: str, keys: list[str]) -> tuple[Any, int]:
        """The items with these keys, and how many statements they took."""
        params = brackets.parse(query, self.snapshot.limits)
        parsed = rest.parse_shape(collection, params, self.snapshot.schema, self.snapshot.limits)
        before = len(self.counting.asked)
        page = await self.reader.by_keys(parsed, keys, self._context)
        return page.items, len(self.counting.asked) - before

    async def answer(self, document: str, policy: Policy = ADMINISTRATOR) -> tuple[Any, int]:
        """What a GraphQL document is answered field by field, and how many statements it took."""
        world = World(self.snapshot.schema, policy)
        schema = built(world)
        config = GraphQLConfig(cost=10_000_000)
        read = documents.read(document, schema, config)
        chosen = read.operation(None)
        operation = prepared(read, chosen, {}, schema, world, self.snapshot.limits, config)
        before = len(self.counting.asked)
        context = structs.replace(self._context, policy=policy, actor=Actor(user=7, role=3))
        answers = [
            await part.answer(self.reader, context)
            for part in operation.parts
            if isinstance(part, Reading)
        ]
        assert len(answers) == len(operation.parts)
        return answers, len(self.counting.asked) - before

    @property
    def _context(self) -> Context:
        return Context(schema=self.snapshot.schema, actor=SYSTEM, policy=ADMINISTRATOR,
                       now=datetime.now(UTC), nulls_last=True)  # fmt: skip


@asynccontextmanager
async def playing(driver: Driver, folder: Path) -> AsyncIterator[Field]:
    async with fresh_database(driver, "statements", folder) as url:
        async with live(url, folder / "data") as world:
            for name, fields in COLLECTIONS.items():
                await done(world, "/collections", {"collection": name, "fields": [KEY, *fields]})
            for each in RELATIONS:
                await done(world, "/relations", each)
            places = range(1, PARENTS + 1)
            await done(world, "/items/teams", [{"name": f"team {place}"} for place in places])
            await done(
                world,
                "/items/players",
                [{"name": f"p {n}", "team": n, "coach": max(n - 1, 1)} for n in places],
            )
            goals = [{"minute": n % 90, "player": n, "helper": n} for n in places for _ in "ab"]
            await done(world, "/items/goals", goals)
        database = await open_database(url)
        try:
            counting: Any = Counting(database)
            snapshot = await load(database, PROJECT, Merger(load_system()), LimitsConfig(), 1)
            yield Field(counting, Reader(counting), snapshot)
        finally:
            await database.close()
