"""One at a time makes or removes projects of a data folder: a server's workers, or a command."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from conductus.errors import TooManyRequests

PATIENCE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 5


@asynccontextmanager
async def exclusively(data: Path) -> AsyncIterator[None]:
    """Nobody else makes or removes projects meanwhile.

    Raises `TooManyRequests` (7/429) where somebody else takes too long.
    """
    path = data / "run" / "projects.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await _locked(file)
        yield
    finally:
        os.close(file)


async def _locked(file: int) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    # Whoever holds it is another process, which wakes nobody here.
                    await asyncio.sleep(_PAUSE_SECONDS)
                else:
                    return
    except TimeoutError:
        raise TooManyRequests(_RETRY_SECONDS) from None
