"""What a request shows to say who asks. Pure. Source: authentication page §2."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

from msgspec import Struct

from conductus.query.links import ACCESS_TOKEN

LONGEST_STATIC_TOKEN: Final = 255


class Credentials(Struct, frozen=True):
    """As they were sent; empty for none."""

    authorization: str = ""
    """The first header of that name."""
    access_token: str = ""
    """The parameter as it stands in the query string, percent-encoded."""


def of_request(headers: Mapping[bytes, bytes], query: str) -> Credentials:
    """What a request shows."""
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    return Credentials(authorization, _parameter(query))


def presented(credentials: Credentials) -> str:
    """The token that counts: that of the first source that has one; empty for none."""
    if credentials.access_token:
        return _decoded(credentials.access_token)
    scheme, _, rest = credentials.authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip(" ")
        case "basic":
            return _user_name(rest.strip(" "))
        case _:
            return ""


def storable(token: str) -> bool:
    """True for what may stand in the column of static tokens; anything else is nobody's."""
    return (
        0 < len(token) <= LONGEST_STATIC_TOKEN
        and "\0" not in token
        and not any("\ud800" <= letter <= "\udfff" for letter in token)
    )


def _parameter(query: str) -> str:
    # Most queries hold no token and need not be taken apart.
    if ACCESS_TOKEN not in query:
        return ""
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == ACCESS_TOKEN:
            return value
    return ""


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="replace") if "%" in text or "+" in text else text


def _user_name(encoded: str) -> str:
    """The user name of Basic credentials without a password of their own."""
    try:
        pair = b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    name, _, password = pair.partition(":")
    return name if password in ("", name) else ""
