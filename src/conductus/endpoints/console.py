"""GraphiQL for a project: the page, and files that were built of npm packages.

They are made by `make console` and come with an installed package; a checkout in which
nobody has built them says so.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Final

from conductus.endpoints.pages import file_reply, page_reply
from conductus.http import pages
from conductus.http.call import Call
from conductus.http.reply import Reply
from conductus.openapi.assets import CSS, JAVASCRIPT, Page, asset, page

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load: its own files, and answers of its own server."""
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
        return _not_built() if found is None else page_reply(found, _POLICY)

    async def file(self, call: Call) -> Reply:
        """A file that the page needs. Raises `RouteNotFound` for any other."""
        return file_reply(await self._find() or Page(b"", {}), call, "gql")

    async def _find(self) -> Page | None:
        if self._page is None:
            self._page = await asyncio.to_thread(_find_page)
        return self._page


def _find_page() -> Page | None:
    ours = files("conductus.graphql").joinpath("page")
    built = {name: ours.joinpath("built", name) for name in _BUILT}
    if not all(file.is_file() for file in built.values()):
        return None
    assets = {
        name: asset(file, CSS if name.endswith(".css") else JAVASCRIPT)
        for name, file in built.items()
    }
    assets["console.css"] = asset(ours.joinpath("console.css"), CSS)
    return page(ours.joinpath("index.html"), assets)


def _not_built() -> Reply:
    title = "The GraphQL console is not built"
    problem = "Run `make console` in the checkout: it needs npm. Queries are answered without it."
    return pages.page("page", {"title": title, "problem": problem}, 503)
