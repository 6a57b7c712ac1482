"""`conductus database …`"""

from __future__ import annotations

import asyncio
import os

from conductus.cli.application import CommandFailed
from conductus.cli.console import say
from conductus.cli.opened import ProjectKey
from conductus.cli.places import DataFolder, own_folder
from conductus.config import database_url, project_config, project_keys
from conductus.database.opening import open_database
from conductus.projects.install import upgrade
from conductus.schema.system import load_system


def upgrade_tables(*, project: ProjectKey = None, data: DataFolder = None) -> None:
    """Make what this version needs in the databases of an older one: of all projects, or one.

    Nothing of yours is touched. The server does the same when it opens a project.
    """
    folder = own_folder(data, os.environ)
    keys = project_keys(folder, os.environ)
    if project is not None and project not in keys:
        raise CommandFailed(f"There is no project {project!r}")
    for key in keys if project is None else (project,):
        config = project_config(folder, key, os.environ)
        made = asyncio.run(_upgraded(database_url(config, folder)))
        say(f"{key}: {'made ' + ', '.join(made) if made else 'nothing is to be done'}")


async def _upgraded(url: str) -> tuple[str, ...]:
    database = await open_database(url, pool_size=1)
    try:
        return await upgrade(database, load_system())
    finally:
        await database.close()
