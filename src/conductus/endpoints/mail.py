"""Messages by mail. Source: projects page §3."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from conductus.errors import ApiError, SignInNeeded, ValidationFailed
from conductus.http.call import Call
from conductus.http.envelope import nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.mail.messages import Messages, wanted
from conductus.tallies.throttle import Pace, Throttle

PACE: Final = Pace(200, 30)
"""Recipients of one user: so many in a row, then one more after so many seconds."""


class Mailing:
    """The endpoint of the section."""

    def __init__(self, messages: Messages, written: Throttle) -> None:
        self._messages = messages
        self._written = written

    def routes(self) -> tuple[Route[Any], ...]:
        """Where it answers."""
        return (Route("POST", "mail", self.send),)

    async def send(self, call: Call) -> Reply:
        """Sends a message to users and addresses."""
        if call.public:
            raise SignInNeeded
        message = wanted(await call.body.item())
        now, config = datetime.now(UTC), call.project.config
        writer = f"{config.auth.public_key}/{call.actor.user}"
        recipients = len(message.users) + len(message.addresses)
        await self._written.take(writer, now, config.rate_limit, recipients)
        try:
            await self._messages.leave(call.project, call.snapshot, call.actor, message, now)
        except ValidationFailed:
            # A body that cannot be rendered was work as well.
            raise
        except ApiError:
            await self._written.forgive(writer, now, config.rate_limit, recipients)
            raise
        return nothing(public=False)
