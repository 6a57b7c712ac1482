"""Whose presets somebody may write. Source: permissions page §4.4, §4.5 and §9."""

from __future__ import annotations

from typing import Final

from conductus.errors import Forbidden, Unauthorized
from conductus.permissions.actor import Actor
from conductus.permissions.guards.changed import Changed

PRESETS: Final = "directus_collection_presets"


def judge(changed: Changed, actor: Actor) -> None:
    """Raises `Forbidden` for presets of roles and of everybody, and for those given away.

    The public has none of its own, whatever its rows say: `Unauthorized`.
    """
    if actor.administrator:
        return
    if actor.public:
        raise Unauthorized("Presets are for those who are signed in")
    if changed.either("role") != {None} or None in changed.either("user"):
        raise Forbidden("Presets of a role or of everybody are for administrators")
    given = changed.before is None or changed.differs("user")
    if given and changed.after is not None and changed.new("user") != actor.user:
        raise Forbidden("You may make presets for yourself alone")
