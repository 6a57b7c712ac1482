"""Rows of scenario tables: what is asked for, and what is answered."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from tests.scenarios.shop import Live

KEYS_OF_AN_ERROR = {"code", "message", "request_id", "details"}


class Case(Struct, frozen=True, kw_only=True):
    """A sentence of the reference as a request and its answer."""

    says: str
    get: str
    """Path and query below the project, as they stand in a URL."""
    method: str = "GET"
    ids: Any = UNSET
    """The `id` of each item of the list, in order."""
    data: Any = UNSET
    meta: Any = UNSET
    error: tuple[int, int] | None = None
    """Code and status."""

    def __str__(self) -> str:
        return self.says

    async def check(self, world: Live) -> None:
        """Asks, and holds the answer against what is expected."""
        answer = await world.ask(self.method, self.get)
        body = answer.json()
        if self.error is not None:
            code, status = self.error
            assert answer.status_code == status, answer.text
            assert body.keys() == {"error"}
            assert body["error"]["code"] == code, answer.text
            assert body["error"].keys() <= KEYS_OF_AN_ERROR
            assert body["error"]["request_id"] == answer.headers["x-request-id"]
            return
        assert answer.status_code == 200, answer.text
        assert "error" not in body
        if self.ids is not UNSET:
            assert [item["id"] for item in body["data"]] == self.ids
        if self.data is not UNSET:
            assert body["data"] == self.data
        if self.meta is not UNSET:
            assert body["meta"] == self.meta


def reads(says: str, get: str, ids: list[int]) -> Case:
    """A list of the items with these ids, in this order."""
    return Case(says=says, get=get, ids=ids)


def answers(says: str, get: str, data: Any) -> Case:
    """Exactly this `data`."""
    return Case(says=says, get=get, data=data)


def refuses(says: str, get: str, code: int, status: int) -> Case:
    """An error of this code and status."""
    return Case(says=says, get=get, error=(code, status))


async def raw(world: Live, path: bytes, query: bytes, method: str = "GET") -> tuple[int, Any]:
    """Status and decoded body of a request that a careful client would not send."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", b"x"), (b"authorization", f"Bearer {world.token}".encode())],
        "client": ("127.0.0.1", 1),
    }
    await world.server(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], msgspec.json.decode(body) if body else None
