"""Makes a database a project's: built-in tables, first rows, first administrator.

A database that Directus 8 made has these tables already. They are used as they are, logins
included; only ours are added. User tables are never touched. On PostgreSQL and SQLite an
installation is there whole or not at all; on MySQL, which commits each table as it is made,
what was broken off is completed by the next attempt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Dialect
from conductus.database.executor import Database, Transaction
from conductus.database.introspection import Table, introspect_within
from conductus.errors import NotInstalled, QueryFailed
from conductus.projects import rows, tables
from conductus.projects.adoption import Adoption, plan
from conductus.projects.coherence import STATE_TABLE, Change
from conductus.projects.merging import OWN_PREFIX, SETTINGS
from conductus.projects.outbox import Errand, leave
from conductus.projects.snapshot import METADATA_TABLES, by_name, read_metadata
from conductus.schema.model import Kind
from conductus.schema.system import System

ROLES = "directus_roles"
USERS = "directus_users"
ADMINISTRATOR = 1
WELCOME = "new-install"
"""The errand, and the letter that comes of it."""


class Administrator(Struct, frozen=True):
    """Who may sign in first."""

    email: str
    password_hash: str
    token: str | None = None
    """A static one."""
    locale: str = "en-US"
    timezone: str = "UTC"
    is_welcomed: bool = False
    """Whether a letter says that the project is there."""

    def __repr__(self) -> str:
        return f"Administrator({self.email!r})"


class Installed(Struct, frozen=True, kw_only=True):
    """What an installation did."""

    adopted: bool
    """True when the built-in tables were there, with logins."""
    administrator: bool
    """True when the administrator was added."""


async def install(
    database: Database,
    system: System,
    name: str,
    administrator: Administrator,
    *,
    insist: bool,
    afresh: bool = False,
    stated: Mapping[str, str] = MappingProxyType({}),
) -> Installed:
    """Installs what is missing; `afresh`, after dropping what was there.

    The administrator is added where there are no users yet, and with `insist` also beside
    other users, unless one has that e-mail address. `name` is the name of the project,
    `stated` what other settings begin with, where they are seeded.
    """
    dialect = database.dialect
    async with database.schema_transaction() as transaction:
        existing = by_name(await introspect_within(transaction, dialect))
        if afresh:
            await _drop(transaction, dialect, present(existing, system))
            existing = by_name(await introspect_within(transaction, dialect))
        for table, facts in system.tables.items():
            if table not in existing:
                await tables.create(transaction, dialect, table, facts)
        await tables.index(transaction, dialect)
        await _count_changes(transaction, dialect, system)
        seeded = await _seed(transaction, dialect, system, {"project_name": name, **stated})
        added = await _administrate(transaction, dialect, system, administrator, insist=insist)
        if added and administrator.is_welcomed:
            letter = Errand(WELCOME, {"email": administrator.email})
            await leave(transaction, dialect, [letter], datetime.now(UTC))
    return Installed(adopted=not seeded, administrator=added)


async def upgrade(database: Database, system: System) -> tuple[str, ...]:
    """Makes the tables of our own that an older version did not have; answers their names.

    A database that nothing is installed in is left alone.
    """
    dialect = database.dialect
    async with database.schema_transaction() as transaction:
        missing = pending(by_name(await introspect_within(transaction, dialect)), system)
        for table in missing:
            await tables.create(transaction, dialect, table, system.tables[table])
        if missing:
            await tables.index(transaction, dialect)
    return missing


def pending(existing: Collection[str], system: System) -> tuple[str, ...]:
    """The tables of our own that a database lacks which an older version was installed in."""
    if STATE_TABLE not in existing:
        return ()
    return tuple(
        table for table in system.tables if table.startswith(OWN_PREFIX) and table not in existing
    )


async def check_installed(database: Database, key: str) -> None:
    """Raises `NotInstalled` for a database without the tables that a project leans on."""
    needed = (*METADATA_TABLES, SETTINGS, STATE_TABLE)
    probe = database.dialect.compile(
        sa.select(sa.literal_column("1"))
        .select_from(*(sa.table(sa.quoted_name(name, quote=True)) for name in needed))
        .where(sa.false())
    )
    try:
        await database.fetch(probe.sql, probe.values({}))
    except QueryFailed as error:
        raise NotInstalled(f"The project {key!r} is not installed in its database") from error


async def adopt(database: Database) -> Adoption:
    """Manages every table that is not managed yet; answers what was planned and done."""
    dialect = database.dialect
    async with database.schema_transaction() as transaction:
        existing = by_name(await introspect_within(transaction, dialect))
        adoption = plan(existing.values(), await read_metadata(transaction, dialect, existing))
        await _write(transaction, dialect, existing, adoption)
    return adoption


async def uninstall(database: Database, system: System) -> tuple[str, ...]:
    """Drops the built-in tables, ours included; answers their names."""
    dialect = database.dialect
    async with database.schema_transaction() as transaction:
        existing = by_name(await introspect_within(transaction, dialect))
        ours = present(existing, system)
        await _drop(transaction, dialect, ours)
    return ours


async def discard(database: Database, system: System, kept: Collection[str]) -> None:
    """Drops the built-in tables but for those to be kept: what a failed attempt has left."""
    dialect = database.dialect
    async with database.schema_transaction() as transaction:
        existing = by_name(await introspect_within(transaction, dialect))
        made = [name for name in present(existing, system) if name not in kept]
        await _drop(transaction, dialect, made)


def present(existing: Collection[str], system: System) -> tuple[str, ...]:
    """The built-in tables among those that there are."""
    return tuple(name for name in system.tables if name in existing)


async def _drop(transaction: Transaction, dialect: Dialect, names: Iterable[str]) -> None:
    for name in names:
        await tables.drop(transaction, dialect, name)


async def _write(
    transaction: Transaction, dialect: Dialect, existing: Mapping[str, Table], adoption: Adoption
) -> None:
    written = {
        "directus_collections": adoption.collections,
        "directus_fields": adoption.fields,
        "directus_relations": adoption.relations,
    }
    for table, added in written.items():
        kinds = {column.name: column.kind for column in existing[table].columns}
        await rows.add(transaction, dialect, table, kinds, added)
    kinds = {"collection": Kind.TEXT, "managed": Kind.BOOLEAN}
    for name in adoption.manage:
        await rows.change(
            transaction,
            dialect,
            "directus_collections",
            kinds,
            {"collection": name},
            {"managed": True},
        )


async def _count_changes(transaction: Transaction, dialect: Dialect, system: System) -> None:
    kinds = system.tables[STATE_TABLE].kinds
    found = {row["name"] for row in await rows.read(transaction, dialect, STATE_TABLE, kinds, ())}
    missing = [{"name": c.value, "value": 1} for c in Change if c.value not in found]
    await rows.add(transaction, dialect, STATE_TABLE, kinds, missing)


async def _seed(
    transaction: Transaction, dialect: Dialect, system: System, stated: Mapping[str, str]
) -> bool:
    """Writes the first rows into a database that has no roles; answers whether it did."""
    if not await _empty(transaction, dialect, ROLES):
        return False
    for table, seeds in system.seeds.items():
        if await _empty(transaction, dialect, table):
            unnumbered: list[rows.Row] = [
                {k: v for k, v in seed.items() if k != "id"} for seed in seeds
            ]
            if table == SETTINGS:
                unnumbered = _begun(unnumbered, stated)
            await rows.add(transaction, dialect, table, system.tables[table].kinds, unnumbered)
    for role in system.roles:
        await _number(transaction, dialect, ROLES, {"name": role["name"]}, role["id"])
    return True


def _begun(seeds: Iterable[rows.Row], stated: Mapping[str, str]) -> list[rows.Row]:
    """The first rows of the settings, with what is stated of them."""
    others = [seed for seed in seeds if seed["key"] not in stated]
    return [*others, *({"key": key, "value": value} for key, value in stated.items())]


async def _administrate(
    transaction: Transaction,
    dialect: Dialect,
    system: System,
    administrator: Administrator,
    *,
    insist: bool,
) -> bool:
    first = await _empty(transaction, dialect, USERS)
    if not first and not insist:
        return False
    kinds = {"id": Kind.INTEGER, "email": Kind.TEXT}
    users = await rows.read(transaction, dialect, USERS, kinds, ())
    if administrator.email.lower() in {str(user["email"]).lower() for user in users}:
        return False
    row = {
        "status": "active",
        "role": ADMINISTRATOR,
        "first_name": "Admin",
        "last_name": "User",
        "email": administrator.email,
        "password": administrator.password_hash,
        "token": administrator.token,
        "timezone": administrator.timezone,
        "locale": administrator.locale,
        "theme": "auto",
    }
    await rows.add(transaction, dialect, USERS, system.tables[USERS].kinds, [row])
    if first:
        await _number(transaction, dialect, USERS, {"email": administrator.email}, 1)
    return True


async def _number(
    transaction: Transaction, dialect: Dialect, table: str, key: rows.Row, number: int
) -> None:
    """Gives a new row the id that it must have.

    Ids are given by the database first: one that is stated in an INSERT would be given
    again by a sequence that does not know of it.
    """
    kinds = {"id": Kind.INTEGER} | dict.fromkeys(key, Kind.TEXT)
    await rows.change(transaction, dialect, table, kinds, key, {"id": number})


async def _empty(transaction: Transaction, dialect: Dialect, table: str) -> bool:
    return not await rows.read(transaction, dialect, table, {"id": Kind.INTEGER}, ("id",))
