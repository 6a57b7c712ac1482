"""Whether a page may make a browser use its cookie. Pure.

A browser sends cookies along with whatever any page asks it to; what it says of the page
is the only thing that tells ours from others. Source: authentication page §6.2, CSRF.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from conductus.config import CorsConfig

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "SEARCH"})
_HERE: Final = ("127.0.0.1", "::1")
_FORWARDED: Final = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip")
_PORTS: Final = {"http": 80, "https": 443}


def may_use_cookies(
    origin: str | None, referer: str | None, host: str, config: CorsConfig, *, secure: bool
) -> bool:
    """Whether the page is of this server, or of an origin that `cors.origin` names.

    `*` names none. Who states neither origin nor referrer is no page, and refused too:
    browsers state one. `secure`: the request came over HTTPS.
    """
    stated = origin if origin is not None else _origin_of(referer or "")
    if not stated:
        return False
    if config.enabled and stated in config.origin and stated != "*":
        return True
    return _same(stated, host, secure=secure)


def is_from_here(ip: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request comes from this machine, and nobody else sent it on.

    A proxy on the same machine would make everybody's requests come from there, and so
    would a page of another origin that a browser here has open.
    """
    if ip not in _HERE or any(name in headers for name in _FORWARDED):
        return False
    host = headers.get(b"host", b"").decode("latin-1")
    origin = headers.get(b"origin")
    try:
        named = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if named not in (*_HERE, "localhost"):
        return False
    return origin is None or _same(origin.decode("latin-1"), host, secure=False)


def _origin_of(referer: str) -> str:
    try:
        parts = urlsplit(referer)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _same(origin: str, host: str, *, secure: bool) -> bool:
    """Whether the origin is the host's own. Behind a proxy only that knows of HTTPS."""
    if "@" in origin or "\\" in origin:
        # No browser says so of a page, and readers differ on what it means.
        return False
    try:
        page = urlsplit(origin)
        default = _PORTS[page.scheme]
        here = urlsplit(f"//{host}")
        same = page.hostname is not None and (page.hostname, page.port or default) == (
            here.hostname,
            here.port or default,
        )
    except (KeyError, ValueError):
        return False
    return same and (page.scheme == "https" or not secure)
