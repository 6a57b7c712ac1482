"""What calls send, as values."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.client import Call, Items, items, server
from conductus.client.calls import Params

COPIES: Items[dict[str, Any], tuple[int, str]] = Items("items/copies")
ALBUMS = items("Album")


@pytest.mark.parametrize(
    ("call", "method", "path", "params"),
    [
        (ALBUMS.list(), "GET", "items/Album", ()),
        (ALBUMS.list(fields=["a", "b.c"], limit=-1), "GET", "items/Album",
         (("fields", "a,b.c"), ("limit", "-1"))),
        (ALBUMS.list(filter={"a": {"_in": ["x,y", "z"]}}), "GET", "items/Album",
         (("filter", '{"a":{"_in":["x,y","z"]}}'),)),
        (ALBUMS.list(deep={"Track.x": {"limit": 2, "filter": {"y": 1}}}), "GET", "items/Album",
         (("deep[Track.x][limit]", "2"), ("deep[Track.x][filter][y]", "1"))),
        (ALBUMS.list(limit=5, offset=5).page(20, 10), "GET", "items/Album",
         (("limit", "10"), ("offset", "20"))),
        (ALBUMS.count(q="x", limit=9), "GET", "items/Album",
         (("q", "x"), ("limit", "0"), ("meta", "filter_count"))),
        (ALBUMS.first(sort=["-a"]), "GET", "items/Album", (("sort", "-a"), ("single", "1"))),
        (ALBUMS.figures({"count": "*"}, ["a", "b"]), "GET", "items/Album",
         (("aggregate[count]", "*"), ("groups", "a,b"))),
        (ALBUMS.read_several([1, "a,b", "ü/?"]), "GET", "items/Album/1,a%2Cb,%C3%BC%2F%3F", ()),
        (COPIES.read((1, "a,b")), "GET", "items/copies/1%2Ca%2Cb", ()),
        (COPIES.delete((1, "x"), (2, "y")), "DELETE", "items/copies/1%2Cx,2%2Cy", ()),
        (ALBUMS.update(1, {"a": 2}, "why"), "PATCH", "items/Album/1", (("comment", "why"),)),
        (ALBUMS.revert(1, 7), "PATCH", "items/Album/1/revert/7", ()),
        (server.ping(), "GET", "server/ping", ()),
    ],
)  # fmt: skip
def test_a_call_is_a_value(call: Call[Any], method: str, path: str, params: Params) -> None:
    request = call.request
    assert (request.method, request.path, request.params) == (method, path, params)
