"""Which other origins may call. Source: authentication page §8.

A wildcard is never combined with credentials: then every origin may read, none signed in.
"""

from __future__ import annotations

from conductus.config import CorsConfig
from conductus.http.reply import Headers

_ALLOWED_HEADERS = ("X-Directus-Project", "Content-Type", "Authorization")


def cors_headers(config: CorsConfig, origin: str | None) -> Headers:
    """What every response, errors included, tells the browser."""
    if not config.enabled:
        return ()
    wildcard = "*" in config.origin
    if origin is not None and origin in config.origin:
        allowed, credentials = origin, config.credentials
    elif wildcard:
        allowed, credentials = ("*" if config.credentials or origin is None else origin), False
    else:
        return ((b"vary", b"Origin"),)
    headers = [(b"access-control-allow-origin", allowed.encode("latin-1")), (b"vary", b"Origin")]
    if credentials:
        headers.append((b"access-control-allow-credentials", b"true"))
    if config.exposed_headers:
        exposed = ", ".join(config.exposed_headers)
        headers.append((b"access-control-expose-headers", exposed.encode()))
    return tuple(headers)


def preflight_headers(config: CorsConfig, origin: str | None) -> Headers:
    """What an OPTIONS request is told besides."""
    allowed = cors_headers(config, origin)
    if not any(name == b"access-control-allow-origin" for name, _ in allowed):
        return ()
    named = ", ".join((*_ALLOWED_HEADERS, *config.headers))
    told = [
        (b"access-control-allow-methods", ", ".join(config.methods).encode()),
        (b"access-control-allow-headers", named.encode()),
    ]
    if config.max_age is not None:
        told.append((b"access-control-max-age", str(config.max_age).encode()))
    return tuple(told)
