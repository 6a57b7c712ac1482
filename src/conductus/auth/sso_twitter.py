"""What is said between us and a provider of OAuth 1.0a (RFC 5849): who somebody is.

A sign-in is announced to the provider first; the token it gives for that goes with the
browser, and its secret stays with us. Whatever a provider says wrongly or not at all ends in
`ProviderFailed`.
"""

from __future__ import annotations

from typing import Any, Final

import httpx2
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth1Client

from conductus.auth.sso_exchange import Person, ProviderFailed, text_of
from conductus.auth.sso_flow import Announced
from conductus.auth.sso_providers import Provider
from conductus.outgoing.client import trusted

_FAILURES: Final = (
    AuthlibBaseError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    msgspec.MsgspecError,
    ValueError,
)
# Twitter leaves the address out unless it is asked for, and unless it is verified.
_ASKED: Final = {"include_email": "true", "skip_status": "true"}


async def announced(provider: Provider, callback: str) -> Announced:
    """What the provider gives for a sign-in to come. Raises `ProviderFailed`."""
    async with _client(provider, redirect_uri=callback) as client:
        try:
            given = await client.fetch_request_token(provider.request_url)
            if str(given.get("oauth_callback_confirmed")).lower() != "true":
                raise ValueError("the provider did not confirm the callback")
            return Announced(_given(given, "oauth_token"), _given(given, "oauth_token_secret"))
        except _FAILURES as error:
            raise ProviderFailed from error


async def person(provider: Provider, given: Announced | None, verifier: str) -> Person:
    """Who brings that verifier. Raises `ProviderFailed`."""
    try:
        if given is None:
            raise ValueError("nothing was announced")
        keys = {"token": given.token, "token_secret": given.secret}
        async with _client(provider, **keys) as client:
            await client.fetch_access_token(provider.token_url, verifier)
            answer = await client.get(provider.userinfo_url, params=_ASKED)
            answer.raise_for_status()
            told = msgspec.json.decode(answer.content, type=dict[str, Any])
    except _FAILURES as error:
        raise ProviderFailed from error
    return Person(email=text_of(told.get("email")), verified=True)


def _client(provider: Provider, **more: str) -> AsyncOAuth1Client:
    return AsyncOAuth1Client(
        client_id=provider.config.identifier,
        client_secret=provider.config.secret,
        **more,
        **trusted(),
    )


def _given(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"the provider gave no {name}")
    return value
