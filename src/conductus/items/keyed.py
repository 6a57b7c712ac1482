"""A statement on the rows of some keys, with what makes driver values of keys and new values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conductus.database.dialect import Dialect, Statement
from conductus.items.columns import Columns, Record
from conductus.items.keys import Key
from conductus.items.row_statements import room


class KeyedStatement:
    """Kept for the next rows: as many keys, and the same fields where there are new values."""

    def __init__(
        self,
        dialect: Dialect,
        columns: Columns,
        statement: Statement,
        names: tuple[str, ...],
        keys: int,
    ) -> None:
        """`names`: the fields with new values, parameters `v0`, `v1` and so on."""
        self.sql = statement.sql
        self._dialect = dialect
        self._columns = columns
        self._statement = statement
        self._size = room(columns, keys)
        self._places = self._in_a_row(names)
        given = (*names, *columns.collection.primary_key)
        self._binders = [
            (place, given[source], columns.binders[given[source]])
            for place, source in enumerate(self._places)
            if given[source] in columns.binders
        ]

    def values(self, keys: Sequence[Key], new: Record) -> list[Any]:
        """The driver values. Raises `Unprocessable` for one that the driver cannot take."""
        if not self._places:
            return self._statement.values({**self._new_values(new), **self._bound(keys)})
        given = (*new.values(), keys[0][0])
        values = [given[place] for place in self._places]
        for place, name, _ in self._binders:
            values[place] = self._columns.bind(name, values[place])
        return values

    def _in_a_row(self, names: tuple[str, ...]) -> list[int]:
        """Where the new values and the key of one row go, which is nearly every change."""
        if self._size != 1 or len(self._columns.keys) != 1 or self._statement.constants:
            return []
        given = [*self._new_names(names), "k0_0"]
        return [given.index(name) for name in self._statement.order]

    def _new_names(self, names: Sequence[str]) -> list[str]:
        return [f"v{place}" for place in range(len(names))]

    def _new_values(self, new: Record) -> dict[str, Any]:
        values = [self._columns.bind(name, value) for name, value in new.items()]
        return dict(zip(self._new_names(tuple(new)), values, strict=True))

    def _bound(self, keys: Sequence[Key]) -> dict[str, Any]:
        """What a statement with room for so many keys is given."""
        columns, size = self._columns, self._size
        if not size:
            (column,) = columns.keys
            together = self._dialect.list_binder(column.kind)
            return {"keys": together([columns.bind(column.name, key[0]) for key in keys])}
        # The last key again, as often as the shape of the statement asks.
        padded = [*keys, *[keys[-1]] * (size - len(keys))]
        return {
            f"k{row}_{place}": columns.bind(name, part)
            for row, key in enumerate(padded)
            for place, (name, part) in enumerate(
                zip(columns.collection.primary_key, key, strict=True)
            )
        }
