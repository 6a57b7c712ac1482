"""Pictures that tests are made of: four quarters whose colours tell them apart."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any, Final

from PIL import Image

Colour = tuple[int, int, int]
RED: Final = (220, 30, 30)
GREEN: Final = (30, 200, 40)
BLUE: Final = (40, 50, 210)
YELLOW: Final = (230, 220, 40)


def quarters(width: int = 400, height: int = 300) -> Image.Image:
    """Red and green above, blue and yellow below."""
    picture = Image.new("RGB", (width, height))
    for colour, left, top in (
        (RED, 0, 0),
        (GREEN, width // 2, 0),
        (BLUE, 0, height // 2),
        (YELLOW, width // 2, height // 2),
    ):
        picture.paste(colour, (left, top, left + width - width // 2, top + height - height // 2))
    return picture


def encoded(picture: Image.Image, kind: str, **how: Any) -> bytes:
    """A picture as a file; `kind` is Pillow's name."""
    written = BytesIO()
    picture.save(written, kind, **how)
    return written.getvalue()


def opened(content: bytes) -> Image.Image:
    """A file as a picture."""
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


def corners(picture: Image.Image) -> list[Colour]:
    """The colours in the middle of each quarter, by rows."""
    plain = picture.convert("RGB")
    width, height = plain.size
    places = [(width // 4, height // 4), (width * 3 // 4, height // 4)]
    places += [(width // 4, height * 3 // 4), (width * 3 // 4, height * 3 // 4)]
    found: list[Any] = [plain.getpixel(place) for place in places]
    return [(r, g, b) for r, g, b in found]


def near(one: Colour, other: Colour, most: int = 12) -> bool:
    """Whether two colours look the same."""
    return all(abs(a - b) <= most for a, b in zip(one, other, strict=True))


def png_of_size(width: int, height: int) -> bytes:
    """The beginning of a PNG that says it is so large; a few hundred bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"".join(
        (b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    )


def psd(picture: Image.Image) -> bytes:
    """A picture as a Photoshop document without layers."""
    width, height = picture.size
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, height, width, 8, 3)
    planes = b"".join(band.tobytes() for band in picture.convert("RGB").split())
    return head + struct.pack(">IIIH", 0, 0, 0, 0) + planes
