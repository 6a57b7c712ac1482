"""The envelope of every success. Source: items page §1."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from conductus.http.reply import NO_CONTENT, Reply, StreamReply, encode, json_reply
from conductus.items.changes import Item


def envelope(
    data: Any,
    *,
    public: bool,
    meta: Item | None = None,
    messages: list[Item] | None = None,
) -> Reply:
    """`{"data": …}` with what belongs beside it."""
    body: Item = {"data": data}
    if meta is not None:
        body["meta"] = meta
    if messages:
        body["messages"] = messages
    if public:
        body["public"] = True
    return json_reply(body)


def nothing(*, public: bool) -> Reply:
    """An empty payload: 204, or a marked 200 for nobody."""
    return json_reply({"public": True}) if public else NO_CONTENT


def streamed(
    batches: AsyncGenerator[list[Item], None],
    *,
    public: bool,
    meta: Callable[[int], Item | None],
    messages: list[Item],
) -> StreamReply:
    """A list that is sent as it is read; `meta` is told how many items there were."""
    return StreamReply(_chunks(batches, public, meta, messages))


async def _chunks(
    batches: AsyncGenerator[list[Item], None],
    public: bool,
    meta: Callable[[int], Item | None],
    messages: list[Item],
) -> AsyncGenerator[bytes, None]:
    count = 0
    yield b'{"data":['
    async with aclosing(batches):
        async for batch in batches:
            if batch:
                # The batch's own brackets are taken off, so that the lists become one.
                listed = encode(batch)[1:-1]
                yield b"," + listed if count else listed
                count += len(batch)
    figures = meta(count)
    tail: Item = {} if figures is None else {"meta": figures}
    if messages:
        tail["messages"] = messages
    if public:
        tail["public"] = True
    yield b"]," + encode(tail)[1:] if tail else b"]}"
