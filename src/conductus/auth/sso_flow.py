"""A sign-in under way, as the browser that began it carries it in a cookie. Pure.

The cookie holds a random word; what goes to the provider (`state`, `nonce`, the verifier of
PKCE) is derived from it by the project's key. So the server keeps nothing, no other browser
can end what this one began, and who reads the cookie learns none of the three.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Literal

from conductus.auth import tokens
from conductus.auth.tokens import Signing, Stated
from conductus.errors import ExpiredToken, InvalidToken, SignInNotBegun

LIFETIME: Final = timedelta(minutes=10)
Mode = Literal["jwt", "cookie"]


class FlowClaims(Stated, frozen=True, kw_only=True):
    """What the cookie says."""

    type: Literal["sso_flow"]
    provider: str
    mode: Mode
    target: str | None
    """Where the browser goes in the end."""
    word: str


class Flow:
    """A sign-in under way."""

    def __init__(self, signing: Signing, claims: FlowClaims) -> None:
        self._signing = signing
        self.claims = claims

    @property
    def cookie(self) -> str:
        """What the browser keeps."""
        return tokens.sign(self._signing, self.claims)

    @property
    def state(self) -> str:
        """Comes back from the provider with the answer."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Stands in the ID token."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Shown when the code is exchanged; only its hash went out before."""
        return self._derived("verifier")

    def _derived(self, purpose: str) -> str:
        key = self._signing.auth.secret_key.encode()
        text = f"sso {purpose} {self.claims.provider} {self.claims.word}"
        digest = hmac.new(key, text.encode(), sha256).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def begun(signing: Signing, provider: str, mode: Mode, target: str | None, now: datetime) -> Flow:
    """A new sign-in."""
    claims = FlowClaims(
        type="sso_flow",
        key=signing.auth.public_key,
        project=signing.project,
        exp=int((now + LIFETIME).timestamp()),
        provider=provider,
        mode=mode,
        target=target,
        word=secrets.token_urlsafe(24),
    )
    return Flow(signing, claims)


def resumed(signing: Signing, cookie: str, provider: str, state: str, now: datetime) -> Flow:
    """The sign-in that the cookie is of.

    Raises `SignInNotBegun` when it was not begun here, with that provider, or long ago.
    """
    try:
        claims = tokens.unexpired(tokens.read(signing, cookie, FlowClaims), now)
    except (InvalidToken, ExpiredToken) as error:
        raise SignInNotBegun from error
    flow = Flow(signing, claims)
    same = hmac.compare_digest(flow.state.encode(), state.encode("utf-8", "replace"))
    if claims.provider != provider or not same:
        raise SignInNotBegun
    return flow
