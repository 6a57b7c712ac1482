"""Extensions of the browser app: listed, and their files served. Source: extensions page §1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.cases import raw
from tests.scenarios.shop import KEY, Live, live


@pytest.fixture(scope="module")
async def shelf(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    """One database is enough: nothing here asks it."""
    data = tmp_path_factory.mktemp("shelf")
    put(data, "interfaces/rating/meta.json", '{"name": "Rating", "types": ["integer"]}')
    put(data, "interfaces/rating/display.js", "export default 1")
    put(data, "interfaces/rating/deep/style.css", "a {}")
    put(data, "interfaces/rating/page.html", "<b>")
    put(data, "interfaces/rating/.secret", "s")
    put(data, "interfaces/unfinished/input.js", "")
    put(data, "interfaces/broken/meta.json", "{")
    put(data, "interfaces/listed/meta.json", "[]")
    put(data, "layouts/board/meta.json", "{}")
    put(data, "plugins/own.py", "def register(registry): 'secret'")
    (data / "extensions" / "interfaces" / "leak").symlink_to(data)
    async with live(f"sqlite:///{data / 'x.db'}", data) as world:
        yield world


def put(data: Path, name: str, text: str) -> None:
    path = data / "extensions" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def listed(shelf: Live, path: str, headers: dict[str, str]) -> Any:
    return await shelf.client.get(path, headers=headers)


async def test_folders_with_a_description_are_listed(shelf: Live) -> None:
    rating = {
        "id": "rating",
        "path": "/extensions/custom/interfaces/rating",
        "name": "Rating",
        "types": ["integer"],
    }
    bearer = {"authorization": f"Bearer {shelf.token}"}
    for path, headers in [
        ("/interfaces", bearer),
        (f"/interfaces?access_token={shelf.token}", {}),
        (f"/interfaces?project={KEY}", bearer),
        ("/interfaces", {**bearer, "x-directus-project": KEY}),
        (f"/{KEY}/interfaces", bearer),
    ]:
        answer = await listed(shelf, path, headers)
        assert (answer.status_code, answer.json()) == (200, {"data": [rating]})
    board = {"id": "board", "path": "/extensions/custom/layouts/board"}
    assert (await listed(shelf, "/layouts", bearer)).json() == {"data": [board]}
    assert (await listed(shelf, "/modules", bearer)).json() == {"data": []}


@pytest.mark.parametrize(
    ("path", "headers", "error"),
    [
        ("/interfaces", {}, (3, 401)),
        (f"/interfaces?project={KEY}", {}, (3, 401)),
        ("/interfaces?project=nowhere", {}, (24, 404)),
        ("/interfaces", {"x-directus-project": KEY}, (3, 401)),
        ("/interfaces", {"authorization": "Bearer nonsense"}, (3, 401)),
        (f"/interfaces?project={KEY}", {"authorization": "Bearer a.b.c"}, (101, 401)),
    ],
)
async def test_who_is_not_signed_in_learns_nothing(
    shelf: Live, path: str, headers: dict[str, str], error: tuple[int, int]
) -> None:
    answer = await listed(shelf, path, headers)
    assert (answer.json()["error"]["code"], answer.status_code) == error


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("interfaces/rating/display.js", "text/javascript; charset=utf-8"),
        ("interfaces/rating/deep/style.css", "text/css; charset=utf-8"),
        ("interfaces/rating/meta.json", "application/json; charset=utf-8"),
        ("interfaces/rating/page.html", "text/html; charset=utf-8"),
    ],
)
async def test_files_are_served_as_what_they_are(shelf: Live, path: str, type: str) -> None:
    answer = await shelf.client.get(f"/extensions/custom/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == type
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await shelf.client.get(
        f"/extensions/custom/{path}", headers={"if-none-match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"/custom",
        b"/custom/",
        b"/custom/interfaces",
        b"/custom/interfaces/rating",
        b"/custom/interfaces/rating/",
        b"/custom/interfaces/rating/.secret",
        b"/custom/interfaces/rating/none.js",
        b"/custom/plugins/own.py",
        b"/custom/interfaces/../plugins/own.py",
        b"/custom/interfaces/%2e%2e/plugins/own.py",
        b"/custom/interfaces/..%2fplugins%2fown.py",
        b"/custom/interfaces/..%5cplugins%5cown.py",
        b"/custom/interfaces/rating/..%2f..%2f..%2fconductus.toml",
        b"/custom/interfaces//etc/passwd",
        b"/custom/interfaces/%2fetc%2fpasswd",
        b"/custom/interfaces/leak/projects/main.toml",
        b"/core/interfaces/rating/display.js",
    ],
)
async def test_nothing_else_of_the_disk_is_served(shelf: Live, path: bytes) -> None:
    status, body = await raw(shelf, b"/extensions" + path, b"")
    assert status == 404
    assert body["error"]["code"] == 1


async def test_odd_paths_are_refused(shelf: Live) -> None:
    for path in (b"%00", b"%ff", b"interfaces/a%00b"):
        status, body = await raw(shelf, b"/extensions/custom/" + path, b"")
        assert status in (404, 422), body
    answer = await shelf.client.post("/extensions/custom/interfaces/rating/display.js")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, 6)
