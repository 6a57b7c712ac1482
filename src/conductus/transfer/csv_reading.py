"""CSV (RFC 4180) read piece by piece. Knows cells alone: what they mean is said elsewhere.

Other than the standard library's reader it tells nothing (null) from a quoted nothing (the
empty text), in every Python that we run on. A comma, a semicolon or a tab parts the cells,
whichever the first line has most of.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from conductus.errors import ValidationFailed

LONGEST: Final = 8 * 1024 * 1024
"""Characters of one record."""
_PATTERNS: Final = {
    mark: re.compile(
        rf'(?:"([^"]*+(?:""[^"]*+)*+)"|([^"{mark}\r\n][^{mark}\r\n]*+|))({mark}|\r\n|\n|\r|\Z)'
    )
    for mark in (",", ";", "\t")
}
_QUOTED: Final = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')
_ENDS: Final = ("", "\n", "\r", "\r\n")
Cells = list[str | None]


class Record(Struct, frozen=True):
    """One record, which may be spread over several lines."""

    line: int
    """Where it begins; the first line of a file is 1."""
    cells: Cells


class CSVReader:
    """Takes the bytes of a file in pieces, gives records."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._needed = 0
        """Characters that have to be here before it is worth looking again."""
        self._line = 1
        self._pattern: re.Pattern[str] | None = None

    def feed(self, piece: bytes, *, ended: bool) -> Iterator[Record]:
        """The records that are whole now. Raises `ValidationFailed`."""
        try:
            self._text += self._decoder.decode(piece, ended)
        except UnicodeDecodeError:
            raise ValidationFailed("The file is not UTF-8: save it as such") from None
        if len(self._text) < self._needed and not ended:
            return
        text, place = self._text, 0
        while place < len(text):
            found = self._record(text, place, ended=ended)
            if found is None:
                break
            cells, end = found
            yield Record(self._line, cells)
            record = text[place:end]
            self._line += record.count("\n") + record.count("\r") - record.count("\r\n")
            place = end
        self._text = text[place:]
        self._needed = 2 * len(self._text)

    def _record(self, text: str, place: int, *, ended: bool) -> tuple[Cells, int] | None:
        """The cells of the record at a place, and where it ends; None when it is not here yet."""
        pattern = self._pattern
        if pattern is None:
            pattern = _pattern_of(text, ended=ended)
            if pattern is None:
                self._check_length(text, place)
                return None
        cells: Cells = []
        end = place
        while True:
            found = pattern.match(text, end)
            if found is None:
                self._check_quotes(text, end, ended=ended)
                break
            end = found.end()
            if end == len(text) and not ended:
                # What ends the cell may go on: a line break of two signs, a doubled quote.
                break
            quoted, plain, mark = found.groups()
            cells.append(plain or None if quoted is None else quoted.replace('""', '"'))
            if mark in _ENDS:
                self._pattern = pattern
                return cells, end
        self._check_length(text, place)
        return None

    def _check_length(self, text: str, place: int) -> None:
        if len(text) - place > LONGEST:
            raise ValidationFailed(
                f"Line {self._line}: longer than {LONGEST} characters, or a quote is not closed"
            )

    def _check_quotes(self, text: str, place: int, *, ended: bool) -> None:
        """A cell that begins with a quote must end with one."""
        closed = _QUOTED.match(text, place)
        if ended or (closed is not None and closed.end() < len(text)):
            raise ValidationFailed(
                f"Line {self._line}: a quote is not closed, or text follows where it is; "
                "a quote within quotes is doubled"
            )


def _pattern_of(text: str, *, ended: bool) -> re.Pattern[str] | None:
    """The way to read a file that begins so; None while its first line is not here."""
    first = re.match(r"[^\r\n]*", text)
    line = first[0] if first is not None else ""
    if len(line) == len(text) and not ended:
        return None
    return _PATTERNS[max(_PATTERNS, key=line.count)]
