"""Recorded requests and answers, and how an answer is held against what was recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

FOLDER = Path(__file__).parent.parent / "data" / "recorded"
HASHES = "**********"

_MASKS: dict[str, re.Pattern[str]] = {
    "<iso>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"),
    "<time>": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
    "<uuid>": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "<jwt>": re.compile(r"[\w-]+\.[\w-]+\.[\w-]+"),
}


class Exchange(Struct, kw_only=True):
    """One request and what was answered."""

    section: str
    method: str
    path: str
    body: Any = UNSET
    raw_body: str | None = None
    status: int
    code: int | None = None
    data: Any = UNSET
    meta: Any = UNSET
    public: bool | UnsetType = UNSET
    messages: Any = UNSET

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body if self.body is not UNSET else ''}"


def exchanges(name: str) -> list[Exchange]:
    """The lines of one file, in the order in which they were recorded."""
    lines = (FOLDER / name).read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Exchange) for line in lines if line]


def differences(recorded: Any, found: Any, host: str, path: str = "data") -> Iterable[str]:
    """Where the found value is not what was recorded; masks match what they stand for."""
    if isinstance(recorded, dict):
        yield from _in_object(recorded, found, host, path)
    elif isinstance(recorded, list):
        yield from _in_list(recorded, found, host, path)
    elif not _matches(recorded, found, host):
        yield f"{path}: {found!r} instead of {recorded!r}"


def _in_object(recorded: dict[str, Any], found: Any, host: str, path: str) -> Iterable[str]:
    if not isinstance(found, dict):
        yield f"{path}: {found!r} is no object"
        return
    for name in recorded.keys() | found.keys():
        if name not in recorded:
            yield f"{path}.{name}: unexpected {found[name]!r}"
        elif name not in found:
            yield f"{path}.{name}: missing"
        else:
            yield from differences(recorded[name], found[name], host, f"{path}.{name}")


def _in_list(recorded: list[Any], found: Any, host: str, path: str) -> Iterable[str]:
    if not isinstance(found, list) or len(found) != len(recorded):
        yield f"{path}: {found!r} instead of {recorded!r}"
        return
    for place, pair in enumerate(zip(recorded, found, strict=True)):
        yield from differences(*pair, host, f"{path}[{place}]")


def _matches(recorded: Any, found: Any, host: str) -> bool:
    match recorded:
        case "<id>":
            return isinstance(found, int) and not isinstance(found, bool)
        case "<hidden>":
            return found is not None
        case "<bcrypt>":
            # The original shows hashes; here they are masked.
            return bool(found == HASHES)
        case str() if recorded in _MASKS:
            return isinstance(found, str) and _MASKS[recorded].fullmatch(found) is not None
        case str() if "<host>" in recorded:
            return bool(found == recorded.replace("<host>", host))
        case _:
            return bool(found == recorded) and isinstance(found, bool) == isinstance(recorded, bool)
