"""The files of the documentation page: ours, and those of Swagger UI from its package.

A closed list of names; whatever else is asked for does not exist. Nothing here names
another host, and the policy sent with the page would not let it be asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from msgspec import Struct
from openapi_ui_bundles import swagger_ui

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load: its own files, and answers of its own server.

Swagger UI writes `style` attributes; of scripts it needs none but its file.
"""
JAVASCRIPT: Final = "text/javascript; charset=utf-8"
CSS: Final = "text/css; charset=utf-8"


class Asset(Struct, frozen=True):
    """A file as it is served."""

    content: bytes
    content_type: str
    etag: str


class Page(Struct, frozen=True):
    """The page, and the files that it needs by their names."""

    html: bytes
    assets: Mapping[str, Asset]


def load_page() -> Page:
    """Reads the files. Their addresses hold their digests, so that they can be kept for long."""
    ours = files("conductus.openapi").joinpath("page")
    theirs = Path(swagger_ui.static_path)
    assets = {
        "docs.css": asset(ours.joinpath("docs.css"), CSS),
        "docs.js": asset(ours.joinpath("docs.js"), JAVASCRIPT),
        "swagger-ui.css": asset(theirs.joinpath("swagger-ui.css"), CSS),
        "swagger-ui-bundle.js": asset(theirs.joinpath("swagger-ui-bundle.js"), JAVASCRIPT),
    }
    return page(ours.joinpath("index.html"), assets)


def page(file: Traversable, assets: Mapping[str, Asset]) -> Page:
    """A page in which each `{{name}}` is the digest of the file of that name."""
    html = file.read_text(encoding="utf-8")
    for name, each in assets.items():
        html = html.replace(f"{{{{{name}}}}}", each.etag.strip('"'))
    return Page(html.encode(), assets)


def asset(file: Traversable | Path, content_type: str) -> Asset:
    """A file, read."""
    content = file.read_bytes()
    return Asset(content, content_type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
