"""LISTEN: what is said on a channel, for as long as the connection holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from conductus.database.postgresql.link import Link
from conductus.errors import DatabaseUnreachable

_PROBE_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 10.0


async def listen(link: Link, channel: str, heard: Callable[[str], None]) -> None:
    """Passes on each word; ends with an error alone. See `Database.hear`."""
    lost = asyncio.Event()
    link.raw.add_termination_listener(lambda _: lost.set())
    # Called with the connection, the sender, the channel and the word.
    await link.raw.add_listener(channel, lambda *said: heard(said[-1]))
    heard("")
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PROBE_SECONDS):
                await lost.wait()
        if lost.is_set():
            raise DatabaseUnreachable
        # A connection that went silently would be waited on for ever.
        async with asyncio.timeout(_ANSWER_SECONDS):
            await link.execute("SELECT 1")
