"""What may be asked for, and where it is kept. Source: files page §3."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conductus.errors import Unprocessable
from conductus.files.variants import (
    Focus,
    Variant,
    VariantLimits,
    find_variant,
    focus,
    is_drawable,
    lists,
)
from conductus.schema.system import load_system

SEEDED = {row["key"]: row["value"] for row in load_system().settings}
FREE = {**SEEDED, "asset_whitelist": "[]"}
LIMITS = VariantLimits(side=4096)


def variant(
    raw: dict[str, Any], type: str | None = "image/png", metadata: str | None = None, **params: Any
) -> Variant | None:
    return find_variant(params, lists(raw), LIMITS, type, metadata)


@pytest.mark.parametrize(
    ("params", "name", "mime"),
    [
        ({"key": "directus-small-crop"}, "w64,h64,fcrop,q80", "image/png"),
        ({"key": "directus-small-contain"}, "w64,h64,fcontain,q80", "image/png"),
        ({"key": "directus-medium-crop"}, "w300,h300,fcrop,q80", "image/png"),
        ({"key": "directus-large-contain"}, "w800,h600,fcontain,q80", "image/png"),
        ({"key": "thumbnail"}, "w200,h200,fcontain,q80", "image/png"),
        ({"key": "thumbnail", "format": "webp"}, "w200,h200,fcontain,q80,webp", "image/webp"),
        ({"key": "thumbnail", "format": "png"}, "w200,h200,fcontain,q80", "image/png"),
        ({"w": "64", "h": "64", "f": "crop", "q": "80"}, "w64,h64,fcrop,q80", "image/png"),
        (
            {"key": "thumbnail", "w": "1", "h": "x", "cache": "7"},
            "w200,h200,fcontain,q80",
            "image/png",
        ),
    ],
)
def test_what_the_lists_name(params: dict[str, str], name: str, mime: str) -> None:
    found = variant(SEEDED, **params)
    assert found is not None
    assert (found.name, found.type, found.listed) == (name, mime, True)


@pytest.mark.parametrize("params", [{}, {"key": ""}, {"access_token": "x"}, {"version": "3"}])
def test_without_parameters_the_file_itself_is_meant(params: dict[str, str]) -> None:
    assert variant(SEEDED, **params) is None
    assert variant(SEEDED, type="text/plain", **params) is None


ALL = {"w": "10", "h": "20", "f": "crop", "q": "50"}


@pytest.mark.parametrize(
    "params",
    [
        {"key": "nobody"},
        {"key": ["thumbnail"]},
        {"format": "webp"},
        *({k: v for k, v in ALL.items() if k != missing} for missing in ALL),
        *({**ALL, "w": bad} for bad in ("0", "-5", "ten", "1.5", "1e3", "٣", "9" * 12, " 5", "")),
        {**ALL, "h": {"x": "1"}},
        *({**ALL, "q": bad} for bad in ("0", "101", "high")),
        *({**ALL, "f": bad} for bad in ("cover", "CROP", ["crop"])),
        *({**ALL, "format": bad} for bad in ("svg", "jpeg", "JPG", "../x", ["jpg"])),
        {**ALL, "w": "4097"},
        {**ALL, "h": "4097"},
    ],
    ids=str,
)
def test_what_nobody_gets(params: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as refused:
        variant(FREE, **params)
    assert (refused.value.code, refused.value.status) == (12, 422)


def test_where_the_projects_list_is_empty_anything_within_the_limits_is_let_through() -> None:
    for empty in (None, "", " ", "[]", "null"):
        found = variant({**SEEDED, "asset_whitelist": empty}, **ALL)
        assert found is not None
        assert (found.name, found.listed) == ("w10,h20,fcrop,q50", False)
    assert variant(FREE, **{**ALL, "w": "4096", "h": "4096", "q": "100"}) is not None


@pytest.mark.parametrize(
    "stated", ["no JSON", "{}", "7", '[{"key": "x"}]', SEEDED["asset_whitelist"]]
)
def test_a_list_that_is_not_empty_keeps_everything_else_out(stated: str) -> None:
    with pytest.raises(Unprocessable):
        variant({**SEEDED, "asset_whitelist": stated}, **ALL)
    assert variant({**SEEDED, "asset_whitelist": stated}, key="directus-small-crop") is not None


def test_entries_that_are_none_are_passed_over_and_texts_are_numbers() -> None:
    good = {"key": "card", "width": "320", "height": "200", "fit": "crop", "quality": "70"}
    bad: list[Any] = [
        None,
        "card",
        {**good, "key": "a", "width": 0},
        {**good, "key": "b", "fit": "cover"},
        {**good, "key": "c", "quality": 101},
        {**good, "key": ""},
    ]
    raw = {**SEEDED, "asset_whitelist": msgspec.json.encode([*bad, good]).decode()}
    assert [entry.key for entry in lists(raw).entries if "directus" not in entry.key] == ["card"]
    found = variant(raw, key="card")
    assert found is not None
    assert found.name == "w320,h200,fcrop,q70"


def test_the_systems_list_is_that_of_new_projects_where_there_is_none() -> None:
    assert lists({"asset_whitelist": "[]"}).entries == lists(FREE).entries
    assert len(lists(FREE).entries) == 6


def test_an_entry_beyond_the_limit_is_refused_too() -> None:
    entry = {"key": "wall", "width": 5000, "height": 10, "fit": "crop", "quality": 1}
    raw = {**SEEDED, "asset_whitelist": msgspec.json.encode([entry]).decode()}
    with pytest.raises(Unprocessable, match="4096"):
        variant(raw, key="wall")


@pytest.mark.parametrize(
    ("type", "format"),
    [
        ("image/jpeg", "jpg"),
        ("image/png", "png"),
        ("image/gif", "gif"),
        ("image/webp", "webp"),
        ("image/tiff", "tif"),
        ("image/avif", "avif"),
        ("image/bmp", "jpg"),
        ("embed/youtube", "jpg"),
        ("application/pdf", "jpg"),
        ("image/vnd.adobe.photoshop", "jpg"),
        ("IMAGE/PNG; charset=binary", "png"),
    ],
)
def test_the_format_is_that_of_the_source(type: str, format: str) -> None:
    found = variant(SEEDED, type=type, key="thumbnail")
    assert is_drawable(type)
    assert found is not None
    assert found.format == format
    assert found.name == "w200,h200,fcontain,q80"


@pytest.mark.parametrize("type", [None, "", "image/svg+xml", "text/html", "video/mp4", "image/x"])
def test_of_other_files_there_are_no_pictures(type: str | None) -> None:
    assert not is_drawable(type)
    with pytest.raises(Unprocessable, match="type"):
        variant(SEEDED, type=type, key="thumbnail")


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ('{"focal": {"x": 0.25, "y": 1}}', Focus(0.25, 1)),
        ('{"focal": {"x": 1.25, "y": 1}}', None),
        ('{"focal": null, "gps": 1}', None),
        ('{"focal": {"x": "left"}}', None),
        ("[1]", None),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_the_focal_point_is_in_the_metadata(metadata: str | None, found: Focus | None) -> None:
    assert focus(metadata) == found
    name = "w64,h64,fcrop,q80,x250y1000" if found else "w64,h64,fcrop,q80"
    made = variant(SEEDED, metadata=metadata, key="directus-small-crop")
    assert made is not None
    assert made.name == name
    contained = variant(SEEDED, metadata=metadata, key="thumbnail")
    assert contained is not None
    assert contained.name == "w200,h200,fcontain,q80"
