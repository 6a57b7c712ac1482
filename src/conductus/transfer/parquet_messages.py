"""What the process that unpacks Parquet says, and what it may take. No library is needed here."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from conductus.items.changes import Item

LENGTH: Final = 4
"""Bytes that say how long a message is."""
LARGEST_ROW: Final = 8 * 1024 * 1024
"""Bytes of one row, as of one object of JSON; and of the rows of one message."""
LARGEST_MESSAGE: Final = 2 * LARGEST_ROW
MEMORY_BYTES: Final = 1024 * 1024 * 1024
CPU_SECONDS: Final = 600


class Named(Struct, tag=True):
    """The columns."""

    columns: list[str]


class Rows(Struct, tag=True):
    """Some of the rows."""

    rows: list[Item]
    size: int
    """Bytes of them all."""


class Ended(Struct, tag=True):
    """Nothing follows."""

    problem: str | None = None
    """None: all was told."""
    limit: int | None = None
    """The bound that was hit, if it was one."""


Message = Named | Rows | Ended
