"""The ASGI application of one worker: a server that opens at start-up and closes at shutdown."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from conductus.http.exchange import Receive, Scope, Send
from conductus.http.server import Server

COLLECTED_AT: Final = (10_000, 20, 50)
"""When rings of objects are looked for: a batch of a hundred items makes some thousands that
are none, over which the interpreter's own threshold of 700 would go again and again."""
LOOK_SECONDS: Final = 1.0
"""How often a worker looks whether the process that started it is there."""


class Application:
    """The ASGI application of one worker: opens at start-up, closes at shutdown."""

    def __init__(self, opened: Callable[[], Any], *, drain_seconds: int | None = None) -> None:
        """`drain_seconds`: what a worker has to finish in when it stops; None where it is none."""
        self._opened = opened
        self._drain_seconds = drain_seconds
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
            async with self._opened() as server, _at_work(server, self._drain_seconds):
                self._server = server
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


@asynccontextmanager
async def _at_work(server: Server, drain_seconds: int | None) -> AsyncIterator[None]:
    """Stops when it is told to, and when nobody is left to tell it."""
    if drain_seconds is None:
        yield
        return
    _heed(server)
    watching = asyncio.create_task(_end_with_parent(drain_seconds))
    try:
        yield
    finally:
        watching.cancel()


def _heed(server: Server) -> None:
    """Ends what has no end of its own when the worker is told to stop, and waits for requests.

    Signals wake the event loop by a number written to its socket, whatever their handlers
    are: the worker's own is called as well.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(server.end_streams))


async def _end_with_parent(drain_seconds: int) -> None:
    """Stops a worker whose server was killed, for it would keep the port and the data folder."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    while os.getppid() == parent.pid:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(LOOK_SECONDS)
    # The one who would end it after that time is gone.
    signal.alarm(max(drain_seconds, 1))
    os.kill(os.getpid(), signal.SIGTERM)
