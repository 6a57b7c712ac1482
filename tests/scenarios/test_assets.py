"""Contents of files and variants of pictures. Source: files page §3."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from PIL import Image

from tests.files.pictures import RED, corners, encoded, near, opened, png_of_size, quarters
from tests.scenarios.gallery import PICTURE, TOKEN, Gallery
from tests.scenarios.worlds import done

SMALL = "key=directus-small-crop"
FREE = "w=40&h=30&f=crop&q=70"


# -- the file itself ----------------------------------------------------------------


async def test_without_parameters_the_file_itself(gallery: Gallery) -> None:
    file = await gallery.hang("Käse & Brot.png")
    answer = await gallery.ok(file)
    assert answer.content == PICTURE
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(PICTURE))
    assert answer.headers["content-disposition"] == (
        "inline; filename=\"K_se & Brot.png\"; filename*=UTF-8''K%C3%A4se%20&%20Brot.png"
    )
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-security-policy" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert gallery.generated(file) == []


async def test_a_client_that_has_it_gets_it_not_again(gallery: Gallery) -> None:
    file = await gallery.hang()
    for query in ("", SMALL):
        first = await gallery.ok(file, query)
        for condition in (
            {"if_none_match": first.headers["etag"]},
            {"if_modified_since": first.headers["last-modified"]},
        ):
            again = await gallery.ask(file, query, **condition)
            assert (again.status_code, again.content) == (304, b"")
            for name in ("etag", "last-modified", "cache-control"):
                assert again.headers[name] == first.headers[name]
        assert (await gallery.ok(file, query, if_none_match='"other"')).content == first.content


async def test_a_part_of_it(gallery: Gallery) -> None:
    file = await gallery.hang("notes.txt", b"0123456789", "text/plain")
    part = await gallery.ask(file, range="bytes=2-4")
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert part.headers["content-length"] == "3"
    beyond = await gallery.ask(file, range="bytes=10-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */10")
    stale = await gallery.ask(file, range="bytes=2-4", if_range='"other"')
    assert (stale.status_code, stale.content) == (200, b"0123456789")
    changed = await gallery.ask(file, if_match='"other"')
    assert changed.status_code == 412


async def test_only_its_head(gallery: Gallery) -> None:
    file = await gallery.hang()
    for query in ("", SMALL):
        whole = await gallery.ok(file, query)
        head = await gallery.ask(file, query, "HEAD")
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "content-disposition"):
            assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("page.html", "text/html"),
        ("drawing.svg", "image/svg+xml"),
        ("feed.xml", "application/xml"),
        ("script.js", "text/javascript"),
        ("what", None),
        ("odd", "image/png\r\nset-cookie: a=b"),
    ],
)
async def test_what_a_browser_would_run_is_saved(
    gallery: Gallery, name: str, type: str | None
) -> None:
    file = await gallery.hang(name, b"<script>alert(1)</script>", type)
    answer = await gallery.ok(file)
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    assert await gallery.refused(file, SMALL) == (12, 422)


async def test_an_empty_file(gallery: Gallery) -> None:
    file = await gallery.hang("empty.txt", b"", "text/plain")
    answer = await gallery.ok(file)
    assert (answer.content, answer.headers["content-length"]) == (b"", "0")


@pytest.mark.parametrize(
    "address", ["0123456789abcdef", "%00", "x" * 300, "%2E%2E", "a%2Fb", "%F0"]
)
async def test_an_address_that_nothing_has(gallery: Gallery, address: str) -> None:
    refused = await gallery.refused(address)
    assert refused in ((203, 404), (4, 422), (1, 404))
    if address.isalnum():
        assert refused == (203, 404)
        assert await gallery.refused(address, SMALL) == (203, 404)


async def test_a_hash_is_taken_letter_by_letter(gallery: Gallery) -> None:
    await gallery.hang(private_hash="MixedCaseHash123")
    await gallery.ok("MixedCaseHash123")
    assert await gallery.refused("mixedcasehash123") == (203, 404)


async def test_a_file_whose_content_is_gone(gallery: Gallery) -> None:
    file = await gallery.hang()
    (gallery.folder / "originals" / file["filename_disk"]).unlink()
    assert await gallery.refused(file) == (1, 404)
    assert await gallery.refused(file, SMALL) == (1, 404)


async def test_a_row_that_names_a_path_reads_nothing_else(gallery: Gallery) -> None:
    for disk in ("../../../conductus.toml", "/etc/passwd", "a/../../b", "a\\..\\b"):
        file = await gallery.hang(filename_disk=disk)
        for query in ("", SMALL):
            assert await gallery.refused(file, query) == (1, 404)


# -- variants -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "size", "kept"),
    [
        (SMALL, (64, 64), "w64,h64,fcrop,q80"),
        ("key=directus-small-contain", (64, 48), "w64,h64,fcontain,q80"),
        ("key=directus-medium-contain", (300, 225), "w300,h300,fcontain,q80"),
        ("key=directus-large-crop", (800, 600), "w800,h600,fcrop,q80"),
        ("key=directus-large-contain", (400, 300), "w800,h600,fcontain,q80"),
        ("key=thumbnail", (200, 150), "w200,h200,fcontain,q80"),
        ("w=64&h=64&f=crop&q=80", (64, 64), "w64,h64,fcrop,q80"),
    ],
)
async def test_listed_variants(
    gallery: Gallery, query: str, size: tuple[int, int], kept: str
) -> None:
    file = await gallery.hang()
    answer = await gallery.ok(file, query)
    picture = opened(answer.content)
    assert (picture.format, picture.size) == ("PNG", size)
    assert near(corners(picture)[0], RED)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert answer.headers["content-disposition"] == 'inline; filename="picture.png"'
    assert gallery.generated(file) == [kept]
    path = gallery.folder / "generated" / kept / file["filename_disk"]
    assert path.read_bytes() == answer.content
    # Kept is what is served from now on.
    path.write_bytes(b"kept")
    assert (await gallery.ok(file, query)).content == b"kept"


@pytest.mark.parametrize(
    ("format", "type", "kind"),
    [
        ("jpg", "image/jpeg", "JPEG"),
        ("gif", "image/gif", "GIF"),
        ("webp", "image/webp", "WEBP"),
        ("tif", "image/tiff", "TIFF"),
        ("avif", "image/avif", "AVIF"),
    ],
)
async def test_other_formats(gallery: Gallery, format: str, type: str, kind: str) -> None:
    file = await gallery.hang()
    answer = await gallery.ok(file, f"{SMALL}&format={format}")
    assert answer.headers["content-type"] == type
    assert opened(answer.content).format == kind
    assert gallery.generated(file) == [f"w64,h64,fcrop,q80,{format}"]


async def test_pages_of_documents_become_pictures(gallery: Gallery) -> None:
    file = await gallery.hang("paper.pdf", encoded(quarters(), "PDF"), "application/pdf")
    answer = await gallery.ok(file, SMALL)
    assert answer.headers["content-type"] == "image/jpeg"
    assert opened(answer.content).size == (64, 64)
    original = await gallery.ok(file)
    assert original.headers["content-type"] == "application/pdf"


async def test_the_still_of_a_video(gallery: Gallery) -> None:
    file = await gallery.hang("video.jpg", encoded(quarters(), "JPEG"), "embed/youtube")
    assert (await gallery.ok(file)).headers["content-type"] == "image/jpeg"
    assert opened((await gallery.ok(file, SMALL)).content).size == (64, 64)


@pytest.mark.parametrize(
    "query",
    [
        "key=nobody",
        "key[]=thumbnail",
        "w=64",
        "w=64&h=64&f=crop",
        "w=64&h=64&f=crop&q=ten",
        "w=64&h=64&f=cover&q=80",
        "w=64&h=64&f=crop&q=81",
        "w=-64&h=64&f=crop&q=80",
        "format=webp",
        f"{SMALL}&format=svg",
    ],
)
async def test_variants_that_are_not_given(gallery: Gallery, query: str) -> None:
    file = await gallery.hang()
    assert await gallery.refused(file, query) == (12, 422)
    assert gallery.generated(file) == []


async def test_the_projects_own_list(gallery: Gallery) -> None:
    file = await gallery.hang()
    card = {"key": "card", "width": 90, "height": 60, "fit": "crop", "quality": 60}
    async with gallery.setting("asset_whitelist", [card]):
        assert opened((await gallery.ok(file, "key=card")).content).size == (90, 60)
        assert opened((await gallery.ok(file, "w=90&h=60&f=crop&q=60")).content).size == (90, 60)
        assert await gallery.refused(file, "key=thumbnail") == (12, 422)
        assert await gallery.refused(file, FREE) == (12, 422)
        await gallery.ok(file, SMALL)
    assert await gallery.refused(file, "key=card") == (12, 422)


async def test_without_a_list_anything_within_the_limits(gallery: Gallery) -> None:
    file = await gallery.hang()
    lists: tuple[list[Any] | None, ...] = ([], None)
    for empty in lists:
        async with gallery.setting("asset_whitelist", empty):
            assert opened((await gallery.ok(file, FREE)).content).size == (40, 30)
            assert await gallery.refused(file, "w=4097&h=1&f=crop&q=1") == (12, 422)
            assert await gallery.refused(file, "w=1&h=999999999&f=crop&q=1") == (12, 422)
    assert gallery.generated(file) == ["w40,h30,fcrop,q70"]


async def test_there_are_only_so_many_free_variants(gallery: Gallery) -> None:
    file = await gallery.hang(content=encoded(quarters(8, 6), "PNG"))
    other = await gallery.hang()
    async with gallery.setting("asset_whitelist", []):
        asked = [gallery.ask(file, f"w={n}&h=1&f=crop&q=1") for n in range(1, 61)]
        asked += [gallery.ask(file, f"w={n}&h=2&f=crop&q=1") for n in range(1, 41)]
        for half in (asked[:50], asked[50:]):
            answers = await asyncio.gather(*half)
            assert {answer.status_code for answer in answers} == {200}
        assert len(gallery.generated(file)) == 100
        answer = await gallery.ask(file, "w=1&h=3&f=crop&q=1")
        assert answer.json()["error"]["code"] == 12
        assert answer.json()["error"]["details"] == {"limit": 100}
        await gallery.ok(file, "w=1&h=1&f=crop&q=1")
        await gallery.ok(file, SMALL)
        await gallery.ok(other, "w=1&h=3&f=crop&q=1")
    assert len(gallery.generated(file)) == 101


async def test_the_focal_point(gallery: Gallery) -> None:
    wide = Image.new("RGB", (300, 100), (40, 50, 210))
    wide.paste(RED, (0, 0, 100, 100))
    left = await gallery.hang(content=encoded(wide, "PNG"), metadata='{"focal":{"x":0,"y":0.5}}')
    middle = await gallery.hang(content=encoded(wide, "PNG"))
    assert near(corners(opened((await gallery.ok(left, SMALL)).content))[1], RED)
    assert not near(corners(opened((await gallery.ok(middle, SMALL)).content))[1], RED)


async def test_many_ask_at_once_and_it_is_made_once(gallery: Gallery) -> None:
    file = await gallery.hang(content=encoded(quarters(2000, 1500), "PNG"))
    answers = await asyncio.gather(*(gallery.ask(file, SMALL) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    # More than may wait for a process: so most of them waited for the same picture.
    assert len({answer.content for answer in answers}) == 1
    assert gallery.generated(file) == ["w64,h64,fcrop,q80"]


async def test_a_new_content_has_new_variants(gallery: Gallery) -> None:
    file = await gallery.hang()
    before = await gallery.ok(file, SMALL)
    blue = encoded(Image.new("RGB", (100, 100), (40, 50, 210)), "PNG")
    gallery.store(file["filename_disk"], blue)
    await gallery.change(file, checksum="0" * 32)
    after = await gallery.ok(file, SMALL)
    assert after.content != before.content
    assert near(corners(opened(after.content))[0], (40, 50, 210))
    assert gallery.generated(file) == ["w64,h64,fcrop,q80"]


async def test_what_somebody_deleted_is_made_again(gallery: Gallery) -> None:
    file = await gallery.hang()
    first = await gallery.ok(file, SMALL)
    (gallery.folder / "generated" / "w64,h64,fcrop,q80" / file["filename_disk"]).unlink()
    assert (await gallery.ok(file, SMALL)).content == first.content


@pytest.mark.parametrize(
    "content",
    [b"no picture", PICTURE[:300], png_of_size(65_000, 65_000)],
    ids=["text", "half", "bomb"],
)
async def test_files_of_which_there_is_no_picture(gallery: Gallery, content: bytes) -> None:
    file = await gallery.hang(content=content)
    for _ in range(2):
        assert await gallery.refused(file, SMALL) == (12, 422)
    assert gallery.generated(file) == []
    # The file itself is given all the same.
    assert (await gallery.ok(file)).content == content
    # And so are the pictures of others.
    await gallery.ok(await gallery.hang(), SMALL)


# -- settings -----------------------------------------------------------------------


async def test_how_long_browsers_keep_it(gallery: Gallery) -> None:
    file = await gallery.hang()
    async with gallery.setting("thumbnail_cache_ttl", 60):
        for query in ("", SMALL):
            answer = await gallery.ok(file, query)
            assert answer.headers["cache-control"] == "public, max-age=60"
    async with gallery.setting("thumbnail_cache_ttl", 0):
        assert (await gallery.ok(file)).headers["cache-control"] == "public, max-age=0"


async def test_files_can_be_called_by_their_names(gallery: Gallery) -> None:
    older = await gallery.hang("Some Picture.png")
    newer = await gallery.hang("Some Picture.png", encoded(quarters(8, 6), "PNG"))
    assert await gallery.refused("Some%20Picture.png") == (203, 404)
    async with gallery.setting("asset_url_naming", "filename_download"):
        assert len((await gallery.ok("Some%20Picture.png")).content) == newer["filesize"]
        assert opened((await gallery.ok("Some%20Picture.png", SMALL)).content).size == (64, 64)
        assert len((await gallery.ok(older)).content) == older["filesize"]
        assert await gallery.refused("some%20picture.png") == (203, 404)


async def test_files_can_be_for_those_alone_who_may_read_them(gallery: Gallery) -> None:
    file = await gallery.hang()
    theirs: Any = {"authorization": f"Bearer {TOKEN}"}
    ours: Any = {"authorization": f"Bearer {gallery.world.token}"}
    await gallery.ok(file)
    role = (await gallery.world.data("/roles?filter[name]=visitors&fields=id"))[0]["id"]
    async with gallery.setting("assets_public", False):
        for query in ("", SMALL):
            assert await gallery.refused(file, query) == (203, 404)
            wrong = {"authorization": "Bearer wrong"}
            assert (await gallery.ask(file, query, **wrong)).status_code in (401, 404)
            answer = await gallery.ok(file, query, **ours)
            assert answer.headers["cache-control"] == "private, no-cache"
        granted = "filter[collection]=directus_files&fields=id"
        rows = await gallery.world.data(f"/permissions?filter[role]={role}&{granted}")
        await gallery.ok(file, **theirs)
        for row in rows:
            await gallery.world.ask("DELETE", f"/permissions/{row['id']}")
        assert await gallery.refused(file, **theirs) == (203, 404)
        mine = {"role": role, "collection": "directus_files", "read": "mine"}
        made = await done(gallery.world, "/permissions", mine)
        assert await gallery.refused(file, SMALL, **theirs) == (203, 404)
        path = f"/permissions/{made['id']}"
        await gallery.world.ask("PATCH", path, json={"read": "full"})
        await gallery.ok(file, SMALL, **theirs)
        await gallery.world.ask("DELETE", path)
        assert await gallery.refused(file, SMALL, **theirs) == (203, 404)
    await gallery.ok(file)
