"""Every route of the server, in the order of the reference's sections."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import (
    activity,
    collections,
    fields,
    items,
    permissions,
    projects,
    relations,
    revisions,
    roles,
    sections,
    server,
    settings,
    types,
    users,
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
    *permissions.ROUTES,
    *roles.ROUTES,
    *sections.routes(),
    *settings.ROUTES,
    *types.ROUTES,
    *users.ROUTES,
)
SERVER_ROUTES: tuple[Route[Any], ...] = server.ROUTES
