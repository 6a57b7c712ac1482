"""What content says of itself: its type, and for pictures and sound what is in it.

Looked at in a thread, from the beginning of the file; no picture is decoded and no other
program called. What cannot be made out is left out: a damaged file is a file as well.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, Final, cast

from msgspec import Struct

UNKNOWN: Final = "application/octet-stream"
SECONDS: Final = 2.0
"""Of the processor, to find out what content says besides its type."""
_HEAD: Final = 64 * 1024
_TEXTS: Final = {"csv": "text/csv", "json": "application/json", "md": "text/markdown"}
_NAMES: Final = {
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/mpo": "image/jpeg",
    "application/x-gzip": "application/gzip",
    "application/x-zip-compressed": "application/zip",
}
_PICTURES: Final = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "ICO", "AVIF", "PSD", "MPO")
# A text may begin with the two or three letters that other content begins with.
_SURE: Final = 0.4
_DAMAGED: Final = (
    *(OSError, ValueError, LookupError, ArithmeticError, SyntaxError, TypeError),
    *(EOFError, AttributeError, AssertionError, RuntimeError, struct.error, zlib.error),
)
"""What libraries raise for content that is not what it seems."""
_ORIENTATION, _GPS = 0x0112, 0x8825
_TURNED: Final = frozenset({5, 6, 7, 8})
_TITLE, _KEYWORDS, _CITY, _REGION, _COUNTRY, _CAPTION = 5, 25, 90, 95, 101, 120


class Facts(Struct, frozen=True, kw_only=True):
    """What was found."""

    type: str = UNKNOWN
    charset: str = "binary"
    width: int | None = None
    height: int | None = None
    duration: int = 0
    """Whole seconds."""
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    location: str | None = None
    metadata: dict[str, Any] | None = None


def inspect(file: BinaryIO, extension: str) -> Facts:
    """Looks at content; `extension` (`.csv`) tells apart what only people can."""
    head = _read(file)
    charset = _charset(head)
    media_type = _type(file, head, charset, extension.removeprefix("."))
    family = media_type.partition("/")[0]
    facts: Facts | None = None
    if family == "image":
        facts = _tried(file, _picture)
    elif family in ("audio", "video") or media_type in ("application/ogg",):
        facts = _tried(file, partial(_recording, media_type))
    return facts or Facts(type=media_type, charset=charset or "binary")


def _tried(file: BinaryIO, look: Callable[[BinaryIO], Facts]) -> Facts | None:
    file.seek(0)
    try:
        return look(cast("BinaryIO", _Patient(file)))
    except _DAMAGED:
        return None


class _Patient:
    """A file that is read for so long: a recording may be nothing but beginnings of pieces."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._until = time.thread_time() + SECONDS

    def read(self, size: int = -1) -> bytes:
        """As of any file. Raises `OSError`."""
        if time.thread_time() > self._until:
            raise OSError("it takes too long to look into the file")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _read(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(_HEAD)


# -- type -----------------------------------------------------------------------------


def _charset(head: bytes) -> str | None:
    """What a text is written in; None for what is no text."""
    if not head or b"\0" in head:
        return None
    if head.isascii():
        return "us-ascii"
    try:
        # The last letter may have been cut.
        (head[:-3] if len(head) == _HEAD else head).decode()
    except UnicodeDecodeError as error:
        return None if len(head) < _HEAD or error.start < _HEAD - 8 else "utf-8"
    return "utf-8"


def _type(file: BinaryIO, head: bytes, charset: str | None, extension: str) -> str:
    if charset is not None:
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
        if start.startswith(b"<"):
            return _markup(start)
        return _magic(file, extension, _SURE) or _TEXTS.get(extension, "text/plain")
    return _magic(file, extension, 0) or UNKNOWN


def _markup(start: bytes) -> str:
    if b"<svg" in start[:4096]:
        return "image/svg+xml"
    return "application/xml" if start.startswith(b"<?xml") else "text/html"


def _magic(file: BinaryIO, extension: str, least: float) -> str | None:
    """The type by the numbers that content begins with."""
    import puremagic

    file.seek(0)
    try:
        found = puremagic.magic_stream(file)
    except (puremagic.PureError, *_DAMAGED):
        return None
    known = [each for each in found if each.mime_type and each.confidence >= least]
    if not known:
        return None
    # Many kinds of documents are archives, and begin alike.
    same = [each for each in known if each.extension.lower() == f".{extension}"]
    file.seek(0)
    if not same and file.read(4) == b"PK\x03\x04":
        return "application/zip"
    media_type = str((same or known)[0].mime_type)
    return _NAMES.get(media_type, media_type)


# -- pictures ---------------------------------------------------------------------------


def _picture(file: BinaryIO) -> Facts:
    from PIL import Image

    try:
        opened = Image.open(file, formats=_PICTURES)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError("too many pixels") from error
    with opened as image:
        media_type = Image.MIME.get(image.format or "", UNKNOWN)
        exif = _exif(image)
        width, height = image.size
        if exif.get(_ORIENTATION) in _TURNED:
            width, height = height, width
        iptc = _iptc(image)
        gps = _gps(exif.get_ifd(_GPS))
        return Facts(
            type=_NAMES.get(media_type, media_type),
            width=width,
            height=height,
            title=_text(iptc.get((2, _TITLE))),
            description=_text(iptc.get((2, _CAPTION))),
            tags=_words(iptc.get((2, _KEYWORDS))),
            location=_place(iptc),
            metadata={"gps": gps} if gps else None,
        )


def _exif(image: Any) -> Any:
    """The EXIF block, as far as it is read without decoding the picture."""
    from PIL import Image

    if image.format == "TIFF":
        return image.getexif()
    exif = Image.Exif()
    raw = image.info.get("exif")
    if isinstance(raw, bytes):
        try:
            exif.load(raw)
        except _DAMAGED:
            return Image.Exif()
    return exif


def _iptc(image: Any) -> dict[Any, Any]:
    from PIL import IptcImagePlugin

    try:
        return dict(IptcImagePlugin.getiptcinfo(image) or {})
    except _DAMAGED:
        return {}


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, bytes):
        return None
    try:
        found = value.decode()
    except UnicodeDecodeError:
        found = value.decode("latin-1")
    return found.replace("\0", "").strip() or None


def _words(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    words = (_text(each) for each in listed)
    # A comma parts the words where they are kept.
    return tuple(dict.fromkeys(word.replace(",", " ") for word in words if word))


def _place(iptc: dict[Any, Any]) -> str | None:
    parts = (_text(iptc.get((2, number))) for number in (_CITY, _REGION, _COUNTRY))
    return ", ".join(part for part in parts if part) or None


def _gps(block: dict[int, Any]) -> dict[str, float] | None:
    """Degrees, north and east of zero; metres above the sea."""
    try:
        found = {
            "latitude": _degrees(block[2], negative=block.get(1) == "S"),
            "longitude": _degrees(block[4], negative=block.get(3) == "W"),
        }
        if 6 in block:
            below = block.get(5) in (1, b"\x01")
            found["altitude"] = round(float(block[6]) * (-1 if below else 1), 2)
    except _DAMAGED:
        return None
    within = abs(found["latitude"]) <= 90 and abs(found["longitude"]) <= 180
    return found if within else None


def _degrees(parts: Any, *, negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    found = degrees + minutes / 60 + seconds / 3600
    return round(-found if negative else found, 6)


# -- sound and film -----------------------------------------------------------------------


def _recording(media_type: str, file: BinaryIO) -> Facts:
    if media_type.startswith("video/"):
        found = _film(file, media_type)
        if found is not None:
            return found
        file.seek(0)
    from tinytag import TinyTag, TinyTagException

    try:
        tag = TinyTag.get(file_obj=file)
    except TinyTagException as error:
        raise ValueError("no sound that is known") from error
    return Facts(
        type=media_type,
        duration=round(tag.duration or 0),
        title=tag.title or None if media_type.startswith("audio/") else None,
    )


def _film(file: BinaryIO, media_type: str) -> Facts | None:
    """What MediaInfo tells, where it is installed."""
    try:
        from pymediainfo import MediaInfo
    except ImportError:
        return None
    found = MediaInfo.parse(file)
    if isinstance(found, str):
        return None
    film = next(iter(found.video_tracks), None)
    whole = next(iter(found.general_tracks), None)
    milliseconds = getattr(film, "duration", None) or getattr(whole, "duration", None) or 0
    return Facts(
        type=media_type,
        width=getattr(film, "width", None),
        height=getattr(film, "height", None),
        duration=round(float(milliseconds) / 1000),
    )
