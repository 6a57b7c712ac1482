"""Rows of permissions, and what is in effect for whoever asks. Source: permissions page §10."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from conductus.endpoints import sections
from conductus.endpoints.explaining import explain
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.items.rows import Item
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR, Rule

PERMISSIONS = "directus_permissions"


async def mine(call: Call) -> Reply:
    """The rows that are in effect for whoever asks; administrators need none."""
    return envelope(await _rows(call, call.policy.effective(call.schema)), public=call.public)


async def mine_of_collection(call: Call) -> Reply:
    """The row of one collection, or the rows of its statuses; an empty list for neither."""
    name = call.text("collection")
    in_effect = [rule for rule in call.policy.effective(call.schema) if rule.collection == name]
    whole = call.policy.on(name).whole
    if whole is not None and whole in in_effect:
        (row,) = await _rows(call, [whole])
        return envelope(row, public=call.public)
    statuses = call.policy.on(name).by_status.values()
    rows = await _rows(call, [rule for rule in in_effect if rule in statuses])
    return envelope(rows, public=call.public)


async def _rows(call: Call, rules: Iterable[Rule]) -> list[Item]:
    """The rows behind the rules, as they are stored: everybody may know the own ones."""
    keys = [str(rule.id) for rule in rules]
    if not keys:
        return []
    query = call.project.queries.shape(PERMISSIONS, "fields=*", call.snapshot)
    context = structs.replace(call.context, actor=SYSTEM, policy=ADMINISTRATOR)
    return await call.project.reader.in_order(query, keys, context)


ROUTES: tuple[Route[Any], ...] = (
    *sections.section("permissions", PERMISSIONS),
    Route("GET", "permissions/explain", explain),
    Route("GET", "permissions/me", mine),
    Route("GET", "permissions/me/{collection}", mine_of_collection),
)
