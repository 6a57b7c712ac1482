"""The real thing beside the model: collections in a ring, people, and their rules and rows.

What people do goes through HTTP. The rows alone are put there by SQL, since nobody may
give them the owners and the statuses that they get.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest
import sqlalchemy as sa

from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database
from conductus.database.opening import open_database
from conductus.projects.policies import FEW_USERS
from tests.databases import fresh_database
from tests.permissions.model import Permission, Row, State
from tests.permissions.model_reading import Read, Tree
from tests.permissions.model_writing import Write
from tests.permissions.strategies import COLLECTIONS, SHAPES, STATUSES, People
from tests.scenarios.shop import KEY, PASSWORD, Live, live
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import done, field, relation, status, text, whole

LEVELS = ("create", "read", "update", "delete", "comment", "explain", "status")
LISTS = ("read_field_blacklist", "write_field_blacklist", "status_blacklist")


class Universe:
    """One project on one database."""

    def __init__(
        self, world: Live, database: Database, people: People, patch: pytest.MonkeyPatch
    ) -> None:
        self._patch = patch
        self.world = world
        self.database = database
        self.people = people
        self._rules: list[int] = []

    async def ask(self, name: str, method: str, path: str, body: Any = None) -> httpx2.Response:
        """A request of one of the people."""
        headers = {} if name == "nobody" else {"authorization": f"Bearer {token(name)}"}
        options = {} if body is None else {"json": body}
        return await self.world.client.request(method, f"/{KEY}{path}", headers=headers, **options)

    async def rule(self, permissions: tuple[Permission, ...]) -> None:
        """Puts these rows of permissions in the place of the former ones.

        In some worlds the role counts as one of many users: that makes other statements.
        """
        most = "conductus.projects.policies.FEW_USERS"
        self._patch.setattr(most, FEW_USERS if len(permissions) % 2 else 0)
        if self._rules:
            listed = ",".join(map(str, self._rules))
            gone = await self.world.ask("DELETE", f"/permissions/{listed}?activity_skip=1")
            assert gone.status_code == 204, gone.text
        self._rules = []
        if permissions:
            bodies = [_body(row) for row in permissions]
            made = await done(self.world, "/permissions?activity_skip=1&fields=id", bodies)
            self._rules = [row["id"] for row in made]

    async def fill(self, state: State) -> None:
        """Puts these rows in the place of the former ones."""
        async with self.database.transaction() as transaction:
            for name, rows in state.items():
                empty = self.database.dialect.compile(sa.delete(_table(name)))
                await transaction.execute(empty.sql, empty.values({}))
                listed = [_literals(row) for row in rows.values()]
                if listed:
                    insert = self.database.dialect.compile(sa.insert(_table(name)).values(listed))
                    await transaction.execute(insert.sql, insert.values({}))

    async def state(self) -> State:
        """Every row of every collection."""
        found: dict[str, dict[int, Row]] = {}
        for name in COLLECTIONS:
            columns = SHAPES[name].columns
            select = self.database.dialect.compile(sa.select(*_table(name).c))
            rows = await self.database.fetch(select.sql, select.values({}))
            found[name] = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
        return found

    async def write(self, name: str, write: Write) -> httpx2.Response:
        """A request to write."""
        path = f"/items/{write.collection}"
        if write.ids:
            path += f"/{','.join(map(str, write.ids))}"
        if write.explained:
            path += "?comment=because"
        method = {"create": "POST", "update": "PATCH", "delete": "DELETE"}[write.action]
        return await self.ask(name, method, path, write.body)

    async def read(self, name: str, read: Read) -> httpx2.Response:
        """A request to read."""
        path = f"/items/{read.collection}"
        if read.ids is not None:
            path += f"/{','.join(map(str, read.ids))}"
        asked: dict[str, str] = {"fields": ",".join(paths(read.fields)), "limit": "-1"}
        if read.ids is None and read.groups is None:
            asked["meta"] = "*"
        if read.condition is not None:
            asked["filter"] = json.dumps(read.condition)
        if read.search is not None:
            asked["q"] = read.search
        if read.sort is not None:
            asked["sort"] = read.sort
        if read.statuses is not None:
            asked["status"] = ",".join(read.statuses)
        if read.groups is not None:
            asked |= {"groups": read.groups, "aggregate[count]": "*"}
            del asked["fields"]
        return await self.ask(name, "GET", f"{path}?{urlencode(asked, quote_via=quote)}")


def _table(name: str) -> sa.TableClause:
    return sa.table(
        name,
        *(
            sa.column(column, sa.String if column in ("word", "status") else sa.BigInteger)
            for column in SHAPES[name].columns
        ),
    )


def _literals(row: Row) -> dict[str, Any]:
    return {key: sa.null() if value is None else value for key, value in row.items()}


def paths(tree: Tree) -> list[str]:
    """The tree as `fields` writes it."""
    found = []
    for name, inner in tree.items():
        found += [name] if inner is None else [f"{name}.{path}" for path in paths(inner)]
    return found


def token(name: str) -> str:
    """The static token of one of the people."""
    return f"The-token-of-{name}"


def _body(row: Permission) -> Mapping[str, Any]:
    levels = {name: getattr(row, name) for name in LEVELS}
    lists = {name: list(getattr(row, name)) for name in LISTS}
    return {"role": row.role, "collection": row.collection, **levels, **lists}


@asynccontextmanager
async def universe(driver: Driver, folder: Path) -> AsyncIterator[Universe]:
    """The ring of collections, two roles, and five people besides nobody."""
    async with (
        fresh_database(driver, "universe", folder) as url,
        live(url, folder / "data") as world,
    ):
        mapping = {name: {"name": name, "soft_delete": gone} for name, gone in STATUSES.items()}
        for name, shape in SHAPES.items():
            fields = [
                ID,
                *[status(mapping, default_value="draft")] * bool(shape.statuses),
                *[whole("owner", "owner")] * bool(shape.owner),
                *[text("word"), whole("number"), whole("left", "m2o"), whole("right", "m2o")],
                *[field("lefts", "o2m"), field("rights", "o2m")],
            ]
            await done(world, "/collections", {"collection": name, "fields": fields})
        for name, shape in SHAPES.items():
            for one, target in shape.ones.items():
                await done(world, "/relations", relation(name, one, target, f"{one}s"))
        for name in SHAPES:
            # Keys that are made do not meet those that the rows are given.
            await done(world, f"/items/{name}", {"id": 1000})
        people = await _people(world)
        database = await open_database(url)
        try:
            with pytest.MonkeyPatch.context() as patch:
                yield Universe(world, database, people, patch)
        finally:
            await database.close()


async def _people(world: Live) -> People:
    roles = {name: (await done(world, "/roles", {"name": name}))["id"] for name in ("own", "else")}
    of = {"one": roles["own"], "peer": roles["own"], "other": roles["else"], "lone": None}
    users = {"administrator": 1}
    for name, role in of.items():
        user = {"email": f"{name}@example.org", "password": PASSWORD, "status": "active"}
        made = await done(world, "/users", {**user, "role": role, "token": token(name)})
        users[name] = made["id"]
    answer = await world.ask("PATCH", "/users/1", json={"token": token("administrator")})
    assert answer.status_code == 200, answer.text
    known = {users[name]: role for name, role in of.items()} | {1: 1}
    return People(roles["own"], users, known)
