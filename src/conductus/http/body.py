"""Reading request bodies: bounded, decoded once. Source: items page §2."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from itertools import chain
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET

from conductus.errors import (
    ApiError,
    BodyInvalid,
    PayloadTooLarge,
    RequestTooSlow,
    ValidationFailed,
)
from conductus.http.parts import Event, Text, parts
from conductus.http.patience import Patience
from conductus.query.links import ACCESS_TOKEN

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
JSONObject = dict[str, Any]
_decode = msgspec.json.Decoder().decode
_TOKEN = ACCESS_TOKEN.encode()
_FORM = b"application/x-www-form-urlencoded"
_MULTIPART = b"multipart/form-data"
_NESTING = frozenset({dict, list})
_DEEPEST = 64
"""Levels of nesting in a JSON body."""
_SLOWEST = 1000
"""Bytes of a body in a second that give it another second."""


class Body:
    """The body of one request, read when it is first asked for."""

    def __init__(
        self, receive: Receive, headers: dict[bytes, bytes], *, most: int, patience: Patience
    ) -> None:
        self._receive = receive
        self._headers = headers
        self._most = most
        self._patience = patience
        self._waited = 0.0
        self._content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        self._read: bytes | None = None
        self._decoded: Any = UNSET

    @property
    def is_form(self) -> bool:
        """Whether it is a form, all of whose values are texts."""
        return self._content_type in (_FORM, _MULTIPART)

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON."""
        return self._content_type.endswith(b"json")

    async def content(self) -> bytes:
        """All of it. Raises `PayloadTooLarge` (413) beyond the limit, `RequestTooSlow` (408)."""
        if self._read is None:
            self._read = await self._receive_all()
        return self._read

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """It as it comes, whatever its size; nothing else can read it afterwards.

        Raises `RequestTooSlow` (408); what its reader does meanwhile takes no time from it.
        """
        size, more = 0, True
        while more:
            part, more = await self._part(size)
            size += len(part)
            if part:
                yield part

    async def _part(self, size: int) -> tuple[bytes, bool]:
        """What comes after so many bytes, and whether there is more."""
        began = monotonic()
        allowed = self._patience.seconds + size / _SLOWEST - self._waited
        try:
            message = await self._patience.within(allowed, self._receive)
        except TimeoutError as error:
            raise RequestTooSlow from error
        self._waited += monotonic() - began
        if message["type"] == "http.disconnect":
            raise BodyInvalid("The body ended before it was complete")
        return message.get("body", b""), message.get("more_body", False)

    async def item(self) -> JSONObject:
        """A JSON object, or a form as an object of texts. Raises `BodyInvalid` (13/400)."""
        value = await self._value()
        if not isinstance(value, dict):
            raise BodyInvalid("The body must be a JSON object")
        return value

    async def item_or_empty(self) -> JSONObject:
        """Like `item`; no body is an empty object."""
        return await self.item() if await self.content() else {}

    async def token_parameter(self) -> JSONObject:
        """The parameter `access_token` of an object or a form, which is taken out of it.

        Empty for none, and for a body that cannot be read: that is told later.
        """
        if _TOKEN not in await self.content():
            return {}
        try:
            value = await self._value()
        except ApiError:
            return {}
        if not isinstance(value, dict) or not isinstance(value.get(ACCESS_TOKEN), str):
            return {}
        return {ACCESS_TOKEN: value.pop(ACCESS_TOKEN)}

    @property
    def may_hold_parameters(self) -> bool:
        """Whether there is a body of a kind that may be an object or a form."""
        empty = self._headers.get(b"content-length", b"0") == b"0"
        if empty and b"transfer-encoding" not in self._headers:
            return False
        return self._content_type in (_FORM, b"") or self.is_json

    async def items(self) -> JSONObject | list[JSONObject]:
        """A JSON object or a non-empty array of objects. Raises `BodyInvalid` (13/400)."""
        value = self._decoded
        if value is UNSET:
            value = await self._value()
        if isinstance(value, dict):
            return value
        if isinstance(value, list) and set(map(type, value)) == {dict}:
            return value
        raise BodyInvalid

    async def _value(self) -> Any:
        if self._decoded is UNSET:
            self._decoded = await self._decode_all()
        return self._decoded

    async def _decode_all(self) -> Any:
        raw = await self.content()
        if not raw:
            raise BodyInvalid
        if self._content_type == _FORM:
            return _form(raw)
        if self._content_type == _MULTIPART:
            return await self._multipart(raw)
        return _json(raw)

    @property
    def is_multipart(self) -> bool:
        """Whether it is a form in parts, which may hold files."""
        return self._content_type == _MULTIPART

    def parts(self) -> AsyncGenerator[Event, None]:
        """The parts of a form as they come; nothing else can read it afterwards.

        Raises as `chunks`, and `BodyInvalid` for what is no such form.
        """
        return parts(self.chunks(), self._headers.get(b"content-type", b""), texts=self._most)

    async def _multipart(self, raw: bytes) -> JSONObject:
        async def whole() -> AsyncGenerator[bytes, None]:
            yield raw

        content_type = self._headers.get(b"content-type", b"")
        found = parts(whole(), content_type, texts=self._most)
        return {event.name: event.value async for event in found if isinstance(event, Text)}

    async def _receive_all(self) -> bytes:
        declared = self._headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._most:
            raise self._too_large()
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            part, more = await self._part(size)
            size += len(part)
            if size > self._most:
                raise self._too_large()
            parts.append(part)
        return b"".join(parts)

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(
            f"The body is larger than {self._most} bytes", details={"limit": self._most}
        )


def _json(raw: bytes) -> Any:
    try:
        value = _decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BodyInvalid("The body is not valid JSON") from error
    check_depth(value)
    return value


def check_depth(value: Any) -> None:
    """Raises `PayloadTooLarge` (413) for what is nested too deeply.

    Level by level: most of a body are leaves, which are looked at once.
    """
    if type(value) is dict and _NESTING.isdisjoint(map(type, value.values())):
        # Nearly every body of one item.
        return
    level = [value] if type(value) in _NESTING else []
    for _ in range(_DEEPEST):
        inner = list(chain.from_iterable(map(_members, level)))
        if _NESTING.isdisjoint(map(type, inner)):
            return
        level = [each for each in inner if type(each) in _NESTING]
    raise PayloadTooLarge(f"The body is nested deeper than {_DEEPEST} levels")


def _members(value: Any) -> Iterable[Any]:
    return value.values() if type(value) is dict else value


def _form(raw: bytes) -> JSONObject:
    try:
        fields = parse_qs(raw.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise ValidationFailed("The body is not a valid form") from None
    return {name: values[-1] for name, values in fields.items()}
