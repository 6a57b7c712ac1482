"""Lets a client that waits talk to a server in the event loop of the test."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2


class Bridge(httpx2.BaseTransport):
    """Hands requests from a thread to an application in a loop."""

    def __init__(self, application: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = httpx2.ASGITransport(app=application)
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        future = asyncio.run_coroutine_threadsafe(self._handled(request), self._loop)
        return future.result(timeout=60)

    async def _handled(self, request: httpx2.Request) -> httpx2.Response:
        sent = httpx2.Request(
            request.method, request.url, headers=request.headers, content=request.content
        )
        response = await self._transport.handle_async_request(sent)
        content = await response.aread()
        return httpx2.Response(response.status_code, headers=response.headers, content=content)
