"""`conductus user …`, `role …`, `permissions …`: for operators who cannot sign in, or need not.

What is written here is written as the server itself would: a running server sees it at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar
from urllib.parse import urlencode

from cyclopts import Parameter

from conductus.cli.application import CommandFailed
from conductus.cli.console import say, say_json, say_secret
from conductus.cli.opened import ProjectKey, opened
from conductus.cli.places import DataFolder
from conductus.items.context import Context
from conductus.items.rows import Item
from conductus.permissions.actor import SYSTEM, Actor
from conductus.permissions.explaining import USER_FIELDS, Asker, asked, asker, explained
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.project import Project

T = TypeVar("T")
USERS: Final = "directus_users"
ROLES: Final = "directus_roles"
PERMISSIONS: Final = "directus_permissions"
LEVELS: Final = ("create", "read", "update", "delete", "comment", "explain")
SUSPENDED: Final = "suspended"
Flag = Parameter(negative=())


def create_user(
    email: str,
    /,
    *,
    role: str | None = None,
    password: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Add an active user.

    Parameters
    ----------
    email
        Who signs in with it.
    role
        Name or id of a role; without one, the user may nothing.
    password
        Made up and shown once when it is left out.
    """

    async def work(desk: _Desk) -> str:
        body: Item = {"email": email, "password": made, "status": "active"}
        body |= {"first_name": first_name, "last_name": last_name}
        if role is not None:
            body["role"] = (await desk.role(role))["id"]
        return await desk.create(USERS, body)

    made = password or secrets.token_urlsafe(15)
    say(f"The user {email} has the id {_run(project, data, work)}.")
    if not password:
        say_secret("password", made)


def set_password(
    email: str,
    /,
    *,
    password: str | None = None,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Give a user another password. Ends the user's sessions.

    Parameters
    ----------
    password
        Made up and shown once when it is left out.
    """
    made = password or secrets.token_urlsafe(15)
    _run(project, data, lambda desk: desk.change(email, {"password": made}))
    say(f"The user {email} has another password.")
    if not password:
        say_secret("password", made)


def set_token(
    email: str,
    /,
    *,
    token: str | None = None,
    remove: Annotated[bool, Flag] = False,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Give a user a static token, which never expires.

    Parameters
    ----------
    token
        Made up and shown once when it is left out.
    remove
        Take the token away instead.
    """
    made = None if remove else token or secrets.token_urlsafe(32)
    _run(project, data, lambda desk: desk.change(email, {"token": made}))
    say(f"The user {email} has {'no' if remove else 'another'} token.")
    if made is not None and not token:
        say_secret("token", made)


def unlock_user(email: str, /, *, project: ProjectKey = None, data: DataFolder = None) -> None:
    """Let a suspended user in again. The count of failed logins begins anew."""

    async def work(desk: _Desk) -> None:
        status = (await desk.user(email))["status"]
        if status != SUSPENDED:
            raise CommandFailed(f"The user {email} is not suspended but {status}")
        await desk.change(email, {"status": "active"})

    _run(project, data, work)
    say(f"The user {email} may sign in again.")


def list_users(
    *,
    json: Annotated[bool, Flag] = False,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """List the users with their roles.

    Parameters
    ----------
    json
        For programs.
    """
    fields = "id,email,status,first_name,last_name,role.id,role.name"
    users = _run(project, data, lambda desk: desk.every(USERS, fields))
    if json:
        say_json(users)
        return
    for user in users:
        role = user["role"]["name"] if user["role"] else "no role"
        say(f"{user['id']}  {user['email']}  {user['status']}  {role}")


def list_roles(
    *,
    json: Annotated[bool, Flag] = False,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """List the roles.

    Parameters
    ----------
    json
        For programs.
    """
    roles = _run(project, data, lambda desk: desk.every(ROLES, "id,name,description,enforce_2fa"))
    if json:
        say_json(roles)
        return
    for role in roles:
        second = "  (second factor)" if role["enforce_2fa"] else ""
        say(f"{role['id']}  {role['name']}{second}")


def create_role(
    name: str,
    /,
    *,
    description: str | None = None,
    enforce_2fa: Annotated[bool, Flag] = False,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Add a role with the permissions that every role starts with.

    Parameters
    ----------
    enforce_2fa
        Who has the role must set up a second factor.
    """
    body = {"name": name, "description": description, "enforce_2fa": enforce_2fa}
    id = _run(project, data, lambda desk: desk.create(ROLES, body))
    say(f"The role {name} has the id {id}.")


def show_permissions(
    role: str,
    collection: str,
    /,
    *,
    json: Annotated[bool, Flag] = False,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Show the permission rows of a role for a collection.

    Parameters
    ----------
    role
        Its name or id.
    json
        For programs.
    """

    async def work(desk: _Desk) -> list[Item]:
        id = str((await desk.role(role))["id"])
        return await desk.every(PERMISSIONS, "*", role=id, collection=collection)

    rows = _run(project, data, work)
    if json:
        say_json(rows)
        return
    if not rows:
        say(f"There is no row for {collection}: no access, unless the role is 1.")
    for row in rows:
        levels = "  ".join(f"{name}: {row[name]}" for name in LEVELS)
        say(f"{row['id']}  {row['status'] or 'every status'}  {levels}")


def explain_permissions(
    user: str,
    method: str,
    path: str,
    /,
    *,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Say in words what decides about a request of a user.

    Parameters
    ----------
    user
        E-mail address, or `public` for whoever is not signed in.
    path
        Below the project: /items/articles/4
    """
    for line in _run(project, data, lambda desk: desk.explained(user, method, path)):
        say(line)


class _Desk:
    """A project, as commands work on it."""

    def __init__(self, project: Project, context: Context) -> None:
        self._project = project
        self._context = context

    async def every(self, collection: str, fields: str, /, **filters: str) -> list[Item]:
        """The items of a collection, the deleted ones too."""
        asked = {"fields": fields, "limit": "-1", "status": "*", "sort": "id"}
        asked |= {f"filter[{name}][eq]": value for name, value in filters.items()}
        snapshot = await self._project.current()
        query = self._project.queries.listing(collection, urlencode(asked), snapshot)
        page = await self._project.reader.read(query, self._context)
        return page.items if isinstance(page.items, list) else [page.items]

    async def user(self, email: str, fields: str = "id,email,status") -> Item:
        """The user with that address. Raises `CommandFailed`."""
        for spelt in (email, email.lower()):
            if found := await self.every(USERS, fields, email=spelt):
                return found[0]
        raise CommandFailed(f"There is no user {email}")

    async def role(self, named: str) -> Item:
        """The role of that name or id. Raises `CommandFailed`."""
        roles = await self.every(ROLES, "id,name")
        for role in roles:
            if named in (role["name"], str(role["id"])):
                return role
        known = ", ".join(str(role["name"]) for role in roles)
        raise CommandFailed(f"There is no role {named}; there are: {known}")

    async def explained(self, email: str, method: str, path: str) -> list[str]:
        """What decides about a request of a user. Raises `CommandFailed`."""
        who = Asker(Actor())
        if email != "public":
            who = asker(await self.user(email, USER_FIELDS))
        policy = await self._project.policies.of(who.actor)
        return [*who.because, *explained(policy, asked(method, path), self._context.schema)]

    async def create(self, collection: str, body: Item) -> str:
        """A new item; answers its key."""
        (made,) = await self._project.writer.create(collection, [body], self._context)
        return made.key

    async def change(self, email: str, body: Item) -> None:
        """Changes a user. Raises `CommandFailed`."""
        key = str((await self.user(email))["id"])
        await self._project.writer.update(USERS, [key], body, self._context)


def _run(project: str | None, data: Path | None, work: Callable[[_Desk], Awaitable[T]]) -> T:
    """Does something to a project that is opened for it. Raises `CommandFailed`."""

    async def done(found: Project) -> T:
        snapshot = await found.current()
        context = Context(
            schema=snapshot.schema,
            actor=SYSTEM,
            policy=ADMINISTRATOR,
            now=datetime.now(UTC),
            password_policy=snapshot.settings.password_policy,
        )
        return await work(_Desk(found, context))

    return opened(project, data, done)
