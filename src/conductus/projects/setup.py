"""Creates projects and removes them: configuration, tables, first administrator."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from conductus.config import (
    check_key,
    database_url,
    new_project_config,
    project_config,
    project_keys,
    project_path,
    save_new_project,
)
from conductus.database.executor import Database
from conductus.database.opening import open_database
from conductus.errors import ProjectExists, ProjectNotFound, ValidationFailed
from conductus.projects.adoption import Skipped
from conductus.projects.install import Administrator, adopt, install, uninstall
from conductus.projects.project import counters_path
from conductus.projects.snapshot import load
from conductus.schema.model import Schema
from conductus.schema.system import System

DEFAULT_EMAIL = "admin@example.com"
Progress = Callable[[str], None]


class Login(Struct, frozen=True):
    """The first administrator as asked for; what is None is made up."""

    email: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Login({self.email!r})"


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
    key: str,
    url: str,
    login: Login,
    *,
    manage: bool,
    progress: Progress,
) -> Created:
    """A new project on the database at `url`.

    Raises `ConfigInvalid` for the key, `ProjectExists`, `DatabaseUnreachable`,
    `DatabaseUnusable` and `ValidationFailed` for the login.
    """
    check_key(key)
    if key in project_keys(data, environment):
        raise ProjectExists(key)
    password = login.password or secrets.token_urlsafe(15)
    email = checked_email(login.email or DEFAULT_EMAIL)
    config = new_project_config(url)
    progress("connecting to the database")
    database = await open_database(database_url(config, data), statement_seconds=600)
    try:
        progress("installing the system tables")
        administrator = Administrator(email, await hashed(password))
        insist = login.email is not None
        installed = await install(database, system, key, administrator, insist=insist)
        skipped: tuple[Skipped, ...] = ()
        if manage:
            progress("managing the tables")
            skipped = (await adopt(database)).skipped
        progress("reading the schema")
        schema = (await load(database, key, system, config.limits, 0)).schema
    finally:
        await database.close()
    save_new_project(data, key, config)
    added = installed.administrator
    return Created(
        key=key,
        adopted=installed.adopted,
        email=email if added else None,
        password=password if added and not login.password else None,
        **_counts(schema),
        skipped=skipped,
    )


async def remove(
    data: Path, environment: Mapping[str, str], system: System, key: str, *, drop_system: bool
) -> tuple[str, ...]:
    """Forgets a project; answers the system tables that were dropped, on demand alone.

    Tables of users are never dropped. Raises `ProjectNotFound`, `DatabaseUnreachable`.
    """
    path = project_path(data, key)
    if key not in project_keys(data, environment) or not path.exists():
        raise ProjectNotFound(key)
    dropped: tuple[str, ...] = ()
    if drop_system:
        config = project_config(data, key, environment)
        database = await open_database(database_url(config, data))
        dropped = await _uninstalled(database, system)
    path.unlink()
    counters_path(data, key).unlink(missing_ok=True)
    return dropped


async def hashed(password: str) -> str:
    """The password as it is stored."""
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    # Costs tens of milliseconds on purpose.
    return await asyncio.to_thread(PasswordHash((Argon2Hasher(),)).hash, password)


def checked_email(email: str) -> str:
    """The address itself. Raises `ValidationFailed` for what is none."""
    name, at, host = email.strip().rpartition("@")
    if not (name and at and host) or any(c.isspace() for c in email.strip()) or len(email) > 128:
        raise ValidationFailed(f"{email!r} is not an e-mail address")
    return email.strip()


async def _uninstalled(database: Database, system: System) -> tuple[str, ...]:
    try:
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
