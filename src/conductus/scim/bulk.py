"""Many operations in one request, each in a transaction of its own.

What a new resource is called within the request (`bulkId:…`) is known to the operations
that need it: they wait for it, whatever the order. Source: SCIM page §9; RFC 7644 §3.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from msgspec import Struct
from msgspec.structs import replace

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


class _Order(Struct, frozen=True, kw_only=True):
    """One operation as it is asked for."""

    method: str
    path: str
    bulk_id: str | None
    version: str | None
    data: Any
    needs: frozenset[str]
    """What it refers to of the same request."""

    def resolved(self, ids: Mapping[str, str]) -> _Order:
        """The same with the ids of what it refers to, as far as they are known."""
        needed = {name: ids[name] for name in self.needs if name in ids}
        if not needed:
            return self
        quoted = {name: quote(id, safe="") for name, id in needed.items()}
        return replace(self, path=_known(self.path, quoted), data=_known(self.data, needed))


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
    makers = {order.bulk_id: place for place, order in waiting.items() if order.bulk_id}
    ids: dict[str, str] = {}
    failures = 0
    while waiting and (most is None or failures < most):
        place = _ready(waiting, makers)
        order = waiting.pop(place)
        answer = await _one(desk, order.resolved(ids))
        answers[place] = answer.told
        failures += answer.failed
        if order.bulk_id is not None and answer.id is not None:
            ids[order.bulk_id] = answer.id
    return [answers[place] for place in sorted(answers)]


def _ready(waiting: Mapping[int, _Order], makers: Mapping[str, int]) -> int:
    """The first in the order of the request, or what that needs before it.

    Of those that need each other one has to be tried first.
    """
    place = next(iter(waiting))
    passed = {place}
    while True:
        needed = {makers[name] for name in waiting[place].needs if name in makers}
        before = min(
            (each for each in needed if each in waiting and each not in passed), default=-1
        )
        if before < 0:
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
    data = given.get("data")
    # Users keep no references: what they say of groups is for reading alone.
    told = [path] if path.lower().startswith("/users") else [path, *_texts(data)]
    needs = frozenset(name for text in told for name in _REFERENCE.findall(text))
    return _Order(
        method=method.upper(),
        path=path,
        bulk_id=bulk_id or None,
        version=version,
        data=data,
        needs=needs - {bulk_id},
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _known(value: Any, ids: Mapping[str, str]) -> Any:
    """The value with ids in place of references to what there is by now."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: ids.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {name: _known(each, ids) for name, each in value.items()}
    return [_known(each, ids) for each in value] if isinstance(value, list) else value


def _target(order: _Order) -> tuple[Kind, str | None]:
    parts = order.path.strip("/").split("/")
    kind = _KINDS.get(parts[0].lower())
    if kind is None or len(parts) > 2:
        raise Refused("invalidPath", f"Nothing is done in bulk at {order.path!r}")
    return kind, unquote(parts[1]) if len(parts) == 2 else None
