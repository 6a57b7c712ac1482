"""JSON read piece by piece: a list of objects, or objects one after the other (JSON Lines).

Only where objects begin and end is found here; each is then decoded as any JSON is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from conductus.errors import ValidationFailed

LONGEST: Final = 8 * 1024 * 1024
"""Bytes of one object."""
DEEPEST: Final = 64
"""Levels of nesting in an object."""
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
# A text, whole or not; what opens; what closes.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|([{\[])|([}\]])', re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode


class Found(Struct, frozen=True):
    """One object."""

    line: int
    """Where it begins."""
    item: dict[str, Any]
    size: int
    """Bytes of its text."""


class JSONReader:
    """Takes the bytes of a file in pieces, gives objects."""

    def __init__(self) -> None:
        self._bytes = b""
        self._line = 1
        self._began = self._listed = self._over = False
        self._parted = True
        """Whether an object may come: a comma was there, or none is needed."""
        self._seen = self._depth = 0
        """How far into an object that is not whole yet was looked, and how deep that is."""

    def feed(self, piece: bytes, *, ended: bool) -> Iterator[Found]:
        """The objects that are whole now. Raises `ValidationFailed`."""
        self._bytes += piece
        if not self._began and len(self._bytes) < 4 and not ended:
            return
        place = 0 if self._began else self._begin()
        while (start := self._start(place)) is not None:
            place = start
            end = self._end(start, ended=ended)
            if end is None:
                break
            yield Found(self._line, self._decoded(start, end), end - start)
            self._pass(start, end)
            place, self._parted = end, not self._listed
        else:
            place = len(self._bytes)
        self._bytes = self._bytes[place:]
        if ended and (self._bytes or (self._listed and not self._over)):
            raise self._wrong("the file ends too early")

    def _begin(self) -> int:
        """Behind what may come before the first object."""
        self._began = True
        place = len(_BOM) if self._bytes.startswith(_BOM) else 0
        place = self._skip(place)
        if self._bytes[place : place + 1] == b"[":
            self._listed = True
            return place + 1
        return place

    def _start(self, place: int) -> int | None:
        """Where the next object begins; None when that is not here."""
        while True:
            place = self._skip(place)
            sign = self._bytes[place : place + 1]
            match sign:
                case b"":
                    return None
                case b"{" if self._parted and not self._over:
                    return place
                case b"," if self._listed and not self._parted and not self._over:
                    self._parted = True
                case b"]" if self._listed and not self._over:
                    self._over = True
                case _:
                    raise self._wrong("an object is expected, or the end of the list")
            place += 1

    def _end(self, start: int, *, ended: bool) -> int | None:
        """Behind the object; None when its end is not here."""
        content = self._bytes
        for token in _TOKEN.finditer(content, start + self._seen):
            closed, opening, closing = token.groups()
            if closed == b"" and opening is None and closing is None:
                # A text whose end is not here.
                self._seen = token.start() - start
                break
            if opening is not None:
                self._depth += 1
                if self._depth > DEEPEST:
                    raise self._wrong(f"nested deeper than {DEEPEST} levels")
            elif closing is not None:
                self._depth -= 1
                if not self._depth:
                    self._seen = 0
                    return token.end()
            self._seen = token.end() - start
        if len(content) - start > LONGEST:
            raise self._wrong(f"the object is larger than {LONGEST} bytes")
        return None

    def _decoded(self, start: int, end: int) -> dict[str, Any]:
        try:
            item = _decode(self._bytes[start:end])
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise self._wrong("not valid JSON") from None
        return dict(item)

    def _skip(self, place: int) -> int:
        blank = _BLANK.match(self._bytes, place)
        end = place if blank is None else blank.end()
        self._pass(place, end)
        return end

    def _pass(self, start: int, end: int) -> None:
        self._line += self._bytes.count(b"\n", start, end)

    def _wrong(self, problem: str) -> ValidationFailed:
        return ValidationFailed(f"Line {self._line}: {problem}")
