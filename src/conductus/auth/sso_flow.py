"""A sign-in under way, as the browser that began it carries it in a cookie. Pure.

The cookie holds a random word; what goes to the provider (`state`, `nonce`, the verifier of
PKCE, the number of a question) is derived from it by the project's key. So the server keeps
nothing, no other browser can end what this one began, and who reads the cookie learns none of
them. OAuth 1 gives a word of its own to come back with, which the cookie holds sealed.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Final, Literal

import msgspec
from msgspec import Struct

from conductus.auth import sealing, tokens
from conductus.auth.tokens import Signing, Stated
from conductus.errors import ExpiredToken, InvalidToken, SignInNotBegun, ValidationFailed

_PURPOSE: Final = b"conductus sign-in announced"
LIFETIME: Final = timedelta(minutes=10)
Mode = Literal["jwt", "cookie"]


class Target(Struct, frozen=True):
    """Where the browser is to go in the end."""

    url: str
    is_asked_for: bool
    """False: it is where the browser came from, and left out where it is too long."""


class FlowClaims(Stated, frozen=True, kw_only=True):
    """What the cookie says."""

    type: Literal["sso_flow"]
    provider: str
    mode: Mode
    target: str | None
    """Where the browser goes in the end."""
    word: str
    announced: str = ""
    """What the provider gave when the sign-in was announced to it, sealed."""


class Announced(Struct, frozen=True):
    """What a provider of OAuth 1 gives before anybody is sent to it."""

    token: str
    """Goes with the browser, and comes back with it."""
    secret: str


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
        return self._derived("state") if self.announced is None else self.announced.token

    @property
    def question(self) -> str:
        """The number of a question of SAML, which its answer names: a name of XML."""
        return f"_{self._derived('question')}"

    @cached_property
    def announced(self) -> Announced | None:
        """What the provider gave; None where nothing is announced."""
        if not self.claims.announced:
            return None
        found = sealing.opened(self.claims.announced, self._signing.auth.secret_key, _PURPOSE)
        # What is signed is ours, so it can be opened.
        return msgspec.json.decode(found or b"", type=Announced)

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


def begun(
    signing: Signing,
    provider: str,
    mode: Mode,
    target: Target | None,
    now: datetime,
    announced: Announced | None = None,
) -> Flow:
    """A new sign-in. Raises `ValidationFailed` for a target that no cookie holds."""
    box = ""
    if announced is not None:
        text = msgspec.json.encode(announced).decode()
        box = sealing.sealed(text, signing.auth.secret_key, _PURPOSE)
    claims = FlowClaims(
        type="sso_flow",
        key=signing.auth.public_key,
        project=signing.project,
        exp=int((now + LIFETIME).timestamp()),
        provider=provider,
        mode=mode,
        target=None if target is None else target.url,
        word=secrets.token_urlsafe(24),
        announced=box,
    )
    flow = Flow(signing, claims)
    if len(flow.cookie) <= tokens.LONGEST_TOKEN:
        return flow
    if target is None or target.is_asked_for:
        raise ValidationFailed({"redirect_url": "Is too long"})
    return begun(signing, provider, mode, None, now, announced)


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
