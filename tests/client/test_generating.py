"""Types of a live schema, checked by the type checker; `conductus client generate`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from conductus.client import Client, collections, users
from conductus.client.generating import module
from tests.scenarios import binary
from tests.scenarios.forked import conductus, serving

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-administrator"


def field(name: str, type: str, **more: Any) -> dict[str, Any]:
    plain = {"primary_key": False, "required": False, "datatype": None, "options": None}
    return {"field": name, "type": type, **plain, **more}


def collection(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"collection": name, "fields": {one["field"]: one for one in fields}}


ID = field("id", "integer", primary_key=True, required=True)
STATES: dict[str, Any] = {"status_mapping": {"draft": {}, "published": {}}}
COLLECTIONS = [
    collection(
        "articles",
        ID,
        field("title", "string", required=True),
        field("state", "status", options=STATES),
        field("price", "decimal"),
        field("words", "array"),
        field("data", "json"),
        field("author", "m2o"),
        field("editor", "user"),
        field("comments", "o2m"),
    ),
    collection("odd names, class", field("first name", "string"), ID),
    collection("class", field("class", "boolean"), ID),
    collection("Class", ID),
    collection("authors", field("code", "string", primary_key=True), field("articles", "o2m")),
    collection(
        "copies",
        field("book", "integer", primary_key=True),
        field("shelf", "string", primary_key=True),
    ),
    collection("log", field("line", "string")),
    collection("directus_users", ID, field("role", "m2o")),
    collection("directus_roles", ID),
    collection("directus_activity", ID),
]
RELATIONS = [
    {"collection_many": many, "field_many": field_many, "collection_one": one, "field_one": back}
    for many, field_many, one, back in [
        ("articles", "author", "authors", "articles"),
        ("articles", "editor", "directus_users", None),
        ("directus_users", "role", "directus_roles", None),
        ("comments", "article", "articles", "comments"),
    ]
]
USE = """
from typing import assert_type
from conductus.client import Client, AsyncClient
from schema import Articles, articles, authors, copies, log

def use(client: Client) -> None:
    found = client.do(articles.list(limit=3))
    assert_type(found, list[Articles])
    author = found[0]["author"]
    if isinstance(author, dict):
        assert_type(author["code"], str)
    for copy in client.each(copies.list()):
        assert_type(copy["book"], int)
    client.do(copies.read((1, "a")))
    client.do(articles.create({"title": "x", "state": "draft", "comments": []}))

async def wait(client: AsyncClient) -> None:
    assert_type(await client.do(articles.read(3)), Articles)
    async for author in client.each(authors.list()):
        assert_type(author["articles"], list[int | Articles])
"""
WRONG = [
    'client.do(articles.create({"titel": "x"}))',
    'client.do(articles.create({"state": "gone"}))',
    'client.do(articles.read("3"))',
    "client.do(log.read(1))",
    "client.do(articles.list(filters={}))",
]


def checked(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "schema.py").write_text(module(COLLECTIONS, RELATIONS))
    (folder / "use.py").write_text(text)
    command = [
        *(
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-error-summary",
            "--follow-imports=silent",
        ),
        *("--cache-dir", str(folder / "cache"), "--config-file", "", "schema.py", "use.py"),
    ]
    environment = {"MYPYPATH": str(ROOT / "src"), "PATH": ""}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_type_checker_knows_the_schema(tmp_path: Path) -> None:
    wrong = "".join(f"    {line}\n" for line in WRONG)
    done = checked(tmp_path, f"{USE}\ndef wrong(client: Client) -> None:\n{wrong}")
    first = USE.count("\n") + 3
    said = sorted({line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line})
    assert said == [str(first + number) for number in range(len(WRONG))], done.stdout


def test_the_module_says_no_more_than_is_needed_and_always_the_same() -> None:
    text = module(COLLECTIONS, RELATIONS)
    assert text == module(COLLECTIONS[::-1], RELATIONS[::-1])
    names: dict[str, Any] = {}
    exec(compile(text, "schema.py", "exec", dont_inherit=True), names)
    assert "DirectusActivity" not in names
    assert {"DirectusUsers", "DirectusRoles", "OddNamesClass", "Class", "Class_2"} <= names.keys()
    assert names["copies"].section == "items/copies"
    assert "class_" in names
    assert set(names["OddNamesClass"].__annotations__) == {"first name", "id"}


def test_the_command_writes_the_module_of_a_running_project(tmp_path: Path) -> None:
    with serving("--data", tmp_path, CONDUCTUS_ADMIN_PASSWORD="long enough") as server:
        project = f"{server.url}/main"
        with Client(project, email="admin@example.com", password="long enough") as client:
            client.do(users.update(1, {"token": TOKEN}))
            key = {**ID, "datatype": "INT", "length": 11, "auto_increment": True}
            client.do(collections.create("notes", [key]))
        written = binary.conductus("client", "generate", project, CONDUCTUS_TOKEN=TOKEN)
        assert written.code == 0
        assert "class Notes(TypedDict, total=False):" in written.out
        refused = conductus("client", "generate", project, "--token", "no-such-token")
        assert refused.code == 1
        assert refused.complaint.startswith(f"conductus: {project}: ")
