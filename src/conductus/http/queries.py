"""Query strings that were parsed before.

Parsing is pure, so the same text against the same schema gives the same query. Many clients
send the same few texts over and over, apart from the values of a page.
"""

from __future__ import annotations

from msgspec import Struct

from conductus.config import LimitsConfig
from conductus.items.statements import StatementCache
from conductus.projects.snapshot import Snapshot
from conductus.query import brackets, rest
from conductus.query.item_query import ItemQuery
from conductus.query.limits import Limits

LONGEST_KEPT = 2000
"""Query strings longer than this are parsed each time."""


class _Key(Struct, frozen=True):
    project: str
    version: int
    collection: str
    text: str


class QueryCache:
    """Parses query strings, remembering the latest."""

    def __init__(self, size: int = 4096) -> None:
        self._kept: StatementCache[ItemQuery] = StatementCache(size)

    def query(
        self, project: str, snapshot: Snapshot, collection: str, text: str, limits: Limits
    ) -> ItemQuery:
        """What the query string asks of the collection. Raises what `rest.parse` raises."""

        def parse() -> ItemQuery:
            return rest.parse(collection, brackets.parse(text, limits), snapshot.schema, limits)

        if len(text) > LONGEST_KEPT:
            return parse()
        return self._kept.get(_Key(project, snapshot.schema.version, collection, text), parse)


def limits_of(config: LimitsConfig, default_limit: int) -> Limits:
    """What one request may ask for, by the operator's configuration and the settings."""
    return Limits(
        default_limit=default_limit,
        max_limit=config.max_limit,
        max_depth=config.fields_depth,
        max_filters=config.filters,
        max_ids=config.ids,
    )
