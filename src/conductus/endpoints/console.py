"""GraphiQL for a project: the page, and files that were built of npm packages.

They are made by `make console` and come with an installed package; a checkout in which
nobody has built them says so.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Final

from conductus.errors import RouteNotFound
from conductus.http import pages
from conductus.http.call import Call
from conductus.http.reply import Reply
from conductus.http.scripted_pages import Page, file_reply, page_reply, read_page

_BUILT: Final = (
    *("graphiql.js", "editor.worker.js", "graphql.worker.js", "json.worker.js"),
    "graphiql.css",
)


class Console:
    """The page, read when it is first asked for."""

    def __init__(self) -> None:
        self._page: Page | None = None

    async def show(self, _: Call) -> Reply:
        """The page, or how to make it."""
        found = await self._find()
        return _not_built() if found is None else page_reply(found)

    async def file(self, call: Call) -> Reply:
        """A file that the page needs. Raises `RouteNotFound` for any other."""
        found = await self._find()
        if found is None:
            raise RouteNotFound(f"gql/{call.text('file')}")
        return file_reply(found, call)

    async def _find(self) -> Page | None:
        if self._page is None:
            self._page = await asyncio.to_thread(_find_page)
        return self._page


def _find_page() -> Page | None:
    ours = files("conductus.graphql").joinpath("page")
    built = {name: ours.joinpath("built", name) for name in _BUILT}
    if not all(file.is_file() for file in built.values()):
        return None
    return read_page(
        "GraphQL",
        "gql",
        {**built, "console.css": ours.joinpath("console.css")},
        without_scripts="This page needs JavaScript.",
        more_policy="; font-src 'self' data:; worker-src 'self'",
    )


def _not_built() -> Reply:
    title = "The GraphQL console is not built"
    problem = "Run `make console` in the checkout: it needs npm. Queries are answered without it."
    return pages.page("page", {"title": title, "problem": problem}, 503)
