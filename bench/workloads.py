"""What is asked: each workload draws its parameters, each kind of server spells them its way.

A workload knows nothing of HTTP; an adapter is a table from workload to a path with places in
it. The draws depend on the round alone, so every target is asked for the same things.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from bench import world as blog
from bench.world import World

DRAWS = 400
"""Different requests per slice, asked in turn; fewer where a body is large."""


FIRST_PAGES = 20


class Ask(Struct, frozen=True):
    """One request's parameters: the places of a path, and a body for a write."""

    places: dict[str, int | str]
    body: bytes = b""


class Workload(Struct, frozen=True):
    """A kind of request. Writes are tidied away after each slice."""

    name: str
    title: str
    draw: Callable[[random.Random, World], Ask]
    writes: bool = False
    draws: int = DRAWS
    compared: int = 5
    """How many answers are compared with the limit's before anything is timed."""

    def asks(self, world: World, round_number: int) -> list[Ask]:
        """The requests of one round."""
        rng = random.Random(f"{self.name} {round_number}")
        return [self.draw(rng, world) for _ in range(self.draws)]


class Adapter(Struct, frozen=True):
    """How one kind of server is asked. A workload without a path is one it does not have."""

    paths: dict[str, str]
    create_method: str = "POST"
    update_method: str = "PATCH"
    compares: bool = True
    """Whether its answers have the shape of the limit's."""
    documents: dict[str, str] = {}
    """Of GraphQL: what is asked instead of a body, with the places as variables."""

    def request(self, workload: Workload, ask: Ask, prefix: str, headers: str) -> bytes:
        """The whole HTTP request."""
        places = {name: quote(str(value)) for name, value in ask.places.items()}
        path = prefix + self.paths[workload.name].format_map(places)
        head = f"{self.method(workload)} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
        body = self.body(workload, ask)
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def body(self, workload: Workload, ask: Ask) -> bytes:
        """What is sent, if anything is."""
        document = self.documents.get(workload.name)
        if document is None:
            return ask.body
        return msgspec.json.encode({"query": document, "variables": ask.places})

    def method(self, workload: Workload) -> str:
        """The HTTP method of a workload."""
        if workload.name in self.documents:
            return "POST"
        if not workload.writes:
            return "GET"
        return self.update_method if workload.name == "update" else self.create_method


def _key(rng: random.Random, world: World) -> Ask:
    return Ask({"id": rng.randint(1, world.articles)})


def _page_of(limit: int) -> Callable[[random.Random, World], Ask]:
    def draw(rng: random.Random, world: World) -> Ask:
        # What an OFFSET skips costs everyone alike: far pages would hide what is to be seen.
        page = rng.randrange(min(FIRST_PAGES, world.articles // limit))
        return Ask({"limit": limit, "offset": page * limit, "page": page + 1})

    return draw


def _filter(rng: random.Random, _world: World) -> Ask:
    return Ask({"name": blog.author(rng.randint(1, blog.AUTHORS))[1], "limit": 20})


def _search(rng: random.Random, _world: World) -> Ask:
    return Ask({"word": rng.choice(blog.NEEDLES), "limit": 20})


def _create(rng: random.Random, world: World) -> Ask:
    return Ask({}, msgspec.json.encode(_article(rng, world)))


def _create_batch(rng: random.Random, world: World) -> Ask:
    return Ask({}, msgspec.json.encode([_article(rng, world) for _ in range(100)]))


def _create_nested(rng: random.Random, world: World) -> Ask:
    item = _article(rng, world)
    item["comments"] = [
        {"text": blog.sentence(rng, 12), "writer": rng.randint(1, blog.AUTHORS)} for _ in range(3)
    ]
    item["article_tags"] = [{"tag": tag} for tag in rng.sample(range(1, blog.TAGS + 1), 2)]
    return Ask({}, msgspec.json.encode(item))


def _update(rng: random.Random, world: World) -> Ask:
    change = {"views": rng.randrange(1_000_000)}
    return Ask({"id": rng.randint(1, world.articles)}, msgspec.json.encode(change))


def _everything(_rng: random.Random, _world: World) -> Ask:
    return Ask({})


def _big_tag(_rng: random.Random, _world: World) -> Ask:
    return Ask({"id": blog.BIG_TAG})


def _article(rng: random.Random, world: World) -> dict[str, Any]:
    """A new article as a client sends it, without its key."""
    columns = [column.name for column in blog.ARTICLES_TABLE.columns]
    item = dict(zip(columns, blog.article(rng.randint(1, world.articles)), strict=True))
    del item["id"]
    item["score"] = float(item["score"])
    item["created_on"] = item["created_on"].isoformat(" ")
    return item


WORKLOADS = (
    Workload("by_id", "item by id", _key),
    Workload("list_20", "list of 20", _page_of(20)),
    Workload("list_100", "list of 100", _page_of(100)),
    Workload("nested", "list of 20 with author, comments, tags", _page_of(20)),
    Workload("filter", "filter through two relations, sort, meta=*", _filter),
    Workload("search", "q, 20 found", _search),
    Workload("create", "create one", _create, writes=True, compared=2),
    Workload("create_100", "create 100 in a batch", _create_batch, True, 10, 1),
    Workload("create_nested", "create with 3 comments and 2 tags", _create_nested, True, 100, 2),
    Workload("update", "update one field", _update, writes=True, compared=2),
    Workload("all_tags", "all articles with their tag ids", _everything, draws=1, compared=1),
    Workload("big_tag", "one tag with all its articles", _big_tag, draws=1, compared=1),
)

LIMIT = Adapter(
    {
        "by_id": "/by-id/{id}",
        "list_20": "/list/{limit}/{offset}",
        "list_100": "/list/{limit}/{offset}",
        "nested": "/nested/{limit}/{offset}",
        "filter": "/filtered/{name}/{limit}",
        "search": "/searched/{word}/{limit}",
        "create": "/create",
        "create_100": "/create-batch",
        "create_nested": "/create-nested",
        "update": "/update/{id}",
        "all_tags": "/all-tags",
        "big_tag": "/big-tag/{id}",
    }
)
CONDUCTUS = Adapter(
    {
        "by_id": "/items/articles/{id}",
        "list_20": "/items/articles?limit={limit}&offset={offset}",
        "list_100": "/items/articles?limit={limit}&offset={offset}",
        "nested": "/items/articles?limit={limit}&offset={offset}"
        "&fields=*,author.*,comments.*,article_tags.tag.*",
        "filter": "/items/articles?filter[comments.writer.name][eq]={name}&sort=-views"
        "&limit={limit}&meta=*",
        "search": "/items/articles?q={word}&limit={limit}",
        "create": "/items/articles",
        "create_100": "/items/articles",
        "create_nested": "/items/articles",
        "update": "/items/articles/{id}",
        "all_tags": "/items/articles?limit=-1&fields=id,article_tags.tag",
        "big_tag": "/items/tags/{id}?fields=*,article_tags.article.title",
    }
)
_OWN = "id title slug status summary body views likes score rating featured day created_on language"
_AUTHOR = "author { id name email bio joined active }"
_TAGS = "article_tags { tag { id name color } }"
GRAPHQL = Adapter(
    {"list_100": "/gql", "nested": "/gql"},
    compares=False,
    documents={
        "list_100": "query($limit: Int, $offset: Int) { articles(limit: $limit, offset: $offset) "
        f"{{ data {{ {_OWN} }} }} }}",
        "nested": "query($limit: Int, $offset: Int) { articles(limit: $limit, offset: $offset) "
        f"{{ data {{ {_OWN} {_AUTHOR} comments {{ id text }} {_TAGS} }} }} }}",
    },
)
"""The same server, asked for the same but the keys of related items."""
