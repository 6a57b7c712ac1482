"""The built-in collections as data: whole, consistent, and with the corrections made."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from msgspec import UNSET

from conductus.schema.model import Kind
from conductus.schema.system import System, SystemColumn, load_system
from conductus.schema.types import field_type

JSON_COLUMNS = {
    "directus_fields": ("options", "translation"),
    "directus_collection_presets": ("filters", "view_query", "view_options", "translation"),
    "directus_settings": (),
    "directus_roles": ("module_listing", "collection_listing"),
    "directus_relations": (),
}


@pytest.fixture(scope="module")
def system() -> System:
    return load_system()


def column(system: System, table: str, name: str) -> SystemColumn:
    return next(column for column in system.tables[table].columns if column.name == name)


def test_the_tables_are_those_of_the_reference(system: System) -> None:
    assert system.collections == {
        "directus_activity",
        "directus_collection_presets",
        "directus_collections",
        "directus_fields",
        "directus_files",
        "directus_folders",
        "directus_permissions",
        "directus_relations",
        "directus_revisions",
        "directus_roles",
        "directus_settings",
        "directus_user_sessions",
        "directus_users",
        "directus_webhooks",
    }
    assert set(system.tables) - system.collections == {
        *("conductus_otp_steps", "conductus_outbox", "conductus_recovery_codes"),
        *("conductus_state", "conductus_webhook_deliveries", "conductus_webhook_secrets"),
        *("conductus_thumbnails", "conductus_saml_assertions", "conductus_schedules"),
        *("conductus_journal", "conductus_watched"),
        *("conductus_thumbnails", "conductus_scim_users", "conductus_scim_groups"),
    }


def test_every_table_has_one_key_column(system: System) -> None:
    for name, table in system.tables.items():
        keys = [column for column in table.columns if column.primary_key]
        assert [key.name for key in keys] == [table.primary_key]
        assert not keys[0].nullable
        assert keys[0].auto_increment == (table.primary_key == "id"), name
    assert system.tables["directus_collections"].primary_key == "collection"
    assert system.tables["conductus_state"].kinds == {"name": Kind.TEXT, "value": Kind.INTEGER}


def test_lengths_stand_where_the_type_has_them(system: System) -> None:
    for table in system.tables.values():
        for each in table.columns:
            assert (each.length is not None) == (each.type == "string"), each


def test_defaults_are_values_of_the_column(system: System) -> None:
    sorts = {Kind.TEXT: str, Kind.INTEGER: int, Kind.BOOLEAN: bool}
    for table in system.tables.values():
        for each in table.columns:
            if each.default is not UNSET:
                assert type(each.default) is sorts[each.kind], each
    assert column(system, "directus_users", "status").default == "draft"
    assert column(system, "directus_fields", "hidden_detail").default is False
    assert column(system, "directus_activity", "action_on").default is UNSET


def test_indexes_name_columns_that_exist(system: System) -> None:
    for table in system.tables.values():
        for index in table.indexes:
            assert set(index.columns) <= set(table.kinds)


def test_fields_have_a_known_type_and_a_column_or_none_as_it_says(system: System) -> None:
    for row in system.fields:
        kind = field_type(row["type"])
        if row["collection"] == "directus_settings":
            continue
        columns = system.tables[row["collection"]].kinds
        assert (row["field"] not in columns) == kind.alias, row


def test_every_column_but_those_of_settings_has_a_field(system: System) -> None:
    named = {(row["collection"], row["field"]) for row in system.fields}
    missing = {
        (table, column.name)
        for table in system.collections - {"directus_settings"}
        for column in system.tables[table].columns
        if (table, column.name) not in named
    }
    assert missing == set()


def test_no_field_is_described_twice(system: System) -> None:
    counted = Counter((row["collection"], row["field"]) for row in system.fields)
    assert [name for name, count in counted.items() if count > 1] == []


def test_settings_are_a_catalogue_and_not_columns(system: System) -> None:
    catalogue = {
        row["field"]: row["type"]
        for row in system.fields
        if row["collection"] == "directus_settings"
    }
    assert catalogue["default_limit"] == "integer"
    assert catalogue["project_logo"] == "file"
    assert catalogue["asset_whitelist"] == "json"
    assert not set(catalogue) & set(system.tables["directus_settings"].kinds)
    seeded = {row["key"]: row["value"] for row in system.settings}
    assert seeded["default_limit"] == "200"
    assert seeded["default_locale"] is None
    assert msgspec.json.decode(seeded["asset_whitelist"])[0]["key"] == "thumbnail"


def test_relations_join_tables_that_exist(system: System) -> None:
    for relation in system.relations:
        assert relation.field_many in system.tables[relation.collection_many].kinds
        assert relation.collection_one in system.collections
    pairs = {(each.collection_many, each.field_many): each for each in system.relations}
    assert pairs["directus_collection_presets", "user"].collection_one == "directus_users"
    assert pairs["directus_collection_presets", "role"].collection_one == "directus_roles"
    assert pairs["directus_permissions", "role"].collection_one == "directus_roles"
    assert pairs["directus_users", "role"].field_one == "users"


@pytest.mark.parametrize("table", JSON_COLUMNS)
def test_seeds_are_plain_values_of_their_columns(system: System, table: str) -> None:
    columns = {column.name: column for column in system.tables[table].columns}
    for row in system.seeds[table]:
        assert row
        for name, value in row.items():
            assert value is None or type(value) in (str, int, bool), (name, value)
            assert value is not None or columns[name].nullable
            length = columns[name].length
            assert not isinstance(value, str) or length is None or len(value) <= length
            if name in JSON_COLUMNS[table] and value is not None:
                assert isinstance(msgspec.json.decode(value), dict | list)


def test_the_two_roles_are_seeded_without_external_ids(system: System) -> None:
    assert list(system.roles) == [
        {
            "id": 1,
            "name": "Administrator",
            "description": "Admins have access to all managed data within the system by default",
        },
        {"id": 2, "name": "Public", "description": None},
    ]


def test_two_readings_are_equal_and_separate() -> None:
    one, two = load_system(), load_system()
    assert one == two
    assert one is not two


@pytest.mark.parametrize("table", ["directus_permissions", "directus_users"])
def test_rows_of_a_role_are_found_by_an_index(system: System, table: str) -> None:
    assert any(index.columns == ("role",) for index in system.tables[table].indexes)
