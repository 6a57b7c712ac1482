"""Authentication. Source: authentication page §3 to §6.

Nobody is resolved on these routes: every answer is marked public.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from conductus.auth.credentials import Credentials, of_request
from conductus.auth.failures import Visit
from conductus.auth.login import Login, form
from conductus.auth.sessions import Sessions
from conductus.errors import SecondFactorNeeded, Unprocessable, ValidationFailed
from conductus.http.call import Call
from conductus.http.envelope import envelope, nothing
from conductus.http.reply import Reply, json_reply
from conductus.http.routing import Route

COOKIE_MODE = "cookie"


class Authentication:
    """The endpoints of the section."""

    def __init__(self, login: Login, sessions: Sessions) -> None:
        self._login = login
        self._sessions = sessions

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("POST", "auth/authenticate", self.authenticate, identified=False),
            Route("POST", "auth/refresh", self.refresh, identified=False),
            Route("GET", "auth/check", self.check, identified=False),
            Route("POST", "auth/logout", self.log_out, identified=False),
        )

    async def authenticate(self, call: Call) -> Reply:
        """A session for e-mail address and password."""
        body = await call.body.item()
        if COOKIE_MODE in (body.get("mode"), call.params.get("mode")):
            raise Unprocessable("mode: sessions by cookie are not offered, use `jwt`")
        visit = Visit(
            project=call.project, snapshot=call.snapshot, actor=call.actor, now=datetime.now(UTC)
        )
        logged_in = await self._login.authenticate(visit, form(body))
        answer: dict[str, Any] = {
            "data": {"token": logged_in.token, "user": logged_in.account.shown},
            "public": True,
        }
        if logged_in.account.standing.needs_2fa:
            needed = SecondFactorNeeded()
            answer["error"] = {"code": needed.code, "message": needed.message}
        return json_reply(answer)

    async def refresh(self, call: Call) -> Reply:
        """A token that expires later."""
        token = (await call.body.find_item()).get("token")
        if not isinstance(token, str) or not token:
            raise ValidationFailed({"token": "This value is required"})
        fresh = await self._sessions.refresh(call.project, call.snapshot, token, datetime.now(UTC))
        return envelope({"token": fresh}, public=True)

    async def check(self, call: Call) -> Reply:
        """Whether the caller is signed in."""
        valid = await self._sessions.valid(call.project, _shown(call), datetime.now(UTC))
        return envelope({"authenticated": valid}, public=True)

    async def log_out(self, call: Call) -> Reply:
        """Ends the caller's session, if there is one."""
        await self._sessions.end(call.project, call.snapshot, _shown(call))
        return nothing(public=True)


def _shown(call: Call) -> Credentials:
    return of_request(call.request.headers, call.request.query)
