"""Items as a Parquet file, a group of rows at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from conductus.errors import Unprocessable
from conductus.items.changes import Item
from conductus.query.item_query import Selection
from conductus.schema.model import Collection, Schema
from conductus.transfer.parquet_types import struct_of

GROUP_ROWS: Final = 50_000
GROUP_BYTES: Final = 16 * 1024 * 1024


class _Sink:
    """What was written and nobody has taken yet."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class ParquetTable:
    """Writes one file."""

    def __init__(self, selection: Selection, collection: Collection, schema: Schema) -> None:
        self._typed = struct_of(selection, collection, schema)
        self._schema = pa.schema(list(self._typed.type))
        self._sink = _Sink()
        self._writer: Any = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._rows = self._bytes = 0

    def begin(self) -> bytes:
        """What comes before any item."""
        return self._sink.taken()

    async def add(self, items: Sequence[Item]) -> bytes:
        """What is to be sent now that these items are there."""
        return await asyncio.to_thread(self._add, items)

    async def end(self) -> bytes:
        """What comes after all of them."""
        return await asyncio.to_thread(self._end)

    def _add(self, items: Sequence[Item]) -> bytes:
        batch = self._batch(items)
        self._waiting.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._write()
        return self._sink.taken()

    def _batch(self, items: Sequence[Item]) -> Any:
        convert = self._typed.convert
        assert convert is not None  # noqa: S101 - that of structs
        try:
            array = pa.array([convert(item) for item in items], self._typed.type)
        except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
            # A moment before the year 1, a zero date, a number that is none.
            raise Unprocessable(
                "An item holds a value that Parquet has no way to say: ask for json or csv"
            ) from error
        return pa.RecordBatch.from_struct_array(array)

    def _write(self) -> None:
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting, self._rows, self._bytes = [], 0, 0
        self._writer.write_table(table, row_group_size=GROUP_ROWS)

    def _end(self) -> bytes:
        if self._waiting:
            self._write()
        self._writer.close()
        return self._sink.taken()
