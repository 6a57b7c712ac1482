"""An INSERT of rows that give the same fields, with what makes driver values of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from conductus.database.dialect import Convert
from conductus.errors import Unprocessable
from conductus.items.columns import Columns, Record

Values = list[Any]


class Insertion:
    """Kept for the next rows of the same fields."""

    def __init__(self, columns: Columns, names: Sequence[str], sql: str) -> None:
        """`names` in the order in which `sql` takes their values."""
        self.sql = sql
        self._pick = _picker(names)
        self._binders: list[tuple[int, str, Convert]] = [
            (place, name, columns.binders[name])
            for place, name in enumerate(names)
            if name in columns.binders
        ]

    def rows(self, records: Sequence[Record]) -> list[Values]:
        """The driver values of the records. Raises `Unprocessable` for one it cannot take."""
        pick = self._pick
        rows = [[*pick(record)] for record in records]
        for place, name, convert in self._binders:
            try:
                for row in rows:
                    if row[place] is not None:
                        row[place] = convert(row[place])
            except (ValueError, OverflowError) as error:
                raise Unprocessable(f"{name}: this value cannot be stored") from error
        return rows


def _picker(names: Sequence[str]) -> Callable[[Record], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda record: [record[name] for name in names]
