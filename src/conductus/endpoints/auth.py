"""Authentication. Source: authentication page §3 to §6.

No actor is resolved on these routes: every answer is marked public. What may be done with
sessions is decided by the token that is shown.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from conductus.auth.cookies import clear_cookie, cookie_name, set_cookie
from conductus.auth.credentials import NOTHING_SHOWN
from conductus.auth.failures import Visit
from conductus.auth.login import LoggedIn, Login, form
from conductus.auth.session_rows import SessionKind
from conductus.auth.sessions import Sessions
from conductus.errors import OriginNotAllowed, SecondFactorNeeded, ValidationFailed
from conductus.http.call import Call
from conductus.http.envelope import envelope, nothing
from conductus.http.reply import Headers, Reply, json_reply
from conductus.http.routing import Route

COOKIE_MODE = "cookie"
_LONGEST_ID = 15


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
            Route("GET", "auth/sessions", self.sessions, identified=False),
            Route("POST", "auth/logout", self.log_out, identified=False),
            Route("POST", "auth/logout/{user}", self.log_out_everywhere, identified=False),
            Route("POST", "auth/logout/{user}/{session}", self.log_out_one, identified=False),
        )

    async def authenticate(self, call: Call) -> Reply:
        """A session for e-mail address and password: a token, or in cookie mode a cookie."""
        body = await call.body.item()
        mode = body.get("mode") or call.params.get("mode")
        kind: SessionKind = "cookie" if mode == COOKIE_MODE else "jwt"
        shown = call.request.credentials
        if kind == "cookie" and call.request.foreign_page:
            # A foreign page must not sign its visitors in as somebody else.
            raise OriginNotAllowed
        visit = Visit(
            project=call.project, snapshot=call.snapshot, actor=call.actor, now=datetime.now(UTC)
        )
        replaced = shown if kind == "cookie" and shown.cookie else NOTHING_SHOWN
        logged_in = await self._login.authenticate(visit, form(body), kind, replaced)
        data: dict[str, Any] = {"user": logged_in.account.shown}
        headers: Headers = ()
        if kind == "cookie":
            headers = (_cookie(call, visit, logged_in),)
        else:
            data = {"token": self._login.token(visit, logged_in), **data}
        answer: dict[str, Any] = {"data": data, "public": True}
        if logged_in.account.standing.needs_2fa:
            needed = SecondFactorNeeded()
            answer["error"] = {"code": needed.code, "message": needed.message}
        return json_reply(answer, headers=headers)

    async def refresh(self, call: Call) -> Reply:
        """A token that expires later."""
        token = (await call.body.item_or_empty()).get("token")
        if not isinstance(token, str) or not token:
            raise ValidationFailed({"token": "This value is required"})
        fresh = await self._sessions.refresh(call.project, call.snapshot, token, datetime.now(UTC))
        return envelope({"token": fresh}, public=True)

    async def check(self, call: Call) -> Reply:
        """Whether the caller is signed in."""
        shown = call.request.credentials
        valid = await self._sessions.valid(call.project, shown, datetime.now(UTC))
        return envelope({"authenticated": valid}, public=True)

    async def sessions(self, call: Call) -> Reply:
        """The caller's sessions; for administrators also somebody else's, `?user=`."""
        wanted = call.params.get("user")
        found = await self._sessions.listed(
            call.project,
            call.snapshot,
            call.request.credentials,
            datetime.now(UTC),
            None if wanted is None else _id(wanted, "user"),
        )
        return nothing(public=True) if found is None else envelope(found, public=True)

    async def log_out(self, call: Call) -> Reply:
        """Ends the caller's session, if there is one."""
        shown = call.request.credentials
        await self._sessions.end(call.project, call.snapshot, shown)
        answer = nothing(public=True)
        if not shown.cookie:
            return answer
        name, config = cookie_name(call.project.key), call.project.config.cookie
        cleared = clear_cookie(name, config, secure=call.request.secure)
        return Reply(answer.body, answer.status, (*answer.headers, _header(cleared)))

    async def log_out_everywhere(self, call: Call) -> Reply:
        """Ends every session of a user: one's own, or as an administrator."""
        return await self._end(call, None)

    async def log_out_one(self, call: Call) -> Reply:
        """Ends one session of a user: one's own, or as an administrator."""
        return await self._end(call, _id(call.text("session"), "id"))

    async def _end(self, call: Call, session: int | None) -> Reply:
        user = _id(call.text("user"), "user")
        shown = call.request.credentials
        await self._sessions.end_of(call.project, shown, datetime.now(UTC), user, session)
        return nothing(public=True)


def _cookie(call: Call, visit: Visit, logged_in: LoggedIn) -> tuple[bytes, bytes]:
    """The cookie of a new session."""
    expires = visit.now + timedelta(minutes=call.snapshot.settings.auto_sign_out)
    name, config = cookie_name(call.project.key), call.project.config.cookie
    secure = call.request.secure
    return _header(set_cookie(name, str(logged_in.session), expires, config, secure=secure))


def _header(cookie: str) -> tuple[bytes, bytes]:
    return b"set-cookie", cookie.encode("latin-1")


def _id(text: object, name: str) -> int:
    """The number of a user or session. Raises `ValidationFailed`."""
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID:
        return int(text)
    raise ValidationFailed({name: "Must be a number"})
