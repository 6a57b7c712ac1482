"""Rows of `directus_permissions`: the values they may hold, and who may write which.

Source: permissions page §2 and §5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from conductus.errors import Forbidden, Unprocessable
from conductus.permissions.actor import Actor
from conductus.permissions.guards.changed import Changed

_LEVELS: Final = ("none", "mine", "role", "full")
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("create", "read", "update", "delete"), _LEVELS),
    "comment": ("none", "read", "create", "update", "full"),
    "explain": ("none", "create", "update", "always"),
}
UNIQUE: Final = ("collection", "role", "status")
"""No two rows agree in all of these."""


def check_values(body: Mapping[str, Any]) -> None:
    """Raises `Unprocessable` for a level that there is not."""
    for name, allowed in _VALUES.items():
        value = body.get(name)
        if value is not None and value not in allowed:
            raise Unprocessable(f"{name}: must be one of {', '.join(allowed)}")


def judge(changed: Changed, actor: Actor) -> None:
    """Raises `Forbidden` for who writes rows of the role it has."""
    if not actor.administrator and actor.role in changed.either("role"):
        raise Forbidden("You may not change the permissions of your own role")
