"""What a project's settings make of provisioning, and databases that are older than it.

Reference: SCIM page §2 and §5.
"""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from conductus.app import running
from conductus.config import ConfigInvalid, ServerConfig, project_config
from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database
from conductus.database.opening import open_database
from conductus.projects.install import upgrade
from conductus.schema.system import load_system
from conductus.telemetry import silent
from tests.databases import fresh_database
from tests.passwords import QUICK
from tests.scenarios.provisioning import SETTINGS, Provider, provider
from tests.scenarios.shop import HOST, KEY, PASSWORD, live

OLDER = (
    "DROP TABLE conductus_scim_users",
    "DROP TABLE conductus_scim_groups",
    "UPDATE directus_users SET external_id = NULL",
)
UNINDEXED = "DROP INDEX directus_users_email_folded"


async def change(url: str, *statements: str) -> None:
    """What somebody does to the database behind the server's back."""
    database: Database = await open_database(url)
    try:
        async with database.schema_transaction() as transaction:
            for statement in statements:
                await transaction.execute(statement)
    finally:
        await database.close()


async def test_default_roles_and_no_passwords(driver: Driver, tmp_path: Path) -> None:
    settings = {"default_role": "3", "passwords": "false"}
    async with provider(driver, tmp_path, **settings) as scim:
        assert (await scim.made("/roles", {"name": "Guests"}))["id"] == 3
        (guests,) = await scim.found("Groups", 'displayName eq "Guests"')
        user = await scim.user(password=PASSWORD)
        assert [each["value"] for each in user["groups"]] == [guests]
        assert (await scim.signed_in(user["userName"])).status_code == 404
        said = await scim.get("/ServiceProviderConfig")
        assert said["changePassword"] == {"supported": False}
        (schema, *_) = (await scim.get("/Schemas"))["Resources"]
        assert "password" not in {each["name"] for each in schema["attributes"]}
        group = await scim.group(user["id"])
        left = {"op": "remove", "path": "members"}
        assert (await scim.patch(f"/Groups/{group['id']}", left))["members"] == []
        after = await scim.get(f"/Users/{user['id']}")
        assert [each["value"] for each in after["groups"]] == [guests]


async def test_a_database_of_an_older_version(driver: Driver, tmp_path: Path) -> None:
    """It gets tables and an index when it is opened, and ids when it is asked."""
    async with fresh_database(driver, "older", tmp_path) as url:
        async with live(url, tmp_path / "data") as world:
            old = await Provider(world).user()
        # Taken away, it must have been there; and again after the upgrade.
        index = () if driver == "mysql" else (UNINDEXED,)
        await change(url, *OLDER, *index)
        assert await upgraded(url) == ("conductus_scim_users", "conductus_scim_groups")
        assert await upgraded(url) == ()
        await change(url, *index)
        async with live(url, tmp_path / "data") as world:
            scim = Provider(world)
            (id,) = await scim.found("Users", f'userName eq "{old["userName"].upper()}"')
            assert id not in (None, "", old["id"])
            assert (await scim.get(f"/Users/{id}"))["userName"] == old["userName"]


async def test_whoever_is_shut_out_is_out_in_every_worker(driver: Driver, tmp_path: Path) -> None:
    """Two applications on one data folder, as the workers of a server are."""
    async with (
        fresh_database(driver, "workers", tmp_path) as url,
        live(url, tmp_path / "data") as world,
        running(tmp_path / "data", {}, ServerConfig(passwords=QUICK), silent) as second,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=second), base_url=HOST) as other,
    ):
        scim = Provider(world)
        for way in ({"active": False}, None):
            user = await scim.user(password=PASSWORD)
            token = (await scim.signed_in(user["userName"])).json()["data"]["token"]
            shown = {"authorization": f"Bearer {token}"}

            async def known(shown: dict[str, str] = shown) -> bool:
                answer = await other.get(f"/{KEY}/", headers=shown)
                return "public" not in answer.json()

            assert await known()
            if way is None:
                await scim.ok(204, "DELETE", f"/Users/{user['id']}")
            else:
                await scim.ok(200, "PATCH", f"/Users/{user['id']}", way)
            assert not await known()


async def upgraded(url: str) -> tuple[str, ...]:
    """The tables that an upgrade makes."""
    database = await open_database(url)
    try:
        return await upgrade(database, load_system())
    finally:
        await database.close()


@pytest.mark.parametrize("setting", ["mode=lax", "default_role=1", "default_role=2"])
def test_settings_that_make_no_sense(tmp_path: Path, setting: str) -> None:
    name, _, value = setting.partition("=")
    environment = {
        f"CONDUCTUS_PROJECTS__{KEY.upper()}__DATABASE__URL": "sqlite:///x.db",
        f"CONDUCTUS_PROJECTS__{KEY.upper()}__AUTH__SECRET_KEY": "0123456789abcdefghij" * 2,
        f"CONDUCTUS_PROJECTS__{KEY.upper()}__AUTH__PUBLIC_KEY": "public",
        f"{SETTINGS}{name.upper()}": value,
    }
    with pytest.raises(ConfigInvalid):
        project_config(tmp_path, KEY, environment)
    fine = {"mode": "strict", "default_role": "3"}[name]
    config = project_config(tmp_path, KEY, {**environment, f"{SETTINGS}{name.upper()}": fine})
    assert str(getattr(config.scim, name)) == fine
