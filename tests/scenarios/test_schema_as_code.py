"""The schema as a text: taken from one database, compared with another, applied to it.

Source: projects and server page, §5.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from conductus.auth.passwords import Passwords
from conductus.auth.second_factor_setup import sealed_secret
from conductus.cli import application
from conductus.config import ProjectConfig, new_project_config
from conductus.database.dialect import Name as Driver
from conductus.database.opening import open_database
from conductus.errors import ApiError, Unprocessable, ValidationFailed
from conductus.items.context import Context
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.project import Equipment, Project, open_project
from conductus.projects.schema_as_code import texts
from conductus.projects.schema_as_code.applying import apply, compare, snapshot
from conductus.projects.schema_as_code.documents import EXTRAS, Document
from conductus.projects.schema_as_code.steps import Plan
from conductus.schema.system import load_system
from conductus.telemetry import silent
from tests.chinook import put_chinook
from tests.databases import DRIVERS, fresh_database
from tests.installed import put_project
from tests.passwords import QUICK
from tests.scenarios.recorded import exchanges
from tests.scenarios.shop import Live, live
from tests.scenarios.worlds import KEY, done, field, relation, text

UUID_KEY = field("id", "uuid", datatype="CHAR", length=36, primary_key=True, interface="uuid")
DIRECTIONS = [(one, other) for one in DRIVERS for other in DRIVERS if one != other]


@asynccontextmanager
async def project_on(driver: Driver, folder: Path) -> AsyncIterator[Project]:
    """A new project on a new database."""
    async with fresh_database(driver, "code", folder) as url:
        database = await open_database(url)
        try:
            await put_project(database, "main", "first@example.com", "a hash")
        finally:
            await database.close()
        async with opened(new_project_config(url), folder) as project:
            yield project


@asynccontextmanager
async def opened(config: ProjectConfig, folder: Path) -> AsyncIterator[Project]:
    (folder / "run").mkdir(parents=True, exist_ok=True)
    with Passwords(QUICK) as passwords:
        equipment = Equipment(
            system=load_system(),
            observer=silent,
            hash_secret=passwords.hash_secret,
            seal_secret=sealed_secret,
        )
        async with open_project("main", config, folder, equipment) as project:
            yield project


async def changed(project: Project, document: Document, *allowed: str) -> Plan:
    """Applies a document; answers what was done."""
    plan = await compare(project, document)
    await apply(project, document, allowed, plan.differences)
    return plan


def respelled(one: Document, other: Document) -> Iterator[str]:
    """The fields that two documents do not tell alike; everything else is the same."""
    assert one.collections.keys() == other.collections.keys()
    assert structs.replace(one, collections={}) == structs.replace(other, collections={})
    for name, collection in one.collections.items():
        theirs = other.collections[name].fields
        assert list(collection.fields) == list(theirs)
        for told in theirs:
            if collection.fields[told] != theirs[told]:
                yield f"{name}.{told}"


def told(plan: Plan) -> list[str]:
    return [f"{one.action} {one.what} {one.name}" for one in plan.differences]


NOT_EVERYWHERE = {"rooms.color", "rooms.tiny", "rooms.long", "rooms.rough"}
"""Fields whose datatypes not every database has."""
OWN: list[dict[str, Any]] = [
    {
        "collection": "houses",
        "note": "ünï ☃: 'quoted' \"twice\"",
        "icon": "home",
        "hidden": True,
        "translation": [{"locale": "nl-NL", "translation": "Huizen"}],
        "fields": [
            UUID_KEY,
            text("name", unique=True, required=True, default_value="yes"),
            field("price", "decimal", datatype="DECIMAL", length="12,3", default_value="1.500"),
            field("area", "integer", datatype="INT", signed=False, default_value=0),
            field("far", "integer", datatype="BIGINT"),
            field("near", "integer", datatype="SMALLINT"),
            field("ratio", "decimal", datatype="DOUBLE"),
            field("built", "date", default_value="1999-12-31"),
            field("sold", "boolean", default_value=True),
            field("plan", "json"),
            field("words", "array", datatype="VARCHAR", length=200),
            field("scan", "binary", datatype="BLOB"),
            field("seen", "datetime", datatype="TIMESTAMP"),
            field("extra", "group", sort=9),
            field("inside", "string", datatype="TEXT", width="half", sort=10, note="in a group"),
            field("rooms", "o2m"),
        ],
    },
    {
        "collection": "rooms",
        "single": True,
        "fields": [
            KEY,
            field("house", "m2o", datatype="UUID"),
            field("keeper", "owner"),
            field("state", "status", options={"status_mapping": {"1": {"name": "One"}}}),
            field("color", "string", datatype="ENUM", length="'red','blue'"),
            field("tiny", "integer", datatype="TINYINT", length=4),
            field("long", "string", datatype="LONGTEXT"),
            field("rough", "decimal", datatype="FLOAT"),
        ],
    },
]


async def furnish(world: Live) -> None:
    """Collections of every kind, roles with rows, and presets, made as clients make them."""
    for line in exchanges("1-world.jsonl"):
        if line.section == "set up":
            await done(world, line.path, line.body)
    for body in OWN:
        await done(world, "/collections", body)
    group = (await world.data("/fields/houses/extra"))["id"]
    answer = await world.ask("PATCH", "/fields/houses/inside", json={"group": group})
    assert answer.status_code == 200, answer.text
    rooms = relation("rooms", "house", "houses", "rooms")
    await done(world, "/relations?foreign_key=cascade", rooms)
    await done(world, "/fields/directus_users", text("nickname", note="added"))
    role = await done(world, "/roles", {"name": "Editors", "ip_whitelist": ["10.0.0.0/8"]})
    rows = [
        {"role": role["id"], "collection": "articles", "status": "draft", "read": "mine"},
        {"role": role["id"], "collection": "articles", "status": None, "read": "full"},
        {"role": 2, "collection": "houses", "read": "full", "read_field_blacklist": ["price"]},
    ]
    await done(world, "/permissions", rows)
    preset = {"collection": "houses", "role": role["id"], "title": "cheap", "view_type": "cards"}
    filters = [{"field": "price", "operator": "lt", "value": 5}]
    await done(world, "/collection_presets", {**preset, "filters": filters})


class Source:
    """Databases that have everything, and what was taken of them."""

    def __init__(self, driver: Driver, document: Document) -> None:
        self.driver = driver
        self.document = document


@pytest.fixture(scope="module", params=DRIVERS)
async def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Source]:
    folder = tmp_path_factory.mktemp("source")
    async with fresh_database(request.param, "source", folder) as url:
        await put_chinook(request.param, url)
        async with live(url, folder / "data", manage=True) as world:
            await furnish(world)
        async with opened(new_project_config(url), folder) as project:
            document = await snapshot(project, EXTRAS)
            yield Source(request.param, document)


@pytest.mark.parametrize("target", DRIVERS)
async def test_a_schema_goes_from_each_database_to_each(
    source: Source, target: Driver, tmp_path: Path
) -> None:
    document = texts.from_text(texts.to_text(source.document))
    assert document == source.document
    async with project_on(target, tmp_path) as project:
        await changed(project, document)
        assert told(await compare(project, document)) == []
        plain = await snapshot(project, EXTRAS)
        assert set(respelled(plain, document)) <= NOT_EVERYWHERE
        taken = await snapshot(project, EXTRAS, document)
        assert texts.to_text(taken) == texts.to_text(document)


@pytest.fixture(params=DRIVERS)
async def blank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Project]:
    """A project without collections."""
    async with project_on(request.param, tmp_path) as project:
        yield project


def document(**collections: Any) -> Document:
    """A document of YAML's plain values."""
    relations: list[Any] = collections.pop("relations", [])
    more: dict[str, Any] = {part: collections.pop(part) for part in EXTRAS if part in collections}
    told = {name: {"fields": fields} for name, fields in collections.items()}
    whole: dict[str, Any] = {"version": 1, "collections": told, "relations": relations, **more}
    return msgspec.convert(whole, Document)


ID = {"type": "integer", "datatype": "INT", "primary_key": True, "auto_increment": True}
TITLE = {"type": "string", "datatype": "VARCHAR", "length": 50}
M2O = {"type": "m2o", "datatype": "INT"}
POSTS = {"id": ID, "title": TITLE, "writer": M2O}
WRITERS = {"id": ID, "name": TITLE, "posts": {"type": "o2m"}}
WRITES = {
    "collection_many": "posts",
    "field_many": "writer",
    "collection_one": "writers",
    "field_one": "posts",
}


async def test_a_document_is_followed_step_by_step(blank: Project) -> None:
    first = document(posts=POSTS, writers=WRITERS, relations=[WRITES])
    plan = await changed(blank, first)
    assert told(plan) == [
        "create collection posts",
        *(f"create field posts.{name}" for name in POSTS),
        "create collection writers",
        *(f"create field writers.{name}" for name in WRITERS),
        "create relation posts.writer",
    ]
    assert told(await changed(blank, first)) == []

    longer = {**TITLE, "length": 90, "required": True, "default_value": "?", "note": "n"}
    group = {"type": "group", "interface": "group"}
    posts = {**POSTS, "title": {**longer, "group": "box"}, "box": group, "kind": TITLE}
    kept = {**WRITES, "foreign_key": "set_null"}
    second = document(posts=posts, writers=WRITERS, relations=[kept])
    plan = await changed(blank, second)
    assert told(plan) == [
        "change field posts.title",
        "create field posts.box",
        "create field posts.kind",
        "change relation posts.writer",
    ]
    assert told(await compare(blank, second)) == []
    taken = await snapshot(blank)
    assert taken.collections["posts"].fields["title"].group == "box"
    assert taken.relations[0].foreign_key == "set_null"

    # Back to what it was: nothing goes that is not named.
    plan = await changed(blank, first)
    assert told(plan) == [
        "drop field posts.box",
        "drop field posts.kind",
        "change field posts.title",
    ]
    left = await compare(blank, first)
    assert told(left) == ["drop field posts.box", "drop field posts.kind"]
    await changed(blank, first, "posts.box", "posts.kind")
    assert told(await compare(blank, first)) == []

    # The alias goes with its relation, the table after what refers to it.
    only = document(posts={"id": ID, "title": TITLE})
    everything = ("posts.writer", "writers", "writers.posts")
    plan = await compare(blank, only)
    assert told(plan) == ["drop field posts.writer", "drop collection writers"]
    await changed(blank, only, *everything)
    assert list((await snapshot(blank)).collections) == ["posts"]
    assert (await snapshot(blank)).relations == []


async def test_what_cannot_be_is_told_before_anything_is_done(blank: Project) -> None:
    await changed(blank, document(posts=POSTS))
    other_key = {**POSTS, "id": {**ID, "auto_increment": False}, "title": M2O}
    other_key["writer"] = {**M2O, "datatype": "NONSENSE"}
    plan = await compare(blank, document(posts=other_key, more={"id": ID, "x": TITLE}))
    assert {one.name for one in plan.refused} == {"posts.id", "posts.writer"}
    with pytest.raises(Unprocessable, match="posts"):
        await changed(blank, document(posts=other_key, more={"id": ID, "x": TITLE}))
    assert list((await snapshot(blank)).collections) == ["posts"]
    with pytest.raises(Unprocessable, match="primary key"):
        await changed(blank, document(posts=POSTS, keyless={"title": TITLE}))
    with pytest.raises(ValidationFailed, match="no field type 'nonsense'"):
        await compare(blank, document(posts={"id": ID, "title": {"type": "nonsense"}}))
    with pytest.raises(ValidationFailed, match="no group"):
        await compare(blank, document(posts={**POSTS, "title": {**TITLE, "group": "x"}}))


async def test_what_fails_halfway_is_taken_up_again(blank: Project) -> None:
    await changed(blank, document(posts=POSTS))
    await write(blank, "posts", {"title": None})
    failing = document(
        more={"id": ID}, posts={**POSTS, "title": {**TITLE, "required": True}}, other={"id": ID}
    )
    before = await snapshot(blank)
    with pytest.raises(ApiError):
        await changed(blank, failing)
    if blank.database.dialect.name != "mysql":
        assert await snapshot(blank) == before
    blocked = await compare(blank, failing)
    assert "change field posts.title" in told(blocked)
    await write(blank, "posts", {"title": "there"}, key="1")
    await changed(blank, failing)
    assert told(await compare(blank, failing)) == []


async def test_a_database_that_changed_meanwhile_is_left_alone(blank: Project) -> None:
    wanted = document(posts=POSTS)
    plan = await compare(blank, wanted)
    await changed(blank, document(others={"id": ID}))
    with pytest.raises(Unprocessable, match="changed meanwhile"):
        await apply(blank, wanted, (), plan.differences)
    assert list((await snapshot(blank)).collections) == ["others"]


async def test_a_column_becomes_an_alias_only_when_it_may_go(blank: Project) -> None:
    await changed(blank, document(posts=POSTS))
    await write(blank, "posts", {"title": "there"})
    alias = document(posts={**POSTS, "title": {"type": "alias"}})
    assert told(await changed(blank, alias)) == ["drop field posts.title"]
    assert (await snapshot(blank)).collections["posts"].fields["title"].datatype == "VARCHAR"
    await changed(blank, alias, "posts.title")
    assert (await snapshot(blank)).collections["posts"].fields["title"].datatype is None
    await changed(blank, document(posts=POSTS))
    assert (await snapshot(blank)).collections["posts"].fields["title"].datatype == "VARCHAR"


async def test_roles_and_their_rows_go_by_name(blank: Project) -> None:
    rows = [
        {"role": "Everybody", "collection": "posts", "read": "full"},
        {"role": "Writers", "collection": "posts", "read": "mine", "write_field_blacklist": ["id"]},
    ]
    taken = await snapshot(blank, EXTRAS)
    assert taken.roles is not None
    roles: dict[str, Any] = {
        "Administrator": {"builtin": "administrator", "description": "Knows"},
        "Everybody": {"builtin": "public"},
        "Writers": {"enforce_2fa": True},
    }
    wanted = document(posts=POSTS, roles=roles, permissions=rows)
    plan = await changed(blank, wanted)
    assert "create role Writers" in told(plan)
    assert "change role Everybody" in told(plan)
    taken = await snapshot(blank, ("roles", "permissions"))
    # The rows that a new role starts with are not in the text: gone without a question.
    assert taken.permissions == wanted.permissions
    assert taken.roles is not None
    assert taken.roles["Writers"].enforce_2fa
    assert told(await compare(blank, wanted)) == []
    del roles["Writers"]
    fewer = document(posts=POSTS, roles=roles, permissions=rows[:1])
    assert told(await changed(blank, fewer)) == ["drop role Writers"]
    assert told(await changed(blank, fewer, "role:Writers")) == ["drop role Writers"]
    assert told(await compare(blank, fewer)) == []
    unknown = await compare(blank, document(posts=POSTS, permissions=rows))
    assert [one.reason for one in unknown.refused] == ["there is no role 'Writers'"]


async def write(project: Project, collection: str, body: dict[str, Any], key: str = "") -> None:
    now = await project.current()
    context = Context(schema=now.schema, actor=SYSTEM, policy=ADMINISTRATOR, now=datetime.now(UTC))
    if key:
        await project.writer.update(collection, [key], body, context)
    else:
        await project.writer.create(collection, [body], context)


async def test_tables_that_are_there_are_managed(
    driver: Driver, database_url: str, tmp_path: Path
) -> None:
    """Also those whose keys have two columns."""
    await put_chinook(driver, database_url)
    async with live(database_url, tmp_path / "data"):
        pass
    async with opened(new_project_config(database_url), tmp_path) as project:
        name = "playlist_track" if driver == "postgresql" else "PlaylistTrack"
        assert (await snapshot(project)).collections == {}
        columns = [one.name for one in (await project.current()).schema.collection(name).columns()]
        key = {"type": "integer", "datatype": "INT", "primary_key": True, "note": "k"}
        wanted = document(**{name: dict.fromkeys(columns, key)})
        plan = await changed(project, wanted)
        assert [one.action for one in plan.differences] == ["change"] * 3
        taken = (await snapshot(project)).collections
        assert [field.note for field in taken[name].fields.values()] == ["k", "k"]


async def test_datatypes_may_be_left_to_the_types(blank: Project) -> None:
    short = document(posts={"id": ID, "title": {"type": "string"}, "by": {"type": "owner"}})
    await changed(blank, short)
    assert told(await compare(blank, short)) == []
    fields = (await snapshot(blank)).collections["posts"].fields
    assert (fields["title"].datatype, fields["title"].length) == ("VARCHAR", 255)
    assert (fields["by"].datatype, fields["by"].signed) == ("INT", False)


def run(folder: Path, *arguments: str | Path) -> int:
    """A command in this process; its exit code."""
    return application.run([*map(str, arguments), "--data", str(folder)])


def test_a_schema_under_version_control(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, file, split = tmp_path / "data", tmp_path / "schema.yaml", tmp_path / "split"
    address = f"sqlite:///{tmp_path}/main.db"
    assert run(data, "project", "create", "main", "--database-url", address) == 0
    file.write_text(texts.to_text(document(posts={"id": ID, "t": TITLE})))
    assert run(data, "schema", "apply", file, "--yes") == 0
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "+ collection posts",
        "+ field posts.id",
        "+ field posts.t",
        "Applied.",
    ]
    written = file.read_text()
    assert run(data, "schema", "snapshot", file) == 0
    assert file.read_text() == written
    assert capsys.readouterr().out == f"{file}: 1 collections, 2 fields, 0 relations\n"
    assert run(data, "schema", "snapshot") == 0
    assert capsys.readouterr().out == written
    assert run(data, "schema", "snapshot", split, "--with", "roles,permissions") == 0
    assert sorted(path.name for path in split.rglob("*.yaml")) == ["posts.yaml", "schema.yaml"]
    assert "Administrator:" in (split / "schema.yaml").read_text()
    capsys.readouterr()
    assert run(data, "schema", "diff", split) == 0
    assert capsys.readouterr().out == "Nothing differs.\n"

    file.write_text(written.replace("      t:\n", "      u:\n"))
    assert run(data, "schema", "diff", file) == 1
    assert capsys.readouterr().out.splitlines() == [
        "- field posts.t   (stays, unless --allow-drop 'posts.t')",
        "+ field posts.u",
    ]
    assert run(data, "schema", "diff", file, "--json") == 1
    (gone, made) = json.loads(capsys.readouterr().out)
    assert (gone["action"], gone["allow_drop"], made["name"]) == ("drop", "posts.t", "posts.u")
    assert run(data, "schema", "apply", file) == 1
    assert "Nobody is here to ask: use --yes" in capsys.readouterr().err
    assert run(data, "schema", "apply", file, "--yes", "--allow-drop", "posts.x") == 1
    assert "nothing of that name is to be dropped" in capsys.readouterr().err
    assert run(data, "schema", "diff", file) == 1
    assert run(data, "schema", "apply", file, "--yes", "--allow-drop", "posts.t") == 0
    assert run(data, "schema", "diff", file) == 0
    capsys.readouterr()
    assert run(data, "schema", "apply", file) == 0
    assert capsys.readouterr().out == "Nothing differs.\n"
    assert run(data, "schema", "snapshot", "--with", "users") == 1
    assert "takes roles, permissions, presets" in capsys.readouterr().err
    assert run(data, "schema", "diff", tmp_path / "nowhere.yaml") == 1
    assert "No such file" in capsys.readouterr().err


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "Expected `object`"),
            ("version: 2\ncollections: {}", "version"),
            ("version: 1\ncollections: {}\nmore: 1", "unknown field `more`"),
            ("version: 1\nversion: 1\ncollections: {}", "'version' is there twice"),
            ("version: 1\ncollections: {a: {fields: {b: {}}}}", "missing required field `type`"),
            ("version: 1\ncollections: [", "while parsing"),
            ("version: 1\ncollections: !!python/object:os.x {}", "could not determine"),
        ],
    )
    def test_what_is_wrong_is_said(self, text: str, why: str) -> None:
        with pytest.raises(ValidationFailed) as error:
            texts.from_text(text)
        assert why in error.value.message

    def test_values_stay_what_they_are(self) -> None:
        fields = {
            name: {**TITLE, "default_value": value}
            for name, value in {"a": "2020-01-01", "b": "no", "c": "1_0", "d": "1e3"}.items()
        }
        wanted = document(things={"id": ID, **fields})
        text = texts.to_text(wanted)
        assert texts.from_text(text) == wanted
        assert texts.from_text(text.replace("'2020-01-01'", "2020-01-01")) == wanted

    def test_a_folder_loses_the_files_of_what_is_gone(self, tmp_path: Path) -> None:
        place = tmp_path / "schema"
        texts.write(place, document(**{"a/b": {"id": ID}, "..": {"id": ID}, "ü": {"id": ID}}))
        assert len(list(place.rglob("*.yaml"))) == 4
        assert set(texts.read(place).collections) == {"a/b", "..", "ü"}
        assert {path.parent for path in place.rglob("*.yaml")} == {place, place / "collections"}
        texts.write(place, document(ü={"id": ID}))
        assert set(texts.read(place).collections) == {"ü"}
