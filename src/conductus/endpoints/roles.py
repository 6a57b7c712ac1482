"""Roles. Source: permissions page §1."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import sections
from conductus.http.routing import Route

ROLES = "directus_roles"

ROUTES: tuple[Route[Any], ...] = sections.section("roles", ROLES)
