"""Requests as values: what to ask, and what the answer means.

Nothing is sent here. A `Call` is made by a section and done by a `Client` or an
`AsyncClient`, so that both speak the same API by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, Final, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote

import httpx2
import msgspec
from msgspec import Struct, structs

from conductus.client.errors import Refused, Unintelligible

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Key = int | str | tuple[int | str, ...]
"""Of an item; a tuple for a key of several fields."""
Params = tuple[tuple[str, str], ...]
Content = bytes | IO[bytes]
JSON: Final = "application/json"
PAGING: Final = frozenset({"offset", "limit", "page"})


class Shape(TypedDict, total=False):
    """What to return of items that are known by key."""

    fields: Sequence[str]
    deep: Mapping[str, Mapping[str, Any]]
    """By the path of a nested list: its `limit`, `offset`, `sort` and `filter`."""
    status: Sequence[str]
    lang: Sequence[str]


class Query(Shape, total=False):
    """Which items, in which order, how many of them."""

    filter: Mapping[str, Any]
    """`{"year": {"_gt": 2000}, "_or": [...]}`"""
    q: str
    sort: Sequence[str]
    limit: int
    offset: int
    page: int


class Upload(Struct, frozen=True):
    """The file of a form."""

    name: str
    content: Content
    type: str = "application/octet-stream"


class Request(Struct, frozen=True, kw_only=True):
    """What is sent."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """Below the project, or below the server's own address with `at_root`."""
    params: Params = ()
    body: Any = msgspec.UNSET
    """Becomes JSON, or the other parts of the form where there is an upload."""
    upload: Upload | None = None
    at_root: bool = False
    anonymous: bool = False
    """Sent without saying who asks."""


class Call(Generic[T_co]):
    """A request, and what its answer means."""

    def __init__(self, request: Request, decode: Callable[[httpx2.Response], T_co]) -> None:
        self.request = request
        self.decode = decode


class Listing(Call[list[T]]):
    """A list, as long as the server makes it when it is asked once, or in pages."""

    def page(self, offset: int, limit: int) -> Call[list[T]]:
        """So many items from a place in the list."""
        kept = tuple(pair for pair in self.request.params if pair[0] not in PAGING)
        here = (("limit", str(limit)), ("offset", str(offset)))
        return Call(structs.replace(self.request, params=kept + here), self.decode)

    @property
    def bounds(self) -> tuple[int, int | None]:
        """Where the list was asked to begin, and for how many items; None for all."""
        stated = dict(self.request.params)
        most = int(stated.get("limit", -1))
        first = stated.get("offset") or (int(stated.get("page", 1)) - 1) * max(most, 0)
        return int(first), None if most < 0 else most


def get(path: str, params: Params = (), *, at_root: bool = False) -> Request:
    """A request that changes nothing."""
    return Request(method="GET", path=path, params=params, at_root=at_root)


def post(path: str, body: Any = msgspec.UNSET, params: Params = ()) -> Request:
    """A request that makes or does something."""
    return Request(method="POST", path=path, params=params, body=body)


def patch(path: str, body: Any = msgspec.UNSET, params: Params = ()) -> Request:
    """A request that changes something."""
    return Request(method="PATCH", path=path, params=params, body=body)


def delete(path: str) -> Request:
    """A request that removes something."""
    return Request(method="DELETE", path=path)


def parameters(query: Mapping[str, Any]) -> Params:
    """A query as the query string has it; a filter as JSON, so that nothing is ambiguous."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if name == "filter":
            pairs.append((name, msgspec.json.encode(value).decode()))
        else:
            pairs.extend(_pairs(name, value))
    return tuple(pairs)


def path_of(section: str, keys: Iterable[Key]) -> str:
    """The path of items by their keys."""
    return f"{section}/{','.join(map(_segment, keys))}"


def data(response: httpx2.Response) -> Any:
    """What an answer holds; None for one without content. Raises `ClientError`."""
    check(response)
    if response.status_code == httpx2.codes.NO_CONTENT:
        return None
    try:
        return msgspec.json.decode(response.content)["data"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise Unintelligible(response.status_code, str(response.url)) from error


def nothing(response: httpx2.Response) -> None:
    """For an answer that only says that it was done."""
    check(response)


def content(response: httpx2.Response) -> bytes:
    """An answer as it stands."""
    check(response)
    return response.content


def whole(response: httpx2.Response) -> Any:
    """The JSON of an answer that has no envelope."""
    check(response)
    return msgspec.json.decode(response.content)


def check(response: httpx2.Response) -> None:
    """Raises `Refused`, `Unintelligible` for anything but a success."""
    if response.is_success:
        return
    try:
        error = msgspec.json.decode(response.content)["error"]
        raise Refused(
            response.status_code,
            error["code"],
            error["message"],
            error.get("request_id", ""),
            error.get("details"),
        )
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as unknown:
        raise Unintelligible(response.status_code, str(response.url)) from unknown


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    match value:
        case None:
            return []
        case bool():
            return [(name, "1" if value else "0")]
        case Mapping():
            return [
                pair for part, below in value.items() for pair in _pairs(f"{name}[{part}]", below)
            ]
        case str():
            return [(name, value)]
        case Sequence():
            return [(name, ",".join(map(str, value)))]
        case _:
            return [(name, str(value))]


def _segment(key: Key) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    # The commas of a composite key are encoded, those between keys are not.
    return quote(",".join(map(str, parts)), safe="")
