"""Files: uploads in every form, what is said of them, changes, removal, folders."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from conductus.database.dialect import Name as Driver
from conductus.files import inspection
from tests.scenarios.office import Office, staff, token
from tests.scenarios.shop import KEY
from tests.scenarios.workshop import Workshop

Item = dict[str, Any]
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
TEXT = b"Some words.\n"
KEYS = [
    "directus-small-crop",
    "directus-small-contain",
    "directus-medium-crop",
    "directus-medium-contain",
    "directus-large-crop",
    "directus-large-contain",
    "thumbnail",
]


def picture(kind: str = "PNG", size: tuple[int, int] = (4, 3), **options: Any) -> bytes:
    found = io.BytesIO()
    Image.new("RGB", size, "red").save(found, kind, **options)
    return found.getvalue()


async def upload(shop: Workshop, content: bytes, name: str, **columns: str) -> Item:
    made: Item = await shop.ok(
        "POST", "/files", files={"file": (name, content, "text/plain")}, data=columns
    )
    return made


async def original(shop: Workshop, name: str, **headers: str) -> httpx2.Response:
    return await shop.world.client.get(f"/uploads/{KEY}/originals/{name}", headers=headers)


# -- what a file is ---------------------------------------------------------------------


async def test_an_uploaded_picture_is_described(workshop: Workshop) -> None:
    content = picture()
    made = await upload(workshop, content, "red dot.PNG")
    assert re.fullmatch(rf"{UUID}\.png", made["filename_disk"])
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", made["private_hash"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", made["uploaded_on"])
    expected = {
        "storage": "local",
        "filename_download": "red dot.PNG",
        "title": "Red Dot",
        "type": "image/png",
        "charset": "binary",
        "filesize": len(content),
        "width": 4,
        "height": 3,
        "duration": 0,
        "embed": None,
        "folder": None,
        "description": None,
        "location": "",
        "tags": [],
        "checksum": hashlib.md5(content).hexdigest(),
        "metadata": None,
        "uploaded_by": 1,
    }
    assert {name: made[name] for name in expected} == expected


async def test_data_says_where_a_picture_is(workshop: Workshop) -> None:
    made = await upload(workshop, picture(), "dot.png")
    name, hash = made["filename_disk"], made["private_hash"]
    base = "http://127.0.0.1:8055"
    found = made["data"]
    assert found["url"] == f"/uploads/{KEY}/originals/{name}"
    assert found["full_url"] == f"{base}{found['url']}"
    assert found["asset_url"] == f"/{KEY}/assets/{hash}"
    assert found["embed"] is None
    assert [one["key"] for one in found["thumbnails"]] == KEYS
    assert found["thumbnails"][0] == {
        "key": "directus-small-crop",
        "url": f"{base}/{KEY}/assets/{hash}?key=directus-small-crop",
        "relative_url": f"/{KEY}/assets/{hash}?key=directus-small-crop",
        "dimension": "64x64",
        "width": 64,
        "height": 64,
    }


@pytest.mark.parametrize("content", [TEXT, b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
async def test_what_cannot_be_drawn_has_no_thumbnails(workshop: Workshop, content: bytes) -> None:
    assert (await upload(workshop, content, "x.txt"))["data"]["thumbnails"] is None


async def test_data_alone_and_by_its_parts_is_read(workshop: Workshop) -> None:
    made = await upload(workshop, picture(), "dot.png")
    for fields in ("data", "data.full_url", "data,-id"):
        found = await workshop.get(f"/files/{made['id']}?fields={fields}")
        assert found == {"data": made["data"]}, fields
    listed = await workshop.get(f"/files?fields=id,data&filter[id]={made['id']}")
    assert listed == [{"id": made["id"], "data": made["data"]}]
    assert "data" not in await workshop.get(f"/files/{made['id']}?fields=*,-data")


async def test_data_is_there_wherever_a_file_is_expanded(workshop: Workshop) -> None:
    made = await upload(workshop, picture(), "dot.png")
    await workshop.ok("PATCH", "/users/1", {"avatar": made["id"]})
    assert await workshop.get("/users/1?fields=avatar.data") == {"avatar": {"data": made["data"]}}
    whole = await workshop.get("/users/1?fields=avatar.*")
    assert whole["avatar"]["data"] == made["data"]
    word = workshop.name()
    folder = await workshop.ok("POST", "/folders", {"name": word})
    await workshop.ok("PATCH", f"/files/{made['id']}", {"folder": folder["id"]})
    found = await workshop.get(f"/files/{made['id']}?fields=folder.name,data")
    assert found == {"folder": {"name": word}, "data": made["data"]}
    await workshop.ok("PATCH", "/users/1", {"avatar": None})
    assert await workshop.get("/users/1?fields=avatar.data") == {"avatar": None}


async def test_revisions_hold_columns_and_no_addresses(workshop: Workshop) -> None:
    made = await upload(workshop, TEXT, "a.txt")
    await workshop.ok("PATCH", f"/files/{made['id']}", {"title": "B"})
    found = await workshop.get(f"/files/{made['id']}/revisions")
    assert [one["delta"].get("title") for one in found] == ["A", "B"]
    for one in found:
        assert one["data"]["filename_disk"] == made["filename_disk"]
        assert "data" not in {**one["data"], **one["delta"]}
    deeds = await workshop.deeds("directus_files")
    assert [deed for deed in deeds if deed[1] == str(made["id"])] == [
        ("upload", str(made["id"])),
        ("update", str(made["id"])),
    ]


# -- ways of uploading ----------------------------------------------------------------------


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    "data",
    [
        _base64(TEXT),
        _base64(TEXT).rstrip("="),
        "\n".join(_base64(TEXT)),
        f"data:text/html;base64,{_base64(TEXT)}",
        f"data:;base64,{_base64(TEXT)}",
        "data:,Some%20words.%0A",
    ],
)
@pytest.mark.parametrize("names", [["filename_download"], ["filename_disk"]])
async def test_content_comes_in_json(workshop: Workshop, data: str, names: list[str]) -> None:
    body = {"data": data, **dict.fromkeys(names, "words.txt")}
    made = await workshop.ok("POST", "/files", body)
    assert (made["type"], made["charset"]) == ("text/plain", "us-ascii")
    assert made["filename_download"] == "words.txt"
    assert (await original(workshop, made["filename_disk"])).content == TEXT


async def test_a_form_gives_columns_besides(workshop: Workshop) -> None:
    columns = {"title": "Mine", "tags": "a,b", "metadata": '{"focal": {"x": 1, "y": 0}}'}
    made = await upload(workshop, TEXT, "x.txt", **columns)
    assert made["title"] == "Mine"
    assert made["tags"] == ["a", "b"]
    assert made["metadata"] == {"focal": {"x": 1, "y": 0}}


async def test_a_form_may_say_data_as_text(workshop: Workshop) -> None:
    form = {"data": (None, _base64(TEXT)), "filename_download": (None, "x.txt")}
    made = await workshop.ok("POST", "/files", files=form)
    assert made["filesize"] == len(TEXT)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (4, 422)),
        ({"title": "x"}, (4, 422)),
        ({"data": None, "filename_download": "x.txt"}, (4, 422)),
        ({"data": "", "filename_download": "x.txt"}, (4, 422)),
        ({"data": 5, "filename_download": "x.txt"}, (4, 422)),
        ({"data": "no base64!", "filename_download": "x.txt"}, (4, 422)),
        ({"data": _base64(TEXT)}, (4, 422)),
        ({"data": _base64(TEXT), "filename_download": "x.txt", "nothing": 1}, (12, 422)),
        ([{"data": _base64(TEXT), "filename_download": "x.txt"}], (15, 400)),
        ({"data": "http://127.0.0.1:1/x.txt"}, (12, 422)),
        ({"data": "https://localhost/x.txt"}, (12, 422)),
        ({"data": "http://[::1]/x.txt"}, (12, 422)),
        ({"data": "http://169.254.169.254/latest/meta-data"}, (12, 422)),
        ({"data": "http:///x.txt"}, (12, 422)),
        # A public address; no such port can be called.
        ({"data": "http://8.8.8.8:99999/x.txt"}, (12, 422)),
        ({"data": "file:///etc/passwd", "filename_download": "x.txt"}, (4, 422)),
    ],
)
async def test_what_is_no_upload_is_refused_and_leaves_nothing(
    workshop: Workshop, body: Any, error: tuple[int, int]
) -> None:
    before = await left(workshop)
    await workshop.refused(error, "POST", "/files", body)
    assert await left(workshop) == before


async def left(shop: Workshop) -> tuple[int, set[str]]:
    """How many rows there are, and what is in the storage."""
    listed = await shop.get("/files?fields=id&limit=-1")
    folder = shop.folder / "files"
    return len(listed), {str(path) for path in folder.rglob("*") if path.is_file()}


async def test_two_files_at_once_are_refused(workshop: Workshop) -> None:
    before = await left(workshop)
    form = [("file", ("a.txt", TEXT)), ("file", ("b.txt", TEXT))]
    await workshop.refused((15, 400), "POST", "/files", files=form)
    await workshop.refused((4, 422), "POST", "/files", files={"title": (None, "x")})
    assert await left(workshop) == before


@pytest.mark.parametrize(
    ("url", "type", "id"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=3", "embed/youtube", "dQw4w9WgXcQ"),
        ("https://youtu.be/dQw4w9WgXcQ", "embed/youtube", "dQw4w9WgXcQ"),
        ("https://vimeo.com/76979871", "embed/vimeo", "76979871"),
    ],
)
async def test_videos_of_other_sites_are_embedded(
    workshop: Workshop, url: str, type: str, id: str
) -> None:
    made = await workshop.ok("POST", "/files", {"data": url})
    assert (made["type"], made["embed"]) == (type, id)
    assert made["title"] == f"{'YouTube' if 'youtu' in url else 'Vimeo'} Video: {id}"
    assert made["data"]["embed"]["html"].startswith("<iframe ")
    assert id in made["data"]["embed"]["html"]
    assert id in made["data"]["embed"]["url"]
    await workshop.ok("DELETE", f"/files/{made['id']}")


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["x.php", "x.PHP", "x.phtml", "x.jsp", "x.cgi", "x.php.", ".htaccess", "x.asp", "a/../x.php"],
)
async def test_what_a_web_server_might_run_is_not_taken(workshop: Workshop, name: str) -> None:
    before = await left(workshop)
    body = {"data": _base64(TEXT), "filename_download": name}
    await workshop.refused((4, 422), "POST", "/files", body)
    await workshop.refused((4, 422), "POST", "/files", files={"file": (name, TEXT)})
    assert await left(workshop) == before


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("/etc/passwd", "passwd"),
        ("C:\\fakepath\\x.txt", "x.txt"),
        ("größe 日本.txt", "größe 日本.txt"),
        ("x.php.txt", "x.php.txt"),
        ("n" * 300 + ".txt", "n" * 251 + ".txt"),
    ],
)
async def test_names_of_clients_are_shown_and_lead_nowhere(
    workshop: Workshop, name: str, shown: str
) -> None:
    made = await workshop.ok("POST", "/files", {"data": _base64(TEXT), "filename_download": name})
    assert made["filename_download"] == shown
    assert re.fullmatch(rf"{UUID}(\.txt)?", made["filename_disk"])


@pytest.mark.parametrize("name", ["..", ".", "a/", "x\0.txt", "x\n.txt", "x\u202etxt.exe"])
async def test_what_is_no_name_is_refused(workshop: Workshop, name: str) -> None:
    body = {"data": _base64(TEXT), "filename_download": name}
    await workshop.refused((4, 422), "POST", "/files", body)


# -- contents -----------------------------------------------------------------------------------


async def test_an_original_is_public_and_asked_for_again_only_when_it_changed(
    workshop: Workshop,
) -> None:
    made = await upload(workshop, TEXT, "größe.txt")
    answer = await original(workshop, made["filename_disk"])
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-length"] == str(len(TEXT))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "filename*=UTF-8''gr%C3%B6%C3%9Fe.txt" in answer.headers["content-disposition"]
    etag, modified = answer.headers["etag"], answer.headers["last-modified"]
    for known in ({"if-none-match": etag}, {"if-modified-since": modified}):
        again = await original(workshop, made["filename_disk"], **known)
        assert (again.status_code, again.content) == (304, b"")
    head = await workshop.world.client.head(f"/uploads/{KEY}/originals/{made['filename_disk']}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(TEXT))


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=0-3", 206, TEXT[:4]),
        ("bytes=-5", 206, TEXT[-5:]),
        ("bytes=5-", 206, TEXT[5:]),
        ("bytes=5-999", 206, TEXT[5:]),
        ("bytes=999-", 416, None),
        ("lines=1-2", 200, TEXT),
    ],
)
async def test_ranges_of_an_original(
    workshop: Workshop, asked: str, status: int, content: bytes | None
) -> None:
    made = await upload(workshop, TEXT, "x.txt")
    answer = await original(workshop, made["filename_disk"], range=asked)
    assert answer.status_code == status
    if content is not None:
        assert answer.content == content


@pytest.mark.parametrize(
    ("content", "name", "type"),
    [
        (b"<!doctype html><script>alert(1)</script>", "x.html", "text/html"),
        (b"<!doctype html><script>alert(1)</script>", "x.png", "text/html"),
        (b"<?php echo 1;", "x.txt", "text/html"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", "x.svg", "image/svg+xml"),
        (b"<?xml version='1.0'?><a/>", "x.xml", "application/xml"),
        # Not all of them: the alphabet is a second factor in other tests of this world.
        (bytes(range(0, 256, 2)), "x.png", "application/octet-stream"),
        (b"\x7fELF\2\1\1" + bytes(40), "x.jpg", None),
    ],
)
async def test_what_a_browser_might_run_is_saved_in_a_sandbox(
    workshop: Workshop, content: bytes, name: str, type: str | None
) -> None:
    made = await upload(workshop, content, name)
    assert type in (None, made["type"])
    answer = await original(workshop, made["filename_disk"])
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["none.png", "..", "..%2f..%2fconductus.toml", "%2e%2e/x", "%00", ".parts", ""]
)
async def test_no_other_content_is_shown(workshop: Workshop, name: str) -> None:
    answer = await original(workshop, name)
    assert answer.status_code in (404, 422)
    assert answer.json()["error"]["code"] in (1, 4, 203)


async def test_uploads_of_no_project_are_not_found(workshop: Workshop) -> None:
    answer = await workshop.world.client.get("/uploads/other/originals/x.png")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 24)


# -- changes --------------------------------------------------------------------------------------


async def test_content_is_replaced_and_addresses_stay(workshop: Workshop) -> None:
    made = await upload(workshop, TEXT, "x.txt")
    old = await original(workshop, made["filename_disk"])
    body = {"data": _base64(picture()), "title": "Now a picture"}
    changed = await workshop.ok("PATCH", f"/files/{made['id']}", body)
    for name in ("id", "filename_disk", "private_hash", "uploaded_on", "uploaded_by"):
        assert changed[name] == made[name]
    assert (changed["type"], changed["width"], changed["title"]) == (
        "image/png",
        4,
        "Now a picture",
    )
    assert changed["checksum"] == hashlib.md5(picture()).hexdigest()
    answer = await original(
        workshop, made["filename_disk"], **{"if-none-match": old.headers["etag"]}
    )
    assert (answer.status_code, answer.content) == (200, picture())
    form = {"file": ("y.txt", b"third")}
    changed = await workshop.ok("PATCH", f"/files/{made['id']}", files=form)
    assert (changed["type"], changed["filesize"]) == ("text/plain", 5)
    assert (await original(workshop, made["filename_disk"])).content == b"third"
    assert all(".parts" not in path for path in (await left(workshop))[1])


async def test_thumbnails_go_with_the_content(workshop: Workshop) -> None:
    made = await upload(workshop, picture(size=(100, 100)), "x.png")
    path, folder = f"/files/{made['id']}", workshop.folder / "files" / KEY / "generated"

    async def drawn() -> list[str]:
        asked = await workshop.world.client.get(made["data"]["thumbnails"][0]["relative_url"])
        assert asked.status_code == 200
        return [file.name for file in folder.rglob(f"*{made['id']}.png")] + [
            file.name for file in folder.rglob(made["filename_disk"])
        ]

    assert await drawn() == [made["filename_disk"]]
    await workshop.ok("PATCH", path, {"data": _base64(picture(size=(50, 50)))})
    assert not list(folder.rglob(made["filename_disk"]))
    assert await drawn() == [made["filename_disk"]]
    name = f"other-{made['id']}.png"
    await workshop.ok("PATCH", path, {"filename_disk": name})
    assert not list(folder.rglob(made["filename_disk"]))
    assert await drawn() == [name]
    await workshop.ok("DELETE", path)
    assert not list(folder.rglob(name))


async def test_a_file_is_renamed(workshop: Workshop) -> None:
    made = await upload(workshop, TEXT, "x.txt")
    name = f"New name-{made['id']}.txt"
    changed = await workshop.ok("PATCH", f"/files/{made['id']}", {"filename_disk": name})
    assert changed["filename_disk"] == name
    assert changed["data"]["url"].endswith(f"/New%20name-{made['id']}.txt")
    assert (await original(workshop, name)).content == TEXT
    assert (await original(workshop, made["filename_disk"])).status_code == 404
    again = await workshop.ok(
        "PATCH", f"/files/{made['id']}", {"filename_disk": name, "title": "T"}
    )
    assert again["title"] == "T"


async def test_a_name_that_is_taken_is_refused(workshop: Workshop) -> None:
    one, two = await upload(workshop, b"one", "1.txt"), await upload(workshop, b"two", "2.txt")
    path = f"/files/{one['id']}"
    await workshop.refused((204, 409), "PATCH", path, {"filename_disk": two["filename_disk"]})
    for file, content in ((one, b"one"), (two, b"two")):
        assert (await original(workshop, file["filename_disk"])).content == content


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b.txt", "/abs.txt", "x\0", ".htaccess", "x.php", "x.php.txt", "con.txt", "", " ",
     "x#1", "a%2fb", "x\n.txt", "n" * 256, 5, None],
)  # fmt: skip
async def test_names_that_would_lead_elsewhere_are_refused(workshop: Workshop, name: Any) -> None:
    made = await upload(workshop, TEXT, "x.txt")
    before = await left(workshop)
    await workshop.refused((4, 422), "PATCH", f"/files/{made['id']}", {"filename_disk": name})
    assert await left(workshop) == before


async def test_several_files_take_columns_and_no_content(workshop: Workshop) -> None:
    one, two = await upload(workshop, b"one", "1.txt"), await upload(workshop, b"two", "2.txt")
    both = f"/files/{one['id']},{two['id']}"
    changed = await workshop.ok("PATCH", both, {"description": "both"})
    assert [file["description"] for file in changed] == ["both", "both"]
    await workshop.refused((15, 400), "PATCH", both, {"data": _base64(TEXT)})
    await workshop.refused((12, 422), "PATCH", both, {"filename_disk": "x.txt"})
    each = [{"id": one["id"], "title": "1"}, {"id": two["id"], "title": "2"}]
    assert [file["title"] for file in await workshop.ok("PATCH", "/files", each)] == ["1", "2"]
    with_data = [{"id": one["id"], "data": _base64(TEXT)}]
    await workshop.refused((15, 400), "PATCH", "/files", with_data)


async def test_what_follows_from_content_is_passed_over(workshop: Workshop) -> None:
    made = await upload(workshop, TEXT, "x.txt")
    other = await upload(workshop, b"other", "y.txt")
    told = {"type": "text/html", "checksum": "0" * 32, "filesize": 1, "embed": "x", "storage": "s3"}
    changed = await workshop.ok("PATCH", f"/files/{made['id']}", {**told, "data": made["data"]})
    for name in told:
        assert changed[name] == made[name]
    each = [{"id": made["id"], **told}]
    assert (await workshop.ok("PATCH", "/files", each))[0]["type"] == "text/plain"
    avatar = {"avatar": {"id": made["id"], "title": "By another way",
                         "type": "text/html"}}  # fmt: skip
    await workshop.ok("PATCH", "/users/1", avatar)
    found = await workshop.get(f"/files/{made['id']}")
    assert found["type"] == "text/plain"
    assert (await original(workshop, other["filename_disk"])).content == b"other"
    await workshop.ok("PATCH", "/users/1", {"avatar": None})


async def test_a_revert_brings_columns_back_and_no_content(workshop: Workshop) -> None:
    made = await upload(workshop, TEXT, "x.txt")
    body = {"title": "Second", "data": _base64(picture())}
    await workshop.ok("PATCH", f"/files/{made['id']}", body)
    first = (await workshop.get(f"/files/{made['id']}/revisions"))[0]
    found = await workshop.ok("PATCH", f"/files/{made['id']}/revert/{first['id']}")
    assert (found["title"], found["type"]) == ("X", "image/png")
    assert (await original(workshop, made["filename_disk"])).content == picture()


async def test_removed_files_are_gone_whole(workshop: Workshop) -> None:
    before = await left(workshop)
    one, two = await upload(workshop, b"one", "1.txt"), await upload(workshop, b"two", "2.txt")
    await workshop.refused((203, 404), "DELETE", "/files/999999")
    await workshop.ok("DELETE", f"/files/{one['id']},{two['id']}")
    assert await left(workshop) == before
    assert (await original(workshop, one["filename_disk"])).status_code == 404
    await workshop.refused((203, 404), "PATCH", f"/files/{one['id']}", {"data": _base64(TEXT)})
    await workshop.refused((203, 404), "PATCH", f"/files/{one['id']}", {"filename_disk": "x.txt"})
    assert await left(workshop) == before


async def test_files_neither_come_nor_go_within_other_items(workshop: Workshop) -> None:
    made = await upload(workshop, TEXT, "x.txt")
    name = await workshop.make({"field": "cover", "type": "m2o", "datatype": "INT", "length": "10"})
    await workshop.relate(name, "cover", "directus_files")
    new = {"filename_disk": made["filename_disk"], "filename_download": "y.txt"}
    await workshop.refused((12, 422), "POST", f"/items/{name}", {"cover": new})
    unknown = {"cover": {"id": 999999, **new}}
    await workshop.refused((4, 422), "POST", f"/items/{name}", unknown)
    item = await workshop.ok("POST", f"/items/{name}", {"cover": made["id"]})
    gone = {"cover": {"id": made["id"], "$delete": True}}
    await workshop.refused((12, 422), "PATCH", f"/items/{name}/{item['id']}", gone)
    moved = {"cover": {"id": made["id"], "filename_disk": "elsewhere.txt", "title": "New"}}
    await workshop.ok("PATCH", f"/items/{name}/{item['id']}", moved)
    found = await workshop.get(f"/items/{name}/{item['id']}?fields=cover.*")
    assert found["cover"]["title"] == "New"
    assert found["cover"]["filename_disk"] == made["filename_disk"]
    assert found["cover"]["data"] == made["data"]


# -- folders ------------------------------------------------------------------------------------


async def test_a_folder_that_goes_leaves_what_was_in_it_to_its_parent(workshop: Workshop) -> None:
    word = workshop.name()
    top = await workshop.ok("POST", "/folders", {"name": f"{word} top"})
    middle = await workshop.ok(
        "POST", "/folders", {"name": f"{word} middle", "parent_folder": top["id"]}
    )
    low = await workshop.ok(
        "POST", "/folders", {"name": f"{word} low", "parent_folder": middle["id"]}
    )
    made = await upload(workshop, TEXT, "x.txt", folder=str(middle["id"]))
    deep = await upload(workshop, TEXT, "y.txt", folder=str(low["id"]))
    await workshop.ok("DELETE", f"/folders/{middle['id']}")
    assert (await workshop.get(f"/files/{made['id']}"))["folder"] == top["id"]
    assert (await workshop.get(f"/folders/{low['id']}"))["parent_folder"] == top["id"]
    assert (await workshop.get(f"/files/{deep['id']}"))["folder"] == low["id"]
    await workshop.ok("DELETE", f"/folders/{low['id']},{top['id']}")
    assert (await workshop.get(f"/files/{deep['id']}"))["folder"] is None


async def test_folders_of_one_place_have_different_names(workshop: Workshop) -> None:
    word = workshop.name()
    top = await workshop.ok("POST", "/folders", {"name": word})
    await workshop.refused((204, 409), "POST", "/folders", {"name": word})
    within = {"name": word, "parent_folder": top["id"]}
    inner = await workshop.ok("POST", "/folders", within)
    await workshop.refused((204, 409), "POST", "/folders", within)
    # What is within would be of one name with what is gone: it may go, there is no other.
    await workshop.ok("DELETE", f"/folders/{top['id']}")
    assert (await workshop.get(f"/folders/{inner['id']}"))["parent_folder"] is None
    path = f"/folders/{inner['id']}"
    await workshop.refused((12, 422), "PATCH", path, {"parent_folder": inner["id"]})


# -- who may --------------------------------------------------------------------------------------


async def send(place: Office, person: str | None, content: bytes = TEXT) -> httpx2.Response:
    body = {"data": _base64(content), "filename_download": "x.txt"}
    return await place.ask(person, "POST", "/files", body)


def told(answer: httpx2.Response) -> tuple[int, int]:
    return answer.json()["error"]["code"], answer.status_code


def levels(**given: str) -> Item:
    return {"collection": "directus_files", **given}


async def test_who_may_not_create_files_uploads_none(place: Office) -> None:
    # New roles may: what they start with is taken away.
    rows = await place.data("admin", "/permissions?filter[collection]=directus_files&limit=-1")
    ids = ",".join(str(row["id"]) for row in rows)
    if ids:
        await place.ask("admin", "DELETE", f"/permissions/{ids}")
    try:
        assert told(await send(place, "ann")) == (10, 403)
        assert told(await send(place, None)) == (3, 401)
        await place.grant(levels(read="full", update="full", delete="full"))
        assert told(await send(place, "ann")) == (10, 403)
        await place.withdraw()
        await place.grant(levels(create="full", read="mine", update="mine", delete="mine"))
        mine = (await send(place, "ann")).json()["data"]
        assert mine["uploaded_by"] == place.people["ann"]
        path = f"/files/{mine['id']}"
        assert told(await place.ask("ben", "GET", path)) == (203, 404)
        for change in ({"title": "x"}, {"data": _base64(b"other")}, {"filename_disk": "other.txt"}):
            assert told(await place.ask("ben", "PATCH", path, change))[1] in (403, 404), change
        assert told(await place.ask("ben", "DELETE", path))[1] in (403, 404)
        address = mine["data"]["url"]
        assert (await place.world.client.get(address)).content == TEXT
        assert (await place.world.client.get("/uploads/main/originals/other.txt")).is_error
        changed = await place.ask("ann", "PATCH", path, {"data": _base64(b"mine again")})
        assert changed.status_code == 200
        assert (await place.world.client.get(address)).content == b"mine again"
        assert (await place.ask("ann", "DELETE", path)).status_code == 204
    finally:
        await place.withdraw()
        back = [{name: value for name, value in row.items() if name != "id"} for row in rows]
        if back:
            assert (await place.ask("admin", "POST", "/permissions", back)).status_code == 200


async def test_columns_that_may_not_be_written_or_read_stay_so(place: Office) -> None:
    rows = await place.data("admin", "/permissions?filter[collection]=directus_files&limit=-1")
    for row in rows:
        await place.ask("admin", "DELETE", f"/permissions/{row['id']}")
    try:
        full = levels(create="full", read="full", update="full", delete="full")
        await place.grant({**full, "write_field_blacklist": ["title", "filename_disk"]})
        body = {"data": _base64(TEXT), "filename_download": "x.txt", "title": "T"}
        assert told(await place.ask("ann", "POST", "/files", body)) == (305, 403)
        made = (await send(place, "ann")).json()["data"]
        path = f"/files/{made['id']}"
        renamed = await place.ask("ann", "PATCH", path, {"filename_disk": "mine.txt"})
        assert told(renamed) == (305, 403)
        assert (await place.world.client.get(made["data"]["url"])).content == TEXT
        await place.withdraw()
        for hidden in ("data", "private_hash", "filename_disk"):
            await place.grant({**full, "read_field_blacklist": [hidden]})
            seen = await place.data("ann", path)
            assert {hidden, "data"} & seen.keys() == set()
            assert hidden == "data" or made[hidden] not in str(seen)
            asked = await place.ask("ann", "GET", f"{path}?fields=data")
            assert made["filename_disk"] not in asked.text
            await place.withdraw()
    finally:
        await place.withdraw()
        back = [{name: value for name, value in row.items() if name != "id"} for row in rows]
        if back:
            assert (await place.ask("admin", "POST", "/permissions", back)).status_code == 200


CLOSED = {"CONDUCTUS_PROJECTS__MAIN__STORAGE__PUBLIC": "false"}


async def test_who_may_not_read_a_file_learns_nothing_of_it(driver: Driver, tmp_path: Path) -> None:
    async with staff(driver, tmp_path, CLOSED) as place:
        rows = await place.data("admin", "/permissions?filter[collection]=directus_files&limit=-1")
        ids = ",".join(str(row["id"]) for row in rows)
        await place.ask("admin", "DELETE", f"/permissions/{ids}")
        await place.grant(levels(create="full", read="mine"), roles=[place.roles["editors"]])
        there = (await send(place, "ann")).json()["data"]["data"]["url"]
        absent = there.replace(".txt", "0.txt")

        async def ask(person: str | None, url: str, **more: str) -> httpx2.Response:
            headers = {} if person is None else {"authorization": f"Bearer {token(person)}"}
            return await place.world.client.get(url, headers={**headers, **more})

        answer = await ask("ann", there)
        assert (answer.content, answer.headers["cache-control"]) == (TEXT, "private, no-cache")
        for person in ("ben", "cid", None):
            found = await ask(person, there, **{"if-none-match": answer.headers["etag"]})
            missed = await ask(person, absent)
            assert found.status_code == missed.status_code >= 400, person
            told = [{**each.json()["error"], "request_id": ""} for each in (found, missed)]
            assert str(told[0]) == str(told[1]).replace("0.txt", ".txt"), person


async def test_a_damaged_picture_is_a_file(workshop: Workshop) -> None:
    damaged = picture("AVIF").replace(b"pitm", b"junk")
    assert (await upload(workshop, damaged, "x.avif"))["type"] == "image/avif"


async def test_content_that_takes_too_long_to_look_into_is_a_file(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "SECONDS", -1.0)
    made = await upload(workshop, picture(), "x.png")
    assert (made["type"], made["width"]) == ("image/png", None)
    assert (await original(workshop, made["filename_disk"])).content == picture()


async def test_no_file_takes_the_address_of_another(workshop: Workshop) -> None:
    mine, theirs = [await upload(workshop, text, "x.txt") for text in (b"mine", b"theirs")]
    path = f"/files/{mine['id']}"
    address = {"private_hash": theirs["private_hash"]}
    await workshop.refused((204, 409), "PATCH", path, address)
    body = {"data": _base64(TEXT), "filename_download": "x.txt", **address}
    await workshop.refused((204, 409), "POST", "/files", body)
    shown = await workshop.world.client.get(f"/{KEY}/assets/{theirs['private_hash']}")
    assert shown.content == b"theirs"
    again = {"private_hash": mine["private_hash"], "title": "Mine"}
    assert (await workshop.ok("PATCH", path, again))["title"] == "Mine"
    assert (await workshop.ok("PATCH", path, {"private_hash": "another-one"}))["private_hash"]
