"""Every kind of source as every kind of variant, by the pixels that come out."""

from __future__ import annotations

import random
from io import BytesIO
from typing import Any, get_args

import pytest
from PIL import Image, ImageCms

from conductus.files.drawing import MOST_FRAMES, Undrawable, draw
from conductus.files.orders import Order
from conductus.files.variants import Fit, Focus, Format, Shape
from tests.files.pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    corners,
    encoded,
    near,
    opened,
    png_of_size,
    psd,
    quarters,
)

QUARTERS = [RED, GREEN, BLUE, YELLOW]
WRITTEN = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "tif": "TIFF", "avif": "AVIF"}
MANY = 64_000_000


def order(
    width: int = 100,
    height: int = 80,
    fit: Fit = "crop",
    format: Format = "png",
    quality: int = 90,
    focus: Focus | None = None,
    pixels: int = MANY,
) -> Order:
    return Order(
        shape=Shape(width, height, fit, quality), format=format, focus=focus, pixels=pixels
    )


def drawn(content: bytes, **wanted: Any) -> Image.Image:
    return opened(draw(content, order(**wanted)))


def in_lab(picture: Image.Image) -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    found = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    assert found is not None
    return found


def coloured() -> dict[str, bytes]:
    """The quarters in every form that keeps their colours."""
    picture = quarters()
    return {
        "jpeg": encoded(picture, "JPEG", quality=95),
        "progressive": encoded(picture, "JPEG", quality=95, progressive=True),
        "cmyk": encoded(picture.convert("CMYK"), "JPEG", quality=95),
        "two pictures": encoded(picture, "MPO", save_all=True, append_images=[picture]),
        "png": encoded(picture, "PNG"),
        "png with alpha": encoded(picture.convert("RGBA"), "PNG"),
        "palette": encoded(picture.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
        "gif": encoded(picture, "GIF"),
        "webp": encoded(picture, "WEBP", quality=95),
        "tiff": encoded(picture, "TIFF", compression="tiff_deflate"),
        "lab": encoded(in_lab(picture), "TIFF"),
        "avif": encoded(picture, "AVIF", quality=95),
        "bmp": encoded(picture, "BMP"),
        "psd": psd(picture),
        "pdf": encoded(picture, "PDF"),
    }


COLOURED = coloured()


@pytest.mark.parametrize("format", get_args(Format))
@pytest.mark.parametrize("source", COLOURED)
def test_every_source_in_every_format(source: str, format: Format) -> None:
    picture = drawn(COLOURED[source], format=format)
    assert (picture.format, picture.size) == (WRITTEN[format], (100, 80))
    found = corners(picture)
    assert all(near(one, other, 30) for one, other in zip(found, QUARTERS, strict=True)), found


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I", "F"])
def test_greys_stay_grey(mode: str) -> None:
    ramp = Image.linear_gradient("L")
    match mode:
        case "I;16" | "I":
            picture = ramp.convert("I").point(lambda grey: grey * 257).convert(mode)
        case _:
            picture = ramp.convert(mode)
    content = encoded(picture, "TIFF" if mode in ("I", "F") else "PNG")
    shown = drawn(content, width=8, height=8, format="png").convert("L")
    column: list[Any] = [shown.getpixel((4, row)) for row in range(8)]
    expected = [16 + 32 * row for row in range(8)]
    assert all(abs(a - b) < 12 for a, b in zip(column, expected, strict=True)), column


# -- size ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "wanted", "size"),
    [
        ((400, 300), (100, 100, "contain"), (100, 75)),
        ((300, 400), (100, 100, "contain"), (75, 100)),
        ((400, 300), (400, 10, "contain"), (13, 10)),
        ((40, 30), (100, 100, "contain"), (40, 30)),
        ((1, 900), (64, 64, "contain"), (1, 64)),
        ((400, 300), (100, 100, "crop"), (100, 100)),
        ((40, 30), (100, 100, "crop"), (100, 100)),
        ((1, 900), (64, 64, "crop"), (64, 64)),
        ((900, 1), (64, 32, "crop"), (64, 32)),
        ((1, 1), (1, 1, "crop"), (1, 1)),
        ((4001, 3001), (64, 48, "crop"), (64, 48)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_sizes(
    source: tuple[int, int], wanted: tuple[int, int, Fit], size: tuple[int, int], kind: str
) -> None:
    width, height, fit = wanted
    content = encoded(Image.new("RGB", source, RED), kind)
    assert drawn(content, width=width, height=height, fit=fit).size == size


def stripes() -> bytes:
    """Red, green and blue side by side."""
    picture = Image.new("RGB", (300, 100), GREEN)
    picture.paste(RED, (0, 0, 100, 100))
    picture.paste(BLUE, (200, 0, 300, 100))
    return encoded(picture, "PNG")


@pytest.mark.parametrize(
    ("focus", "seen"),
    [
        (None, GREEN),
        (Focus(0.5, 0.5), GREEN),
        (Focus(0, 0), RED),
        (Focus(0.1, 0.9), RED),
        (Focus(1, 1), BLUE),
    ],
)
def test_cropping_keeps_the_middle_or_the_focal_point(
    focus: Focus | None, seen: tuple[int, int, int]
) -> None:
    picture = drawn(stripes(), width=50, height=50, focus=focus)
    assert all(near(colour, seen) for colour in corners(picture))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_the_right_way_up(orientation: int, kind: str) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    picture = quarters(800, 600)
    if orientation in undo:
        picture = picture.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture, kind, exif=exif)
    shown = drawn(content, width=80, height=80, fit="contain")
    assert shown.size == (80, 60)
    assert all(near(a, b, 30) for a, b in zip(corners(shown), QUARTERS, strict=True))
    focused = drawn(content, width=10, height=30, focus=Focus(0.05, 0.05))
    left = [RED, RED, BLUE, BLUE]
    assert all(near(a, b, 30) for a, b in zip(corners(focused), left, strict=True))


# -- colours ------------------------------------------------------------------------


def test_transparent_parts_are_white_in_jpeg_and_stay_so_elsewhere() -> None:
    clear = Image.new("RGBA", (100, 80), (0, 0, 0, 0))
    clear.paste((*RED, 255), (0, 0, 50, 80))
    for content in (encoded(clear, "PNG"), encoded(clear, "GIF"), encoded(clear, "WEBP")):
        white = drawn(content, format="jpg")
        assert near(corners(white)[0], RED, 30)
        assert near(corners(white)[1], (255, 255, 255))
        for format in ("png", "gif", "webp", "tif", "avif"):
            kept = drawn(content, format=format).convert("RGBA")
            found: Any = kept.getpixel((90, 40))
            assert found[3] == 0, format
    grey = Image.new("LA", (100, 80), (0, 0))
    assert near(corners(drawn(encoded(grey, "PNG"), format="jpg"))[0], (255, 255, 255))


def test_no_dark_rim_around_what_is_transparent() -> None:
    clear = Image.new("RGBA", (400, 320), (0, 0, 0, 0))
    clear.paste((255, 255, 255, 255), (0, 0, 201, 320))
    rim: Any = drawn(encoded(clear, "PNG"), format="png").getpixel((50, 40))
    assert 0 < rim[3] < 255
    assert min(rim[:3]) > 240


def adobe_rgb() -> bytes:
    """A profile with a wider green than sRGB has."""
    from struct import pack

    def fixed(number: float) -> bytes:
        return pack(">i", round(number * 65536))

    def xyz(x: float, y: float, z: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(x) + fixed(y) + fixed(z)

    text = b"desc\0\0\0\0" + pack(">I", 5) + b"wide\0" + b"\0" * 78 + b"\0"
    curve = b"curv\0\0\0\0" + pack(">IH", 1, round(2.19921875 * 256)) + b"\0\0"
    tags = [
        (b"desc", text),
        (b"cprt", b"text\0\0\0\0nobody\0\0"),
        (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        (b"rXYZ", xyz(0.60974, 0.31111, 0.01947)),
        (b"gXYZ", xyz(0.20528, 0.62567, 0.06087)),
        (b"bXYZ", xyz(0.14919, 0.06322, 0.74457)),
        *((name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    place = 128 + 4 + 12 * len(tags)
    table, data = pack(">I", len(tags)), b""
    for name, content in tags:
        padded = content + b"\0" * (-len(content) % 4)
        table += name + pack(">II", place + len(data), len(content))
        data += padded
    head = pack(">I4sI4s4s4s", place + len(data), b"\0" * 4, 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + fixed(0.9642) + fixed(1.0) + fixed(0.8249)
    return head.ljust(128, b"\0") + table + data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_colours_of_a_profile_are_made_those_of_a_screen(kind: str) -> None:
    picture = Image.new("RGB", (100, 80), (150, 180, 140))
    content = encoded(picture, kind, icc_profile=adobe_rgb(), quality=100)
    shown = drawn(content)
    # Worked out by hand: linear light of Adobe RGB through XYZ (D65) to sRGB.
    assert near(corners(shown)[0], (137, 181, 139), 5)
    assert "icc_profile" not in shown.info


def test_a_broken_profile_is_passed_over() -> None:
    picture = Image.new("RGB", (100, 80), (100, 180, 90))
    for profile in (b"nonsense", adobe_rgb()[:150]):
        content = encoded(picture, "PNG", icc_profile=profile)
        assert near(corners(drawn(content))[0], (100, 180, 90))


# -- what is left behind ------------------------------------------------------------


@pytest.mark.parametrize("format", get_args(Format))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF"])
def test_nothing_but_pixels_is_kept(kind: str, format: Format) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secret camera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 13.0)
    told: dict[str, Any] = {"exif": exif}
    if kind in ("JPEG", "WEBP", "AVIF"):
        told["xmp"] = b"<x>Secret place</x>"
    if kind in ("JPEG", "GIF"):
        told["comment"] = b"Secret words"
    content = encoded(quarters(), kind, **told)
    # The same size, so that nothing needs to be resized.
    picture = draw(content, order(400, 300, "contain", format))
    assert b"Secret" not in picture
    assert b"GPS" not in picture
    found = opened(picture)
    kept = set(found.getexif()) - set(range(0x0100, 0x011D)) - {0x0128, 0x013D, 0x0152, 0x0153}
    assert kept == set()
    assert not {"xmp", "comment", "exif", "icc_profile"} & set(found.info)


# -- animations ---------------------------------------------------------------------


def animation(frames: int, size: tuple[int, int] = (40, 30), kind: str = "GIF") -> bytes:
    colours = [RED, GREEN, BLUE]
    # No two frames alike, or they would be kept as one.
    made = [Image.new("RGB", size, colours[at % 3]) for at in range(frames)]
    durations = [100 + 10 * at for at in range(frames)]
    return encoded(made[0], kind, save_all=True, append_images=made[1:], duration=durations, loop=0)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
@pytest.mark.parametrize("format", ["gif", "webp"])
def test_animations_go_on_moving(kind: str, format: Format) -> None:
    picture = Image.open(BytesIO(draw(animation(3, kind=kind), order(20, 20, format=format))))
    assert (getattr(picture, "n_frames", 1), picture.size) == (3, (20, 20))
    assert picture.info["loop"] == 0
    for at, colour in enumerate([RED, GREEN, BLUE]):
        picture.seek(at)
        assert near(corners(picture)[0], colour, 20)
        assert picture.info["duration"] == 100 + 10 * at


@pytest.mark.parametrize("format", ["jpg", "png", "tif", "avif"])
def test_where_nothing_moves_the_first_frame_stands(format: Format) -> None:
    picture = drawn(animation(3), format=format)
    assert getattr(picture, "n_frames", 1) == 1
    assert near(corners(picture)[0], RED, 20)


def test_an_animation_has_an_end() -> None:
    content = animation(MOST_FRAMES + 1, (2, 2))
    with pytest.raises(Undrawable, match="frames"):
        draw(content, order(format="gif"))
    assert drawn(content, format="png").size == (100, 80)
    with pytest.raises(Undrawable, match="too large"):
        draw(animation(10), order(format="gif", pixels=40 * 30 * 9))
    assert draw(animation(10), order(format="gif", pixels=40 * 30 * 10))


# -- what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        png_of_size(65_000, 65_000),
        png_of_size(100_000, 1_000),
        png_of_size(8_001, 8_000),
        encoded(Image.new("1", (60_000, 2_000)), "TIFF", compression="group4"),
    ],
)
def test_pictures_that_are_too_large_are_not_decoded(content: bytes) -> None:
    assert len(content) < 10_000
    with pytest.raises(Undrawable, match="too large"):
        draw(content, order())


@pytest.mark.parametrize("source", sorted(set(COLOURED) - {"pdf", "two pictures"}))
def test_half_a_picture_is_none(source: str) -> None:
    content = COLOURED[source]
    for share in (0.02, 0.5):
        with pytest.raises(Undrawable):
            draw(content[: int(len(content) * share)], order())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4 and nothing else",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        encoded(quarters(), "ICO"),
        encoded(quarters(), "PPM"),
        png_of_size(0, 10),
    ],
)
def test_what_is_no_picture_of_a_listed_format(content: bytes) -> None:
    with pytest.raises(Undrawable):
        draw(content, order())


@pytest.mark.parametrize("source", COLOURED)
def test_damage_anywhere_is_a_sentence_and_never_a_fault(source: str) -> None:
    chance = random.Random(source)
    for _ in range(25):
        content = bytearray(COLOURED[source])
        for _ in range(chance.randint(1, 30)):
            content[chance.randrange(min(len(content), 2000))] = chance.randrange(256)
        said = problem(bytes(content))
        assert said is None or said.startswith(("The picture ", "The file ", "The PDF "))


def problem(content: bytes) -> str | None:
    """What is said of a file that no picture can be made of."""
    try:
        picture = draw(content, order(format="png"))
    except Undrawable as refused:
        return str(refused)
    assert opened(picture).size == (100, 80)
    return None


def test_a_page_is_drawn_on_paper_and_a_locked_one_not_at_all() -> None:
    picture = drawn(COLOURED["pdf"], width=200, height=200, fit="contain", format="jpg")
    assert picture.size == (200, 150)
    pixels = 50_000
    assert draw(COLOURED["pdf"], order(4000, 4000, format="jpg", pixels=pixels))
