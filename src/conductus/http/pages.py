"""Pages of our own for people: made here, with a policy that lets nothing else in.

They hold no script, load nothing, and may be shown in no frame.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from minijinja import Environment

from conductus.http.reply import Headers, Reply

_FUEL: Final = 10_000


def page(name: str, data: Mapping[str, Any], status: int = 200) -> Reply:
    """The page of that name."""
    style = _read("page.css")
    html = rendered(f"{name}.html", {"style": style, **data})
    return Reply(html.encode(), status, _headers(style))


def rendered(name: str, data: Mapping[str, Any]) -> str:
    """The template of that name, with the data in it."""
    return _environment().render_template(name, **data)


def template(name: str) -> Traversable:
    """A file beside the templates, or one of them."""
    return files("conductus.http").joinpath("templates", name)


def wants_page(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the one who asks is a browser that shows what it gets."""
    return b"text/html" in headers.get(b"accept", b"").lower()


@cache
def _headers(style: str) -> Headers:
    fingerprint = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{fingerprint}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-frame-options", b"DENY"),
        # With none at all, a browser would not say that the form comes from this page.
        (b"referrer-policy", b"same-origin"),
    )


@cache
def _environment() -> Environment:
    return Environment(loader=_read, debug=False, fuel=_FUEL, auto_escape_callback=lambda _: True)


@cache
def _read(name: str) -> str:
    return template(name).read_text(encoding="utf-8")
