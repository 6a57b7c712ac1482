"""The seeded blog that every workload reads and writes.

Plain tables with foreign keys, as somebody else's application would have left them: Conductus
adopts them, the limit reads them by hand. The rows depend on the size and on nothing else, so
two runs, or two databases in one run, hold the same data.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

SEED = 20
AUTHORS = 200
TAGS = 200
BIG_TAG = 1
"""The tag that every article carries."""

FIRST_MOMENT = dt.datetime(2031, 1, 1)
STATUSES = ("draft", "published", "archived")
LANGUAGES = ("en", "de", "fr", "es")

METADATA = sa.MetaData()
AUTHORS_TABLE = sa.Table(
    "authors",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("email", sa.String(120)),
    sa.Column("bio", sa.Text),
    sa.Column("joined", sa.Date),
    sa.Column("active", sa.Boolean, nullable=False),
)
ARTICLES_TABLE = sa.Table(
    "articles",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("slug", sa.String(200)),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("summary", sa.String(300)),
    sa.Column("body", sa.Text),
    sa.Column("views", sa.Integer),
    sa.Column("likes", sa.Integer),
    sa.Column("score", sa.Numeric(10, 2)),
    sa.Column("rating", sa.Double),
    sa.Column("featured", sa.Boolean, nullable=False),
    sa.Column("day", sa.Date),
    sa.Column("created_on", sa.DateTime),
    sa.Column("author", sa.ForeignKey("authors.id"), index=True),
    sa.Column("language", sa.String(5)),
)
COMMENTS_TABLE = sa.Table(
    "comments",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text),
    sa.Column("article", sa.ForeignKey("articles.id"), index=True),
    sa.Column("writer", sa.ForeignKey("authors.id"), index=True),
)
TAGS_TABLE = sa.Table(
    "tags",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("color", sa.String(7)),
)
ARTICLE_TAGS_TABLE = sa.Table(
    "article_tags",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("article", sa.ForeignKey("articles.id"), index=True),
    sa.Column("tag", sa.ForeignKey("tags.id"), index=True),
)


class World(Struct, frozen=True):
    """How large the blog is. Links hold every article's big tag and up to three more."""

    articles: int = 20_000
    comments: int = 30_000

    def tables(self) -> Iterator[tuple[sa.Table, list[tuple[Any, ...]]]]:
        """Each table with its rows, parents before children."""
        yield AUTHORS_TABLE, [author(key) for key in range(1, AUTHORS + 1)]
        yield TAGS_TABLE, [tag(key) for key in range(1, TAGS + 1)]
        yield ARTICLES_TABLE, [article(key) for key in range(1, self.articles + 1)]
        yield COMMENTS_TABLE, list(self._comments())
        yield ARTICLE_TAGS_TABLE, list(self._links())

    def leftovers(self, dialect: sa.Dialect) -> list[str]:
        """The statements that remove what was created since, children first."""
        newer = sa.select(ARTICLES_TABLE.c.id).where(ARTICLES_TABLE.c.id > self.articles)
        statements = [
            sa.delete(table).where(table.c.article.in_(newer))
            for table in (COMMENTS_TABLE, ARTICLE_TAGS_TABLE)
        ]
        statements.append(sa.delete(ARTICLES_TABLE).where(ARTICLES_TABLE.c.id > self.articles))
        options = {"literal_binds": True}
        return [str(one.compile(dialect=dialect, compile_kwargs=options)) for one in statements]

    def _comments(self) -> Iterator[tuple[Any, ...]]:
        rng = random.Random(SEED)
        for key in range(1, self.comments + 1):
            text = sentence(rng, 12)
            yield key, text, rng.randint(1, self.articles), rng.randint(1, AUTHORS)

    def _links(self) -> Iterator[tuple[Any, ...]]:
        rng = random.Random(SEED + 1)
        key = 0
        for owner in range(1, self.articles + 1):
            others = rng.sample(range(2, TAGS + 1), rng.randint(1, 3))
            for linked in (BIG_TAG, *others):
                key += 1
                yield key, owner, linked


def author(key: int) -> tuple[Any, ...]:
    """The row of one author; names are unique, so a filter on one finds one."""
    rng = random.Random(f"author {key}")
    name = f"{pick(rng).title()} {pick(rng).title()} {key}"
    joined = FIRST_MOMENT.date() - dt.timedelta(days=rng.randint(0, 3000))
    return key, name, f"author{key}@example.com", sentence(rng, 20), joined, rng.random() < 0.9


def tag(key: int) -> tuple[Any, ...]:
    """The row of one tag."""
    rng = random.Random(f"tag {key}")
    return key, f"{pick(rng)}-{key}", f"#{rng.randrange(1 << 24):06x}"


def article(key: int) -> tuple[Any, ...]:
    """The row of one article, in the order of the table's columns."""
    rng = random.Random(f"article {key}")
    title = sentence(rng, 6)
    body = sentence(rng, 52)
    if rng.random() < 0.04:
        body = f"{body} {rng.choice(NEEDLES)}"
    created = FIRST_MOMENT + dt.timedelta(seconds=rng.randrange(365 * 86_400))
    return (
        key,
        title,
        title.lower().replace(" ", "-"),
        rng.choice(STATUSES),
        sentence(rng, 15) if rng.random() < 0.9 else None,
        body,
        rng.randrange(1_000_000),
        rng.randrange(10_000),
        Decimal(rng.randrange(10_000_000)).scaleb(-2),
        rng.randrange(21) / 4,
        rng.random() < 0.2,
        created.date(),
        created,
        rng.randint(1, AUTHORS) if rng.random() < 0.99 else None,
        rng.choice(LANGUAGES),
    )


def sentence(rng: random.Random, words: int) -> str:
    """Some words, the first with a capital."""
    return " ".join(rng.choices(WORDS, k=words)).capitalize()


def pick(rng: random.Random) -> str:
    """One word."""
    return rng.choice(WORDS)


def _words(syllables: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(first + second for first in syllables for second in syllables)


WORDS = _words(
    ("ba", "ne", "lo", "mi", "ru", "sta", "ker", "vin", "to", "dal", "pre", "gan", "su", "fer")
)
NEEDLES = tuple(f"q{vowel}x{end}" for vowel in "aeiou" for end in ("ard", "olm", "ith", "unk"))
"""Words for the search: each stands in about one article of five hundred and nowhere else."""
