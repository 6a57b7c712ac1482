"""The client against a real project, waiting and awaited, on each database."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from conductus.client import (
    AsyncClient,
    Call,
    Client,
    Item,
    Refused,
    Unintelligible,
    activity,
    collections,
    files,
    items,
    permissions,
    relations,
    roles,
    server,
    users,
)
from tests.client.bridge import Bridge
from tests.databases import DRIVERS, fresh_database
from tests.scenarios.shop import EMAIL, HOST, KEY, PASSWORD, Live, live

URL = f"{HOST}/{KEY}"
ID: Item = {"field": "id", "type": "integer", "datatype": "INT", "length": 11,
            "primary_key": True, "auto_increment": True}  # fmt: skip


def text(name: str, **more: Any) -> Item:
    return {"field": name, "type": "string", "datatype": "VARCHAR", "length": 200, **more}


def connected(world: Live, **account: Any) -> AsyncClient:
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=world.server))
    return AsyncClient(URL, http=http, **account)


@asynccontextmanager
async def signed_in(world: Live) -> AsyncIterator[AsyncClient]:
    async with connected(world, email=EMAIL, password=PASSWORD) as client:
        yield client


@pytest.fixture(scope="module", params=DRIVERS)
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    """A library: authors and their books."""
    folder = tmp_path_factory.mktemp("library")
    async with (
        fresh_database(request.param, "client", folder) as url,
        live(url, folder / "data") as found,
        signed_in(found) as client,
    ):
        author = {"field": "author", "type": "m2o", "datatype": "INT", "length": 11}
        pages = {"field": "pages", "type": "integer", "datatype": "INT", "length": 11}
        await client.do(collections.create("authors", [ID, text("name", required=True)]))
        await client.do(collections.create("books", [ID, text("title"), pages, author]))
        await client.do(
            relations.create(
                {
                    "collection_many": "books",
                    "field_many": "author",
                    "collection_one": "authors",
                    "field_one": "books",
                }
            )
        )
        await client.do(collections.create_field("authors", {"field": "books", "type": "o2m"}))
        yield found


async def done(client: AsyncClient, call: Call[Any]) -> Any:
    """What a write answers that may be read."""
    found = await client.do(call)
    assert found is not None
    return found


async def test_items_are_written_read_and_removed(world: Live) -> None:
    books, authors = items("books"), items("authors")
    async with signed_in(world) as client:
        nested = {"name": "Ada", "books": [{"title": "One", "pages": 3}, {"title": "Two"}]}
        ada = await done(client, authors.create(nested, fields=["id", "books.title"]))
        assert [book["title"] for book in ada["books"]] == ["One", "Two"]
        mine = {"filter": {"author": {"_eq": ada["id"]}}}
        found = await client.do(books.list(**mine, sort=["-title"], fields=["title"]))  # type: ignore[arg-type]
        assert found == [{"title": "Two"}, {"title": "One"}]
        deep = authors.read(
            ada["id"], fields=["books.title"], deep={"books": {"limit": 1, "sort": "-title"}}
        )
        assert await client.do(deep) == {"books": [{"title": "Two"}]}
        by_name = {"author.name": {"_eq": "Ada"}, "pages": {"_gt": 2}}
        one = await client.do(books.first(filter=by_name))
        assert (one["title"], await client.do(books.count(filter=by_name))) == ("One", 1)
        figures = await client.do(
            books.figures({"sum": "pages"}, ["author"], filter={"author": {"_eq": ada["id"]}})
        )
        assert figures == [{"author": ada["id"], "sum": {"pages": 3}}]
        changed = await done(client, books.update(one["id"], {"pages": 4}, comment="counted anew"))
        assert changed["pages"] == 4
        history = await client.do(books.revisions(one["id"]))
        assert [revision["delta"] for revision in history][-1] == {"pages": 4}
        reverted = await done(client, books.revert(one["id"], history[0]["id"]))
        assert reverted["pages"] == 3
        said = await done(client, activity.comment("books", one["id"], "lovely"))
        assert said["comment"] == "lovely"
        made = await done(client, books.create_several([{"title": "a"}, {"title": "b"}]))
        several = [{"id": book["id"], "pages": 1} for book in made]
        assert len(await done(client, books.update_several(several))) == 2
        keys = [book["id"] for book in made]
        assert len(await client.do(books.read_several(keys))) == 2
        assert [book["id"] for book in await client.do(books.read_several(keys[:1]))] == keys[:1]
        await client.do(books.delete(*keys))
        assert await client.do(books.read_several(keys)) == []


@pytest.mark.parametrize(
    ("query", "size", "titles"),
    [
        ({}, 2, "abcdefg"),
        ({}, 7, "abcdefg"),
        ({"limit": 5}, 2, "abcde"),
        ({"limit": 5, "offset": 4}, 2, "efg"),
        ({"limit": 2, "page": 2}, 200, "cd"),
        ({"limit": 0}, 2, ""),
    ],
)
async def test_a_list_page_by_page(
    world: Live, query: dict[str, Any], size: int, titles: str
) -> None:
    books = items("books")
    async with signed_in(world) as client:
        made = await done(
            client, books.create_several([{"title": t, "pages": 77} for t in "abcdefg"])
        )
        listing = books.list(filter={"pages": {"_eq": 77}}, fields=["title"], **query)
        found = [book["title"] async for book in client.each(listing, size)]
        await client.do(books.delete(*(book["id"] for book in made)))
    assert "".join(found) == titles


async def test_what_is_refused_says_why(world: Live) -> None:
    async with signed_in(world) as client:
        with pytest.raises(Refused, match="name") as refused:
            await client.do(items("authors").create({}))
        assert (refused.value.code, refused.value.status) == (4, 422)
        assert refused.value.details["fields"]
        assert refused.value.request_id
        with pytest.raises(Refused) as unknown:
            await client.do(items("nothing").list())
        assert (unknown.value.code, unknown.value.status) == (200, 404)
        # Not a part of the path, whatever stands in a key.
        with pytest.raises(Refused) as absent:
            await client.do(items("authors").read("../authors"))
        assert absent.value.code == 203
    async with connected(world) as nobody:
        assert (await nobody.do(server.project()))["api"]["project_name"]
        with pytest.raises(Refused) as public:
            await nobody.do(users.me())
        assert public.value.status == 401


async def test_what_is_no_conductus_is_not_understood(world: Live) -> None:
    async def other(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 502, "headers": []})
        await send({"type": "http.response.body", "body": b"<html>"})

    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=other))
    async with AsyncClient(URL, http=http) as client:
        with pytest.raises(Unintelligible):
            await client.do(server.projects())


async def test_people_and_the_server(world: Live) -> None:
    async with signed_in(world) as client:
        assert (await client.do(users.me()))["email"] == EMAIL
        role = await done(client, roles.create({"name": "Readers"}))
        await client.do(permissions.create(
            {"role": role["id"], "collection": "books", "read": "full", "update": "full"}
        ))  # fmt: skip
        body = {"email": "reader@example.com", "password": "long enough", "status": "active"}
        reader = await done(client, users.create({**body, "role": role["id"]}))
        why = await client.do(permissions.explain(reader["id"], "GET", "/items/books"))
        assert why
        assert KEY in await client.do(server.projects())
        assert await client.do(server.ping()) == b"pong"
        hashed = (await client.do(server.hash("x")))["hash"]
        assert (await client.do(server.matches("x", hashed)))["valid"] is True
        assert len((await client.do(server.random(7)))["random"]) == 7
        assert (await client.do(server.openapi()))["openapi"].startswith("3.1")
    async with connected(world, email="reader@example.com", password="long enough") as client:
        assert await client.do(items("books").list(limit=1)) is not None
        with pytest.raises(Refused) as refused:
            await client.do(items("authors").list())
        assert refused.value.status == 403


@pytest.mark.parametrize("content", [b"hello", io.BytesIO(b"hello")], ids=["bytes", "file"])
async def test_files_go_up_and_come_down(world: Live, content: Any, tmp_path: Path) -> None:
    async with signed_in(world) as client:
        await client.do(users.me())
        # The first attempt is refused: what was read of the file is sent again.
        client._settings.session.token = "ey.invalid.token"
        made = await done(client, files.upload("hello.txt", content, title="Hello"))
        assert (made["title"], made["filesize"]) == ("Hello", 5)
        assert await client.do(files.content(made["private_hash"])) == b"hello"
        await client.do(files.replace(made["id"], "hello.txt", b"other"))
        await client.save(files.content(made["private_hash"]), tmp_path / "down.txt")
        assert (tmp_path / "down.txt").read_bytes() == b"other"
        with pytest.raises(Refused):
            await client.save(files.content("nothing"), tmp_path / "none.txt")
        assert not (tmp_path / "none.txt").exists()
        await client.do(files.delete(made["id"]))


async def test_who_is_forgotten_signs_in_again(world: Live) -> None:
    async with signed_in(world) as client:
        await client.do(users.me())
        first = client._settings.session.token
        answer = await world.client.post(
            f"/{KEY}/auth/logout", headers={"authorization": f"Bearer {first}"}
        )
        assert answer.status_code == 200
        # Of many that are refused at once, one signs in.
        found = await asyncio.gather(*(client.do(users.me()) for _ in range(5)))
        assert {each["email"] for each in found} == {EMAIL}
        second = client._settings.session.token
        assert second != first
    answer = await world.client.get(
        f"/{KEY}/users/me", headers={"authorization": f"Bearer {second}"}
    )
    assert answer.status_code == 401


async def test_a_client_that_waits(world: Live, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()

    def work() -> None:
        http = httpx2.Client(transport=Bridge(world.server, loop))
        with Client(URL, email=EMAIL, password=PASSWORD, http=http) as client:
            books = items("books")
            made = client.do(books.create_several([{"title": t, "pages": 88} for t in "abc"]))
            assert made is not None
            listing = books.list(filter={"pages": {"_eq": 88}})
            assert [book["title"] for book in client.each(listing, 2)] == ["a", "b", "c"]
            client._settings.session.token = "ey.invalid.token"
            client.do(books.delete(*(book["id"] for book in made)))
            with pytest.raises(Refused):
                client.do(books.read(made[0]["id"]))
            file = client.do(files.upload("a.txt", b"abc"))
            assert file is not None
            client.save(files.content(file["private_hash"]), tmp_path / "a.txt")
            assert (tmp_path / "a.txt").read_bytes() == b"abc"
            client.do(files.delete(file["id"]))

    await asyncio.to_thread(work)
