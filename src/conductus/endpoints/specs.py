"""Self-description: the OpenAPI document of the live schema, and a page to try it on."""

from __future__ import annotations

import asyncio
from typing import Any

from conductus.endpoints.pages import file_reply, page_reply
from conductus.http.call import Call
from conductus.http.reply import JSON_TYPE, Reply
from conductus.http.routing import Route
from conductus.openapi import kept
from conductus.openapi.assets import POLICY, Page, load_page
from conductus.openapi.kept import Documents

_VARY = (b"vary", b"authorization")


class Specs:
    """The endpoints, and what they keep from one request to the next."""

    def __init__(self) -> None:
        self._documents = Documents()
        self._page: Page | None = None

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("GET", "specs/oas", self.oas),
            Route("GET", "docs", self.docs, identified=False),
            Route("GET", "docs/{file}", self.file, identified=False),
        )

    async def oas(self, call: Call) -> Reply:
        """The document: all of it for administrators, the public part for everybody else."""
        if not call.actor.administrator:
            return _document(kept.public(call.project.key))
        key, schema = call.project.key, call.schema
        content = self._documents.find(key, schema)
        if content is None:
            # Hundreds of collections take a while; other requests must not wait for it.
            content = await asyncio.to_thread(kept.whole, schema, key)
            self._documents.keep(key, schema, content)
        return _document(content)

    async def docs(self, _: Call) -> Reply:
        """The page."""
        return page_reply(await self._opened(), POLICY)

    async def file(self, call: Call) -> Reply:
        """A file that the page needs. Raises `RouteNotFound` for any other."""
        return file_reply(await self._opened(), call, "docs")

    async def _opened(self) -> Page:
        if self._page is None:
            self._page = await asyncio.to_thread(load_page)
        return self._page


def _document(content: bytes) -> Reply:
    return Reply(content, 200, (JSON_TYPE, _VARY))
