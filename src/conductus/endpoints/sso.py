"""Single sign-on. Source: authentication page §9."""

from __future__ import annotations

from collections.abc import Mapping
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
from conductus.auth.sso import SingleSignOn
from conductus.auth.sso_flow import Flow, Mode, Target
from conductus.auth.sso_protocols import Answer
from conductus.auth.sso_providers import Source
from conductus.config import CookieConfig
from conductus.endpoints.passwords import visit
from conductus.errors import (
    ApiError,
    MethodNotAllowed,
    RequestTokenInvalid,
    SignInFailed,
    SignInNotBegun,
    ValidationFailed,
)
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply, json_reply
from conductus.http.routing import Route

# A browser that comes back from a provider is sent no stricter one.
_FOLLOWED: Final = CookieConfig(same_site="Lax")
# With what a page of the provider posts, as it does with SAML, no browser sends that one. This
# one is sent along with whatever any page asks for, but opens nothing by itself: what comes
# with it must name two words that are derived from it, one of them signed by the provider.
_POSTED: Final = CookieConfig(same_site="None")
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
            Route("POST", "auth/sso/{name}/callback", self.finish_posted, identified=False),
            Route("GET", "auth/sso/{name}/metadata", self.metadata, identified=False),
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
        source = self._sso.source(came, name)
        flow, url = await self._sso.begin(came, name, mode, self._target(call))
        cookie = set_cookie(
            _cookie_name(call),
            flow.cookie,
            came.now + sso_flow.LIFETIME,
            _POSTED if source is Source.SAML else _FOLLOWED,
            secure=call.request.secure,
        )
        stated = {} if source is Source.TWITTER else {"state": flow.state}
        body = {"data": {"authorization_url": url, **stated}, "public": True}
        if not _may_be_redirected(call):
            return json_reply(body, headers=(_header(cookie),))
        found = json_reply(body, 302, (_header(cookie),))
        return Reply(found.body, 302, (*found.headers, (b"location", url.encode("latin-1"))))

    async def finish(self, call: Call) -> Reply:
        """Takes the browser back from the provider, with a session or an error."""
        came = visit(call)
        if self._sso.source(came, call.text("name")) is Source.SAML:
            raise MethodNotAllowed("GET", "POST")
        return await self._finished(call, came, call.params, _FOLLOWED)

    async def finish_posted(self, call: Call) -> Reply:
        """The same for a provider of SAML, whose page posts the answer."""
        came = visit(call)
        if self._sso.source(came, call.text("name")) is not Source.SAML:
            raise MethodNotAllowed("POST", "GET")
        return await self._finished(call, came, await call.body.item(), _POSTED)

    async def metadata(self, call: Call) -> Reply:
        """What an identity provider of SAML has to know of this project."""
        described = self._sso.metadata(visit(call), call.text("name"))
        return Reply(described, 200, ((b"content-type", b"application/samlmetadata+xml"),))

    async def finish_directly(self, call: Call) -> Reply:
        """A token for what an app has got from the provider by itself."""
        came = visit(call)
        body = await call.body.item()
        proof_name, _ = self._names(call, came)
        if not _parameter(body, proof_name):
            raise ValidationFailed({proof_name: "This value is required"})
        if call.request.foreign_page:
            raise SignInNotBegun
        flow, answer = self._resumed(call, came, body)
        account = await self._sso.finish(came, flow, answer)
        opened = await self._sso.open(came, account, "jwt")
        headers = (_forgotten(call, _FOLLOWED),)
        data = {"token": self._login.token(came, opened)}
        return json_reply({"data": data, "public": True}, headers=headers)

    async def exchange(self, call: Call) -> Reply:
        """A token for a request token."""
        came = visit(call)
        token = (await call.body.item_or_empty()).get("request_token")
        if not isinstance(token, str) or not token:
            raise RequestTokenInvalid
        opened = await self._sso.exchange(came, token)
        return envelope({"token": self._login.token(came, opened)}, public=True)

    def _target(self, call: Call) -> Target | None:
        """Where the browser goes in the end, if anywhere."""
        allowed = Destinations(self._base_url, call.project.config.auth.redirect_origins)
        stated = call.params.get("redirect_url")
        if stated is not None and stated != "":
            return Target(allowed.checked("redirect_url", stated), is_asked_for=True)
        found = allowed.find(_referer(call))
        return None if found is None else Target(found, is_asked_for=False)

    def _names(self, call: Call, came: Visit) -> tuple[str, str]:
        """What the proof and the state are called that come from a provider."""
        match self._sso.source(came, call.text("name")):
            case Source.SAML:
                return "SAMLResponse", "RelayState"
            case Source.TWITTER:
                return "oauth_verifier", "oauth_token"
            case Source.OPENID | Source.USERINFO | Source.GITHUB:
                return "code", "state"

    def _resumed(self, call: Call, came: Visit, brought: Mapping[str, Any]) -> tuple[Flow, Answer]:
        """What this browser began, and what it comes back with."""
        proof, state = (_parameter(brought, name) for name in self._names(call, came))
        cookie = cookie_of(call.request.headers.get(b"cookie", b""), _cookie_name(call))
        flow = self._sso.resume(came, call.text("name"), cookie, state)
        issuer = _parameter(brought, "iss") or None
        return flow, Answer(proof=proof, state=flow.state, issuer=issuer)

    async def _finished(
        self, call: Call, came: Visit, brought: Mapping[str, Any], cookie: CookieConfig
    ) -> Reply:
        # Whoever did not begin here is led nowhere: nothing tells where it would be safe.
        flow, answer = self._resumed(call, came, brought)
        try:
            reply = await self._admitted(call, came, flow, answer)
        except ApiError as error:
            if flow.claims.target is None:
                raise
            code = _PROVIDERS_FAULT if isinstance(error, SignInFailed) else error.code
            parameters = {"error": "1", "code": str(code)}
            reply = _led(call, with_query_at_end(flow.claims.target, parameters))
        return Reply(reply.body, reply.status, (*reply.headers, _forgotten(call, cookie)))

    async def _admitted(self, call: Call, came: Visit, flow: Flow, answer: Answer) -> Reply:
        if not answer.proof:
            raise SignInFailed
        account = await self._sso.finish(came, flow, answer)
        if flow.claims.mode == "cookie":
            shown = call.request.credentials
            replaced = shown if shown.cookie else NOTHING_SHOWN
            opened = await self._sso.open(came, account, "cookie", replaced)
            return self._signed_in(call, came, flow, account, opened)
        token = await self._sso.request_token(came, account)
        if flow.claims.target is None:
            return json_reply({"data": {"request_token": token}, "public": True})
        return _led(call, with_query_at_end(flow.claims.target, {"request_token": token}))

    def _signed_in(
        self, call: Call, came: Visit, flow: Flow, account: Account, opened: LoggedIn
    ) -> Reply:
        expires = came.now + timedelta(minutes=call.snapshot.settings.auto_sign_out)
        name, config = cookie_name(call.project.key), call.project.config.cookie
        secure = call.request.secure
        session = _header(set_cookie(name, str(opened.session), expires, config, secure=secure))
        if flow.claims.target is None:
            data = {"user": account.shown}
            return json_reply({"data": data, "public": True}, headers=(session,))
        led = _led(call, flow.claims.target)
        return Reply(led.body, led.status, (*led.headers, session))


def _led(call: Call, url: str) -> Reply:
    """Sends the browser on, with a GET."""
    status = 303 if call.request.method == "POST" else 302
    return Reply(b"", status, ((b"location", url.encode("latin-1")),))


def _forgotten(call: Call, cookie: CookieConfig) -> tuple[bytes, bytes]:
    """The sign-in is over."""
    return _header(clear_cookie(_cookie_name(call), cookie, secure=call.request.secure))


def _header(cookie: str) -> tuple[bytes, bytes]:
    return b"set-cookie", cookie.encode("latin-1")


def _cookie_name(call: Call) -> str:
    return f"directus-{call.project.key}-sso"


def _parameter(brought: Mapping[str, Any], name: str) -> str:
    value = brought.get(name)
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
