"""Who may write what of a user. Source: authentication page §10.3, §10.4 and §11."""

from __future__ import annotations

from typing import Final

from conductus.errors import (
    DeleteForbidden,
    FieldWriteForbidden,
    SecondFactorNeeded,
    Unprocessable,
    UpdateForbidden,
)
from conductus.permissions.actor import ADMINISTRATOR_ROLE, PUBLIC_ROLE, Actor
from conductus.permissions.guards.changed import Changed

USERS: Final = "directus_users"
ACTIVE: Final = "active"
SECRET: Final = "2fa_secret"  # noqa: S105 - the name of a column
RESET_TOKEN: Final = "password_reset_token"  # noqa: S105 - the name of a column
NEVER_ONESELF: Final = frozenset({"role", "status"})
"""What a user who is no administrator may set of others, and never of itself."""
NEVER: Final = frozenset({"id", "external_id", "token", "last_access_on", "last_page", RESET_TOKEN})
"""What nobody but administrators may set, of whomever."""


def judge(changed: Changed, actor: Actor) -> None:
    """Raises what a change of a user breaks, beyond what permission rows say."""
    if "role" in changed.written and changed.new("role") == PUBLIC_ROLE:
        raise Unprocessable("role: nobody can have the public role")
    if changed.new(RESET_TOKEN) is not None and RESET_TOKEN in changed.written:
        raise FieldWriteForbidden(RESET_TOKEN, USERS)
    if SECRET in changed.written and not _may_write_secret(changed, actor):
        raise FieldWriteForbidden(SECRET, USERS)
    if actor.enforces_2fa and _gives_up_secret(changed, actor):
        raise SecondFactorNeeded
    if not actor.administrator:
        _judge_others(changed, actor)


def loses_administrator(changed: Changed) -> bool:
    """Whether an active administrator is none afterwards."""
    return _administers(changed.old("role"), changed.old("status")) and not _administers(
        changed.new("role"), changed.new("status")
    )


def _may_write_secret(changed: Changed, actor: Actor) -> bool:
    """One's own, and administrators may take it away from others."""
    if changed.before is not None and changed.old("id") == actor.user:
        return True
    return changed.new(SECRET) is None and (changed.before is None or actor.administrator)


def _gives_up_secret(changed: Changed, actor: Actor) -> bool:
    gone = changed.old(SECRET) is not None and changed.new(SECRET) is None
    return gone and changed.after is not None and changed.old("id") == actor.user


def _judge_others(changed: Changed, actor: Actor) -> None:
    """What holds for everybody but administrators."""
    if changed.old("role") == ADMINISTRATOR_ROLE:
        raise DeleteForbidden(USERS) if changed.after is None else UpdateForbidden(USERS)
    refused = NEVER
    if changed.before is not None and changed.old("id") == actor.user:
        refused = NEVER | NEVER_ONESELF
    for name in sorted(changed.written & refused):
        raise FieldWriteForbidden(name, USERS)
    if "role" in changed.written and changed.new("role") == ADMINISTRATOR_ROLE:
        raise FieldWriteForbidden("role", USERS)


def _administers(role: object, status: object) -> bool:
    return role == ADMINISTRATOR_ROLE and status == ACTIVE
