"""Lets hooks see and change answers before they are encoded. Source: extensions page §2.

They get the JSON of an answer as values: so it is the same for whole answers and for lists
that are streamed, which are gathered for them, and nothing is paid for where nobody waits.
Refusals are the API's own words; `auth` answers with tokens; what clients keep (`ETag`) was
made for many. None of these is handed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec

from conductus.errors import Unprocessable
from conductus.http.exchange import Answer, Exchange
from conductus.http.origins import SAFE_METHODS
from conductus.http.reply import JSON_TYPE, Reply, StreamReply, encode
from conductus.items.hooks import Hook
from conductus.permissions.actor import Actor
from conductus.projects.occasions import RESPONSE, Outgoing

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of an answer that has to be whole before it is changed."""
_KEPT_BACK: Final = "auth/"


async def handed_over(answer: Answer, exchange: Exchange) -> Answer:
    """The answer as the hooks of its project leave it. Raises what they raise."""
    if exchange.project is None:
        return answer
    # However a client reads, what hooks keep back is kept back.
    method = "GET" if exchange.method in SAFE_METHODS else exchange.method
    hooks = exchange.project.hooks.of(RESPONSE, "now", method)
    if not hooks or not _is_shown(answer, exchange):
        return answer
    body = answer.body if isinstance(answer, Reply) else await _gathered(answer)
    payload = msgspec.json.decode(body) if body else None
    changed = await _changed(payload, hooks, answer.status, exchange)
    if body or changed is None:
        return Reply(encode(changed) if body else b"", answer.status, answer.headers)
    return Reply(encode(changed), 200, (JSON_TYPE, *answer.headers))


def _is_shown(answer: Answer, exchange: Exchange) -> bool:
    if not 200 <= answer.status < 300 or exchange.route.startswith(_KEPT_BACK):
        return False
    if any(name == b"etag" for name, _ in answer.headers):
        return False
    return answer.status == 204 or JSON_TYPE in answer.headers


async def _changed(payload: Any, hooks: Sequence[Hook], status: int, exchange: Exchange) -> Any:
    for hook in hooks:
        told = Outgoing(
            method=exchange.method,
            path=exchange.path,
            status=status,
            payload=payload,
            actor=exchange.actor or Actor(),
        )
        answer = await hook.call(told)
        payload = payload if answer is None else answer
    return payload


async def _gathered(answer: StreamReply) -> bytes:
    """All of a streamed answer. Raises `Unprocessable` for what is too much."""
    parts: list[bytes] = []
    size = 0
    async with aclosing(answer.chunks) as chunks:
        async for chunk in chunks:
            parts.append(chunk)
            size += len(chunk)
            if size > MOST_BYTES:
                raise Unprocessable(
                    f"More than {MOST_BYTES} bytes: ask for less at a time",
                    details={"limit": MOST_BYTES},
                )
    return b"".join(parts)
