"""A provider on loopback that stands in for any: OAuth 2 with PKCE, and OpenID Connect.

It is where a plugin's provider says that it is, and tells of people what it is told to.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from msgspec import Struct

from conductus.extensions.registry import SsoProvider

CLIENT: Final = "client-of-tests"
SECRET: Final = "secret-of-tests"  # noqa: S105 - it opens nothing
_DISCOVERY: Final = "/.well-known/openid-configuration"


class _Consent(Struct, frozen=True):
    """Somebody has signed in at the provider."""

    told: Any
    asked: Mapping[str, str]


class StandIn:
    """The provider, as tests talk to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._issuer = ""
        self._authorize = f"{url}/authorize"
        self._token = f"{url}/token"
        self._userinfo = f"{url}/userinfo"
        self._codes: dict[str, _Consent] = {}
        self._people: dict[str, Any] = {}
        self._key = RSAKey.generate_key(2048, {"kid": "one"})

    def take_the_place(self, offered: SsoProvider) -> None:
        """Stands from now on where that provider says that it is. Raises `ValueError`."""
        named = [offered.issuer] if offered.issuer else [offered.authorize_url, offered.token_url]
        if not all(address.startswith(self.url) for address in named):
            raise ValueError(f"the provider is at {named}, and not where the settings say")
        self._issuer = offered.issuer
        if not offered.issuer:
            self._authorize, self._token = offered.authorize_url, offered.token_url
            self._userinfo = offered.userinfo_url

    def consented(self, location: str, told: Any) -> str:
        """Where a browser that was sent to `location` comes back to, after a sign-in."""
        asked = dict(parse_qsl(urlsplit(location).query))
        code = secrets.token_urlsafe(8)
        self._codes[code] = _Consent(told, asked)
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    # -- what the server asks -----------------------------------------------------------

    def answer(self, path: str, headers: Mapping[str, str], body: str) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        asked = f"{self.url}{path}"
        if self._issuer and asked == f"{self._issuer.rstrip('/')}{_DISCOVERY}":
            return 200, self._described()
        if asked == f"{self.url}/keys":
            return 200, {"keys": [self._key.as_dict(private=False)]}
        if asked == self._token:
            return self._exchanged(headers, dict(parse_qsl(body)))
        if asked.partition("?")[0] == self._userinfo.partition("?")[0]:
            bearer = headers.get("authorization", "").removeprefix("Bearer ")
            return (200, self._people[bearer]) if bearer in self._people else (401, {})
        return 404, {}

    def _described(self) -> dict[str, Any]:
        return {
            "issuer": self._issuer,
            "authorization_endpoint": self._authorize,
            "token_endpoint": self._token,
            "userinfo_endpoint": self._userinfo,
            "jwks_uri": f"{self.url}/keys",
        }

    def _exchanged(self, headers: Mapping[str, str], sent: Mapping[str, str]) -> tuple[int, Any]:
        consent = self._codes.pop(sent.get("code", ""), None)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if consent is None or consent.asked.get("code_challenge") != challenge:
            return 400, {"error": "invalid_grant"}
        if consent.asked["redirect_uri"] != sent.get("redirect_uri") or not _is_ours(headers, sent):
            return 401, {"error": "invalid_client"}
        token = secrets.token_urlsafe(8)
        self._people[token] = consent.told
        given = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        if self._issuer:
            given["id_token"] = self._signed(consent)
        return 200, given

    def _signed(self, consent: _Consent) -> str:
        """An ID token, as far as what is told can be claims."""
        now = int(time.time())
        claims = dict(consent.told) if isinstance(consent.told, dict) else {}
        claims |= {"iss": self._issuer, "aud": CLIENT, "sub": "somebody"}
        claims |= {"iat": now, "exp": now + 60, "nonce": consent.asked.get("nonce", "")}
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self._key)


def _is_ours(headers: Mapping[str, str], sent: Mapping[str, str]) -> bool:
    """Whether it is our client that asks, in either of the usual ways."""
    if sent.get("client_secret"):
        return (sent.get("client_id"), sent["client_secret"]) == (CLIENT, SECRET)
    shown = headers.get("authorization", "").removeprefix("Basic ")
    return base64.b64decode(shown).decode() == f"{CLIENT}:{SECRET}"


@asynccontextmanager
async def standing_in() -> AsyncIterator[StandIn]:
    """A stand-in that listens."""
    made: list[StandIn] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            lines = (line.partition(":") for line in head[1:] if line)
            headers = {name.lower(): value.strip() for name, _, value in lines}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, told = made[0].answer(path, headers, body.decode())
            content = json.dumps(told).encode()
            start = f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n"
            start += f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            writer.write(start.encode() + content)
            await writer.drain()
        finally:
            writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        made.append(StandIn(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        yield made[0]
