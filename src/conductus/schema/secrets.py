"""Fields whose values never leave the server, or only masked.

Source: authentication page §10.1, the security page's "Secrets in output".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conductus.schema.model import Field
from conductus.schema.types import MASK, field_type

_USERS = "directus_users"
_SESSIONS = "directus_user_sessions"
UNFILTERABLE = frozenset(
    {
        (_USERS, "password"),
        (_USERS, "token"),
        (_USERS, "2fa_secret"),
        (_USERS, "password_reset_token"),
        (_SESSIONS, "token"),
    }
)
_WITHHELD: Mapping[str, frozenset[str]] = {
    _USERS: frozenset({"password"}),
    _SESSIONS: frozenset({"token"}),
}
_NONE: frozenset[str] = frozenset()


def secret(field: Field) -> bool:
    """True when the field may not be filtered, sorted, searched or grouped by."""
    return (field.collection, field.name) in UNFILTERABLE or field_type(field.type).secret


def withheld(collection: str) -> frozenset[str]:
    """Names of the collection's fields that are in no answer, whoever asks."""
    return _WITHHELD.get(collection, _NONE)


def mask(field: Field) -> Callable[[Any], Any] | None:
    """What is shown instead of the field's value; None when the value may be shown."""
    return _MASKS.get((field.collection, field.name))


def _masked(value: Any) -> str | None:
    return MASK if value else None


def _nothing(_: Any) -> None:
    return None


_MASKS: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    (_USERS, "2fa_secret"): _masked,
    (_USERS, "password_reset_token"): _nothing,
}
