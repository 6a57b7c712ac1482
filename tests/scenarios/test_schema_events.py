"""Hooks of collections, fields and contents of files, on each database.

Source: extensions page §2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from conductus.errors import Forbidden
from conductus.extensions import AfterEvent, BeforeFile, BeforeSchemaChange, Registry
from conductus.extensions.events import KINDS
from conductus.extensions.loading import given
from tests.databases import DRIVERS, fresh_database
from tests.scenarios.shop import KEY, live
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import text, whole

Item = dict[str, Any]
PATIENCE_SECONDS = 20
SCHEMA = [event for event in KINDS if event.startswith(("collection.", "field."))]
FILES = [event for event in KINDS if event.startswith("file.")]


class Bureau:
    """What the hooks refuse, and what they were told."""

    def __init__(self) -> None:
        self.refuses: Callable[[str, str | None], bool] = lambda *_: False
        self.asked: list[BeforeSchemaChange] = []
        self.files: list[tuple[BeforeFile, bytes]] = []
        self.told: list[AfterEvent] = []
        self._news = asyncio.Event()

    def register(self, registry: Registry) -> None:
        registry.on(*(f"{event}:before" for event in SCHEMA))(self._before)
        registry.on(*(f"{event}:before" for event in FILES))(self._before_file)
        registry.on(*SCHEMA, *FILES)(self._after)

    def clear(self) -> None:
        self.refuses = lambda *_: False
        self.asked, self.files, self.told = [], [], []

    async def heard(
        self, about: str, number: int, item: Any = None
    ) -> list[tuple[str, Any, Item | None]]:
        """What was told of a collection, or of one item, once there is so much; in any order."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := self._of(about, item)) < number:
                self._news.clear()
                await self._news.wait()
        assert len({one.id for one in found}) == number
        assert {(one.project, one.user) for one in found} == {(KEY, 1)}
        return [(one.event, one.item, one.payload) for one in found]

    def _of(self, about: str, item: Any) -> list[AfterEvent]:
        of_it = [one for one in self.told if one.collection == about]
        return [one for one in of_it if item in (None, one.item)]

    def asked_about(self, collection: str) -> list[tuple[str, str | None]]:
        return [(one.event, one.field) for one in self.asked if one.collection == collection]

    async def _before(self, event: BeforeSchemaChange) -> None:
        self.asked.append(event)
        # What a hook does to its copy has no effect.
        event.payload["note"] = "by hook"
        if self.refuses(event.event, event.field):
            raise Forbidden(f"No {event.event}")

    async def _before_file(self, event: BeforeFile) -> None:
        content = b""
        if event.content is not None:
            content = b"".join([chunk async for chunk in event.content()])
        self.files.append((event, content))
        if self.refuses(event.event, None) or b"VIRUS" in content:
            raise Forbidden(f"No {event.event}")

    async def _after(self, event: AfterEvent) -> None:
        self.told.append(event)
        self._news.set()


@pytest.fixture(scope="module", params=DRIVERS)
async def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Workshop, Bureau]]:
    folder = tmp_path_factory.mktemp("bureau")
    bureau = Bureau()
    async with (
        fresh_database(request.param, "bureau", folder) as url,
        live(url, folder / "data", given=[given("bureau", bureau.register)]) as world,
    ):
        yield Workshop(world, request.param, url, folder / "data"), bureau


@pytest.fixture
def shop(opened: tuple[Workshop, Bureau]) -> Workshop:
    opened[1].clear()
    return opened[0]


@pytest.fixture
def bureau(opened: tuple[Workshop, Bureau]) -> Bureau:
    return opened[1]


# -- collections and fields ----------------------------------------------------------


async def test_what_is_done_to_collections_and_fields_is_asked_and_told(
    shop: Workshop, bureau: Bureau
) -> None:
    name = await shop.make(text("title"), whole("grams"), note="ours")
    await shop.ok("PATCH", f"/collections/{name}", {"note": "theirs"})
    await shop.ok("POST", f"/fields/{name}", text("colour"))
    await shop.ok("PATCH", f"/fields/{name}/colour", {"note": "of the crust"})
    await shop.ok("PATCH", f"/fields/{name}", [{"field": "grams", "note": "g"},
                                               {"field": "title", "note": "t"}])  # fmt: skip
    await shop.ok("DELETE", f"/fields/{name}/colour,grams")
    await shop.ok("DELETE", f"/collections/{name}")
    asked = [
        ("collection.create", None), ("field.create", "id"), ("field.create", "title"),
        ("field.create", "grams"), ("collection.update", None), ("field.create", "colour"),
        ("field.update", "colour"), ("field.update", "grams"), ("field.update", "title"),
        ("field.delete", "colour"), ("field.delete", "grams"), ("collection.delete", None),
    ]  # fmt: skip
    assert bureau.asked_about(name) == asked
    assert {one.actor.user for one in bureau.asked} == {1}
    told = await bureau.heard(name, len(asked))
    assert sorted((event, item) for event, item, _ in told) == sorted(
        (event, field or name) for event, field in asked
    )
    payloads = {(event, item): payload for event, item, payload in told}
    created = payloads["collection.create", name]
    assert created is not None
    assert (created["collection"], created["note"]) == (name, "ours")
    assert [field["field"] for field in created["fields"]] == ["id", "title", "grams"]
    assert payloads["field.update", "colour"] == {"note": "of the crust"}
    assert payloads["collection.delete", name] is None
    assert payloads["field.delete", "grams"] is None


async def test_fields_that_come_with_a_collection_are_asked_about(
    shop: Workshop, bureau: Bureau
) -> None:
    name = await shop.make(text("title"))
    bureau.clear()
    fields = [{"field": "title", "note": "x"}, whole("grams")]
    await shop.ok("PATCH", f"/collections/{name}", {"fields": fields})
    assert bureau.asked_about(name) == [
        ("collection.update", None), ("field.update", "title"), ("field.create", "grams"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "event"),
    [
        ("POST", "/collections", {"collection": "new_one"}, "collection.create"),
        ("POST", "/collections", {"collection": "new_one"}, "field.create"),
        ("PATCH", "/collections/{}", {"note": "x"}, "collection.update"),
        ("PATCH", "/collections/{}", {"note": "x", "fields": [text("more")]}, "field.create"),
        ("DELETE", "/collections/{}", None, "collection.delete"),
        ("POST", "/fields/{}", text("more"), "field.create"),
        ("PATCH", "/fields/{}/title", {"length": 99, "note": "x"}, "field.update"),
        ("PATCH", "/fields/{}", [{"field": "title", "length": 99}], "field.update"),
        ("DELETE", "/fields/{}/title", None, "field.delete"),
    ],
)
async def test_what_a_hook_refuses_is_not_begun(
    shop: Workshop, bureau: Bureau, method: str, path: str, body: Any, event: str
) -> None:
    name = await shop.make(text("title"))
    await bureau.heard(name, 3)
    if body is not None and body == {"collection": "new_one"}:
        body = {**body, "fields": [{**text("title"), "primary_key": True}]}
    before = await shop.structure()
    bureau.clear()
    bureau.refuses = lambda asked, _: asked == event
    told = await shop.refused((10, 403), method, path.format(name), body)
    assert told["message"] == f"No {event}"
    assert await shop.structure() == before
    assert await shop.items(name) == []
    bureau.clear()
    # What is told next is of the next change alone.
    await shop.ok("PATCH", f"/collections/{name}", {"note": "after"})
    assert await bureau.heard(name, 1) == [("collection.update", name, {"note": "after"})]


async def test_one_field_of_several_is_enough_to_refuse_all(shop: Workshop, bureau: Bureau) -> None:
    name = await shop.make(text("title"), whole("grams"))
    before = await shop.fields(name)
    bureau.refuses = lambda _, field: field == "grams"
    await shop.refused((10, 403), "DELETE", f"/fields/{name}/title,grams")
    assert await shop.fields(name) == before


async def test_hooks_are_asked_of_what_the_schema_allows_alone(
    shop: Workshop, bureau: Bureau
) -> None:
    name = await shop.make(text("title"))
    bureau.clear()
    await shop.refused((305, 403), "DELETE", "/fields/directus_users/email")
    await shop.refused((202, 404), "DELETE", f"/fields/{name}/none")
    await shop.refused((4, 422), "POST", f"/fields/{name}", {"field": "no type"})
    nobody = await shop.world.client.post(f"/{KEY}/collections", json={"collection": "x"})
    assert nobody.status_code in (401, 403)
    assert bureau.asked == []


async def test_a_hook_of_one_collection_hears_of_no_other(shop: Workshop) -> None:
    registry = Registry("some", {})
    registry.on("field.create.articles:before")(lambda _: None)
    (waiter,) = registry.registered().hooks
    assert (waiter.event, waiter.about, waiter.moment) == ("field.create", "articles", "before")


# -- files ---------------------------------------------------------------------------


async def upload(shop: Workshop, content: bytes = b"Some words.\n", name: str = "a.txt") -> Item:
    made: Item = await shop.ok("POST", "/files", files={"file": (name, content, "text/plain")})
    return made


def stored(shop: Workshop) -> dict[str, bytes]:
    """All that the storage holds."""
    folder = shop.folder / "files" / KEY
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def everything(shop: Workshop) -> tuple[dict[str, bytes], list[Item], list[Any]]:
    deeds = await shop.deeds("directus_files")
    return stored(shop), await shop.get("/files?limit=-1&fields=*&sort=id"), deeds


async def test_contents_that_come_and_go_are_asked_and_told(shop: Workshop, bureau: Bureau) -> None:
    made = await upload(shop)
    other = {"file": ("b.txt", b"Other words", "text/plain")}
    await shop.ok("PATCH", f"/files/{made['id']}", files=other)
    await shop.ok("PATCH", f"/files/{made['id']}", {"title": "No content"})
    await shop.ok("PATCH", f"/files/{made['id']}", {"filename_disk": "renamed.txt"})
    await shop.ok("DELETE", f"/files/{made['id']}")
    assert [(event.event, event.key, content) for event, content in bureau.files] == [
        ("file.save", None, b"Some words.\n"),
        ("file.save", made["id"], b"Other words"),
        ("file.save", made["id"], b""),
        ("file.delete", made["id"], b""),
    ]
    saved = bureau.files[0][0]
    assert (saved.payload["filesize"], saved.payload["type"]) == (12, "text/plain")
    assert (saved.payload["filename_download"], saved.actor.user) == ("a.txt", 1)
    told = await bureau.heard("directus_files", 4, made["id"])
    assert sorted((event, item) for event, item, _ in told) == sorted(
        (event.event, made["id"]) for event, _ in bureau.files
    )


@pytest.mark.parametrize("method", ["form", "json", "replace", "rename", "delete"])
async def test_a_refused_file_leaves_nothing_behind(
    shop: Workshop, bureau: Bureau, method: str
) -> None:
    made = await upload(shop)
    await bureau.heard("directus_files", 1, made["id"])
    before = await everything(shop)
    bureau.refuses = lambda event, _: method in ("rename", "delete")
    path = f"/files/{made['id']}"
    virus = {"file": ("b.txt", b"A VIRUS", "text/plain")}
    match method:
        case "form":
            await shop.refused((10, 403), "POST", "/files", files=virus)
        case "json":
            body = {"data": "QSBWSVJVUw==", "filename_download": "b.txt"}
            await shop.refused((10, 403), "POST", "/files", body)
        case "replace":
            await shop.refused((10, 403), "PATCH", path, files=virus)
        case "rename":
            await shop.refused((10, 403), "PATCH", path, {"filename_disk": "other.txt"})
        case _:
            await shop.refused((10, 403), "DELETE", path)
    assert await everything(shop) == before
    bureau.clear()
    await shop.ok("DELETE", path)
    told = await bureau.heard("directus_files", 1, made["id"])
    assert {event for event, _, _ in told} == {"file.delete"}


async def test_who_may_not_upload_reaches_no_hook(shop: Workshop, bureau: Bureau) -> None:
    made = await upload(shop)
    bureau.clear()
    files = {"file": ("b.txt", b"x", "text/plain")}
    client = shop.world.client
    refused = [
        await client.post(f"/{KEY}/files", files=files),
        await client.delete(f"/{KEY}/files/{made['id']}"),
    ]
    assert {answer.status_code for answer in refused} <= {401, 403, 404}
    assert bureau.files == []
