"""The command line, run as its users run it. Source: projects and server page, §1 and §5."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import sqlalchemy as sa

from conductus.config import new_project_config, project_path, save_new_project
from conductus.database.dialect import Name as Driver
from conductus.database.introspection import introspect
from conductus.database.opening import open_database
from conductus.projects import rows
from conductus.projects.install import Administrator, install
from conductus.schema.system import load_system
from tests.chinook import put_chinook
from tests.clusters import free_port
from tests.passwords import hash_of
from tests.scenarios import binary
from tests.scenarios.forked import conductus, serving

PASSWORD = re.compile(r"password: (\S+)   \(shown only now\)")


AUTH = """
[database]
url = "sqlite:///a.db"

[auth]
secret_key = "{}"
public_key = "p"
"""


class TestHelp:
    def test_help_names_the_commands(self) -> None:
        done = binary.conductus("--help")
        assert done.code == 0
        for command in ("start", "project"):
            assert command in done.out

    def test_version(self) -> None:
        assert binary.conductus("--version").out.strip() == "0.1.0"

    def test_help_imports_no_database_and_no_server(self) -> None:
        program = (
            "import sys; from conductus.cli import main; sys.argv = ['conductus', '--help']\n"
            "try: main()\n"
            "except SystemExit: pass\n"
            "print('loaded:', *sorted({name.split('.')[0] for name in sys.modules}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        loaded = set(done.stdout.rpartition("loaded:")[2].split())
        heavy = {"sqlalchemy", "alembic", "asyncpg", "asyncmy", "sqlite3", "granian", "starlette"}
        assert loaded & (heavy | {"structlog", "pwdlib", "PIL"}) == set()

    @pytest.mark.parametrize(
        "arguments",
        [
            ["frobnicate"],
            ["start", "--prot", "1"],
            ["start", "--port", "many"],
            ["start", "--port", "65536"],
            ["start", "--workers", "0"],
            ["start", "--log-format", "xml"],
            ["project", "create"],
            ["project", "create", "shop"],
            ["project", "remove"],
        ],
        ids=" ".join,
    )
    def test_wrong_usage_exits_with_2(self, arguments: list[str]) -> None:
        done = conductus(*arguments)
        assert done.code == 2
        assert "Traceback" not in done.err + done.out


class TestStart:
    def test_the_first_start_makes_everything_and_tells_the_password_once(
        self, tmp_path: Path
    ) -> None:
        data = tmp_path / "new" / "data"
        with binary.serving("--data", data) as server:
            told = PASSWORD.search(server.printed)
            assert told is not None
            assert server.printed.count(told[1]) == 1
            assert f"{server.url}/main/docs" in server.printed
            assert httpx2.get(f"{server.url}/server/ping").text == "pong"
            projects = httpx2.get(f"{server.url}/server/projects").json()
            assert projects == {"data": ["main"], "public": True}
            signed_in = sign_in(server.url, "admin@example.com", told[1])
            assert signed_in.status_code == 200
            assert server.stop() == 0
            assert told[1] not in "".join(server.err)
        assert stat.S_IMODE(project_path(data, "main").stat().st_mode) == 0o600
        with serving("--data", data) as server:
            assert "password" not in server.printed

    def test_the_first_administrator_may_come_from_the_environment(self, tmp_path: Path) -> None:
        login = {
            "CONDUCTUS_ADMIN_EMAIL": "ada@example.org",
            "CONDUCTUS_ADMIN_PASSWORD": "quite a long one",
            "CONDUCTUS_DATA": str(tmp_path / "data"),
        }
        with serving(**login) as server:
            assert "quite a long one" not in server.printed
            assert sign_in(server.url, "ada@example.org", "quite a long one").status_code == 200

    def test_each_log_line_is_json_and_names_the_request(self, tmp_path: Path) -> None:
        with serving("--data", tmp_path, "--log-format", "json") as server:
            answer = httpx2.get(f"{server.url}/main/items/nothing?access_token=verysecret")
            server.stop()
        lines = [json.loads(line) for line in server.err if line.startswith("{")]
        served = [line for line in lines if line["event"] == "request"]
        wanted = answer.headers["x-request-id"]
        (line,) = [line for line in served if line["request_id"] == wanted]
        assert (line["method"], line["status"]) == ("GET", answer.status_code)
        assert "/main/items/nothing" in line["path"]
        assert "verysecret" not in "".join(server.err)

    def test_a_stopping_server_answers_what_it_began(self, tmp_path: Path) -> None:
        with serving("--data", tmp_path) as server:
            address = urlsplit(server.url)
            body = b'{"email": "nobody@example.com", "password": "wrong"}'
            with socket.create_connection((address.hostname, address.port or 0), 30) as client:
                head = (
                    b"POST /main/auth/authenticate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                )
                client.sendall(head % len(body) + body[:10])
                wait_until_idle(server.url)
                server.process.send_signal(signal.SIGTERM)
                wait_until_refused(server.url)
                client.sendall(body[10:])
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 404")
            assert b'"code":100' in answer.replace(b" ", b"")
            assert server.end() == 0

    def test_workers_share_the_port(self, tmp_path: Path) -> None:
        with binary.serving("--data", tmp_path, "--workers", "2", "--log-format", "json") as server:
            for _ in range(20):
                assert httpx2.get(f"{server.url}/server/ping").text == "pong"
            started = [json.loads(line) for line in server.err if "server started" in line]
            assert [line["workers"] for line in started] == [2]


class TestWhatKeepsItFromStarting:
    """One clear line, exit 1, never a traceback."""

    def test_another_server_on_the_data_folder(self, tmp_path: Path) -> None:
        with serving("--data", tmp_path):
            done = conductus("start", "--data", tmp_path, "--port", "0")
        assert done.code == 1
        assert f"Another server runs on the data folder {tmp_path}" in done.complaint

    def test_a_taken_port(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            done = conductus("start", "--data", tmp_path, "--port", port)
        assert done.code == 1
        assert f"Port {port} of 127.0.0.1 is taken" in done.complaint

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        done = binary.conductus("start", "--data", tmp_path / "file" / "data")
        assert done.code == 1
        assert "cannot be written" in done.complaint

    def test_a_database_that_is_away(self, tmp_path: Path) -> None:
        save_new_project(
            tmp_path, "shop", new_project_config(f"postgresql://u:hush@127.0.0.1:{free_port()}/d")
        )
        done = conductus("start", "--data", tmp_path, "--port", "0")
        assert done.code == 1
        assert done.complaint.startswith("conductus: project shop: ")
        assert "hush" not in done.err + done.out

    def test_some_projects_that_cannot_be_used_hinder_no_other(self, tmp_path: Path) -> None:
        made = binary.conductus("project", "create", "good", "--database-url",
                         f"sqlite:///{tmp_path / 'good.db'}", "--data", tmp_path)  # fmt: skip
        assert made.code == 0
        away = f"postgresql://u:hush@127.0.0.1:{free_port()}/d"
        save_new_project(tmp_path, "away", new_project_config(away))
        (tmp_path / "projects" / "odd.toml").write_text("[databse]")
        with serving("--data", tmp_path, "--log-format", "json") as server:
            assert httpx2.get(f"{server.url}/good/").status_code == 200
            assert httpx2.get(f"{server.url}/away/").status_code == 503
            assert httpx2.get(f"{server.url}/odd/").status_code == 503
            told = [line for line in server.err if "project unavailable" in line]
        assert any('"project": "away"' in line for line in told)
        assert any("databse" in line for line in told)
        assert "hush" not in "".join(server.err)

    def test_the_first_project_is_made_from_this_machine(self, tmp_path: Path) -> None:
        token = "Canary.of-the-super-admin"
        body = {
            "project": "first", "db_type": "sqlite", "db_name": "first.db",
            "user_email": "a@example.com", "user_password": "A password of ours",
            "super_admin_token": token,
        }  # fmt: skip
        with binary.serving_nobody("--data", tmp_path, CONDUCTUS_FIRST_PROJECT="") as server:
            assert httpx2.get(f"{server.url}/server/projects").status_code == 503
            proxied = {"x-forwarded-for": "203.0.113.1"}
            url = f"{server.url}/server/projects"
            assert httpx2.post(url, json=body, headers=proxied).status_code == 401
            assert httpx2.post(url, json=body, timeout=30).json() == {"public": True}
            assert httpx2.get(f"{server.url}/first/").status_code == 200
            info = httpx2.get(f"{server.url}/server/info?super_admin_token={token}")
            assert info.json()["data"]["directus"] == "8.8.1"
            assert server.stop() == 0
        assert token not in "".join(server.err + server.out)

    def test_maintenance(self, tmp_path: Path) -> None:
        save_new_project(tmp_path, "shop", new_project_config("sqlite:///a.db"))

        def listed() -> Any:
            return json.loads(conductus("project", "list", "--json", "--data", tmp_path).out)

        for state, expected in (("on", True), ("on", True), ("off", False), ("off", False)):
            done = conductus("project", "maintenance", "shop", state, "--data", tmp_path)
            assert done.code == 0
            assert listed()[0]["maintenance"] is expected
        missing = binary.conductus("project", "maintenance", "nope", "on", "--data", tmp_path)
        assert missing.code == 1
        assert conductus("project", "maintenance", "shop", "up", "--data", tmp_path).code == 2

    def test_a_database_without_the_system_tables(self, tmp_path: Path) -> None:
        save_new_project(tmp_path, "shop", new_project_config("sqlite:///empty.db"))
        done = conductus("start", "--data", tmp_path, "--port", "0")
        assert done.code == 1
        assert "'shop' is not installed" in done.complaint

    @pytest.mark.parametrize(
        ("file", "text", "named"),
        [
            ("conductus.toml", "prot = 1", "prot"),
            ("projects/main.toml", "[database]\nurl = 'sqlite:///a.db'", "auth"),
            ("projects/server.toml", "", "'server' cannot be the key"),
            *(
                ("projects/main.toml", AUTH.format(secret), "auth.secret_key is weak")
                for secret in ("", "short", "a" * 64, "changeme-changeme-changeme-0123456789")
            ),
        ],
    )
    def test_settings_that_are_wrong(
        self, tmp_path: Path, file: str, text: str, named: str
    ) -> None:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
        done = conductus("start", "--data", tmp_path, "--port", "0")
        assert done.code == 1
        assert named in done.complaint

    def test_an_administrator_without_an_address(self, tmp_path: Path) -> None:
        done = conductus("start", "--data", tmp_path, "--port", "0", CONDUCTUS_ADMIN_EMAIL="ada")
        assert done.code == 1
        assert "'ada' is not an e-mail address" in done.complaint


class TestProjects:
    async def test_chinook_becomes_eleven_collections(
        self, driver: Driver, database_url: str, tmp_path: Path
    ) -> None:
        await put_chinook(driver, database_url)
        options = ("--database-url", database_url, "--data", tmp_path)
        done = conductus("project", "create", "music", *options, "--manage")
        assert done.code == 0, done.err
        assert "11 collections, 75 fields, 11 relations are managed" in done.out
        assert PASSWORD.search(done.out) is not None
        listed = conductus("project", "list", "--json", "--data", tmp_path)
        (project,) = json.loads(listed.out)
        assert (project["key"], project["private"]) == ("music", False)

    async def test_tables_stay_as_they_are_and_outlive_the_project(
        self, driver: Driver, database_url: str, tmp_path: Path
    ) -> None:
        await put_chinook(driver, database_url)
        before = await tables(database_url)
        options = ("--database-url", database_url, "--data", tmp_path)
        assert conductus("project", "create", "music", *options).code == 0
        with_ours = await tables(database_url)
        assert before.items() < with_ours.items()
        assert conductus("project", "remove", "music", "--data", tmp_path).code == 0
        assert await tables(database_url) == with_ours
        assert conductus("project", "list", "--json", "--data", tmp_path).out.strip() == "[]"
        # What is there is used again, and then dropped on demand.
        again = conductus("project", "create", "music", *options)
        assert "The database had users: they sign in as before." in again.out
        assert PASSWORD.search(again.out) is None
        removed = conductus(
            "project", "remove", "music", "--drop-system-tables", "--data", tmp_path
        )
        assert f"{len(load_system().tables)} system tables were dropped" in removed.out
        assert await tables(database_url) == before

    async def test_a_database_made_by_directus_8_is_used_as_it_is(
        self, database_url: str, tmp_path: Path
    ) -> None:
        before = await made_by_directus(database_url)
        options = ("--database-url", database_url, "--data", tmp_path, "--manage")
        done = conductus("project", "create", "old", *options)
        assert done.code == 0, done.err
        assert "they sign in as before" in done.out
        after = await tables(database_url)
        assert {name: after[name] for name in before} == before
        added = set(after) - set(before)
        assert added == set(load_system().tables) - load_system().collections
        with serving("--data", tmp_path) as server:
            assert sign_in(server.url, "ada@example.org", "old password", "old").status_code == 200

    def test_a_running_server_sees_new_and_removed_projects(self, tmp_path: Path) -> None:
        with serving("--data", tmp_path) as server:
            assert httpx2.get(f"{server.url}/shop/").status_code == 404
            url = f"sqlite:///{tmp_path / 'shop.db'}"
            options = ("--database-url", url, "--data", tmp_path)
            assert conductus("project", "create", "shop", *options).code == 0
            assert httpx2.get(f"{server.url}/shop/").status_code == 200
            assert httpx2.get(f"{server.url}/server/projects").json()["data"] == ["main", "shop"]
            assert conductus("project", "remove", "shop", "--data", tmp_path).code == 0
            assert httpx2.get(f"{server.url}/shop/").status_code == 404

    def test_what_cannot_be_created(self, tmp_path: Path) -> None:
        good = f"sqlite:///{tmp_path / 'a.db'}"
        assert create(tmp_path, "shop", good) == ""
        assert "exists already" in create(tmp_path, "shop", good)
        assert "cannot be the key" in create(tmp_path, "a/b", good)
        assert "cannot be the key" in create(tmp_path, "server", good)
        assert "must begin with one of" in create(tmp_path, "b", "oracle://x/y")
        away = f"mysql://root:hush@127.0.0.1:{free_port()}/d"
        assert "hush" not in create(tmp_path, "b", away)
        assert "is not an e-mail address" in create(tmp_path, "b", good, "--admin-email", "x")
        listed = conductus("project", "list", "--json", "--data", tmp_path)
        assert [project["key"] for project in json.loads(listed.out)] == ["shop"]

    def test_a_relative_file_starts_where_the_command_is_run(self, tmp_path: Path) -> None:
        relative = Path("sub") / "a.db"
        (tmp_path / "sub").mkdir()
        done = subprocess.run(
            [
                Path(sys.executable).with_name("conductus"),
                *("project", "create", "shop", "--data", tmp_path / "data"),
                *("--database-url", f"sqlite:///{relative}"),
            ],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0
        assert (tmp_path / relative).exists()

    def test_removing_what_is_not_there(self, tmp_path: Path) -> None:
        done = conductus("project", "remove", "shop", "--data", tmp_path)
        assert done.code == 1
        assert "There is no project 'shop'" in done.complaint

    def test_the_list_shows_no_password(self, tmp_path: Path) -> None:
        save_new_project(tmp_path, "shop", new_project_config("mysql://root:hush@127.0.0.1/d"))
        for options in ((), ("--json",)):
            done = conductus("project", "list", "--data", tmp_path, *options)
            assert done.code == 0
            assert "shop" in done.out
            assert "hush" not in done.out


def sign_in(url: str, email: str, password: str, project: str = "main") -> httpx2.Response:
    return httpx2.post(
        f"{url}/{project}/auth/authenticate", json={"email": email, "password": password}
    )


def create(data: Path, key: str, url: str, *options: str) -> str:
    """The complaint, empty when there is none."""
    done = conductus("project", "create", key, "--database-url", url, "--data", data, *options)
    if done.code == 0:
        return ""
    assert done.code == 1
    return done.complaint


def wait_until_idle(url: str) -> None:
    """The server has read what was sent before."""
    for _ in range(3):
        assert httpx2.get(f"{url}/server/ping").status_code == 200


def wait_until_refused(url: str) -> None:
    address = urlsplit(url)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection((address.hostname, address.port or 0), 1).close()
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("the server takes new connections still")


async def tables(url: str) -> dict[str, Any]:
    """Every table and what it is made of."""
    database = await open_database(url)
    try:
        return {table.name: table for table in await introspect(database)}
    finally:
        await database.close()


async def made_by_directus(url: str) -> dict[str, Any]:
    """A database with system tables and a login, without ours; answers its tables."""
    database = await open_database(url)
    try:
        system = load_system()
        login = Administrator("ada@example.org", hash_of("old password"))
        await install(database, system, "Old", login, insist=False)
        async with database.schema_transaction() as transaction:
            for name in set(system.tables) - system.collections:
                await transaction.execute(f"DROP TABLE {name}")
            await transaction.execute("CREATE TABLE directus_migrations (version integer)")
            await transaction.execute("ALTER TABLE directus_users ADD COLUMN shoe_size integer")
            statement = database.dialect.compile(
                sa.delete(rows.clause(database.dialect, "directus_collection_presets", {}))
            )
            await transaction.execute(statement.sql, statement.values({}))
        return {table.name: table for table in await introspect(database)}
    finally:
        await database.close()
