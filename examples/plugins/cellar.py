"""A storage: contents of files in one SQLite file, piece by piece.

Chosen by `storage.driver = "plugin"` and `storage.plugin = "cellar"`. `examples/tests`
holds the rules of every storage against it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from conductus.config import StorageConfig
from conductus.errors import ContentMissing
from conductus.extensions import Registry
from conductus.files.storage import Content, Stored, check_key

T = TypeVar("T")
PIECE = 1024 * 1024
TABLES = """
CREATE TABLE IF NOT EXISTS blobs (blob TEXT PRIMARY KEY, began REAL, size INTEGER);
CREATE TABLE IF NOT EXISTS pieces (blob TEXT, start INTEGER, content BLOB,
    PRIMARY KEY (blob, start));
CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, blob TEXT);
"""
PIECE_AT = (
    "SELECT start, content FROM pieces WHERE blob = ? AND start <= ? ORDER BY start DESC LIMIT 1"
)
KNOWN = "SELECT key, size, began, blob FROM objects JOIN blobs USING (blob)"


def register(registry: Registry) -> None:
    """The folder of the cellar is the plugin's own setting."""
    folder = Path(registry.settings.get("folder", "."))

    def opener(_: StorageConfig, root: str) -> Cellar:
        folder.mkdir(parents=True, exist_ok=True)
        return Cellar(folder / f"{root.replace('/', '-')}.db")

    registry.storage("cellar", opener)


class Cellar:
    """One folder of files. An object points at a blob, whose pieces never change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._within(_rows, "SELECT 1")

    async def put(self, key: str, chunks: AsyncIterator[bytes], media_type: str) -> None:
        """The object is there when it points at the new blob, and not before."""
        check_key(key)
        blob = await self._run(_began)
        start = 0
        try:
            async for chunk in chunks:
                for at in range(0, len(chunk), PIECE):
                    await self._run(_add, blob, start + at, chunk[at : at + PIECE])
                start += len(chunk)
            await self._run(_keep, key, blob, start)
        except BaseException:
            await self._run(_drop, blob)
            raise

    async def get(self, key: str, span: tuple[int, int] | None = None) -> Content:
        """Pieces are read one by one, so nobody needs much memory."""
        stored = await self.head(key)
        first, end = span or (0, stored.size)
        return Content(stored, self._read(stored.etag.strip('"'), first, min(end, stored.size)))

    async def head(self, key: str) -> Stored:
        """What is known of an object."""
        check_key(key)
        found = await self._run(_rows, f"{KNOWN} WHERE key = ?", key)
        if not found:
            raise ContentMissing
        return _stored(found[0])

    async def delete(self, key: str) -> None:
        """Nothing happens where there is none."""
        await self._run(_forget, key)

    async def reserve(self, key: str) -> bool:
        """Of several who ask at once, SQLite lets one in."""
        check_key(key)
        return await self._run(_reserve, key)

    async def copy(self, key: str, to: str) -> None:
        """A blob of its own: what is deleted here stays there."""
        found = await self.get(key)
        await self.put(to, found.chunks, "")

    async def rename(self, key: str, to: str) -> None:
        """The blob stays where it is."""
        await self.head(key)
        check_key(to)
        await self._run(_rename, key, to)

    async def listed(self, prefix: str = "") -> AsyncGenerator[Stored, None]:
        """In the order of keys."""
        below = f"{prefix}/" if prefix else ""
        query = f"{KNOWN} WHERE substr(key, 1, ?) = ? ORDER BY key"
        for row in await self._run(_rows, query, len(below), below):
            yield _stored(row)

    async def unfinished(self) -> AsyncGenerator[Stored, None]:
        """Blobs that nothing points at."""
        query = (
            "SELECT blob || '#1', coalesce(size, 0), began, blob FROM blobs"
            " WHERE blob NOT IN (SELECT blob FROM objects)"
        )
        for row in await self._run(_rows, query):
            yield _stored(row)

    async def discard(self, unfinished: Stored) -> None:
        """Its tag is the name of the blob."""
        await self._run(_drop, unfinished.etag.strip('"'))

    async def _read(self, blob: str, first: int, end: int) -> AsyncGenerator[bytes, None]:
        while first < end:
            found = await self._run(_rows, PIECE_AT, blob, first)
            if not found or first >= found[0][0] + len(found[0][1]):
                # Something else has taken its place meanwhile.
                raise ContentMissing
            start, content = found[0]
            yield content[first - start : end - start]
            first = min(end, start + len(content))

    async def _run(self, work: Callable[..., T], *given: Any) -> T:
        """Work in a thread, which is waited for also when its answer is not wanted any more."""
        task = asyncio.ensure_future(asyncio.to_thread(self._within, work, *given))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            raise

    def _within(self, work: Callable[..., T], *given: Any) -> T:
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            connection.executescript(TABLES)
            connection.execute("BEGIN IMMEDIATE")
            done = work(connection, *given)
            connection.execute("COMMIT")
            return done
        finally:
            connection.close()


def _stored(row: tuple[str, int, float, str]) -> Stored:
    key, size, began, blob = row
    return Stored(key=key, size=size, modified=datetime.fromtimestamp(began, UTC), etag=f'"{blob}"')


def _rows(connection: sqlite3.Connection, query: str, *values: Any) -> list[Any]:
    return connection.execute(query, values).fetchall()


def _began(connection: sqlite3.Connection) -> str:
    blob = uuid.uuid4().hex
    connection.execute("INSERT INTO blobs VALUES (?, ?, NULL)", (blob, time.time()))
    return blob


def _add(connection: sqlite3.Connection, blob: str, start: int, content: bytes) -> None:
    connection.execute("INSERT INTO pieces VALUES (?, ?, ?)", (blob, start, content))


def _keep(connection: sqlite3.Connection, key: str, blob: str, size: int) -> None:
    _forget(connection, key)
    connection.execute("UPDATE blobs SET size = ? WHERE blob = ?", (size, blob))
    connection.execute("INSERT INTO objects VALUES (?, ?)", (key, blob))


def _reserve(connection: sqlite3.Connection, key: str) -> bool:
    if connection.execute("SELECT 1 FROM objects WHERE key = ?", (key,)).fetchone():
        return False
    _keep(connection, key, _began(connection), 0)
    return True


def _rename(connection: sqlite3.Connection, key: str, to: str) -> None:
    if key != to:
        _forget(connection, to)
        connection.execute("UPDATE objects SET key = ? WHERE key = ?", (to, key))


def _forget(connection: sqlite3.Connection, key: str) -> None:
    for (blob,) in connection.execute("SELECT blob FROM objects WHERE key = ?", (key,)).fetchall():
        connection.execute("DELETE FROM objects WHERE key = ?", (key,))
        _drop(connection, blob)


def _drop(connection: sqlite3.Connection, blob: str) -> None:
    connection.execute("DELETE FROM pieces WHERE blob = ?", (blob,))
    connection.execute("DELETE FROM blobs WHERE blob = ?", (blob,))
