"""Who may write what of a role. Source: permissions page §1."""

from __future__ import annotations

from typing import Any, Final

from conductus.errors import Forbidden, Unauthorized
from conductus.permissions.actor import ADMINISTRATOR_ROLE, PUBLIC_ROLE, Actor
from conductus.permissions.guards.changed import Changed

ROLES: Final = "directus_roles"
PERMISSIONS: Final = "directus_permissions"
_KEPT: Final = frozenset({ADMINISTRATOR_ROLE, PUBLIC_ROLE})
_ACTIVE: Final = "active"
# Collection, status, create, read, update, delete, comment.
_DEFAULTS: Final = (
    ("directus_activity", None, "full", "mine", "none", "none", "update"),
    ("directus_collection_presets", None, "full", "full", "mine", "mine", "none"),
    ("directus_collections", None, "none", "full", "none", "none", "none"),
    ("directus_fields", None, "none", "full", "none", "none", "none"),
    ("directus_files", None, "full", "full", "full", "full", "none"),
    ("directus_folders", None, "full", "full", "full", "full", "none"),
    ("directus_permissions", None, "none", "mine", "none", "none", "none"),
    ("directus_relations", None, "none", "full", "none", "none", "none"),
    ("directus_revisions", None, "full", "full", "none", "none", "none"),
    ("directus_roles", None, "none", "mine", "none", "none", "none"),
    ("directus_settings", None, "none", "full", "none", "none", "none"),
    ("directus_users", _ACTIVE, "none", "full", "mine", "mine", "none"),
    ("directus_users", "deleted", "none", "none", "none", "none", "none"),
    ("directus_users", "draft", "none", "none", "none", "none", "none"),
    ("directus_users", "invited", "none", "none", "none", "none", "none"),
    ("directus_users", "suspended", "none", "none", "none", "none", "none"),
)


def judge(changed: Changed, actor: Actor) -> None:
    """Raises what a change of a role breaks, beyond what permission rows say."""
    if changed.after is None and changed.old("id") in _KEPT:
        raise Unauthorized("The roles of administrators and of the public must stay")
    if not actor.administrator and changed.old("id") in (ADMINISTRATOR_ROLE, actor.role):
        raise Forbidden("You may change neither your own role nor that of administrators")


def default_rows(role: int) -> list[dict[str, Any]]:
    """The rows of `directus_permissions` that a new role starts with."""
    return [
        {
            "collection": collection,
            "role": role,
            "status": status,
            "create": create,
            "read": read,
            "update": update,
            "delete": delete,
            "comment": comment,
            "explain": "none",
        }
        for collection, status, create, read, update, delete, comment in _DEFAULTS
    ]
