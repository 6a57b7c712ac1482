"""What no database can be made to do when a test wants it to."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from conductus.database.pool import Pool, Pooled


class Connection(Pooled):
    """Nobody is at the other end."""

    closed = False

    def is_usable(self) -> bool:
        return not self.closed

    def cut(self) -> None:
        self.closed = True

    async def close(self) -> None:
        self.closed = True


async def _forgetful() -> Connection:
    """Connects, and takes no notice of having been cancelled."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(3600)
    return Connection()


@pytest.mark.anyio
async def test_who_is_cancelled_while_connecting_gets_no_connection() -> None:
    pool = Pool(_forgetful, size=1, busy_seconds=1.0)
    asking = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert pool.state() == {"busy": 0, "idle": 0, "waiting": 0}
    await pool.close()
