"""Tells hooks who wants in, who came in and who did not. Source: extensions page §2.

They are told when the request is over, so no answer comes sooner or later for them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from conductus.auth.failures import Visit
from conductus.errors import ApiError, OtpMissing
from conductus.projects.occasions import ADMITTED, ASKED, REFUSED, How, SignInSeen


async def tell_asked(visit: Visit, email: str) -> None:
    """Somebody shows an address and a password."""
    await _tell(visit, SignInSeen(event=ASKED, how="credentials", actor=visit.actor, email=email))


async def tell_admitted(visit: Visit, how: How, user: int, email: str | None = None) -> None:
    """Somebody has a session now."""
    await _tell(
        visit, SignInSeen(event=ADMITTED, how=how, actor=visit.actor, email=email, user=user)
    )


@asynccontextmanager
async def refusals_told(visit: Visit, how: How, email: str | None = None) -> AsyncIterator[None]:
    """Tells of the error that what is done within ends in.

    Who is asked for a second factor is not refused.
    """
    try:
        yield
    except OtpMissing:
        raise
    except ApiError as error:
        seen = SignInSeen(
            event=REFUSED,
            how=how,
            actor=visit.actor,
            email=email,
            code=error.code,
            message=error.message,
        )
        await _tell(visit, seen)
        raise


async def _tell(visit: Visit, seen: SignInSeen) -> None:
    for hook in visit.project.hooks.of(seen.event, "now"):
        await hook.call(seen)
