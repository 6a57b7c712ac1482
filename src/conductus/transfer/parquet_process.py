"""A process that unpacks Parquet: the file is standard input, what it says goes to standard output.

`python -m conductus.transfer.parquet_process`. Some hundred bytes can be unpacked to any size,
and what a file says of its size need not be true. So that is done here, where memory is
bounded, no secret is held, and nobody else is harmed when it is not enough.

A message is its length (four bytes, big-endian) and a `Message` as MessagePack. The first one
has the names of the columns, the others have rows, and the last one says why it is the last.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from conductus.apart import be_bounded
from conductus.items.changes import Item
from conductus.transfer.parquet_messages import (
    CPU_SECONDS,
    LARGEST_ROW,
    LENGTH,
    MEMORY_BYTES,
    Ended,
    Message,
    Named,
    Rows,
)

ROWS: Final = 200
"""Rows that are unpacked at a time."""
_TOGETHER: Final = 50
"""Rows of one message."""
LARGEST_GROUP: Final = 256 * 1024 * 1024
"""Bytes of one group of rows, unpacked."""
_TOO_MUCH: Final = "The file takes too much memory to unpack"
_NICENESS: Final = 5
_encode: Final = msgspec.msgpack.Encoder(enc_hook=str).encode


class _Refused(Exception):
    """The file cannot be read; the message says why, in a sentence."""

    def __init__(self, problem: str, limit: int | None = None) -> None:
        super().__init__(problem)
        self.limit = limit


def main() -> None:
    """Tells of the file until it ends, or cannot be read on."""
    be_bounded(memory_bytes=MEMORY_BYTES, niceness=_NICENESS, seconds=CPU_SECONDS)
    told = sys.stdout.buffer
    try:
        for message in _messages(sys.stdin.buffer):
            _tell(told, message)
    except _Refused as problem:
        _tell(told, Ended(problem=str(problem), limit=problem.limit))
    except MemoryError:
        _tell(told, Ended(problem=_TOO_MUCH, limit=MEMORY_BYTES))
    except (ValueError, OverflowError):
        # Moments beyond the year 9999, texts that are no UTF-8.
        _tell(told, Ended(problem="The file holds values that cannot be read"))
    else:
        _tell(told, Ended())


def _tell(told: BinaryIO, message: Message) -> None:
    content = _encode(message)
    told.write(len(content).to_bytes(LENGTH) + content)
    told.flush()


def _messages(file: BinaryIO) -> Iterator[Message]:
    opened = _opened(file)
    yield Named(list(opened.schema_arrow.names))
    rows: list[Item] = []
    size = 0
    for place, row in enumerate(_rows(opened), 1):
        length = len(_encode(row))
        if length > LARGEST_ROW:
            raise _too_large(place)
        if rows and (size + length > LARGEST_ROW or len(rows) == _TOGETHER):
            yield Rows(rows, size)
            rows, size = [], 0
        rows.append(row)
        size += length
    if rows:
        yield Rows(rows, size)


def _rows(opened: Any) -> Iterator[Item]:
    place = 0
    for unpacked in _batches(opened):
        batch = _to_microseconds(unpacked)
        if batch.nbytes <= LARGEST_ROW:
            yield from map(_plain, batch.to_pylist())
            place += batch.num_rows
            continue
        for start in range(batch.num_rows):
            place += 1
            one = batch.slice(start, 1)
            if one.nbytes > 2 * LARGEST_ROW:
                raise _too_large(place)
            yield from map(_plain, one.to_pylist())


def _too_large(place: int) -> _Refused:
    return _Refused(f"Row {place} is larger than {LARGEST_ROW} bytes", LARGEST_ROW)


def _opened(file: BinaryIO) -> Any:
    try:
        opened = pq.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise _failure(error, "The file is not Parquet") from error
    facts = opened.metadata
    for place in range(facts.num_row_groups):
        if facts.row_group(place).total_byte_size > LARGEST_GROUP:
            raise _Refused(
                f"A group of rows is larger than {LARGEST_GROUP} bytes: write smaller ones",
                LARGEST_GROUP,
            )
    return opened


def _batches(opened: Any) -> Iterator[Any]:
    try:
        yield from opened.iter_batches(batch_size=ROWS, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _failure(error, "The file is damaged, or not Parquet") from error


def _failure(error: Exception, problem: str) -> Exception:
    return error if isinstance(error, MemoryError) else _Refused(problem)


def _to_microseconds(batch: Any) -> Any:
    """Moments of any precision as Python has them; what is finer is cut off."""
    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = batch.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(place, field.name, column)
    return batch


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
    timedelta: str,
    Decimal: lambda value: format(value, "f"),
    bytes: lambda value: base64.b64encode(value).decode(),
    list: lambda value: [_plain(member) for member in value],
    dict: lambda value: {name: _plain(member) for name, member in value.items()},
}

if __name__ == "__main__":
    main()
