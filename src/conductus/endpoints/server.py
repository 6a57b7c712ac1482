"""The server itself: `/` and `/server`. Source: projects page §1."""

from __future__ import annotations

from typing import Any

from conductus.errors import ApiError, NotInstalled
from conductus.http.call import ServerCall
from conductus.http.reply import Reply, json_reply, redirect, text_reply
from conductus.http.routing import Route


async def ping(_: ServerCall) -> Reply:
    """Says that the server listens."""
    return text_reply("pong")


async def projects(call: ServerCall) -> Reply:
    """The keys of the projects that may be listed."""
    keys = call.registry.public_keys()
    if not call.registry.keys():
        raise NotInstalled("There is no project yet: make one with `conductus project create`")
    return json_reply({"data": list(keys), "public": True})


async def health(call: ServerCall) -> Reply:
    """Whether every project's database answers: 200, or 503 with what is amiss."""
    states = {key: await _state(call, key) for key in call.registry.public_keys()}
    fine = all(state == "ok" for state in states.values())
    body = {
        "status": "ok" if fine else "failing",
        "projects": {key: {"database": state} for key, state in states.items()},
    }
    return json_reply({"data": body, "public": True}, 200 if fine else 503)


async def root(_: ServerCall) -> Reply:
    """Where people are sent who open the bare address."""
    return redirect("./admin/")


async def _state(call: ServerCall, key: str) -> str:
    try:
        project = await call.registry.project(key)
        await project.database.ping()
    except ApiError:
        return "unreachable"
    return "ok"


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "ping", ping),
    Route("GET", "projects", projects),
    Route("GET", "health", health),
)
