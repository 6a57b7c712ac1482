"""`conductus project …`"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from conductus.cli.application import CommandFailed
from conductus.cli.console import complain, say, say_json, say_secret, working
from conductus.cli.places import DataFolder, own_folder
from conductus.config import (
    ConfigInvalid,
    MaintenanceConfig,
    found_keys,
    project_config,
    server_config,
)
from conductus.projects import setup
from conductus.projects.exclusive import exclusively
from conductus.projects.maintenance import order, orders, withdraw
from conductus.schema.system import System, load_system
from conductus.telemetry import redacted


def create(
    key: str,
    /,
    *,
    database_url: Annotated[str, Parameter(help="sqlite:///…, postgresql://…, mysql://…")],
    manage: Annotated[bool, Parameter(negative=(), help="Manage every table.")] = False,
    admin_email: str | None = None,
    admin_password: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
    data: DataFolder = None,
) -> None:
    """Make a project of a database: new, with tables of your own, or made by Directus 8.

    Your tables are never altered.

    Parameters
    ----------
    key
        The first part of the project's paths: letters, digits, '_' and '-'.
    database_url
        The address of the database. A relative SQLite path starts at the current folder.
    manage
        Turn tables into managed collections, foreign keys into relations.
    admin_email
        Who may sign in as administrator.
    admin_password
        Made up and shown once when it is left out.
    json
        For programs.
    """
    folder = own_folder(data, os.environ)
    login = setup.Login(admin_email, admin_password)
    wanted = setup.Wanted(
        key=key,
        url=_from_here(database_url),
        login=login,
        manage=manage,
        is_mailed=server_config(folder, os.environ).mail.is_configured,
    )
    with working() as progress:
        created = asyncio.run(made(folder, load_system(), wanted, progress))
    if json:
        say_json(created)
    else:
        tell(created)


def listed(
    *, json: Annotated[bool, Parameter(negative=())] = False, data: DataFolder = None
) -> None:
    """List the projects.

    Parameters
    ----------
    json
        For programs.
    """
    folder = own_folder(data, os.environ)
    ordered = orders(folder)
    keys, problems = found_keys(folder, os.environ)
    for problem in problems:
        complain(problem)
    found = [_described(folder, key, ordered=key in ordered) for key in keys]
    if json:
        say_json(found)
        return
    for project in found:
        marks = "".join(f"  ({mark})" for mark in ("private", "maintenance") if project[mark])
        if project["problem"]:
            marks += f"  {project['problem']}"
        say(f"{project['key']}  {project['database']}{marks}")


def _described(folder: Path, key: str, *, ordered: bool) -> dict[str, Any]:
    """A project, also where its settings cannot be used."""
    told = {"key": key, "database": "", "private": False, "maintenance": ordered, "problem": ""}
    try:
        config = project_config(folder, key, os.environ)
    except ConfigInvalid as error:
        return {**told, "problem": str(error)}
    return {
        **told,
        "database": redacted(config.database.url),
        "private": config.private,
        "maintenance": ordered or config.maintenance.enabled,
    }


def remove(
    key: str,
    /,
    *,
    drop_system_tables: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
    data: DataFolder = None,
) -> None:
    """Forget a project. Its database stays as it is.

    Parameters
    ----------
    drop_system_tables
        Also drop the directus_* and conductus_* tables: users, permissions, history.
    json
        For programs.
    """
    folder = own_folder(data, os.environ)
    dropped = asyncio.run(_removed(folder, load_system(), key, drop_system=drop_system_tables))
    if json:
        say_json({"key": key, "dropped": dropped})
        return
    say(f"The project {key} is removed. Its tables are where they were.")
    if dropped:
        say(f"{len(dropped)} system tables were dropped.")


def maintain(
    key: str,
    state: Literal["on", "off"],
    /,
    *,
    message: str = "",
    retry_after: Annotated[int, Parameter(validator=Number(gte=1))] = 120,
    data: DataFolder = None,
) -> None:
    """Keep everybody but administrators out of a project, or let them in again.

    A running server heeds it with the next request.

    Parameters
    ----------
    message
        What they are told.
    retry_after
        Seconds after which they are to try again.
    """
    folder = own_folder(data, os.environ)
    if key not in found_keys(folder, os.environ)[0]:
        raise CommandFailed(f"There is no project {key!r}")
    if state == "on":
        order(folder, key, MaintenanceConfig(message=message, retry_after=retry_after))
        say(f"The project {key} serves administrators alone.")
        return
    withdraw(folder, key)
    if project_config(folder, key, os.environ).maintenance.enabled:
        raise CommandFailed(f"The configuration of {key} keeps it in maintenance")
    say(f"The project {key} serves everybody.")


async def made(
    folder: Path, system: System, wanted: setup.Wanted, progress: setup.Progress
) -> setup.Created:
    """The project, while nobody else makes or removes any."""
    from conductus.auth.passwords import Passwords

    with Passwords(server_config(folder, os.environ).passwords) as passwords:
        async with exclusively(folder):
            return await setup.create(
                folder, os.environ, system, wanted, passwords.hash_secret, progress
            )


async def _removed(folder: Path, system: System, key: str, *, drop_system: bool) -> tuple[str, ...]:
    async with exclusively(folder):
        return await setup.remove(folder, os.environ, system, key, drop_system=drop_system)


def tell(created: setup.Created) -> None:
    """What was made, in some lines."""
    say(f"The project {created.key} is ready.")
    say(
        f"  {created.collections} collections, {created.fields} fields, "
        f"{created.relations} relations are managed"
    )
    if created.unmanaged:
        say(f"  {created.unmanaged} tables can be read and are not managed: --manage does that")
    for skipped in created.skipped:
        say(f"  left out: {skipped.what}: {skipped.why}")
    if created.adopted:
        say("  The database had users: they sign in as before.")
    if created.email:
        say(f"  administrator: {created.email}")
    if created.password:
        say_secret("password", created.password)


def _from_here(url: str) -> str:
    """The address with a relative SQLite path made absolute, as a shell's user means it."""
    scheme, separator, path = url.partition(":///")
    if scheme != "sqlite" or not separator or not path or path.startswith((":", "/")):
        return url
    return f"{scheme}:///{Path.cwd() / path}"
