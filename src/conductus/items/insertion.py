"""An INSERT of rows that give the same fields, with what makes driver values of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from msgspec import Struct

from conductus.database.dialect import Convert
from conductus.errors import Unprocessable
from conductus.items.columns import Columns, Record


class Insertion:
    """Kept for the next rows of the same fields."""

    def __init__(
        self,
        columns: Columns,
        names: Sequence[str],
        sql: str,
        rows: int = 1,
        arranged: Callable[[list[Any], int], list[Any]] | None = None,
    ) -> None:
        """`names` in the order in which `sql` takes their values, which are `arranged` last."""
        self.sql = sql
        self.rows = rows
        """How many of a few go at once."""
        self._arranged = arranged
        self._width = len(names)
        self._pick = _picker(names)
        self._binders: list[tuple[int, str, Convert]] = [
            (place, name, columns.binders[name])
            for place, name in enumerate(names)
            if name in columns.binders
        ]

    def values(self, records: Sequence[Record]) -> list[Any]:
        """The driver values of the records, one after the other.

        Raises `Unprocessable` for one that the driver cannot take.
        """
        if len(records) == 1:
            values = list(self._pick(records[0]))
        else:
            values = list(chain.from_iterable(map(self._pick, records)))
        for place, name, convert in self._binders:
            column = slice(place, None, self._width)
            try:
                values[column] = [
                    None if value is None else convert(value) for value in values[column]
                ]
            except (ValueError, OverflowError) as error:
                raise Unprocessable(f"{name}: this value cannot be stored") from error
        return self._arranged(values, len(records)) if self._arranged else values


class Chain(Struct, frozen=True, eq=False):
    """Two rows, one of which holds the generated key of the other."""

    first: Insertion
    """Without a statement of its own where one statement makes both."""
    second: Insertion
    leads: bool = True
    """Whether the first row's values stand first in a statement that makes both."""

    def statements(self, made: Record, linked: Record) -> Iterator[tuple[str, list[Any]]]:
        """The statements and their values. Raises as `Insertion.values` does."""
        ones, others = self.first.values([made]), self.second.values([linked])
        if self.first.sql:
            yield self.first.sql, ones
            yield self.second.sql, others
        else:
            yield self.second.sql, ones + others if self.leads else others + ones


def _picker(names: Sequence[str]) -> Callable[[Record], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda record: [record[name] for name in names]
