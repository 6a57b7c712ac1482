"""What tests work on is what `install` installs, though it comes about more quickly.

By statements that were overheard before, or in a database that another test has had.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database
from conductus.database.introspection import Table, introspect
from conductus.database.opening import open_database
from conductus.projects import rows
from conductus.projects.install import Administrator, install
from conductus.schema.system import load_system
from tests.databases import fresh_database
from tests.installed import put_project
from tests.lent import Shelf
from tests.opening import opened

WHO = ("Somebody's", "somebody@example.com", "no hash of anything")


async def test_a_project_is_the_same_however_it_comes_about(driver: Driver, tmp_path: Path) -> None:
    name, email, password_hash = WHO
    async with fresh_database(driver, "by_itself", tmp_path) as url:
        installed = await _left(url, by_itself=True)
    for time in ("first", "second", "third"):
        async with fresh_database(driver, time, tmp_path) as url:
            assert await _left(url, by_itself=False) == installed, time
    users = installed["directus_users"][1]
    assert [(user["id"], user["email"], user["password"]) for user in users] == [
        (1, email, password_hash)
    ]
    settings = {row["key"]: row["value"] for row in installed["directus_settings"][1]}
    assert settings["project_name"] == name


async def _left(url: str, *, by_itself: bool) -> dict[str, Any]:
    """Every table, with what is in it."""
    name, email, password_hash = WHO
    database = await open_database(url)
    try:
        if by_itself:
            administrator = Administrator(email, password_hash)
            await install(database, load_system(), name, administrator, insist=False)
        else:
            await put_project(database, name, email, password_hash)
            await put_project(database, name, email, password_hash)
        return await _everything(database)
    finally:
        await database.close()


async def _everything(database: Database) -> dict[str, Any]:
    tables = await introspect(database)
    return {table.name: (table, await _rows(database, table)) for table in tables}


async def _rows(database: Database, table: Table) -> tuple[rows.Row, ...]:
    kinds = {column.name: column.kind for column in table.columns}
    order = table.primary_key or tuple(kinds)
    return await rows.read(database, database.dialect, table.name, kinds, order)


USED = (
    "INSERT INTO directus_roles (name) VALUES ('editors')",
    "INSERT INTO conductus_state (name, value) VALUES ('x', 1)",
    "DELETE FROM directus_settings",
    "UPDATE directus_users SET email = 'b@example.com'",
    "CREATE TABLE things (id INTEGER PRIMARY KEY)",
    "CREATE VIEW seen AS SELECT id FROM things",
)


@pytest.mark.parametrize(
    "more", [(), ("ALTER TABLE directus_roles ADD COLUMN more INTEGER",)], ids=["used", "altered"]
)
async def test_a_database_that_was_lent_is_new_again(
    driver: Driver, more: tuple[str, ...], spare: Shelf, tmp_path: Path
) -> None:
    found, ids = [], []
    for time in ("first", "second"):
        async with spare.project(driver, time, tmp_path) as url, opened(url) as database:
            found.append(await _everything(database))
            async with database.schema_transaction() as transaction:
                for statement in (*USED, *more):
                    await transaction.execute(statement)
            ids.append(await database.fetch("SELECT id FROM directus_roles WHERE name = 'editors'"))
    assert found[0] == found[1]
    assert ids[0] == ids[1]
