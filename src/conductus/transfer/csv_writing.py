"""Items as CSV (RFC 4180): the first line names the columns.

A cell without anything is null, a quoted one without anything the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from conductus.items.changes import Item
from conductus.transfer.columns import TableColumn
from conductus.transfer.guarding import guarded

BOM: Final = "\ufeff"
NUMBERS: Final = frozenset({"integer", "sort", "decimal"})
"""Types whose texts are numbers, also those that no double holds."""
_END: Final = "\r\n"
_encode = msgspec.json.Encoder(decimal_format="string").encode
Write = Callable[[Any], str]


class CSVLines:
    """Writes one table."""

    def __init__(self, columns: Sequence[TableColumn], delimiter: str = ",") -> None:
        self._delimiter = delimiter
        self._names = [column.name for column in columns]
        # Blanks at either end would be lost on many a reader.
        needs = re.compile(rf'[{re.escape(delimiter)}"\r\n]|^\s|\s$|^$').search
        self._quote: Write = lambda text: _quoted(text) if needs(text) else text
        self._cells = [(column.of, self._writer(column)) for column in columns]

    def header(self) -> str:
        """The first line."""
        return self._line([self._quote(guarded(name)) for name in self._names])

    def lines(self, items: Sequence[Item]) -> str:
        """The lines of some items."""
        cells = self._cells
        return "".join(self._line([write(of(item)) for of, write in cells]) for item in items)

    def _line(self, cells: list[str]) -> str:
        return self._delimiter.join(cells) + _END

    def _writer(self, column: TableColumn) -> Write:
        kind, quote = column.field.type, self._quote
        if kind == "json":
            return lambda value: "" if value is None else quote(_encode(value).decode())
        text: Write = quote if kind in NUMBERS else lambda value: quote(guarded(value))

        def write(value: Any) -> str:
            match value:
                case None:
                    return ""
                case str():
                    return text(value)
                case bool():
                    return "true" if value else "false"
                case int() | float():
                    return repr(value)
                case _:
                    return quote(_encode(value).decode())

        return write


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
