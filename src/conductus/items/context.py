"""What a request brings along into the items room."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from conductus.permissions.actor import Actor
from conductus.permissions.policy import NOTHING, Policy
from conductus.schema.model import Schema


class Context(Struct, frozen=True, kw_only=True):
    """One request's view of the world: taken once at its start, never changed."""

    schema: Schema
    actor: Actor
    policy: Policy = NOTHING
    """What the actor may."""
    now: datetime
    """UTC, with zone."""
    nulls_last: bool = True
    """Setting `sort_null_last`."""
    password_policy: str | None = None
    """Setting `password_policy`."""
