"""Roles. Source: permissions page §1."""

from __future__ import annotations

from typing import Any

from conductus.endpoints import sections
from conductus.http.call import Call
from conductus.http.routing import Route

ROLES = "directus_roles"


def in_full(call: Call) -> Call:
    """The call whose answer has every column, whatever fields were asked for."""
    return call.without("fields")


ROUTES: tuple[Route[Any], ...] = sections.section("roles", ROLES, answered=in_full)
