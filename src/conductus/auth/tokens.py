"""JSON Web Tokens for access: made and verified. Pure.

HS256 alone is accepted, whatever a token says of itself; key, project and type must be
ours, and the session that it belongs to is named. Source: authentication page §4.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from datetime import datetime
from typing import Final, Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import UNSET, Struct, UnsetType

from conductus.config import AuthConfig
from conductus.errors import ExpiredToken, InvalidToken

LONGEST_TOKEN: Final = 2048
_ALGORITHMS: Final = ("HS256",)


class Claims(Struct, frozen=True, kw_only=True):
    """What an access token says. Without `sid` it belongs to no session of ours."""

    type: Literal["auth"]
    key: str
    project: str
    id: int
    exp: int
    ttl: int
    """Minutes."""
    sid: str
    needs_2fa: bool | UnsetType = msgspec.field(name="needs2FA", default=UNSET)
    """Stated after a refresh."""


class Signing(Struct, frozen=True):
    """What ties tokens to a project."""

    project: str
    auth: AuthConfig


class _Header(Struct):
    typ: str


def issue(
    signing: Signing,
    *,
    user: int,
    session: str,
    minutes: int,
    now: datetime,
    needs_2fa: bool | UnsetType = UNSET,
) -> str:
    """A token for a user's session."""
    claims = Claims(
        type="auth",
        key=signing.auth.public_key,
        project=signing.project,
        id=user,
        exp=int(now.timestamp()) + minutes * 60,
        ttl=minutes,
        sid=session,
        needs_2fa=needs_2fa,
    )
    header = {"typ": "JWT", "alg": "HS256"}
    return jwt.encode(header, msgspec.to_builtins(claims), _key(signing), [*_ALGORITHMS])


def verify(signing: Signing, token: str, now: datetime) -> Claims:
    """What a token says. Raises `InvalidToken` (101), `ExpiredToken` (102)."""
    claims = verify_but_expiry(signing, token)
    if claims.exp <= now.timestamp():
        raise ExpiredToken
    return claims


def verify_but_expiry(signing: Signing, token: str) -> Claims:
    """What a token says that may have expired. Raises `InvalidToken`."""
    if len(token) > LONGEST_TOKEN:
        raise InvalidToken
    try:
        found = jwt.decode(token, _key(signing), [*_ALGORITHMS])
        claims = msgspec.convert(found.claims, Claims)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken from error
    if claims.key != signing.auth.public_key or claims.project != signing.project:
        raise InvalidToken
    return claims


def is_jwt(token: str) -> bool:
    """True for what has the shape of a JWT; anything else is a static token."""
    head, _, rest = token.partition(".")
    if rest.count(".") != 1 or len(token) > LONGEST_TOKEN:
        return False
    try:
        raw = urlsafe_b64decode(head.encode("ascii") + b"=" * (-len(head) % 4))
        return msgspec.json.decode(raw, type=_Header).typ == "JWT"
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
        return False


def _key(signing: Signing) -> OctKey:
    return OctKey.import_key(signing.auth.secret_key)
