"""The gallery: files of several kinds, for scenarios of assets."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import md5
from pathlib import Path
from typing import Any

import httpx2

from conductus.database.dialect import Dialect
from conductus.database.dialect import Name as Driver
from conductus.database.executor import Transaction
from conductus.database.opening import open_database
from conductus.projects import rows
from conductus.schema.system import load_system
from tests.databases import fresh_database
from tests.files.pictures import encoded, quarters
from tests.scenarios.shop import KEY, Live, live
from tests.scenarios.worlds import Item, done

PICTURE = encoded(quarters(400, 300), "PNG")
TOKEN = "Token-of-visitor"


class Gallery:
    """The project, its files and a visitor."""

    def __init__(self, world: Live, url: str, folder: Path) -> None:
        self.world = world
        self.folder = folder / "data" / "files" / KEY
        self._url = url

    async def hang(
        self, name: str = "picture.png", content: bytes = PICTURE, type: str | None = "image/png",
        **columns: Any,
    ) -> Item:  # fmt: skip
        """A file; its row."""
        disk = f"{secrets.token_hex(8)}{Path(name).suffix}"
        row = {
            "private_hash": secrets.token_hex(8),
            "filename_disk": disk,
            "filename_download": name,
            "type": type,
            "uploaded_by": 1,
            "uploaded_on": "2031-02-03 04:05:06",
            "filesize": len(content),
            "checksum": md5(content).hexdigest(),
            **columns,
        }
        await self._insert(row)
        if row["filename_disk"] == disk:
            self.store(disk, content)
        return row

    def store(self, disk: str, content: bytes) -> None:
        """Puts a content into the storage."""
        path = self.folder / "originals" / disk
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def generated(self, file: Item) -> list[str]:
        """The variants that are kept of a file."""
        found = (self.folder / "generated").rglob(file["filename_disk"])
        return sorted(path.parent.name for path in found)

    async def ask(
        self, file: Item | str, query: str = "", method: str = "GET", **headers: str
    ) -> httpx2.Response:
        """A request for an asset, by nobody."""
        address = file if isinstance(file, str) else file["private_hash"]
        path = f"/{KEY}/assets/{address}{'?' + query if query else ''}"
        stated = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.world.client.request(method, path, headers=stated)

    async def ok(self, file: Item | str, query: str = "", **headers: str) -> httpx2.Response:
        """An asset that is there."""
        answer = await self.ask(file, query, **headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def refused(self, file: Item | str, query: str = "", **headers: str) -> tuple[int, int]:
        """Code and status of an asset that is not given."""
        answer = await self.ask(file, query, **headers)
        assert answer.status_code >= 400, (query, answer.status_code)
        return answer.json()["error"]["code"], answer.status_code

    @asynccontextmanager
    async def setting(self, key: str, value: Any) -> AsyncIterator[None]:
        """A setting for a while."""
        found = await self.world.data(f"/settings?filter[key]={key}&fields=id,value")
        if found:
            (row,) = found
        else:
            row = {**await done(self.world, "/settings", {"key": key, "value": None})}
        path = f"/settings/{row['id']}"
        assert (await self.world.ask("PATCH", path, json={"value": value})).status_code == 200
        try:
            yield
        finally:
            before = {"value": row.get("value")}
            assert (await self.world.ask("PATCH", path, json=before)).status_code == 200

    async def change(self, file: Item, **values: Any) -> None:
        """Writes columns of a file's row."""
        key = {"private_hash": file["private_hash"]}
        kinds = load_system().tables["directus_files"].kinds
        async with self._transaction() as (transaction, dialect):
            await rows.change(transaction, dialect, "directus_files", kinds, key, values)

    async def _insert(self, row: Item) -> None:
        kinds = load_system().tables["directus_files"].kinds
        async with self._transaction() as (transaction, dialect):
            await rows.add(transaction, dialect, "directus_files", kinds, [row])

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[tuple[Transaction, Dialect]]:
        database = await open_database(self._url)
        try:
            async with database.transaction() as transaction:
                yield transaction, database.dialect
        finally:
            await database.close()


@asynccontextmanager
async def gallery(driver: Driver, folder: Path) -> AsyncIterator[Gallery]:
    """The gallery, with a visitor who may read nothing yet."""
    async with (
        fresh_database(driver, "gallery", folder) as url,
        live(url, folder / "data") as world,
    ):
        role = await done(world, "/roles", {"name": "visitors"})
        visitor = {
            "email": "visitor@example.org",
            "password": "a long password",
            "status": "active",
            "role": role["id"],
            "token": TOKEN,
            "first_name": "Some",
            "last_name": "One",
        }
        await done(world, "/users", visitor)
        found = Gallery(world, url, folder)
        yield found
