"""Every command of the README and of the first page after it, run on each database.

The lines go through bash and curl to a server of their own, and what they print must be
what the README shows. Only the address, and for PostgreSQL and MariaDB the name of the
database, are others': the scripts there would drop a database of somebody's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from conductus.database.dialect import Name as Driver
from tests.chinook import put_chinook
from tests.databases import DRIVERS
from tests.scenarios.binary import serving

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8055"
AFTER_EACH = "printf '\\036'\n"
PATIENCE_SECONDS = 60
EMAIL, PASSWORD = "admin@example.com", "correct horse battery"


class Readme(Struct, frozen=True):
    """The README taken apart."""

    making: dict[Driver, str]
    """How the database is made and adopted."""
    signing_in: str
    steps: dict[Driver, tuple[str, ...]]
    answers: tuple[str, ...]
    """What each of the steps prints."""


def readme() -> Readme:
    """The README of this checkout."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, _, lower_case = text.partition("\n### The same on PostgreSQL\n")
    blocks: list[tuple[str, str]] = BLOCK.findall(before)
    commands = [code for language, code in blocks if language == "bash"]
    steps = tuple(code for code in commands if code.startswith("api "))
    (signing_in,) = [code for code in commands if "TOKEN=" in code]
    making = [code for code in commands if "project create" in code]
    return Readme(
        making=dict(zip(DRIVERS, making, strict=True)),
        signing_in=signing_in,
        steps={
            "sqlite": steps,
            "mysql": steps,
            "postgresql": tuple(code for _, code in BLOCK.findall(lower_case)),
        },
        answers=tuple(code for language, code in blocks if language in ("json", "text")),
    )


def test_every_command_has_its_answer() -> None:
    shown = readme()
    for steps in shown.steps.values():
        assert len(steps) == len(shown.answers) > 10


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
def test_the_readme_adopts_the_database_that_the_script_makes(driver: Driver) -> None:
    making = readme().making[driver]
    script = re.search(r"tests/data/\S+\.sql", making)
    address = re.search(r"--database-url \S+/(\w+) ", making)
    assert script is not None
    assert address is not None
    made = re.search(r"^CREATE DATABASE `?(\w+)`?;", (ROOT / script[0]).read_text(), re.MULTILINE)
    assert made is not None
    assert made[1] == address[1]


async def test_the_readme_does_what_it_shows(
    driver: Driver, database_url: str, tmp_path: Path
) -> None:
    shown = readme()
    desk = checkout(tmp_path)
    making = shown.making[driver]
    if driver != "sqlite":
        await put_chinook(driver, database_url)
        making = re.sub(r"(--database-url )\S+", rf"\1{database_url}", create_only(making))
    printed = bash(desk, making)
    assert "11 collections, 75 fields, 11 relations are managed" in printed
    with serving("--data", desk / "conductus-data") as server:
        signing_in = shown.signing_in.replace(ADDRESS, server.url)
        script = signing_in + "".join(step + AFTER_EACH for step in shown.steps[driver])
        *answers, rest = bash(desk, script).split("\x1e")
    assert rest == ""
    assert [spelled(each) for each in answers] == [spelled(each) for each in shown.answers]


async def test_the_first_page_does_what_it_shows(
    driver: Driver, database_url: str, tmp_path: Path
) -> None:
    text = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    blocks: list[tuple[str, str]] = BLOCK.findall(text)
    (console,) = [code for language, code in blocks if language == "console"]
    (shown,) = [code for language, code in blocks if language == "json"]
    script = "".join(code for language, code in blocks if language == "bash")
    desk = checkout(tmp_path)
    if driver != "sqlite":
        create = f".venv/bin/conductus project create main --database-url '{database_url}'"
        login = f"--admin-email {EMAIL} --admin-password '{PASSWORD}'"
        bash(desk, f"{create} {login}")
    environment = {"CONDUCTUS_ADMIN_EMAIL": EMAIL, "CONDUCTUS_ADMIN_PASSWORD": PASSWORD}
    with serving("--data", desk / "conductus-data", **environment) as server:
        script = script.replace(ADDRESS, server.url).replace(
            "the password that was shown", PASSWORD
        )
        printed = bash(desk, script)
        said = server.printed
    if driver == "sqlite":
        for line in re.findall(
            r"^(?:The project|  0 collections|  administrator).*$", console, re.M
        ):
            assert line in said
    # Answers are one line each; the last is the one that the page shows.
    assert json.loads(printed[printed.rindex('{"data"') :]) == json.loads(shown)
    assert '"error"' not in printed


async def test_the_reads_that_pages_show_are_answered(tmp_path: Path) -> None:
    pages = [ROOT / "docs" / name for name in ("query-language.md", "adopting-a-database.md")]
    blocks = [block for page in pages for block in BLOCK.findall(page.read_text("utf-8"))]
    text = "".join(code for language, code in blocks if language == "text")
    # A request, and the answer beside or below it where one is shown.
    reads = re.findall(r"^GET +/P/(\S+)\s*(\{.*\})?$", text, re.MULTILINE)
    assert len(reads) >= 10
    assert len([answer for _, answer in reads if answer]) >= 2
    shown = readme()
    desk = checkout(tmp_path)
    bash(desk, shown.making["sqlite"])
    asked = "".join(f'api "$URL/{path}"\n{AFTER_EACH}' for path, _ in reads)
    with serving("--data", desk / "conductus-data") as server:
        script = shown.signing_in.replace(ADDRESS, server.url) + asked
        *answers, _ = bash(desk, script).split("\x1e")
    for (path, expected), answer in zip(reads, answers, strict=True):
        assert "data" in json.loads(answer), path
        if expected:
            assert json.loads(answer) == json.loads(expected), path


def checkout(folder: Path) -> Path:
    """A folder that looks like this checkout, to those commands."""
    desk = folder / "checkout"
    desk.mkdir()
    (desk / "tests").symlink_to(ROOT / "tests")
    (desk / ".venv").symlink_to(Path(sys.executable).parents[1])
    return desk


def create_only(making: str) -> str:
    """The commands without the one that runs Chinook's own script."""
    return making[making.index(".venv/bin/conductus") :]


def bash(folder: Path, script: str) -> str:
    """What the script prints; it fails with the first command that does."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CONDUCTUS_")
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def spelled(answer: str) -> Any:
    """An answer with names in one spelling, and without what differs from run to run."""
    return _spelled(json.loads(answer))


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        named = {_name(name): _spelled(member) for name, member in value.items()}
        if "requestid" in named:
            # The sentence and the facts of an error name fields as well.
            return json.loads(json.dumps(named | {"requestid": ""}).lower())
        return named
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_spelled(member) for member in value]
    return value


def _name(name: str) -> str:
    return name.replace("_", "").lower()
