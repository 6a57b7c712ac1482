"""Draws a variant of a picture: decode, turn, fit, encode. Runs in a process of its own.

Whoever uploads a picture chooses every byte of it, so the formats are listed, sizes are
looked at before anything is decoded, and what is written carries nothing over but pixels:
no place, no camera, no colour profile (colours are made sRGB instead).
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, Final, cast

from PIL import Image, ImageCms, ImageOps, ImageSequence, UnidentifiedImageError
from PIL.Image import Resampling

from conductus.files.orders import Order
from conductus.files.variants import Focus

Picture = Image.Image

SOURCES: Final = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF", "BMP", "PSD")
MOST_FRAMES: Final = 500
_WHITE: Final = (255, 255, 255)
_ANIMATED: Final = ("gif", "webp")
_ORIENTATION: Final = 0x0112
_PDF: Final = b"%PDF-"
# Decoded at twice the size that is wanted, a JPEG loses nothing that could be seen.
_GAP: Final = 2.0


class Undrawable(Exception):
    """No picture can be made of this content; the message says why, in a sentence."""


def draw(content: bytes, order: Order) -> bytes:
    """The picture, encoded. Raises `Undrawable`."""
    with _refusing():
        if content.startswith(_PDF):
            return _encoded([_fitted(_page(content, order), order)], order, {})
        with Image.open(BytesIO(content), formats=SOURCES) as source:
            _check_size(source.size, 1, order)
            if order.format in _ANIMATED and getattr(source, "is_animated", False):
                return _encoded(*_frames(source, order))
            return _encoded([_fitted(_still(source, order), order)], order, {})


@contextmanager
def _refusing() -> Iterator[None]:
    """What decoders raise, as a sentence for the client."""
    try:
        with warnings.catch_warnings():
            # Sizes are judged here; of a small fault in a file its picture speaks.
            warnings.simplefilter("ignore")
            yield
    except Image.DecompressionBombError:
        raise Undrawable("The picture is too large") from None
    except MemoryError:
        raise Undrawable("The picture takes too much memory") from None
    except UnidentifiedImageError:
        raise Undrawable("The file is no picture of a known format") from None
    # Decoders raise nearly anything for what is damaged.
    except (OSError, EOFError, SyntaxError, ValueError, RuntimeError, struct.error) as error:
        raise Undrawable("The picture is damaged") from error
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise Undrawable("The picture is damaged") from error


def _check_size(size: tuple[int, int], frames: int, order: Order) -> None:
    width, height = size
    if width * height * frames > order.pixels:
        raise Undrawable(
            f"The picture is too large: {frames} times {width} by {height} pixels"
            if frames > 1
            else f"The picture is too large: {width} by {height} pixels"
        )


# -- decoding -----------------------------------------------------------------------


def _still(source: Picture, order: Order) -> Picture:
    """The first picture of a file, the right way up."""
    turned = source.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    width, height = source.size[::-1] if turned else source.size
    _, (wide, high) = _box(width, height, order)
    # A JPEG can be decoded smaller than it is, at a fraction of the cost.
    box_width, box_height = _cut(width, height, order)
    enough = max(wide / box_width, high / box_height) * _GAP
    source.draft(None, (int(source.size[0] * enough) + 1, int(source.size[1] * enough) + 1))
    source.load()
    return ImageOps.exif_transpose(source)


def _frames(source: Picture, order: Order) -> tuple[list[Picture], Order, dict[str, Any]]:
    """Every frame of an animation, fitted."""
    count = int(getattr(source, "n_frames", 1))
    if count > MOST_FRAMES:
        raise Undrawable(f"The animation has more than {MOST_FRAMES} frames")
    _check_size(source.size, count, order)
    fitted, durations = [], []
    for frame in ImageSequence.Iterator(source):
        fitted.append(_fitted(frame.convert("RGBA"), order))
        durations.append(int(frame.info.get("duration") or 0))
    how: dict[str, Any] = {"duration": durations}
    if "loop" in source.info:
        how["loop"] = source.info["loop"]
    return fitted, order, how


def _page(content: bytes, order: Order) -> Picture:
    """The first page of a PDF, as large as is needed."""
    try:
        import pypdfium2
    except ModuleNotFoundError:
        raise Undrawable("Pictures of PDF files need the extra `pdf`") from None
    try:
        with pypdfium2.PdfDocument(content) as document:
            page = document[0]
            width, height = page.get_size()
            if width < 1 or height < 1:
                raise Undrawable("The page has no size")
            scale = max(order.shape.width / width, order.shape.height / height) * _GAP
            scale = min(scale, (order.pixels / (width * height)) ** 0.5)
            # What is left out is drawn on paper.
            picture: Picture = page.render(scale=scale, fill_color=(*_WHITE, 255)).to_pil()
            return picture.convert("RGB")
    except pypdfium2.PdfiumError as error:
        raise Undrawable("The PDF file is damaged or locked") from error


# -- fitting ------------------------------------------------------------------------


def _fitted(picture: Picture, order: Order) -> Picture:
    """The picture in its new size, in sRGB, with nothing but its pixels."""
    box, size = _box(*picture.size, order)
    profile = picture.info.get("icc_profile")
    picture = _in_full_colours(picture)
    fitted = picture.resize(size, Resampling.LANCZOS, box, reducing_gap=3.0)
    fitted = _in_srgb(fitted, profile)
    fitted.info = {}
    return fitted


def _cut(width: int, height: int, order: Order) -> tuple[float, float]:
    """Width and height of the part of a picture that is shown."""
    if order.shape.fit == "contain":
        return width, height
    ratio = order.shape.width / order.shape.height
    if width / height > ratio:
        return max(1.0, height * ratio), height
    return width, max(1.0, width / ratio)


def _box(
    width: int, height: int, order: Order
) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
    """The part of a picture that is shown, and the size that it is shown in."""
    shape = order.shape
    if shape.fit == "contain":
        scale = min(shape.width / width, shape.height / height, 1)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return (0, 0, width, height), size
    cut_width, cut_height = _cut(width, height, order)
    focus = order.focus or Focus(0.5, 0.5)
    # The point is in the middle as far as the edges let it.
    left = min(max(focus.x * width - cut_width / 2, 0), width - cut_width)
    top = min(max(focus.y * height - cut_height / 2, 0), height - cut_height)
    return (left, top, left + cut_width, top + cut_height), (shape.width, shape.height)


# -- colours ------------------------------------------------------------------------


def _in_full_colours(picture: Picture) -> Picture:
    """The picture in a mode that can be resized without steps in its colours."""
    match picture.mode:
        case "RGB" | "L" if "transparency" not in picture.info:
            return picture
        case "RGBA" | "LA" | "CMYK":
            return picture
        case "1":
            return picture.convert("L")
        case "I;16" | "I;16L" | "I;16B" | "I;16N" | "I" | "F":
            return _in_bytes(picture)
        case "P" | "PA" | "RGB" | "L" | "La" | "RGBa" | "RGBX":
            alpha = picture.has_transparency_data
            return picture.convert("RGBA" if alpha else "RGB")
        case "LAB":
            return _by_profile(picture, ImageCms.createProfile("LAB")) or picture.convert("RGB")
        case _:
            return picture.convert("RGB")


def _in_bytes(picture: Picture) -> Picture:
    """Greys of more than eight bits, cut to eight."""
    wide = picture.convert("F")
    low, high = 0.0, 65535.0
    if picture.mode == "F":
        # Nobody says what is black and what is white.
        (low, high) = cast("tuple[float, float]", wide.getextrema())
    spread = high - low
    if not 0 <= spread < float("inf"):
        raise Undrawable("The picture is damaged")
    scale = 255 / spread if spread else 0.0
    # `point` takes floats by a factor and an addend alone.
    return wide.point(lambda grey: grey * scale + (0.5 - low * scale)).convert("L")


def _in_srgb(picture: Picture, profile: Any) -> Picture:
    """The picture's colours as a screen without any profile shows them."""
    if isinstance(profile, bytes) and picture.mode in ("RGB", "RGBA", "CMYK"):
        with suppress(ImageCms.PyCMSError, OSError):
            theirs = ImageCms.ImageCmsProfile(BytesIO(profile))
            return _by_profile(picture, theirs) or picture.convert("RGB")
    return picture.convert("RGB") if picture.mode == "CMYK" else picture


def _by_profile(picture: Picture, profile: Any) -> Picture | None:
    """The picture in sRGB; nothing where the profile is of other colours: it is but a hint."""
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    colours = picture.convert("RGB") if alpha else picture
    try:
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(colours, profile, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, ValueError):
        return None
    if converted is not None and alpha:
        converted.putalpha(alpha)
    return converted


# -- encoding -----------------------------------------------------------------------


def _encoded(pictures: list[Picture], order: Order, how: dict[str, Any]) -> bytes:
    first, *others = pictures
    if others:
        how = {**how, "save_all": True, "append_images": others}
    written = BytesIO()
    quality = order.shape.quality
    match order.format:
        case "jpg":
            opaque = _on_white(first)
            opaque.save(written, "JPEG", quality=quality, progressive=True, optimize=True)
        case "png":
            first.save(written, "PNG")
        case "gif":
            first.save(written, "GIF", disposal=2 if others else 0, **how)
        case "webp":
            first.save(written, "WEBP", quality=quality, **how)
        case "tif":
            first.save(written, "TIFF", compression="tiff_lzw")
        case "avif":
            first.save(written, "AVIF", quality=quality, max_threads=1)
    return written.getvalue()


def _on_white(picture: Picture) -> Picture:
    """What JPEG can hold: transparent parts show white."""
    if picture.mode not in ("RGBA", "LA"):
        return picture
    paper = Image.new("RGB", picture.size, _WHITE)
    paper.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
    return paper
