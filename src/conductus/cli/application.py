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
    works = "Do what is left for later: mail, hooks, webhooks."
    commands.command("conductus.cli.worker:worker", name="worker", help=works)
    projects = App(name="project", help="Create, list and remove projects.")
    projects.command(
        "conductus.cli.project:create", name="create", help="Make a project of a database."
    )
    projects.command("conductus.cli.project:listed", name="list", help="List the projects.")
    projects.command(
        "conductus.cli.project:remove", name="remove", help="Forget a project, keep its data."
    )
    kept_out = "Keep all but administrators out, or let them in again."
    projects.command("conductus.cli.project:maintain", name="maintenance", help=kept_out)
    commands.command(projects)
    commands.command(_users())
    commands.command(_roles())
    commands.command(_permissions())
    commands.command(_schema())
    plugins = App(name="plugin", help="See plugins, and run their commands.")
    plugins.command(
        "conductus.cli.plugin:list_plugins", name="list", help="List plugins and what they do."
    )
    plugins.command(
        "conductus.cli.plugin:run_command", name="run", help="Run a command of a plugin."
    )
    commands.command(plugins)
    databases = App(name="database", help="Look after the databases.")
    made = "Make what this version needs in databases of an older one."
    databases.command("conductus.cli.database:upgrade_tables", name="upgrade", help=made)
    commands.command(databases)
    files = App(name="files", help="Look after the contents of files.")
    held = "Hold the storage and the rows of files against each other."
    files.command("conductus.cli.files:check", name="check", help=held)
    commands.command(files)
    transfer = "conductus.cli.transfer"
    taken_out = "Write the items of a collection to a file."
    commands.command(f"{transfer}:export_items", name="export", help=taken_out)
    taken_in = "Create and change items as a file says."
    commands.command(f"{transfer}:import_items", name="import", help=taken_in)
    commands.command(_clients())
    written = "Write the OpenAPI document of a project."
    commands.command("conductus.cli.openapi:show_document", name="openapi", help=written)
    looked = "Look at everything that can be wrong, and say what to do."
    commands.command("conductus.cli.doctor:doctor", name="doctor", help=looked)
    return commands


def _clients() -> App:
    clients = App(name="client", help="Write programs that use a project.")
    typed = "Write a Python module with the types of a project's collections."
    clients.command("conductus.cli.client:generate", name="generate", help=typed)
    return clients


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


def _schema() -> App:
    schema = App(name="schema", help="Keep the schema as a text, compare it, apply it.")
    texts = "conductus.cli.schema"
    taken = "Write the schema as YAML."
    schema.command(f"{texts}:take_snapshot", name="snapshot", help=taken)
    shown = "Show what would make the database what a text says."
    schema.command(f"{texts}:show_difference", name="diff", help=shown)
    schema.command(f"{texts}:apply", name="apply", help="Make the database what a text says.")
    return schema


def run(arguments: Sequence[str]) -> int:
    """Runs one command; answers its exit code, which a command may state itself."""
    try:
        stated = application()(arguments, exit_on_error=False)
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
        return stated if isinstance(stated, int) else FINE
    return FAILED
