"""The ASGI application of one worker: a server that opens at start-up and closes at shutdown."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from typing import Any, Final

from conductus.http.exchange import Receive, Scope, Send
from conductus.http.server import Server

COLLECTED_AT: Final = (10_000, 20, 50)
"""When rings of objects are looked for: a batch of a hundred items makes some thousands that
are none, over which the interpreter's own threshold of 700 would go again and again."""


class Application:
    """The ASGI application of one worker: opens at start-up, closes at shutdown."""

    def __init__(self, opened: Callable[[], Any], *, heeds_signals: bool = False) -> None:
        """`heeds_signals`: answers without an end are ended when the process is to stop."""
        self._opened = opened
        self._heeds_signals = heeds_signals
        self._server: Server | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lifespan, HTTP and WebSockets."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and self._server is not None:
            await self._server(scope, receive, send)
        elif scope["type"] == "websocket" and self._server is not None:
            await self._server.socket(scope, receive, send)
        else:
            raise RuntimeError(f"A {scope['type']} request came before the start")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        phase = "startup"
        try:
            async with self._opened() as server:
                self._server = server
                if self._heeds_signals:
                    _heed(server)
                # What is here now stays: let nobody go over it again at each full collection,
                # which would hold the loop up for some fifty milliseconds.
                gc.collect()
                gc.freeze()
                gc.set_threshold(*COLLECTED_AT)
                await send({"type": "lifespan.startup.complete"})
                phase = "shutdown"
                await receive()
                self._server = None
        except Exception as error:
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


def _heed(server: Server) -> None:
    """Ends what has no end of its own when the worker is told to stop, and waits for requests.

    Signals wake the event loop by a number written to its socket, whatever their handlers
    are: the worker's own is called as well.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(server.end_streams))
