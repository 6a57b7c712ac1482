"""Forms in parts (RFC 7578), read as they come.

The grammar is python-multipart's; here is what a form may have at most, and how its parts
reach who reads them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from msgspec import Struct
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from conductus.errors import BodyInvalid, PayloadTooLarge

MOST_PARTS: Final = 1000


class Text(Struct, frozen=True):
    """A field of the form."""

    name: str
    value: str


class FileBegins(Struct, frozen=True):
    """A file of the form; what it holds comes next, in pieces."""

    name: str
    filename: str


Event = Text | FileBegins | bytes


async def parts(
    chunks: AsyncIterator[bytes], content_type: bytes, *, texts: int
) -> AsyncGenerator[Event, None]:
    """The parts of a form in their order, texts whole and files in pieces.

    `texts` bounds the bytes of all texts together. Raises `BodyInvalid`, `PayloadTooLarge`.
    """
    reading = _Reading(texts)
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise BodyInvalid("The form has no boundary")
    try:
        parser = MultipartParser(boundary, reading.callbacks())  # type: ignore[arg-type]  # a TypedDict of these
        async for chunk in chunks:
            parser.write(chunk)
            for event in reading.taken():
                yield event
        parser.finalize()
    except FormParserError as error:
        raise BodyInvalid("The body is not a valid form") from error
    if not reading.ended:
        raise BodyInvalid("The form ended before it was complete")


class _Reading:
    """What the parser has told of and nobody has taken yet."""

    def __init__(self, texts: int) -> None:
        self.ended = False
        self._events: list[Event] = []
        self._left = texts
        self._most = texts
        self._parts = 0
        self._name = b""
        self._header = b""
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        """The name of the text that is being read; None within a file."""
        self._text: list[bytes] = []

    def callbacks(self) -> dict[str, object]:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._all,
        }

    def taken(self) -> list[Event]:
        """The events since the last time."""
        events, self._events = self._events, []
        return events

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise PayloadTooLarge(f"The form has more than {MOST_PARTS} parts")
        self._headers = {}

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_ends(self) -> None:
        self._headers[self._name.lower()] = self._header
        self._name = self._header = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name")
        if name is None:
            raise BodyInvalid("A part of the form has no name")
        filename = options.get(b"filename")
        self._text = []
        if filename is None:
            self._field = _decoded(name)
        else:
            self._field = None
            self._events.append(FileBegins(_decoded(name), _decoded(filename)))

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._field is None:
            self._events.append(piece)
            return
        self._left -= len(piece)
        if self._left < 0:
            raise PayloadTooLarge(
                f"The texts of the form are larger than {self._most} bytes",
                details={"limit": self._most},
            )
        self._text.append(piece)

    def _end(self) -> None:
        if self._field is not None:
            self._events.append(Text(self._field, _decoded(b"".join(self._text))))

    def _all(self) -> None:
        self.ended = True


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BodyInvalid("The form is not valid UTF-8") from None
