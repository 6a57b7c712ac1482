"""Pages with scripts, on which somebody signs in and tries a project: frame and files.

The files of a page are a closed list of names; whatever else is asked for does not exist.
Nothing here names another host, and the policy sent with a page would not let it be asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from msgspec import Struct

from conductus.errors import RouteNotFound
from conductus.http.call import Call
from conductus.http.pages import rendered, template
from conductus.http.reply import Headers, Reply

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a page may load: its own files, and answers of its own server.

Swagger UI and GraphiQL write `style` attributes; of scripts they need none but their files.
"""
_LONG: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_TYPES: Final = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_WORKER: Final = ".worker.js"
_FRAME: Final = "scripted.css"


class Asset(Struct, frozen=True):
    """A file as it is served."""

    content: bytes
    content_type: str
    digest: str


class Page(Struct, frozen=True):
    """The page, and the files that it needs by their names."""

    section: str
    """Below which path the files are served."""
    html: bytes
    policy: str
    assets: Mapping[str, Asset]


def read_page(
    title: str,
    section: str,
    files: Mapping[str, Traversable | Path],
    *,
    without_scripts: str,
    more_policy: str = "",
) -> Page:
    """A page made of files, which are read; they are served below `section`.

    Styles and scripts are loaded in their order, the styles of the frame last. Workers
    (`NAME.worker.js`) are not: the page says their addresses as `data-NAME` of its main part.
    """
    given = {**files, _FRAME: template(_FRAME)}
    assets = {name: _asset(name, file.read_bytes()) for name, file in given.items()}
    # An address holds the digest of its file, so that it can be kept for long.
    found = {name: f"{section}/{name}?{each.digest}" for name, each in assets.items()}
    workers = {name: found.pop(name) for name in assets if name.endswith(_WORKER)}
    html = rendered(
        "scripted.html",
        {
            "title": title,
            "without_scripts": without_scripts,
            "styles": [found[name] for name in found if name.endswith(".css")],
            "scripts": [found[name] for name in found if name.endswith(".js")],
            "workers": [(name.removesuffix(_WORKER), at) for name, at in workers.items()],
        },
    )
    return Page(section, html.encode(), _POLICY + more_policy, assets)


def _asset(name: str, content: bytes) -> Asset:
    digest = hashlib.sha256(content).hexdigest()[:20]
    return Asset(content, _TYPES[name.rpartition(".")[2]], digest)


def page_reply(page: Page) -> Reply:
    """The page, with what it may load."""
    return Reply(
        page.html,
        200,
        (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", page.policy.encode()),
            (b"x-frame-options", b"DENY"),
        ),
    )


def file_reply(page: Page, call: Call) -> Reply:
    """A file that the page needs. Raises `RouteNotFound` for any other."""
    name = call.text("file")
    asset = page.assets.get(name)
    if asset is None:
        raise RouteNotFound(f"{page.section}/{name}")
    etag = f'"{asset.digest}"'.encode()
    headers: Headers = ((b"etag", etag), _LONG)
    if _holds(call.request.headers.get(b"if-none-match", b""), etag):
        return Reply(b"", 304, headers)
    return Reply(asset.content, 200, ((b"content-type", asset.content_type.encode()), *headers))


def _holds(condition: bytes, etag: bytes) -> bool:
    given = (each.strip().removeprefix(b"W/") for each in condition.split(b","))
    return condition.strip() == b"*" or etag in given
