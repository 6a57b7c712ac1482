"""The items of a file, some at a time, each with the line that it stands in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import BinaryIO, Final, Protocol

from msgspec import Struct

from conductus.errors import ValidationFailed
from conductus.items.changes import Item
from conductus.schema.model import Collection, Schema
from conductus.schema.secrets import secret
from conductus.schema.types import MASK
from conductus.schema.types.json import decode
from conductus.transfer.csv_reading import CSVReader
from conductus.transfer.formats import Format
from conductus.transfer.headings import Heading, headings, item_of
from conductus.transfer.json_reading import JSONReader
from conductus.transfer.parquet_messages import Named

PART: Final = 200
"""Items that are handed on together, …"""
PART_BYTES: Final = 8 * 1024 * 1024
"""… fewer where they are so large: as values they take many times of that."""
_PIECE: Final = 64 * 1024
_BREATH: Final = 50


class Row(Struct, frozen=True):
    """One item of a file."""

    line: int
    """From 1: of text the line in which it begins, of Parquet the place of the row."""
    body: Item
    size: int = 0
    """Bytes that it was made of, where that can be much."""


class _Reader(Protocol):
    def feed(self, piece: bytes, *, ended: bool) -> Iterator[Row]: ...


async def rows_of(
    file: BinaryIO, format: Format, collection: Collection, schema: Schema
) -> AsyncGenerator[list[Row], None]:
    """The items of a file in its order; others have their turn in between.

    Raises `ValidationFailed` and `Unprocessable` for a file that cannot be read as a whole.
    """
    left_out = _Leaving(collection)
    part: list[Row] = []
    size = 0
    async with aclosing(_rows(file, format, collection, schema)) as rows:
        async for row in rows:
            part.append(Row(row.line, left_out.of(row.body)))
            size += row.size
            if len(part) == PART or size >= PART_BYTES:
                yield part
                part, size = [], 0
    if part:
        yield part


def _rows(
    file: BinaryIO, format: Format, collection: Collection, schema: Schema
) -> AsyncGenerator[Row, None]:
    match format:
        case Format.CSV:
            return _read(file, _Lines(collection, schema))
        case Format.JSON:
            return _read(file, _Objects())
        case Format.PARQUET:
            return _parquet(file, collection, schema)


async def _read(file: BinaryIO, reader: _Reader) -> AsyncGenerator[Row, None]:
    await asyncio.to_thread(file.seek, 0)
    count, ended = 0, False
    while not ended:
        piece = await asyncio.to_thread(file.read, _PIECE)
        ended = not piece
        for row in reader.feed(piece, ended=ended):
            yield row
            count += 1
            if not count % _BREATH:
                await asyncio.sleep(0)


async def _parquet(
    file: BinaryIO, collection: Collection, schema: Schema
) -> AsyncGenerator[Row, None]:
    from conductus.transfer.parquet_reading import unpacked

    kept_as_text = {name for name, field in collection.fields.items() if field.type == "json"}
    place = 0
    async with aclosing(unpacked(file)) as messages:
        async for message in messages:
            if isinstance(message, Named):
                headings(message.columns, collection, schema)
                continue
            for item in message.rows:
                place += 1
                for name in kept_as_text & item.keys():
                    if isinstance(item[name], str):
                        item[name] = decode(item[name])
                yield Row(place, item, message.size // len(message.rows))
            await asyncio.sleep(0)


class _Objects:
    def __init__(self) -> None:
        self._reader = JSONReader()

    def feed(self, piece: bytes, *, ended: bool) -> Iterator[Row]:
        for found in self._reader.feed(piece, ended=ended):
            yield Row(found.line, found.item, found.size)


class _Lines:
    """The lines of a CSV file below the first."""

    def __init__(self, collection: Collection, schema: Schema) -> None:
        self._collection = collection
        self._schema = schema
        self._reader = CSVReader()
        self._headings: list[Heading] | None = None

    def feed(self, piece: bytes, *, ended: bool) -> Iterator[Row]:
        for record in self._reader.feed(piece, ended=ended):
            cells = record.cells
            if self._headings is None:
                names = [cell or "" for cell in cells]
                self._headings = headings(names, self._collection, self._schema)
                continue
            if cells == [None] and len(self._headings) > 1:
                # A blank line.
                continue
            if len(cells) != len(self._headings):
                raise ValidationFailed(
                    f"Line {record.line}: {len(cells)} cells, and {len(self._headings)} columns"
                )
            yield Row(record.line, item_of(self._headings, cells))


class _Leaving:
    """Takes out of items what an export shows and nobody can write."""

    def __init__(self, collection: Collection) -> None:
        self._computed = {
            field.name
            for field in collection.fields.values()
            if field.column is not None and field.column.generated
        }
        self._secrets = {field.name for field in collection.fields.values() if secret(field)}

    def of(self, body: Item) -> Item:
        """The item without what the database computes and without masks of secrets."""
        if self._computed.isdisjoint(body) and self._secrets.isdisjoint(body):
            return body
        return {
            name: value
            for name, value in body.items()
            if name not in self._computed and not (name in self._secrets and value == MASK)
        }
