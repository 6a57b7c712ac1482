"""One request, as the endpoints see it."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from msgspec import Struct, structs

from conductus.auth.credentials import Credentials
from conductus.errors import ApiError, Forbidden, Unauthorized, ValidationFailed
from conductus.http.body import Body
from conductus.http.lazy import Lazy
from conductus.items.computing import NOTHING_COMPUTED, Computing
from conductus.items.context import Context
from conductus.permissions.actor import Actor
from conductus.permissions.policy import Policy
from conductus.permissions.reading import check_readable
from conductus.permissions.scope import Sight
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.projects.snapshot import Snapshot
from conductus.query import brackets, rest
from conductus.query.brackets import Params
from conductus.query.item_query import ItemQuery
from conductus.query.limits import Limits
from conductus.query.links import LIMIT, page_meta
from conductus.schema.model import Schema


class Request(Struct, frozen=True, kw_only=True):
    """What came over the wire."""

    method: str
    path: dict[str, str]
    """The varying segments, as they were sent."""
    query: str
    """The query string as it was sent, but for a token."""
    headers: dict[bytes, bytes]
    body: Body
    host: str
    """What the client calls the server."""
    address: str
    """The path, as it was sent."""
    credentials: Credentials
    """What was shown to say who asks."""
    secure: bool
    """It came over HTTPS."""
    foreign_page: bool
    """A page of another origin, which may not use cookies, made a browser send it."""
    refusal: ApiError | None = None
    """Why who showed a token is taken for the public."""

    @property
    def url(self) -> str:
        """Scheme, host and path, without the query."""
        return f"{'https' if self.secure else 'http'}://{self.host}{self.address}"


class Call:
    """A request to a project: who asks, what for, and the world as it was at its start."""

    def __init__(
        self,
        request: Request,
        *,
        project: Project,
        snapshot: Snapshot,
        actor: Actor,
        policy: Policy,
        computing: Computing = NOTHING_COMPUTED,
    ) -> None:
        self.request = request
        self.project = project
        self.snapshot = snapshot
        self.actor = actor
        self.policy = policy
        self._computing = computing
        self._stated = False

    @property
    def body(self) -> Body:
        """The body, read when it is first asked for."""
        return self.request.body

    @property
    def schema(self) -> Schema:
        """The schema that the request works on."""
        return self.snapshot.schema

    @property
    def public(self) -> bool:
        """True when nobody is signed in."""
        return self.actor.public

    @property
    def limits(self) -> Limits:
        """What this project lets one request ask for."""
        return self.snapshot.limits

    @Lazy
    def params(self) -> Params:
        """The query string's parameters. Raises `ValidationFailed` for what is no text."""
        return brackets.parse(self.request.query, self.limits)

    @Lazy
    def context(self) -> Context:
        """What the items room needs to know of the request."""
        return Context(
            schema=self.snapshot.schema,
            actor=self.actor,
            policy=self.policy,
            now=datetime.now(UTC),
            nulls_last=self.snapshot.settings.sort_null_last,
            split_words=self.snapshot.settings.q_words,
            password_policy=self.snapshot.settings.password_policy,
            computing=self._computing,
            answering=True,
        )

    @Lazy
    def sight(self) -> Sight:
        """What the asker's policy lets through of the schema."""
        return Sight(self.policy, self.schema)

    def check_readable(self, name: str) -> None:
        """Raises what `permissions.reading.check_readable` raises, `CollectionNotFound`."""
        check_readable(self.schema.collection(name), self.sight, self.actor)

    def check_administrator(self) -> None:
        """Raises `Unauthorized` (3/401), `Forbidden` (10/403) for everybody else."""
        if self.public:
            raise Unauthorized
        if not self.actor.administrator:
            raise Forbidden("Administrators only")

    def at(self, **segments: str) -> Call:
        """The same request with other varying segments in its path."""
        found = copy(self)
        found.request = structs.replace(self.request, path={**self.request.path, **segments})
        return found

    def by(self, actor: Actor, policy: Policy) -> Call:
        """The same request, asked by somebody."""
        found = copy(self)
        found.__dict__.pop("context", None)
        found.__dict__.pop("sight", None)
        found.actor, found.policy = actor, policy
        return found

    def anew(self, snapshot: Snapshot, actor: Actor, policy: Policy, computing: Computing) -> Call:
        """What is asked next on the same connection, of the world as it is then."""
        found = self.by(actor, policy)
        found.__dict__.pop("params", None)
        found.snapshot, found._computing = snapshot, computing
        return found

    def without(self, parameter: str) -> Call:
        """The same request without a parameter of its query string, whatever its brackets."""
        found = copy(self)
        found.__dict__.pop("params", None)
        parts = self.request.query.split("&")
        kept = [
            part for part in parts if unquote(part).partition("=")[0].partition("[")[0] != parameter
        ]
        found.request = structs.replace(self.request, query="&".join(kept))
        return found

    def stating(self, parameters: Params) -> Call:
        """The same request with parameters besides those of its query string, which win.

        So the links of a page, which hold `page` and `offset`, are good with the same body.
        """
        found = copy(self)
        found.__dict__["params"] = {**parameters, **self.params}
        found._stated = True
        return found

    def text(self, name: str) -> str:
        """A varying segment of the path, decoded. Raises `ValidationFailed`."""
        return decoded(self.request.path[name])

    def raw(self, name: str) -> str:
        """A varying segment of the path as it was sent."""
        return self.request.path[name]

    def flag(self, name: str) -> bool:
        """A parameter that is `1` or `true`."""
        return str(self.params.get(name, "")).lower() in ("1", "true")

    def item_query(self, collection: str) -> ItemQuery:
        """What the parameters ask of a collection."""
        if self._stated:
            return rest.parse(collection, self.params, self.schema, self.limits)
        return self.project.queries.listing(collection, self.request.query, self.snapshot)

    def shape_query(self, collection: str) -> ItemQuery:
        """What the query string asks of items that are known by key."""
        return self.project.queries.shape(collection, self.request.query, self.snapshot)

    def links(self, query: ItemQuery, matching: int, result: int) -> dict[str, Any]:
        """The `page` block of `meta`."""
        return page_meta(
            self.request.url,
            self.request.query,
            query.limit if LIMIT in self.params else None,
            query.offset,
            query.page,
            matching,
            result,
        )


class ServerCall:
    """A request to the server itself, below `/server`."""

    def __init__(
        self,
        registry: Registry,
        *,
        query: str,
        headers: dict[bytes, bytes],
        ip: str,
        path: dict[str, str],
        body: Body,
    ) -> None:
        """`ip` is the peer's: nothing says yet which proxies may be believed."""
        self.registry = registry
        self.query = query
        self.headers = headers
        self.ip = ip
        self.path = path
        self.body = body


def decoded(segment: str) -> str:
    """A segment of the path as text. Raises `ValidationFailed` (4/422) for what is none."""
    if segment.isalnum():
        return segment
    try:
        text = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise ValidationFailed("The path is not valid UTF-8") from None
    if "\0" in text:
        raise ValidationFailed("The path holds a NUL character")
    return text
