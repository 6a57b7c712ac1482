"""Which endpoint answers a path.

Patterns are segments, `{name}` for one that varies; a literal one wins over it. Segments
are matched as they stand in the path, percent-encoded, because a `/` or `,` inside an id
must not cut it. `{name...}` at the end takes all the segments that are left, one at least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from msgspec import Struct

from conductus.errors import ApiError, MethodNotAllowed, RouteNotFound
from conductus.http.reply import Reply

E = TypeVar("E")


class Route(Struct, Generic[E], frozen=True):
    """A method and a pattern below the project: `items/{collection}/{id}`."""

    method: str
    pattern: str
    endpoint: E
    identified: bool = True
    """False for endpoints that resolve no actor: whoever calls is the public."""
    enrols: bool = False
    """True where a user whose second factor is still to be set up is that user already."""
    errors: Callable[[ApiError, str], Reply] | None = None
    """How errors are told, with the id of the request; None: as everywhere."""
    refuses: bool = False
    """Nothing is done there but to say so."""


class Match(Struct, Generic[E], frozen=True):
    """A route and what stands in its varying segments."""

    route: Route[E]
    path: dict[str, str]


class _Node(Generic[E]):
    def __init__(self) -> None:
        self.literal: dict[str, _Node[E]] = {}
        self.varying: _Node[E] | None = None
        self.name = ""
        self.rest: _Node[E] | None = None
        """Takes what is left of a path."""
        self.routes: dict[str, Route[E]] = {}


class RouteTable(Generic[E]):
    """Finds routes in time that depends on the length of the path alone."""

    def __init__(self, routes: Iterable[Route[E]]) -> None:
        self.routes = tuple(routes)
        self._root: _Node[E] = _Node()
        for route in self.routes:
            self._add(route)

    def match(self, method: str, segments: list[str]) -> Match[E]:
        """The route of a path. Raises `RouteNotFound` (1/404), `MethodNotAllowed` (6/405)."""
        found: dict[str, str] = {}
        node = self._straight(segments, found)
        if node is None:
            found.clear()
            node = self._find(self._root, segments, 0, found)
        if node is None:
            raise RouteNotFound("/".join(segments))
        route = node.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise MethodNotAllowed(method, ", ".join(_allowed(node.routes)))
        return Match(route, found)

    def _straight(self, segments: list[str], found: dict[str, str]) -> _Node[E] | None:
        """Where a path leads that never has to go back: nearly every one."""
        node = self._root
        for segment in segments:
            literal = node.literal.get(segment)
            if literal is not None:
                node = literal
            elif node.varying is not None and segment:
                node = node.varying
                found[node.name] = segment
            else:
                return None
        return node if node.routes else None

    def _find(
        self, node: _Node[E], segments: list[str], place: int, found: dict[str, str]
    ) -> _Node[E] | None:
        if place == len(segments):
            return node if node.routes else None
        segment = segments[place]
        literal = node.literal.get(segment)
        if literal is not None:
            reached = self._find(literal, segments, place + 1, found)
            if reached is not None:
                return reached
        if node.varying is not None and segment:
            found[node.varying.name] = segment
            reached = self._find(node.varying, segments, place + 1, found)
            if reached is not None:
                return reached
        if node.rest is not None:
            found[node.rest.name] = "/".join(segments[place:])
        return node.rest

    def _add(self, route: Route[E]) -> None:
        node = self._root
        for segment in route.pattern.split("/") if route.pattern else []:
            if segment.endswith("...}"):
                node.rest = node.rest or _Node()
                node.rest.name = segment[1:-4]
                node = node.rest
            elif segment.startswith("{"):
                if node.varying is None:
                    node.varying = _Node()
                    node.varying.name = segment[1:-1]
                node = node.varying
            else:
                node = node.literal.setdefault(segment, _Node())
        node.routes[route.method] = route


def _allowed(routes: Iterable[str]) -> list[str]:
    """The methods that a path answers to; HEAD goes with GET, OPTIONS with any."""
    named = {*routes, "OPTIONS"}
    return sorted(named | {"HEAD"} if "GET" in named else named)
