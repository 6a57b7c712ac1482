"""`conductus plugin …`: which plugins there are, and the commands that they bring."""

from __future__ import annotations

import inspect
import os

from conductus.cli.application import CommandFailed
from conductus.cli.console import say
from conductus.cli.opened import ProjectKey, loaded_plugins, opened
from conductus.cli.places import DataFolder, own_folder
from conductus.config import project_keys
from conductus.extensions.loading import Plugin
from conductus.extensions.services import services_of_system
from conductus.projects.project import Project


def list_plugins(*, project: ProjectKey = None, data: DataFolder = None) -> None:
    """List plugins and what they do."""
    folder = own_folder(data, os.environ)
    known = project_keys(folder, os.environ)
    keys = known if project is None else (project,)
    if project is not None and project not in known:
        raise CommandFailed(f"There is no project {project!r}")
    with loaded_plugins(folder, keys) as plugins:
        for key in keys:
            for plugin in plugins.of(key):
                say(f"{key}  {plugin.name}  {_offers(plugin)}  {plugin.origin}")


def run_command(
    name: str, /, *arguments: str, project: ProjectKey = None, data: DataFolder = None
) -> None:
    """Run a command of a plugin.

    Parameters
    ----------
    name
        What the plugin calls it.
    arguments
        What it is given, as texts.
    """
    folder = own_folder(data, os.environ)

    async def work(found: Project) -> None:
        with loaded_plugins(folder, [found.key]) as plugins:
            commands = {
                command.name: command.function
                for plugin in plugins.of(found.key)
                for command in plugin.registered.commands
            }
        if name not in commands:
            there = ", ".join(sorted(commands)) or "there is none"
            raise CommandFailed(f"No plugin has a command {name!r}: {there}")
        answer = commands[name](await services_of_system(found), *arguments)
        said = await answer if inspect.isawaitable(answer) else answer
        if said is not None:
            say(str(said))

    opened(project, data, work)


def _offers(plugin: Plugin) -> str:
    """What it registered, counted."""
    one = plugin.registered
    counts = {
        "hooks": len(one.hooks),
        "endpoints": len(one.endpoints) + (one.app is not None),
        "commands": len(one.commands),
        "hashers": len(one.hashers),
        "templates": len(one.templates) // 2,
        "validations": len(one.validations),
        "storages": len(one.storages),
        "sso providers": len(one.sso_providers),
    }
    return ", ".join(f"{number} {kind}" for kind, number in counts.items() if number) or "nothing"
