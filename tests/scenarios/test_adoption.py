"""Adopting what exists, in place. Source: schema page §3.2, "Install"."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from conductus.config import LimitsConfig
from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database
from conductus.database.introspection import Table, introspect
from conductus.database.introspection.tables import ForeignKey
from conductus.database.opening import open_database
from conductus.projects import rows
from conductus.projects.adoption import Adoption, Skipped, plan
from conductus.projects.install import Administrator, Installed, adopt, install, uninstall
from conductus.projects.merging import Merger, Metadata
from conductus.projects.snapshot import Snapshot, load
from conductus.schema.model import Collection, Column, Kind
from conductus.schema.system import load_system
from tests.chinook import put_chinook

ADMINISTRATOR = Administrator("first@example.com", "a hash")
SYSTEM = load_system()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def installed(database: Database, *, insist: bool = False) -> Installed:
    return await install(database, SYSTEM, "Shop", ADMINISTRATOR, insist=insist)


async def look(database: Database) -> Snapshot:
    return await load(database, "shop", Merger(SYSTEM), LimitsConfig(), 0)


def theirs(snapshot: Snapshot) -> list[Collection]:
    return [c for c in snapshot.schema.collections.values() if not c.system]


async def everything(database: Database, table: str) -> list[rows.Row]:
    """Every row of a table of the system."""
    found = next(t for t in await introspect(database) if t.name == table)
    kinds = {column.name: column.kind for column in found.columns}
    return list(await rows.read(database, database.dialect, table, kinds, found.primary_key))


async def statement(database: Database, clause: sa.ClauseElement) -> None:
    compiled = database.dialect.compile(clause)
    async with database.transaction() as transaction:
        await transaction.execute(compiled.sql, compiled.values({}))


class TestInstalling:
    async def test_an_empty_database_gets_tables_seeds_and_an_administrator(
        self, database: Database
    ) -> None:
        assert await installed(database) == Installed(adopted=False, administrator=True)
        tables = {table.name for table in await introspect(database)}
        assert tables == set(SYSTEM.tables)
        assert [role["id"] for role in await everything(database, "directus_roles")] == [1, 2]
        (user,) = await everything(database, "directus_users")
        expected = {
            "id": 1,
            "role": 1,
            "status": "active",
            "first_name": "Admin",
            "last_name": "User",
            "email": "first@example.com",
            "password": "a hash",
            "locale": "en-US",
            "timezone": "UTC",
            "theme": "auto",
            "external_id": None,
            "token": None,
        }
        assert {name: user[name] for name in expected} == expected

    async def test_the_ids_of_the_first_rows_are_not_given_again(self, database: Database) -> None:
        await installed(database)
        await statement(
            database,
            sa.insert(sa.table("directus_roles", sa.column("name"))).values(name="Editor"),
        )
        assert [role["id"] for role in await everything(database, "directus_roles")] == [1, 2, 3]

    async def test_settings_fields_and_collections_are_those_of_the_data(
        self, database: Database
    ) -> None:
        await installed(database)
        snapshot = await look(database)
        assert snapshot.settings.project_name == "Shop"
        assert snapshot.settings.default_limit == 200
        assert "default_limit" in snapshot.settings_fields
        assert list(snapshot.schema.collections["directus_settings"].fields) == [
            "id",
            "key",
            "value",
        ]
        assert all(c.managed for c in snapshot.schema.collections.values())
        users = snapshot.schema.collections["directus_users"]
        assert users.status_field == "status"
        assert [status.value for status in users.statuses if status.soft_delete] == ["deleted"]
        assert snapshot.schema.one_to_many["directus_roles", "users"].field_many == "role"

    async def test_installing_again_changes_nothing(self, database: Database) -> None:
        await installed(database)
        before = {name: await everything(database, name) for name in SYSTEM.tables}
        assert await installed(database) == Installed(adopted=True, administrator=False)
        assert {name: await everything(database, name) for name in SYSTEM.tables} == before

    async def test_another_administrator_is_added_when_asked_for(self, database: Database) -> None:
        await installed(database)
        second = Administrator("second@example.com", "b")
        done = await install(database, SYSTEM, "Shop", second, insist=True)
        assert done == Installed(adopted=True, administrator=True)
        again = Administrator("SECOND@example.com", "c")
        assert not (await install(database, SYSTEM, "S", again, insist=True)).administrator
        users = await everything(database, "directus_users")
        assert [(user["id"], user["password"]) for user in users] == [(1, "a hash"), (2, "b")]

    async def test_what_was_broken_off_is_completed(self, database: Database) -> None:
        await installed(database)
        for table in ("directus_users", "directus_roles", "directus_settings"):
            await statement(database, sa.delete(sa.table(table)))
        await installed(database)
        assert [role["id"] for role in await everything(database, "directus_roles")] == [1, 2]
        assert [user["id"] for user in await everything(database, "directus_users")] == [1]
        fields = await everything(database, "directus_fields")
        assert len(fields) == len(SYSTEM.fields)

    async def test_uninstalling_drops_the_system_tables_alone(
        self, database: Database, driver: Driver, database_url: str
    ) -> None:
        await put_chinook(driver, database_url)
        tables = {table.name for table in await introspect(database)}
        await installed(database)
        assert set(await uninstall(database, SYSTEM)) == set(SYSTEM.tables)
        assert {table.name for table in await introspect(database)} == tables


class TestChinook:
    @pytest.fixture
    async def adoption(
        self, database: Database, driver: Driver, database_url: str
    ) -> tuple[Adoption, tuple[Table, ...]]:
        await put_chinook(driver, database_url)
        before = await introspect(database)
        await installed(database)
        return await adopt(database), before

    async def test_eleven_collections_and_eleven_relations(
        self, adoption: tuple[Adoption, tuple[Table, ...]], database: Database
    ) -> None:
        done, before = adoption
        assert (len(done.collections), len(done.relations), done.skipped) == (11, 11, ())
        snapshot = await look(database)
        assert len(theirs(snapshot)) == 11
        assert all(collection.managed for collection in theirs(snapshot))
        after = [t for t in await introspect(database) if t.name not in SYSTEM.tables]
        assert tuple(after) == before

    async def test_a_foreign_key_is_a_relation_with_an_alias(
        self, adoption: tuple[Adoption, tuple[Table, ...]], database: Database, driver: Driver
    ) -> None:
        schema = (await look(database)).schema
        artist, album, key = named(driver, "Artist", "Album", "ArtistId")
        alias = schema.collections[artist].fields[album]
        assert (alias.type, alias.interface, alias.column) == ("o2m", "one-to-many", None)
        assert schema.one_to_many[artist, album].field_many == key
        assert schema.collections[album].fields[key].type == "m2o"

    async def test_a_table_may_refer_to_itself(
        self, adoption: tuple[Adoption, tuple[Table, ...]], database: Database, driver: Driver
    ) -> None:
        schema = (await look(database)).schema
        employee, reports_to = named(driver, "Employee", "ReportsTo")
        assert schema.one_to_many[employee, employee].field_many == reports_to

    async def test_a_junction_is_followed_from_both_ends(
        self, adoption: tuple[Adoption, tuple[Table, ...]], database: Database, driver: Driver
    ) -> None:
        schema = (await look(database)).schema
        playlist, track, junction = named(driver, "Playlist", "Track", "PlaylistTrack")
        to_playlist, to_track = named(driver, "PlaylistId", "TrackId")
        assert schema.collections[junction].primary_key == (to_playlist, to_track)
        for end, other in ((playlist, track), (track, playlist)):
            relation = schema.one_to_many[end, junction]
            far = schema.far_relation(relation)
            assert far is not None
            assert far.collection_one == other
            assert schema.collections[end].fields[junction].interface == "many-to-many"

    async def test_managing_again_finds_nothing_to_do(
        self, adoption: tuple[Adoption, tuple[Table, ...]], database: Database
    ) -> None:
        again = await adopt(database)
        assert again == Adoption(collections=(), manage=(), fields=(), relations=(), skipped=())

    async def test_keys_made_by_the_database_are_known_as_such(
        self, adoption: tuple[Adoption, tuple[Table, ...]], database: Database, driver: Driver
    ) -> None:
        artist, key = named(driver, "Artist", "ArtistId")
        field = (await look(database)).schema.collections[artist].fields[key]
        assert field.column is not None
        assert field.column.auto_increment
        assert (field.interface, field.hidden_detail) == ("primary-key", True)


class TestUnmanaged:
    async def test_without_management_tables_can_be_read_as_they_are(
        self, database: Database, driver: Driver, database_url: str
    ) -> None:
        await put_chinook(driver, database_url)
        await installed(database)
        collections = theirs(await look(database))
        assert len(collections) == 11
        assert not any(collection.managed for collection in collections)
        assert not any(f.managed for c in collections for f in c.fields.values())

    async def test_rows_that_make_no_sense_do_no_harm(self, database: Database) -> None:
        await installed(database)
        broken: list[tuple[str, dict[str, Any]]] = [
            ("directus_collections", {"collection": "gone", "translation": "{not json"}),
            ("directus_fields", {"collection": "gone", "field": "f", "type": "string"}),
            (
                "directus_fields",
                {
                    "collection": "directus_users",
                    "field": "ghost",
                    "type": "string",
                    "locked": False,
                },
            ),
            (
                "directus_fields",
                {"collection": "directus_roles", "field": "odd", "type": "alias", "options": "[1"},
            ),
            (
                "directus_relations",
                {
                    "collection_many": "directus_collections_presets",
                    "field_many": "user",
                    "collection_one": "directus_groups",
                },
            ),
        ]
        async with database.transaction() as transaction:
            for table, row in broken:
                kinds = SYSTEM.tables[table].kinds
                await rows.add(transaction, database.dialect, table, kinds, [row])
        schema = (await look(database)).schema
        assert "gone" not in schema.collections
        assert "ghost" not in schema.collections["directus_users"].fields
        assert schema.collections["directus_roles"].fields["odd"].options is None
        assert all(r.collection_one in schema.collections for r in schema.relations)


# -- planning, without a database ------------------------------------------------------


def named(driver: Driver, *names: str) -> list[str]:
    """The names as this database's script spells them."""
    if driver != "postgresql":
        return list(names)
    return ["".join(f"_{c.lower()}" if c.isupper() else c for c in n).lstrip("_") for n in names]


def column(name: str, *, key: bool = False) -> Column:
    return Column(
        name=name,
        kind=Kind.INTEGER,
        datatype="INT",
        native="int",
        primary_key=key,
        nullable=not key,
    )


def table(name: str, *columns: str, key: tuple[str, ...] = ("id",), **links: str) -> Table:
    names = dict.fromkeys([*key, *columns, *links])
    return Table(
        name=name,
        columns=tuple(column(one, key=one in key) for one in names),
        primary_key=key,
        foreign_keys=tuple(
            ForeignKey(name=None, columns=(c,), table=t, referred_columns=("id",))
            for c, t in links.items()
        ),
    )


def aliases(adoption: Adoption) -> dict[tuple[str, str], str | None]:
    return {(r["collection_many"], r["field_many"]): r["field_one"] for r in adoption.relations}


class TestPlanning:
    def test_the_second_alias_and_a_taken_name_are_told_apart_by_their_field(self) -> None:
        adoption = plan(
            [
                table("people", "letters"),
                table("letters", sender="people"),
                table("notes", author="people", reader="people"),
            ],
            Metadata(),
        )
        assert aliases(adoption) == {
            ("letters", "sender"): "letters_sender",
            ("notes", "author"): "notes",
            ("notes", "reader"): "notes_reader",
        }

    def test_a_table_with_more_than_its_two_ends_in_the_key_is_no_junction(self) -> None:
        ends = {"article": "articles", "tag": "tags"}
        key = ("article", "tag", "lang")
        adoption = plan(
            [table("articles"), table("tags"), table("uses", key=key, **ends)], Metadata()
        )
        assert {row["junction_field"] for row in adoption.relations} == {None}

    def test_a_junction_may_have_other_columns(self) -> None:
        ends = {"article": "articles", "tag": "tags"}
        adoption = plan(
            [table("articles"), table("tags"), table("uses", "weight", key=tuple(ends), **ends)],
            Metadata(),
        )
        assert {row["junction_field"] for row in adoption.relations} == {"article", "tag"}
        assert aliases(adoption) == {("uses", "article"): "uses", ("uses", "tag"): "uses"}

    @pytest.mark.parametrize(
        ("foreign_key", "why"),
        [
            (("a", "b"), "a relation has one column"),
            (("nowhere",), "the table it refers to cannot be seen"),
            (("code",), "it does not refer to the primary key"),
        ],
    )
    def test_what_cannot_be_a_relation_is_left_out_with_its_reason(
        self, foreign_key: tuple[str, ...], why: str
    ) -> None:
        target = "nowhere" if foreign_key == ("nowhere",) else "one"
        many = Table(
            name="many",
            columns=(column("id", key=True), *(column(name) for name in foreign_key)),
            primary_key=("id",),
            foreign_keys=(
                ForeignKey(
                    name=None,
                    columns=foreign_key,
                    table=target,
                    referred_columns=foreign_key if len(foreign_key) > 1 else ("code",),
                ),
            ),
        )
        adoption = plan([table("one", "code"), many], Metadata())
        assert adoption.relations == ()
        assert [skipped.why for skipped in adoption.skipped] == [why]
        assert len(adoption.collections) == 2

    def test_names_that_do_not_fit_are_left_out(self) -> None:
        adoption = plan([table("t" * 65), table("ok", "c" * 65)], Metadata())
        assert [row["collection"] for row in adoption.collections] == ["ok"]
        assert [skipped.what for skipped in adoption.skipped] == ["t" * 65, f"ok.{'c' * 65}"]
        assert isinstance(adoption.skipped[0], Skipped)

    def test_what_metadata_there_is_stays(self) -> None:
        metadata = Metadata(
            collections=(
                {"collection": "one", "managed": True},
                {"collection": "many", "managed": False},
            ),
            fields=({"collection": "many", "field": "id"},),
            relations=({"collection_many": "many", "field_many": "one", "collection_one": "one"},),
        )
        adoption = plan([table("one"), table("many", one="one")], metadata)
        assert adoption.collections == ()
        assert adoption.manage == ("many",)
        assert adoption.relations == ()
        assert {(row["collection"], row["field"]) for row in adoption.fields} == {
            ("one", "id"),
            ("many", "one"),
        }

    def test_tables_of_the_system_are_not_adopted(self) -> None:
        adoption = plan([table("directus_users"), table("conductus_state")], Metadata())
        assert adoption.collections == ()
        assert adoption.fields == ()
