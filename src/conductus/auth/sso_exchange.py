"""What is said between us and a provider: where it is, who somebody is.

Whatever a provider says wrongly or not at all ends in `ProviderFailed`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import httpx2
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from conductus.auth.sso_flow import Flow
from conductus.auth.sso_providers import Provider, Source
from conductus.config import is_safe_url
from conductus.outgoing.client import trusted

KEPT_SECONDS: Final = 3600.0
_REFETCH_SECONDS: Final = 60.0
_LEEWAY_SECONDS: Final = 60
# Keys that only the provider has; a shared one would make its secret a signing key.
_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
)
_FAILURES: Final = (
    AuthlibBaseError,
    JoseError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    msgspec.MsgspecError,
    ValueError,
)


Claims = dict[str, Any]
T = TypeVar("T")


class ProviderFailed(Exception):
    """The provider could not be asked, or did not answer as it must; the cause says how."""


class Person(Struct, frozen=True, kw_only=True):
    """Who somebody is, as a provider says."""

    email: str | None
    verified: bool
    first_name: str | None = None
    last_name: str | None = None
    hosted_domain: str | None = None


class Endpoints(Struct, frozen=True, kw_only=True):
    """Where a provider is."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str = ""
    jwks_uri: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Address(Struct, frozen=True):
    """One of the addresses that GitHub knows of somebody."""

    email: str
    verified: bool
    primary: bool = False
    visibility: str | None = None


class _Kept(Struct):
    endpoints: Endpoints
    since: float
    keys: KeySet | None = None
    keys_since: float = 0.0


class Exchange:
    """Asks providers. What they say of themselves is kept for an hour."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    async def authorization_url(self, provider: Provider, flow: Flow, callback: str) -> str:
        """Where the browser is sent. Raises `ProviderFailed`."""
        async with _client(provider) as client:
            try:
                endpoints = await self._endpoints(client, provider)
                url, _ = client.create_authorization_url(
                    endpoints.authorization_endpoint,
                    redirect_uri=callback,
                    state=flow.state,
                    code_verifier=flow.verifier,
                    **({"nonce": flow.nonce} if provider.source is Source.OPENID else {}),
                    **({"hd": provider.hosted_domain} if provider.hosted_domain else {}),
                )
            except _FAILURES as error:
                raise ProviderFailed from error
            return str(url)

    async def person(
        self, provider: Provider, flow: Flow, callback: str, code: str, issuer: str | None
    ) -> Person:
        """Who brings that code. `issuer` is who the answer says it is of, if it does.

        Raises `ProviderFailed`.
        """
        async with _client(provider) as client:
            try:
                endpoints = await self._endpoints(client, provider)
                # RFC 9207: an answer of another provider ends here.
                if issuer is not None and endpoints.issuer and issuer != endpoints.issuer:
                    raise ValueError("the answer is of another issuer")
                client.token_endpoint_auth_method = _auth_method(provider, endpoints)
                token = await client.fetch_token(
                    endpoints.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    redirect_uri=callback,
                    code_verifier=flow.verifier,
                )
                match provider.source:
                    case Source.OPENID:
                        return await self._by_id_token(client, provider, endpoints, flow, token)
                    case Source.USERINFO:
                        return await _by_userinfo(client, provider, endpoints)
                    case Source.GITHUB:
                        return _of_github(
                            await _told(client, endpoints.userinfo_endpoint, list[_Address])
                        )
                    case Source.TWITTER | Source.SAML:
                        raise ValueError("this provider gives no code")
            except _FAILURES as error:
                raise ProviderFailed from error

    async def _by_id_token(
        self,
        client: AsyncOAuth2Client,
        provider: Provider,
        endpoints: Endpoints,
        flow: Flow,
        token: Mapping[str, Any],
    ) -> Person:
        found = await self._verified(client, endpoints, str(token.get("id_token")))
        claims = CodeIDToken(
            found.claims,
            found.header,
            options={
                "iss": {"essential": True, "value": endpoints.issuer},
                "aud": {"essential": True, "value": provider.config.client_id},
                "sub": {"essential": True},
            },
            params={
                "nonce": flow.nonce,
                "client_id": provider.config.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(leeway=_LEEWAY_SECONDS)
        if "email" in claims or not endpoints.userinfo_endpoint:
            return _person(claims)
        more = await _told(client, endpoints.userinfo_endpoint, Claims)
        if more.get("sub") != claims["sub"]:
            raise ValueError("userinfo is of somebody else")
        # What is signed counts more.
        return _person({**more, **claims})

    async def _verified(
        self, client: AsyncOAuth2Client, endpoints: Endpoints, id_token: str
    ) -> jwt.Token:
        keys = await self._keys(client, endpoints, KEPT_SECONDS)
        try:
            return jwt.decode(id_token, keys, [*_ALGORITHMS])
        except (JoseError, ValueError):
            # Keys change now and then.
            keys = await self._keys(client, endpoints, _REFETCH_SECONDS)
            return jwt.decode(id_token, keys, [*_ALGORITHMS])

    # -- what a provider says of itself -----------------------------------------------

    async def _endpoints(self, client: AsyncOAuth2Client, provider: Provider) -> Endpoints:
        if not provider.issuer:
            return Endpoints(
                issuer="",
                authorization_endpoint=provider.authorize_url,
                token_endpoint=provider.token_url,
                userinfo_endpoint=provider.userinfo_url,
            )
        kept = self._kept.get(provider.issuer)
        if kept is None or time.monotonic() - kept.since > KEPT_SECONDS:
            kept = _Kept(await _discovered(client, provider.issuer), time.monotonic())
            self._kept[provider.issuer] = kept
        return kept.endpoints

    async def _keys(
        self, client: AsyncOAuth2Client, endpoints: Endpoints, seconds: float
    ) -> KeySet:
        """The provider's keys, not older than that."""
        kept = self._kept[endpoints.issuer]
        if kept.keys is None or time.monotonic() - kept.keys_since > seconds:
            stated = await _asked(client, endpoints.jwks_uri)
            kept.keys = KeySet.import_key_set({"keys": stated.get("keys", [])})
            kept.keys_since = time.monotonic()
        return kept.keys


def text_of(value: Any) -> str | None:
    """A text that says something; None for anything else."""
    return value if isinstance(value, str) and value else None


async def _by_userinfo(
    client: AsyncOAuth2Client, provider: Provider, endpoints: Endpoints
) -> Person:
    if provider.claims is None:
        return _person(await _told(client, endpoints.userinfo_endpoint, Claims))
    told: Any = await _told(client, endpoints.userinfo_endpoint, object)
    try:
        return _person(await provider.claims(told))
    except (LookupError, TypeError, AttributeError) as error:
        # The plugin expects something else than it is told.
        raise ValueError("what the provider tells cannot be read") from error


def _client(provider: Provider) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        client_id=provider.config.client_id,
        client_secret=provider.config.client_secret or None,
        scope=provider.scope,
        code_challenge_method="S256",
        **trusted(),
    )


def _auth_method(provider: Provider, endpoints: Endpoints) -> str:
    if not provider.config.client_secret:
        return "none"
    offered = endpoints.token_endpoint_auth_methods_supported
    if provider.secret_in_body or "client_secret_basic" not in offered:
        return "client_secret_post"
    return "client_secret_basic"


async def _discovered(client: AsyncOAuth2Client, issuer: str) -> Endpoints:
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    endpoints = msgspec.convert(await _asked(client, url), Endpoints)
    if endpoints.issuer != issuer:
        raise ValueError(f"{issuer} says that it is {endpoints.issuer}")
    named = (endpoints.authorization_endpoint, endpoints.token_endpoint, endpoints.jwks_uri)
    for each in (*named, endpoints.userinfo_endpoint or issuer):
        if not is_safe_url(each):
            raise ValueError(f"{issuer} names an address that is not encrypted")
    return endpoints


async def _asked(client: AsyncOAuth2Client, url: str) -> dict[str, Any]:
    """What anybody is told."""
    answer = await client.request("GET", url, withhold_token=True)
    answer.raise_for_status()
    return msgspec.json.decode(answer.content, type=dict[str, Any])


async def _told(client: AsyncOAuth2Client, url: str, kind: type[T]) -> T:
    """What the bearer of the access token is told."""
    answer = await client.get(url, headers={"accept": "application/json"})
    answer.raise_for_status()
    return msgspec.json.decode(answer.content, type=kind)


def _person(claims: Mapping[str, Any]) -> Person:
    return Person(
        email=text_of(claims.get("email")),
        # Microsoft has a word of its own for it.
        verified=_true(claims.get("email_verified")) or _true(claims.get("xms_edov")),
        first_name=text_of(claims.get("given_name") or claims.get("first_name")),
        last_name=text_of(claims.get("family_name") or claims.get("last_name")),
        hosted_domain=text_of(claims.get("hd")),
    )


def _of_github(listed: list[_Address]) -> Person:
    """The address to go by: the primary one if it is public, else a public one, else …"""
    verified = [each for each in listed if each.verified]
    public = [each for each in verified if each.visibility == "public"]
    primary = [each for each in verified if each.primary]
    chosen = [*(each for each in public if each.primary), *public, *primary, *verified]
    return Person(email=chosen[0].email if chosen else None, verified=bool(chosen))


def _true(value: Any) -> bool:
    return value is True or value in ("true", "1", 1)
