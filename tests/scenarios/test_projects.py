"""The page of a project and what stands beside it. Source: projects page §1, auth page §12."""

from __future__ import annotations

from typing import Any

import pytest

from conductus import __version__
from conductus.database.opening import open_database
from conductus.projects import tables
from conductus.schema.types import FIELD_TYPES
from tests.scenarios.gallery import Gallery
from tests.scenarios.shop import KEY, Live
from tests.scenarios.worlds import done

TOLD = {
    *("requires2FA", "project_name", "project_logo", "project_color", "project_foreground"),
    *("project_background", "project_public_note", "default_locale", "telemetry"),
}


async def page(world: Live, token: str = "") -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = await world.client.get(f"/{KEY}/", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json().get("public", False) is not bool(token)
    return answer.json()["data"]


async def set_(world: Live, key: str, value: Any) -> None:
    """A setting, whatever the API would say of its value."""
    rows = await world.data(f"/settings?filter[key]={key}")
    if rows:
        path = f"/settings/{rows[0]['id']}"
        assert (await world.ask("PATCH", path, json={"value": value})).status_code == 200
    else:
        await done(world, "/settings", {"key": key, "value": value})


async def test_the_page_tells_more_to_whoever_is_signed_in(gallery: Gallery) -> None:
    world = gallery.world
    found = await page(world)
    assert found.keys() == {"api"}
    assert found["api"].keys() == TOLD
    assert found["api"]["requires2FA"] is False

    user = {"email": "reader@example.com", "password": "Reader of pages 1", "status": "active"}
    role = await done(world, "/roles", {"name": "Readers"})
    await done(world, "/users", {**user, "role": role["id"]})
    login = {name: user[name] for name in ("email", "password")}
    answer = await world.client.post(f"/{KEY}/auth/authenticate", json=login)
    found = await page(world, answer.json()["data"]["token"])
    assert found["api"].keys() == {*TOLD, "version", "database"}
    assert found["api"]["version"] == __version__
    assert found["server"] == {"max_upload_size": 100 * 1024 * 1024}

    found = await page(world, world.token)
    assert found["server"]["general"] == {"php_version": None, "php_api": None}


async def test_the_page_shows_files_to_everybody_by_their_addresses(gallery: Gallery) -> None:
    world = gallery.world
    await gallery.hang("logo.png")
    (row,) = await world.data("/files?filter[filename_download]=logo.png&fields=*,data.*")
    await set_(world, "project_logo", row["id"])
    await set_(world, "project_background", row["id"] + 1000)
    api = (await page(world))["api"]
    assert api["project_logo"] == {
        "full_url": f"{row['data']['full_url']}",
        "url": f"/uploads/{KEY}/originals/{row['filename_disk']}",
        "asset_url": f"/{KEY}/assets/{row['private_hash']}",
    }
    # A file that is gone, and a setting without one.
    assert (api["project_background"], api["project_foreground"]) == (None, None)
    for address in (api["project_logo"]["url"], api["project_logo"]["asset_url"]):
        assert (await world.client.get(address)).status_code == 200


async def test_field_types_are_listed_for_whoever_is_signed_in(gallery: Gallery) -> None:
    world, expected = gallery.world, [{"name": name} for name in FIELD_TYPES]
    assert {"name": "alias"} in expected
    bearer = {"authorization": f"Bearer {world.token}"}
    for path, headers in [
        ("/types", bearer),
        (f"/types?project={KEY}", bearer),
        ("/types", {**bearer, "x-directus-project": KEY}),
        (f"/{KEY}/types", bearer),
    ]:
        assert (await world.client.get(path, headers=headers)).json() == {"data": expected}
    refused = await world.client.get(f"/types?project={KEY}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, 108)


async def test_the_bare_address_leads_to_the_browser_app(gallery: Gallery) -> None:
    answer = await gallery.world.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "./admin/")


async def test_an_update_makes_the_tables_that_are_missing(empty: Live, project_url: str) -> None:
    assert (await empty.ask("POST", "/update")).json() == {"data": []}
    refused = await empty.client.post(f"/{KEY}/update")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, 3)
    database = await open_database(project_url)
    try:
        async with database.schema_transaction() as transaction:
            await tables.drop(transaction, database.dialect, "conductus_thumbnails")
    finally:
        await database.close()
    found = await empty.ask("POST", "/update")
    assert (found.status_code, found.json()) == (200, {"data": ["conductus_thumbnails"]})


@pytest.mark.parametrize("token", ["", "nobody's token"])
async def test_who_may_not_update(empty: Live, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    refused = await empty.client.post(f"/{KEY}/update", headers=headers)
    assert refused.status_code == 401
