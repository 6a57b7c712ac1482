"""Sections of the reference that are collections like any other, each under its own path.

Roles, users and permissions have rules beyond these; what is here is reading and writing
by the one reader and writer, which let administrators through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conductus.endpoints import generic, revisions
from conductus.http.call import Call
from conductus.http.routing import Route

READ_AND_WRITE = {
    "collection_presets": "directus_collection_presets",
    "folders": "directus_folders",
    "permissions": "directus_permissions",
    "roles": "directus_roles",
    "users": "directus_users",
    "webhooks": "directus_webhooks",
}
"""Path → collection."""


def routes() -> tuple[Route[Any], ...]:
    """The routes of every such section."""
    return tuple(route for path, name in READ_AND_WRITE.items() for route in section(path, name))


def section(path: str, collection: str) -> tuple[Route[Any], ...]:
    """The routes of one collection under a path of its own."""

    def on(work: Callable[[Call, str], Awaitable[Any]]) -> Callable[[Call], Awaitable[Any]]:
        async def endpoint(call: Call) -> Any:
            return await work(call, collection)

        return endpoint

    return (
        Route("GET", path, on(generic.read_many)),
        Route("POST", path, on(generic.create)),
        Route("PATCH", path, on(generic.update_many)),
        Route("GET", f"{path}/{{id}}", on(generic.read_by_keys)),
        Route("PATCH", f"{path}/{{id}}", on(generic.update_by_keys)),
        Route("DELETE", f"{path}/{{id}}", on(generic.delete)),
        Route("GET", f"{path}/{{id}}/revisions", on(revisions.of_item)),
        Route("GET", f"{path}/{{id}}/revisions/{{offset}}", on(revisions.at_offset)),
    )
