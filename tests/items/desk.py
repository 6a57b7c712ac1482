"""The world of the recorded answers with the writer itself, without HTTP.

For what requests cannot show: transactions broken off, two writers at once, what is in
the tables. Tables are made by SQLAlchemy, metadata is written by the writer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.schema import CreateTable

from conductus.config import LimitsConfig
from conductus.database.executor import Database, Transaction
from conductus.database.opening import open_database
from conductus.items.changes import WriteLimits
from conductus.items.context import Context
from conductus.items.reader import Reader
from conductus.items.steps import Step
from conductus.items.witnesses import Afterwards
from conductus.items.writer import WriteOptions, Writer
from conductus.permissions.actor import SYSTEM, Actor
from conductus.permissions.policy import ADMINISTRATOR, NOTHING, Policy
from conductus.projects.merging import Merger
from conductus.projects.snapshot import load
from conductus.query import rest
from conductus.query.limits import Limits
from conductus.schema.system import load_system
from tests.installed import put_project

NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
ADMIN = Actor(user=1, role=1, ip="127.0.0.1", user_agent="a test", credential="jwt")
STATUSES = {
    "published": {"name": "Published", "published": True},
    "draft": {"name": "Draft", "required_fields": False},
    "deleted": {"name": "Deleted", "soft_delete": True},
}
FIELDS: dict[str, dict[str, dict[str, Any]]] = {
    "authors": {
        "id": {"type": "integer"},
        "name": {"type": "string", "required": True},
        "email": {"type": "string", "validation": "@"},
        "articles": {"type": "o2m"},
    },
    "tags": {"id": {"type": "integer"}, "slug": {"type": "string"}, "label": {"type": "string"}},
    "articles": {
        "id": {"type": "integer"},
        "status": {"type": "status", "options": {"status_mapping": STATUSES}},
        "title": {"type": "string", "required": True},
        "views": {"type": "integer"},
        "score": {"type": "decimal"},
        "featured": {"type": "boolean"},
        "owner": {"type": "owner"},
        "created_on": {"type": "datetime_created"},
        "modified_by": {"type": "user_updated"},
        "modified_on": {"type": "datetime_updated"},
        "labels": {"type": "array"},
        "extra": {"type": "json"},
        "day": {"type": "date"},
        "at": {"type": "time"},
        "moment": {"type": "datetime"},
        "pin": {"type": "hash"},
        "link": {"type": "slug", "options": {"mirroredField": "title"}},
        "author": {"type": "m2o"},
        "comments": {"type": "o2m"},
        "tag_links": {"type": "o2m"},
        "texts": {"type": "translation", "required": False},
    },
    "comments": {
        "id": {"type": "integer"},
        "text": {"type": "string"},
        "article": {"type": "m2o"},
        "writer": {"type": "m2o"},
    },
    "articles_tags": {
        "id": {"type": "integer"},
        "article": {"type": "integer"},
        "tag": {"type": "integer"},
    },
    "article_texts": {
        "id": {"type": "integer"},
        "article": {"type": "integer"},
        "language": {"type": "lang"},
        "headline": {"type": "string"},
    },
    "words": {"code": {"type": "string"}, "meaning": {"type": "string"}},
    "tokens": {"id": {"type": "uuid"}, "word": {"type": "m2o"}},
    "seats": {
        "row": {"type": "integer"},
        "number": {"type": "string"},
        "guest": {"type": "string"},
    },
    "polls": {"id": {"type": "integer"}, "options": {"type": "o2m", "required": True}},
    "choices": {"id": {"type": "integer"}, "poll": {"type": "m2o"}, "text": {"type": "string"}},
}
RELATIONS = [
    ("articles", "author", "authors", "articles", None),
    ("comments", "article", "articles", "comments", None),
    ("comments", "writer", "authors", None, None),
    ("articles_tags", "article", "articles", "tag_links", "tag"),
    ("articles_tags", "tag", "tags", None, "article"),
    ("article_texts", "article", "articles", "texts", None),
    ("tokens", "word", "words", None, None),
    ("choices", "poll", "polls", "options", None),
]


def tables() -> sa.MetaData:
    """The tables of that world."""
    metadata = sa.MetaData()

    def table(name: str, *columns: sa.Column[Any]) -> None:
        # A key that is given again would inherit the history of an item that is gone.
        sa.Table(
            name,
            metadata,
            *columns,
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
            sqlite_autoincrement=columns[0].autoincrement is True,
        )

    def number() -> sa.Column[Any]:
        return sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)

    def text(name: str, length: int = 100, **facts: Any) -> sa.Column[Any]:
        return sa.Column(name, sa.String(length), **facts)

    table("authors", number(), text("name", nullable=False), text("email", unique=True))
    table("tags", number(), text("slug"), text("label"))
    table(
        "articles",
        number(),
        text("status", 20, server_default="draft"),
        text("title", nullable=False),
        sa.Column("views", sa.Integer, server_default="0"),
        sa.Column("score", sa.Numeric(10, 2)),
        sa.Column("featured", sa.Boolean, server_default=sa.false()),
        *(sa.Column(name, sa.Integer) for name in ("owner", "modified_by", "author")),
        *(sa.Column(name, sa.DateTime) for name in ("created_on", "modified_on", "moment")),
        sa.Column("labels", sa.Text),
        sa.Column("extra", sa.Text),
        sa.Column("day", sa.Date),
        sa.Column("at", sa.Time),
        text("pin", 255),
        text("link"),
    )
    table(
        "comments",
        number(),
        text("text"),
        sa.Column("article", sa.Integer),
        sa.Column("writer", sa.Integer),
    )
    table("articles_tags", number(), *(sa.Column(n, sa.Integer) for n in ("article", "tag")))
    table(
        "article_texts",
        number(),
        sa.Column("article", sa.Integer),
        text("language", 5),
        text("headline"),
    )
    table("words", text("code", 20, primary_key=True), text("meaning", nullable=False))
    table("tokens", text("id", 36, primary_key=True), text("word", 20))
    table(
        "seats",
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        text("number", 10, primary_key=True),
        text("guest"),
    )
    table("polls", number())
    table("choices", number(), sa.Column("poll", sa.Integer), text("text"))
    return metadata


class Desk:
    """A writer, a reader and what they work on."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.merger = Merger(load_system())
        self.touched: list[frozenset[str]] = []
        self.attempted: list[frozenset[str]] = []
        self.hashed: list[str] = []
        self.writer = Writer(database, self.hash, WriteLimits(max_changes=1000), self)
        self.reader = Reader(database)
        self.context: Context

    async def build(self) -> None:
        """Makes the tables, their metadata and the first look at them."""
        await put_project(self.database, "desk", "a@x.org", "hash")
        async with self.database.schema_transaction() as transaction:
            for table in tables().sorted_tables:
                made = CreateTable(table).compile(dialect=self.database.dialect.sqlalchemy)
                await transaction.execute(str(made))
        await self.look(SYSTEM)
        await self.create("directus_collections", *_collection_rows())
        await self.create("directus_fields", *_field_rows())
        await self.create("directus_relations", *_relation_rows())
        await self.look(ADMIN)
        self.touched.clear()

    async def look(self, actor: Actor) -> None:
        """Takes a new look at the schema."""
        version = self.context.schema.version + 1 if hasattr(self, "context") else 0
        snapshot = await load(self.database, "desk", self.merger, LimitsConfig(), version)
        self.context = Context(schema=snapshot.schema, actor=actor, policy=_policy(actor), now=NOW)

    def as_actor(self, actor: Actor) -> Context:
        """The same world for another asker."""
        return replace(self.context, actor=actor, policy=_policy(actor))

    async def create(self, collection: str, *bodies: dict[str, Any]) -> list[str]:
        """Creates items as the administrator."""
        written = await self.writer.create(collection, list(bodies), self.context)
        return [one.key for one in written]

    async def update(
        self, collection: str, keys: str | None, body: Any, **options: Any
    ) -> list[str]:
        """Changes items as the administrator."""
        split = None if keys is None else keys.split("|")
        written = await self.writer.update(
            collection, split, body, self.context, WriteOptions(**options)
        )
        return [one.key for one in written]

    async def delete(self, collection: str, *keys: str) -> None:
        """Deletes items as the administrator."""
        await self.writer.delete(collection, keys, self.context)

    async def items(self, collection: str, **parameters: Any) -> list[dict[str, Any]]:
        """Items read as the administrator; every status."""
        asked = {"limit": "-1", "status": "*", **parameters}
        query = rest.parse(collection, asked, self.context.schema, Limits())
        found = (await self.reader.read(query, self.context)).items
        assert isinstance(found, list)
        return found

    async def hash(self, secret: str) -> str:
        self.hashed.append(secret)
        return f"hashed {len(self.hashed)}"

    async def before_commit(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Afterwards:
        names = frozenset(step.collection.name for step in steps)
        self.attempted.append(names)
        return (partial(self.touched.append, names),)


@asynccontextmanager
async def desk(url: str) -> AsyncIterator[Desk]:
    """The world on the empty database at `url`."""
    database = await open_database(url)
    try:
        made = Desk(database)
        await made.build()
        yield made
    finally:
        await database.close()


@asynccontextmanager
async def desk_on(url: str) -> AsyncIterator[Desk]:
    """The world that another process has made."""
    database = await open_database(url)
    try:
        made = Desk(database)
        await made.look(ADMIN)
        yield made
    finally:
        await database.close()


def _policy(actor: Actor) -> Policy:
    return ADMINISTRATOR if actor.administrator else NOTHING


def _collection_rows() -> list[dict[str, Any]]:
    return [{"collection": name, "managed": True} for name in FIELDS]


def _field_rows() -> list[dict[str, Any]]:
    return [
        {"collection": collection, "field": name, "sort": place, **facts}
        for collection, fields in FIELDS.items()
        for place, (name, facts) in enumerate(fields.items())
    ]


def _relation_rows() -> list[dict[str, Any]]:
    names = ("collection_many", "field_many", "collection_one", "field_one", "junction_field")
    return [dict(zip(names, row, strict=True)) for row in RELATIONS]
