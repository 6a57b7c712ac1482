"""What no database can be made to do when a test wants it to."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from conductus.database.pool import Pool, Pooled
from conductus.errors import DatabaseUnreachable


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


async def _at_once() -> Connection:
    return Connection()


async def _refused() -> Connection:
    raise DatabaseUnreachable


@pytest.mark.anyio
async def test_who_holds_one_already_gets_another_at_once_or_none() -> None:
    pool = Pool(_at_once, size=1, busy_seconds=60.0)
    held = await pool.acquire_now()
    assert held is not None
    assert await pool.acquire_now() is None
    pool.release(held)
    assert await pool.acquire_now() is held
    pool.release(held)
    await pool.close()
    assert await pool.acquire_now() is None


@pytest.mark.anyio
async def test_a_server_that_gives_no_more_connections_is_no_failure_then() -> None:
    pool = Pool(_refused, size=1, busy_seconds=60.0)
    assert await pool.acquire_now() is None
    await pool.close()


@pytest.mark.anyio
async def test_who_is_is_cancelled_while_connecting_gets_no_connection() -> None:
    pool = Pool(_forgetful, size=1, busy_seconds=1.0)
    asking = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert pool.state() == {"busy": 0, "idle": 0, "waiting": 0}
    await pool.close()
