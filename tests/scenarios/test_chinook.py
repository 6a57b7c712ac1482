"""Chinook, adopted in place: read, filtered, written and reverted alike on each database.

One table of requests: PostgreSQL's script spells the names in snake_case. Source: schema
page §3.2 and §3.3.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conductus.database.dialect import Name as Driver
from tests.chinook import put_chinook
from tests.databases import DRIVERS, fresh_database
from tests.scenarios.shop import live
from tests.scenarios.workshop import Workshop

Item = dict[str, Any]
COUNTS = {
    "Album": 347,
    "Artist": 275,
    "Customer": 59,
    "Employee": 8,
    "Genre": 25,
    "Invoice": 412,
    "InvoiceLine": 2240,
    "MediaType": 5,
    "Playlist": 18,
    "PlaylistTrack": 8715,
    "Track": 3503,
}
_NAME = re.compile(r"\b[A-Z][A-Za-z]*[a-z][A-Za-z]*\b")


class Chinook:
    """The project, asked in the names of the SQLite script."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.snake = workshop.driver == "postgresql"

    def path(self, path: str) -> str:
        """A path with the names of this database; a value is kept after `=~`."""
        if not self.snake:
            return path.replace("=~", "=")
        parts = re.split(r"(=~[^&]*)", path)
        spelled = [
            part[0] + part[2:] if part.startswith("=~") else _NAME.sub(_snake, part)
            for part in parts
        ]
        return "".join(spelled)

    def there(self, value: Any) -> Any:
        """A body with the names of this database."""
        match value:
            case dict():
                return {self._spelled(name): self.there(part) for name, part in value.items()}
            case list():
                return [self.there(part) for part in value]
            case _:
                return value

    def _spelled(self, name: str) -> str:
        return _NAME.sub(_snake, name) if self.snake else name

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        """The `data`, in the names of this database."""
        sent = self.there(body) if body is not None else None
        return await self.workshop.ok(method, self.path(path), sent)


def _snake(match: re.Match[str]) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in match.group()).lstrip("_")


@pytest.fixture(scope="session", params=DRIVERS)
async def chinook(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Chinook]:
    """Chinook on each database, adopted as the command line does it."""
    driver: Driver = request.param
    folder: Path = tmp_path_factory.mktemp("chinook")
    async with fresh_database(driver, "chinook", folder) as url:
        await put_chinook(driver, url)
        async with live(url, folder / "data", manage=True) as world:
            yield Chinook(Workshop(world, driver, url, folder / "data"))


async def test_eleven_collections_and_eleven_relations(chinook: Chinook) -> None:
    workshop = chinook.workshop
    listed = await workshop.get("/collections?fields=collection,managed")
    theirs = {one["collection"]: one["managed"] for one in listed
              if not one["collection"].startswith("directus_")}  # fmt: skip
    assert theirs == dict.fromkeys(map(chinook.path, COUNTS), True)
    rows = await workshop.get("/relations?limit=-1")
    ours = [row for row in rows if not row["collection_many"].startswith("directus_")]
    assert len(ours) == 11
    assert sum(row["junction_field"] is not None for row in ours) == 2


@pytest.mark.parametrize("name", COUNTS)
async def test_every_row_is_there(chinook: Chinook, name: str) -> None:
    path = chinook.path(f"/items/{name}?limit=1&meta=total_count")
    answer = await chinook.workshop.world.ask("GET", path)
    assert answer.json()["meta"]["total_count"] == COUNTS[name]


READS: list[tuple[str, str, Any]] = [
    ("an item", "/items/Artist/1", {"ArtistId": 1, "Name": "AC/DC"}),
    ("an exact price", "/items/Track/1?fields=Name,UnitPrice,Milliseconds",
     {"Name": "For Those About To Rock (We Salute You)", "UnitPrice": 0.99,
      "Milliseconds": 343719}),
    ("many to one, twice", "/items/Track/1?fields=AlbumId.ArtistId.Name",
     {"AlbumId": {"ArtistId": {"Name": "AC/DC"}}}),
    ("one to many", "/items/Artist/1?fields=Album.Title",
     {"Album": [{"Title": "For Those About To Rock We Salute You"},
                {"Title": "Let There Be Rock"}]}),
    ("to itself", "/items/Employee/2?fields=ReportsTo.LastName,Employee.LastName",
     {"ReportsTo": {"LastName": "Adams"},
      "Employee": [{"LastName": "Peacock"}, {"LastName": "Park"}, {"LastName": "Johnson"}]}),
    ("many to many", "/items/Playlist/18?fields=Name,PlaylistTrack.TrackId.Name",
     {"Name": "On-The-Go 1", "PlaylistTrack": [{"TrackId": {"Name": "Now's The Time"}}]}),
    ("many to many from the other end", "/items/Track/597?fields=PlaylistTrack.PlaylistId.Name",
     {"PlaylistTrack": [{"PlaylistId": {"Name": name}} for name in (
         "Music", "Music", "On-The-Go 1")]}),
    ("a composite key", "/items/PlaylistTrack/18%2C597", {"PlaylistId": 18, "TrackId": 597}),
    ("several composite keys", "/items/PlaylistTrack/1%2C1,18%2C597",
     [{"PlaylistId": 1, "TrackId": 1}, {"PlaylistId": 18, "TrackId": 597}]),
    ("a filter through three tables",
     "/items/Playlist?fields=Name&filter[PlaylistTrack.TrackId.AlbumId.ArtistId.Name]=~Miles Davis"
     "&sort=PlaylistId", [{"Name": "Music"}, {"Name": "Music"}, {"Name": "On-The-Go 1"}]),
    ("a filter up and down", "/items/Artist?fields=Name&filter[Album.Track.Name][contains]=~smoke"
     "&sort=Name&limit=2", None),
    ("accents", "/items/Artist?fields=ArtistId&filter[Name]=~Antônio Carlos Jobim",
     [{"ArtistId": 6}]),
    ("a moment", "/items/Invoice/1?fields=InvoiceDate,Total",
     {"InvoiceDate": "2021-01-01 00:00:00", "Total": 1.98}),
    ("a sum", "/items/Invoice?aggregate[sum]=Total&aggregate[count]=InvoiceId",
     [{"sum": {"Total": 2328.6}, "count": {"InvoiceId": 412}}]),
]  # fmt: skip
SAME: dict[str, Any] = {}
"""Answers that are only held against each other, by what was asked."""


@pytest.mark.parametrize(("says", "path", "expected"), READS, ids=[row[0] for row in READS])
async def test_reads(chinook: Chinook, says: str, path: str, expected: Any) -> None:
    found = await chinook.ok("GET", path)
    if expected is None:
        assert found
        told = [list(item.values()) for item in found]
        assert told == SAME.setdefault(says, told)
        return
    assert found == chinook.there(expected)


async def test_writes_revisions_and_reverting(chinook: Chinook) -> None:
    workshop = chinook.workshop
    artist = {"ArtistId": 1001, "Name": "Newcomers ü"}
    assert await chinook.ok("POST", "/items/Artist", artist) == chinook.there(artist)
    album = {"AlbumId": 1001, "Title": "First", "ArtistId": {**artist, "Name": "Renamed ü"}}
    made = await chinook.ok("POST", "/items/Album?fields=*,ArtistId.*", album)
    assert made == chinook.there(album)
    track = {
        "TrackId": 9001, "Name": "Song", "AlbumId": 1001, "MediaTypeId": 1, "GenreId": 1,
        "Milliseconds": 1000, "UnitPrice": "1.29",
    }  # fmt: skip
    made = await chinook.ok("POST", "/items/Track", track)
    assert made == made | chinook.there({**track, "UnitPrice": 1.29, "Bytes": None})
    changed = await chinook.ok("PATCH", "/items/Track/9001?fields=UnitPrice", {"UnitPrice": 0.5})
    assert changed == chinook.there({"UnitPrice": 0.5})
    revision = await chinook.ok("GET", "/items/Track/9001/revisions/0")
    back = await workshop.ok("PATCH", chinook.path(f"/items/Track/9001/revert/{revision['id']}"))
    assert back == made
    name = chinook.path("Track")
    deeds = [deed for deed in await workshop.deeds(name) if deed[1] == "9001"]
    assert deeds == [("create", "9001"), ("update", "9001"), ("revert", "9001")]
    await workshop.refused(
        (12, 422), "POST", chinook.path("/items/Track"), chinook.there({**track, "TrackId": 9002,
        "AlbumId": 999999}))  # fmt: skip
    await workshop.refused((12, 422), "DELETE", chinook.path("/items/Artist/1001"))
    await workshop.refused(
        (4, 422), "POST", chinook.path("/items/Album"), chinook.there({"Title": None}))  # fmt: skip
    long = chinook.there({"Name": "x" * 201})
    await workshop.refused((12, 422), "PATCH", chinook.path("/items/Track/9001"), long)
    for path in ("/items/Track/9001", "/items/Album/1001", "/items/Artist/1001"):
        await chinook.ok("DELETE", path)


async def test_the_junction_is_written_through_and_by_its_keys(chinook: Chinook) -> None:
    workshop = chinook.workshop
    fields = "?fields=PlaylistId,PlaylistTrack.TrackId"
    sent = {"PlaylistId": 500, "Name": "Mine", "PlaylistTrack": [{"TrackId": 1}, {"TrackId": 2}]}
    made = await chinook.ok("POST", f"/items/Playlist{fields}", sent)
    assert made == chinook.there({
        "PlaylistId": 500, "PlaylistTrack": [{"TrackId": 1}, {"TrackId": 2}]})  # fmt: skip
    change = {"PlaylistTrack": [
        {"PlaylistId": 500, "TrackId": 1, "$delete": True}, {"TrackId": 3}]}  # fmt: skip
    changed = await chinook.ok("PATCH", f"/items/Playlist/500{fields}", change)
    assert changed == chinook.there({
        "PlaylistId": 500, "PlaylistTrack": [{"TrackId": 2}, {"TrackId": 3}]})  # fmt: skip
    # A key alone ties nothing whose key says another parent, and leaves what is tied already.
    for tied, playlists in (("17,1", "500"), ("500,2", "500,17")):
        body = chinook.there({"PlaylistTrack": [tied]})
        path = chinook.path(f"/items/Playlist/{quote(playlists)}")
        await workshop.refused((12, 422), "PATCH", path, body)
    kept = {"PlaylistTrack": ["500,2"]}
    assert await chinook.ok("PATCH", f"/items/Playlist/500{fields}", kept) == changed
    key = {"PlaylistId": 500, "TrackId": 4}
    assert await chinook.ok("POST", "/items/PlaylistTrack", key) == chinook.there(key)
    await workshop.refused(
        (204, 409), "POST", chinook.path("/items/PlaylistTrack"), chinook.there(key)
    )
    path = chinook.path("/items/PlaylistTrack/500%2C4")
    await workshop.refused((12, 422), "PATCH", path, chinook.there({"TrackId": 5}))
    assert len(await workshop.get(f"{path}/revisions")) == 1
    name = chinook.path("PlaylistTrack")
    deeds = [deed for deed in await workshop.deeds(name) if deed[1].startswith("500,")]
    assert sorted(deeds) == [
        ("create", "500,1"), ("create", "500,2"), ("create", "500,3"), ("create", "500,4"),
        ("delete", "500,1"),
    ]  # fmt: skip
    await workshop.ok("DELETE", chinook.path("/items/PlaylistTrack/500%2C4,500%2C2,500%2C3"))
    await workshop.refused((203, 404), "GET", path)
    await chinook.ok("DELETE", "/items/Playlist/500")
