"""The commands of docs/backup.md, run as they stand there, up to a server that answers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import make_url

from conductus.app import running
from conductus.config import ServerConfig
from conductus.database.dialect import Name as Driver
from conductus.telemetry import silent
from tests.databases import SkipReason, fresh_database, in_ci
from tests.passwords import QUICK
from tests.scenarios.shop import HOST, KEY, Live, live
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import done, text

PAGE = Path(__file__).parents[2] / "docs" / "backup.md"
BLOCK = re.compile(r"^```sh (save|restore) (\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TOOLS: dict[Driver, tuple[str, ...]] = {
    "sqlite": ("sqlite3",),
    "postgresql": ("pg_dump", "pg_restore"),
    "mysql": ("mariadb-dump", "mariadb"),
}
TITLES = ["plain", "ünï ☃ 'quoted' \"twice\" \\ back", "\U0001f600"]
CONTENT = bytes(range(256)) * 10


def commands() -> dict[tuple[str, str], str]:
    """What the page says, by what it is for."""
    found = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return {(what, place): block for what, place, block in found}


def variables(url: str, data: Path, backup: Path) -> dict[str, str]:
    """The places as the page names them."""
    address = make_url(url)
    return {
        "DATA": str(data),
        "BACKUP": str(backup),
        "DATABASE_URL": url,
        "DATABASE_FILE": address.database or "",
        "DB_HOST": address.host or "",
        "DB_PORT": str(address.port or 3306),
        "DB_USER": address.username or "",
        "DB_NAME": address.database or "",
        "MYSQL_PWD": address.password or "",
        f"CONDUCTUS_PROJECTS__{KEY.upper()}__DATABASE__URL": url,
    }


def run(what: str, place: str, places: dict[str, str]) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["sh", "-euc", commands()[what, place]],
        env={**os.environ, **places, "PATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, (what, place, ended.stdout, ended.stderr)


@pytest.fixture
def tools(driver: Driver) -> None:
    missing = [tool for tool in TOOLS[driver] if shutil.which(tool) is None]
    if missing and in_ci():
        pytest.fail(f"not found: {missing}", pytrace=False)
    if missing:
        pytest.skip(SkipReason.BACKUP_TOOLS_NOT_FOUND)


async def filled(world: Live, data: Path) -> None:
    """Items, their history, and the contents of a file."""
    await done(world, "/collections", {"collection": "notes", "fields": [ID, text("title")]})
    await done(world, "/items/notes", [{"title": title} for title in TITLES])
    originals = data / "files" / KEY / "originals"
    originals.mkdir(parents=True, exist_ok=True)
    (originals / "a.bin").write_bytes(CONTENT)


@pytest.mark.usefixtures("tools")
async def test_what_was_saved_is_restored(driver: Driver, project_url: str, tmp_path: Path) -> None:
    data, backup, second = tmp_path / "data", tmp_path / "backup", tmp_path / "second"
    backup.mkdir()
    places = variables(project_url, data, backup)
    async with live(project_url, data) as world:
        await filled(world, data)
        token = world.token
        # The server is in the midst of its work.
        run("save", driver, places)
        run("save", "files", places)
        await done(world, "/items/notes", {"title": "too late"})
    assert not [name for name in os.listdir(backup) if name.startswith("run")]

    async with fresh_database(driver, "restored", tmp_path) as url:
        restored = variables(url, second, backup)
        run("restore", "files", restored)
        run("restore", driver, restored)
        run("restore", "look", restored)
        environment = {name: value for name, value in restored.items() if "__" in name}
        async with running(second, environment, ServerConfig(passwords=QUICK), silent) as server:
            transport = httpx2.ASGITransport(app=server)
            async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
                again = Live(client, server)
                # The secrets are the same: so is who signed in before.
                again.token = token
                notes = await again.data("/items/notes?sort=id")
                assert [note["title"] for note in notes] == TITLES
                assert len(await again.data("/revisions?filter[collection]=notes")) == len(TITLES)
                # New keys go on where the old ones ended.
                made = await done(again, "/items/notes", {"title": "after"})
                assert made["id"] == len(TITLES) + 1
                await done(again, "/fields/notes", text("more"))
    assert (second / "files" / KEY / "originals" / "a.bin").read_bytes() == CONTENT


def test_every_database_has_its_commands() -> None:
    places = {place for _, place in commands()}
    assert places == {*TOOLS, "files", "look"}
    assert all(("save", driver) in commands() for driver in TOOLS)
    assert all(("restore", driver) in commands() for driver in TOOLS)
