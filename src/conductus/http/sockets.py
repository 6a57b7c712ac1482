"""WebSockets as endpoints see them: texts in and out, each within its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from conductus.http.reply import encode
from conductus.permissions.actor import Actor

LARGEST: Final = 1 << 18
"""Bytes of one message."""
BAD_MESSAGE: Final = 4400
RESTART: Final = 1012
TRY_LATER: Final = 1013
Message = MutableMapping[str, Any]


class Closing(Exception):
    """The connection is to be closed, with a code and a word."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


Admit = Callable[[Actor], Awaitable[None]]
"""Lets one operation in as a request is, or raises what stands in its way."""


class Socket:
    """One connection."""

    def __init__(
        self,
        protocols: Sequence[str],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
        client_seconds: float,
    ) -> None:
        """`protocols` are those that the client offers."""
        self.protocols = tuple(protocols)
        self.accepted = False
        self._receive = receive
        self._send = send
        self._client_seconds = client_seconds
        self._sending = asyncio.Lock()

    async def accept(self, protocol: str | None) -> None:
        """Lets the client in, speaking this protocol."""
        if not self.accepted:
            self.accepted = True
            await self._send({"type": "websocket.accept", "subprotocol": protocol, "headers": []})

    async def next(self) -> str | None:
        """The next text, waited for; None when the client has gone. Raises `Closing`."""
        message = await self._receive()
        if message["type"] == "websocket.connect":
            message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text")
        if text is None:
            raise Closing(BAD_MESSAGE, "Messages are texts")
        if len(text) > LARGEST or len(text.encode()) > LARGEST:
            raise Closing(BAD_MESSAGE, "The message is too large")
        found: str = text
        return found

    async def say(self, message: Any) -> None:
        """Sends a message as JSON. Raises `Closing` for a client that does not take it."""
        text = encode(message).decode()
        try:
            async with asyncio.timeout(self._client_seconds), self._sending:
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise Closing(1008, "Too slow") from None

    async def close(self, code: int, reason: str) -> None:
        """Ends the connection."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})
