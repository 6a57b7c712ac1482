"""How much one query may ask for. Every number is an operator's setting."""

from __future__ import annotations

from msgspec import Struct

from conductus.query.item_query import DEFAULT_LIMIT


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on what a client can make the server do with one query."""

    default_limit: int | None = DEFAULT_LIMIT
    """Rows of a list whose `limit` is not given; None: all."""
    max_limit: int | None = None
    """The largest `limit`; `-1` then means this many. None: no maximum."""
    max_depth: int = 10
    """Segments of a path in `fields`, `filter` and `deep`; levels of `_and` and `_or`."""
    max_fields: int = 1000
    """Entries in `fields`."""
    max_expansions: int = 2500
    """Relations that `fields` follows, wildcards worked out."""
    max_filters: int = 200
    """Conditions in all filters of a query together."""
    max_values: int = 10_000
    """Values in all lists (`in`, `all`, `status` …) of a query together."""
    max_ids: int = 1000
    """Keys in the path of one request."""
    max_parameters: int = 1000
    """Parameters in a query string."""
    max_brackets: int = 32
    """Levels of brackets in the name of a parameter."""
    max_name_length: int = 1000
    """Characters in the name of a parameter, brackets included."""
    max_pattern_length: int = 5000
    """Characters that are searched for at once; SQLite takes no pattern over 50,000 bytes."""
    max_value_length: int = 100_000
    """Characters in the value of a parameter."""
