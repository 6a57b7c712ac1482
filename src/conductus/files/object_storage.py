"""Storages on a local disk, S3 and what speaks like it, Google Cloud Storage, Azure.

A thin layer over obstore, whose errors do not leave this module.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore

from conductus.errors import ContentMissing, StorageFull, StorageUnreachable
from conductus.files.showing import is_shown_inline, plain_type
from conductus.files.storage import Content, Stored, check_key
from conductus.files.unfinished import unfinished_below
from conductus.telemetry import Observer, StorageFailed

if TYPE_CHECKING:
    # No more than names: obstore has them for type checkers alone.
    from obstore import GetOptions, GetResult, ObjectMeta

CHUNK = 256 * 1024
"""Bytes that a reader is handed at a time, at least."""
PART = 5 * 1024 * 1024
"""Bytes that are sent at a time: the smallest part that S3 takes."""
PARTS_AT_ONCE = 2
LISTED_AT_ONCE = 1000
# ENOSPC, EFBIG, EDQUOT as they stand in the text of an error.
_FULL = re.compile(r"os error (28|27|122)\b")


class ObjectStorage:
    """One folder of one store."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        project: str,
        folder: Path | None,
        seconds: float,
        observer: Observer,
    ) -> None:
        """`folder` is where a store on a disk is; `seconds` bounds each wait."""
        self._store = store
        self._project = project
        self._folder = folder
        self._seconds = seconds
        self._observer = observer

    async def put(self, key: str, chunks: AsyncIterator[bytes], media_type: str) -> None:
        """See `Storage`."""
        with self._translated(key):
            async with asyncio.timeout(self._seconds) as limit:
                feed = _Feed(chunks, limit, self._seconds)
                sending = asyncio.ensure_future(self._send(key, feed, media_type))
                try:
                    await asyncio.shield(sending)
                except asyncio.CancelledError:
                    # Given up at the next chunk, a sending removes what it has sent.
                    feed.cut()
                    await self._given_up(key, sending)
                    raise

    async def get(self, key: str, span: tuple[int, int] | None = None) -> Content:
        """See `Storage`."""
        options: GetOptions = {} if span is None else {"range": span}
        with self._translated(key):
            async with asyncio.timeout(self._seconds):
                found = await obstore.get_async(self._store, key, options=options)
        return Content(_stored(found.meta), self._read(key, found))

    async def head(self, key: str) -> Stored:
        """See `Storage`."""
        with self._translated(key):
            async with asyncio.timeout(self._seconds):
                return _stored(await obstore.head_async(self._store, key))

    async def delete(self, key: str) -> None:
        """See `Storage`."""
        with suppress(ContentMissing), self._translated(key):
            async with asyncio.timeout(self._seconds):
                await obstore.delete_async(self._store, key)

    async def reserve(self, key: str) -> bool:
        """See `Storage`."""
        with self._translated(key):
            async with asyncio.timeout(self._seconds):
                try:
                    await obstore.put_async(self._store, key, b"", mode="create")
                except AlreadyExistsError:
                    return False
        return True

    async def copy(self, key: str, to: str) -> None:
        """See `Storage`."""
        with self._translated(key), self._translated(to):
            async with asyncio.timeout(self._seconds):
                if self._folder is not None:
                    # A copy on a disk is a second link, as old as what it leads to.
                    await asyncio.to_thread(os.utime, self._folder / key)
                await obstore.copy_async(self._store, key, to)

    async def rename(self, key: str, to: str) -> None:
        """See `Storage`."""
        with self._translated(key), self._translated(to):
            async with asyncio.timeout(self._seconds):
                await obstore.rename_async(self._store, key, to)

    async def listed(self, prefix: str = "") -> AsyncGenerator[Stored, None]:
        """See `Storage`."""
        batches = obstore.list(self._store, prefix or None, chunk_size=LISTED_AT_ONCE)
        while True:
            with self._translated(prefix or "*"):
                try:
                    async with asyncio.timeout(self._seconds):
                        batch = await anext(batches)
                except StopAsyncIteration:
                    return
            for found in batch:
                yield _stored(found)

    async def unfinished(self) -> AsyncGenerator[Stored, None]:
        """See `Storage`."""
        if self._folder is None:
            return
        found = unfinished_below(self._folder)
        while True:
            with self._translated("*"):
                batch = await asyncio.to_thread(lambda: list(islice(found, LISTED_AT_ONCE)))
            if not batch:
                return
            for each in batch:
                yield each

    async def discard(self, unfinished: Stored) -> None:
        """See `Storage`."""
        if self._folder is not None:
            with self._translated("*"):
                path = self._folder / unfinished.key
                await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _send(self, key: str, feed: _Feed, media_type: str) -> None:
        await obstore.put_async(
            self._store,
            key,
            feed,
            # A disk keeps nothing beside the content.
            attributes=_attributes(media_type) if self._folder is None else None,
            chunk_size=PART,
            max_concurrency=PARTS_AT_ONCE,
        )

    async def _given_up(self, key: str, sending: asyncio.Future[None]) -> None:
        """Waits for a sending that was cut; what came through nevertheless is removed."""
        await asyncio.wait({sending}, timeout=self._seconds)
        if not sending.done():
            sending.cancel()
        elif not sending.cancelled() and sending.exception() is None:
            await self.delete(key)

    async def _read(self, key: str, found: GetResult) -> AsyncGenerator[bytes, None]:
        stream = found.stream(min_chunk_size=CHUNK)
        while True:
            with self._translated(key):
                try:
                    async with asyncio.timeout(self._seconds):
                        chunk = await anext(stream)
                except StopAsyncIteration:
                    return
            yield bytes(chunk)

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        """Errors of the store as ours; what an operator must know goes to the log."""
        check_key(key)
        try:
            yield
        except FileNotFoundError as error:
            raise ContentMissing from error
        except TimeoutError as error:
            self._tell(key, f"no answer in {self._seconds:g} seconds")
            raise StorageUnreachable from error
        except (BaseError, OSError, NotImplementedError) as error:
            self._tell(key, str(error).partition("\n")[0])
            raise (StorageFull if _FULL.search(str(error)) else StorageUnreachable) from error

    def _tell(self, key: str, problem: str) -> None:
        self._observer(StorageFailed(self._project, key, problem))


def _attributes(media_type: str) -> dict[str, str]:
    """What a store answers with where its address is what clients have."""
    saved = {} if is_shown_inline(media_type) else {"Content-Disposition": "attachment"}
    return {"Content-Type": plain_type(media_type), **saved}


class _Feed:
    """Chunks on their way into a store, each of which may take its time."""

    def __init__(
        self, chunks: AsyncIterator[bytes], limit: asyncio.Timeout, seconds: float
    ) -> None:
        self._chunks = chunks
        self._limit = limit
        self._seconds = seconds
        self._cut = False

    def cut(self) -> None:
        """Ends the chunks in an error."""
        self._cut = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._cut:
            raise ConnectionAbortedError("given up")
        chunk = await anext(self._chunks)
        if not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self._seconds)
        return chunk


def _stored(found: ObjectMeta) -> Stored:
    etag = found["e_tag"] or f'"{found["last_modified"].timestamp():x}-{found["size"]:x}"'
    return Stored(found["path"], found["size"], found["last_modified"], etag)
