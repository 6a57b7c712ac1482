"""A row of a built-in collection that a request changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Row = Mapping[str, Any]


class Changed(Struct, frozen=True, kw_only=True):
    """One row before and after; one of the two may be missing, never both."""

    before: Row | None
    """None: it is new."""
    after: Row | None
    """None: it is removed."""
    written: frozenset[str] = frozenset()
    """The columns that the request gives, changed or not."""

    def old(self, column: str) -> Any:
        """The value as it was; None in a new row."""
        return None if self.before is None else self.before[column]

    def new(self, column: str) -> Any:
        """The value as it is to be; None in a row that goes."""
        return None if self.after is None else self.after.get(column)

    def differs(self, column: str) -> bool:
        """Whether the column of a row that stays gets another value."""
        return None not in (self.before, self.after) and self.old(column) != self.new(column)

    def either(self, column: str) -> set[Any]:
        """The value before and after, as far as there is a row."""
        return {row[column] for row in (self.before, self.after) if row is not None}
