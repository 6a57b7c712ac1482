"""Fields that are shown although nothing stores them: computed of their own row.

Which there are says the schema (`Collection.computed`), how they are computed is handed in
with the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

Compute = Callable[[Mapping[str, Any]], Any]
"""From the columns that a field is made of to its value."""
Computing = Mapping[tuple[str, str], Compute]
"""Collection and field → how it is computed."""
NOTHING_COMPUTED: Final[Computing] = {}


class Filling(Struct, frozen=True, eq=False):
    """A computed field of the items of one node."""

    node: int
    """The index of the node in its level."""
    name: str
    columns: tuple[str, ...]
    compute: Compute
