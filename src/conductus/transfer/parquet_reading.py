"""Parquet read a batch of rows at a time; values become those of JSON.

What a file says of its own size is checked before any of it is unpacked.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from conductus.errors import Unprocessable, ValidationFailed
from conductus.items.changes import Item

ROWS: Final = 500
"""Rows that are unpacked at a time."""
LARGEST_GROUP: Final = 256 * 1024 * 1024
"""Bytes of one group of rows, unpacked."""
_SLICE: Final = 50


async def parquet_columns(file: BinaryIO) -> list[str]:
    """The names of the columns. Raises `ValidationFailed`, `Unprocessable`."""
    names: list[str] = (await asyncio.to_thread(_opened, file)).schema_arrow.names
    return names


async def parquet_items(file: BinaryIO) -> AsyncGenerator[list[Item], None]:
    """The rows, some at a time. Raises `ValidationFailed`, `Unprocessable`."""
    opened = await asyncio.to_thread(_opened, file)
    batches = opened.iter_batches(batch_size=ROWS)
    while (batch := await asyncio.to_thread(_next, batches)) is not None:
        for start in range(0, batch.num_rows, _SLICE):
            yield [_plain(row) for row in _rows(batch.slice(start, _SLICE))]
            await asyncio.sleep(0)


def _opened(file: BinaryIO) -> Any:
    file.seek(0)
    try:
        opened = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise ValidationFailed("The file is not Parquet") from error
    facts = opened.metadata
    for place in range(facts.num_row_groups):
        if facts.row_group(place).total_byte_size > LARGEST_GROUP:
            raise Unprocessable(
                f"A group of rows is larger than {LARGEST_GROUP} bytes: write smaller ones",
                details={"limit": LARGEST_GROUP},
            )
    return opened


def _next(batches: Any) -> Any:
    try:
        batch = next(batches, None)
        return None if batch is None else _to_microseconds(batch)
    except (pa.ArrowException, OSError) as error:
        raise ValidationFailed("The file is damaged, or not Parquet") from error


def _to_microseconds(batch: Any) -> Any:
    """Moments of any precision as Python has them; what is finer is cut off."""
    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = batch.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(place, field.name, column)
    return batch


def _rows(batch: Any) -> list[Item]:
    try:
        rows: list[Item] = batch.to_pylist()
    except (ValueError, OverflowError) as error:
        # Moments beyond the year 9999, texts that are no UTF-8.
        raise ValidationFailed("The file holds values that cannot be read") from error
    return rows


def _plain(value: Any) -> Any:
    """A value of Python as it stands in JSON."""
    change = _CHANGES.get(type(value))
    return value if change is None else change(value)


def _moment(value: datetime) -> str:
    return value.isoformat(" " if value.tzinfo is None else "T")


_CHANGES: Final[Mapping[type, Callable[[Any], Any]]] = {
    datetime: _moment,
    date: date.isoformat,
    time: time.isoformat,
    Decimal: lambda value: format(value, "f"),
    bytes: lambda value: base64.b64encode(value).decode(),
    list: lambda value: [_plain(member) for member in value],
    dict: lambda value: {name: _plain(member) for name, member in value.items()},
}
