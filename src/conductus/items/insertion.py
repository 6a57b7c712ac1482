"""An INSERT of rows that give the same fields, with what makes driver values of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from conductus.database.dialect import Convert
from conductus.errors import Unprocessable
from conductus.items.columns import Columns, Record


class Insertion:
    """Kept for the next rows of the same fields."""

    def __init__(self, columns: Columns, names: Sequence[str], sql: str) -> None:
        """`names` in the order in which `sql` takes their values."""
        self.sql = sql
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
        values = list(chain.from_iterable(map(self._pick, records)))
        for place, name, convert in self._binders:
            column = slice(place, None, self._width)
            try:
                values[column] = [
                    None if value is None else convert(value) for value in values[column]
                ]
            except (ValueError, OverflowError) as error:
                raise Unprocessable(f"{name}: this value cannot be stored") from error
        return values


def _picker(names: Sequence[str]) -> Callable[[Record], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda record: [record[name] for name in names]
