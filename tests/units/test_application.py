"""How a worker tells its server that it opened, closed, or could not. Source: ASGI, lifespan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from conductus.http.application import Application


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        ("", ["lifespan.startup.complete", "lifespan.shutdown.complete"]),
        # A server that is told otherwise goes on and answers 500 to everybody.
        ("opening", ["lifespan.startup.failed"]),
        ("closing", ["lifespan.startup.complete", "lifespan.shutdown.failed"]),
    ],
)
async def test_what_becomes_of_a_worker_is_told(breaks: str, told: list[str]) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        if breaks == "opening":
            raise ValueError("broken")
        yield object()
        if breaks == "closing":
            raise ValueError("broken")

    events: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    events.put_nowait({"type": "lifespan.startup"})
    events.put_nowait({"type": "lifespan.shutdown"})
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    worker = asyncio.ensure_future(Application(opened)({"type": "lifespan"}, events.get, send))
    if breaks:
        with pytest.raises(ValueError, match="broken"):
            await worker
        assert sent[-1]["message"] == "broken"
    else:
        await worker
    assert [message["type"] for message in sent] == told
