"""Providers of single sign-on as values: where each is, and what can be believed of it.

Pure. Source: authentication page §9.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Final

from msgspec import Struct

from conductus.config import SsoConfig, SsoPreset, sso_preset

Claiming = Callable[[Any], Awaitable[Mapping[str, Any]]]


class Source(Enum):
    """Where a provider tells who somebody is."""

    OPENID = "the ID token, and userinfo for what it leaves out"
    USERINFO = "userinfo alone"
    GITHUB = "the list of e-mail addresses"
    TWITTER = "the account, asked by OAuth 1"
    SAML = "a signed assertion"


class Provider(Struct, frozen=True, kw_only=True):
    """One way to sign in."""

    name: str
    config: SsoConfig
    source: Source
    issuer: str = ""
    """With one, endpoints are found by discovery."""
    authorize_url: str = ""
    token_url: str = ""
    userinfo_url: str = ""
    request_url: str = ""
    """Of OAuth 1: where a sign-in is announced."""
    scope: str
    secret_in_body: bool = False
    """The client's secret goes into the body, not into a header."""
    claims: Claiming | None = None
    """Makes claims of OpenID Connect of what is told otherwise."""

    @property
    def hosted_domain(self) -> str | None:
        """The one domain whose accounts are let in; None for any."""
        return None if self.config.hosted_domain == "*" else self.config.hosted_domain


class Preset(Struct, frozen=True, kw_only=True):
    """What is known of a provider before a project configures it."""

    source: Source = Source.OPENID
    issuer: str = ""
    authorize_url: str = ""
    token_url: str = ""
    userinfo_url: str = ""
    request_url: str = ""
    scope: str = "openid email profile"
    secret_in_body: bool = False
    claims: Claiming | None = None


_PRESETS: Final[Mapping[SsoPreset, Preset]] = {
    "generic": Preset(),
    "google": Preset(issuer="https://accounts.google.com"),
    "gitlab": Preset(issuer="https://gitlab.com"),
    "microsoft": Preset(issuer="https://login.microsoftonline.com/{tenant}/v2.0"),
    "okta": Preset(),
    "keycloak": Preset(),
    "github": Preset(
        source=Source.GITHUB,
        authorize_url="https://github.com/login/oauth/authorize",
        token_url="https://github.com/login/oauth/access_token",  # noqa: S106
        userinfo_url="https://api.github.com/user/emails",
        scope="user:email",
        secret_in_body=True,
    ),
    "facebook": Preset(
        source=Source.USERINFO,
        authorize_url="https://www.facebook.com/dialog/oauth",
        token_url="https://graph.facebook.com/oauth/access_token",  # noqa: S106
        userinfo_url="https://graph.facebook.com/me?fields=id,email,first_name,last_name",
        scope="email",
        secret_in_body=True,
    ),
    "twitter": Preset(
        source=Source.TWITTER,
        request_url="https://api.twitter.com/oauth/request_token",
        authorize_url="https://api.twitter.com/oauth/authenticate",
        token_url="https://api.twitter.com/oauth/access_token",  # noqa: S106
        userinfo_url="https://api.twitter.com/1.1/account/verify_credentials.json",
        scope="",
    ),
    "saml": Preset(source=Source.SAML, scope=""),
}


def provider(name: str, config: SsoConfig, offered: Preset | None = None) -> Provider:
    """The provider that a configuration describes; `offered` by a plugin, if by one."""
    preset = offered or _PRESETS[sso_preset(name, config)]
    issuer = config.issuer or preset.issuer.replace("{tenant}", config.tenant)
    source = preset.source
    if source is Source.OPENID and not issuer:
        # Plain OAuth: nobody signs who somebody is.
        source = Source.USERINFO
    return Provider(
        name=name,
        config=config,
        source=source,
        issuer=issuer,
        authorize_url=config.authorize_url or preset.authorize_url,
        token_url=config.token_url or preset.token_url,
        userinfo_url=config.userinfo_url or preset.userinfo_url,
        request_url=config.request_url or preset.request_url,
        scope=" ".join(config.scopes) or preset.scope,
        secret_in_body=preset.secret_in_body,
        claims=preset.claims,
    )
