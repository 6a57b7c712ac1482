"""Self-description: the OpenAPI document of the live schema, and a page to try it on."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any

from openapi_ui_bundles import swagger_ui

from conductus.http.call import Call
from conductus.http.reply import JSON_TYPE, Reply
from conductus.http.routing import Route
from conductus.http.scripted_pages import Page, file_reply, page_reply, read_page
from conductus.openapi import kept
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
        return page_reply(await self._opened())

    async def file(self, call: Call) -> Reply:
        """A file that the page needs. Raises `RouteNotFound` for any other."""
        return file_reply(await self._opened(), call)

    async def _opened(self) -> Page:
        if self._page is None:
            self._page = await asyncio.to_thread(read_docs)
        return self._page


def read_docs() -> Page:
    """Swagger UI, from its package, and what shows the document of the project in it."""
    theirs = Path(swagger_ui.static_path)
    names = ("swagger-ui.css", "swagger-ui-bundle.js")
    return read_page(
        "API",
        "docs",
        {
            **{name: theirs.joinpath(name) for name in names},
            "docs.js": files("conductus.openapi").joinpath("page", "docs.js"),
        },
        without_scripts="This page needs JavaScript. The document itself is at specs/oas.",
    )


def _document(content: bytes) -> Reply:
    return Reply(content, 200, (JSON_TYPE, _VARY))
