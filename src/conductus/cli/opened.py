"""The project that a command works on, opened for it as the server would open it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter

from conductus.auth.passwords import Passwords
from conductus.auth.second_factor_setup import sealed_secret
from conductus.cli.application import CommandFailed
from conductus.cli.places import own_folder
from conductus.config import project_config, project_keys, server_config
from conductus.extensions.calling import Caller
from conductus.extensions.plugins import Plugins
from conductus.projects.project import Equipment, Project, open_project
from conductus.schema.system import load_system
from conductus.telemetry import silent
from conductus.webhooks.listening import webhook_listeners

T = TypeVar("T")
ProjectKey = Annotated[
    str | None, Parameter(name="--project", help="Its key; needed where there are several.")
]


@contextmanager
def loaded_plugins(folder: Path, keys: Sequence[str]) -> Iterator[Plugins]:
    """The plugins of these projects, as a server loads them. Raises `PluginFailed`."""
    config = server_config(folder, os.environ).plugins
    with Caller(config.threads) as caller:
        plugins = Plugins(folder, config, silent, caller)
        plugins.load_all(keys)
        yield plugins


def opened(project: str | None, data: Path | None, work: Callable[[Project], Awaitable[T]]) -> T:
    """Does something to a project that is opened for it. Raises `CommandFailed`."""
    folder = own_folder(data, os.environ)
    keys = project_keys(folder, os.environ)
    if project is None and len(keys) != 1:
        raise CommandFailed(f"Name one with --project: {', '.join(keys) or 'there is none yet'}")
    key = project or keys[0]
    if key not in keys:
        raise CommandFailed(f"There is no project {key!r}")
    config = project_config(folder, key, os.environ)

    async def done() -> T:
        with Passwords(server_config(folder, os.environ).passwords) as passwords:
            equipment = Equipment(
                system=load_system(),
                observer=silent,
                hash_secret=passwords.hash_secret,
                seal_secret=sealed_secret,
            )
            with loaded_plugins(folder, [key]) as plugins:
                # What a command writes meets the same hooks, and is told to the same listeners.
                waiting = plugins.waiting(key, (webhook_listeners,))
                async with open_project(key, config, folder, equipment, waiting) as found:
                    return await work(found)

    return asyncio.run(done())
