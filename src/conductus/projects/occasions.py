"""What hooks are called with by the rooms above this one. Source: extensions page §2."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct

from conductus.permissions.actor import Actor

RESPONSE: Final = "response"
ASKED: Final = "auth.request:credentials"
ADMITTED: Final = "auth.success"
REFUSED: Final = "auth.fail"
How = Literal["credentials", "sso"]


class Outgoing(Struct, frozen=True, kw_only=True):
    """An answer of the API before it is encoded.

    The hook changes the payload, or answers another one.
    """

    method: str
    path: str
    status: int
    payload: Any
    """JSON; None where the answer has no body."""
    actor: Actor


class SignInSeen(Struct, frozen=True, kw_only=True):
    """Somebody wants in, came in, or did not. Never holds what was shown for it."""

    event: str
    how: How
    actor: Actor
    """Whence: address and agent."""
    email: str | None = None
    """As it was stated; whoever is signed in by another server states none."""
    user: int | None = None
    code: int | None = None
    message: str | None = None
    """Why not."""
