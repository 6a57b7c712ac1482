"""Creates projects and removes them: configuration, tables, first administrator.

All or nothing: where one step fails, what the others did is undone. Call within
`exclusively`, which keeps others from doing the same meanwhile.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from conductus.config import (
    ProjectConfig,
    check_key,
    database_url,
    found_keys,
    new_project_config,
    project_config,
    project_path,
    same_key,
    save_new_project,
)
from conductus.database.executor import Database
from conductus.database.introspection import Table, introspect
from conductus.database.opening import open_database
from conductus.database.url import parse
from conductus.errors import (
    ApiError,
    DatabaseUnusable,
    ProjectExists,
    ProjectNotFound,
    Unprocessable,
    ValidationFailed,
)
from conductus.items.writer import HashSecret
from conductus.projects.adoption import Skipped
from conductus.projects.install import Administrator, adopt, discard, install, present, uninstall
from conductus.projects.maintenance import withdraw
from conductus.projects.merging import Merger
from conductus.projects.project import counters_path
from conductus.projects.snapshot import by_name, load
from conductus.schema.model import Schema
from conductus.schema.system import System

DEFAULT_EMAIL = "admin@example.com"
STATEMENT_SECONDS = 600
Progress = Callable[[str], None]


class Login(Struct, frozen=True):
    """The first administrator as asked for; what is None is made up."""

    email: str | None = None
    password: str | None = None
    token: str | None = None
    """A static one; None: none."""
    locale: str = "en-US"
    timezone: str = "UTC"

    def __repr__(self) -> str:
        return f"Login({self.email!r})"


class Tables(Enum):
    """What is done about system tables that a database has already."""

    REFUSE = "refuse"
    USE = "use"
    REPLACE = "replace"
    """They are dropped, with all that is in them."""


class Wanted(Struct, frozen=True, kw_only=True):
    """A project as asked for."""

    key: str
    url: str
    login: Login
    tables: Tables = Tables.USE
    manage: bool = False
    private: bool = False
    is_mailed: bool = False
    """Whether mail can leave: then who administers it is told."""
    settings: Mapping[str, str] = MappingProxyType({})
    """What settings begin with, besides the seeded values."""

    def __repr__(self) -> str:
        return f"Wanted({self.key!r})"


class Created(Struct, frozen=True, kw_only=True):
    """What was made, for telling."""

    key: str
    adopted: bool
    """True when the database had logins of its own."""
    email: str | None
    """The administrator that was added, if one was."""
    password: str | None
    """Only when it was made up: to be shown once."""
    collections: int
    unmanaged: int
    fields: int
    relations: int
    skipped: tuple[Skipped, ...]


async def create(
    data: Path,
    environment: Mapping[str, str],
    system: System,
    wanted: Wanted,
    hash_secret: HashSecret,
    progress: Progress,
) -> Created:
    """A new project on the database at the address that is wanted.

    Raises `ConfigInvalid` for the key, `ProjectExists`, `DatabaseUnreachable`,
    `DatabaseUnusable` and `ValidationFailed` for the login.
    """
    key, login = check_key(wanted.key), wanted.login
    if any(same_key(key, known) for known in found_keys(data, environment)[0]):
        raise ProjectExists(key)
    password = login.password or secrets.token_urlsafe(15)
    email = checked_email(login.email or DEFAULT_EMAIL)
    administrator = Administrator(
        email,
        await hash_secret(password),
        login.token,
        login.locale,
        login.timezone,
        is_welcomed=wanted.is_mailed and login.email is not None,
    )
    config = new_project_config(wanted.url, private=wanted.private)
    progress("connecting to the database")
    async with _opened(database_url(config, data)) as database:
        made = await _made(database, data, system, wanted, administrator, config, progress)
    return Created(
        key=key,
        adopted=made.adopted,
        email=email if made.administrator else None,
        password=password if made.administrator and not login.password else None,
        **_counts(made.schema),
        skipped=made.skipped,
    )


async def remove(
    data: Path, environment: Mapping[str, str], system: System, key: str, *, drop_system: bool
) -> tuple[str, ...]:
    """Forgets a project; answers the system tables that were dropped, on demand alone.

    Tables of users are never dropped. Raises `ProjectNotFound`, `DatabaseUnreachable`, and
    `Unprocessable` for one that stands in the environment alone.
    """
    path = project_path(data, key)
    if key not in found_keys(data, environment)[0]:
        raise ProjectNotFound(key)
    if not path.exists():
        raise Unprocessable(f"The project {key!r} stands in the environment: take it out there")
    config = project_config(data, key, environment) if drop_system else None
    # Out of sight first: nobody is to open it while its tables go.
    aside = path.with_name(f".{path.name}.removed")
    path.rename(aside)
    try:
        dropped = await _uninstalled(database_url(config, data), system) if config else ()
    except BaseException:
        aside.rename(path)
        raise
    aside.unlink()
    withdraw(data, key)
    counters_path(data, key).unlink(missing_ok=True)
    return dropped


def checked_email(email: str) -> str:
    """The address itself. Raises `ValidationFailed` for what is none."""
    name, at, host = email.strip().rpartition("@")
    if not (name and at and host) or any(c.isspace() for c in email.strip()) or len(email) > 128:
        raise ValidationFailed(f"{email!r} is not an e-mail address")
    return email.strip()


class _Made(Struct, frozen=True, kw_only=True):
    adopted: bool
    administrator: bool
    skipped: tuple[Skipped, ...]
    schema: Schema


async def _made(
    database: Database,
    data: Path,
    system: System,
    wanted: Wanted,
    administrator: Administrator,
    config: ProjectConfig,
    progress: Progress,
) -> _Made:
    """Tables and configuration of a project."""
    existing = by_name(await introspect(database))
    before = present(existing, system)
    if before and wanted.tables is Tables.REFUSE:
        raise DatabaseUnusable(
            "The database has system tables: say `existing` to use them, or `force` to drop them"
        )
    if wanted.tables is Tables.REPLACE:
        _check_droppable(existing.values(), system)
    async with _undone_on_failure(database, system, wanted, before):
        progress("installing the system tables")
        installed = await install(
            database,
            system,
            wanted.key,
            administrator,
            insist=wanted.login.email is not None,
            afresh=wanted.tables is Tables.REPLACE,
            stated=wanted.settings,
        )
        skipped: tuple[Skipped, ...] = ()
        if wanted.manage:
            progress("managing the tables")
            skipped = (await adopt(database)).skipped
        progress("reading the schema")
        schema = (await load(database, wanted.key, Merger(system), config.limits, 0)).schema
        save_new_project(data, wanted.key, config)
    return _Made(
        adopted=installed.adopted,
        administrator=installed.administrator,
        skipped=skipped,
        schema=schema,
    )


def _check_droppable(existing: Iterable[Table], system: System) -> None:
    """Raises `DatabaseUnusable` where tables of users refer to those that are to be dropped.

    Looked at first: MySQL would have dropped some of them before it says so.
    """
    for table in existing:
        for key in table.foreign_keys:
            if key.table in system.tables and table.name not in system.tables:
                raise DatabaseUnusable(
                    f"The table {table.name!r} refers to {key.table!r}, which cannot be dropped"
                )


@asynccontextmanager
async def _undone_on_failure(
    database: Database, system: System, wanted: Wanted, before: tuple[str, ...]
) -> AsyncIterator[None]:
    """Drops the tables that a failed attempt made; MySQL commits each of them by itself."""
    try:
        yield
    except BaseException:
        # What was to be replaced and is all there was never touched.
        with suppress(ApiError):
            left = present(by_name(await introspect(database)), system)
            replaced = wanted.tables is Tables.REPLACE and left != before
            await discard(database, system, () if replaced else before)
        raise


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    """The database; a file that was made for it is gone again where something fails."""
    parsed = parse(url)
    file = Path(parsed.database) if parsed.driver == "sqlite" else None
    new = file is not None and not file.exists()
    try:
        database = await open_database(url, pool_size=1, statement_seconds=STATEMENT_SECONDS)
        try:
            yield database
        finally:
            await database.close()
    except BaseException:
        if file is not None and new:
            for end in ("", "-wal", "-shm"):
                file.with_name(file.name + end).unlink(missing_ok=True)
        raise


async def _uninstalled(url: str, system: System) -> tuple[str, ...]:
    database = await open_database(url, pool_size=1, statement_seconds=STATEMENT_SECONDS)
    try:
        try:
            _check_droppable(await introspect(database), system)
        except DatabaseUnusable as error:
            raise Unprocessable(error.message) from error
        return await uninstall(database, system)
    finally:
        await database.close()


def _counts(schema: Schema) -> dict[str, int]:
    theirs = [c for c in schema.collections.values() if not c.system]
    managed = [c for c in theirs if c.managed]
    relations = [r for r in schema.relations if not r.collection_many.startswith("directus_")]
    return {
        "collections": len(managed),
        "unmanaged": len(theirs) - len(managed),
        "fields": sum(len(c.fields) for c in managed),
        "relations": len([r for r in relations if r.id is not None]),
    }
