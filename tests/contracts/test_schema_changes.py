"""Collections, fields and relations are changed by one service, alike on every database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conductus.database.executor import Database, Transaction
from conductus.database.introspection import introspect
from conductus.database.opening import open_database
from conductus.errors import ApiError, Unprocessable
from conductus.items.hooks import NO_HOOKS
from conductus.projects import rows
from conductus.projects.coherence import Bell
from conductus.projects.merging import Merger
from conductus.projects.outbox import Outbox
from conductus.projects.schema_changes import (
    SchemaChanges,
    check_relation,
    collection_metadata,
    collection_object,
    field_object,
)
from conductus.projects.schema_changes.heralding import Herald
from conductus.projects.snapshot import by_name, read_metadata
from conductus.schema.model import Kind, Schema
from conductus.schema.system import System, load_system
from tests.installed import put_project

RECORDED = Path(__file__).parents[1] / "data" / "recorded" / "1-world.jsonl"
ID = {
    "field": "id",
    "type": "integer",
    "datatype": "INT",
    "length": 11,
    "primary_key": True,
    "auto_increment": True,
}
NAME = {"field": "name", "type": "string", "datatype": "VARCHAR", "length": 100}
LINK_KINDS = {
    "collection_many": Kind.TEXT,
    "field_many": Kind.TEXT,
    "collection_one": Kind.TEXT,
    "field_one": Kind.TEXT,
    "junction_field": Kind.TEXT,
}


class Broken(Exception):
    """What happens on purpose."""


class World:
    """A new project's database, and the service that changes its schema."""

    def __init__(self, database: Database, system: System) -> None:
        self.database = database
        self.merger = Merger(system)
        self.commits = 0
        self.herald = Herald(
            "main", NO_HOOKS, Outbox(database.dialect, Bell(lambda: None, lambda: 0))
        )
        self.changes = SchemaChanges(database.dialect, self.merger, self._begin, self.herald)

    async def schema(self) -> Schema:
        tables = await introspect(self.database)
        metadata = await read_metadata(self.database, self.database.dialect, by_name(tables))
        schema = self.merger.merge(tables, metadata)
        # What is remembered of the looks before makes no difference.
        assert schema == Merger(self.merger.system).merge(tables, metadata)
        return schema

    async def field(self, collection: str, name: str) -> dict[str, Any]:
        return field_object((await self.schema()).collection(collection).field(name))

    async def make(self, name: str, *fields: dict[str, Any]) -> None:
        await self.changes.create_collection({"collection": name, "fields": [ID, *fields]})

    async def put(self, collection: str, *items: dict[str, Any]) -> None:
        columns = (await self.schema()).collection(collection).columns()
        kinds = {field.name: field.column.kind for field in columns if field.column}
        async with self.database.transaction() as transaction:
            await rows.add(transaction, self.database.dialect, collection, kinds, items)

    async def all(self, table: str) -> list[dict[str, Any]]:
        (found,) = [one for one in await introspect(self.database) if one.name == table]
        kinds = {column.name: column.kind for column in found.columns}
        order = found.primary_key
        return [
            dict(row)
            for row in await rows.read(self.database, self.database.dialect, table, kinds, order)
        ]

    async def values(self, table: str, name: str) -> list[Any]:
        return [row[name] for row in await self.all(table)]

    async def relate(
        self, many: str, field: str, one: str, alias: str | None = None, far: str | None = None
    ) -> None:
        values = {
            "collection_many": many,
            "field_many": field,
            "collection_one": one,
            "field_one": alias,
            "junction_field": far,
        }
        check_relation(await self.schema(), values)
        async with self.database.transaction() as transaction:
            await rows.add(
                transaction, self.database.dialect, "directus_relations", LINK_KINDS, [values]
            )

    async def state(self) -> Any:
        """Everything that a change of the schema may touch."""
        tables = await introspect(self.database)
        return tables, [
            await self.all(f"directus_{name}") for name in ("collections", "fields", "relations")
        ]

    @asynccontextmanager
    async def failing(self) -> AsyncIterator[Transaction]:
        """A transaction that breaks when all is done."""
        async with self.database.schema_transaction() as transaction:
            yield transaction
            raise Broken

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[Transaction]:
        async with self.database.schema_transaction() as transaction:
            yield transaction
            self.commits += 1


@pytest.fixture
async def world(project_url: str) -> AsyncIterator[World]:
    database = await open_database(project_url)
    try:
        await put_project(database, "w", "a@example.com", "x")
        yield World(database, load_system())
    finally:
        await database.close()


def recorded(section: str, path: str) -> list[dict[str, Any]]:
    lines = [msgspec.json.decode(line) for line in RECORDED.read_bytes().splitlines()]
    return [line for line in lines if line["section"] == section and line["path"] == path]


async def no_row(transaction: Transaction) -> None:
    """What writes the row of a relation, where none is asked for."""


async def refused(code: int, status: int, call: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await call
    assert (caught.value.code, caught.value.status) == (code, status), caught.value
    return caught.value


# -- the recorded world ---------------------------------------------------------------------


async def test_the_recorded_world_is_built(world: World) -> None:
    for line in recorded("set up", "/collections"):
        name = await world.changes.create_collection(line["body"])
        schema = await world.schema()
        assert collection_metadata(schema.collection(name)) == line["data"]
        for body in line["body"]["fields"]:
            await expect(world, schema, name, body)
    schema = await world.schema()
    for line in recorded("set up", "/relations"):
        check_relation(schema, line["body"])
    assert list(schema.collection("articles").fields) == [
        field["field"] for field in recorded("set up", "/collections")[2]["body"]["fields"]
    ]


async def expect(world: World, schema: Schema, collection: str, body: dict[str, Any]) -> None:
    found = field_object(schema.collection(collection).field(body["field"]))
    assert found["type"] == body["type"]
    assert found["datatype"] == body.get("datatype")
    assert found["interface"] == body["interface"]
    assert found["required"] is (body.get("required", False) or body.get("primary_key", False))
    assert found["unique"] is body.get("unique", False)
    assert found["options"] == body.get("options")
    if body.get("datatype") not in ("INT", None):
        length = body.get("length")
        assert found["length"] == (None if length is None else str(length))
    if "default_value" in body:
        expected = False if body["type"] == "boolean" else body["default_value"]
        assert found["default_value"] == expected


async def test_an_object_has_all_its_keys(world: World) -> None:
    await world.make("c", NAME, {"field": "many", "type": "o2m"})
    collection = collection_object((await world.schema()).collection("c"))
    assert list(collection) == [
        "collection",
        "managed",
        "hidden",
        "single",
        "icon",
        "note",
        "translation",
        "fields",
    ]
    assert list(collection["fields"]) == ["id", "name", "many"]
    identity, name, alias = collection["fields"].values()
    assert identity == alias | {
        "id": identity["id"],
        "field": "id",
        "datatype": "INT",
        "primary_key": True,
        "auto_increment": True,
        "type": "integer",
        "required": True,
        "length": "11",
    }
    assert name["length"] == "100"
    assert (alias["datatype"], alias["length"], alias["width"]) == (None, None, "full")


# -- collections ----------------------------------------------------------------------------

REFUSED_COLLECTIONS: list[tuple[str, dict[str, Any], int, int]] = [
    ("without a name", {"fields": [ID]}, 4, 422),
    ("a bad name", {"collection": "a b", "fields": [ID]}, 4, 422),
    ("a reserved name", {"collection": "directus_x", "fields": [ID]}, 4, 422),
    ("there already", {"collection": "there", "fields": [ID]}, 307, 422),
    ("no fields", {"collection": "c"}, 4, 422),
    ("an empty list", {"collection": "c", "fields": []}, 4, 422),
    ("fields as an object", {"collection": "c", "fields": {}}, 4, 422),
    ("no key", {"collection": "c", "fields": [NAME]}, 12, 422),
    ("two keys", {"collection": "c", "fields": [ID, NAME | {"primary_key": True}]}, 12, 422),
    ("two of a name", {"collection": "c", "fields": [ID, NAME, NAME]}, 12, 422),
    (
        "two of a type",
        {
            "collection": "c",
            "fields": [ID, {"field": "a", "type": "sort"}, {"field": "b", "type": "sort"}],
        },
        4,
        422,
    ),
    ("an unknown type", {"collection": "c", "fields": [ID, {"field": "a", "type": "x"}]}, 401, 422),
    ("no type", {"collection": "c", "fields": [ID, {"field": "a"}]}, 401, 422),
    (
        "an unknown datatype",
        {"collection": "c", "fields": [ID, {"field": "a", "type": "string", "datatype": "X"}]},
        12,
        422,
    ),
    (
        "no length",
        {"collection": "c", "fields": [ID, {"field": "a", "type": "string", "datatype": "CHAR"}]},
        402,
        422,
    ),
    (
        "a length too much",
        {
            "collection": "c",
            "fields": [ID, {"field": "a", "type": "string", "datatype": "TEXT", "length": 3}],
        },
        403,
        422,
    ),
    (
        "a bad field name",
        {"collection": "c", "fields": [ID, {"field": "é", "type": "string"}]},
        4,
        422,
    ),
    ("not an object", {"collection": "c", "fields": [ID, 3]}, 4, 422),
]


@pytest.mark.parametrize(
    ("why", "body", "code", "status"), REFUSED_COLLECTIONS, ids=[c[0] for c in REFUSED_COLLECTIONS]
)
async def test_a_refused_collection_leaves_nothing(
    world: World, why: str, body: dict[str, Any], code: int, status: int
) -> None:
    await world.make("there")
    before = await world.state()
    await refused(code, status, world.changes.create_collection(body))
    assert await world.state() == before


async def test_a_field_without_a_datatype_gets_its_default(world: World) -> None:
    types = [
        "string", "slug", "lang", "uuid", "hash", "decimal", "boolean", "date", "time", "datetime",
        "datetime_created", "datetime_updated", "json", "array", "binary", "m2o", "user", "owner",
        "user_updated", "file", "sort", "o2m", "translation", "alias", "group",
    ]  # fmt: skip
    numbers = {"status_mapping": {"1": {"name": "One", "value": 1}, "2": {"name": "Two"}}}
    await world.make(
        "c",
        *({"field": f"f_{type}", "type": type} for type in types),
        {"field": "status", "type": "status", "options": numbers, "default_value": 1},
    )
    fields = (await world.schema()).collection("c").fields
    assert [fields[f"f_{type}"].type for type in types] == types
    status = field_object(fields["status"])
    assert (status["datatype"], status["default_value"]) == ("INT", 1)
    owner = fields["f_owner"].column
    assert owner is not None
    assert owner.kind is Kind.INTEGER


async def test_metadata_of_a_collection_is_changed(world: World) -> None:
    await world.make("c")
    words = [{"locale": "nl-NL", "translation": "Klanten"}]
    await world.changes.update_collection(
        "c", {"note": "n", "icon": "i", "hidden": "1", "translation": words, "collection": "other"}
    )
    found = collection_metadata((await world.schema()).collection("c"))
    assert found == {
        "collection": "c",
        "managed": True,
        "hidden": True,
        "single": False,
        "icon": "i",
        "note": "n",
        "translation": words,
    }
    await refused(200, 404, world.changes.update_collection("nope", {}))
    await refused(4, 422, world.changes.update_collection("c", {"note": "x" * 256}))


async def test_fields_come_with_a_collections_change(world: World) -> None:
    await world.make("c", NAME)
    listed = [{"field": "name", "length": 200}, {"field": "more", "type": "integer"}]
    await world.changes.update_collection("c", {"fields": listed})
    assert (await world.field("c", "name"))["length"] == "200"
    assert (await world.field("c", "more"))["datatype"] == "INT"


async def test_a_table_of_others_is_managed_when_asked(world: World) -> None:
    async with world.database.schema_transaction() as transaction:
        await transaction.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, label VARCHAR(20))")
        await transaction.execute(
            "CREATE TABLE many (id INTEGER PRIMARY KEY, one_id INTEGER, x VARCHAR(9),"
            " FOREIGN KEY (one_id) REFERENCES one (id))"
        )
    await refused(205, 404, world.changes.update_collection("many", {"note": "n"}))
    await refused(205, 404, world.changes.create_field("many", NAME))
    await refused(205, 404, world.changes.delete_collection("many"))
    await world.changes.create_collection(
        {"collection": "one", "fields": [{"field": "extra", "type": "date"}]}
    )
    await world.changes.update_collection("many", {"managed": True, "note": "n"})
    schema = await world.schema()
    one, many = schema.collection("one"), schema.collection("many")
    assert (one.managed, many.managed, many.note) == (True, True, "n")
    assert set(one.fields) == {"id", "label", "extra", "many"}
    assert (many.field("one_id").type, one.field("many").type) == ("m2o", "o2m")
    assert schema.one_to_many["one", "many"].field_many == "one_id"
    assert all(field.managed for field in many.fields.values())
    await refused(307, 422, world.changes.create_collection({"collection": "one", "fields": [ID]}))
    refusal = await refused(12, 422, world.changes.delete_collection("one"))
    assert refusal.details == {"collections": ["many"]}


async def test_a_deleted_collection_is_forgotten(world: World) -> None:
    await world.make("one", {"field": "many", "type": "o2m"})
    await world.make("many", {"field": "one", "type": "m2o"})
    await world.make("other", {"field": "one", "type": "m2o"})
    await world.relate("many", "one", "one", "many")
    await world.relate("other", "one", "one")
    await world.changes.delete_collection("many")
    schema = await world.schema()
    assert "many" not in schema.collections
    assert list(schema.collection("one").fields) == ["id"]
    await world.changes.delete_collection("one")
    assert ("other", "one") not in (await world.schema()).many_to_one
    assert all(row["collection_one"] != "one" for row in await world.all("directus_relations"))
    await refused(200, 404, world.changes.delete_collection("one"))
    await refused(201, 401, world.changes.delete_collection("directus_users"))
    await refused(200, 404, world.changes.delete_collection("conductus_state"))


# -- fields ---------------------------------------------------------------------------------


async def test_a_field_is_added_to_rows_that_are_there(world: World) -> None:
    await world.make("c", NAME)
    await world.put("c", {"name": "a"}, {"name": "b"})
    views = {"field": "views", "type": "integer", "default_value": "7", "required": True}
    assert await world.changes.create_field("c", views) == "views"
    assert await world.values("c", "views") == [7, 7]
    found = await world.field("c", "views")
    assert (found["default_value"], found["required"], found["signed"]) == (7, True, True)
    await refused(308, 422, world.changes.create_field("c", views))
    await refused(200, 404, world.changes.create_field("nope", views))
    before = await world.state()
    bare = {"field": "bare", "type": "string", "required": True}
    await refused(404, 422, world.changes.create_field("c", bare))
    twice = {"field": "twice", "type": "string", "unique": True, "default_value": "x"}
    await refused(204, 409, world.changes.create_field("c", twice))
    await refused(12, 422, world.changes.create_field("c", ID | {"field": "id2"}))
    await refused(
        4, 422, world.changes.create_field("c", {"field": "w", "type": "string", "width": "x"})
    )
    assert await world.state() == before


async def test_system_collections_take_fields_but_keep_their_own(world: World) -> None:
    await world.changes.create_field("directus_users", {"field": "phone", "type": "string"})
    assert (await world.field("directus_users", "phone"))["length"] == "255"
    await refused(201, 401, world.changes.create_field("directus_roles", NAME))
    update, delete = world.changes.update_field, world.changes.delete_field
    await update("directus_users", ["email"], {"note": "n", "width": "half", "type": "string"})
    email = await world.field("directus_users", "email")
    assert (email["note"], email["width"], email["locked"]) == ("n", "half", True)
    await refused(305, 403, update("directus_users", ["email"], {"required": False}))
    await refused(305, 403, update("directus_users", ["email"], {"rename_to": "mail"}))
    await refused(305, 403, delete("directus_users", ["email"]))
    await delete("directus_users", ["phone"])
    assert "phone" not in (await world.schema()).collection("directus_users").fields


async def test_data_follow_a_change_of_datatype_or_it_is_refused(world: World) -> None:
    await world.make("c", NAME)
    await world.put("c", {"name": "1"}, {"name": "x"}, {"name": "1.5"}, {"name": None})
    before = await world.state()
    integer = {"type": "integer", "datatype": "INT"}
    refusal = await refused(12, 422, world.changes.update_field("c", ["name"], integer))
    assert refusal.details == {"field": "name", "rows": 2}
    short = {"length": 2}
    refusal = await refused(12, 422, world.changes.update_field("c", ["name"], short))
    assert refusal.details["rows"] == 1
    assert await world.state() == before
    decimal = {"type": "decimal", "datatype": "DECIMAL", "length": "4,1"}
    await world.changes.update_field("c", ["name"], {"length": 3})
    async with world.database.transaction() as transaction:
        await transaction.execute("DELETE FROM c WHERE name = 'x'")
    await world.changes.update_field("c", ["name"], decimal)
    assert [str(v) for v in await world.values("c", "name") if v is not None] in (
        ["1.0", "1.5"],
        ["1", "1.5"],
    )
    assert (await world.field("c", "name"))["length"] == "4,1"


async def test_required_and_unique_ask_the_rows(world: World) -> None:
    await world.make("c", NAME, {"field": "code", "type": "string"})
    await world.put("c", {"name": "a", "code": "x"}, {"name": "a", "code": None})
    before = await world.state()
    await refused(404, 422, world.changes.update_field("c", ["code"], {"required": True}))
    await refused(204, 409, world.changes.update_field("c", ["name"], {"unique": True}))
    both: list[dict[str, Any]] = [
        {"field": "name", "required": True},
        {"field": "code", "required": True},
    ]
    await refused(404, 422, world.changes.update_fields("c", both))
    assert await world.state() == before
    await world.changes.update_field("c", ["name"], {"required": True})
    await world.changes.update_field("c", ["code"], {"unique": True})
    assert (await world.field("c", "name"))["required"] is True
    assert (await world.field("c", "code"))["unique"] is True
    for key in ("primary_key", "auto_increment"):
        await refused(12, 422, world.changes.update_field("c", ["name"], {key: True}))


async def test_an_object_sent_back_changes_nothing(world: World) -> None:
    bodies = recorded("set up", "/collections")[2]["body"]
    await world.changes.create_collection(bodies)
    tables, articles = (
        await introspect(world.database),
        (await world.schema()).collection("articles"),
    )
    for field in articles.fields.values():
        await world.changes.update_field("articles", [field.name], field_object(field))
    assert await introspect(world.database) == tables
    again = (await world.schema()).collection("articles")
    assert collection_object(again) == collection_object(articles)


async def test_fields_are_reordered_by_a_list(world: World) -> None:
    await world.make("c", NAME, {"field": "b", "type": "string"})
    order: list[dict[str, Any]] = [
        {"field": "b", "sort": 1},
        {"field": "name", "sort": "2"},
        {"field": "id", "sort": 3},
    ]
    assert await world.changes.update_fields("c", order) == ("b", "name", "id")
    assert list((await world.schema()).collection("c").fields) == ["b", "name", "id"]
    await refused(202, 404, world.changes.update_fields("c", [{"field": "nope", "sort": 1}]))
    await refused(4, 422, world.changes.update_fields("c", []))


async def test_alias_and_column_become_each_other(world: World) -> None:
    await world.make("c", NAME)
    await world.put("c", {"name": "a"})
    to_alias = {"type": "o2m", "datatype": None}
    await refused(12, 422, world.changes.update_field("c", ["name"], to_alias))
    await world.changes.update_field("c", ["name"], to_alias, force=True)
    assert (await world.field("c", "name"))["datatype"] is None
    await world.changes.update_field("c", ["name"], {"type": "integer"})
    found = await world.field("c", "name")
    assert (found["type"], found["datatype"]) == ("integer", "INT")


async def test_a_new_name_reaches_every_reference(world: World) -> None:
    link = {
        "field": "link",
        "type": "slug",
        "options": {"mirroredField": "name", "t": "{{name}} x"},
    }
    await world.make("c", NAME, link, {"field": "one", "type": "m2o"})
    await world.make("one", {"field": "many", "type": "o2m"})
    await world.relate("c", "one", "one", "many")
    await world.put("c", {"name": "a"})
    async with world.database.transaction() as transaction:
        dialect = world.database.dialect
        await rows.add(
            transaction,
            dialect,
            "directus_permissions",
            world.merger.system.tables["directus_permissions"].kinds,
            [{"collection": "c", "role": 2, "read_field_blacklist": "id,name"}],
        )
        await rows.add(
            transaction,
            dialect,
            "directus_collection_presets",
            world.merger.system.tables["directus_collection_presets"].kinds,
            [
                {
                    "collection": "c",
                    "view_query": '{"tabular":{"sort":"-name","fields":"id,name"}}',
                    "filters": '[{"field":"name","operator":"eq","value":"name"}]',
                }
            ],
        )
    assert await world.changes.update_field("c", ["name"], {"rename_to": "title"}) == ("title",)
    assert await world.changes.update_field("c", ["one"], {"rename_to": "uno"}) == ("uno",)
    await world.changes.update_field("one", ["many"], {"rename_to": "lots"})
    schema = await world.schema()
    assert list(schema.collection("c").fields) == ["id", "title", "link", "uno"]
    assert schema.collection("c").field("link").options == {
        "mirroredField": "title",
        "t": "{{title}} x",
    }
    relation = schema.one_to_many["one", "lots"]
    assert (relation.collection_many, relation.field_many) == ("c", "uno")
    assert await world.values("c", "title") == ["a"]
    assert "id,title" in await world.values("directus_permissions", "read_field_blacklist")
    (preset,) = [
        row for row in await world.all("directus_collection_presets") if row["collection"] == "c"
    ]
    assert msgspec.json.decode(preset["view_query"]) == {
        "tabular": {"sort": "-title", "fields": "id,title"}
    }
    assert msgspec.json.decode(preset["filters"]) == [
        {"field": "title", "operator": "eq", "value": "name"}
    ]
    await refused(308, 422, world.changes.update_field("c", ["title"], {"rename_to": "link"}))
    await refused(12, 422, world.changes.update_field("c", ["id"], {"rename_to": "key"}))


async def test_a_deleted_field_takes_its_relation_along(world: World) -> None:
    await world.make("one", NAME, {"field": "many", "type": "o2m"})
    await world.make("many", NAME, {"field": "one", "type": "m2o"})
    await world.relate("many", "one", "one", "many")
    await world.changes.delete_field("many", ["one"])
    schema = await world.schema()
    assert list(schema.collection("many").fields) == ["id", "name"]
    assert list(schema.collection("one").fields) == ["id", "name"]
    assert ("many", "one") not in schema.many_to_one
    await refused(202, 404, world.changes.delete_field("many", ["one"]))
    await refused(12, 422, world.changes.delete_field("many", ["id"]))


async def test_a_deleted_alias_leaves_the_other_side(world: World) -> None:
    await world.make("one", {"field": "many", "type": "o2m"})
    await world.make("many", {"field": "one", "type": "m2o"})
    await world.relate("many", "one", "one", "many")
    await world.changes.delete_field("one", ["many"])
    schema = await world.schema()
    assert schema.many_to_one["many", "one"].field_one is None


@pytest.mark.parametrize("junction", [False, True])
async def test_a_deleted_many_to_many_takes_both_relations(world: World, junction: bool) -> None:
    await world.make("a", {"field": "bs", "type": "o2m"})
    await world.make("b", {"field": "as", "type": "o2m"})
    await world.make("ab", {"field": "a", "type": "m2o"}, {"field": "b", "type": "m2o"})
    await world.relate("ab", "a", "a", "bs", "b")
    await world.relate("ab", "b", "b", "as", "a")
    await world.changes.delete_field("a", ["bs"], delete_junction=junction)
    schema = await world.schema()
    assert ("ab" in schema.collections) is not junction
    assert not [one for one in schema.relations if one.collection_many == "ab"]
    assert list(schema.collection("b").fields) == ["id"]


# -- relations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "collection_many"),
        ({"collection_many": "nope"}, "collection_many"),
        ({"collection_many": "many", "field_many": "nope"}, "field_many"),
        ({"collection_many": "many", "field_many": "list"}, "field_many"),
        ({"collection_one": "nope"}, "collection_one"),
        ({"collection_one": "many", "field_one": "one"}, "field_one"),
        ({"collection_many": "many", "junction_field": "nope"}, "junction_field"),
    ],
)
async def test_an_implausible_relation_is_refused(
    world: World, values: dict[str, Any], problem: str
) -> None:
    await world.make("many", {"field": "one", "type": "m2o"}, {"field": "list", "type": "o2m"})
    with pytest.raises(ApiError) as caught:
        check_relation(await world.schema(), values)
    assert (caught.value.code, caught.value.status) == (4, 422)
    assert problem in caught.value.details["fields"]


async def test_a_relation_may_be_kept_by_the_database(world: World) -> None:
    await world.make("one")
    await world.make("many", {"field": "one", "type": "m2o"})
    values = {"collection_many": "many", "field_many": "one", "collection_one": "one"}
    await refused(4, 422, world.changes.create_relation(values, "perhaps", no_row))
    await world.put("many", {"one": 9})
    await refused(12, 422, world.changes.create_relation(values, "cascade", no_row))
    async with world.database.transaction() as transaction:
        await transaction.execute("DELETE FROM many")
    before = await world.state()

    async def broken_row(transaction: Transaction) -> None:
        kinds = {"collection": Kind.TEXT, "note": Kind.TEXT}
        changed = {"note": "kept by mistake"}
        key = {"collection": "many"}
        await rows.change(
            transaction, world.database.dialect, "directus_collections", kinds, key, changed
        )
        raise Unprocessable("On purpose")

    await refused(12, 422, world.changes.create_relation(values, "cascade", broken_row))
    assert await world.state() == before
    await world.changes.create_relation(values, "cascade", no_row)
    await world.put("one", {"id": 1})
    await world.put("many", {"one": 1})
    async with world.database.transaction() as transaction:
        await transaction.execute("DELETE FROM one")
    assert await world.all("many") == []


# -- all or nothing -------------------------------------------------------------------------


async def test_a_change_that_breaks_leaves_metadata_true(world: World) -> None:
    await world.make("c", NAME)
    before = await world.schema()
    dialect = world.database.dialect
    broken = SchemaChanges(dialect, world.merger, world.failing, world.herald)
    with pytest.raises(Broken):
        await broken.create_field("c", {"field": "more", "type": "integer"})
    with pytest.raises(Broken):
        await broken.create_collection({"collection": "d", "fields": [ID]})
    after = await world.schema()
    if world.database.dialect.name != "mysql":
        assert after.collections == before.collections
        return
    # There DDL is kept, whatever follows: what is left is described as what it is.
    left = [one for one in after.collections.values() if not one.system]
    assert {one.name: one.managed for one in left} == {"c": True, "d": False}
    assert all(field.column is not None for one in left for field in one.fields.values())
    await world.changes.create_collection({"collection": "d", "fields": [NAME]})
    assert set((await world.schema()).collection("d").fields) == {"id", "name"}


async def test_changes_at_once_come_one_after_another(world: World) -> None:
    await world.make("c", NAME)
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            body = {"field": f"f{number}", "type": "integer", "unique": True}
            group.create_task(world.changes.create_field("c", body))
    schema = await world.schema()
    assert set(schema.collection("c").fields) == {"id", "name", "f0", "f1", "f2", "f3"}
    assert all(field.managed for field in schema.collection("c").fields.values())


async def test_a_constraint_of_others_keeps_a_change_from_happening(world: World) -> None:
    await world.make("one", {"field": "code", "type": "string", "unique": True})
    await world.make("many", {"field": "one", "type": "m2o"})
    values = {"collection_many": "many", "field_many": "one", "collection_one": "one"}
    await world.changes.create_relation(values, "restrict", no_row)
    before = await world.state()
    await refused(12, 422, world.changes.delete_collection("one"))
    assert await world.state() == before
    await world.changes.delete_field("many", ["one"])
    await world.changes.delete_collection("one")
    assert "one" not in (await world.schema()).collections
