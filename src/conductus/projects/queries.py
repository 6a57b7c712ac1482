"""Query strings that were parsed before: a parsed query is a value and can be shared."""

from __future__ import annotations

from collections.abc import Callable

from conductus.projects.snapshot import Snapshot
from conductus.query import brackets, rest
from conductus.query.brackets import Params
from conductus.query.item_query import ItemQuery
from conductus.query.limits import Limits
from conductus.schema.model import Schema

SIZE = 1000
LONGEST = 2000

Parse = Callable[[str, Params, Schema, Limits], ItemQuery]


class Queries:
    """The queries parsed last, for one snapshot at a time."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._parsed: dict[tuple[str, str, Parse], ItemQuery] = {}

    def listing(self, collection: str, text: str, snapshot: Snapshot) -> ItemQuery:
        """What a query string asks of a collection. Raises what `rest.parse` raises."""
        return self._query(rest.parse, collection, text, snapshot)

    def shape(self, collection: str, text: str, snapshot: Snapshot) -> ItemQuery:
        """What to return of items that are known by key. Raises as `rest.parse_shape`."""
        return self._query(rest.parse_shape, collection, text, snapshot)

    def _query(self, parse: Parse, collection: str, text: str, snapshot: Snapshot) -> ItemQuery:
        if snapshot is not self._snapshot:
            self._snapshot, self._parsed = snapshot, {}
        parsed = self._parsed
        # Taken out and put back, so that the first of the dict was used longest ago.
        query = parsed.pop((collection, text, parse), None)
        if query is None:
            params = brackets.parse(text, snapshot.limits)
            query = parse(collection, params, snapshot.schema, snapshot.limits)
            if len(text) > LONGEST:
                return query
            if len(parsed) >= SIZE:
                del parsed[next(iter(parsed))]
        parsed[collection, text, parse] = query
        return query
