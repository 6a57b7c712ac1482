"""What arrives on a connection of asyncmy: of a stream, no more than is asked for.

asyncmy reads whatever arrives, and keeps all of it in memory until it is wanted. While a
stream is read, one part is taken at a time; while nobody asks, nothing is.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Flow(asyncio.BufferedProtocol):
    """Stands between the socket and asyncmy's own protocol."""

    def __init__(self, transport: Any) -> None:
        """Of a connection over which nothing is on its way."""
        self._transport = transport
        self._protocol = transport.get_protocol()
        self._loop = asyncio.get_running_loop()
        self._streaming = False
        self._held = False
        transport.set_protocol(self)

    def begin(self) -> None:
        """A stream is about to arrive."""
        self._streaming = True

    def hold(self) -> None:
        """Nobody asks for more just now: it stays in the server."""
        self._held = True
        self._stop()

    def go_on(self) -> None:
        """Somebody waits for more."""
        self._held = False
        self._start()

    def end(self) -> None:
        """What else arrives is no stream."""
        self._streaming = False
        self.go_on()

    # -- between socket and protocol --------------------------------------------------

    def get_buffer(self, sizehint: int) -> Any:
        """Where the next part goes."""
        return self._protocol.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        """A part has come."""
        self._protocol.buffer_updated(nbytes)
        if self._streaming:
            # uvloop would go on reading before whoever waits has looked at it.
            self._stop()
            self._loop.call_soon(self._start)

    def eof_received(self) -> bool | None:
        """The server has said its last."""
        ended: bool | None = self._protocol.eof_received()
        return ended

    def connection_lost(self, exc: Exception | None) -> None:
        """There is no connection any more."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """The server takes nothing just now."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The server takes more."""
        self._protocol.resume_writing()

    def _stop(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def _start(self) -> None:
        if not (self._held or self._transport.is_closing()):
            self._transport.resume_reading()
