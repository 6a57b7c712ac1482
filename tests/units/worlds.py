"""A small schema built by hand, for the pure rooms: the world of the recorded answers.

Articles have an author, comments (each with a writer), tags over a junction and texts in
several languages; authors list their articles. Users and roles stand for the system.
"""

from __future__ import annotations

from typing import Any

import pytest

from conductus.errors import ApiError
from conductus.query import brackets, rest
from conductus.query.item_query import ItemQuery
from conductus.query.limits import Limits
from conductus.schema.model import (
    Collection,
    Column,
    Field,
    Kind,
    Relation,
    Schema,
    Status,
    assemble,
)

KINDS = {
    "integer": Kind.INTEGER,
    "sort": Kind.INTEGER,
    "m2o": Kind.INTEGER,
    "owner": Kind.INTEGER,
    "user_updated": Kind.INTEGER,
    "decimal": Kind.DECIMAL,
    "boolean": Kind.BOOLEAN,
    "json": Kind.JSON,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "datetime": Kind.DATETIME,
    "datetime_created": Kind.DATETIME,
    "datetime_updated": Kind.DATETIME,
}
ALIASES = frozenset({"alias", "group", "o2m", "translation"})

ARTICLE_COLUMNS = (
    *("id", "status", "title", "body", "views", "score", "featured", "labels", "extra"),
    *("day", "at", "moment", "pin", "author", "sort", "link", "owner", "created_on"),
    *("modified_by", "modified_on"),
)


def field(collection: str, name: str, type: str) -> Field:
    if type in ALIASES:
        return Field(collection=collection, name=name, type=type, id=1)
    column = Column(
        name=name,
        kind=KINDS.get(type, Kind.TEXT),
        datatype="INT",
        native="INT",
        primary_key=name == "id",
    )
    return Field(collection=collection, name=name, type=type, column=column, id=1)


def collection(name: str, fields: dict[str, str], **facts: Any) -> Collection:
    return Collection(
        name=name,
        fields={key: field(name, key, type) for key, type in fields.items()},
        primary_key=("id",),
        managed=True,
        **facts,
    )


def blog() -> Schema:
    """The world of the recorded answers."""
    articles = collection(
        "articles",
        {
            "id": "integer",
            "status": "status",
            "title": "string",
            "body": "string",
            "views": "integer",
            "score": "decimal",
            "featured": "boolean",
            "labels": "array",
            "extra": "json",
            "day": "date",
            "at": "time",
            "moment": "datetime",
            "pin": "hash",
            "author": "m2o",
            "sort": "sort",
            "link": "slug",
            "owner": "owner",
            "created_on": "datetime_created",
            "modified_by": "user_updated",
            "modified_on": "datetime_updated",
            "comments": "o2m",
            "tag_links": "o2m",
            "texts": "translation",
            "divider": "alias",
            "meta_group": "group",
            "lost": "o2m",
        },
        status_field="status",
        sort_field="sort",
        owner_field="owner",
        statuses=(
            Status("published"),
            Status("draft"),
            Status("deleted", soft_delete=True),
        ),
    )
    others = [
        collection(
            "authors",
            {"id": "integer", "name": "string", "email": "string", "articles": "o2m"},
        ),
        collection("tags", {"id": "integer", "slug": "string", "label": "string"}),
        collection(
            "comments",
            {
                **{"id": "integer", "text": "string", "article": "m2o", "writer": "m2o"},
                **{"parent": "m2o", "replies": "o2m", "notes": "translation"},
            },
        ),
        collection(
            "notes", {"id": "integer", "comment": "integer", "a.b": "string", "-odd": "string"}
        ),
        collection("articles_tags", {"id": "integer", "article": "integer", "tag": "integer"}),
        collection(
            "article_texts",
            {"id": "integer", "article": "integer", "language": "lang", "headline": "string"},
        ),
        collection(
            "directus_users",
            {"id": "integer", "email": "string", "password": "hash", "role": "m2o"},
        ),
        collection("directus_roles", {"id": "integer", "name": "string", "users": "o2m"}),
    ]
    return assemble(
        [articles, *others],
        [
            relation("articles", "author", "authors", "articles"),
            relation("comments", "article", "articles", "comments"),
            relation("comments", "writer", "authors", None),
            relation("comments", "parent", "comments", "replies"),
            relation("notes", "comment", "comments", "notes"),
            relation("articles_tags", "article", "articles", "tag_links", "tag"),
            relation("articles_tags", "tag", "tags", None, "article"),
            relation("article_texts", "article", "articles", "texts"),
            relation("directus_users", "role", "directus_roles", "users"),
        ],
    )


def relation(
    many: str, field_many: str, one: str, field_one: str | None, junction: str | None = None
) -> Relation:
    return Relation(
        collection_many=many,
        field_many=field_many,
        collection_one=one,
        field_one=field_one,
        junction_field=junction,
    )


def ask(text: bytes | str, home: str = "articles", **limits: Any) -> ItemQuery:
    """What a query string asks of a collection of the blog."""
    bounds = Limits(**limits)
    return rest.parse(home, brackets.parse(text, bounds), blog(), bounds)


def refusal(text: bytes | str, home: str = "articles", **limits: Any) -> tuple[int, int]:
    """Code and status with which a query string is refused."""
    with pytest.raises(ApiError) as caught:
        ask(text, home, **limits)
    return caught.value.code, caught.value.status
