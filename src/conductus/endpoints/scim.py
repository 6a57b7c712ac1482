"""Provisioning by SCIM 2.0, below `scim/v2`. Source: SCIM page.

Errors have the protocol's own shape here, also those of routes, rates and bodies. What
reads and writes stands in the room `scim`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from conductus.errors import (
    ApiError,
    BodyInvalid,
    Forbidden,
    MethodNotAllowed,
    RouteNotFound,
    Unauthorized,
)
from conductus.http.call import Call
from conductus.http.reply import NO_CONTENT, Headers, Reply, encode
from conductus.http.routing import Route
from conductus.scim import asking, bulk, discovery, groups, names, reading, refusals, users
from conductus.scim.asking import Asked
from conductus.scim.attributes import Kind
from conductus.scim.desk import PATH, Desk, Desks, check_granted, granted
from conductus.scim.preconditions import Precondition, matches
from conductus.scim.projection import Projection
from conductus.scim.refusals import NotOffered, Refused, ResourceNotFound, TooLarge
from conductus.scim.resources import Resource

TYPE: Final = (b"content-type", b"application/scim+json;charset=utf-8")
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SAFE: Final = frozenset({"GET", "HEAD"})
Work = Callable[[Call], Awaitable[Reply]]


class Provisioning:
    """The endpoints."""

    def __init__(self, base_url: str) -> None:
        self._desks = Desks(base_url)

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer, if only that nothing is done there: in the protocol's words."""
        every = {"": {}, **self._works(), "{rest...}": {}}
        return tuple(
            _route(path, method, works) for path, works in every.items() for method in _METHODS
        )

    def offered(self) -> tuple[Route[Any], ...]:
        """Where something is done."""
        return tuple(
            _route(path, method, works) for path, works in self._works().items() for method in works
        )

    def _works(self) -> dict[str, Mapping[str, Work]]:
        return {
            "Bulk": {"POST": self.bulk},
            ".search": {"POST": self.search_all},
            "Me": {"GET": self.me},
            "ServiceProviderConfig": {"GET": self.provider},
            "ResourceTypes": {"GET": self.resource_types},
            "ResourceTypes/{id}": {"GET": self.resource_type},
            "Schemas": {"GET": self.schemas},
            "Schemas/{id}": {"GET": self.schema},
            **_of("User", self),
            **_of("Group", self),
        }

    # -- reading ----------------------------------------------------------------------

    async def read_one(self, call: Call, kind: Kind) -> Reply:
        """One resource; nothing but its version where the client has it."""
        desk = await self._desk(call, kind)
        wanted = asking.shown(call.params)
        row = await reading.row(desk, kind, call.text("id"), members=wanted.wants("members"))
        return _resource(call, await reading.shown(desk, kind, row), 200, wanted)

    async def me(self, call: Call) -> Reply:
        """Whoever asks, as a resource."""
        desk = await self._desk(call, "User")
        wanted = asking.shown(call.params)
        row = await reading.own(desk)
        return _resource(call, await reading.shown(desk, "User", row), 200, wanted)

    async def read_many(self, call: Call, kind: Kind) -> Reply:
        """A page of a list."""
        return await self._page(call, kind, asking.asked(call.params))

    async def search(self, call: Call, kind: Kind) -> Reply:
        """A page of a list that a body asks for."""
        return await self._page(call, kind, asking.searched(await _body(call)))

    async def search_all(self, call: Call) -> Reply:
        """A page of users and groups, as far as the asker may provision them."""
        asked = asking.searched(await _body(call))
        may = _kinds(call)
        desk = await self._desk(call, may[0] if may else "User")
        if asked.cursor is not None:
            raise Refused("invalidCursor", "Several kinds at once have no cursors: ask for one")
        return _listed(asked, await reading.listed_all(desk, may, asked))

    # -- writing ----------------------------------------------------------------------

    async def create(self, call: Call, kind: Kind) -> Reply:
        """A new resource."""
        desk = await self._desk(call, kind)
        wanted = asking.shown(call.params)
        row = await _room(kind).create(desk, await _body(call))
        return _resource(call, await reading.shown(desk, kind, row), 201, wanted)

    async def replace(self, call: Call, kind: Kind) -> Reply:
        """A resource as it shall be."""
        return await self._written(call, kind, _room(kind).replace)

    async def change(self, call: Call, kind: Kind) -> Reply:
        """A resource, changed by operations or by a part of it."""
        return await self._written(call, kind, _room(kind).change)

    async def remove(self, call: Call, kind: Kind) -> Reply:
        """A resource is gone."""
        desk = await self._desk(call, kind)
        await _room(kind).remove(desk, call.text("id"), _condition(call))
        return NO_CONTENT

    async def bulk(self, call: Call) -> Reply:
        """Many operations."""
        if len(await call.body.content()) > bulk.MOST_BYTES:
            raise TooLarge(f"More than {bulk.MOST_BYTES} bytes")
        may = _kinds(call)
        desk = await self._desk(call, may[0] if may else "User")
        return _reply(await bulk.run(desk, await _body(call)), 200)

    # -- the server itself --------------------------------------------------------------

    async def provider(self, call: Call) -> Reply:
        """What is supported."""
        _check_unfiltered(call)
        return _reply(discovery.provider(self._desks.shape(call.project), _config(call)), 200)

    async def resource_types(self, call: Call) -> Reply:
        """The kinds of resources."""
        _check_unfiltered(call)
        return _reply(discovery.listed(self._types(call)), 200)

    async def resource_type(self, call: Call) -> Reply:
        """One kind of resources."""
        return _chosen(call, "ResourceType", self._types(call))

    async def schemas(self, call: Call) -> Reply:
        """The attributes of each kind."""
        _check_unfiltered(call)
        return _reply(discovery.listed(self._schemas(call)), 200)

    async def schema(self, call: Call) -> Reply:
        """The attributes of one schema."""
        return _chosen(call, "Schema", self._schemas(call))

    def _types(self, call: Call) -> list[Resource]:
        return discovery.resource_types(self._desks.shape(call.project))

    def _schemas(self, call: Call) -> list[Resource]:
        return discovery.schemas(self._desks.shape(call.project), _config(call))

    async def _desk(self, call: Call, kind: Kind) -> Desk:
        """What is worked with, for who may provision that kind."""
        _check_sender(call)
        check_granted(call.context, kind)
        return await self._desks.open(call.project, call.context)

    async def _page(self, call: Call, kind: Kind, asked: Asked) -> Reply:
        desk = await self._desk(call, kind)
        return _listed(asked, await reading.listed(desk, kind, asked))

    async def _written(self, call: Call, kind: Kind, work: Callable[..., Awaitable[Any]]) -> Reply:
        desk = await self._desk(call, kind)
        wanted = asking.shown(call.params)
        row = await work(desk, call.text("id"), await _body(call), _condition(call))
        return _resource(call, await reading.shown(desk, kind, row), 200, wanted)


def told(error: ApiError, _: str) -> Reply:
    """An error in the shape of the protocol."""
    headers = tuple((name.lower().encode(), each.encode()) for name, each in error.headers.items())
    if refusals.status_of(error) == 401:
        headers = (*headers, (b"www-authenticate", b"Bearer"))
    return Reply(encode(refusals.told(error)), refusals.status_of(error), (TYPE, *headers))


def _of(kind: Kind, desk: Provisioning) -> dict[str, Mapping[str, Work]]:
    """The endpoints of one kind."""

    def on(work: Callable[[Call, Kind], Awaitable[Reply]]) -> Work:
        return lambda call: work(call, kind)

    return {
        f"{kind}s": {"GET": on(desk.read_many), "POST": on(desk.create)},
        f"{kind}s/.search": {"POST": on(desk.search)},
        f"{kind}s/{{id}}": {
            "GET": on(desk.read_one),
            "PUT": on(desk.replace),
            "PATCH": on(desk.change),
            "DELETE": on(desk.remove),
        },
    }


def _route(path: str, method: str, works: Mapping[str, Work]) -> Route[Any]:
    endpoint = _guarded(path, method, works)
    pattern = f"{PATH}/{path}".rstrip("/")
    return Route(method, pattern, endpoint, errors=told, refuses=method not in works)


def _guarded(path: str, method: str, works: Mapping[str, Work]) -> Work:
    """The endpoint of a path and method; also of those that there are not."""

    async def endpoint(call: Call) -> Reply:
        work = works.get(method)
        if work is None:
            raise _missing(path, method, works)
        try:
            return await work(call)
        except Unauthorized as error:
            # Of who is known, that is what may not be done.
            if call.public or call.actor.credential == "cookie":
                raise
            raise Forbidden(error.message) from error

    return endpoint


def _missing(path: str, method: str, works: Mapping[str, Work]) -> ApiError:
    if path == "Me":
        return NotOffered("Whoever asks can be read here, nothing else: write to /Users/{id}")
    if not works:
        return RouteNotFound(f"{PATH}/{path}".removesuffix("/{rest...}"))
    return MethodNotAllowed(method, ", ".join(works))


def _room(kind: Kind) -> Any:
    return users if kind == "User" else groups


def _kinds(call: Call) -> list[Kind]:
    """What the asker may provision."""
    kinds: tuple[Kind, ...] = ("User", "Group")
    return [kind for kind in kinds if granted(call.policy, kind)]


def _config(call: Call) -> Any:
    return call.project.config.scim


def _check_sender(call: Call) -> None:
    """Raises `Unauthorized` for a cookie that would write: a browser sends it unasked."""
    if call.request.method not in _SAFE and call.request.credentials.cookie:
        raise Unauthorized("Cookies change nothing here: send a bearer token")


def _check_unfiltered(call: Call) -> None:
    if call.params.get("filter"):
        raise Forbidden("What the server says of itself takes no filter")


async def _body(call: Call) -> dict[str, Any]:
    if call.body.is_form:
        raise BodyInvalid("The body must be a JSON object")
    return await call.body.item()


def _condition(call: Call) -> Precondition:
    stated = call.request.headers.get(b"if-match")
    return Precondition(None if stated is None else stated.decode("latin-1"))


def _reply(body: Mapping[str, Any], status: int, headers: Headers = ()) -> Reply:
    return Reply(encode(body), status, (TYPE, *headers))


def _resource(call: Call, found: Resource, status: int, wanted: Projection) -> Reply:
    meta = found["meta"]
    version = meta.get("version")
    headers: Headers = () if version is None else ((b"etag", version.encode()),)
    if status == 201:
        headers = (*headers, (b"location", meta["location"].encode()))
    known = call.request.headers.get(b"if-none-match", b"").decode("latin-1")
    if call.request.method in _SAFE and known and matches(known, version):
        return Reply(b"", 304, headers)
    return _reply(wanted.applied(found), status, headers)


def _listed(asked: Asked, found: reading.Found) -> Reply:
    body: dict[str, Any] = {"schemas": [names.LIST], "totalResults": found.total}
    if asked.cursor is None:
        body["startIndex"] = asked.start
    body["itemsPerPage"] = len(found.resources)
    if found.next is not None:
        body["nextCursor"] = found.next
    body["Resources"] = [asked.projection.applied(each) for each in found.resources]
    return _reply(body, 200)


def _chosen(call: Call, kind: str, known: list[Resource]) -> Reply:
    _check_unfiltered(call)
    id = call.text("id")
    for each in known:
        if each["id"].lower() == id.lower():
            return _reply(each, 200)
    raise ResourceNotFound(kind, id)
