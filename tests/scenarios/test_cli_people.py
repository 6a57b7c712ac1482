"""Users and roles from the command line. Source: projects and server page, §5."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2
import pytest

from conductus.config import new_project_config, save_new_project
from tests.scenarios import binary
from tests.scenarios.forked import conductus, serving

SHOWN = re.compile(r"(?:password|token): (\S+)   \(shown only now\)")


@pytest.fixture
async def data(database_url: str, tmp_path: Path) -> Path:
    """A data folder with one project."""
    folder = tmp_path / "data"
    made = conductus(
        "project",
        "create",
        "main",
        "--database-url",
        database_url,
        "--admin-password",
        "long enough",
        "--data",
        str(folder),
    )
    assert made.code == 0, made.err
    return folder


def did(data: Path, *arguments: str) -> str:
    """What a command says that must succeed."""
    done = conductus(*arguments, "--data", str(data))
    assert done.code == 0, done.err
    return done.out


def failed(data: Path, *arguments: str) -> str:
    """Why a command fails, in one line."""
    done = conductus(*arguments, "--data", str(data))
    assert done.code == 1, done.out
    assert len(done.err.splitlines()) == 1, done.err
    return done.err


async def test_users_and_roles_of_a_running_server(data: Path) -> None:
    with serving("--data", data) as server:

        def status(**login: str) -> int:
            return httpx2.post(f"{server.url}/main/auth/authenticate", json=login).status_code

        assert "editors has the id 3" in did(data, "role", "create", "editors")
        shown = SHOWN.search(
            did(data, "user", "create", "ada@example.org", "--role", "Administrator")
        )
        assert shown is not None
        login = {"email": "ada@example.org", "password": shown[1]}
        assert status(**login) == 200

        token = SHOWN.search(did(data, "user", "token", "ada@example.org"))
        assert token is not None
        asking = {"authorization": f"Bearer {token[1]}"}
        me = f"{server.url}/main/users/me"
        assert httpx2.get(me, headers=asking).json()["data"]["email"] == "ada@example.org"
        assert "no token" in did(data, "user", "token", "ada@example.org", "--remove")
        assert httpx2.get(me, headers=asking).status_code == 401

        did(data, "user", "password", "ada@example.org", "--password", "another one")
        assert status(**login) == 404
        login["password"] = "another one"
        answer = httpx2.post(f"{server.url}/main/auth/authenticate", json=login).json()["data"]
        asking = {"authorization": f"Bearer {answer['token']}"}
        suspended = {"status": "suspended"}
        assert httpx2.patch(me, headers=asking, json=suspended).status_code == 200
        assert status(**login) == 404
        assert "may sign in again" in did(data, "user", "unlock", "ada@example.org")
        assert status(**login) == 200


async def test_what_is_there_is_listed(data: Path) -> None:
    did(data, "role", "create", "editors", "--description", "They write", "--enforce-2fa")
    did(data, "user", "create", "bob@example.org", "--role", "3", "--password", "long enough")
    roles = json.loads(did(data, "role", "list", "--json"))
    assert [(role["id"], role["name"], role["enforce_2fa"]) for role in roles] == [
        (1, "Administrator", False),
        (2, "Public", False),
        (3, "editors", True),
    ]
    assert "3  editors  (second factor)" in did(data, "role", "list")
    users = json.loads(did(data, "user", "list", "--json"))
    assert [(user["email"], user["status"], user["role"]["name"]) for user in users] == [
        ("admin@example.com", "active", "Administrator"),
        ("bob@example.org", "active", "editors"),
    ]
    assert "bob@example.org  active  editors" in did(data, "user", "list")
    assert "password" not in json.dumps(users)


async def test_what_a_role_may_and_why(data: Path) -> None:
    did(data, "role", "create", "editors")
    did(data, "user", "create", "bob@example.org", "--role", "editors")
    shown = did(data, "permissions", "show", "editors", "directus_files")
    assert "every status  create: full  read: full  update: full  delete: full" in shown
    (row,) = json.loads(did(data, "permissions", "show", "3", "directus_settings", "--json"))
    assert (row["read"], row["update"]) == ("full", "none")
    assert "no row" in did(data, "permissions", "show", "Public", "directus_files")
    said = did(data, "permissions", "explain", "bob@example.org", "PATCH", "/settings/1")
    assert "update: none, which means no items" in said
    did(data, "role", "create", "guards", "--enforce-2fa")
    did(data, "user", "create", "cy@example.org", "--role", "guards")
    said = did(data, "permissions", "explain", "cy@example.org", "GET", "/users")
    assert "Role 4 asks for a second factor, and the user has none" in said
    assert "Role 2 has no row for directus_users" in said
    said = did(data, "permissions", "explain", "public", "GET", "/users")
    assert "Role 2 has no row for directus_users" in said
    assert "No permission row decides" in failed(data, "permissions", "explain", "public", "X", "/")


async def test_what_is_refused(data: Path) -> None:
    for arguments, why in (
        (["user", "create", "nobody"], "e-mail"),
        (["user", "create", "admin@example.com"], "exists already"),
        (["user", "create", "ada@example.org", "--role", "kings"], "There is no role kings"),
        (["user", "create", "ada@example.org", "--role", "2"], "public role"),
        (["user", "password", "ada@example.org"], "There is no user"),
        (["user", "token", "ada@example.org"], "There is no user"),
        (["user", "unlock", "admin@example.com"], "not suspended"),
        (["role", "create", "Public"], "exists already"),
        (["user", "list", "--project", "shop"], "no project"),
    ):
        assert why in failed(data, *arguments), arguments
    save_new_project(data, "shop", new_project_config("sqlite:///shop.db"))
    assert "--project: main, shop" in failed(data, "user", "list")
    # In a process that has imported nothing before.
    done = binary.conductus("user", "list", "--project", "main", "--data", data)
    assert "admin@example.com" in done.out


@pytest.mark.parametrize(
    "words", ["user create", "user password", "user frobnicate", "role create"]
)
def test_wrong_usage_exits_with_2(words: str) -> None:
    assert conductus(*words.split()).code == 2
