"""What a request shows to say who asks. Pure. Source: authentication page §2."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import unquote_plus

from msgspec import Struct

from conductus.auth.cookies import cookie_of
from conductus.config import TokenSource
from conductus.query.links import ACCESS_TOKEN

LONGEST_STATIC_TOKEN: Final = 255


class Credentials(Struct, frozen=True):
    """The token that counts; empty for none."""

    token: str = ""
    cookie: bool = False
    """It is the value of a cookie, which a browser sends whoever asks for it."""


NOTHING_SHOWN: Final = Credentials()


def of_request(
    headers: Mapping[bytes, bytes],
    query: str,
    body: Mapping[str, object],
    sources: Collection[TokenSource],
    cookie_name: str,
) -> Credentials:
    """The token of the first source that has one.

    `headers` has the first header of each name, `body` is empty where none is looked at.
    Basic credentials that hold no token end the search.
    """
    parameter = _parameter(query, body, sources)
    if parameter:
        return Credentials(parameter)
    scheme, _, rest = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    match scheme.lower():
        case "bearer" if "bearer" in sources and rest.strip(" "):
            return Credentials(rest.strip(" "))
        case "basic" if "basic" in sources:
            return Credentials(_user_name(rest.strip(" ")))
        case _:
            return _cookie(headers, cookie_name) if "cookie" in sources else NOTHING_SHOWN


def without_token(query: str) -> str:
    """The query string without the parameter that may hold a token."""
    if ACCESS_TOKEN not in query:
        return query
    return "&".join(part for part in query.split("&") if part.partition("=")[0] != ACCESS_TOKEN)


def storable(token: str) -> bool:
    """True for what may stand in the column of static tokens; anything else is nobody's."""
    return (
        0 < len(token) <= LONGEST_STATIC_TOKEN
        and "\0" not in token
        and not any("\ud800" <= letter <= "\udfff" for letter in token)
    )


def _parameter(query: str, body: Mapping[str, object], sources: Collection[TokenSource]) -> str:
    if body and "body" in sources:
        stated = body.get(ACCESS_TOKEN)
        if isinstance(stated, str) and stated:
            return stated
    # Most queries hold no token and need not be taken apart.
    if ACCESS_TOKEN not in query or "query" not in sources:
        return ""
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == ACCESS_TOKEN:
            return unquote_plus(value, errors="replace")
    return ""


def _cookie(headers: Mapping[bytes, bytes], name: str) -> Credentials:
    stated = headers.get(b"cookie")
    value = "" if stated is None else cookie_of(stated, name)
    return Credentials(value, cookie=True) if value else NOTHING_SHOWN


def _user_name(encoded: str) -> str:
    """The user name of Basic credentials without a password of their own."""
    try:
        pair = b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    name, _, password = pair.partition(":")
    return name if password in ("", name) else ""
