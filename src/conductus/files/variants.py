"""Which variants of a picture may be asked for, and where they are kept. Pure.

Source: files page §3. Two lists name the variants that clients use: the system's and the
project's. Where the project's is empty, any variant within the limits may be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Literal, get_args

import msgspec
from msgspec import Struct

from conductus.errors import Unprocessable

Fit = Literal["crop", "contain"]
Format = Literal["jpg", "png", "gif", "webp", "tif", "avif"]

SYSTEM_LIST: Final = "asset_whitelist_system"
PROJECT_LIST: Final = "asset_whitelist"
MIME: Final[Mapping[Format, str]] = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "tif": "image/tiff",
    "avif": "image/avif",
}
_MADE_OF: Final[Mapping[str, Format]] = {
    **{mime: format for format, mime in MIME.items()},
    "image/jpg": "jpg",
    "image/bmp": "jpg",
    "image/x-ms-bmp": "jpg",
    "image/vnd.adobe.photoshop": "jpg",
    "image/x-photoshop": "jpg",
    "application/pdf": "jpg",
}
"""Type of a file → the format of its variants when none is asked for."""
_FREE: Final = ("w", "h", "f", "q")


class Shape(Struct, frozen=True):
    """How large, how fitted, how good."""

    width: int
    height: int
    fit: Fit
    quality: int = 80


class Listed(Shape, frozen=True, kw_only=True):
    """An entry of a list."""

    key: str

    @property
    def shape(self) -> Shape:
        """What the key stands for."""
        return Shape(self.width, self.height, self.fit, self.quality)


class Focus(Struct, frozen=True):
    """The point of a picture that cropping keeps: shares of its width and height."""

    x: float
    y: float


class Lists(Struct, frozen=True, kw_only=True):
    """What a project lets clients ask for."""

    entries: tuple[Listed, ...]
    """The system's and the project's, in that order."""
    free: bool
    """True where the project's list is empty: other variants may be asked for too."""


class Variant(Struct, frozen=True, kw_only=True, dict=True):
    """One picture that can be made of a file."""

    shape: Shape
    format: Format
    """What it is written as."""
    usual: Format
    """What it would be written as if no format were asked for."""
    focus: Focus | None = None
    listed: bool
    """It stands in a list."""

    @cached_property
    def name(self) -> str:
        """The name of the folder that such variants are kept in: `w64,h64,fcrop,q80`."""
        shape = self.shape
        parts = [f"w{shape.width}", f"h{shape.height}", f"f{shape.fit}", f"q{shape.quality}"]
        if self.focus is not None and shape.fit == "crop":
            parts.append(f"x{round(self.focus.x * 1000)}y{round(self.focus.y * 1000)}")
        if self.format != self.usual:
            parts.append(self.format)
        return ",".join(parts)

    @property
    def type(self) -> str:
        """Its MIME type."""
        return MIME[self.format]


class VariantLimits(Struct, frozen=True):
    """What may be asked for at most."""

    side: int
    """Pixels of width and height."""


_SYSTEM: Final = tuple(
    Listed(width, height, fit, key=f"directus-{name}-{fit}")
    for name, width, height in (("small", 64, 64), ("medium", 300, 300), ("large", 800, 600))
    for fit in get_args(Fit)
)


def lists(raw: Mapping[str, str | None]) -> Lists:
    """The lists as the rows of the settings state them.

    What is no entry is passed over; a list that is no list lets nothing through.
    """
    system, project = raw.get(SYSTEM_LIST), raw.get(PROJECT_LIST)
    stated = _decoded(project)
    return Lists(
        entries=(*(_entries(_decoded(system)) if system else _SYSTEM), *_entries(stated)),
        free=stated in (None, []),
    )


def is_drawable(type: str | None) -> bool:
    """Whether pictures can be made of a file of this type."""
    return _usual(type) is not None


def focus(metadata: str | None) -> Focus | None:
    """The focal point in a file's metadata: `{"focal": {"x": 0.5, "y": 0.25}}`."""
    if not metadata:
        return None
    try:
        found = msgspec.json.decode(metadata, type=_Metadata).focal
    except (msgspec.MsgspecError, RecursionError):
        return None
    return found if found and 0 <= found.x <= 1 and 0 <= found.y <= 1 else None


def find_variant(
    params: Mapping[str, Any],
    lists: Lists,
    limits: VariantLimits,
    type: str | None,
    metadata: str | None,
) -> Variant | None:
    """The variant that a query string asks for of a file; None for the file itself.

    Raises `Unprocessable` for what may not be asked for, or not of such a file.
    """
    asked = [name for name in ("key", "format", *_FREE) if params.get(name) not in (None, "")]
    if not asked:
        return None
    shape = _named(params["key"], lists) if "key" in asked else _free(params)
    if max(shape.width, shape.height) > limits.side:
        raise Unprocessable(
            f"A picture has at most {limits.side} pixels in width and in height",
            details={"limit": limits.side},
        )
    listed = any(entry.shape == shape for entry in lists.entries)
    if not (listed or lists.free):
        raise Unprocessable("This combination of w, h, f and q is not among the allowed ones")
    usual = _usual(type)
    if usual is None:
        raise Unprocessable(f"No pictures can be made of a file of the type {type or 'unknown'!r}")
    return Variant(
        shape=shape,
        format=_format(params, usual),
        usual=usual,
        focus=focus(metadata),
        listed=listed,
    )


class _Metadata(Struct):
    focal: Focus | None = None


def _usual(type: str | None) -> Format | None:
    plain = (type or "").partition(";")[0].strip().lower()
    # What is kept of an embedded video is a still of it.
    return "jpg" if plain.startswith("embed/") else _MADE_OF.get(plain)


def _decoded(text: str | None) -> Any:
    """What a setting holds; None where there is nothing, False for what is no JSON."""
    if not text or not text.strip():
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return False


def _entries(stated: Any) -> tuple[Listed, ...]:
    if not isinstance(stated, list):
        return ()
    found = (_entry(each) for each in stated)
    return tuple(entry for entry in found if entry is not None)


def _entry(stated: Any) -> Listed | None:
    try:
        # Forms leave numbers as texts.
        entry = msgspec.convert(stated, Listed, strict=False)
    except msgspec.ValidationError:
        return None
    fine = entry.key and entry.width > 0 and entry.height > 0 and 1 <= entry.quality <= 100
    return entry if fine else None


def _named(key: Any, lists: Lists) -> Shape:
    for entry in lists.entries:
        if entry.key == key:
            return entry.shape
    raise Unprocessable(f"There is no variant {key!r}")


def _free(params: Mapping[str, Any]) -> Shape:
    missing = [name for name in _FREE if params.get(name) in (None, "")]
    if missing:
        raise Unprocessable(f"A `key` is needed, or all of w, h, f and q: {missing[0]} is missing")
    fit = params["f"]
    if fit not in get_args(Fit):
        raise Unprocessable(f"f must be one of {', '.join(get_args(Fit))}")
    quality = _number(params, "q")
    if quality > 100:
        raise Unprocessable("q must be between 1 and 100")
    return Shape(_number(params, "w"), _number(params, "h"), fit, quality)


def _number(params: Mapping[str, Any], name: str) -> int:
    text = params[name]
    # `int` also takes underscores and foreign digits, and has no bound.
    plain = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10
    if not plain or int(text) < 1:
        raise Unprocessable(f"{name} must be a whole number above zero")
    return int(text)


def _format(params: Mapping[str, Any], usual: Format) -> Format:
    stated = params.get("format") or usual
    for format in get_args(Format):
        if stated == format:
            found: Format = format
            return found
    raise Unprocessable(f"format must be one of {', '.join(get_args(Format))}")
