"""The limit: what a careful person would write by hand for exactly these requests.

A bare ASGI application: no routing table, no permissions, no query language, no history; each
request has its own SQL, written out. It answers the same JSON as Conductus answers, so the
distance between the two is the price of being general. Reads only measure alike for reads; a
write here is the bare INSERT or UPDATE.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from bench.limit_drivers import (
    Driver,
    Row,
    Session,
    connected,
    day_value,
    moment_text,
    moment_value,
)

Item = dict[str, Any]
Handler = Callable[[list[str], bytes], Awaitable[Any]]

ARTICLE = (
    "id", "title", "slug", "status", "summary", "body", "views", "likes", "score", "rating",
    "featured", "day", "created_on", "author", "language",
)  # fmt: skip
AUTHOR = ("id", "name", "email", "bio", "joined", "active")
COMMENT = ("id", "text", "article", "writer")
TAG = ("id", "name", "color")
BATCH = 100

_ARTICLE_COLUMNS = ", ".join(f"a.{name}" for name in ARTICLE)
_WRITTEN = ", ".join(ARTICLE[1:])
_VALUES = f"({', '.join('?' * (len(ARTICLE) - 1))})"
BY_ID = f"SELECT {_ARTICLE_COLUMNS} FROM articles a WHERE a.id = ?"
LIST = f"SELECT {_ARTICLE_COLUMNS} FROM articles a ORDER BY a.id LIMIT ? OFFSET ?"
_WITH_AUTHOR_COLUMNS = f"{_ARTICLE_COLUMNS}, {', '.join(f'w.{name}' for name in AUTHOR)}"
WITH_AUTHOR = (
    f"SELECT {_WITH_AUTHOR_COLUMNS} FROM (SELECT * FROM articles ORDER BY id LIMIT ? OFFSET ?) a"
    " LEFT JOIN authors w ON w.id = a.author ORDER BY a.id"
)
WITH_AUTHOR_IN_MARIADB = (
    # It would write the inner rows, with their long texts, to a table of its own.
    f"SELECT {_WITH_AUTHOR_COLUMNS} FROM articles a LEFT JOIN authors w ON w.id = a.author"
    " ORDER BY a.id LIMIT ? OFFSET ?"
)
COMMENTS_OF = "SELECT id, text, article, writer FROM comments WHERE article IN {keys} ORDER BY id"
TAGS_OF = (
    "SELECT l.article, t.id, t.name, t.color FROM article_tags l JOIN tags t ON t.id = l.tag"
    " WHERE l.article IN {keys} ORDER BY l.id"
)
FILTERED = (
    f"SELECT {_ARTICLE_COLUMNS} FROM articles a WHERE a.id IN"
    " (SELECT c.article FROM comments c JOIN authors w ON w.id = c.writer WHERE w.name = ?)"
    " ORDER BY a.views DESC, a.id LIMIT ?"
)
FILTERED_IN_MARIADB = (
    # Left to itself it reads all articles and asks of each whether it is wanted.
    f"SELECT {_ARTICLE_COLUMNS} FROM (SELECT DISTINCT c.article FROM comments c"
    " JOIN authors w ON w.id = c.writer WHERE w.name = ?) k"
    " STRAIGHT_JOIN articles a ON a.id = k.article ORDER BY a.views DESC, a.id LIMIT ?"
)
FILTER_COUNT = (
    "SELECT count(DISTINCT c.article) FROM comments c"
    " JOIN authors w ON w.id = c.writer WHERE w.name = ?"
)
TOTAL_COUNT = "SELECT count(*) FROM articles"
SEARCHED = (
    f"SELECT {_ARTICLE_COLUMNS} FROM articles a WHERE a.title LIKE ? OR a.slug LIKE ?"
    " OR a.status LIKE ? OR a.summary LIKE ? OR a.body LIKE ? OR a.language LIKE ?"
    " OR a.id IN (SELECT c.article FROM comments c WHERE c.text LIKE ?)"
    " OR a.author IN"
    " (SELECT w.id FROM authors w WHERE w.name LIKE ? OR w.email LIKE ? OR w.bio LIKE ?)"
    " ORDER BY a.id LIMIT ?"
)
SEARCHED_COLUMNS = 10
INSERT = f"INSERT INTO articles ({_WRITTEN}) VALUES {_VALUES} RETURNING id, {_WRITTEN}"
INSERT_BATCH = (
    f"INSERT INTO articles ({_WRITTEN}) VALUES {', '.join([_VALUES] * BATCH)}"
    f" RETURNING id, {_WRITTEN}"
)
INSERT_COMMENTS = "INSERT INTO comments (text, article, writer) VALUES (?,?,?),(?,?,?),(?,?,?)"
INSERT_LINKS = "INSERT INTO article_tags (article, tag) VALUES (?, ?), (?, ?)"
UPDATE = "UPDATE articles SET views = ? WHERE id = ?"
UPDATE_RETURNING = f"{UPDATE} RETURNING id, {_WRITTEN}"
ALL_IDS = "SELECT id FROM articles ORDER BY id"
ALL_LINKS = "SELECT article, tag FROM article_tags ORDER BY id"
TAG_BY_ID = "SELECT id, name, color FROM tags WHERE id = ?"
TITLES_OF_TAG = (
    # A left join, though each link has its article: MariaDB would begin with the articles.
    "SELECT a.title FROM article_tags l LEFT JOIN articles a ON a.id = l.article"
    " WHERE l.tag = ? ORDER BY l.id"
)


class Limit:
    """The handlers, each named by the first segment of its path."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._spelled: dict[str, str] = {}
        self.handlers: dict[str, Handler] = {
            "by-id": self._by_id,
            "list": self._list_page,
            "nested": self._nested,
            "filtered": self._filtered,
            "searched": self._searched,
            "create": self._create,
            "create-batch": self._create_batch,
            "create-nested": self._create_nested,
            "update": self._update,
            "all-tags": self._all_tags,
            "big-tag": self._big_tag,
        }

    async def _by_id(self, path: list[str], body: bytes) -> Item:
        async with self._driver.session() as session:
            rows = await self._rows(session, BY_ID, (int(path[0]),))
        return {"data": self._articles(rows)[0]}

    async def _list_page(self, path: list[str], body: bytes) -> Item:
        async with self._driver.session() as session:
            rows = await self._rows(session, LIST, (int(path[0]), int(path[1])))
        return {"data": self._articles(rows)}

    async def _nested(self, path: list[str], body: bytes) -> Item:
        width = len(ARTICLE)
        sql = WITH_AUTHOR_IN_MARIADB if self._driver.kind == "mariadb" else WITH_AUTHOR
        async with self._driver.session() as session:
            rows = await self._rows(session, sql, (int(path[0]), int(path[1])))
            keys = [row[0] for row in rows]
            marks = f"({', '.join('?' * len(keys))})"
            comments = await self._rows(session, COMMENTS_OF.replace("{keys}", marks), keys)
            tags = await self._rows(session, TAGS_OF.replace("{keys}", marks), keys)
        items = self._articles([row[:width] for row in rows])
        by_key = {}
        for item, row in zip(items, rows, strict=True):
            item["author"] = self._author(row[width:]) if row[width] is not None else None
            item["comments"] = []
            item["article_tags"] = []
            by_key[item["id"]] = item
        for row in comments:
            by_key[row[2]]["comments"].append(dict(zip(COMMENT, row, strict=True)))
        for row in tags:
            by_key[row[0]]["article_tags"].append({"tag": dict(zip(TAG, row[1:], strict=True))})
        return {"data": items}

    async def _filtered(self, path: list[str], body: bytes) -> Item:
        name, limit = path[0], int(path[1])
        sql = FILTERED_IN_MARIADB if self._driver.kind == "mariadb" else FILTERED
        async with self._driver.session() as session:
            rows = await self._rows(session, sql, (name, limit))
            matching = (await self._rows(session, FILTER_COUNT, (name,)))[0][0]
            total = (await self._rows(session, TOTAL_COUNT, ()))[0][0]
        meta = {
            "collection": "articles",
            "type": "collection",
            "result_count": len(rows),
            "total_count": total,
            "filter_count": matching,
            "limit": limit,
            "offset": 0,
            "page": 1,
            "page_count": -(-matching // limit),
        }
        return {"data": self._articles(rows), "meta": meta}

    async def _searched(self, path: list[str], body: bytes) -> Item:
        # LIKE minds the case there and nowhere else.
        is_postgresql = self._driver.kind == "postgresql"
        sql = SEARCHED.replace("LIKE", "ILIKE") if is_postgresql else SEARCHED
        values = [f"%{path[0]}%"] * SEARCHED_COLUMNS + [int(path[1])]
        async with self._driver.session() as session:
            rows = await self._rows(session, sql, values)
        return {"data": self._articles(rows)}

    async def _create(self, path: list[str], body: bytes) -> Item:
        item = msgspec.json.decode(body)
        async with self._driver.transaction() as session:
            rows = await self._rows(session, INSERT, self._written(item))
        return {"data": self._articles(rows)[0]}

    async def _create_batch(self, path: list[str], body: bytes) -> Item:
        items = msgspec.json.decode(body)
        values = [value for item in items for value in self._written(item)]
        async with self._driver.transaction() as session:
            rows = await self._rows(session, INSERT_BATCH, values)
        return {"data": self._articles(rows)}

    async def _create_nested(self, path: list[str], body: bytes) -> Item:
        item = msgspec.json.decode(body)
        async with self._driver.transaction() as session:
            rows = await self._rows(session, INSERT, self._written(item))
            key = rows[0][0]
            comments = [v for c in item["comments"] for v in (c["text"], key, c["writer"])]
            await self._rows(session, INSERT_COMMENTS, comments)
            links = [value for link in item["article_tags"] for value in (key, link["tag"])]
            await self._rows(session, INSERT_LINKS, links)
        return {"data": self._articles(rows)[0]}

    async def _update(self, path: list[str], body: bytes) -> Item:
        values = (msgspec.json.decode(body)["views"], int(path[0]))
        async with self._driver.transaction() as session:
            if self._driver.kind == "mariadb":
                await self._rows(session, UPDATE, values)
                rows = await self._rows(session, BY_ID, values[1:])
            else:
                rows = await self._rows(session, UPDATE_RETURNING, values)
        return {"data": self._articles(rows)[0]}

    async def _all_tags(self, path: list[str], body: bytes) -> Item:
        async with self._driver.session() as session:
            keys = await self._rows(session, ALL_IDS, ())
            links = await self._rows(session, ALL_LINKS, ())
        lists: dict[int, list[Item]] = {key: [] for (key,) in keys}
        for article, tag in links:
            lists[article].append({"tag": tag})
        return {"data": [{"id": key, "article_tags": tags} for key, tags in lists.items()]}

    async def _big_tag(self, path: list[str], body: bytes) -> Item:
        key = int(path[0])
        async with self._driver.session() as session:
            rows = await self._rows(session, TAG_BY_ID, (key,))
            titles = await self._rows(session, TITLES_OF_TAG, (key,))
        item = dict(zip(TAG, rows[0], strict=True))
        item["article_tags"] = [{"article": {"title": title}} for (title,) in titles]
        return {"data": item}

    async def _rows(self, session: Session, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        spelled = self._spelled.get(sql)
        if spelled is None:
            spelled = self._spelled[sql] = self._driver.spelled(sql)
        return await session.rows(spelled, values)

    def _articles(self, rows: Iterable[Row]) -> list[Item]:
        items = []
        as_text = self._driver.kind != "sqlite"
        for row in rows:
            item = dict(zip(ARTICLE, row, strict=True))
            item["featured"] = bool(item["featured"])
            if item["score"] is not None:
                item["score"] = float(item["score"])
            if as_text:
                item["created_on"] = moment_text(item["created_on"])
            items.append(item)
        return items

    def _author(self, row: Row) -> Item:
        author = dict(zip(AUTHOR, row, strict=True))
        author["active"] = bool(author["active"])
        return author

    def _written(self, item: Item) -> list[Any]:
        values = [item[name] for name in ARTICLE[1:]]
        if self._driver.kind != "sqlite":
            # asyncpg takes no texts for these; the numbers are the places in `ARTICLE[1:]`.
            values[7] = Decimal(str(values[7]))
            values[10] = day_value(values[10])
            values[11] = moment_value(values[11])
        return values


class Application:
    """The ASGI side: one path segment chooses the handler, the others are its arguments."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._limit: Limit | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        assert self._limit is not None
        _, name, *arguments = scope["path"].split("/")
        body = b"" if scope["method"] == "GET" else await _body(receive)
        answer = msgspec.json.encode(await self._limit.handlers[name](arguments, body))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        self._limit = Limit(await connected(self._url))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def create() -> Application:
    """What granian calls; the database's URL comes in the environment."""
    return Application(os.environ["BENCH_DATABASE_URL"])
