"""Refuses to time servers that do not answer the same.

The limit is the specification. What may differ is stated here: a decimal may be a number or its
text, and `meta` may say more than the limit's (links, counts by status).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bench.targets import Headers, Refused, Target, ask
from bench.workloads import Ask, Workload
from bench.world import World

SHOWN = 5
"""Differences told per workload."""


def differences(
    target: Target,
    limit: Target,
    workloads: Sequence[Workload],
    world: World,
    headers: Headers,
    without: frozenset[str] = frozenset(),
) -> list[str]:
    """What a target answers otherwise than the limit, in words; nothing when all is the same.

    `without` names fields that are not compared.
    """
    found: list[str] = []
    pair = _Pair(target, headers, limit, limit.sign_in(), without)
    for workload in workloads:
        if not target.serves(workload):
            continue
        asks = workload.asks(world, 0)[: workload.compared]
        try:
            different = [d for one in asks for d in _compared(pair, workload, one)]
        except Refused as refusal:
            different = [str(refusal)]
        found.extend(f"{target.name}, {workload.title}: {line}" for line in different[:SHOWN])
    return found


class _Pair(Struct, frozen=True):
    """Who is compared with whom."""

    target: Target
    headers: Headers
    limit: Target
    limit_headers: Headers
    without: frozenset[str]


def _compared(pair: _Pair, workload: Workload, one: Ask) -> Iterator[str]:
    wanted = _left(_answer(pair.limit, workload, one, pair.limit_headers), pair.without)
    given = _left(_answer(pair.target, workload, one, pair.headers), pair.without)
    if not pair.target.adapter.compares:
        # A peer has its own shape; that it found the same articles is what can be checked.
        yield from _different("titles", _titles(wanted), _titles(given))
        return
    if workload.writes and workload.name != "update":
        wanted, given = _without_keys(wanted), _without_keys(given)
    yield from _different("data", wanted["data"], given["data"])
    for name, value in wanted.get("meta", {}).items():
        yield from _different(f"meta.{name}", value, given.get("meta", {}).get(name))


def _answer(target: Target, workload: Workload, one: Ask, headers: Headers) -> Any:
    places = target.adapter.request(workload, one, target.prefix, "").split(b" ", 2)[1].decode()
    sent = target.adapter.body(workload, one)
    body = msgspec.json.decode(sent) if sent else None
    return ask(target.port, target.adapter.method(workload), places, body, headers)


def _left(answer: Any, without: frozenset[str]) -> Any:
    """The answer without these fields, wherever they stand."""
    match answer:
        case dict():
            return {k: _left(v, without) for k, v in answer.items() if k not in without}
        case list():
            return [_left(each, without) for each in answer]
        case _:
            return answer


def _titles(answer: Any) -> list[Any]:
    return [item.get("title") for item in _items(answer)]


def _items(answer: Any) -> list[Any]:
    """The items of an answer, however it wraps them."""
    while isinstance(answer, dict):
        name = next((k for k in ("data", "items", "rows", "articles") if k in answer), None)
        if name is None:
            break
        answer = answer[name]
    return answer if isinstance(answer, list) else [answer]


def _without_keys(answer: Any) -> Any:
    """A created item gets a key of its own."""
    items = [{k: v for k, v in item.items() if k != "id"} for item in _items(answer)]
    return {"data": items}


def _different(path: str, wanted: Any, given: Any) -> Iterator[str]:
    match wanted, given:
        case dict(), dict():
            for key in wanted.keys() | given.keys():
                if key not in given:
                    yield f"{path}.{key} is missing"
                elif key not in wanted:
                    yield f"{path}.{key} is too much"
                else:
                    yield from _different(f"{path}.{key}", wanted[key], given[key])
        case list(), list():
            if len(wanted) != len(given):
                yield f"{path} has {len(given)} elements, not {len(wanted)}"
            for index, (left, right) in enumerate(zip(wanted, given, strict=False)):
                yield from _different(f"{path}[{index}]", left, right)
        case float(), str() if _number(given) == wanted:
            return
        case _ if wanted != given or isinstance(wanted, bool) != isinstance(given, bool):
            yield f"{path} is {given!r}, not {wanted!r}"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
