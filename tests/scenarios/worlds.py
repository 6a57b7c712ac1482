"""Named worlds, built through the public API, that scenarios read and do not change.

`newsroom`: articles with every kind of relation, status, translations and field type.
`archive`: tables that were there before: composite keys, none at all, a view, odd names.
Each is made once for each database and test process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from conductus.database.dialect import Name as Driver
from tests.chinook import put_chinook
from tests.databases import fresh_database
from tests.scenarios.shop import Live, live
from tests.scenarios.tables import put_odd_tables

Item = dict[str, Any]

NO_SHOW = {"soft_delete": True, "published": False}
ARTICLE_STATUSES = {
    "published": {"name": "Published", "published": True, "soft_delete": False},
    "draft": {"name": "Draft", "published": False, "soft_delete": False},
    "deleted": {"name": "Deleted", **NO_SHOW},
}
COMMENT_STATUSES = {
    "visible": {"name": "Visible", "published": True, "soft_delete": False},
    "deleted": {"name": "Deleted", **NO_SHOW},
}


@asynccontextmanager
async def newsroom(driver: Driver, folder: Path) -> AsyncIterator[Live]:
    """Articles, authors, comments, tags, categories, a ledger and some secrets."""
    async with (
        fresh_database(driver, "newsroom", folder) as url,
        live(url, folder / "data") as world,
    ):
        for name, fields in COLLECTIONS.items():
            await done(world, "/collections", {"collection": name, "fields": [KEY, *fields]})
        for relation in RELATIONS:
            await done(world, "/relations", relation)
        for name, items in ITEMS.items():
            await done(world, f"/items/{name}", items)
        yield world


@asynccontextmanager
async def archive(driver: Driver, folder: Path) -> AsyncIterator[Live]:
    """Chinook and tables with odd names, adopted as they are."""
    async with fresh_database(driver, "archive", folder) as url:
        await put_chinook(driver, url)
        await put_odd_tables(url)
        async with live(url, folder / "data", manage=True) as world:
            yield world


async def done(world: Live, path: str, body: Any) -> Any:
    """The `data` of a POST that must succeed."""
    answer = await world.ask("POST", path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def field(name: str, type: str, datatype: str = "", length: Any = None, **rest: Any) -> Item:
    """A field as clients write it."""
    found = {"field": name, "type": type, "interface": "text-input", **rest}
    if datatype:
        found["datatype"] = datatype
    if length is not None:
        found["length"] = length
    return found


def text(name: str, type: str = "string", **rest: Any) -> Item:
    """A field of a short text."""
    return field(name, type, "VARCHAR", 200, **rest)


def whole(name: str, type: str = "integer", **rest: Any) -> Item:
    """A field of a whole number, or of a key."""
    return field(name, type, "INT", **rest)


def status(mapping: Item, **rest: Any) -> Item:
    """A status field."""
    return text("status", "status", options={"status_mapping": mapping}, **rest)


def relation(many: str, field_many: str, one: str, field_one: str | None, **rest: Any) -> Item:
    """A row of `directus_relations`."""
    return {
        "collection_many": many,
        "field_many": field_many,
        "collection_one": one,
        "field_one": field_one,
        **rest,
    }


KEY = field("id", "integer", "INT", 11, primary_key=True, auto_increment=True)
COLLECTIONS: dict[str, list[Item]] = {
    "authors": [
        text("name", required=True),
        field("born", "date", "DATE"),
        whole("boss", "m2o"),
        field("articles", "o2m"),
        field("team", "o2m"),
        field("comments", "o2m"),
    ],
    "categories": [
        text("name"),
        whole("sort", "sort"),
        whole("parent", "m2o"),
        field("children", "o2m"),
        field("articles", "o2m"),
    ],
    "tags": [text("name"), field("articles", "o2m")],
    "articles": [
        status(ARTICLE_STATUSES),
        text("title"),
        field("body", "string", "TEXT"),
        whole("views"),
        field("price", "decimal", "DECIMAL", "14,4"),
        field("score", "decimal", "DOUBLE"),
        field("featured", "boolean", "TINYINT", 1),
        field("day", "date", "DATE"),
        field("at", "time", "TIME"),
        field("moment", "datetime", "DATETIME"),
        field("extra", "json", "JSON"),
        text("words", "array"),
        field("code", "uuid", "CHAR", 36),
        field("data", "binary", "BLOB"),
        text("address", "slug"),
        whole("author", "m2o"),
        whole("category", "m2o"),
        whole("picture", "file"),
        whole("owner", "owner"),
        field("created", "datetime_created", "DATETIME"),
        field("comments", "o2m"),
        field("tags", "o2m"),
        field("translations", "translation"),
        field("divider", "alias"),
    ],
    "comments": [
        status(COMMENT_STATUSES),
        text("body"),
        whole("article", "m2o"),
        whole("author", "m2o"),
    ],
    "article_tags": [whole("article", "m2o"), whole("tag", "m2o")],
    "article_translations": [text("lang", "lang"), text("title"), whole("article", "m2o")],
    "ledger": [
        text("side"),
        whole("small"),
        field("big", "integer", "BIGINT"),
        field("exact", "decimal", "DECIMAL", "30,6"),
        field("real", "decimal", "DOUBLE"),
        field("day", "date", "DATE"),
    ],
    "leaflets": [text("title"), field("texts", "translation")],
    "leaflet_texts": [text("title"), whole("leaflet", "m2o")],
    "safes": [
        text("label"),
        field("pin", "hash", "VARCHAR", 255),
        field("shown", "hash", "VARCHAR", 255, options={"visible": True}),
    ],
}
RELATIONS: list[Item] = [
    relation("authors", "boss", "authors", "team"),
    relation("articles", "author", "authors", "articles"),
    relation("articles", "category", "categories", "articles"),
    relation("categories", "parent", "categories", "children"),
    relation("comments", "article", "articles", "comments"),
    relation("comments", "author", "authors", "comments"),
    relation("article_tags", "article", "articles", "tags", junction_field="tag"),
    relation("article_tags", "tag", "tags", "articles", junction_field="article"),
    relation("article_translations", "article", "articles", "translations"),
    relation("leaflet_texts", "leaflet", "leaflets", "texts"),
]
ITEMS: dict[str, list[Item]] = {
    "authors": [
        {"name": "Ann", "born": "1980-05-05"},
        {"name": "Bob", "born": "1990-01-01", "boss": 1},
        {"name": "O'Hara", "boss": 2},
        {"name": "Élodie"},
    ],
    "categories": [
        {"name": "root", "sort": 3},
        {"name": "leaf", "sort": 1, "parent": 1},
        {"name": "twig", "sort": 2, "parent": 2},
        {"name": "loose"},
    ],
    "tags": [{"name": "news"}, {"name": "sport"}, {"name": "arts"}],
    "articles": [
        {
            "status": "published",
            "title": "Élan vital",
            "body": "Once upon a time",
            "views": 10,
            "price": "1.5",
            "score": 1.25,
            "featured": True,
            "day": "2031-01-01",
            "at": "08:00:00",
            "moment": "2031-01-01 08:00:00",
            "extra": {"a": 1, "b": [True, None, "x"]},
            "words": ["red", "blue"],
            "code": "11111111-1111-4111-8111-111111111111",
            "data": "AAEC",
            "address": "elan-vital",
            "author": 1,
            "category": 2,
        },
        {
            "status": "published",
            "title": "100% wool",
            "views": 20,
            "price": "2.2500",
            "score": -0.5,
            "featured": False,
            "day": "2031-02-28",
            "at": "12:30:15",
            "moment": "2031-02-28 12:30:15",
            "extra": [],
            "words": ["red"],
            "code": "22222222-2222-4222-8222-222222222222",
            "address": "wool",
            "author": 1,
            "category": 3,
        },
        {
            "status": "draft",
            "title": "snake_case",
            "views": 0,
            "price": 0,
            "score": 0,
            "featured": False,
            "day": "2030-12-31",
            "at": "00:00:00",
            "moment": "2030-12-31 23:59:59",
            "extra": "text",
            "words": [],
            "author": 2,
        },
        {"status": "draft", "title": None},
        {"status": "deleted", "title": "gone", "views": 5, "author": 2, "category": 2},
        {
            "status": "published",
            "title": "back\\slash",
            "views": 20,
            "price": "10.125",
            "score": 1e300,
            "featured": True,
            "day": "2032-02-29",
            "at": "23:59:59",
            "moment": "2032-02-29 00:00:00",
            "author": 3,
            "category": 2,
        },
        {"status": "published", "title": "", "views": -3, "price": "-0.5", "featured": False},
        {"status": "published", "title": "ÉLAN AGAIN", "views": 2147483647, "author": 4},
    ],
    "comments": [
        {"status": "visible", "body": "first", "article": 1, "author": 1},
        {"status": "visible", "body": "second", "article": 1, "author": 2},
        {"status": "deleted", "body": "hidden", "article": 1, "author": 2},
        {"status": "visible", "body": "third", "article": 2, "author": 2},
        {"status": "visible", "body": "orphan", "author": 3},
        {"status": "visible", "body": "100% sure", "article": 6, "author": 3},
    ],
    "article_tags": [
        {"article": 1, "tag": 1},
        {"article": 1, "tag": 2},
        {"article": 2, "tag": 1},
        {"article": 6, "tag": 3},
        {"article": 7},
    ],
    "article_translations": [
        {"article": 1, "lang": "en", "title": "Vital"},
        {"article": 1, "lang": "nl", "title": "Vitaal"},
        {"article": 2, "lang": "en", "title": "Wool"},
    ],
    "ledger": [
        {"side": "in", "small": 1, "big": 9007199254740993, "exact": "0.1", "real": 0.5},
        {"side": "in", "small": 2, "big": 9007199254740993, "exact": "0.2", "real": 0.25},
        {"side": "in", "exact": "12345678901234567890.123456", "day": "2031-05-06"},
        {"side": "out", "small": -1, "big": -5, "exact": "-0.3", "real": -1, "day": "2031-05-04"},
        {"small": 7},
    ],
    "leaflets": [{"title": "sheet"}],
    "leaflet_texts": [{"leaflet": 1, "title": "Blatt"}],
    "safes": [{"label": "one", "pin": "1234", "shown": "1234"}, {"label": "two"}],
}
