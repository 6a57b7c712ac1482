"""Parquet read some rows at a time, by a process of its own; values become those of JSON."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import BinaryIO, Final, cast

import msgspec

from conductus import apart
from conductus.errors import Unprocessable, ValidationFailed
from conductus.transfer.parquet_messages import (
    LARGEST_MESSAGE,
    LENGTH,
    Ended,
    Message,
    Named,
    Rows,
)

_SECONDS: Final = 60.0
"""For one message: some rows, or the names of the columns."""
_decoder: Final[msgspec.msgpack.Decoder[Message]] = msgspec.msgpack.Decoder(Message)


async def unpacked(file: BinaryIO) -> AsyncGenerator[Named | Rows, None]:
    """The names of the columns, then the rows, some at a time.

    Raises `ValidationFailed`, `Unprocessable` for what cannot be read or takes too much.
    """
    await asyncio.to_thread(file.seek, 0)
    async with _unpacking(file) as process:
        while True:
            message = await _told(process)
            if not isinstance(message, Ended):
                yield message
            elif message.problem is None:
                return
            elif message.limit is None:
                raise ValidationFailed(message.problem)
            else:
                raise Unprocessable(message.problem, details={"limit": message.limit})


@asynccontextmanager
async def _unpacking(file: BinaryIO) -> AsyncGenerator[Process, None]:
    # Pools of Arrow's own take more than they use.
    sparing = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
    process = await apart.started(
        "conductus.transfer.parquet_process", stdin=file.fileno(), environment=sparing
    )
    try:
        yield process
    finally:
        await apart.ended(process)


async def _told(process: Process) -> Message:
    """The next message. Raises `Unprocessable` where none comes."""
    # It is there, as a pipe was asked for.
    output = cast("asyncio.StreamReader", process.stdout)
    try:
        async with asyncio.timeout(_SECONDS):
            length = int.from_bytes(await output.readexactly(LENGTH))
            if length > LARGEST_MESSAGE:
                raise Unprocessable("The file takes too much to unpack")
            return _decoder.decode(await output.readexactly(length))
    except (TimeoutError, asyncio.IncompleteReadError) as error:
        raise Unprocessable("The file takes too much to unpack") from error
