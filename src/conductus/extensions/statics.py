"""Extensions of the browser app: folders with a `meta.json`, and the files in them.

Of the data folder's `extensions/` only `interfaces/`, `layouts/` and `modules/` are served,
to whoever asks, as scripts of pages are: plugins lie beside them and are not.
Source: extensions page §1.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from conductus.errors import RouteNotFound

KINDS: Final = ("interfaces", "layouts", "modules")
FOLDER: Final = "extensions"
PLACE: Final = "custom"
"""`/extensions/custom/…` is where the files are."""
_META: Final = "meta.json"
_LARGEST_META: Final = 1024 * 1024
_LARGEST_FILE: Final = 64 * 1024 * 1024


class StaticFile(Struct, frozen=True):
    """A file of an extension."""

    content: bytes
    type: str


class Statics:
    """The extensions of one data folder."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    def listed(self, kind: str) -> list[dict[str, Any]]:
        """The extensions of a kind, by name; a folder whose `meta.json` is none is left out."""
        folder = self._folder / kind
        if not folder.is_dir():
            return []
        found = []
        for place in sorted(folder.iterdir()):
            meta = _meta(place / _META)
            if meta is None or place.name.startswith("."):
                continue
            path = f"/{FOLDER}/{PLACE}/{kind}/{place.name}"
            found.append({**meta, "id": place.name, "path": path})
        return found

    def file(self, parts: list[str]) -> StaticFile:
        """A file by the segments below `/extensions/custom/`. Raises `RouteNotFound`."""
        path = "/".join(parts)
        if len(parts) < 2 or parts[0] not in KINDS or not all(map(_is_plain, parts)):
            raise RouteNotFound(path)
        folder = (self._folder / parts[0]).resolve()
        # Links may lead anywhere: what counts is where they end.
        try:
            place = folder.joinpath(*parts[1:]).resolve()
            fits = place.is_relative_to(folder) and place.is_file()
            if not fits or place.stat().st_size > _LARGEST_FILE:
                raise RouteNotFound(path)
            content = place.read_bytes()
        except OSError as error:
            raise RouteNotFound(path) from error
        guessed, encoding = mimetypes.guess_type(place.name)
        kind = guessed if guessed and not encoding else "application/octet-stream"
        text = kind.startswith("text/") or kind in ("application/json", "application/javascript")
        return StaticFile(content, f"{kind}; charset=utf-8" if text else kind)


def _is_plain(part: str) -> bool:
    return bool(part) and not part.startswith(".") and not any(c in part for c in "/\\\0")


def _meta(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _LARGEST_META:
            return None
        found = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
