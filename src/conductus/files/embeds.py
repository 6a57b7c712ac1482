"""Videos of other sites, known by their addresses alone. Pure. Source: files page §2."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

EMBEDS: Final = "embed/"
"""What the types of embeds begin with."""
_YOUTUBE: Final = frozenset(
    {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com"}
    | {"youtube-nocookie.com", "www.youtube-nocookie.com"}
)
_VIMEO: Final = frozenset({"vimeo.com", "www.vimeo.com", "player.vimeo.com"})
_YOUTUBE_ID: Final = re.compile(r"[A-Za-z0-9_-]{11}")
_VIMEO_ID: Final = re.compile(r"(?:^|/)(\d{1,12})(?:/|$)")


class Embed(Struct, frozen=True):
    """A video of another site."""

    site: str
    """`youtube` or `vimeo`."""
    video: str
    """Its id there."""

    @property
    def type(self) -> str:
        """What the file's type is."""
        return f"{EMBEDS}{self.site}"

    @property
    def title(self) -> str:
        """What it is called until somebody names it."""
        names = {"youtube": "YouTube", "vimeo": "Vimeo"}
        return f"{names[self.site]} Video: {self.video}"

    @property
    def preview(self) -> str | None:
        """Where a picture of it is; None where only the site can tell."""
        if self.site == "youtube":
            return f"https://img.youtube.com/vi/{self.video}/hqdefault.jpg"
        return None


def find_embed(url: str) -> Embed | None:
    """The video that an address shows."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if host in _YOUTUBE or host in ("youtu.be", "www.youtu.be"):
        video = _youtube(host, parts.path, parts.query)
        return Embed("youtube", video) if _YOUTUBE_ID.fullmatch(video) else None
    if host in _VIMEO:
        found = _VIMEO_ID.search(parts.path)
        return Embed("vimeo", found[1]) if found else None
    return None


def _youtube(host: str, path: str, query: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if host.endswith("youtu.be"):
        return segments[0] if segments else ""
    if segments[:1] == ["watch"]:
        return parse_qs(query).get("v", [""])[0]
    if len(segments) == 2 and segments[0] in ("embed", "v", "shorts", "live"):
        return segments[1]
    return ""
