"""What is looked at before anybody is paged: folder, settings, database, storage, mail.

Each look ends in findings; what is amiss says what to do about it.
"""

from __future__ import annotations

import secrets
import shutil
import stat
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import sqlalchemy as sa
from msgspec import Struct

from conductus.cli.opened import loaded_plugins
from conductus.config import (
    PROJECT_FOLDER,
    ConfigInvalid,
    MailConfig,
    ProjectConfig,
    ServerConfig,
    database_url,
    project_config,
    project_keys,
    project_path,
    server_config,
)
from conductus.database.column_types import ColumnRequest, planned_column
from conductus.database.datatypes import Shape
from conductus.database.ddl import schema_editor
from conductus.database.executor import Database
from conductus.database.introspection import introspect
from conductus.database.opening import open_database
from conductus.errors import ApiError
from conductus.files.storages import Storages
from conductus.mail.mailer import mail_config
from conductus.mail.transports import reach
from conductus.projects.install import pending
from conductus.projects.merging import OWN_PREFIX, Merger
from conductus.projects.snapshot import by_name, load
from conductus.schema.system import load_system
from conductus.telemetry import redacted, silent

Level = Literal["ok", "warning", "failed"]
_LEAST_FREE: Final = 512 * 1024 * 1024
_MOST_SKEW: Final = 5.0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Finding(Struct, frozen=True):
    """What one look has shown."""

    check: str
    level: Level
    message: str
    advice: str = ""
    project: str | None = None


async def examine(data: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Every look there is; one that fails keeps no other from being taken."""
    found = _folder(data)
    if found[0].level == "failed":
        return found
    try:
        server = server_config(data, environment)
        found.append(Finding("configuration", "ok", "the server's settings can be used"))
        keys = project_keys(data, environment)
    except ConfigInvalid as error:
        return [*found, Finding("configuration", "failed", str(error), "mend the setting")]
    if not keys:
        advice = "make one with `conductus project create`"
        found.append(Finding("projects", "failed", "there is no project", advice))
    found += _address(server)
    configured: dict[str, ProjectConfig] = {}
    for key in keys:
        try:
            configured[key] = project_config(data, key, environment)
        except ConfigInvalid as error:
            found.append(Finding("configuration", "failed", str(error), "mend the setting", key))
    found += _secrets(configured)
    for key, config in configured.items():
        found += [finding async for finding in _project(data, key, config, server)]
    return found


# -- the server -----------------------------------------------------------------------


def _folder(data: Path) -> list[Finding]:
    found = [_writable(data)]
    if found[0].level == "failed":
        return found
    folder = data / PROJECT_FOLDER
    # What others may not do with a file of secrets, and with the folder that it stands in.
    private = dict.fromkeys(folder.glob("*.toml"), _OTHERS) | {folder: _OTHERS_WRITE}
    for path, refused in private.items():
        with suppress(FileNotFoundError):
            if path.stat().st_mode & refused:
                advice = f"chmod go= {path}"
                message = f"{path} has secrets and is open to other users of this machine"
                found.append(Finding("permissions", "failed", message, advice))
    free = shutil.disk_usage(data).free
    if free < _LEAST_FREE:
        message = f"{free // 1024**2} MiB are free at {data}"
        found.append(Finding("disk", "warning", message, "make room"))
    return found


def _writable(data: Path) -> Finding:
    if not data.is_dir():
        advice = "start the server, which makes it, or name another one with --data"
        return Finding("data folder", "failed", f"{data} is not there", advice)
    probe = data / f".probe-{secrets.token_hex(4)}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        advice = "give it to the user that the server runs as"
        message = f"{data} cannot be written: {error.strerror}"
        return Finding("data folder", "failed", message, advice)
    return Finding("data folder", "ok", f"{data} can be written")


def _address(server: ServerConfig) -> list[Finding]:
    if server.public_url.startswith("https://"):
        return []
    if not server.public_url:
        advice = "set `public_url`, which stands in links of mail and of sign-ins"
        return [Finding("address", "warning", "the server does not know its address", advice)]
    advice = "terminate TLS at a proxy: passwords and tokens pass in the clear"
    return [Finding("address", "warning", f"{server.public_url} is not https", advice)]


def _secrets(configured: Mapping[str, ProjectConfig]) -> list[Finding]:
    by_secret: dict[str, list[str]] = {}
    for key, config in configured.items():
        by_secret.setdefault(config.auth.secret_key, []).append(key)
    return [
        Finding(
            "secrets",
            "failed",
            f"the projects {', '.join(keys)} have the same auth.secret_key",
            "give each its own: 48 random characters",
        )
        for keys in by_secret.values()
        if len(keys) > 1
    ]


# -- a project ------------------------------------------------------------------------


async def _project(
    data: Path, key: str, config: ProjectConfig, server: ServerConfig
) -> AsyncIterator[Finding]:
    if not project_path(data, key).exists():
        message = "its settings come from the environment alone"
        yield Finding("configuration", "ok", message, project=key)
    try:
        database = await open_database(database_url(config, data), pool_size=1)
    except ApiError as error:
        where = redacted(config.database.url)
        advice = "start the server there, or mend `database.url`"
        yield Finding("database", "failed", f"{where}: {error.message}", advice, key)
    else:
        try:
            async for finding in _database(database, key, config):
                yield finding
        finally:
            await database.close()
    yield await _storage(data, key, config)
    yield await _mail(key, mail_config(server.mail, config))


async def _database(database: Database, key: str, config: ProjectConfig) -> AsyncIterator[Finding]:
    yield Finding("database", "ok", "it answers, and its version will do", project=key)
    for look in (_tables, _clock, _privileges):
        try:
            yield await look(database, key, config)
        except ApiError as error:
            name = look.__name__.strip("_")
            yield Finding(name, "failed", error.message, "look at the database's own log", key)


async def _tables(database: Database, key: str, config: ProjectConfig) -> Finding:
    system = load_system()
    missing = pending(by_name(await introspect(database)), system)
    if missing:
        message = f"tables of an older version lack {', '.join(missing)}"
        return Finding("tables", "failed", message, "run `conductus database upgrade`", key)
    snapshot = await load(database, key, Merger(system), config.limits, 0)
    collections = len(snapshot.schema.collections)
    return Finding("tables", "ok", f"{collections} collections can be seen", project=key)


async def _clock(database: Database, key: str, _: ProjectConfig) -> Finding:
    statement = database.dialect.compile(sa.select(database.dialect.clock()))
    began = time.time()
    ((told,),) = await database.fetch(statement.sql, statement.values({}))
    # The server read its clock at some moment in between.
    skew = max(began - float(told) - 1, float(told) - time.time(), 0.0)
    if skew > _MOST_SKEW:
        message = f"the clock of the database differs by {skew:.0f} seconds"
        return Finding("clock", "failed", message, "let NTP set both clocks", key)
    return Finding("clock", "ok", "the clocks agree", project=key)


async def _privileges(database: Database, key: str, _: ProjectConfig) -> Finding:
    """Makes a table, alters it and drops it again: what changes of the schema do."""
    dialect = database.dialect
    name = f"{OWN_PREFIX}probe_{secrets.token_hex(4)}"
    wanted = ColumnRequest(name="id", type="integer", shape=Shape("INT"), primary_key=True)
    editor = schema_editor(dialect)
    try:
        async with database.schema_transaction() as transaction:
            await editor.create_table(transaction, name, [planned_column(dialect.name, wanted)])
            await editor.drop_table(transaction, name)
    except ApiError:
        advice = "grant its user CREATE, ALTER, DROP, INDEX and REFERENCES"
        message = "tables cannot be made: the schema is as it is"
        return Finding("privileges", "warning", message, advice, key)
    return Finding("privileges", "ok", "tables can be made and dropped", project=key)


async def _storage(data: Path, key: str, config: ProjectConfig) -> Finding:
    name, content = f".probe-{secrets.token_hex(4)}", secrets.token_bytes(16)

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    try:
        with loaded_plugins(data, [key]) as plugins:
            storages = Storages(data, silent, plugins.find_storage)
            storage = storages.opened(key, config.storage).originals
        await storage.put(name, chunks(), "application/octet-stream")
        found = await storage.get(name)
        back = b"".join([chunk async for chunk in found.chunks])
        await storage.delete(name)
    except ApiError as error:
        advice = "mend the settings below `storage`, or the storage"
        return Finding("storage", "failed", error.message, advice, key)
    if back != content:
        message = "it does not give back what it was given"
        return Finding("storage", "failed", message, "look at the storage", key)
    return Finding("storage", "ok", f"{config.storage.name}: written, read, removed", project=key)


async def _mail(key: str, config: MailConfig) -> Finding:
    if not config.is_configured:
        advice = "set `mail.transport`: invitations and lost passwords wait for it"
        return Finding("mail", "warning", "no letter is sent", advice, key)
    if config.transport != "smtp":
        return Finding("mail", "ok", f"letters go to: {config.transport}", project=key)
    import aiosmtplib

    try:
        await reach(config)
    except (OSError, aiosmtplib.SMTPException) as error:
        message = f"{config.host} does not let us in: {' '.join(str(error).split())}"
        return Finding("mail", "failed", message, "mend the settings below `mail`", key)
    return Finding("mail", "ok", f"{config.host} takes our letters", project=key)
