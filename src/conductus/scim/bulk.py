"""Many operations in one request, each in a transaction of its own.

What a new resource is called within the request (`bulkId:…`) is known to the operations
that need it: they wait for it, whatever the order. Source: SCIM page §9; RFC 7644 §3.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from conductus.errors import ApiError, Forbidden, Unauthorized
from conductus.scim import bodies, groups, names, reading, refusals, users
from conductus.scim.attributes import Kind
from conductus.scim.desk import Desk, check_granted
from conductus.scim.preconditions import Precondition
from conductus.scim.refusals import Refused, TooLarge
from conductus.scim.resources import Resource

MOST_OPERATIONS: Final = 1000
MOST_BYTES: Final = 1_048_576
_REFERENCE: Final = re.compile(r"bulkId:([^\"/]+)")
_KINDS: Final[Mapping[str, Kind]] = {"users": "User", "groups": "Group"}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class _Order(Struct):
    """One operation as it is asked for."""

    method: str
    path: str
    bulk_id: str | None
    version: str | None
    data: Any

    @property
    def needs(self) -> frozenset[str]:
        """What it refers to of the same request."""
        told = self.path
        if not self.path.lower().startswith("/users"):
            # Users keep no references: what they say of groups is for reading alone.
            told += _encode(self.data).decode()
        return frozenset(_REFERENCE.findall(told)) - {self.bulk_id}

    def resolved(self, ids: Mapping[str, str]) -> _Order:
        """The same with the ids of what it refers to, as far as they are known."""

        def known(found: re.Match[str]) -> str:
            return ids.get(found[1], found[0])

        data = _decode(_REFERENCE.sub(known, _encode(self.data).decode()))
        path = _REFERENCE.sub(known, self.path)
        return _Order(self.method, path, self.bulk_id, self.version, data)


class _Answer(Struct):
    """What became of one operation."""

    told: Resource
    failed: bool
    id: str | None = None


async def run(desk: Desk, body: Mapping[str, Any]) -> Resource:
    """The answer to all of them. Raises `Refused`, `TooLarge`."""
    bodies.check_schemas(body, names.BULK)
    given = bodies.lowered(body)
    listed = given.get("operations")
    if not isinstance(listed, list):
        raise Refused("invalidSyntax", "`Operations` must be a list")
    if len(listed) > MOST_OPERATIONS:
        raise TooLarge(f"More than {MOST_OPERATIONS} operations")
    most = given.get("failonerrors")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise Refused("invalidValue", "`failOnErrors` is a number from 1")
    answers = await _all(desk, [_order(each) for each in listed], most)
    return {"schemas": [names.BULK_ANSWER], "Operations": answers}


async def _all(desk: Desk, orders: list[_Order], most: int | None) -> list[Resource]:
    """The answers to those that were tried, in the order of the request."""
    answers: dict[int, Resource] = {}
    waiting = dict(enumerate(orders))
    ids: dict[str, str] = {}
    failures = 0
    while waiting and (most is None or failures < most):
        place = _ready(waiting)
        order = waiting.pop(place)
        answer = await _one(desk, order.resolved(ids))
        answers[place] = answer.told
        failures += answer.failed
        if order.bulk_id is not None and answer.id is not None:
            ids[order.bulk_id] = answer.id
    return [answers[place] for place in sorted(answers)]


def _ready(waiting: Mapping[int, _Order]) -> int:
    """The first in the order of the request, or what that needs before it.

    Of those that need each other one has to be tried first.
    """
    makers = {order.bulk_id: place for place, order in waiting.items() if order.bulk_id}
    place = next(iter(waiting))
    passed = {place}
    while True:
        needed = (makers.get(name) for name in sorted(waiting[place].needs))
        before = next((each for each in needed if each is not None and each not in passed), None)
        if before is None:
            return place
        passed.add(before)
        place = before


async def _one(desk: Desk, order: _Order) -> _Answer:
    told: Resource = {"method": order.method}
    if order.bulk_id is not None:
        told["bulkId"] = order.bulk_id
    try:
        kind, id = _target(order)
        check_granted(desk.context, kind)
        if id is not None:
            told["location"] = desk.shape.location(kind, id)
        found, status = await _done(desk, order, kind, id)
    except ApiError as error:
        known = Forbidden(error.message) if isinstance(error, Unauthorized) else error
        body = refusals.told(known)
        return _Answer({**told, "status": body["status"], "response": body}, failed=True)
    if found is None:
        return _Answer({**told, "status": status}, failed=False, id=id)
    meta = found["meta"]
    told |= {"location": meta["location"], "status": status}
    if "version" in meta:
        told["version"] = meta["version"]
    return _Answer(told, failed=False, id=str(found["id"]))


async def _done(
    desk: Desk, order: _Order, kind: Kind, id: str | None
) -> tuple[Resource | None, str]:
    """The resource as it is then, and the status."""
    room = users if kind == "User" else groups
    condition = Precondition(order.version)
    data = {} if order.data is None else order.data
    if not isinstance(data, Mapping):
        raise Refused("invalidSyntax", "`data` must be an object")
    match order.method, id:
        case "POST", None:
            if order.bulk_id is None:
                raise Refused("invalidValue", "A POST needs a `bulkId`")
            return await reading.shown(desk, kind, await room.create(desk, data)), "201"
        case "PUT", str():
            row = await room.replace(desk, id, data, condition)
        case "PATCH", str():
            row = await room.change(desk, id, data, condition)
        case "DELETE", str():
            await room.remove(desk, id, condition)
            return None, "204"
        case _:
            raise Refused("invalidValue", f"{order.method} does not go with {order.path!r}")
    return await reading.shown(desk, kind, row), "200"


def _order(written: Any) -> _Order:
    given = bodies.lowered(written)
    method, path = given.get("method"), given.get("path")
    if not isinstance(method, str) or not isinstance(path, str):
        raise Refused("invalidSyntax", "Every operation has a `method` and a `path`")
    texts = [given.get(name) for name in ("bulkid", "version")]
    if not all(each is None or isinstance(each, str) for each in texts):
        raise Refused("invalidSyntax", "`bulkId` and `version` are texts")
    bulk_id, version = texts
    return _Order(method.upper(), path, bulk_id or None, version, given.get("data"))


def _target(order: _Order) -> tuple[Kind, str | None]:
    parts = order.path.strip("/").split("/")
    kind = _KINDS.get(parts[0].lower())
    if kind is None or len(parts) > 2:
        raise Refused("invalidPath", f"Nothing is done in bulk at {order.path!r}")
    return kind, unquote(parts[1]) if len(parts) == 2 else None
