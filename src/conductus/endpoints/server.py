"""The server itself: `/` and `/server`. Source: projects page §1."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import structs

from conductus import __version__
from conductus.auth.super_admin import SuperAdmin
from conductus.config import ConfigInvalid, StorageConfig, found_keys, project_config
from conductus.endpoints import new_project
from conductus.endpoints.new_project import TOKEN
from conductus.errors import (
    DatabaseUnreachable,
    DatabaseUnusable,
    NotInstalled,
    ProjectExists,
    QueryFailed,
    Unauthorized,
    Unprocessable,
    ValidationFailed,
)
from conductus.http.call import ServerCall, decoded
from conductus.http.envelope import nothing
from conductus.http.origins import is_from_here
from conductus.http.reply import NO_CONTENT, Reply, json_reply, redirect, text_reply
from conductus.http.routing import Route
from conductus.items.writer import HashSecret
from conductus.outgoing.addresses import Allowed
from conductus.projects import setup
from conductus.projects.exclusive import exclusively
from conductus.projects.reach import check_reach, check_unused
from conductus.projects.setup import Wanted
from conductus.schema.system import load_system

API_LEVEL: Final = "8.8.1"
_BEARER: Final = b"bearer "


async def ping(_: ServerCall) -> Reply:
    """Says that the server listens."""
    return text_reply("pong")


async def projects(call: ServerCall) -> Reply:
    """The keys of the projects that may be listed."""
    keys = call.registry.public_keys()
    if not call.registry.keys():
        raise NotInstalled("There is no project yet: make one with `conductus project create`")
    return json_reply({"data": list(keys), "public": True})


async def root(_: ServerCall) -> Reply:
    """Where people are sent who open the bare address."""
    return redirect("./admin/")


class ServerProjects:
    """Makes and removes projects, and tells of the server, for whoever has the token."""

    def __init__(
        self,
        data: Path,
        environment: Mapping[str, str],
        super_admin: SuperAdmin,
        databases: Allowed,
        hash_secret: HashSecret,
        *,
        mails: bool,
    ) -> None:
        """`databases` has what may be connected to besides this machine.

        `mails` says whether mail can leave.
        """
        self._mails = mails
        self._data = data
        self._environment = environment
        self._super_admin = super_admin
        self._databases = databases
        self._hash_secret = hash_secret

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("POST", "projects", self.create),
            Route("DELETE", "projects/{key}", self.remove),
            Route("GET", "info", self.info),
        )

    async def create(self, call: ServerCall) -> Reply:
        """Makes a project of a database; the first one by this way sets the token."""
        body = await call.body.item()
        token = _token(call) or str(body.get(TOKEN) or "")
        first = not self._super_admin.is_set
        if not first:
            await self._super_admin.check(token, call.ip)
        async with exclusively(self._data):
            if first:
                self._check_first(call)
                wanted = self._wanted(body)
                async with self._super_admin.claimed(token):
                    await self._create(wanted)
            else:
                await self._create(self._wanted(body))
        return nothing(public=True)

    async def remove(self, call: ServerCall) -> Reply:
        """Forgets a project; with `drop=system` its system tables go too."""
        await self._super_admin.check(_token(call), call.ip)
        key, drop = decoded(call.path["key"]), _parameters(call).get("drop", "")
        if drop not in ("", "system"):
            raise ValidationFailed({"drop": "Takes `system`"})
        async with exclusively(self._data):
            try:
                await setup.remove(
                    self._data, self._environment, load_system(), key, drop_system=drop == "system"
                )
            except ConfigInvalid as error:
                raise Unprocessable("The project's configuration cannot be used") from error
        return NO_CONTENT

    async def info(self, call: ServerCall) -> Reply:
        """Versions, for whoever runs the server; the keys are those that clients look for."""
        await self._super_admin.check(_token(call), call.ip)
        told = {
            "directus": API_LEVEL,
            "conductus": __version__,
            "server": {
                "type": "conductus",
                "rewrites": True,
                "os": platform.system(),
                "os_version": platform.release(),
            },
            "php": {
                "version": None,
                "max_upload_size": StorageConfig().max_upload_size,
                "extensions": {},
            },
            "python": platform.python_version(),
            "permissions": {},
        }
        return json_reply({"data": told, "public": True})

    def _check_first(self, call: ServerCall) -> None:
        """Whether somebody without a token that was set before may make a project."""
        if self._super_admin.is_set or found_keys(self._data, self._environment)[0]:
            # Whoever came first would else become the super-admin of projects of others.
            raise Unauthorized("The super-admin token is needed: `super_admin_token` sets it")
        if not is_from_here(call.ip, call.headers):
            raise Unauthorized(
                "The first project is made from the machine of the server, "
                "or with the token of CONDUCTUS_SUPER_ADMIN_TOKEN"
            )

    def _wanted(self, body: dict[str, Any]) -> Wanted:
        """What is asked for, where it is allowed."""
        wanted = structs.replace(new_project.wanted(body), is_mailed=self._mails)
        keys = found_keys(self._data, self._environment)[0]
        if wanted.key in keys:
            raise ProjectExists(wanted.key)
        url = new_project.located(wanted, self._data)
        check_reach(url, self._data, self._databases)
        check_unused(url, ((key, self._config(key)) for key in keys), self._data)
        return wanted

    def _config(self, key: str) -> Any:
        try:
            return project_config(self._data, key, self._environment)
        except ConfigInvalid as error:
            return error

    async def _create(self, wanted: Wanted) -> None:
        try:
            await setup.create(
                self._data,
                self._environment,
                load_system(),
                wanted,
                self._hash_secret,
                lambda _: None,
            )
        except DatabaseUnreachable as error:
            raise DatabaseUnusable("The database cannot be reached") from error
        except QueryFailed as error:
            raise DatabaseUnusable(
                "The system tables could not be made: the database does not let this user"
            ) from error


def _token(call: ServerCall) -> str:
    """The token that a request shows outside of its body."""
    shown = call.headers.get(b"authorization", b"")
    if shown.lower().startswith(_BEARER):
        return shown[len(_BEARER) :].decode("latin-1").strip()
    return _parameters(call).get(TOKEN, "")


def _parameters(call: ServerCall) -> dict[str, str]:
    return dict(parse_qsl(call.query, keep_blank_values=True))


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "ping", ping),
    Route("GET", "projects", projects),
)
