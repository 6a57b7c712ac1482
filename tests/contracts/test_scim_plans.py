"""A filter of a provider over 100,000 users is served by an index, on every database.

What is asked is what the server asks: the statements are taken down on their way, and the
database is asked how it would run them. Reference: SCIM page §4.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import Struct

from conductus.config import LimitsConfig
from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database, Row
from conductus.database.opening import open_database
from conductus.items.context import Context
from conductus.items.reader import Reader
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects import rows
from conductus.projects.install import Administrator, install
from conductus.projects.merging import Merger
from conductus.projects.project import Project
from conductus.projects.provisioned import USERS_TABLE
from conductus.projects.snapshot import load
from conductus.schema.model import Kind
from conductus.schema.system import load_system
from conductus.scim import cursors, reading
from conductus.scim.asking import Asked, asked
from conductus.scim.attributes import Mode
from conductus.scim.desk import Desk
from conductus.scim.resources import Shape
from conductus.scim.widened import widened
from tests.databases import DRIVERS, fresh_database

NUMBER = 100_000
KINDS = {"id": Kind.INTEGER, **dict.fromkeys(("email", "external_id", "status"), Kind.TEXT)}
NAME_KINDS = {
    "user": Kind.INTEGER,
    **dict.fromkeys(("external_id", "user_name", "user_key"), Kind.TEXT),
}
ANALYZE: dict[Driver, tuple[str, ...]] = {
    "sqlite": ("ANALYZE",),
    "postgresql": ("ANALYZE",),
    "mysql": ("ANALYZE TABLE directus_users, conductus_scim_users",),
}
EXPLAIN: dict[Driver, str] = {
    "sqlite": "EXPLAIN QUERY PLAN ",
    "postgresql": "EXPLAIN ",
    "mysql": "EXPLAIN ",
}
READ_WHOLE: dict[Driver, tuple[str, ...]] = {
    "sqlite": ("SCAN t0", "SCAN conductus_scim"),
    "postgresql": ("Seq Scan on directus_users", "Seq Scan on conductus_scim"),
    "mysql": ("|ALL|",),
}
"""What the plan of a statement says that reads every user, or every name."""


class Listening:
    """A database that takes down what it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect = database.dialect
        self.asked: list[tuple[str, Sequence[Any]]] = []

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        self.asked.append((sql, values))
        return await self._database.fetch(sql, values)


class Stand(Struct, frozen=True):
    """As much of a project as reading needs."""

    reader: Reader
    database: Any


class Crowd(Struct, frozen=True):
    driver: Driver
    database: Database
    schema: Any

    async def listed(self, mode: Mode, wanted: Asked) -> tuple[reading.Found, dict[str, str]]:
        """A page, and the plan of each statement that it took."""
        listening = Listening(self.database)
        stand = Stand(Reader(cast(Any, listening)), self.database)
        context = Context(
            schema=self.schema, actor=SYSTEM, policy=ADMINISTRATOR, now=datetime.now(UTC)
        )
        sight = Context(
            schema=widened(self.schema), actor=SYSTEM, policy=ADMINISTRATOR, now=context.now
        )
        desk = Desk(
            project=cast(Project, stand),
            context=context,
            sight=sight if mode == "strict" else context,
            shape=Shape(mode, "http://scim.test"),
        )
        found = await reading.listed(desk, "User", wanted)
        return found, {sql: await self._plan(sql, values) for sql, values in listening.asked}

    async def _plan(self, sql: str, values: Sequence[Any]) -> str:
        lines = await self.database.fetch(EXPLAIN[self.driver] + sql, values)
        return "\n".join("|" + "|".join(map(str, line)) + "|" for line in lines)


@pytest.fixture(scope="module", params=DRIVERS)
async def crowd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Crowd]:
    driver: Driver = request.param
    folder: Path = tmp_path_factory.mktemp("crowd")
    async with fresh_database(driver, "crowd", folder) as url:
        database = await open_database(url, statement_seconds=600)
        try:
            administrator = Administrator("admin@example.com", "no hash of anything")
            await install(database, load_system(), "crowd", administrator, insist=False)
            await fill(database)
            snapshot = await load(database, "crowd", Merger(load_system()), LimitsConfig(), 1)
            yield Crowd(driver, database, snapshot.schema)
        finally:
            await database.close()


async def fill(database: Database) -> None:
    """Users from 2 on; every second of them has a name of its own."""
    numbers, dialect = range(2, NUMBER + 2), database.dialect
    async with database.transaction() as transaction:
        users = (user(number) for number in numbers)
        await rows.add(transaction, dialect, "directus_users", KINDS, users)
        names = (named(number) for number in numbers if number % 2)
        await rows.add(transaction, dialect, USERS_TABLE, NAME_KINDS, names)
    async with database.transaction() as transaction:
        for statement in ANALYZE[dialect.name]:
            await transaction.execute(statement)


def user(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "email": f"User{number}@example.org",
        "external_id": f"id-{number}",
        "status": "active",
    }


def named(number: int) -> dict[str, Any]:
    return {
        "user": number,
        "external_id": f"at-provider-{number}",
        "user_name": f"Name{number}",
        "user_key": f"name{number}",
    }


FILTERS: list[tuple[Mode, str, str]] = [
    ("compat", 'userName eq "USER777@example.org"', "id-777"),
    ("compat", 'emails[type eq "work" and value eq "user777@EXAMPLE.org"]', "id-777"),
    ("compat", 'externalId eq "id-777"', "id-777"),
    ("compat", 'id eq "777"', "id-777"),
    ("compat", 'userName eq "user777@example.org" and active eq true', "id-777"),
    ("strict", 'id eq "id-777"', "id-777"),
    ("strict", 'externalId eq "at-provider-777"', "id-777"),
    ("strict", 'userName eq "NAME777"', "id-777"),
    ("strict", 'userName eq "user778@example.org"', "id-778"),
]


@pytest.mark.parametrize(("mode", "filter", "id"), FILTERS, ids=str)
async def test_who_is_looked_for_is_found_by_an_index(
    crowd: Crowd, mode: Mode, filter: str, id: str
) -> None:
    found, plans = await crowd.listed(mode, asked({"filter": filter}))
    assert [each["id"] for each in found.resources] == [id]
    assert found.total == 1
    assert plans
    for plan in plans.values():
        assert not any(sign in plan for sign in READ_WHOLE[crowd.driver]), plan


async def test_a_user_without_that_name_any_more_is_not_found_by_it(crowd: Crowd) -> None:
    found, _ = await crowd.listed("strict", asked({"filter": 'userName eq "user777@example.org"'}))
    assert found.resources == []


async def test_page_1000_begins_where_the_one_before_ended(crowd: Crowd) -> None:
    first, _ = await crowd.listed("compat", asked({"cursor": "", "count": 90}))
    assert first.next is not None
    seen = first
    # The cursor of a page is all that leads to the next one: leap, as a client may.
    found, plans = await crowd.listed("compat", asked({"cursor": cursor_at(90_000), "count": 90}))
    assert [each["externalId"] for each in found.resources] == list(range(90_001, 90_091))
    assert found.total == seen.total == NUMBER + 1
    (page,) = (plan for sql, plan in plans.items() if "count(" not in sql)
    assert not any(sign in page for sign in READ_WHOLE[crowd.driver]), page


def cursor_at(id: int) -> str:
    """The cursor of a page that ends with that user."""
    mark = cursors.mark_of("User", asked({"cursor": ""}))
    return cursors.written(cursors.Cursor(mark, id))
