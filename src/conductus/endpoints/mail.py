"""Messages by mail. Source: projects page §3."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from conductus.auth.throttle import Pace, Throttle
from conductus.errors import SignInNeeded
from conductus.http.call import Call
from conductus.http.envelope import nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.mail.messages import Messages, wanted

PACE: Final = Pace(200, 30)
"""Recipients of one user: so many in a row, then one more after so many seconds."""


class Mailing:
    """The endpoint of the section."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._written = Throttle(PACE)

    def routes(self) -> tuple[Route[Any], ...]:
        """Where it answers."""
        return (Route("POST", "mail", self.send),)

    async def send(self, call: Call) -> Reply:
        """Sends a message to users and addresses."""
        if call.public:
            raise SignInNeeded
        message = wanted(await call.body.item())
        now = datetime.now(UTC)
        writer = f"{call.project.key}/{call.actor.user}"
        self._written.check(writer, now)
        await self._messages.leave(call.project, call.snapshot, call.actor, message, now)
        for _ in (*message.users, *message.addresses):
            self._written.failed(writer, now)
        return nothing(public=False)
