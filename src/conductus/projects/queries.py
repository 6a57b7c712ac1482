"""Query strings that were parsed before: a parsed query is a value and can be shared."""

from __future__ import annotations

from conductus.projects.snapshot import Snapshot
from conductus.query import brackets, rest
from conductus.query.item_query import ItemQuery

SIZE = 1000
LONGEST = 2000


class Queries:
    """The queries parsed last, for one snapshot at a time."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._parsed: dict[tuple[str, str], ItemQuery] = {}

    def parse(self, collection: str, text: str, snapshot: Snapshot) -> ItemQuery:
        """What a query string asks of a collection. Raises what `rest.parse` raises."""
        if snapshot is not self._snapshot:
            self._snapshot, self._parsed = snapshot, {}
        parsed = self._parsed
        # Taken out and put back, so that the first of the dict was used longest ago.
        query = parsed.pop((collection, text), None)
        if query is None:
            params = brackets.parse(text, snapshot.limits)
            query = rest.parse(collection, params, snapshot.schema, snapshot.limits)
            if len(text) > LONGEST:
                return query
            if len(parsed) >= SIZE:
                del parsed[next(iter(parsed))]
        parsed[collection, text] = query
        return query
