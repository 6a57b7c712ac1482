"""Items of a collection, as calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar, Unpack, cast

import httpx2

from conductus.client.calls import (
    Call,
    Key,
    Listing,
    Params,
    Query,
    Shape,
    data,
    delete,
    get,
    nothing,
    parameters,
    patch,
    path_of,
    post,
    whole,
)

Item = dict[str, Any]
T = TypeVar("T")
K = TypeVar("K", bound=Key)
Several = list[T]
"""A list, in the midst of a class that has a `list` of its own."""


class Items(Generic[T, K]):
    """The items of one collection: `T` is what one looks like, `K` its key.

    Where an answer to a write is None, it was done and may not be read.
    """

    def __init__(self, section: str) -> None:
        """`section` is the path below the project: `items/articles`, `users`."""
        self.section = section

    def list(self, **query: Unpack[Query]) -> Listing[T]:
        """The items that match."""
        return Listing(get(self.section, parameters(query)), data)

    def first(self, **query: Unpack[Query]) -> Call[T]:
        """The first that matches. Refused with 203 where none does."""
        return Call(get(self.section, (*parameters(query), ("single", "1"))), data)

    def count(self, **query: Unpack[Query]) -> Call[int]:
        """How many match."""
        asked: dict[str, Any] = {**query, "limit": 0}
        params = (*parameters(asked), ("meta", "filter_count"))
        return Call(get(self.section, params), _counted)

    def figures(
        self, functions: Mapping[str, str], groups: Iterable[str] = (), **query: Unpack[Query]
    ) -> Call[Several[Item]]:
        """Figures instead of items: `{"count": "*", "sum": "price"}`, for each group."""
        asked: dict[str, Any] = {**query, "aggregate": functions}
        params = parameters(asked)
        listed = ",".join(groups)
        if listed:
            params += (("groups", listed),)
        return Call(get(self.section, params), data)

    def read(self, key: K, **shape: Unpack[Shape]) -> Call[T]:
        """One item."""
        return Call(get(path_of(self.section, [key]), parameters(shape)), data)

    def read_several(self, keys: Iterable[K], **shape: Unpack[Shape]) -> Call[Several[T]]:
        """The items of these keys that exist, in default order."""
        return Call(get(path_of(self.section, keys), parameters(shape)), _listed)

    def create(self, item: T, **shape: Unpack[Shape]) -> Call[T | None]:
        """Makes an item, and what is nested in it."""
        return Call(post(self.section, item, parameters(shape)), data)

    def create_several(self, items: Iterable[T], **shape: Unpack[Shape]) -> Call[Several[T] | None]:
        """Makes items, all or none."""
        return Call(post(self.section, [*items], parameters(shape)), data)

    def update(
        self, key: K, changes: T, comment: str = "", **shape: Unpack[Shape]
    ) -> Call[T | None]:
        """Changes an item; `comment` explains it where the role has to."""
        params = _explained(parameters(shape), comment)
        return Call(patch(path_of(self.section, [key]), changes, params), data)

    def update_several(self, items: Iterable[T], **shape: Unpack[Shape]) -> Call[Several[T] | None]:
        """Changes items that name their keys, all or none."""
        return Call(patch(self.section, [*items], parameters(shape)), data)

    def delete(self, *keys: K) -> Call[None]:
        """Removes items for good, all or none."""
        return Call(delete(path_of(self.section, keys)), nothing)

    def revisions(self, key: K, **query: Unpack[Query]) -> Listing[Item]:
        """What an item was."""
        path = f"{path_of(self.section, [key])}/revisions"
        return Listing(get(path, parameters(query)), data)

    def revert(self, key: K, revision: int) -> Call[T | None]:
        """Brings back what a revision holds."""
        return Call(patch(f"{path_of(self.section, [key])}/revert/{revision}"), data)


def items(collection: str) -> Items[Item, Key]:
    """The items of a collection of which no types are known."""
    return Items(f"items/{collection}")


def _explained(params: Params, comment: str) -> Params:
    return (*params, ("comment", comment)) if comment else params


def _counted(response: httpx2.Response) -> int:
    data(response)
    return cast("int", whole(response)["meta"]["filter_count"])


def _listed(response: httpx2.Response) -> Any:
    found = data(response)
    # Of one key the server gives the item itself.
    return found if isinstance(found, list) else [found]
