"""Every route of the server, in the order of the reference's sections."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import activity, items, projects, revisions, sections, server, utils
from conductus.http.routing import Route

PROJECT_ROUTES: tuple[Route[Any], ...] = (
    *projects.ROUTES,
    *items.ROUTES,
    *activity.ROUTES,
    *revisions.ROUTES,
    *sections.routes(),
    *utils.ROUTES,
)
SERVER_ROUTES: tuple[Route[Any], ...] = server.ROUTES
