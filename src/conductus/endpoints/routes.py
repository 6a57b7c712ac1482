"""Every route of the server, in the order of the reference's sections."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import (
    activity,
    collections,
    fields,
    items,
    projects,
    relations,
    revisions,
    sections,
    server,
    utils,
)
from conductus.http.routing import Route

PROJECT_ROUTES: tuple[Route[Any], ...] = (
    *projects.ROUTES,
    *items.ROUTES,
    *activity.ROUTES,
    *collections.ROUTES,
    *fields.ROUTES,
    *relations.ROUTES,
    *revisions.ROUTES,
    *sections.routes(),
    *utils.ROUTES,
)
SERVER_ROUTES: tuple[Route[Any], ...] = server.ROUTES
