"""GraphQL: queries, changes, and a page to try them on. Source: GraphQL page §2 and §3.

What comes over HTTP becomes a request of the graphql room, which is loaded when the first
one comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from conductus.endpoints.console import Console
from conductus.errors import ApiError, BadRequest, BodyInvalid
from conductus.http.body import check_depth
from conductus.http.call import Call
from conductus.http.pages import wants_page
from conductus.http.reply import Headers, Reply, encode
from conductus.http.routing import Route
from conductus.query.values import text

if TYPE_CHECKING:
    from conductus.graphql.service import Asked, Service

_JSON: Final = b"application/json"
_RESPONSE: Final = b"application/graphql-response+json"
_VARY: Final = (b"vary", b"accept")
_NOT_KNOWN: Final = "PersistedQueryNotFound"
"""What clients look for, to send the whole document next."""


class Querying:
    """The endpoints, and what is kept from one request to the next."""

    def __init__(self) -> None:
        self._service: Service | None = None
        self._console = Console()

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("POST", "gql", self.post),
            Route("GET", "gql", self.get),
            Route("GET", "gql/{file}", self._console.file, identified=False),
        )

    async def post(self, call: Call) -> Reply:
        """An operation, as JSON."""

        async def stated() -> Mapping[str, Any]:
            # A browser sends no JSON to another origin without asking first.
            if not call.body.is_json:
                raise BodyInvalid("The body must be JSON, with the content type application/json")
            return await call.body.item()

        return await self._answered(call, stated, reads_only=False)

    async def get(self, call: Call) -> Reply:
        """A query, as parameters; for a browser without one, the page."""
        asks = "query" in call.params or "extensions" in call.params
        if not asks and wants_page(call.request.headers):
            return await self._console.show(call)

        async def stated() -> Mapping[str, Any]:
            named = ("query", "operationName", "variables", "extensions")
            given = {name: text(name, call.params.get(name)) for name in named}
            objects = ("variables", "extensions")
            return given | {name: _decoded(name, given[name]) for name in objects}

        return await self._answered(call, stated, reads_only=True)

    async def _answered(
        self, call: Call, stated: Callable[[], Awaitable[Mapping[str, Any]]], *, reads_only: bool
    ) -> Reply:
        """The result as it is, or what is wrong, in the form that the client asks for."""
        from conductus.graphql.problems import Refused, told

        modern = _RESPONSE in call.request.headers.get(b"accept", b"")
        try:
            asked = await self._asked(call, await stated(), reads_only=reads_only)
            result = await self.service().answer(asked, call.project, call.snapshot, call.context)
            status = 400 if modern and result["data"] is None else 200
        except Refused as refused:
            result = {"errors": refused.problems}
            # Clients of before know that they were answered by the status, not how.
            status = refused.status if modern or refused.status != BadRequest.status else 200
        except ApiError as error:
            result, status = {"errors": [told(error)]}, error.status
        reason = call.request.refusal
        if reason is not None and "errors" in result:
            result, status = {"errors": [told(reason)]}, reason.status
        content_type = _RESPONSE if modern else _JSON
        headers: Headers = ((b"content-type", content_type + b"; charset=utf-8"), _VARY)
        return Reply(encode(result), status, headers)

    async def _asked(self, call: Call, stated: Mapping[str, Any], *, reads_only: bool) -> Asked:
        """The request that was stated. Raises `BodyInvalid` (13/400), `Refused`."""
        from conductus.graphql.service import Asked

        query, operation = stated.get("query"), stated.get("operationName")
        variables, extensions = (
            {} if stated.get(name) is None else stated[name] for name in ("variables", "extensions")
        )
        if not isinstance(query, str | None) or not isinstance(operation, str | None):
            raise BodyInvalid("`query` and `operationName` must be texts")
        if not isinstance(variables, dict) or not isinstance(extensions, dict):
            raise BodyInvalid("`variables` and `extensions` must be objects")
        checksum = _checksum(extensions)
        return Asked(
            text=self._document(call, query or "", checksum),
            operation=operation or None,
            variables=variables,
            reads_only=reads_only,
        )

    def _document(self, call: Call, query: str, checksum: str | None) -> str:
        """The text of the document, which may be known by its checksum."""
        from conductus.graphql.documents import check_size
        from conductus.graphql.problems import refusal

        if checksum is None:
            if not query:
                raise BodyInvalid("A `query` is needed")
            return query
        if not query:
            known = self.service().persisted(call.project.key, checksum)
            if known is None:
                raise refusal(BadRequest(_NOT_KNOWN))
            return known
        if hashlib.sha256(query.encode()).hexdigest() != checksum:
            raise refusal(BadRequest("`sha256Hash` is not the SHA-256 checksum of the query"))
        try:
            check_size(query, call.project.config.graphql)
        except ApiError as error:
            raise refusal(error) from None
        self.service().persist(call.project.key, checksum, query)
        return query

    def service(self) -> Service:
        """What answers, made when it is first needed."""
        if self._service is None:
            from conductus.graphql.service import Service

            self._service = Service()
        return self._service


def _checksum(extensions: Mapping[str, Any]) -> str | None:
    """The checksum that stands for a document, or goes with it."""
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    checksum = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(checksum, str):
        raise BodyInvalid("`persistedQuery` needs a `sha256Hash`")
    return checksum.lower()


def _decoded(name: str, stated: str) -> Any:
    """An object that a parameter holds as JSON. Raises `BodyInvalid`."""
    if not stated:
        return None
    try:
        value = msgspec.json.decode(stated)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BodyInvalid(f"`{name}` must be a JSON object") from None
    check_depth(value)
    return value
