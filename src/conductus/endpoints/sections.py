"""Sections of the reference that are collections like any other, each under its own path.

What is particular about a collection is mostly no business of its routes: it holds for
nested writes and batches too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conductus.endpoints import generic, revisions
from conductus.endpoints.listing import listing
from conductus.http.call import Call
from conductus.http.routing import Route

PLAIN = {
    "collection_presets": "directus_collection_presets",
    "folders": "directus_folders",
    "webhooks": "directus_webhooks",
}
"""Path → collection, where routes are all there is to say."""
Routes = tuple[Route[Any], ...]
Work = Callable[[Call, str], Awaitable[Any]]
Reached = Callable[[Call], Call]


def as_asked(call: Call) -> Call:
    """The call as it came."""
    return call


def routes() -> Routes:
    """The routes of the plain sections."""
    return tuple(route for path, name in PLAIN.items() for route in section(path, name))


def section(
    path: str, collection: str, reached: Reached = as_asked, answered: Reached = as_asked
) -> Routes:
    """The routes of one collection under a path of its own.

    `reached` makes a call of what was asked for, where segments have other names too;
    `answered` one of a write that answers otherwise than it is asked.
    """
    on = _on(collection, reached)
    writes = _on(collection, lambda call: answered(reached(call)))
    return (
        *listing(path, on(generic.read_many)),
        Route("POST", path, writes(generic.create)),
        Route("PATCH", path, writes(generic.update_many)),
        Route("GET", f"{path}/{{id}}", on(generic.read_by_keys)),
        Route("PATCH", f"{path}/{{id}}", writes(generic.update_by_keys)),
        *rest_of_section(path, collection, reached),
    )


def rest_of_section(path: str, collection: str, reached: Reached = as_asked) -> Routes:
    """The routes of a section that neither show nor take values of its own."""
    on = _on(collection, reached)
    return (
        Route("DELETE", f"{path}/{{id}}", on(generic.delete)),
        *listing(f"{path}/{{id}}/revisions", on(revisions.of_item)),
        Route("GET", f"{path}/{{id}}/revisions/{{offset}}", on(revisions.at_offset)),
    )


def _on(collection: str, reached: Reached) -> Callable[[Work], Callable[[Call], Awaitable[Any]]]:
    def on(work: Work) -> Callable[[Call], Awaitable[Any]]:
        async def endpoint(call: Call) -> Any:
            return await work(reached(call), collection)

        return endpoint

    return on
