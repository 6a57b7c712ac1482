"""Single sign-on. Source: authentication page §9."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from conductus.auth import sso_flow
from conductus.auth.accounts import Account
from conductus.auth.cookies import clear_cookie, cookie_name, cookie_of, set_cookie
from conductus.auth.credentials import NOTHING_SHOWN
from conductus.auth.failures import Visit
from conductus.auth.links import Destinations, with_query_at_end
from conductus.auth.login import LoggedIn, Login
from conductus.auth.sso import Answer, SingleSignOn
from conductus.auth.sso_flow import Flow, Mode
from conductus.config import CookieConfig
from conductus.endpoints.passwords import visit
from conductus.errors import (
    ApiError,
    RequestTokenInvalid,
    SignInFailed,
    SignInNotBegun,
    ValidationFailed,
)
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Headers, Reply, json_reply
from conductus.http.routing import Route

# A browser that comes back from a provider is sent no stricter one.
_COOKIE: Final = CookieConfig(same_site="Lax")
_PROVIDERS_FAULT: Final = -1


class SigningOn:
    """The endpoints below `auth/sso`."""

    def __init__(self, sso: SingleSignOn, login: Login, base_url: str) -> None:
        self._sso = sso
        self._login = login
        self._base_url = base_url

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("GET", "auth/sso", self.providers, identified=False),
            Route("POST", "auth/sso/access_token", self.exchange, identified=False),
            Route("GET", "auth/sso/{name}", self.begin, identified=False),
            Route("POST", "auth/sso/{name}", self.finish_directly, identified=False),
            Route("GET", "auth/sso/{name}/callback", self.finish, identified=False),
        )

    async def providers(self, call: Call) -> Reply:
        """What is offered."""
        offered = self._sso.providers(visit(call))
        found = [{"name": each.name, "icon": each.config.icon} for each in offered]
        return envelope(found, public=True)

    async def begin(self, call: Call) -> Reply:
        """Sends the browser to the provider."""
        came = visit(call)
        mode: Mode = "cookie" if call.params.get("mode") == "cookie" else "jwt"
        name = call.text("name")
        flow, url = await self._sso.begin(came, name, mode, self._target(call))
        headers: Headers = (
            _header(
                set_cookie(
                    _cookie_name(call),
                    flow.cookie,
                    came.now + sso_flow.LIFETIME,
                    _COOKIE,
                    secure=call.request.secure,
                )
            ),
        )
        data = {"authorization_url": url, "state": flow.state}
        if not _may_be_redirected(call):
            return json_reply({"data": data, "public": True}, headers=headers)
        found = json_reply({"data": data, "public": True}, 302, headers)
        return Reply(found.body, 302, (*found.headers, (b"location", url.encode("latin-1"))))

    async def finish(self, call: Call) -> Reply:
        """Takes the browser back from the provider, with a session or an error."""
        came = visit(call)
        # Whoever did not begin here is led nowhere: nothing tells where it would be safe.
        flow = self._resumed(call, came, _parameter(call, "state"))
        try:
            return await self._finished(call, came, flow)
        except ApiError as error:
            if flow.claims.target is None:
                raise
            code = _PROVIDERS_FAULT if isinstance(error, SignInFailed) else error.code
            parameters = {"error": "1", "code": str(code)}
            return _led(call, with_query_at_end(flow.claims.target, parameters))

    async def finish_directly(self, call: Call) -> Reply:
        """A token for the code that an app has got from the provider by itself."""
        came = visit(call)
        body = await call.body.item()
        code, state = body.get("code"), body.get("state")
        if not isinstance(code, str) or not code:
            raise ValidationFailed({"code": "This value is required"})
        if call.request.foreign_page:
            raise SignInNotBegun
        flow = self._resumed(call, came, state if isinstance(state, str) else "")
        account = await self._sso.finish(came, flow, Answer(code=code, state=flow.state))
        opened = await self._sso.open(came, account, "jwt")
        headers = (_forgotten(call),)
        data = {"token": self._login.token(came, opened)}
        return json_reply({"data": data, "public": True}, headers=headers)

    async def exchange(self, call: Call) -> Reply:
        """A token for a request token."""
        came = visit(call)
        token = (await call.body.find_item()).get("request_token")
        if not isinstance(token, str) or not token:
            raise RequestTokenInvalid
        opened = await self._sso.exchange(came, token)
        return envelope({"token": self._login.token(came, opened)}, public=True)

    def _target(self, call: Call) -> str | None:
        """Where the browser goes in the end, if anywhere."""
        allowed = Destinations(self._base_url, call.project.config.auth.redirect_origins)
        stated = call.params.get("redirect_url")
        if stated is not None and stated != "":
            return allowed.checked("redirect_url", stated)
        return allowed.find(_referer(call))

    def _resumed(self, call: Call, came: Visit, state: str) -> Flow:
        cookie = cookie_of(call.request.headers.get(b"cookie", b""), _cookie_name(call))
        return self._sso.resume(came, call.text("name"), cookie, state)

    async def _finished(self, call: Call, came: Visit, flow: Flow) -> Reply:
        code = _parameter(call, "code")
        if not code:
            raise SignInFailed
        issuer = _parameter(call, "iss") or None
        answer = Answer(code=code, state=flow.state, issuer=issuer)
        account = await self._sso.finish(came, flow, answer)
        if flow.claims.mode == "cookie":
            shown = call.request.credentials
            replaced = shown if shown.cookie else NOTHING_SHOWN
            opened = await self._sso.open(came, account, "cookie", replaced)
            return self._signed_in(call, came, flow, account, opened)
        token = await self._sso.request_token(came, account)
        if flow.claims.target is None:
            headers = (_forgotten(call),)
            return json_reply({"data": {"request_token": token}, "public": True}, headers=headers)
        return _led(call, with_query_at_end(flow.claims.target, {"request_token": token}))

    def _signed_in(
        self, call: Call, came: Visit, flow: Flow, account: Account, opened: LoggedIn
    ) -> Reply:
        expires = came.now + timedelta(minutes=call.snapshot.settings.auto_sign_out)
        name, config = cookie_name(call.project.key), call.project.config.cookie
        secure = call.request.secure
        session = _header(set_cookie(name, str(opened.session), expires, config, secure=secure))
        if flow.claims.target is None:
            headers = (session, _forgotten(call))
            return json_reply({"data": {"user": account.shown}, "public": True}, headers=headers)
        led = _led(call, flow.claims.target)
        return Reply(led.body, led.status, (*led.headers, session))


def _led(call: Call, url: str) -> Reply:
    """Sends the browser on; the sign-in is over."""
    return Reply(b"", 302, ((b"location", url.encode("latin-1")), _forgotten(call)))


def _forgotten(call: Call) -> tuple[bytes, bytes]:
    return _header(clear_cookie(_cookie_name(call), _COOKIE, secure=call.request.secure))


def _header(cookie: str) -> tuple[bytes, bytes]:
    return b"set-cookie", cookie.encode("latin-1")


def _cookie_name(call: Call) -> str:
    return f"directus-{call.project.key}-sso"


def _parameter(call: Call, name: str) -> str:
    value = call.params.get(name)
    return value if isinstance(value, str) else ""


def _referer(call: Call) -> str:
    return call.request.headers.get(b"referer", b"").decode("latin-1")


def _may_be_redirected(call: Call) -> bool:
    """Pages of origins that may not call are told where to go, and not sent there."""
    origins, referer = call.project.config.cors.origin, _referer(call)
    if not referer or "*" in origins:
        return True
    parts = urlsplit(referer)
    return f"{parts.scheme}://{parts.netloc}" in origins
