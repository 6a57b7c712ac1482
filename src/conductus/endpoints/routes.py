"""Every route of the server, in the order of the reference's sections."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import items, revisions, sections, server
from conductus.http.routing import Route

PROJECT_ROUTES: tuple[Route[Any], ...] = (
    *items.ROUTES,
    *revisions.ROUTES,
    *sections.routes(),
)
SERVER_ROUTES: tuple[Route[Any], ...] = server.ROUTES
