"""The tree of commands, and the wall around each of them.

A command's module is imported when the command runs, so that asking for help is cheap.
"""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App, CycloptsError

from conductus import __version__
from conductus.cli.console import complain
from conductus.config import ConfigInvalid
from conductus.errors import ApiError

FINE, FAILED, USAGE = 0, 1, 2


class CommandFailed(Exception):
    """A command cannot do what it was asked for; the message is one line for its user."""


def application() -> App:
    """The commands by their names."""
    commands = App(
        name="conductus",
        help="Point it at a SQL database, get a REST API with users and permissions.",
        version=__version__,
        result_action="return_value",
    )
    commands.command("conductus.cli.start:start", name="start", help="Start the server.")
    projects = App(name="project", help="Create, list and remove projects.")
    projects.command(
        "conductus.cli.project:create", name="create", help="Make a project of a database."
    )
    projects.command("conductus.cli.project:listed", name="list", help="List the projects.")
    projects.command(
        "conductus.cli.project:remove", name="remove", help="Forget a project, keep its data."
    )
    commands.command(projects)
    commands.command(_users())
    commands.command(_roles())
    commands.command(_permissions())
    return commands


def _users() -> App:
    users = App(name="user", help="Add, list and let in users.")
    people = "conductus.cli.people"
    users.command(f"{people}:create_user", name="create", help="Add an active user.")
    users.command(f"{people}:list_users", name="list", help="List the users with their roles.")
    users.command(f"{people}:set_password", name="password", help="Give a user another password.")
    users.command(f"{people}:set_token", name="token", help="Give a user a static token.")
    users.command(f"{people}:unlock_user", name="unlock", help="Let a suspended user in again.")
    return users


def _roles() -> App:
    roles = App(name="role", help="Add and list roles.")
    people = "conductus.cli.people"
    roles.command(f"{people}:create_role", name="create", help="Add a role.")
    roles.command(f"{people}:list_roles", name="list", help="List the roles.")
    return roles


def _permissions() -> App:
    permissions = App(name="permissions", help="See what roles may, and why.")
    people = "conductus.cli.people"
    shown = "Show the rows of a role for a collection."
    permissions.command(f"{people}:show_permissions", name="show", help=shown)
    said = "Say what decides about a request."
    permissions.command(f"{people}:explain_permissions", name="explain", help=said)
    return permissions


def run(arguments: Sequence[str]) -> int:
    """Runs one command; answers its exit code."""
    try:
        application()(arguments, exit_on_error=False)
    except CycloptsError:
        return USAGE  # It was told already.
    except (CommandFailed, ConfigInvalid) as error:
        complain(str(error))
    except ApiError as error:
        complain(error.message)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        complain(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        complain("interrupted")
    except Exception as error:
        from conductus.telemetry import Log, TaskFailed

        Log("console")(TaskFailed("command", error))
    else:
        return FINE
    return FAILED
