"""The cookie that holds a session. Pure. Source: authentication page §6.2."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from http.cookies import Morsel
from typing import Final

from starlette.requests import cookie_parser

from conductus.config import CookieConfig

PAST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def cookie_name(project: str) -> str:
    """The name of a project's cookie."""
    return f"directus-{project}-session"


def cookie_of(header: bytes, name: str) -> str:
    """The value that a `Cookie` header has for a name; empty for none."""
    # Most headers have no such cookie and need not be taken apart.
    if name.encode() not in header:
        return ""
    return cookie_parser(header.decode("latin-1")).get(name, "")


def set_cookie(
    name: str, value: str, expires: datetime, config: CookieConfig, *, secure: bool
) -> str:
    """What `Set-Cookie` says. `secure`: the request came over HTTPS."""
    morsel: Morsel[str] = Morsel()
    morsel.set(name, value, value)
    morsel["path"] = "/"
    morsel["httponly"] = True
    morsel["samesite"] = config.same_site
    morsel["expires"] = format_datetime(expires, usegmt=True)
    stated = secure if config.secure is None else config.secure
    # Browsers take no cookie that goes everywhere in the clear.
    morsel["secure"] = stated or config.same_site == "None"
    return morsel.OutputString()


def clear_cookie(name: str, config: CookieConfig, *, secure: bool) -> str:
    """What `Set-Cookie` says to take the cookie away."""
    return set_cookie(name, "", PAST, config, secure=secure)
