"""The computed field `data` of a file: where its content and its thumbnails are.

Source: files page §1.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from conductus.files.variants import Listed, is_drawable, lists
from conductus.items.computing import Computing
from conductus.projects.project import Project
from conductus.projects.settings import Settings
from conductus.projects.snapshot import Snapshot

FILES: Final = "directus_files"
DATA: Final = "data"
_PLAYERS: Final[Mapping[str, tuple[str, str]]] = {
    "embed/youtube": ("https://www.youtube.com/embed/{}", "https://www.youtube.com/watch?v={}"),
    "embed/vimeo": ("https://player.vimeo.com/video/{}", "https://vimeo.com/{}"),
}


class Addresses(Struct, frozen=True):
    """How the addresses of a project's files are made, as its settings are now."""

    project: str
    base_url: str
    root_url: str
    """Without a slash at its end."""
    by_name: bool
    """Assets are called by `filename_download` and not by their hash."""
    thumbnails: tuple[Listed, ...]

    def data(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The field of one row, of which some columns may be missing."""
        url = f"{self.root_url}/{quote(row.get('filename_disk') or '')}"
        return {
            "full_url": self._whole(url),
            "url": url,
            "asset_url": self._asset(row),
            "thumbnails": self._thumbnails(row),
            "embed": _embed(row),
        }

    def _asset(self, row: Mapping[str, Any]) -> str:
        name = row.get("filename_download") if self.by_name else row.get("private_hash")
        return f"/{self.project}/assets/{quote(name or '', safe='')}"

    def _thumbnails(self, row: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        if not is_drawable(row.get("type")):
            return None
        asset = self._asset(row)
        return [self._thumbnail(asset, size) for size in self.thumbnails]

    def _thumbnail(self, asset: str, size: Listed) -> dict[str, Any]:
        address = f"{asset}?key={quote(size.key, safe='')}"
        return {
            "key": size.key,
            "url": self._whole(address),
            "relative_url": address,
            "dimension": f"{size.width}x{size.height}",
            "width": size.width,
            "height": size.height,
        }

    def _whole(self, url: str) -> str:
        return url if "://" in url else f"{self.base_url}{url}"


class FileFields:
    """The computed fields of every project's files, kept for the latest snapshot of each."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._kept: dict[Project, tuple[Snapshot, Computing]] = {}

    def of(self, project: Project, snapshot: Snapshot) -> Computing:
        """How the fields are computed by the settings of a snapshot."""
        kept = self._kept.get(project)
        if kept is None:
            project.at_end(partial(self._kept.pop, project, None))
        if kept is None or kept[0] is not snapshot:
            addresses = self._addresses(project, snapshot.settings)
            kept = snapshot, {(FILES, DATA): addresses.data}
            self._kept[project] = kept
        return kept[1]

    def _addresses(self, project: Project, settings: Settings) -> Addresses:
        return Addresses(
            project=project.key,
            base_url=self._base_url,
            root_url=root_url(project),
            by_name=settings.asset_url_naming == "filename_download",
            thumbnails=lists(settings.raw).entries,
        )


def root_url(project: Project) -> str:
    """Where clients find what was uploaded, without a slash at its end."""
    stated = project.config.storage.root_url
    return stated.rstrip("/") if stated else f"/uploads/{project.key}/originals"


def _embed(row: Mapping[str, Any]) -> dict[str, str] | None:
    player, page = _PLAYERS.get(row.get("type") or "", ("", ""))
    video = row.get("embed")
    if not player or not video:
        return None
    source = escape(player.format(quote(video, safe="")))
    return {
        "html": f'<iframe width="620" height="349" src="{source}" '
        'frameborder="0" allowfullscreen></iframe>',
        "url": page.format(quote(video, safe="")),
    }
