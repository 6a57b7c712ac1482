"""Items on their way out: read in batches, written as they come, never held together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from conductus.errors import Unprocessable
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.items.reader import Reader
from conductus.query.item_query import ItemQuery
from conductus.transfer.columns import columns_of
from conductus.transfer.csv_writing import BOM, CSVLines
from conductus.transfer.formats import Format, check_installed

_SLICE: Final = 50
"""Items between two breaths."""
_encode_lines = msgspec.json.Encoder(decimal_format="string").encode_lines


class Sheet(Struct, frozen=True, kw_only=True):
    """What the file is to be."""

    format: Format
    delimiter: str = ","
    bom: bool = False
    """A CSV file that spreadsheets take for UTF-8."""


class Table(Protocol):
    """Writes items in one format."""

    def begin(self) -> bytes:
        """What comes before any item."""
        ...

    async def add(self, items: Sequence[Item]) -> bytes:
        """What is to be sent now that these items are there."""
        ...

    async def end(self) -> bytes:
        """What comes after all of them."""
        ...


async def exported(
    reader: Reader, query: ItemQuery, context: Context, sheet: Sheet
) -> AsyncGenerator[bytes, None]:
    """The file that a query gives; what is wrong with the query or its first items is raised.

    Raises what reading raises, `Unprocessable` for figures instead of items.
    """
    if query.groups or query.aggregates or query.single:
        raise Unprocessable("An export lists items: `single`, `groups` and `aggregate` do not")
    check_installed(sheet.format)
    chunks = _chunks(reader, query, context, _table(reader, query, context, sheet))
    first = await anext(chunks)
    return _with_first(first, chunks)


def _table(reader: Reader, query: ItemQuery, context: Context, sheet: Sheet) -> Table:
    if sheet.format is Format.JSON:
        return _JSONTable()
    selection = reader.shown(query, context)
    collection = context.schema.collection(query.collection)
    if sheet.format is Format.CSV:
        columns = columns_of(selection, collection, context.schema)
        if not columns:
            raise Unprocessable("There is no field to export")
        return _CSVTable(CSVLines(columns, sheet.delimiter), BOM if sheet.bom else "")
    from conductus.transfer.parquet_writing import ParquetTable

    return ParquetTable(selection, collection, context.schema)


async def _chunks(
    reader: Reader, query: ItemQuery, context: Context, table: Table
) -> AsyncGenerator[bytes, None]:
    waiting = table.begin()
    async with reader.stream(query, context) as batches:
        async for batch in batches:
            waiting += await table.add(batch)
            # Nothing is sent before the first items are there: what fails until then is told.
            if waiting:
                yield waiting
                waiting = b""
    yield waiting + await table.end()


async def _with_first(
    first: bytes, rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


class _JSONTable:
    """A list with each item on a line of its own."""

    def __init__(self) -> None:
        self._before = b""

    def begin(self) -> bytes:
        return b"[\n"

    async def add(self, items: Sequence[Item]) -> bytes:
        # JSON has no line breaks within texts.
        lines = _encode_lines(items).removesuffix(b"\n").replace(b"\n", b",\n")
        before, self._before = self._before, b",\n"
        return before + lines if lines else b""

    async def end(self) -> bytes:
        return b"\n]\n" if self._before else b"]\n"


class _CSVTable:
    """A line of names, then a line for each item."""

    def __init__(self, lines: CSVLines, mark: str) -> None:
        self._lines = lines
        self._mark = mark

    def begin(self) -> bytes:
        return (self._mark + self._lines.header()).encode()

    async def add(self, items: Sequence[Item]) -> bytes:
        written = []
        for start in range(0, len(items), _SLICE):
            written.append(self._lines.lines(items[start : start + _SLICE]))
            await asyncio.sleep(0)
        return "".join(written).encode()

    async def end(self) -> bytes:
        return b""
