"""The frame that the suite stands in: fresh databases, strict skips, the lock, the wheel."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import asyncmy
import asyncpg
import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from sqlalchemy import make_url

from tests.databases import DRIVERS, SkipReason, fresh_database, mysql_url, postgresql_url

if TYPE_CHECKING:
    from conductus.database.dialect import Name as Driver

ROOT = Path(__file__).parents[2]
REFUSED = {
    # Port 9 is "discard": nothing listens there.
    "CONDUCTUS_TEST_POSTGRESQL_URL": "postgresql://postgres@127.0.0.1:9/postgres",
    "CONDUCTUS_TEST_MYSQL_URL": "mysql://root@127.0.0.1:9/mysql",
}


async def _run_sqlite(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(make_url(url).database or "")
    try:
        return list(connection.execute(statement))
    finally:
        connection.close()


async def _run_postgresql(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def _run_mysql(url: str, statement: str) -> list[tuple[object, ...]]:
    parts = make_url(url)
    connection = await asyncmy.connect(
        host=parts.host,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.database,
    )
    try:
        async with connection.cursor() as cursor:
            await cursor.execute(statement)
            return list(await cursor.fetchall())
    finally:
        await connection.ensure_closed()


RUN: Mapping[Driver, Callable[[str, str], Awaitable[list[tuple[object, ...]]]]] = {
    "sqlite": _run_sqlite,
    "postgresql": _run_postgresql,
    "mysql": _run_mysql,
}
TABLES: Mapping[Driver, str] = {
    "sqlite": "SELECT name FROM sqlite_master",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
}


@pytest.mark.parametrize("time", ["first", "second"])
async def test_a_database_is_fresh_and_empty(time: str, driver: Driver, database_url: str) -> None:
    assert await RUN[driver](database_url, TABLES[driver]) == []
    await RUN[driver](database_url, "CREATE TABLE left_behind (id INTEGER)")
    assert await RUN[driver](database_url, TABLES[driver]) == [("left_behind",)]


async def test_two_databases_stand_side_by_side(driver: Driver) -> None:
    async with fresh_database(driver, "one") as one, fresh_database(driver, "one") as other:
        await RUN[driver](one, "CREATE TABLE mine (id INTEGER)")
        assert await RUN[driver](other, TABLES[driver]) == []


@pytest.fixture(scope="module", params=DRIVERS)
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Driver, str]]:
    async with fresh_database(request.param, "shared") as url:
        await RUN[request.param](url, "CREATE TABLE made_once (id INTEGER)")
        yield request.param, url


@pytest.mark.parametrize("time", ["first", "second"])
async def test_a_database_can_outlive_a_test(time: str, shared: tuple[Driver, str]) -> None:
    driver, url = shared
    assert await RUN[driver](url, TABLES[driver]) == [("made_once",)]


async def test_a_sqlite_database_lies_where_it_is_asked_to(tmp_path: Path) -> None:
    async with fresh_database("sqlite", "shop", tmp_path) as url:
        assert re.fullmatch(rf"sqlite:///{tmp_path}/conductus_test_\w+_shop_\w+\.db", url)


async def test_a_postgresql_database_goes_though_it_is_in_use() -> None:
    async with fresh_database("postgresql") as url:
        connection = await asyncpg.connect(url)
        await connection.execute("BEGIN")
    name = make_url(url).database
    admin = postgresql_url().render_as_string(hide_password=False)
    assert (name,) not in await _run_postgresql(admin, "SELECT datname FROM pg_database")
    connection.terminate()


async def test_a_mysql_database_goes_though_a_transaction_holds_it() -> None:
    async with fresh_database("mysql") as url:
        await _run_mysql(url, "CREATE TABLE held (id INTEGER) ENGINE=InnoDB")
        parts = make_url(url)
        connection = await asyncmy.connect(
            host=parts.host,
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
            database=parts.database,
        )
        await connection.begin()
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT * FROM held")
    admin = mysql_url().render_as_string(hide_password=False)
    assert (parts.database,) not in await _run_mysql(admin, "SHOW DATABASES")
    connection.close()


def _pytest(tmp_path: Path, test: str, environment: Mapping[str, str]) -> str:
    """What a run of the suite's own rules over one small file prints, numbers last."""
    path = tmp_path / "test_probe.py"
    path.write_text(f"import warnings\n\nimport pytest\n\n{test}\n")
    # The number of a worker of this run would be taken for its own.
    inherited = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    finished = subprocess.run(
        [*command, "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), str(path)],
        cwd=ROOT,
        env={**inherited, "CI": "", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return finished.stdout + finished.stderr


NEEDS_EACH = "async def test_probe(database_url):\n    assert database_url"


def test_an_absent_database_is_a_loud_skip(tmp_path: Path) -> None:
    printed = _pytest(tmp_path, NEEDS_EACH, REFUSED)
    assert "PostgreSQL NOT FOUND, MariaDB NOT FOUND" in printed
    assert "DATABASES NOT FOUND, THEIR TESTS WERE SKIPPED" in printed
    for reason in (SkipReason.POSTGRESQL_NOT_FOUND, SkipReason.MYSQL_NOT_FOUND):
        assert printed.count(reason) == 2
    assert "1 passed, 2 skipped" in printed


def test_an_absent_database_is_a_failure_in_ci(tmp_path: Path) -> None:
    printed = _pytest(tmp_path, NEEDS_EACH, {**REFUSED, "CI": "true"})
    assert "DATABASES NOT FOUND, THEIR TESTS FAILED" in printed
    # A fixture that fails is what pytest calls an error.
    assert "1 passed, 2 errors" in printed


STRICT = """
def test_skips():
    pytest.skip("not today")

@pytest.mark.skip(reason="not today")
def test_is_marked():
    pass

@pytest.mark.skipif(True, reason="not today")
def test_is_marked_on_a_condition():
    pass

def test_warns():
    warnings.warn("old", DeprecationWarning)

@pytest.mark.xfail(reason="known")
def test_fails_as_expected():
    assert False

@pytest.mark.xfail(reason="known")
def test_works_unexpectedly():
    pass
"""


def test_the_suite_is_strict(tmp_path: Path) -> None:
    printed = _pytest(tmp_path, STRICT, {})
    assert printed.count("\n'Skipped: not today' is not among tests.databases.SkipReason\n") == 3
    assert "DeprecationWarning: old" in printed
    assert "[XPASS(strict)] known" in printed
    # What fails before its body is run is what pytest calls an error.
    assert "3 failed, 1 xfailed, 2 errors" in printed


def test_a_module_is_not_skipped_either(tmp_path: Path) -> None:
    printed = _pytest(tmp_path, "pytest.skip('not today', allow_module_level=True)", {})
    assert "'Skipped: not today' is not among tests.databases.SkipReason" in printed
    assert "1 error" in printed


def _locked(name: str) -> dict[str, Version]:
    text = (ROOT / "requirements" / name).read_text()
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;]+)", text, re.MULTILINE)
    return {package.lower().replace("_", "-"): Version(version) for package, version in pinned}


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_the_lock_is_exact_hashed_and_without_addresses(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.replace("\\\n", " "))
    unhashed = [entry for entry in entries if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:", entry)]
    assert unhashed == []


def test_the_lock_says_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime, dev = _locked("runtime.txt"), _locked("dev.txt")
    assert runtime.items() <= dev.items()
    for locked, asked in (
        (runtime, project["project"]["dependencies"]),
        (dev, project["dependency-groups"]["dev"]),
    ):
        wanted = [Requirement(line) for line in asked]
        unmet = [one for one in wanted if locked[one.name.lower()] not in one.specifier]
        assert unmet == []


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    printed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"^  (\w+) ", printed, re.MULTILINE) == phony[1].split()


def test_the_wheel_holds_the_whole_package(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    files = {path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {str(path.relative_to(source)) for path in files} <= held
    assert "conductus/py.typed" in held
