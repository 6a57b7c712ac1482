"""Providers of single sign-on: what is said of each, and what may not be."""

from __future__ import annotations

import re
from typing import Literal, get_args
from urllib.parse import urlsplit

from msgspec import Struct

from conductus.config.outgoing import HOST_PATTERN
from conductus.config.saml import SamlConfig, saml_problem

PROVIDER_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
ADMINISTRATOR_ROLE = 1
PUBLIC_ROLE = 2
SsoPreset = Literal[
    "generic",
    "google",
    "github",
    "gitlab",
    "microsoft",
    "facebook",
    "okta",
    "keycloak",
    "twitter",
    "saml",
]


class SsoConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One provider of single sign-on, in `[auth.sso.NAME]`."""

    enabled: bool = True
    preset: SsoPreset | None = None
    """None: the one that is called like the provider, else `generic`."""
    plugin: str = ""
    """The provider that a plugin offers by this name, in the place of a preset."""
    client_id: str = ""
    client_secret: str = ""
    identifier: str = ""
    """Of `twitter`, in the place of `client_id`."""
    secret: str = ""
    """Of `twitter`, in the place of `client_secret`."""
    issuer: str = ""
    """Of OpenID Connect: the other addresses are found by discovery."""
    request_url: str = ""
    """Of `twitter`: where a sign-in is announced."""
    authorize_url: str = ""
    token_url: str = ""
    userinfo_url: str = ""
    tenant: str = ""
    """Of `microsoft`."""
    saml: SamlConfig = SamlConfig()
    """Of `saml`."""
    scopes: tuple[str, ...] = ()
    hosted_domain: str = "*"
    """Of `google`: the one domain whose accounts are let in."""
    domains: tuple[str, ...] = ()
    """The domains of the addresses that are let in; none: any."""
    trust_email: bool = False
    """Addresses count although the provider does not say that it has verified them."""
    default_role: int | None = None
    """The role of users who are made when they first come; None: nobody is made."""
    anybody: bool = False
    """`default_role` is for whoever has an account at the provider."""
    icon: str | None = None

    def __repr__(self) -> str:
        return f"SsoConfig({self.client_id or self.identifier or self.saml.entity_id!r})"


def sso_preset(name: str, config: SsoConfig) -> SsoPreset:
    """The preset of a provider."""
    if config.plugin:
        return "generic"
    if config.preset is not None:
        return config.preset
    return next((preset for preset in get_args(SsoPreset) if preset == name), "generic")


def is_safe_url(url: str) -> bool:
    """Whether what is sent there cannot be read on the way."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "http":
        return parts.hostname in ("localhost", "127.0.0.1", "::1")
    return parts.scheme == "https" and bool(parts.hostname)


def sso_problem(name: str, config: SsoConfig) -> str | None:
    """What is wrong with a provider."""
    preset = sso_preset(name, config)
    if PROVIDER_PATTERN.fullmatch(name) is None or name == "access_token":
        return "the name takes small letters, digits, '_' and '-'"
    unfit = _misplaced(preset, config) or _lacking(preset, config)
    if unfit is not None:
        return unfit
    urls = (config.request_url, config.authorize_url, config.token_url, config.userinfo_url)
    stated = (config.issuer, *urls, config.saml.sign_in_url)
    if not all(is_safe_url(url) for url in stated if url):
        return "addresses must begin with https://"
    if config.default_role in (ADMINISTRATOR_ROLE, PUBLIC_ROLE):
        return "`default_role` cannot be that of administrators, nor of the public"
    if not all(map(HOST_PATTERN.fullmatch, config.domains)):
        return "`domains` takes names such as example.com"
    return _too_open(config)


def _too_open(config: SsoConfig) -> str | None:
    # Of few providers it is known who can have an account there, so it is said of each.
    named = config.domains or config.hosted_domain != "*" or config.anybody
    if config.default_role is None or named:
        return None
    return (
        "`default_role` needs `domains`, or whoever has an account there would come in: "
        "set `anybody` if that is meant"
    )


def _misplaced(preset: SsoPreset, config: SsoConfig) -> str | None:
    """What is there and says nothing to a preset."""
    if config.plugin and config.preset is not None:
        return "a `plugin` takes the place of a `preset`"
    if preset != "twitter" and (config.identifier or config.secret or config.request_url):
        return "`identifier`, `secret` and `request_url` are for `twitter`"
    if preset != "saml" and config.saml != SamlConfig():
        return "`saml` needs the preset of that name"
    return None


def _lacking(preset: SsoPreset, config: SsoConfig) -> str | None:
    """What a preset needs and is not there."""
    urls = (config.authorize_url, config.token_url, config.userinfo_url)
    match preset:
        case "saml":
            if not config.trust_email:
                return "SAML verifies no address: set `trust_email` if nobody can state another's"
            return saml_problem(config.saml)
        case "twitter":
            return (
                None
                if config.identifier and config.secret
                else "`identifier` and `secret` are needed"
            )
        case "generic" | "okta" | "keycloak" if not (config.plugin or config.issuer or all(urls)):
            return "an `issuer` is needed, or all of the other addresses"
        case "microsoft" if not (config.tenant or config.issuer):
            return "a `tenant` is needed"
        case _:
            return None if config.client_id else "a `client_id` is needed"
