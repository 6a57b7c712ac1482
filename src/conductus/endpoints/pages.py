"""Pages with scripts, and the files that they need: how they are answered."""

from __future__ import annotations

from typing import Final

from conductus.errors import RouteNotFound
from conductus.http.call import Call
from conductus.http.reply import Headers, Reply
from conductus.openapi.assets import Page

_LONG: Final = (b"cache-control", b"public, max-age=31536000, immutable")


def page_reply(page: Page, policy: str) -> Reply:
    """The page, with what it may load."""
    return Reply(
        page.html,
        200,
        (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", policy.encode()),
            (b"x-frame-options", b"DENY"),
        ),
    )


def file_reply(page: Page, call: Call, section: str) -> Reply:
    """A file that the page needs. Raises `RouteNotFound` for any other."""
    name = call.text("file")
    asset = page.assets.get(name)
    if asset is None:
        raise RouteNotFound(f"{section}/{name}")
    etag = asset.etag.encode()
    headers: Headers = ((b"etag", etag), _LONG)
    if _holds(call.request.headers.get(b"if-none-match", b""), etag):
        return Reply(b"", 304, headers)
    return Reply(asset.content, 200, ((b"content-type", asset.content_type.encode()), *headers))


def _holds(condition: bytes, etag: bytes) -> bool:
    given = (each.strip().removeprefix(b"W/") for each in condition.split(b","))
    return condition.strip() == b"*" or etag in given
