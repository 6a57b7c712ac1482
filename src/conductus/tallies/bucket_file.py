"""Buckets that drain with time, in a file that is mapped into every worker of a server.

A bucket is one number: when it will be empty. The file is a table of sets; a key may stand
in any place of its set. Where a set is full, the bucket that is empty soonest makes room,
so whoever fills the table with new keys pushes out those who failed least.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

SETS: Final = 4096
WAYS: Final = 8
_ENTRY: Final = struct.Struct("=16sd")
_SET_BYTES: Final = WAYS * _ENTRY.size


class BucketFile:
    """The table. What it holds outlives the server: nobody is forgiven by a restart."""

    def __init__(self, path: Path, sets: int = SETS) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._sets = sets
        size = sets * _SET_BYTES
        if os.fstat(self._file).st_size != size:
            os.ftruncate(self._file, size)
        self._map = mmap.mmap(self._file, size)

    def change(self, key: str, change: Callable[[float], float]) -> None:
        """Replaces the time at which a bucket is empty; 0 for one that was never filled.

        What `change` raises leaves it as it was. No other worker comes in between.
        """
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        start = int.from_bytes(digest[:8]) % self._sets * _SET_BYTES
        # Held for some memory accesses: nobody waits long enough to notice.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            place, empty_at = self._find(digest, start)
            _ENTRY.pack_into(self._map, place, digest, change(empty_at))
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Lets the file go; it stays for the other workers."""
        self._map.close()
        os.close(self._file)

    def _find(self, digest: bytes, start: int) -> tuple[int, float]:
        """The place of a key with its time, or the place that it may take."""
        free, soonest = start, float("inf")
        for place in range(start, start + _SET_BYTES, _ENTRY.size):
            held, empty_at = _ENTRY.unpack_from(self._map, place)
            if held == digest:
                return place, empty_at
            if empty_at < soonest:
                free, soonest = place, empty_at
        return free, 0.0
