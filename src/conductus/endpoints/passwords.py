"""New passwords for who lost the old one. Source: authentication page §7."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from conductus.auth.failures import Visit
from conductus.auth.password_reset import PasswordReset, chosen, requested
from conductus.http.call import Call
from conductus.http.envelope import nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route


class LostPasswords:
    """The endpoints below `auth/password`."""

    def __init__(self, password_reset: PasswordReset) -> None:
        self._password_reset = password_reset

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("POST", "auth/password/request", self.request, identified=False),
            Route("POST", "auth/password/reset", self.reset, identified=False),
        )

    async def request(self, call: Call) -> Reply:
        """Mails a link, if there is somebody to mail it to."""
        body = await call.body.item()
        await self._password_reset.request(visit(call), requested(body), body.get("reset_url"))
        return nothing(public=True)

    async def reset(self, call: Call) -> Reply:
        """Sets a new password."""
        token, password = chosen(await call.body.item_or_empty())
        await self._password_reset.reset(visit(call), token, password)
        return nothing(public=True)


def visit(call: Call) -> Visit:
    """Where and when the caller comes."""
    return Visit(
        project=call.project, snapshot=call.snapshot, actor=call.actor, now=datetime.now(UTC)
    )
