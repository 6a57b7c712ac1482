"""Looking before anybody is paged, and upgrading. Source: projects and server page, §5."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from conductus.cli import application
from conductus.cli.findings import examine
from conductus.config import new_project_config, save_new_project
from conductus.config.project_files import project_path
from conductus.config.toml import write_private
from conductus.database.opening import open_database
from conductus.projects.install import upgrade
from conductus.schema.system import load_system
from tests.postbox import postbox
from tests.scenarios.shop import live

Found = dict[tuple[str, str | None], tuple[str, str, str]]


class Place:
    """A data folder, and the commands that look at it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and standard output of a command in this process."""
        self._capsys.readouterr()
        code = application.run([*arguments, "--data", str(self.folder)])
        return code, self._capsys.readouterr().out

    def found(self, code: int) -> Found:
        """Check and project → level, message and advice."""
        ended, out = self.run("doctor", "--json")
        assert ended == code, out
        told: list[dict[str, Any]] = json.loads(out)
        return {
            (one["check"], one["project"]): (one["level"], one["message"], one["advice"])
            for one in told
        }


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path / "data", capsys)


@pytest.fixture
def shop(place: Place) -> Place:
    """With a project on SQLite."""
    address = f"sqlite:///{place.folder}/shop.db"
    assert place.run("project", "create", "shop", "--database-url", address)[0] == 0
    return place


async def installed(url: str, folder: Path) -> None:
    async with live(url, folder):
        pass


async def run_sql(url: str, *statements: str) -> None:
    database = await open_database(url)
    try:
        async with database.schema_transaction() as transaction:
            for statement in statements:
                await transaction.execute(statement)
    finally:
        await database.close()


class TestDoctor:
    def test_what_is_fine(self, shop: Place) -> None:
        found = shop.found(0)
        fine = ("database", "tables", "clock", "privileges", "storage")
        assert {found[check, "shop"][0] for check in fine} == {"ok"}
        assert found["data folder", None][0] == "ok"
        # Nothing is left behind.
        assert [path.name for path in shop.folder.rglob("*probe*")] == []
        code, out = shop.run("doctor")
        assert code == 0
        assert "mind  shop: mail: no letter is sent" in out
        assert "      → set `mail.transport`" in out

    def test_a_folder_that_is_not_there(self, place: Place) -> None:
        assert place.found(1)["data folder", None][0] == "failed"
        place.folder.mkdir()
        assert "project create" in place.found(1)["projects", None][2]

    def test_secrets_that_others_can_read_or_that_are_shared(self, shop: Place) -> None:
        file = project_path(shop.folder, "shop")
        file.chmod(0o644)
        (path := project_path(shop.folder, "twin")).write_bytes(file.read_bytes())
        path.chmod(0o600)
        found = shop.found(1)
        assert found["permissions", None][2] == f"chmod go= {file}"
        assert "shop, twin" in found["secrets", None][1]

    def test_settings_that_cannot_be_used(self, shop: Place) -> None:
        file = project_path(shop.folder, "shop")
        write_private(file, file.read_text() + '\n[storage]\ndriver = "tape"\n')
        assert "storage.driver" in shop.found(1)["configuration", "shop"][1]
        write_private(
            file, '[database]\nurl = "sqlite:///shop.db"\n[auth]\nsecret_key = "secret"\n'
        )
        assert shop.found(1)["configuration", "shop"][0] == "failed"
        (shop.folder / "conductus.toml").write_text("colour = 1\n")
        assert "colour" in shop.found(1)["configuration", None][1]

    def test_a_database_that_does_not_answer(self, shop: Place) -> None:
        address = "postgresql://shop:hunter2@127.0.0.1:1/shop"
        save_new_project(shop.folder, "away", new_project_config(address))
        found = shop.found(1)
        level, message, advice = found["database", "away"]
        assert (level, "hunter2" in message, "127.0.0.1:1" in message) == ("failed", False, True)
        assert advice
        assert found["database", "shop"][0] == "ok"

    def test_a_storage_that_cannot_be_written(self, shop: Place) -> None:
        (shop.folder / "taken").write_text("a file")
        file = project_path(shop.folder, "shop")
        write_private(file, file.read_text() + '\n[storage]\nroot = "taken/deeper"\n')
        assert shop.found(1)["storage", "shop"][0] == "failed"


async def test_the_mail_server_is_signed_in_to(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await installed(f"sqlite:///{tmp_path}/main.db", folder)

    async def level(port: int) -> str:
        (folder / "conductus.toml").write_text(
            '[mail]\ntransport = "smtp"\nsecurity = "none"\nsender = "a@example.com"\n'
            f'host = "127.0.0.1"\nport = {port}\ntimeout_seconds = 2.0\n'
        )
        (found,) = [one for one in await examine(folder, {}) if one.check == "mail"]
        return found.level

    async with postbox() as box:
        assert await level(box.port) == "ok"
    assert await level(box.port) == "failed"


async def test_what_an_older_version_lacks_is_found_and_made(
    database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    await installed(database_url, folder)
    await run_sql(database_url, "DROP TABLE conductus_outbox")
    by_check = {one.check: one for one in await examine(folder, {})}
    assert by_check["tables"].level == "failed"
    assert "conductus_outbox" in by_check["tables"].message
    assert {by_check[check].level for check in ("clock", "privileges", "database")} == {"ok"}
    database = await open_database(database_url)
    try:
        assert await upgrade(database, load_system()) == ("conductus_outbox",)
        assert await upgrade(database, load_system()) == ()
    finally:
        await database.close()
    by_check = {one.check: one for one in await examine(folder, {})}
    assert by_check["tables"].level == "ok"


def test_upgrading_and_describing(shop: Place) -> None:
    asyncio.run(run_sql(f"sqlite:///{shop.folder}/shop.db", "DROP TABLE conductus_outbox"))
    assert shop.run("database", "upgrade") == (0, "shop: made conductus_outbox\n")
    assert shop.run("database", "upgrade", "--project", "shop") == (
        0,
        "shop: nothing is to be done\n",
    )
    assert shop.run("database", "upgrade", "--project", "other")[0] == 1
    code, out = shop.run("openapi")
    assert code == 0
    assert json.loads(out)["openapi"].startswith("3.1")
