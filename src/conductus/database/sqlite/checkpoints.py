"""Moving the write-ahead log into the file, away from the event loop.

SQLite does it by itself in the commit that finds the log long enough; that one then waits
for the disk. Here a thread does it between commits.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress

from conductus.database.sqlite.link import Link
from conductus.database.sqlite.threads import Threads
from conductus.errors import ApiError

_COMMITS = 500
_ROWS = 5000


class Checkpoints:
    """Counts what the writer did and has the log emptied now and then."""

    def __init__(self, threads: Threads, connect: Callable[[], Link]) -> None:
        self._threads = threads
        self._connect = connect
        self._commits = 0
        self._rows = 0
        self._running: asyncio.Task[None] | None = None

    def committed(self, writer: Link) -> None:
        """Told after each commit."""
        self._commits += 1
        if self._commits < _COMMITS and writer.raw.total_changes - self._rows < _ROWS:
            return
        if self._running is None or self._running.done():
            self._commits, self._rows = 0, writer.raw.total_changes
            work = self._threads.run(None, self._checkpoint)
            self._running = asyncio.get_running_loop().create_task(work)

    async def finish(self) -> None:
        """Waits for the one that runs."""
        if self._running is not None:
            await asyncio.wait([self._running])

    def _checkpoint(self) -> None:
        # What cannot be moved now stays in the log, where it is just as safe.
        with suppress(sqlite3.Error, ApiError):
            link = self._connect()
            try:
                link.raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            finally:
                link.close()
