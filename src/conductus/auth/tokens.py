"""JSON Web Tokens, of every kind: made and verified. Pure.

HS256 alone is accepted, whatever a token says of itself; key, project and type must be
ours. What a kind of token says is a `Stated` of its own, so that none can stand for
another. A token for access names the session that it belongs to. Source: authentication
page §4.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal, TypeVar

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import UNSET, Struct, UnsetType

from conductus.config import AuthConfig
from conductus.errors import ExpiredToken, InvalidToken

LONGEST_TOKEN: Final = 2048
_ALGORITHMS: Final = ("HS256",)
_MOST_KEYS: Final = 64


class Stated(Struct, frozen=True, kw_only=True):
    """What every token says. A kind of token adds its own, and narrows `type` to one word."""

    type: str
    key: str
    project: str
    exp: int
    """Seconds since 1970."""


class Claims(Stated, frozen=True, kw_only=True):
    """What an access token says. Without `sid` it belongs to no session of ours."""

    # A tag of msgspec would not do: one that is missing passes.
    type: Literal["auth"]
    id: int
    ttl: int
    """Minutes."""
    sid: str
    needs_2fa: bool | UnsetType = msgspec.field(name="needs2FA", default=UNSET)
    """Stated after a refresh."""


class Signing(Struct, frozen=True):
    """What ties tokens to a project."""

    project: str
    auth: AuthConfig


T = TypeVar("T", bound=Stated)


class _Addressed(Struct):
    project: str


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
    return sign(
        signing,
        Claims(
            type="auth",
            key=signing.auth.public_key,
            project=signing.project,
            id=user,
            exp=int(now.timestamp()) + minutes * 60,
            ttl=minutes,
            sid=session,
            needs_2fa=needs_2fa,
        ),
    )


def verify(signing: Signing, token: str, now: datetime) -> Claims:
    """What an access token says. Raises `InvalidToken` (101), `ExpiredToken` (102)."""
    return unexpired(read(signing, token, Claims), now)


def sign(signing: Signing, stated: Stated) -> str:
    """A token that says this."""
    header = {"typ": "JWT", "alg": "HS256"}
    return jwt.encode(
        header, msgspec.to_builtins(stated), _key(signing.auth.secret_key), [*_ALGORITHMS]
    )


def read(signing: Signing, token: str, kind: type[T]) -> T:
    """What a token of that kind says; it may have expired. Raises `InvalidToken`."""
    if len(token) > LONGEST_TOKEN:
        raise InvalidToken
    try:
        found = jwt.decode(token, _key(signing.auth.secret_key), [*_ALGORITHMS])
        stated = msgspec.convert(found.claims, kind)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken from error
    if stated.key != signing.auth.public_key or stated.project != signing.project:
        raise InvalidToken
    return stated


def unexpired(stated: T, now: datetime) -> T:
    """What a token says, unless it has expired. Raises `ExpiredToken`."""
    if stated.exp <= now.timestamp():
        raise ExpiredToken
    return stated


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


def unverified_project(token: str) -> str | None:
    """The project that a token names, believed for nothing but where to look; None for none."""
    if not is_jwt(token):
        return None
    payload = token.split(".")[1]
    try:
        raw = urlsafe_b64decode(payload.encode("ascii") + b"=" * (-len(payload) % 4))
        return msgspec.json.decode(raw, type=_Addressed).project
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
        return None


@lru_cache(_MOST_KEYS)
def _key(secret: str) -> OctKey:
    # To make one takes as long as to verify a token: it is tried as every other kind of key.
    return OctKey.import_key(secret)
